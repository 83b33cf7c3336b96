"""The words after a verb, read into commands."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from bot.grammar import commands as c
from bot.grammar.cadence import take_phrase
from bot.grammar.corrections import Slip, located
from bot.grammar.errors import (
    MissingSchedule,
    MissingStart,
    MissingStudy,
    MissingSymbolAndStrategy,
    MissingTwoStudies,
    OneTooMany,
    UnknownOption,
    UnknownSetting,
)
from bot.grammar.help_topics import find_topic
from bot.grammar.start_parser import is_strategy, read_start
from bot.grammar.tokens import Word
from bot.grammar.values import (
    is_study_id,
    read_list_name,
    read_schedule_id,
    read_study_id,
    read_symbol,
    read_text,
    read_whole,
)
from optimizer.errors import UserError, WrongChoice
from optimizer.strategies.registry import find_strategy
from reports.languages import LANGUAGES

MAX_MORE = 10_000
MAX_AUDIT = 200
#: Settings of a channel and the values they take.
SETTINGS: dict[str, tuple[str, ...]] = {"language": LANGUAGES, "broadcast": ("yes", "no")}

_WHICH = {
    **{which.value: which for which in c.Which},
    "내것": c.Which.MINE,
    "실행중": c.Which.RUNNING,
    "전체": c.Which.ALL,
}
_UNPROVEN = ("all", "unproven", "전체")


@dataclass(frozen=True, kw_only=True)
class Said:
    """The words after a verb, and the study of the thread they were typed in."""

    verb: Word
    words: tuple[Word, ...]
    usage: str
    study: str | None = None

    def only(self, words: Sequence[Word], count: int = 0) -> None:
        """Refuse any word after the first `count` of `words`."""
        if len(words) > count:
            extra = words[count]
            raise Slip(OneTooMany(word=extra.text, usage=self.usage), {extra.at: ""})

    def missing(self, error: type[UserError]) -> Slip:
        """The refusal of a command that ended too early."""
        return Slip(error(word=self.verb.text, usage=self.usage))

    def study_and_rest(self) -> tuple[str, tuple[Word, ...]]:
        """The study named first, or the thread's, and the words after it."""
        if self.words and (self.study is None or is_study_id(self.words[0].text)):
            with located(self.words[0]):
                return read_study_id(self.words[0].text), self.words[1:]
        if self.study is None:
            raise self.missing(MissingStudy)
        return self.study, self.words


Reader = Callable[[Said], c.Command]


def nothing(make: Callable[[], c.Command]) -> Reader:
    """The reader of a verb that stands alone."""

    def read(said: Said) -> c.Command:
        said.only(said.words)
        return make()

    return read


def one_study(make: Callable[[str], c.Command]) -> Reader:
    """The reader of a verb that takes a study's id."""

    def read(said: Said) -> c.Command:
        study, rest = said.study_and_rest()
        said.only(rest)
        return make(study)

    return read


def one_schedule(make: Callable[[str], c.Command]) -> Reader:
    """The reader of a verb that takes a schedule's id."""

    def read(said: Said) -> c.Command:
        if not said.words:
            raise said.missing(MissingSchedule)
        with located(said.words[0]):
            schedule = read_schedule_id(said.words[0].text)
        said.only(said.words, 1)
        return make(schedule)

    return read


def help_about(said: Said) -> c.Command:
    """`help [topic]`."""
    said.only(said.words, 1)
    if not said.words:
        return c.Help()
    with located(said.words[0]):
        return find_topic(said.words[0].lower)


def status(said: Said) -> c.Command:
    """`status [ID]`."""
    if not said.words:
        return c.Status(said.study)
    return one_study(c.Status)(said)


def list_studies(said: Said) -> c.Command:
    """`list [mine|running|all]`."""
    said.only(said.words, 1)
    if not said.words:
        return c.ListStudies()
    with located(said.words[0]):
        if said.words[0].lower not in _WHICH:
            raise UnknownOption.of(said.words[0].text, [which.value for which in c.Which])
    return c.ListStudies(_WHICH[said.words[0].lower])


def top(said: Said) -> c.Command:
    """`top [SYMBOL] [STRATEGY] [all]`, in any order; a word that is a strategy is no symbol."""
    found = c.Top()
    said.only(said.words, 3)
    for word in said.words:
        if word.lower in _UNPROVEN and not found.include_unproven:
            found = replace(found, include_unproven=True)
        elif is_strategy(word.text) and found.strategy is None:
            found = replace(found, strategy=find_strategy(word.lower).key)
        elif found.symbol is None:
            with located(word):
                found = replace(found, symbol=read_symbol(word.text))
        else:
            said.only([word])
    return found


def compare(said: Said) -> c.Command:
    """`compare ID ID`; in a study's thread one id is enough."""
    said.only(said.words, 2)
    ids = []
    for word in said.words:
        with located(word):
            ids.append(read_study_id(word.text))
    if len(ids) == 1 and said.study:
        ids.insert(0, said.study)
    if len(ids) < 2:
        raise said.missing(MissingTwoStudies)
    return c.Compare(ids[0], ids[1])


