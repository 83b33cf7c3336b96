"""Understanding: the strict parser first, and only for a text that it refuses the loose reading.

The loose reading proposes commands of the documented grammar, and the strict parser reads those: it decides what is
valid. A text is started only when every word of it has a meaning and all of them together have one; where two are
possible a person chooses, and otherwise the error says which words were not understood.
"""

import re
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise

from bot.grammar.commands import AddSchedule, Command, Start
from bot.grammar.errors import (
    InThread,
    MissingCadence,
    MissingDay,
    MissingSchedule,
    MissingStart,
    MissingStrategy,
    MissingStudy,
    MissingSymbol,
    MissingTime,
    MissingValue,
    NotASchedule,
    NotASymbol,
    NothingUnderstood,
    NotUnderstood,
    NotWhole,
    OneStrategy,
    OneTooMany,
    Repeated,
    SymbolFirst,
    SymbolIsVerb,
    TooLong,
    TwoReadings,
    UnclosedQuote,
    UnknownOption,
    UnknownTopic,
    UnknownVerb,
)
from bot.grammar.formatting import PREFIX
from bot.grammar.parsing import parse
from bot.grammar.rules.typed import NO_RULES, SavedRules
from bot.grammar.tokens import MAX_TEXT
from bot.grammar.understanding.asking_words import asks_plainly, only_looks
from bot.grammar.understanding.assembling import Assembled, assemble, company_names, items_of
from bot.grammar.understanding.cleaning import clean
from bot.grammar.understanding.listings import listings
from bot.grammar.understanding.loose_reader import read_items
from bot.grammar.understanding.matching import Item, Kind
from bot.grammar.understanding.questions import answer_about, answer_of, politely, study_named
from bot.grammar.understanding.small_talk import small_talk, without_asides, without_small_talk
from bot.grammar.understanding.symbol_words import name_meant, with_symbols
from bot.grammar.verbs import VERB_WORDS
from optimizer.errors import (
    NotANumber,
    UnknownGoal,
    UnknownOverlay,
    UnknownParameter,
    UnknownStrategy,
    UserError,
    is_misspelt,
)
from optimizer.strategies.registry import OVERLAYS
from optimizer.strategies.rules.errors import RuleError

#: Longer texts are not read loosely: nobody asks for a study in so many words.
MAX_LOOSE = 400
_MOST_AMBIGUOUS = 4
_MOST_WORDS_NAMED = 4
#: Errors of the strict parser that the loose reading may replace; every other one is about a value or a name.
_REPLACEABLE = (
    MissingCadence, MissingSchedule, MissingStart, MissingStrategy, MissingStudy, MissingTime, MissingDay,
    MissingValue, NotANumber, NotWhole, NotASchedule, NotASymbol, OneStrategy, OneTooMany, Repeated, SymbolFirst,
    SymbolIsVerb, UnknownGoal, UnknownOption, UnknownOverlay, UnknownParameter, UnknownStrategy, UnknownTopic,
    UnknownVerb,
)  # fmt: skip
#: Errors that offer a word, which must be nearly the one that was typed.
_OFFERING = (UnknownVerb, UnknownTopic, UnknownOption, UnknownStrategy, UnknownParameter, UnknownGoal, UnknownOverlay)
#: Verbs after which a text may still ask for a study: `run AAPL RSI`.
_START_VERBS = {"start", "schedule", "run"}
#: Verbs whose words may be names of companies.
_ABOUT_SYMBOLS = {"data", "top", "best"}
#: First words of a question, which are no slips of a verb.
_ASKING = ("who", "how", "what", "when", "where", "which", "whose")
#: Beginnings that say something about a study instead of asking for it.
_REMARK = re.compile(
    r"(?:thanks|thank (?:you|u)|thx|ty|tysm|cheers)(?: so much| a lot| again)? for"
    r"(?! (?:your|the|all|any|that|this|help))"
    r"|(?:i|we|they|he|she)(?: really| just)? (?:likes?|loves?)(?! (?:to|you|u)\b)",
    re.IGNORECASE,
)
#: Verbs that inform about a study.
_ABOUT_STUDIES = {"why", "status", "show", "export"}


@dataclass(frozen=True)
class Reading:
    """A command as it was understood. `text` is the exact command of a text that was read loosely."""

    command: Command
    text: str = ""
    names: tuple[tuple[str, str], ...] = ()  # symbols with the company that each is


