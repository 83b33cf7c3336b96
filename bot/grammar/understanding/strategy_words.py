"""Words for strategies, with the numbers that people write beside them: `macd(12,26,9)`, `RSI21`, `50/200 SMA`."""

import re
from collections.abc import Iterable, Sequence
from functools import cache

from bot.grammar.understanding.matching import NUMBER, Item, Kind, Pattern, any_of, number_text, pattern, plain_phrase
from bot.grammar.understanding.phrases import NUMBERED, STRATEGY_PHRASES
from optimizer.strategies.registry import STRATEGIES

#: Last bound of a fast average: a single number above it can only be the slow one.
_FASTEST, _SLOWEST_FAST = 20, 50
#: Averages that are so usual together that two numbers can only mean them, and no number of trials.
_USUAL_PAIRS = (
    r"(?:50[\s-]+200|20[\s-]+50|10[\s-]+50|20[\s-]+60|5[\s-]+20|10[\s-]+20|10[\s-]+30|12[\s-]+26(?:[\s-]+9)?"
    r"|9[\s-]+21|8[\s-]+21|5[\s-]+10|50[\s-]+100)"
)
#: Levels that are so usual together that two numbers can only mean them.
_USUAL_LEVELS = r"(?:30[\s-]+70|20[\s-]+80|25[\s-]+75|35[\s-]+65|40[\s-]+60|10[\s-]+90|15[\s-]+85)"
_LEVELS = rf"(?:[1-4]?[0-9]\s*[/,]\s*[5-9][0-9]|{_USUAL_LEVELS})"
#: Parameters of strategies that trade at two levels: `RSI 30/70`, and with their length in front `RSI(14,30,70)`.
_LEVELED = {"rsi": ("period", "oversold", "overbought"), "stochastic": ("k", "low", "high")}
#: Strategies of a length and a small number, which can be none of trials: `bollinger 20 2`.
_WITH_SMALL = {"bollinger", "supertrend", "stochastic"}
#: What people call averages, where their length says that `MA` is no symbol.
_AVERAGES = {"ma": "sma", "sma": "sma", "ema": "ema"}


def strategy_readings(phrase: str) -> tuple[str, ...]:
    """Return the strategies that a phrase may mean; empty for none."""
    key = STRATEGIES.key_of.get(phrase)
    return STRATEGY_PHRASES.get(phrase, ()) if key is None else (key,)


def numbered(strategy: str, numbers: Sequence[str]) -> tuple[tuple[str, ...], ...] | None:
    """Return the words that the numbers beside a strategy mean, each with its readings; None where they mean none."""
    names = NUMBERED.get(strategy, ())
    if not 1 <= len(numbers) <= len(names):
        return None
    if len(numbers) == 1 and names[:2] == ("fast", "slow"):
        [number] = numbers
        fast, slow = f"fast={number}", f"slow={number}"
        value = float(number)
        return ((slow,),) if value > _SLOWEST_FAST else ((fast,),) if value < _FASTEST else ((fast, slow),)
    return tuple((f"{name}={number}",) for name, number in zip(names, numbers, strict=False))


def strategy_items(found: re.Match[str]) -> tuple[Item, ...] | None:
    """Return a strategy with what the numbers beside it mean, or None where they mean nothing."""
    readings = strategy_readings(plain_phrase(found["name"]))
    numbers = [number_text(each) for each in re.findall(NUMBER, found["numbers"] or "")]
    if readings == ("rsi",) and numbers == ["2"]:
        readings = ("rsi2",)  # the RSI of two bars is traded otherwise
    if not numbers:
        return _with_words(found, readings, ())
    words = numbered(readings[0], numbers) if len(readings) == 1 else None
    return None if words is None else _with_words(found, readings, words)


def _with_words(found: re.Match[str], readings: tuple[str, ...], words: Iterable[tuple[str, ...]]) -> tuple[Item, ...]:
    """Return a strategy and the readings of each word beside it, all of one part of the text."""
    return (Item(Kind.STRATEGY, found[0], readings), *(Item(Kind.WORD, found[0], each) for each in words))


def _usual_pair(found: re.Match[str]) -> tuple[Item, ...] | None:
    """Two usual numbers beside a strategy of averages."""
    readings = strategy_readings(plain_phrase(found["name"]))
    return strategy_items(found) if readings in (("sma",), ("ema",), ("macd",)) else None


def _with_small(found: re.Match[str]) -> tuple[Item, ...] | None:
    readings = strategy_readings(plain_phrase(found["name"]))
    return strategy_items(found) if len(readings) == 1 and readings[0] in _WITH_SMALL else None


def _levels(found: re.Match[str]) -> tuple[Item, ...] | None:
    """Two levels, or a length and two levels."""
    readings = strategy_readings(plain_phrase(found["name"]))
    names = _LEVELED.get(readings[0]) if len(readings) == 1 else None
    if names is None:
        return None
    numbers = re.findall(r"[0-9]+", found["numbers"])
    words = ((f"{name}={number}",) for name, number in zip(names[-len(numbers) :], numbers, strict=True))
    return _with_words(found, readings, words)


