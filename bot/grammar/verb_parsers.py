"""Parsers of the words after a verb."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, cast

from bot.grammar import commands
from bot.grammar.cadence import take_phrase
from bot.grammar.clock_settings import CHANNEL_CLOCKS, read_own_zone
from bot.grammar.errors import (
    MissingRuleName,
    MissingSchedule,
    MissingStart,
    MissingStudy,
    MissingSymbol,
    MissingSymbolAndStrategy,
    MissingTwoStudies,
    OneTooMany,
    UnknownOption,
    UnknownSetting,
)
from bot.grammar.help_topics import find_topic
from bot.grammar.options import OPTIONS
from bot.grammar.rules.names import read_rule_name
from bot.grammar.rules.typed import NO_RULES, SavedRules, read_rule
from bot.grammar.start_builder import is_strategy, read_start
from bot.grammar.tokens import Slip, Word, locate_errors
from bot.grammar.values import (
    is_study_id,
    read_date,
    read_list_name,
    read_schedule_id,
    read_study,
    read_symbol,
    read_text,
    read_whole,
)
from bot.grammar.verbs import Takes, Verb
from optimizer.domain.results.learned_results import Label
from optimizer.errors import UserError, WrongChoice
from optimizer.strategies.learning.ml import HORIZONS, LABEL
from optimizer.strategies.registry import find_strategy
from reports.languages import LANGUAGES

MAX_MORE = 10_000
MAX_AUDIT = 200
MAX_HORIZON = 252
#: Settings of a channel and their values.
SETTINGS: dict[str, tuple[str, ...]] = {
    "language": LANGUAGES,
    "broadcast": ("yes", "no"),
    "detail": ("brief", "full"),
    "blocks": ("ask",),
}
#: Preferences of a person and their values; a time zone has its own reader.
PREFERENCES: dict[str, tuple[str, ...]] = {"mute": ("yes", "no"), "dm": ("yes", "no"), "tz": ()}

_WHICH = {
    **{which.value: which for which in commands.Which},
    "내것": commands.Which.MINE,
    "실행중": commands.Which.RUNNING,
    "전체": commands.Which.ALL,
}
_CHANGES = ("changes", "변경")
_CHAMPIONS = ("champions", "챔피언")
_UNPROVEN = ("all", "unproven", "전체")
_DELETE = ("delete", "삭제")
#: Digits of the shortest code of a listing: `top 10` asks for no symbol.
_SHORTEST_CODE = 4


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Words after a verb, and the study of the thread they were typed in."""

    verb: Word
    words: tuple[Word, ...]
    usage: str
    study: str | None = None
    rules: SavedRules = field(default_factory=lambda: NO_RULES)

    def only(self, words: Sequence[Word], count: int = 0) -> None:
        """Refuse any word after the first `count` of `words`."""
        if len(words) > count:
            extra = words[count]
            raise Slip(OneTooMany(word=extra.text, usage=self.usage), {extra.at: ""})

    def missing(self, error: type[UserError]) -> Slip:
        """Return the error of a command that ended too early."""
        return Slip(error(word=self.verb.text, usage=self.usage))

    def study_and_rest(self) -> tuple[str, tuple[Word, ...]]:
        """Return the study named first, or the thread's, and the words after it."""
        if self.words and (self.study is None or is_study_id(self.words[0].text)):
            with locate_errors(self.words[0]):
                return read_study(self.words[0].text), self.words[1:]
        if self.study is None:
            raise self.missing(MissingStudy)
        return self.study, self.words


Reader = Callable[[Arguments], commands.Command]


def no_arguments(make: Callable[[], commands.Command]) -> Reader:
    """Make the reader of a verb without arguments."""

    def read(arguments: Arguments) -> commands.Command:
        arguments.only(arguments.words)
        return make()

    return read


def one_study(make: Callable[[str], commands.Command]) -> Reader:
    """Make the reader of a verb that takes a study's id or its name; in a study's thread neither is needed."""

    def read(arguments: Arguments) -> commands.Command:
        if not arguments.words:
            return make(arguments.study_and_rest()[0])
        arguments.only(arguments.words, 1)
        with locate_errors(arguments.words[0]):
            return make(read_study(arguments.words[0].text))

    return read


def one_schedule(make: Callable[[str], commands.Command]) -> Reader:
    """Make the reader of a verb that takes a schedule's id."""

    def read(arguments: Arguments) -> commands.Command:
        if not arguments.words:
            raise arguments.missing(MissingSchedule)
        with locate_errors(arguments.words[0]):
            schedule = read_schedule_id(arguments.words[0].text)
        arguments.only(arguments.words, 1)
        return make(schedule)

    return read