def understand(
    text: str,
    *,
    study: str | None = None,
    rules: SavedRules = NO_RULES,
    is_addressed: bool = False,
    unknown: Collection[str] = (),
) -> Reading:
    """Read what a person wrote. Raises UserError for a text that is no command, with both readings where it may be two.

    `is_addressed` is True for a message that mentions the bot; `unknown` are words that are certainly no symbols, since
    no source has them.
    """
    refused: UserError
    try:
        command = parse(text, study=study, rules=rules)
    except UserError as error:
        refused = error
    else:
        if not unknown:
            return Reading(command)
        refused = NothingUnderstood(word=next(iter(unknown)), command="")
    return _understand_refused(text, refused, study=study, rules=rules, is_addressed=is_addressed, unknown=unknown)


def warm() -> None:
    """Read the tables and compile the patterns, which takes a third of a second, so that nobody waits for it."""
    with suppress(UserError):
        understand("something to read")


def _understand_refused(
    text: str,
    refused: UserError,
    *,
    study: str | None,
    rules: SavedRules,
    is_addressed: bool,
    unknown: Collection[str],
) -> Reading:
    if isinstance(refused, TooLong | RuleError) or len(text) > MAX_TEXT:
        raise refused
    plain = clean(text, is_addressed=is_addressed)
    if len(plain) > MAX_LOOSE:
        raise _near(refused)
    if not plain:
        return Reading(parse("", study=study, rules=rules))
    if (answered := _answered(plain, study, rules)) is not None:
        return answered
    said = without_small_talk(plain)
    if said != plain and (answered := _answered(said, study, rules)) is not None:
        return answered
    if (kind := small_talk(plain, study)) is not None:
        return Reading(kind)
    if isinstance(refused, UnclosedQuote) or (plain != text.strip() and not unknown):
        try:
            return Reading(parse(plain, study=study, rules=rules), plain)
        except UserError as error:
            refused = error
    if not isinstance(refused, (*_REPLACEABLE, NothingUnderstood)) or _is_goal_given_twice(refused):
        raise _near(refused)
    if isinstance(refused, UnknownVerb) and str(refused.facts["word"]).lower() in _ASKING:
        refused = NothingUnderstood(word=refused.facts["word"], command="")
    items = _read(said, rules, unknown)
    try:
        return _started(items, plain, refused, study, rules)
    except (NothingUnderstood, NotUnderstood, OneTooMany, UnknownStrategy, UnknownVerb, MissingStrategy) as error:
        if (whole := _without_asides(said, refused, study, rules, unknown)) is not None:
            return whole
        about = None if _specific(error) else _informed(items, plain, study)
        if isinstance(about, str):
            return Reading(parse(about, study=study, rules=rules), about)
        if isinstance(about, Command):
            return Reading(about)
        if study and isinstance(error, NothingUnderstood):
            raise InThread(word=error.facts["word"], study=study, command="") from None
        raise error from None


def _read(text: str, rules: SavedRules, unknown: Collection[str]) -> Sequence[Item]:
    return _on_exchange(_averages_for_ma(_replaced(read_items(text, rules=rules, unknown=unknown))))


def _without_asides(
    said: str, refused: UserError, study: str | None, rules: SavedRules, unknown: Collection[str]
) -> Reading | None:
    """Return the study that is plainly asked for beside an aside; None where there is no aside, or more is unclear."""

    def is_known(part: str) -> bool:
        return any(item.kind not in (Kind.FILL, Kind.JOIN, Kind.UNKNOWN) for item in _read(part, rules, unknown))

    rest = without_asides(said, is_known)
    if rest in ("", said):
        return None
    items = _read(rest, rules, unknown)
    is_last = said[-2:] == rest[-2:]  # what is said last is the request: `AAPL RSI 200회 좋던데요` is none
    if not asks_plainly(rest) and not (is_last and any(not i.text.isdigit() for i in items_of(items, Kind.TRIALS))):
        return None
    try:
        return _started(items, rest, refused, study, rules)
    except TwoReadings:
        raise
    except UserError:
        return None


def _informed(items: Sequence[Item], text: str, study: str | None) -> str | Command | None:
    """Return what informs about a text that starts nothing: with a symbol about that, else by its subject."""
    symbols = {item.value for item in items_of(items, Kind.SYMBOL)}
    starts = items_of(items, Kind.STRATEGY, Kind.TRIALS, Kind.GOAL, Kind.CADENCE, Kind.CLOCK)
    if starts or len(symbols) > 1:
        return None
    named = study_named(text)
    about = answer_about(text, named or study, *symbols)
    if named and isinstance(about, str):
        verb, *rest = about.split()
        return " ".join((verb, named, *rest)) if verb in _ABOUT_STUDIES else about
    return None if isinstance(about, tuple) else about


