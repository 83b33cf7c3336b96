"""The errors a person can fix.

    UserError
    ├── UnknownWord        UnknownStrategy · UnknownParameter · UnknownGoal · UnknownOverlay · UnknownSampler
    │                      UnknownSymbol · UnknownAtSource · OnlyAtSource · UnknownTimeframe · NoTimeframe
    │                      UnknownSource · UnknownEncoding
    ├── BadValue           OutOfRange · NotANumber · WrongStep · EmptySpace · GridTooLarge
    ├── BadData            NoBars · BarsEnd · NotCovered · TooFewBars · UnusableBars · BlockedBars (UnpricedBars)
    │                      BadFile · NothingToImport
    └── Unavailable        WarehouseLocked · WarehouseTooNew · DamagedWarehouse · MissingExtra · ProviderDown
                           NoSnapshot · DamagedSnapshot

A class lists the facts that its sentence names; the sentence itself is in every language's
`templates/<language>/errors.jinja`, keyed by class name. It names what was wrong, the nearest right
thing, and how to fix it. Facts from a user are escaped where the sentence is shown, not here.
"""

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

#: Words below this length have no slip that is not another word: `me` is none of `ml`.
_SHORTEST = 3
#: Words up to this length may have one letter wrong, longer ones two.
_SHORT = 5
#: A word of at least so many letters is taken for the beginning of another one.
_BEGINNING = 3


@dataclass(frozen=True, init=False)
class Phrase:
    """A short phrase by its key in `templates/<language>/phrases.jinja`, with the facts it names."""

    key: str
    facts: Mapping[str, object]

    def __init__(self, key: str, /, **facts: object) -> None:
        object.__setattr__(self, "key", key)
        object.__setattr__(self, "facts", facts)

    def __str__(self) -> str:
        return " ".join([self.key, *(f"{name}={value}" for name, value in self.facts.items())])

    def as_document(self) -> dict[str, object]:
        """The phrase as plain data."""
        return {"phrase": self.key, "facts": _plain(self.facts)}


def phrase_of(document: Mapping[str, Any]) -> Phrase:
    """The phrase that `as_document` wrote."""
    return Phrase(document["phrase"], **_facts(document["facts"]))


def _plain(facts: Mapping[str, object]) -> dict[str, object]:
    """Facts as plain data: numbers stay numbers, phrases become documents, everything else becomes text."""
    return {name: _plain_fact(value) for name, value in facts.items()}


def _plain_fact(value: object) -> object:
    if isinstance(value, Phrase):
        return value.as_document()
    return value if isinstance(value, int | float | str) else str(value)


def _facts(document: Mapping[str, Any]) -> dict[str, Any]:
    return {name: phrase_of(value) if isinstance(value, Mapping) else value for name, value in document.items()}


def distance(one: str, other: str) -> int:
    """Count the letters to add, drop, exchange or swap with their neighbour to make one word the other."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, start=1):
        above, row = row, [i]
        for j, goal in enumerate(other, start=1):
            best = min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (letter != goal))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == goal:
                best = min(best, before[j - 2] + 1)
            row.append(best)
        before = above
    return row[-1]


def is_misspelt(typed: str, meant: str) -> bool:
    """Check whether a word is another one with a slip of the finger, and not another word."""
    one, other = _letters(typed), _letters(meant)
    if not typed.isalnum() or one.isascii() != other.isascii() or len(one) > 40 or abs(len(one) - len(other)) > 2:
        return False
    if min(len(one), len(other)) < _SHORTEST:
        return False
    is_short = len(one) <= _SHORT
    if is_short and one[0] != other[:1]:
        return False  # `most` is no slip of `cost`
    return 0 < distance(one, other) <= (1 if is_short or not one.isascii() else 2)


def _letters(word: str) -> str:
    """Return the letters of a word in lower case, of a Korean one those within its syllables."""
    return unicodedata.normalize("NFD", word.lower())


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the known word that `word` is with a slip of the finger, or begins; an empty string if there is none."""
    typed, by_letters = _alphanumeric(word), {_alphanumeric(name): name for name in known}
    slips = [name for name in by_letters if is_misspelt(typed, name)]
    begun = [name for name in by_letters if len(typed) >= _BEGINNING and name.startswith(typed)]
    found = min(slips, key=partial(distance, typed), default="") or min(begun, key=len, default="")
    return by_letters[found] if found else ""


def _alphanumeric(word: str) -> str:
    return "".join(filter(str.isalnum, word.lower()))


