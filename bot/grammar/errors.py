"""Errors of the grammar itself.

    UserError
    └── CommandError    TooLong · UnclosedQuote · Repeated · SymbolIsVerb · SymbolFirst · OneStrategy
        ├── (unknown)   UnknownVerb · UnknownTopic · UnknownTimeZone · UnknownSetting · UnknownOption
        ├── (missing)   MissingStrategy · MissingStart · MissingSymbolAndStrategy · MissingStudy · MissingTwoStudies
        │               MissingSchedule · MissingCadence · MissingDay · MissingTime · MissingValue
        ├── (too much)  OneTooMany · TextTooLong
        ├── (values)    NotWhole · NotARange · NotADate · NotASymbol · NotAStudy · NotASchedule · NotYesOrNo · NotATime
        │               NotAWord · PercentOutOfRange · UnitMissing
        └── (clashes)   NobodyToShareWith · TwoBeginnings · EndsBeforeItStarts

Errors of a strategy, a parameter or a goal are the optimizer's own. Every error that `parse` raises
carries the fact `command`: the corrected command to copy, empty when none can be given.
"""

from collections.abc import Iterable
from difflib import get_close_matches

from optimizer.errors import OutOfRange, UnknownWord, UserError

#: Longer words are not compared: no known word is nearly as long.
_LONGEST_WORD = 40


class CommandError(UserError):
    """Raised for a command that cannot be read; nothing was started."""


class TooLong(CommandError):
    """Raised for a text that is too long."""

    sentence = "That is {length} characters long; a command has at most {limit}."


class UnclosedQuote(CommandError):
    """Raised for a quote without its end."""

    sentence = "A quote is opened at `{word}` and never closed."


class UnknownToGrammar(CommandError, UnknownWord):
    """Raised for a word that no table has; near words must be closer, since a symbol may look like anything."""

    @classmethod
    def of(cls, word: str, known: Iterable[str]) -> "UnknownToGrammar":
        """Build the error for `word`, offering the nearest of `known`."""
        names = sorted(set(known))
        return cls(word=word, nearest=closest(word, names), known=", ".join(names))


def closest(word: str, known: Iterable[str]) -> str:
    """Return the known word that `word` most likely misspells, or an empty string."""
    close = get_close_matches(word.lower(), known, n=1, cutoff=0.6) if len(word) <= _LONGEST_WORD else []
    return close[0] if close else ""


class UnknownVerb(UnknownToGrammar):
    """Raised for a first word that is neither verb nor symbol."""

    sentence = "I don't know `{word}`. Start a study with `AAPL RSI 200`, or write `help`."
    sentence_near = "I don't know `{word}`. Did you mean `{nearest}`?"


class UnknownTopic(UnknownToGrammar):
    """Raised for a help topic that does not exist."""

    sentence = "There is no help about `{word}`. Write `help` for what there is."
    sentence_near = "There is no help about `{word}`. Did you mean `{nearest}`?"


class UnknownOption(UnknownToGrammar):
    """Raised for an option or word that has no meaning here."""

    sentence = "I don't know what `{word}` means here. I know: {known}."
    sentence_near = "I don't know what `{word}` means here. Did you mean `{nearest}`?"


class UnknownTimeZone(UnknownToGrammar):
    """Raised for a time zone that does not exist."""

    sentence = "There is no time zone called `{word}`. Write one such as `tz=Asia/Seoul` or `tz=America/New_York`."
    sentence_near = "There is no time zone called `{word}`. Did you mean `{nearest}`?"


class UnknownSetting(UnknownToGrammar):
    """Raised for a setting that does not exist."""

    sentence = "There is no setting called `{word}`. I know: {known}."
    sentence_near = "There is no setting called `{word}`. Did you mean `{nearest}`?"


class MissingStrategy(CommandError):
    """Raised when a symbol comes without a strategy."""

    sentence = "`{word}` needs a strategy: `{word} RSI`."


class MissingStart(CommandError):
    """Raised when a schedule names nothing to search."""

    sentence = "What is to be optimized? Name a symbol and a strategy: `{usage}`."


class MissingSymbolAndStrategy(CommandError):
    """Raised when symbol and strategy are missing."""

    sentence = "`{word}` needs a symbol and a strategy: `{usage}`."


class MissingStudy(CommandError):
    """Raised when a study's id is missing."""

    sentence = "`{word}` needs a study's id: `{usage}`. In a study's thread it may be left out."