def _answered(text: str, study: str | None, rules: SavedRules) -> Reading | None:
    """Return the answer to a question or a request that starts nothing."""
    answer = answer_of(text, study)
    if isinstance(answer, tuple):
        raise TwoReadings(one=answer[0], other=answer[1], command="")
    if isinstance(answer, str):
        return Reading(parse(answer, study=study, rules=rules), answer)
    if answer is not None:
        return Reading(answer)
    said = politely(text)
    verb = VERB_WORDS.get(said.split()[0].lower() if said else "", "start")
    if verb in _ABOUT_SYMBOLS:
        said = with_symbols(said)
    if said == text or verb in _START_VERBS:
        return None
    try:
        return Reading(parse(said, study=study, rules=rules), said)
    except UserError:
        return None


def _averages_for_ma(items: Sequence[Item]) -> Sequence[Item]:
    """Return the items with `MA` as a moving average where no other word is a strategy and another one the symbol."""
    if items_of(items, Kind.STRATEGY) or len(items_of(items, Kind.SYMBOL)) < 2:
        return items
    averages = Item(Kind.STRATEGY, "MA", ("sma", "ema"))
    return [averages if item.kind is Kind.SYMBOL and item.text.strip().lower() == "ma" else item for item in items]


def _replaced(items: Sequence[Item]) -> Sequence[Item]:
    """Return the items without a goal that another one is wanted for: `sharpe instead of return`, `수익률 말고 샤프`.

    Beside anything else such words deny, and are not understood.
    """
    kept: list[Item] = list(items)
    for item in items_of(items, Kind.INSTEAD):
        at = kept.index(item)
        beside = kept[max(at - 1, 0) : at] + kept[at + 1 : at + 2]
        if [each.kind for each in beside] == [Kind.GOAL, Kind.GOAL]:
            kept[at - 1 : at + 2] = beside[1:] if item.value == "before" else beside[:1]
        else:
            kept[at] = Item(Kind.UNKNOWN, item.text)
    return kept


def _on_exchange(items: Sequence[Item]) -> Sequence[Item]:
    """Return the items with coins in the currency of the exchange that is named: Bitcoin is `BTC-USDT` at Binance."""
    currency = {"source=binance": "-USDT", "source=upbit": "-KRW"}
    named = next((currency[item.value] for item in items if item.value in currency), "")
    if not named:
        return items
    return [
        Item(i.kind, i.text, (i.value.removesuffix("-USD") + named,))
        if i.kind is Kind.SYMBOL and i.value.endswith("-USD")
        else i
        for i in items
    ]


def _is_goal_given_twice(refused: UserError) -> bool:
    return isinstance(refused, Repeated) and str(refused.facts["word"]).startswith("goal=")


def _started(items: Sequence[Item], text: str, refused: UserError, study: str | None, rules: SavedRules) -> Reading:
    """Return the study or schedule that the items ask for, all of them together."""
    _require_plain_request(items, text, refused)
    found = assemble(_settled(items))
    is_for_thread = study is not None and not items_of(items, Kind.SYMBOL, Kind.STRATEGY)
    _require_whole(items, found, refused, is_for_thread=is_for_thread)
    commands = found.commands
    if items_of(items, Kind.BEST, Kind.SHOW) and len(commands) != 2:
        commands = _searched_or_known(items, found, refused)
    if len(items_of(items, Kind.STRATEGY)) > 2:
        raise OneStrategy(word=",".join(item.text for item in items_of(items, Kind.STRATEGY)), command="")
    if len(commands) > 2:
        raise _not_understood(items, text, [i for i in items if len(i.readings) > 1] or items_of(items, Kind.STRATEGY))
    readings = [_parsed(command, study, rules) for command in commands]
    if len(commands) == 2:
        raise TwoReadings(one=commands[0], other=commands[1], command="")
    if found.lacks:
        raise _incomplete(items, found)
    return readings[0]