def _lone_average(found: re.Match[str]) -> tuple[Item, ...] | None:
    """`MA50`, `20EMA`."""
    strategy = _AVERAGES[found["name"]]
    return _with_words(found, (strategy,), numbered(strategy, [found["numbers"]]) or ())


def _two_averages(found: re.Match[str]) -> tuple[Item, ...]:
    """`SMA50/SMA200`, and `MA 50/200`."""
    fast, slow = sorted(map(int, re.findall(r"[0-9]+", found[0])))
    return _with_words(found, (_AVERAGES[found["name"]],), ((f"fast={fast}",), (f"slow={slow}",)))


def strategy_patterns() -> Sequence[Pattern]:
    """Return the patterns of strategies; a person's own are found as they are registered."""
    return _strategy_patterns(tuple(STRATEGIES.key_of))


@cache
def _strategy_patterns(keys: Sequence[str]) -> Sequence[Pattern]:
    name = any_of((*STRATEGY_PHRASES, *keys))
    many = rf"{NUMBER}(?:\s*[,/]\s*{NUMBER}){{0,2}}"
    pair = rf"{NUMBER}(?:\s*/\s*{NUMBER}){{1,2}}"
    days = rf"(?:{NUMBER})(?=[\s-]*(?:days?|d|bars?|period|일|봉)|\s*/)"
    unit = r"(?:days?|d|bars?|period|일선|일|봉)"
    return (
        *_averages_patterns(),
        pattern(rf"(?P<name>{name})(?:\s+|\s*\(|(?<![0-9]))(?P<numbers>[0-9]{{1,3}}\)?[\s,]+{_LEVELS})\)?", _levels),
        pattern(rf"(?P<name>{name})(?:\s+|\s*\()(?P<numbers>{_LEVELS})\)?", _levels),
        pattern(rf"(?P<name>{name})\s+(?P<numbers>[0-9]{{1,3}}[\s,/]+[1-5](?:\.[0-9]+)?)", _with_small),
        pattern(
            rf"(?P<numbers>{days}(?:\s*(?:일선|일|/)(?:과|와|,)?\s*{NUMBER})?)[\s-]*{unit}?[\s-]+(?P<name>{name})",
            strategy_items,
        ),
        pattern(rf"(?P<name>{name})\s*\(\s*(?P<numbers>{many})\s*\)", strategy_items, end=r"(?![\w%])"),
        pattern(rf"(?P<name>{name})(?:\s+|-|(?<![0-9]))(?P<numbers>{pair})", strategy_items),
        pattern(rf"(?P<name>{name})\s+(?P<numbers>{_USUAL_PAIRS})", _usual_pair),
        pattern(rf"(?P<numbers>{_USUAL_PAIRS})\s+(?P<name>{name})", _usual_pair),
        pattern(
            rf"(?P<name>{name})\s+(?P<numbers>[0-9]{{1,3}})(?:[\s-](?:days?|bars?|periods?)(?:\s+only)?|일(?!봉)|봉)",
            strategy_items,
        ),
        pattern(rf"(?P<name>{name})(?P<numbers>)(?!-[0-9])", strategy_items),
        pattern(rf"(?P<name>{name})(?:-|(?<![0-9]))(?P<numbers>[0-9]{{1,3}})", strategy_items),  # `RSI21` is no `rsi2`
    )


def _averages_patterns() -> Sequence[Pattern]:
    """Two averages by their lengths, each named or both at once, with what people write between them."""
    between = r"(?:\s*(?:/|,|&|x|vs\.?|and|cross(?:es|ing|over)?(?:\s+(?:over|above))?)\s*|\s+|-)"
    unit = r"(?:[\s-]?(?:days?|d|일))?[\s-]?"
    number = r"\(?[0-9]{1,3}\)?"
    name = "(?P<name>sma|ema|ma)"
    return (
        pattern(rf"{name}[\s-]?{number}{between}(?P=name)[\s-]?{number}", _two_averages, end=r"(?![\w%])"),
        pattern(rf"[0-9]{{1,3}}{unit}{name}{between}[0-9]{{1,3}}{unit}(?P=name)", _two_averages),
        pattern(r"(?P<name>ma)[\s-]?\(?[0-9]{1,3}\s*[/,]\s*[0-9]{1,3}\)?", _two_averages, end=r"(?![\w%])"),
        pattern(rf"(?P<name>ma)\s+{_USUAL_PAIRS}", _two_averages),
        pattern(rf"(?P<numbers>[0-9]{{1,3}})-?{name}", _lone_average),
        pattern(r"(?P<name>ma)(?P<numbers>[0-9]{1,3})", _lone_average),
    )