def help_about(arguments: Arguments) -> commands.Command:
    """Read `help [topic]`, a topic of one word or more."""
    if not arguments.words:
        return commands.Help()
    with locate_errors(arguments.words[0]):
        return find_topic(" ".join(word.lower for word in arguments.words))


def status(arguments: Arguments) -> commands.Command:
    """Read `status [ID]`."""
    if not arguments.words:
        return commands.Status(arguments.study)
    return one_study(commands.Status)(arguments)


def list_studies(arguments: Arguments) -> commands.Command:
    """Read `list [mine|running|all]`."""
    arguments.only(arguments.words, 1)
    if not arguments.words:
        return commands.ListStudies()
    with locate_errors(arguments.words[0]):
        if arguments.words[0].lower not in _WHICH:
            raise UnknownOption.of(arguments.words[0].text, [which.value for which in commands.Which])
    return commands.ListStudies(_WHICH[arguments.words[0].lower])


def top(arguments: Arguments) -> commands.Command:
    """Read `top [SYMBOL] [STRATEGY] [all]`, in any order; a word that is a strategy is no symbol."""
    found = commands.Top()
    arguments.only(arguments.words, 3)
    for word in arguments.words:
        if word.lower in _UNPROVEN and not found.include_unproven:
            found = replace(found, include_unproven=True)
        elif is_strategy(word.text) and found.strategy is None:
            found = replace(found, strategy=find_strategy(word.lower).key)
        elif found.symbol is None and not (word.text.isdecimal() and len(word.text) < _SHORTEST_CODE):
            with locate_errors(word):
                found = replace(found, symbol=read_symbol(word.text))
        else:
            arguments.only([word])
    return found


def compare(arguments: Arguments) -> commands.Command:
    """Read `compare ID ID`; in a study's thread one id is enough."""
    arguments.only(arguments.words, 2)
    ids = []
    for word in arguments.words:
        with locate_errors(word):
            ids.append(read_study(word.text))
    if len(ids) == 1 and arguments.study:
        ids.insert(0, arguments.study)
    if len(ids) < 2:
        raise arguments.missing(MissingTwoStudies)
    return commands.Compare(ids[0], ids[1])


def best(arguments: Arguments) -> commands.Command:
    """Read `best SYMBOL STRATEGY`."""
    arguments.only(arguments.words, 2)
    if len(arguments.words) < 2:
        raise arguments.missing(MissingSymbolAndStrategy)
    symbol, strategy = arguments.words
    with locate_errors(symbol):
        found = read_symbol(symbol.text)
    with locate_errors(strategy):
        return commands.Best(found, find_strategy(strategy.lower).key)


def more(arguments: Arguments) -> commands.Command:
    """Read `more ID [N]`; in a study's thread `more N` means that study."""
    only_a_number = len(arguments.words) == 1 and arguments.words[0].text.isdecimal()
    study, rest = (
        (arguments.study, arguments.words) if arguments.study and only_a_number else arguments.study_and_rest()
    )
    arguments.only(rest, 1)
    if not rest:
        return commands.More(study)
    with locate_errors(rest[0]):
        return commands.More(study, read_whole("more", rest[0].text, low=1, high=MAX_MORE))


def export(arguments: Arguments) -> commands.Command:
    """Read `export ID [FORMAT]`, and after `trades` and `positions` the kind of file."""
    study, rest = arguments.study_and_rest()
    if not rest:
        return commands.Export(study)
    wanted = commands.ExportFormat(_one_of(rest[0], commands.ExportFormat))
    arguments.only(rest, 2 if wanted.is_table else 1)
    if len(rest) == 1:
        return commands.Export(study, wanted)
    return commands.Export(study, wanted, commands.TableFile(_one_of(rest[1], commands.TableFile)))


def _one_of(word: Word, known: type[StrEnum]) -> str:
    """Return a word of an enumeration as it is written there. Raises UnknownOption with the nearest."""
    with locate_errors(word):
        if word.lower not in [str(each) for each in known]:
            raise UnknownOption.of(word.text, [str(each) for each in known])
    return word.lower


def adopt(arguments: Arguments) -> commands.Command:
    """Read `adopt ID [why="…"]`; a reason without `why=` is refused, and the correction adds it."""
    study, rest = arguments.study_and_rest()
    if not rest:
        return commands.Adopt(study)
    key, value = rest[0].pair or ("", "")
    if key != "why":
        reason = " ".join(word.text for word in rest)
        edits = {word.at: "" for word in rest} | {rest[0].at: f'why="{reason}"'}
        raise Slip(OneTooMany(word=rest[0].text, usage=arguments.usage), edits)
    arguments.only(rest, 1)
    with locate_errors(rest[0]):
        return commands.Adopt(study, read_text("why", value, limit=300))


