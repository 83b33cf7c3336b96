"""Errors of the grammar itself.

    UserError
    └── CommandError    TooLong · UnclosedQuote · Repeated · SymbolIsVerb · SymbolFirst · OneStrategy
        ├── (loose)     NotUnderstood · NothingUnderstood: InThread · MissingSymbol · TwoReadings
        ├── (unknown)   UnknownVerb · UnknownTopic · UnknownTimeZone · UnknownSetting · UnknownOption
        ├── (missing)   MissingStrategy · MissingStart · MissingSymbolAndStrategy · MissingStudy · MissingTwoStudies
        │               MissingRuleName · MissingSchedule · MissingCadence · MissingDay · MissingTime · MissingValue
        ├── (too much)  OneTooMany · TextTooLong
        ├── (values)    NotWhole · NotARange · NotADate · NotASymbol · NotAStudy · NotASchedule · NotYesOrNo · NotATime
        │               NotAWord · NotARuleName · RuleNameTaken · NotABenchmark · PercentOutOfRange · UnitMissing
        │               NotQuietHours
        └── (clashes)   NobodyToShareWith · NothingToReenter · NoExit · NoShortSide · NoLongSide · TwoBeginnings
                        EndsBeforeItStarts · CapitalMissing

Errors of a strategy, a parameter or a goal are the optimizer's own. Every error that `parse` raises
carries the fact `command`: the corrected command to copy, empty when none can be given.
"""

from collections.abc import Iterable

from optimizer.errors import OutOfRange, UnknownWord, UserError, nearest


class CommandError(UserError):
    """Raised for a command that cannot be read; nothing was started."""


class TooLong(CommandError):
    """Raised for a text that is too long. Facts: length, limit."""


class UnclosedQuote(CommandError):
    """Raised for a quote without its end. Facts: word."""


class UnknownToGrammar(CommandError, UnknownWord):
    """Raised for a word that no table has; near words must be closer, since a symbol may look like anything."""

    @classmethod
    def of(cls, word: str, known: Iterable[str]) -> "UnknownToGrammar":
        """Build the error for `word`, offering the nearest of `known`."""
        names = sorted(set(known))
        return cls(word=word, nearest=nearest(word, names), known=", ".join(names))


class UnknownVerb(UnknownToGrammar):
    """Raised for a first word that is neither verb nor symbol. Facts: word, nearest."""


class UnknownTopic(UnknownToGrammar):
    """Raised for a help topic that does not exist. Facts: word, nearest."""


class UnknownOption(UnknownToGrammar):
    """Raised for an option or word that has no meaning here. Facts: word, known, nearest."""


class UnknownTimeZone(UnknownToGrammar):
    """Raised for a time zone that does not exist. Facts: word, nearest."""


class UnknownSetting(UnknownToGrammar):
    """Raised for a setting that does not exist. Facts: word, known, nearest."""


class MissingStrategy(CommandError):
    """Raised when a symbol comes without a strategy. Facts: word."""


class MissingStart(CommandError):
    """Raised when a schedule names nothing to search. Facts: usage."""


class MissingSymbolAndStrategy(CommandError):
    """Raised when symbol and strategy are missing. Facts: word, usage."""


class MissingStudy(CommandError):
    """Raised when a study's id is missing. Facts: word, usage."""


class MissingTwoStudies(CommandError):
    """Raised when two studies are needed. Facts: word, usage."""


class MissingSchedule(CommandError):
    """Raised when a schedule's id is missing. Facts: word, usage."""


class MissingRuleName(CommandError):
    """Raised when a rule's name is missing. Facts: word, usage."""


class NotARuleName(CommandError):
    """Raised for a text that cannot be a rule's name. Facts: word."""


class RuleNameTaken(CommandError):
    """Raised for a name that means something else. Facts: word."""


class MissingCadence(CommandError):
    """Raised when a schedule has no cadence."""


class MissingDay(CommandError):
    """Raised when a weekly or monthly schedule has no day. Facts: word, example."""


class MissingTime(CommandError):
    """Raised when a schedule has no time of day. Facts: word."""


class MissingValue(CommandError):
    """Raised when an option has no value. Facts: word, example."""


class OneTooMany(CommandError):
    """Raised for a superfluous word. Facts: word, usage."""


class Repeated(CommandError):
    """Raised for an option that is given twice. Facts: word."""


class NotWhole(CommandError):
    """Raised for a value that is no whole number. Facts: name, value, nearest."""


class NotARange(CommandError):
    """Raised for a value that is neither number nor range. Facts: name, low, high, value."""


class NotABenchmark(CommandError):
    """Raised for a benchmark that is neither a symbol, nor shares that make 100, nor cash. Facts: value."""


class CapitalMissing(CommandError):
    """Raised for a setting in money without the size of the account. Facts: word."""


class NotADate(CommandError):
    """Raised for a value that is no date. Facts: name, value."""


class NotASymbol(CommandError):
    """Raised for a word that cannot be a symbol. Facts: word, nearest."""


class NotAStudy(CommandError):
    """Raised for a word that cannot be a study's id. Facts: word."""


class NotASchedule(CommandError):
    """Raised for a word that cannot be a schedule's id. Facts: word."""


class NotAWord(CommandError):
    """Raised for a value that is not one plain word. Facts: name, value."""


class PercentOutOfRange(CommandError, OutOfRange):
    """Raised for a percentage outside its bounds. Facts: name, low, high, value, nearest."""


class UnitMissing(CommandError):
    """A number so small that its unit is anybody's guess. Facts: name, value, percent, nearest, bps."""


class NotYesOrNo(CommandError):
    """Raised for a value that is neither yes nor no. Facts: name, value."""


class NotQuietHours(CommandError):
    """Raised for quiet hours that are no two times of day. Facts: word."""


class NotATime(CommandError):
    """Raised for a word that is no time of day. Facts: word."""


class NobodyToShareWith(CommandError):
    """Raised for a shared set with one symbol. Facts: word."""


class NothingToReenter(CommandError):
    """Raised for `reenter=signal` without an overlay that closes a position. Facts: known."""


class NoExit(CommandError):
    """Raised for a rule whose position nothing would close. Facts: known (overlays that can)."""


class NoShortSide(CommandError):
    """Raised for short positions of a rule that says nothing of them."""


class NoLongSide(CommandError):
    """Raised for a rule that sells short alone, without short positions."""


class TwoBeginnings(CommandError):
    """Raised when the window's start is given twice."""


class EndsBeforeItStarts(CommandError):
    """Raised when the window's end is before its start. Facts: end, start."""


class SymbolFirst(CommandError):
    """Raised when the strategy comes before the symbol. Facts: symbol, word."""


class OneStrategy(CommandError):
    """Raised for several strategies. Facts: word."""


class SymbolIsVerb(CommandError):
    """Raised for a symbol that is also a verb. Facts: word."""


class TextTooLong(CommandError):
    """Raised for a text option that is too long. Facts: name, limit."""


class NotUnderstood(CommandError):
    """Raised for words that were not understood beside others that were. Facts: word, read, nearest."""


class NothingUnderstood(CommandError):
    """Raised for a text in which nothing was understood. Facts: word."""


class InThread(NothingUnderstood):
    """Raised for a text in a study's thread in which nothing was understood. Facts: word, study."""


class MissingSymbol(CommandError):
    """Raised when a strategy comes without a symbol. Facts: word, example."""


class TwoReadings(CommandError):
    """Raised for a text that may mean two commands; a person chooses. Facts: one, other."""