class UserError(Exception):
    """Something a person can fix. Facts: reason.

    The text of the exception is for logs and tracebacks: the class and its facts. What people read is the
    sentence that a renderer makes of them in their language.
    """

    def __init__(self, **facts: object) -> None:
        self.facts = {**facts, "nearest": ""} if _offers_what_was_typed(facts) else facts
        super().__init__(" ".join([type(self).__name__, *(f"{name}={value}" for name, value in facts.items())]))

    @property
    def command(self) -> str:
        """The corrected command to copy, or an empty string when none can be given."""
        return str(self.facts.get("command", ""))

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.facts)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: type, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Inside a pydantic model an error is its document."""
        return core_schema.no_info_plain_validator_function(
            lambda value: value if isinstance(value, UserError) else error_of(value),
            serialization=core_schema.plain_serializer_function_ser_schema(UserError.as_document),
        )

    def as_document(self) -> dict[str, object]:
        """The error as plain data."""
        return {"kind": type(self).__name__, "facts": _plain(self.facts)}


def _offers_what_was_typed(facts: Mapping[str, object]) -> bool:
    """True if the nearest right word is the wrong word itself: `AAPL` is no correction of `AAPL`."""
    typed = str(facts.get("word", facts.get("value", "")))
    return bool(typed) and str(facts.get("nearest", "")).lower() == typed.lower()


def _rebuild(kind: type[UserError], facts: dict[str, object]) -> UserError:
    return kind(**facts)


def error_of(document: Mapping[str, Any]) -> UserError:
    """The error that `as_document` wrote; one of an unknown kind keeps its facts as text."""
    kinds = {kind.__name__: kind for kind in _kinds(UserError)}
    kind = kinds.get(document["kind"])
    return kind(**_facts(document["facts"])) if kind else UserError(reason=str(document["facts"]))


def _kinds(root: type[UserError]) -> Iterator[type[UserError]]:
    yield root
    for kind in root.__subclasses__():
        yield from _kinds(kind)


class UnknownWord(UserError):
    """A word that is not in a known list. Facts: word, nearest, known."""

    @classmethod
    def of(cls, word: str, known: Iterable[str]) -> "UnknownWord":
        """Build the error for `word`, offering the nearest of `known`."""
        names = sorted(known)
        return cls(word=word, nearest=nearest(word, names), known=", ".join(names))


class UnknownStrategy(UnknownWord):
    """Facts: word, known, nearest."""


class UnknownParameter(UnknownWord):
    """Facts: word, known, nearest."""


class UnknownGoal(UnknownWord):
    """Facts: word, known, nearest."""


class UnknownOverlay(UnknownWord):
    """Facts: word, known, nearest."""


class OneSymbolOnly(UserError):
    """Raised where a strategy that learns of one symbol is to be searched for several at once. Facts: strategy."""


class GoalAlone(UserError):
    """Raised where a goal that a model of one symbol weighs is to be searched with another, or for several symbols.

    Facts: goal.
    """


class UnknownSampler(UnknownWord):
    """Facts: word, known, nearest."""


class UnknownSymbol(UnknownWord):
    """Facts: word, known, nearest."""


class UnknownAtSource(UnknownSymbol):
    """Facts: word, source."""


class OnlyAtSource(UnknownSymbol):
    """Facts: word, source (that has it, but the settings do not name it)."""


class UnknownTimeframe(UnknownWord):
    """Facts: word, known."""

    @classmethod
    def of(cls, word: str, known: Iterable[str]) -> "UnknownTimeframe":
        """Build the error for `word`; a timeframe spelled alike, such as `1m` for `1w`, is another study."""
        return cls(word=word, known=", ".join(known))


class NoTimeframe(UnknownWord):
    """Facts: word (the timeframe), symbol, known, nearest (the only one known, if it is one)."""

    @classmethod
    def of_symbol(cls, symbol: str, word: str, known: Iterable[str]) -> "NoTimeframe":
        """Build the error for a timeframe that `symbol` does not have."""
        names = tuple(known)
        return cls(symbol=symbol, word=word, known=", ".join(names), nearest=names[0] if len(names) == 1 else "")


class UnknownEncoding(UnknownWord):
    """Facts: word, known, nearest."""


class UnknownSource(UnknownWord):
    """Facts: word, known, nearest."""


class BadValue(UserError):
    """A value that cannot be used. Facts depend on the subclass."""


class OutOfRange(BadValue):
    """Facts: name, low, high, value, nearest."""


class NotANumber(BadValue):
    """Facts: name, value."""


class WrongStep(BadValue):
    """Facts: name, step, low, value, nearest."""


class WrongChoice(BadValue):
    """Facts: name, choices, value."""


class EmptySpace(BadValue):
    """Facts: reason."""


class GridTooLarge(BadValue):
    """Facts: n_sets, most."""


class BadData(UserError):
    """Bars that cannot carry a study."""


class NoBars(BadData):
    """Facts: source, timeframe, symbol, start, end, remedy."""


class BarsEnd(BadData):
    """Facts: symbol, source, end (the day of the last bar), start."""


class NotCovered(BadData):
    """Facts: symbol, first and last (days of its bars), start and end (of the window)."""


class TooFewBars(BadData):
    """Facts: symbol, have, need, reason."""


class UnusableBars(BadData):
    """Facts: symbol, reason, when."""


class BlockedBars(BadData):
    """Facts: symbol, n, kind and finding (the first critical finding: its kind and its sentence)."""


class UnpricedBars(BlockedBars):
    """A price is missing or not above zero, which `force` cannot pass over. Facts as of its parent."""


class BadFile(BadData):
    """Facts: file, line, reason, remedy."""


class NothingToImport(BadData):
    """Facts: path, endings."""


class Unavailable(UserError):
    """A server, a file or a program that cannot be had now. Facts: what, reason, remedy."""


class WarehouseLocked(Unavailable):
    """Facts: file, holder."""


class WarehouseTooNew(Unavailable):
    """Facts: version, known."""


class DamagedWarehouse(Unavailable):
    """The data file is cut off, or a part of it cannot be read. Facts: file."""


class MissingExtra(Unavailable):
    """Facts: source, extra."""


class MissingKey(UserError):
    """A configured source needs a key that is not set. Facts: source, setting."""


class ProviderDown(Unavailable):
    """Facts: provider, symbol, reason, remedy."""


class NoSnapshot(Unavailable):
    """Facts: data_hash, folder, remedy."""


class DamagedSnapshot(Unavailable):
    """Facts: data_hash, reason, remedy."""


class WorkerLost(Unavailable):
    """A study took its worker process with it, again and again. Facts: deaths, study."""


class StudyPruned(Unavailable):
    """The trials of a study were deleted. Facts: study, when."""


class SomethingBroke(UserError):
    """A fault of ours: the log has the traceback under the reference. Facts: reference."""