def best(said: Said) -> c.Command:
    """`best SYMBOL STRATEGY`."""
    said.only(said.words, 2)
    if len(said.words) < 2:
        raise said.missing(MissingSymbolAndStrategy)
    symbol, strategy = said.words
    with located(symbol):
        found = read_symbol(symbol.text)
    with located(strategy):
        return c.Best(found, find_strategy(strategy.lower).key)


def more(said: Said) -> c.Command:
    """`more ID [N]`; in a study's thread `more N` means that study."""
    only_a_number = len(said.words) == 1 and said.words[0].text.isdecimal()
    study, rest = (said.study, said.words) if said.study and only_a_number else said.study_and_rest()
    said.only(rest, 1)
    if not rest:
        return c.More(study)
    with located(rest[0]):
        return c.More(study, read_whole("more", rest[0].text, low=1, high=MAX_MORE))


def export(said: Said) -> c.Command:
    """`export ID [csv|json|html]`."""
    study, rest = said.study_and_rest()
    said.only(rest, 1)
    if not rest:
        return c.Export(study)
    formats = {known.value: known for known in c.ExportFormat}
    with located(rest[0]):
        if rest[0].lower not in formats:
            raise UnknownOption.of(rest[0].text, formats)
    return c.Export(study, formats[rest[0].lower])


def adopt(said: Said) -> c.Command:
    """`adopt ID [why="…"]`; a reason without `why=` is refused, and the correction puts it there."""
    study, rest = said.study_and_rest()
    if not rest:
        return c.Adopt(study)
    key, value = rest[0].pair or ("", "")
    if key != "why":
        reason = " ".join(word.text for word in rest)
        edits = {word.at: "" for word in rest} | {rest[0].at: f'why="{reason}"'}
        raise Slip(OneTooMany(word=rest[0].text, usage=said.usage), edits)
    said.only(rest, 1)
    with located(rest[0]):
        return c.Adopt(study, read_text("why", value, limit=300))


def add_schedule(said: Said) -> c.Command:
    """`schedule SYMBOLS STRATEGY … weekly mon 07:00 [tz=…]`; in a study's thread the phrase alone is enough."""
    if not said.words:
        raise said.missing(MissingStart)
    phrase = take_phrase(said.words)
    if not phrase.rest and said.study:
        return c.AddSchedule(when=phrase.when, study=said.study, time_zone=phrase.time_zone)
    if not phrase.rest:
        raise said.missing(MissingStart)
    return c.AddSchedule(when=phrase.when, start=read_start(phrase.rest), time_zone=phrase.time_zone)


def show_data(said: Said) -> c.Command:
    """`data [SYMBOL]`."""
    said.only(said.words, 1)
    if not said.words:
        return c.ShowData()
    with located(said.words[0]):
        return c.ShowData(read_symbol(said.words[0].text))


def audit(said: Said) -> c.Command:
    """`audit [N]`."""
    said.only(said.words, 1)
    if not said.words:
        return c.Audit()
    with located(said.words[0]):
        return c.Audit(read_whole("audit", said.words[0].text, low=1, high=MAX_AUDIT))


def config(said: Said) -> c.Command:
    """`config`, `config KEY`, `config KEY VALUE` or `config KEY=VALUE`; `config @name AAPL,MSFT` keeps a watch list."""
    if not said.words:
        return c.Config()
    first = said.words[0]
    said.only(said.words, 1 if first.pair else 2)
    with located(first):
        key = _setting(first.pair[0] if first.pair else first.lower)
    value = first.pair[1] if first.pair else "".join(word.text for word in said.words[1:])
    if not value and not first.pair:
        return c.Config(key)
    with located(said.words[-1]):
        return c.Config(key, _setting_value(key, value))


def _setting(key: str) -> str:
    if key.startswith("@"):
        return read_list_name(key)
    if key not in SETTINGS:
        raise UnknownSetting.of(key, SETTINGS)
    return key


def _setting_value(key: str, value: str) -> str:
    if key.startswith("@"):
        return ",".join(dict.fromkeys(read_symbol(part) for part in value.split(","))) if value else ""
    if value.lower() not in SETTINGS[key]:
        raise WrongChoice(name=key, choices=", ".join(SETTINGS[key]), value=value)
    return value.lower()


READERS: Mapping[str, Reader] = {
    "start": lambda said: read_start(said.words),
    "help": help_about,
    "strategies": nothing(c.ListStrategies),
    "whoami": nothing(c.WhoAmI),
    "status": status,
    "list": list_studies,
    "show": one_study(c.Show),
    "top": top,
    "compare": compare,
    "best": best,
    "cancel": one_study(c.Cancel),
    "pause": one_study(c.Pause),
    "resume": one_study(c.Resume),
    "more": more,
    "replay": one_study(c.Replay),
    "export": export,
    "adopt": adopt,
    "schedule": add_schedule,
    "schedules": nothing(c.ListSchedules),
    "unschedule": one_schedule(c.Unschedule),
    "run": one_schedule(c.RunSchedule),
    "data": show_data,
    "health": nothing(c.Health),
    "failures": nothing(c.Failures),
    "config": config,
    "audit": audit,
    "web": nothing(c.OpenWeb),
}