def _require_plain_request(items: Sequence[Item], text: str, refused: UserError) -> None:
    """Raise unless every word was understood, and none of them says that nothing is to be started."""
    unknown = items_of(items, Kind.UNKNOWN)
    first = text.split()[0].lower()
    verb = VERB_WORDS.get(first)
    said = [item for item in items if item.kind is not Kind.FILL]
    is_plan = bool(said) and said[0].value == "dry"
    if (
        verb
        and verb not in _START_VERBS
        and not is_plan
        and not (verb in ("best", "compare") and items_of(items, Kind.STRATEGY))
    ):
        raise _near(refused)
    if (remark := _REMARK.match(text)) and not items_of(items, Kind.TRIALS):
        raise _not_understood(items, text, [Item(Kind.UNKNOWN, remark[0])])
    has_symbol = bool(items_of(items, Kind.SYMBOL))
    if (
        has_symbol
        and isinstance(refused, UnknownStrategy)
        and [item.text.lower() for item in unknown] == [_word_of(refused)]
    ):
        raise _near(refused)
    if isinstance(refused, UnknownStrategy) and not items_of(items, Kind.STRATEGY) and (slip := _specific(refused)):
        raise slip  # `AAPL RSO 200` has a slip, not a second symbol
    if unknown or not said or sum(len(item.readings) > 1 for item in items) > _MOST_AMBIGUOUS:
        raise _misspelt(refused, unknown) or _not_understood(items, text, unknown)
    if said[0].kind is Kind.WORD and said[0].value in OVERLAYS:
        raise _not_understood(items, text, said[:1])
    if looks := _only_looked_at(items):
        raise _not_understood(items, text, looks)
    if against := _benchmark_before_strategy(items):
        raise _not_understood(items, text, against)
    if strange := _strange_symbols(items, text):
        raise _not_understood(items, text, strange)
    if apart := _symbol_apart(items):
        raise _not_understood(items, text, apart)


def _only_looked_at(items: Sequence[Item]) -> list[Item]:
    """Return the word that asks to look at a study of which nothing more is said: it may be known already."""
    if items_of(items, Kind.TRIALS, Kind.WORD, Kind.GOAL, Kind.CADENCE, Kind.BEST):
        return []
    return [item for item in items_of(items, Kind.FILL) if only_looks(item.text)][:1]


def _misspelt(refused: UserError, unknown: Sequence[Item]) -> UserError | None:
    """Return the strict parser's offer, if it is about a word that has no other meaning."""
    words = {item.text.lower() for item in unknown}
    return _specific(refused) if _word_of(refused) in words else None


def _symbol_apart(items: Sequence[Item]) -> list[Item]:
    """Return a symbol that does not stand with the others: it may be asked for in another way."""
    said = [i for i in items if i.kind not in (Kind.FILL, Kind.JOIN)]
    places = [at for at, item in enumerate(said) if item.kind is Kind.SYMBOL]
    return [said[at] for before, at in pairwise(places) if at != before + 1][:1]


def _word_of(refused: UserError) -> str:
    return str(refused.facts.get("word", "")).lower()


def _benchmark_before_strategy(items: Sequence[Item]) -> list[Item]:
    """Return `vs MSFT` where a strategy follows: that may be a benchmark or another symbol to search."""
    named = [at for at, item in enumerate(items) if item.value.startswith("benchmark=") and "=" not in item.text]
    return [items[at] for at in named if any(item.kind is Kind.STRATEGY for item in items[at:])]


def _strange_symbols(items: Sequence[Item], text: str) -> list[Item]:
    """Return the words in capitals that no list has, where another word is the symbol: they may be anything."""
    symbols = items_of(items, Kind.SYMBOL)
    known = listings()
    if len(symbols) < 2:
        return []
    bare = [i for i in symbols if i.value not in known and i.text.rstrip("'s").isalnum() and i.value.isalpha()]
    return [item for item in bare if not _is_joined(item.value, text)]


def _is_joined(symbol: str, text: str) -> bool:
    upper = f" {text.upper()} "
    return any(f"{sign}{symbol}" in upper or f"{symbol}{sign}" in upper for sign in (",", "/", "+"))


def _settled(items: Sequence[Item]) -> list[Item]:
    """Return the items where a time of day decides that `daily` is how often, not how long a bar is."""
    if items_of(items, Kind.TRIALS):  # a second number is none of trials
        items = [Item(i.kind, i.text, _without_trials(i)) if i.kind is Kind.WORD else i for i in items]
    dated = [item for item in items_of(items, Kind.CADENCE) if " " in item.value]
    kept = [item for item in items if item.kind is not Kind.CADENCE or item in dated or not dated]
    if not dated and not items_of(items, Kind.CLOCK, Kind.SCHEDULE):
        return kept
    return [Item(i.kind, i.text, i.readings[:1]) if i.kind is Kind.CADENCE else i for i in kept]


def _without_trials(item: Item) -> tuple[str, ...]:
    """Return the readings of a word that give no number of trials."""
    others = tuple(reading for reading in item.readings if not reading[:1].isdigit())
    return others or item.readings


