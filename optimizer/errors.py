"""The errors a person can mend.

    UserError
    ├── UnknownWord        UnknownStrategy · UnknownParameter · UnknownGoal · UnknownOverlay · UnknownSampler
    │                      UnknownSymbol · UnknownAtSource · UnknownTimeframe · UnknownSource
    ├── BadValue           OutOfRange · NotANumber · WrongStep · EmptySpace
    ├── BadData            NoBars · TooFewBars · UnusableBars · BlockedBars · BadFile · NothingToImport
    └── Unavailable        WarehouseLocked · WarehouseTooNew · MissingExtra · ProviderDown
                           NoSnapshot · DamagedSnapshot

Each class holds its English sentence as a format string over its facts, so that other languages
(`templates/<language>/errors.toml`, keyed by class name) can say the same with the same facts.
A sentence names what was wrong, the nearest right thing, and how to mend it. Facts from a user
are escaped where the sentence is shown, not here.
"""

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any, ClassVar

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word most like `word` in any case of letters, or an empty string when none is close."""
    by_lower = {name.lower(): name for name in known}
    close = get_close_matches(word.lower(), list(by_lower), n=1, cutoff=0.5)
    return by_lower[close[0]] if close else ""


class UserError(Exception):
    """Something a person can mend; the text may be shown to them."""

    sentence: ClassVar[str] = "{reason}"
    #: Used instead of `sentence` when the fact `nearest` is not empty.
    sentence_near: ClassVar[str] = ""

    def __init__(self, **facts: object) -> None:
        self.facts = facts
        super().__init__(self.template.format(**facts))

    @property
    def is_near(self) -> bool:
        """Whether a nearest right word is known."""
        return bool(self.sentence_near and self.facts.get("nearest"))

    @property
    def template(self) -> str:
        """The English format string that fits these facts."""
        return self.sentence_near if self.is_near else self.sentence

    @property
    def key(self) -> str:
        """The name of this sentence in the catalogues of other languages."""
        return type(self).__name__ + (".near" if self.is_near else "")

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
        """The error as plain data; numbers stay numbers, everything else becomes text."""
        plain = {k: v if isinstance(v, int | float | str) else str(v) for k, v in self.facts.items()}
        return {"kind": type(self).__name__, "facts": plain}


def _rebuild(kind: type[UserError], facts: dict[str, object]) -> UserError:
    return kind(**facts)


def error_of(document: Mapping[str, Any]) -> UserError:
    """The error that `as_document` wrote, whoever wrote it; one of an unknown kind keeps its words."""
    kinds = {kind.__name__: kind for kind in _kinds(UserError)}
    kind = kinds.get(document["kind"])
    return kind(**document["facts"]) if kind else UserError(reason=str(document["facts"]))


def _kinds(root: type[UserError]) -> Iterator[type[UserError]]:
    yield root
    for kind in root.__subclasses__():
        yield from _kinds(kind)


class UnknownWord(UserError):
    """A word that is not in a known list. Facts: word, nearest, known."""

    sentence = "I don't know `{word}`. I know: {known}."
    sentence_near = "I don't know `{word}`. Did you mean `{nearest}`?"

    @classmethod
    def of(cls, word: str, known: Iterable[str]) -> "UnknownWord":
        """Build the error for `word`, offering the nearest of `known`."""
        names = sorted(known)
        return cls(word=word, nearest=nearest(word, names), known=", ".join(names))


class UnknownStrategy(UnknownWord):
    sentence = "There is no strategy called `{word}`. I know: {known}."
    sentence_near = "There is no strategy called `{word}`. Did you mean `{nearest}`?"


class UnknownParameter(UnknownWord):
    sentence = "There is no parameter or option called `{word}`. I know: {known}."
    sentence_near = "There is no parameter or option called `{word}`. Did you mean `{nearest}`?"


class UnknownGoal(UnknownWord):
    sentence = "There is no goal called `{word}`. I know: {known}."
    sentence_near = "There is no goal called `{word}`. Did you mean `{nearest}`?"


class UnknownOverlay(UnknownWord):
    sentence = "There is no overlay called `{word}`. I know: {known}."
    sentence_near = "There is no overlay called `{word}`. Did you mean `{nearest}`?"


class UnknownSampler(UnknownWord):
    sentence = "There is no sampler called `{word}`. I know: {known}."
    sentence_near = "There is no sampler called `{word}`. Did you mean `{nearest}`?"


class UnknownSymbol(UnknownWord):
    sentence = (
        "I have no bars for `{word}`. I have: {known}. Bring your own with "
        "`optimize-bot data import FILE`, or name a source that has it (`source=yahoo`)."
    )
    sentence_near = (
        "I have no bars for `{word}`. Did you mean `{nearest}`? I have: {known}. Bring your own "
        "with `optimize-bot data import FILE`, or name a source that has it (`source=yahoo`)."
    )


class UnknownAtSource(UnknownSymbol):
    """Facts: word, source."""

    sentence = (
        "`{source}` does not know the symbol `{word}`. Check its spelling; outside the US it needs the suffix "
        "of its exchange (`005930.KS`)."
    )
    sentence_near = ""


class UnknownTimeframe(UnknownWord):
    sentence = "There is no timeframe called `{word}`. I know: {known}."
    sentence_near = "There is no timeframe called `{word}`. Did you mean `{nearest}`?"


class UnknownSource(UnknownWord):
    sentence = "There is no data source called `{word}`. I know: {known}."
    sentence_near = "There is no data source called `{word}`. Did you mean `{nearest}`?"


class BadValue(UserError):
    """A value that cannot be used. Facts depend on the subclass."""


class OutOfRange(BadValue):
    sentence = "`{name}` must be from {low} to {high}; `{value}` is not. The nearest is `{nearest}`."
    sentence_near = sentence


class NotANumber(BadValue):
    sentence = "`{name}` must be a number; `{value}` is not one."


class WrongStep(BadValue):
    sentence = (
        "`{name}` moves in steps of {step} from {low}; `{value}` is between two steps. The nearest is `{nearest}`."
    )
    sentence_near = sentence


class WrongChoice(BadValue):
    sentence = "`{name}` is one of {choices}; `{value}` is not."


class EmptySpace(BadValue):
    sentence = "No parameter set is left to try: {reason}."


class BadData(UserError):
    """Bars that cannot carry a study."""


class NoBars(BadData):
    sentence = "`{source}` has no {timeframe} bars of `{symbol}` from {start} to {end}. {remedy}"


class TooFewBars(BadData):
    sentence = (
        "`{symbol}` has {have} bars in this window and the study needs {need}: {reason}. "
        "Use a longer window or shorter indicators."
    )


class UnusableBars(BadData):
    sentence = "The bars of `{symbol}` cannot be used: {reason} on {when}."


class BlockedBars(BadData):
    """Facts: symbol, n, kind and finding (the first critical finding: its kind and its sentence)."""

    sentence = (
        "The bars of `{symbol}` have critical findings ({n}), the first: {finding} "
        "See `/optimize data {symbol}`; mend the data, or add `force` to run on it as it is."
    )


class BadFile(BadData):
    sentence = "`{file}`, line {line}: {reason}. {remedy} Nothing was imported."


class NothingToImport(BadData):
    sentence = "There is no file to import at `{path}`. Name a file or a folder with files ending in {endings}."


class Unavailable(UserError):
    """A server, a file or a program that cannot be had now. Facts: what, reason, remedy."""

    sentence = "{what} is not available: {reason}. {remedy}"


class WarehouseLocked(Unavailable):
    sentence = (
        "The data file `{file}` is in use by another process ({holder}). Only one may have it open: "
        "stop that one, or ask the running bot to do this."
    )


class WarehouseTooNew(Unavailable):
    sentence = (
        "The data file was written by a newer version (schema {version}, this one knows {known}). "
        "Update this installation."
    )


class MissingExtra(Unavailable):
    sentence = "The source `{source}` needs an optional package. Install it with `pip install 'optimize-bot[{extra}]'`."


class ProviderDown(Unavailable):
    sentence = "`{provider}` did not deliver `{symbol}`: {reason}. {remedy} Bars already stored are kept."


class NoSnapshot(Unavailable):
    sentence = "The bars of this study (snapshot {data_hash}) are not in `{folder}`. {remedy}"


class DamagedSnapshot(Unavailable):
    sentence = "The bars of this study (snapshot {data_hash}) are damaged: {reason}. {remedy}"


class WorkerLost(Unavailable):
    """A study took its worker process with it, again and again."""

    sentence = "Its worker process died {deaths} times, so I stopped trying. `resume {study}` carries it on."


class SomethingBroke(UserError):
    """A fault of ours: the log has the traceback under the reference."""

    sentence = "Something broke on my side. The log has it under `{reference}`."
