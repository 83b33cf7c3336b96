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

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema


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


def nearest(word: str, known: Iterable[str], *, likeness: float = 0.5) -> str:
    """The known word most like `word` in any case of letters, or an empty string when none is close."""
    by_lower = {name.lower(): name for name in known}
    close = get_close_matches(word.lower(), list(by_lower), n=1, cutoff=likeness)
    return by_lower[close[0]] if close else ""


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
    """Facts: word, source (stored from it, but the settings do not name it)."""


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