def _require_whole(items: Sequence[Item], found: Assembled, refused: UserError, *, is_for_thread: bool) -> None:
    """Raise where the symbol or the strategy is missing."""
    symbols, strategies = items_of(items, Kind.SYMBOL), items_of(items, Kind.STRATEGY)
    if symbols and strategies:
        return
    if symbols:
        command = _with_strategy(found.commands[0], ",".join(dict.fromkeys(item.value for item in symbols)))
        raise MissingStrategy(word=symbols[0].text.strip(), command=_offered(command))
    if strategies:
        raise MissingSymbol(word=strategies[0].text.strip(), example=f"AAPL {found.commands[0]}", command="")
    if is_for_thread and items_of(items, Kind.CADENCE, Kind.CLOCK):
        return
    raise _specific(refused) or _not_understood(items, "", list(items[:1]))


def _offered(command: str) -> str:
    """Return a command to copy, or nothing where it would be refused."""
    try:
        parse(command)
    except UserError:
        return ""
    return f"{PREFIX} {command}"


def _with_strategy(command: str, symbols: str) -> str:
    return command.replace(symbols, f"{symbols} rsi", 1)


def _searched_or_known(items: Sequence[Item], found: Assembled, refused: UserError) -> tuple[str, ...]:
    """Return a search and a look at what is known, for a text that asks for the best; a question starts nothing."""
    symbols, strategies = items_of(items, Kind.SYMBOL), items_of(items, Kind.STRATEGY)
    if not items_of(items, Kind.BEST) or len(found.commands) != 1 or len(symbols) != 1:
        asked = items_of(items, Kind.SHOW, Kind.BEST)
        raise _not_understood(items, "", asked[:1])
    if items_of(items, Kind.TRIALS, Kind.WORD, Kind.GOAL, Kind.CADENCE) and not items_of(items, Kind.SHOW):
        return found.commands  # what is known cannot be asked for with a window
    return (found.commands[0], f"best {symbols[0].value} {strategies[0].value}")


def _parsed(command: str, study: str | None, rules: SavedRules) -> Reading:
    try:
        parsed = parse(command, study=study, rules=rules)
    except UserError as error:
        raise _near(error) from None
    starts = parsed if isinstance(parsed, Start) else parsed.start if isinstance(parsed, AddSchedule) else None
    return Reading(parsed, command, company_names(starts.symbols if starts else ()))


def _incomplete(items: Sequence[Item], found: Assembled) -> UserError:
    """Return the error of a schedule that leaves the day or the time open, with the command that has one."""
    [command] = found.commands
    asked = items_of(items, Kind.CADENCE, Kind.CLOCK, Kind.SCHEDULE)[0].text.strip()
    if found.lacks == "time":
        return MissingTime(word=asked, command=_offered(command))
    return MissingDay(word=asked, example="mon", command=_offered(command))


def _not_understood(items: Sequence[Item], text: str, words: Sequence[Item]) -> UserError:
    """Return the error that names what was not understood, and what was."""
    named = [item.text.strip() for item in words if item.text.strip()][:_MOST_WORDS_NAMED]
    word = " ".join(named)[:60] or text[:40]
    kinds = (Kind.SYMBOL, Kind.STRATEGY, Kind.TRIALS, Kind.WORD, Kind.GOAL)
    read = " ".join(dict.fromkeys(item.text.strip() for item in items_of(items, *kinds) if item not in words))[:120]
    if read and items_of(items, Kind.SYMBOL, Kind.STRATEGY):
        return NotUnderstood(word=word, read=read, nearest=name_meant(word), command="")
    return NothingUnderstood(word=text.split()[0][:40] if text and not named else word, command="")


def _specific(refused: UserError) -> UserError | None:
    """Return the error of the strict parser where it offers a word that was nearly typed."""
    near = str(refused.facts.get("nearest") or "")
    word = str(refused.facts.get("word") or "")
    return refused if near and isinstance(refused, _OFFERING) and is_misspelt(word, near) else None


def _near(refused: UserError) -> UserError:
    """Return an error without an offer that is another word, or another study, than what was typed."""
    if isinstance(refused, Repeated) and str(refused.facts["word"])[:1].isdigit():
        return Repeated(word=refused.facts["word"], command="")
    if not isinstance(refused, _OFFERING) or not refused.facts.get("nearest") or _specific(refused):
        return refused
    return type(refused)(**{**refused.facts, "nearest": "", "command": ""})
