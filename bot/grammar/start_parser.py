"""Parser of the words that start a study: `AAPL RSI 200 goal=sortino maxdd<20 period=10..20 stop dry`."""

import re
from collections.abc import Sequence
from functools import cache

from bot.grammar.commands import Start
from bot.grammar.corrections import Slip, locate_errors
from bot.grammar.errors import MissingStart, MissingStrategy, OneStrategy, Repeated, SymbolFirst, UnknownVerb, closest
from bot.grammar.start_builder import StartBuilder
from bot.grammar.tokens import Word
from bot.grammar.values import is_symbol, read_symbol_or_list
from bot.grammar.verbs import VERB_WORDS, VERBS
from optimizer.errors import OutOfRange, nearest
from optimizer.strategies.registry import STRATEGIES, Strategy, find_strategy

MAX_SYMBOLS = 20

_NUMBER_LIKE = re.compile(r"[+-]?[0-9][0-9.,]*%?")


def read_start(words: Sequence[Word]) -> Start:
    """Read symbols, strategy and options. Raises Slip at the first word that is wrong."""
    if not words:
        raise Slip(MissingStart(usage=VERBS["start"].usage))
    strategy = _strategy(words)
    symbols = read_symbols(words[0])
    builder = StartBuilder(strategy)
    for word in words[2:]:
        builder.take(word)
    return builder.finish(symbols)


def is_strategy(text: str) -> bool:
    """Check whether a word is a strategy's key or alias."""
    return text.lower() in _strategy_words()


@cache
def _strategy_words() -> dict[str, str]:
    return {word: s.key for s in STRATEGIES.values() for word in (s.key, *s.aliases)}


def read_symbols(word: Word) -> tuple[str, ...]:
    """Read the symbols and watch lists of the first word. Raises Slip."""
    found: list[str] = []
    with locate_errors(word):
        for part in word.text.split(","):
            symbol = read_symbol_or_list(part)
            if symbol in found:
                raise Slip(Repeated(word=part), {word.at: _without_repeats(word.text)})
            found.append(symbol)
        if len(found) > MAX_SYMBOLS:
            raise OutOfRange(name="symbols", low=1, high=MAX_SYMBOLS, value=len(found), nearest=MAX_SYMBOLS)
    return tuple(found)


def _without_repeats(text: str) -> str:
    return ",".join(dict.fromkeys(part.upper() for part in text.split(",")))


def _strategy(words: Sequence[Word]) -> Strategy:
    """Return the strategy that the second word names. Raises the most helpful Slip where it names none."""
    first = words[0]
    if len(words) == 1 or words[1].pair or _NUMBER_LIKE.fullmatch(words[1].text):
        raise _no_strategy(first)
    second = words[1]
    if is_strategy(second.text):
        return find_strategy(second.lower)
    if is_strategy(second.text.partition(",")[0]):
        raise Slip(OneStrategy(word=second.text), {second.at: second.text.replace(",", " ")})
    if is_strategy(first.text) and is_symbol(second.text):
        error = SymbolFirst(word=first.text, symbol=second.text)
        raise Slip(error, {first.at: second.typed, second.at: first.typed})
    if not nearest(second.text, _strategy_words()) and _is_no_symbol(first):
        raise _unknown_verb(first)
    with locate_errors(second):
        return find_strategy(second.lower)


def _no_strategy(first: Word) -> Slip:
    if _is_no_symbol(first):
        return _unknown_verb(first)
    symbols, _, last = first.text.rpartition(",")
    instead = f"{symbols} {last}" if symbols and is_strategy(last) else f"{first.text} rsi"
    return Slip(MissingStrategy(word=first.text), {first.at: instead})


def _is_no_symbol(first: Word) -> bool:
    """Check whether the first word rather is a mistyped verb."""
    symbols = first.text.split(",")
    return not all(is_symbol(s) or s.startswith("@") for s in symbols) or bool(nearest_verb(first.text))


def nearest_verb(text: str) -> str:
    """Return the verb that a word misspells: with the same first letter, since a symbol may look like anything."""
    alike = [word for word in VERB_WORDS if word[0] == text[:1].lower() and abs(len(word) - len(text)) <= 2]
    return closest(text, alike)


def _unknown_verb(first: Word) -> Slip:
    near = nearest_verb(first.text)
    error = UnknownVerb(word=first.text, nearest=near, known=", ".join(VERBS))
    return Slip(error, {first.at: near} if near else None)