def add_schedule(arguments: Arguments) -> commands.Command:
    """Read `schedule SYMBOLS STRATEGY … weekly mon 07:00 [tz=…]`; in a study's thread the phrase is enough."""
    if not arguments.words:
        raise arguments.missing(MissingStart)
    phrase = take_phrase(arguments.words)
    if not phrase.rest and arguments.study:
        return commands.AddSchedule(when=phrase.when, study=arguments.study, time_zone=phrase.time_zone)
    if not phrase.rest:
        raise arguments.missing(MissingStart)
    start = read_start(phrase.rest, arguments.rules)
    return commands.AddSchedule(when=phrase.when, start=start, time_zone=phrase.time_zone)


def rule(arguments: Arguments) -> commands.Command:
    """Read `rule NAME`, `rule NAME "buy when …"` or `rule NAME delete`."""
    if not arguments.words:
        raise arguments.missing(MissingRuleName)
    first, *rest = arguments.words
    with locate_errors(first):
        name = read_rule_name(first.text)
    if not rest:
        return commands.ShowRule(name)
    arguments.only(rest, 1)
    if rest[0].lower in _DELETE:
        return commands.ArchiveRule(name)
    return commands.SaveRule(name, read_rule(rest[0]))


def show_data(arguments: Arguments) -> commands.Command:
    """Read `data [SYMBOL [changes] [timeframe=1h] [source=yahoo]]`."""
    if not arguments.words:
        return commands.ShowData()
    first, *more = arguments.words
    with locate_errors(first):
        symbol = read_symbol(first.text)
    is_log, fields = False, dict[str, Any]()
    for word in more:
        if word.lower in _CHANGES and not is_log:
            is_log = True
            continue
        key, value = word.pair or ("", "")
        if key not in ("timeframe", "source"):
            arguments.only([word])
        with locate_errors(word):
            fields |= OPTIONS[key].read(value)
    return commands.ShowChanges(symbol, **fields) if is_log else commands.ShowData(symbol, **fields)


#: What only verbs about a symbol take, beside options of a start.
_OF_SYMBOL: Mapping[str, Callable[[str], object]] = {
    "as_of": lambda value: read_date("as_of", value, is_end=True),
    "horizon": lambda value: int(_choice("horizon", value, HORIZONS)),
    "label": lambda value: Label(_choice("label", value, LABEL.choices)),
}


def about_symbol(make: Callable[..., commands.Command], *keys: str) -> Reader:
    """Return a parser of `SYMBOL [key=value]…` for these keys: options of a start, or those of `_OF_SYMBOL`."""

    def read(arguments: Arguments) -> commands.Command:
        if not arguments.words:
            raise Slip(MissingSymbol(word=arguments.verb.text, example=f"{arguments.verb.text} AAPL"), {})
        first, *more = arguments.words
        with locate_errors(first):
            symbol = read_symbol(first.text)
        fields = dict[str, Any]()
        for word in more:
            key, value = word.pair or ("", "")
            if key not in keys:
                arguments.only([word])
            with locate_errors(word):
                fields |= {key: _OF_SYMBOL[key](value)} if key in _OF_SYMBOL else OPTIONS[key].read(value)
        return make(symbol, **fields)

    return read


def forecast(arguments: Arguments) -> commands.Command:
    """Read `forecast ID [bars=63]` or `forecast champions [bars=63]`; in a study's thread no id is needed."""
    words = arguments.words
    if words and words[0].lower in _CHAMPIONS:
        return commands.ForecastChampions(_horizon(arguments, words[1:]))
    if words and words[0].pair and arguments.study:
        return commands.ShowForecast(arguments.study, _horizon(arguments, words))
    study, rest = arguments.study_and_rest()
    return commands.ShowForecast(study, _horizon(arguments, rest))


def _horizon(arguments: Arguments, words: Sequence[Word]) -> int | None:
    """Read `bars=63`; None where it is not given."""
    if not words:
        return None
    key, value = words[0].pair or ("", "")
    arguments.only(words, 1 if key == "bars" else 0)
    with locate_errors(words[0]):
        return read_whole("bars", value, low=1, high=MAX_HORIZON)


def forecasts(arguments: Arguments) -> commands.Command:
    """Read `forecasts [SYMBOL]`."""
    arguments.only(arguments.words, 1)
    if not arguments.words:
        return commands.ListForecasts()
    with locate_errors(arguments.words[0]):
        return commands.ListForecasts(read_symbol(arguments.words[0].text))


def audit(arguments: Arguments) -> commands.Command:
    """Read `audit [N]`."""
    arguments.only(arguments.words, 1)
    if not arguments.words:
        return commands.Audit()
    with locate_errors(arguments.words[0]):
        return commands.Audit(read_whole("audit", arguments.words[0].text, low=1, high=MAX_AUDIT))