class MissingTwoStudies(CommandError):
    """Raised when two studies are needed."""

    sentence = "`{word}` needs the ids of two studies: `{usage}`."


class MissingSchedule(CommandError):
    """Raised when a schedule's id is missing."""

    sentence = "`{word}` needs a schedule's id: `{usage}`."


class MissingCadence(CommandError):
    """Raised when a schedule has no cadence."""

    sentence = "How often? Say `daily`, `weekdays`, `weekly DAY` or `monthly 1-28`, then the time."


class MissingDay(CommandError):
    """Raised when a weekly or monthly schedule has no day."""

    sentence = "`{word}` needs a day: `{word} {example}`."


class MissingTime(CommandError):
    """Raised when a schedule has no time of day."""

    sentence = "At what time? Put one such as `07:00` after `{word}`."


class MissingValue(CommandError):
    """Raised when an option has no value."""

    sentence = "`{word}` needs a value, such as `{example}`."


class OneTooMany(CommandError):
    """Raised for a superfluous word."""

    sentence = "`{word}` is one word too many here: `{usage}`."


class Repeated(CommandError):
    """Raised for an option that is given twice."""

    sentence = "`{word}` is said twice."


class NotWhole(CommandError):
    """Raised for a value that is no whole number."""

    sentence = "`{name}` must be a whole number; `{value}` is not one."
    sentence_near = "`{name}` must be a whole number; `{value}` is not one. The nearest is `{nearest}`."


class NotARange(CommandError):
    """Raised for a value that is neither number nor range."""

    sentence = "`{name}` takes a number (`{name}={low}`) or a range (`{name}={low}..{high}`); `{value}` is neither."


class NotADate(CommandError):
    """Raised for a value that is no date."""

    sentence = "`{name}` must be a date such as `2015-01-31`; `{value}` is not one."


class NotASymbol(CommandError):
    """Raised for a word that cannot be a symbol."""

    sentence = "`{word}` is not a symbol: up to 20 letters and digits, with `.` `-` `^` `=` between them."
    sentence_near = sentence + " Did you mean `{nearest}`?"


class NotAStudy(CommandError):
    """Raised for a word that cannot be a study's id."""

    sentence = "`{word}` is not a study's id: one looks like `opt-7f3a`."


class NotASchedule(CommandError):
    """Raised for a word that cannot be a schedule's id."""

    sentence = "`{word}` is not a schedule's id: one looks like `sch-2b`."


class NotAWord(CommandError):
    """Raised for a value that is not one plain word."""

    sentence = "`{name}` takes one word of letters and digits; `{value}` is not one."


class PercentOutOfRange(CommandError, OutOfRange):
    """Raised for a percentage outside its bounds."""

    sentence = "`{name}` is in percent, from {low} to {high}; `{value}` is not. Did you mean `{nearest}`?"
    sentence_near = sentence


class UnitMissing(CommandError):
    """A number so small that its unit is anybody's guess."""

    sentence = (
        "`{name}={value}` may mean {value} % ({percent} basis points) or {value} basis points. "
        "Write `{name}={nearest}` or `{name}={bps}`."
    )


class NotYesOrNo(CommandError):
    """Raised for a value that is neither yes nor no."""

    sentence = "`{name}` is `yes` or `no`; `{value}` is neither."


class NotATime(CommandError):
    """Raised for a word that is no time of day."""

    sentence = "`{word}` is not a time of day; write one such as `07:00`."


class NobodyToShareWith(CommandError):
    """Raised for a shared set with one symbol."""

    sentence = "`mode=shared` needs several symbols; `{word}` is one."


class TwoBeginnings(CommandError):
    """Raised when the window's start is given twice."""

    sentence = "`from=` and `years=` both say where the window starts; use one."


class EndsBeforeItStarts(CommandError):
    """Raised when the window's end is before its start."""

    sentence = "The window would end ({end}) before it starts ({start})."


class SymbolFirst(CommandError):
    """Raised when the strategy comes before the symbol."""

    sentence = "The symbol comes first: `{symbol} {word}`."


class OneStrategy(CommandError):
    """Raised for several strategies."""

    sentence = "A study has one strategy; `{word}` names several."


class SymbolIsVerb(CommandError):
    """Raised for a symbol that is also a verb."""

    sentence = "`{word}` is also a command. To optimize the symbol `{word}`, put `start` in front."


class TextTooLong(CommandError):
    """Raised for a text option that is too long."""

    sentence = "`{name}` has at most {limit} characters."
