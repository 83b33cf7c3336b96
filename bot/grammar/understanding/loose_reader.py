"""The loose reader: a text into items, from left to right; a word that no pattern has becomes an unknown item."""

import re
from collections.abc import Collection, Sequence
from functools import cache

from bot.grammar.understanding.asking_words import is_slip_of_fill
from bot.grammar.understanding.listings import listings
from bot.grammar.understanding.matching import Item, Kind, Pattern
from bot.grammar.understanding.number_words import with_digits
from bot.grammar.understanding.phrases import FILLS
from bot.grammar.understanding.strategy_words import strategy_patterns
from bot.grammar.understanding.study_words import EARLY, open_patterns, study_patterns
from bot.grammar.understanding.symbol_words import symbol_patterns, written_as_ticker
from bot.grammar.understanding.time_words import LENGTHS, WHEN, WINDOWS

#: Most items of a text that is read: no command needs more.
MOST_ITEMS = 32
_SPACE = re.compile(r"(?:[\s,;|•·:]|(?<=\s)[-–]+(?=\s)|[.!?…~^]+(?=[\s,;]|$))+")
_WORD = re.compile(r"[^\s,;|]+")
_HANGUL = re.compile(r"[가-힣]")
#: Longer words are none that are written together.
_LONGEST_WORD = 40
_SCHEDULE = re.compile(
    r"(?:schedules?|repeat(?:ing)?|recurring|automate|일정|예약|자동\s?실행|자동"
    r"|등록)(?:\s?등록)?(?:해\s?줘|해\s?주세요|\s?잡아\s?줘)?(?!\w)"
)


@cache
def _later_patterns() -> Sequence[Pattern]:
    return (*EARLY, *WHEN, *WINDOWS)


def read_items(text: str, *, rules: Collection[str], unknown: Collection[str]) -> tuple[Item, ...]:
    """Read a clean text. `rules` are names of saved rules, `unknown` words that are certainly no symbols."""
    original = with_digits(text)
    lower = original.lower()
    if len(lower) != len(original):  # a letter of a script whose lower case is longer
        return (Item(Kind.UNKNOWN, text[:40]),)
    items: list[Item] = []
    at = _skip(lower, 0)
    while at < len(lower) and len(items) < MOST_ITEMS:
        found, at = _at(lower, original, at, rules=rules, unknown=unknown)
        items += found
        at = _skip(lower, at)
    return tuple(items) if at >= len(lower) else (*items, Item(Kind.UNKNOWN, original[at : at + 40]))


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _at(
    lower: str, original: str, at: int, *, rules: Collection[str], unknown: Collection[str]
) -> tuple[Sequence[Item], int]:
    """Return the items that stand at a place, and where they end."""
    if saved := _rule(lower, at, rules):
        return saved
    if found := _SCHEDULE.match(lower, at):
        return (Item(Kind.SCHEDULE, found[0]),), found.end()
    for one in (*_later_patterns(), *strategy_patterns()):
        if read := _matched(one, lower, at, unknown):
            return read
    if capital := _symbol_in_capitals(lower, original, at, unknown):
        return capital
    for one in (*symbol_patterns(), *LENGTHS, *study_patterns()):
        if read := _matched(one, lower, at, unknown):
            return _as_written(read[0], original[at : read[1]]), read[1]
    if (ticker := written_as_ticker(original, at)) and ticker[0].value not in unknown:
        return (ticker[0],), ticker[1]
    word = _WORD.match(lower, at)
    end = word.end() if word else at + 1
    if (together := _written_together(lower[at:end], unknown)) is not None:
        return together, end
    kind = Kind.FILL if is_slip_of_fill(lower[at:end].rstrip(".!?:")) else Kind.UNKNOWN
    return (Item(kind, original[at:end]),), end


def _written_together(word: str, unknown: Collection[str]) -> tuple[Item, ...] | None:
    """Return the items of Korean words without spaces, `애플rsi300번돌려줘`, all of which must be known."""
    if not _HANGUL.search(word) or len(word) > _LONGEST_WORD:
        return None
    word, at = word.rstrip(".!?~"), 0
    items: list[Item] = []
    while at < len(word):
        read = next((read for one in open_patterns() if (read := _matched(one, word, at, unknown))), None)
        if read is None:
            return None
        items += read[0]
        at = read[1]
    said = [item for item in items if item.kind is not Kind.FILL]
    return tuple(items) if len(said) > 1 else None


def _matched(one: Pattern, text: str, at: int, unknown: Collection[str]) -> tuple[Sequence[Item], int] | None:
    found = one.regex.match(text, at)
    items = one.items(found) if found else None
    if found is None or items is None or found.end() == at:
        return None
    if any(item.kind is Kind.SYMBOL and item.value in unknown for item in items):
        return None
    return items, found.end()


def _as_written(items: Sequence[Item], text: str) -> Sequence[Item]:
    """Return the items with a person's own words, which a name and a note are, in the case of their letters."""
    return [Item(i.kind, i.text, (text.strip(),)) if i.value.startswith(("name=", "note=")) else i for i in items]


def _rule(text: str, at: int, rules: Collection[str]) -> tuple[Sequence[Item], int] | None:
    word = _WORD.match(text, at)
    if word is None or word[0] not in rules:
        return None
    return (Item(Kind.STRATEGY, word[0], (word[0],)),), word.end()


def _symbol_in_capitals(
    lower: str, original: str, at: int, unknown: Collection[str]
) -> tuple[Sequence[Item], int] | None:
    """Return a listed symbol in capitals, in a text that is not written in capitals throughout."""
    ticker = written_as_ticker(original, at)
    if ticker is None or ticker[0].value not in listings() or ticker[0].value in unknown:
        return None
    if ticker[0].value.lower() in FILLS and original.isupper():
        return None
    return (ticker[0],), ticker[1]