def config(arguments: Arguments) -> commands.Command:
    """Read `config`, `config KEY`, `config KEY VALUE` or `config KEY=VALUE`.

    `config @name AAPL,MSFT` stores a list, `config @name +AAPL -MSFT` changes it.
    """
    if not arguments.words:
        return commands.Config()
    first, *rest = arguments.words
    if first.text.startswith("@") and rest and rest[0].text[0] in "+-":
        return _changed_list(first, rest)
    most = 4 if first.lower == "quiet" else 2  # 22:00 - 07:00
    arguments.only(arguments.words, 1 if first.pair else most)
    with locate_errors(first):
        key = _setting(first.pair[0] if first.pair else first.lower)
    value = first.pair[1] if first.pair else "".join(word.text for word in arguments.words[1:])
    if not value and not first.pair:
        return commands.Config(key)
    with locate_errors(arguments.words[-1]):
        return commands.Config(key, _setting_value(key, value))


def _changed_list(name: Word, changes: Sequence[Word]) -> commands.Command:
    """Read `+AAPL,MSFT -IBM`; a part without a sign has that of the part before it."""
    with locate_errors(name):
        key = read_list_name(name.text)
    found: dict[str, list[str]] = {"+": [], "-": []}
    sign = "+"
    for word in changes:
        with locate_errors(word):
            for part in filter(None, word.text.split(",")):
                sign = part[0] if part[0] in "+-" else sign
                if part != sign:
                    found[sign].append(read_symbol(part.removeprefix(sign)))
    return commands.Config(key, added=tuple(dict.fromkeys(found["+"])), removed=tuple(dict.fromkeys(found["-"])))


def _setting(key: str) -> str:
    if key.startswith("@"):
        return read_list_name(key)
    known = (*SETTINGS, *CHANNEL_CLOCKS)
    if key not in known:
        raise UnknownSetting.of(key, known)
    return key


def _setting_value(key: str, value: str) -> str:
    if key.startswith("@"):
        return ",".join(dict.fromkeys(read_symbol(part) for part in value.split(","))) if value else ""
    if key in CHANNEL_CLOCKS:
        return CHANNEL_CLOCKS[key](value)
    return _choice(key, value, SETTINGS[key])


def _choice(key: str, value: str, choices: Sequence[str]) -> str:
    if value.lower() not in choices:
        raise WrongChoice(name=key, choices=", ".join(choices), value=value)
    return value.lower()


def preferences(arguments: Arguments) -> commands.Command:
    """Read `preferences`, `preferences KEY`, `preferences KEY VALUE` or `preferences KEY=VALUE`."""
    if not arguments.words:
        return commands.Preferences()
    first, *rest = arguments.words
    arguments.only(arguments.words, 1 if first.pair else 2)
    key = first.pair[0] if first.pair else first.lower
    with locate_errors(first):
        if key not in PREFERENCES:
            raise UnknownSetting.of(key, PREFERENCES)
    value = first.pair[1] if first.pair else "".join(word.text for word in rest)
    if not value and not first.pair:
        return commands.Preferences(key)
    with locate_errors(arguments.words[-1]):
        choices = PREFERENCES[key]
        return commands.Preferences(key, _choice(key, value, choices) if choices else read_own_zone(value))


#: Parsers of the verbs that take words of their own.
READERS: Mapping[str, Reader] = {
    "start": lambda arguments: read_start(arguments.words, arguments.rules),
    "rule": rule,
    "help": help_about,
    "status": status,
    "list": list_studies,
    "top": top,
    "compare": compare,
    "best": best,
    "more": more,
    "export": export,
    "adopt": adopt,
    "schedule": add_schedule,
    "data": show_data,
    "regime": about_symbol(commands.ShowRegime, "as_of", "timeframe", "source"),
    "forecast": forecast,
    "forecasts": forecasts,
    "signal": about_symbol(commands.ShowSignal, "horizon", "label", "as_of", "timeframe", "source"),
    "signals": about_symbol(commands.ShowSignals, "horizon"),
    "config": config,
    "preferences": preferences,
    "audit": audit,
}


def reader_of(verb: Verb) -> Reader:
    """Return the parser of the words after a verb."""
    match verb.takes:
        case Takes.NOTHING:
            return no_arguments(verb.command)
        case Takes.STUDY:
            return one_study(cast("Callable[[str], commands.Command]", verb.command))
        case Takes.SCHEDULE:
            return one_schedule(cast("Callable[[str], commands.Command]", verb.command))
        case Takes.WORDS:
            return READERS[verb.key]
