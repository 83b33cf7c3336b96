"""What can be wrong with a command: the errors of the grammar itself.

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

#: Nothing that is known is nearly as long.
_LONGEST_WORD = 40


class CommandError(UserError):
    """A command that cannot be read; nothing was started."""


class TooLong(CommandError):
    sentence = "That is {length} characters long; a command has at most {limit}."


class UnclosedQuote(CommandError):
    sentence = "A quote is opened at `{word}` and never closed."


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
    sentence = "I don't know `{word}`. Start a study with `AAPL RSI 200`, or write `help`."
    sentence_near = "I don't know `{word}`. Did you mean `{nearest}`?"


class UnknownTopic(UnknownToGrammar):
    sentence = "There is no help about `{word}`. Write `help` for what there is."
    sentence_near = "There is no help about `{word}`. Did you mean `{nearest}`?"


class UnknownOption(UnknownToGrammar):
    sentence = "I don't know what `{word}` means here. I know: {known}."
    sentence_near = "I don't know what `{word}` means here. Did you mean `{nearest}`?"


class UnknownTimeZone(UnknownToGrammar):
    sentence = "There is no time zone called `{word}`. Write one such as `tz=Asia/Seoul` or `tz=America/New_York`."
    sentence_near = "There is no time zone called `{word}`. Did you mean `{nearest}`?"


class UnknownSetting(UnknownToGrammar):
    sentence = "There is no setting called `{word}`. I know: {known}."
    sentence_near = "There is no setting called `{word}`. Did you mean `{nearest}`?"


class MissingStrategy(CommandError):
    sentence = "`{word}` needs a strategy: `{word} RSI`."


class MissingStart(CommandError):
    sentence = "What is to be optimized? Name a symbol and a strategy: `{usage}`."


class MissingSymbolAndStrategy(CommandError):
    sentence = "`{word}` needs a symbol and a strategy: `{usage}`."


class MissingStudy(CommandError):
    sentence = "`{word}` needs a study's id: `{usage}`. In a study's thread it may be left out."


class MissingTwoStudies(CommandError):
    sentence = "`{word}` needs the ids of two studies: `{usage}`."


class MissingSchedule(CommandError):
    sentence = "`{word}` needs a schedule's id: `{usage}`."


class MissingCadence(CommandError):
    sentence = "How often? Say `daily`, `weekdays`, `weekly DAY` or `monthly 1-28`, then the time."


class MissingDay(CommandError):
    sentence = "`{word}` needs a day: `{word} {example}`."


class MissingTime(CommandError):
    sentence = "At what time? Put one such as `07:00` after `{word}`."


class MissingValue(CommandError):
    sentence = "`{word}` needs a value, such as `{example}`."


class OneTooMany(CommandError):
    sentence = "`{word}` is one word too many here: `{usage}`."


class Repeated(CommandError):
    sentence = "`{word}` is said twice."


class NotWhole(CommandError):
    sentence = "`{name}` must be a whole number; `{value}` is not one."
    sentence_near = "`{name}` must be a whole number; `{value}` is not one. The nearest is `{nearest}`."


class NotARange(CommandError):
    sentence = "`{name}` takes a number (`{name}={low}`) or a range (`{name}={low}..{high}`); `{value}` is neither."


class NotADate(CommandError):
    sentence = "`{name}` must be a date such as `2015-01-31`; `{value}` is not one."


class NotASymbol(CommandError):
    sentence = "`{word}` is not a symbol: up to 20 letters and digits, with `.` `-` `^` `=` between them."
    sentence_near = sentence + " Did you mean `{nearest}`?"


class NotAStudy(CommandError):
    sentence = "`{word}` is not a study's id: one looks like `opt-7f3a`."


class NotASchedule(CommandError):
    sentence = "`{word}` is not a schedule's id: one looks like `sch-2b`."


class NotAWord(CommandError):
    sentence = "`{name}` takes one word of letters and digits; `{value}` is not one."


class PercentOutOfRange(CommandError, OutOfRange):
    sentence = "`{name}` is in percent, from {low} to {high}; `{value}` is not. Did you mean `{nearest}`?"
    sentence_near = sentence


class UnitMissing(CommandError):
    """A number so small that its unit is anybody's guess."""

    sentence = (
        "`{name}={value}` may mean {value} % ({percent} basis points) or {value} basis points. "
        "Write `{name}={nearest}` or `{name}={bps}`."
    )


class NotYesOrNo(CommandError):
    sentence = "`{name}` is `yes` or `no`; `{value}` is neither."


class NotATime(CommandError):
    sentence = "`{word}` is not a time of day; write one such as `07:00`."


class NobodyToShareWith(CommandError):
    sentence = "`mode=shared` needs several symbols; `{word}` is one."


class TwoBeginnings(CommandError):
    sentence = "`from=` and `years=` both say where the window starts; use one."


class EndsBeforeItStarts(CommandError):
    sentence = "The window would end ({end}) before it starts ({start})."


class SymbolFirst(CommandError):
    sentence = "The symbol comes first: `{symbol} {word}`."


class OneStrategy(CommandError):
    sentence = "A study has one strategy; `{word}` names several."


class SymbolIsVerb(CommandError):
    sentence = "`{word}` is also a command. To optimize the symbol `{word}`, put `start` in front."


class TextTooLong(CommandError):
    sentence = "`{name}` has at most {limit} characters."
