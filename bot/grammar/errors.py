"""What can be wrong with a command: the errors of the grammar itself.

    UserError
    └── CommandError    TooLong · UnclosedQuote · Repeated · SymbolIsVerb · SymbolFirst · OneStrategy
        ├── (unknown)   UnknownVerb · UnknownTopic · UnknownTimeZone · UnknownSetting · UnknownOption
        ├── (missing)   MissingStrategy · MissingStart · MissingSymbolAndStrategy · MissingStudy · MissingTwoStudies
        │               MissingSchedule · MissingCadence · MissingDay · MissingTime · MissingValue
        ├── (too much)  OneTooMany · TextTooLong
        ├── (values)    NotWhole · NotARange · NotADate · NotASymbol · NotAStudy · NotASchedule · NotYesOrNo · NotATime
        │               NotAWord · PercentOutOfRange
        └── (clashes)   NobodyToShareWith · TwoBeginnings · EndsBeforeItStarts

Errors of a strategy, a parameter or a goal are the optimizer's own. Every error that `parse` raises
carries the fact `command`: the corrected command to copy, empty when none can be given.
"""

from collections.abc import Iterable
from difflib import get_close_matches

from optimizer.errors import OutOfRange, UnknownWord, UserError

#: Nothing that is known is nearly as long.
_LONGEST_WORD = 40


class CommandError(UserError):
    """A command that cannot be read; nothing was started."""


class TooLong(CommandError):
    """Facts: length, limit."""


class UnclosedQuote(CommandError):
    """Facts: word."""


class UnknownToGrammar(CommandError, UnknownWord):
    """A word that no table has. What it is taken for must be closer than elsewhere: a symbol may look like anything."""

    @classmethod
    def of(cls, word: str, known: Iterable[str]) -> "UnknownToGrammar":
        """Build the error for `word`, offering the nearest of `known`."""
        names = sorted(set(known))
        return cls(word=word, nearest=closest(word, names), known=", ".join(names))


def closest(word: str, known: Iterable[str]) -> str:
    """The known word that `word` most likely misspells, or an empty string."""
    close = get_close_matches(word.lower(), known, n=1, cutoff=0.6) if len(word) <= _LONGEST_WORD else []
    return close[0] if close else ""


class UnknownVerb(UnknownToGrammar):
    """Facts: word, nearest."""


class UnknownTopic(UnknownToGrammar):
    """Facts: word, nearest."""


class UnknownOption(UnknownToGrammar):
    """Facts: word, known, nearest."""


class UnknownTimeZone(UnknownToGrammar):
    """Facts: word, nearest."""


class UnknownSetting(UnknownToGrammar):
    """Facts: word, known, nearest."""


class MissingStrategy(CommandError):
    """Facts: word."""


class MissingStart(CommandError):
    """Facts: usage."""


class MissingSymbolAndStrategy(CommandError):
    """Facts: word, usage."""


class MissingStudy(CommandError):
    """Facts: word, usage."""


class MissingTwoStudies(CommandError):
    """Facts: word, usage."""


class MissingSchedule(CommandError):
    """Facts: word, usage."""


class MissingCadence(CommandError):
    """No facts."""


class MissingDay(CommandError):
    """Facts: word, example."""


class MissingTime(CommandError):
    """Facts: word."""


class MissingValue(CommandError):
    """Facts: word, example."""


class OneTooMany(CommandError):
    """Facts: word, usage."""


class Repeated(CommandError):
    """Facts: word."""


class NotWhole(CommandError):
    """Facts: name, value, nearest."""


class NotARange(CommandError):
    """Facts: name, low, high, value."""


class NotADate(CommandError):
    """Facts: name, value."""


class NotASymbol(CommandError):
    """Facts: word, nearest."""


class NotAStudy(CommandError):
    """Facts: word."""


class NotASchedule(CommandError):
    """Facts: word."""


class NotAWord(CommandError):
    """Facts: name, value."""


class PercentOutOfRange(CommandError, OutOfRange):
    """Facts: name, low, high, value, nearest."""


class NotYesOrNo(CommandError):
    """Facts: name, value."""


class NotATime(CommandError):
    """Facts: word."""


class NobodyToShareWith(CommandError):
    """Facts: word."""


class TwoBeginnings(CommandError):
    """No facts."""


class EndsBeforeItStarts(CommandError):
    """Facts: end, start."""


class SymbolFirst(CommandError):
    """Facts: symbol, word."""


class OneStrategy(CommandError):
    """Facts: word."""


class SymbolIsVerb(CommandError):
    """Facts: word."""


class TextTooLong(CommandError):
    """Facts: name, limit."""
