"""The table of verbs: the words for each, who may say it, where its answer goes, and its line of help.

Help, the choice of the listener and the check of roles are all read from here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum, auto

from bot.grammar import commands as c
from bot.role import Role


class AnswerTo(StrEnum):
    """Where the answer to a command goes."""

    ASKER = auto()  # only the person who asked
    THREAD = auto()
    CHANNEL = auto()  # a root message, then its thread
    MODAL = auto()


class Takes(StrEnum):
    """Words after a verb. `verb_parsers` has the parser of each kind."""

    NOTHING = auto()
    STUDY = auto()  # the id of a study, or none in its thread
    SCHEDULE = auto()  # the id of a schedule
    WORDS = auto()  # words of its own, which `verb_parsers.READERS` reads


@dataclass(frozen=True, kw_only=True)
class Verb:
    """One verb."""

    key: str
    command: type[c.Command]
    takes: Takes = Takes.NOTHING
    usage: str
    role: Role = Role.VIEWER
    answer: AnswerTo = AnswerTo.ASKER
    aliases: tuple[str, ...] = ()

    @property
    def words(self) -> tuple[str, ...]:
        """Every word for it, its key first."""
        return (self.key, *self.aliases)


_TABLE = (
    Verb(
        key="start",
        command=c.Start,
        takes=Takes.WORDS,
        usage="SYMBOL[,SYMBOL] STRATEGY [TRIALS] [key=value | metric<n | flag]…",
        role=Role.RUNNER,
        answer=AnswerTo.CHANNEL,
        aliases=("optimize", "최적화", "시작"),
    ),
    Verb(
        key="help",
        command=c.Help,
        takes=Takes.WORDS,
        usage="help [TOPIC]",
        role=Role.NOBODY,
        aliases=("?", "도움말", "도움"),
    ),
    Verb(
        key="strategies",
        command=c.ListStrategies,
        usage="strategies",
        aliases=("전략",),
    ),
    Verb(
        key="rules",
        command=c.ListRules,
        usage="rules",
        aliases=("규칙목록",),
    ),
    Verb(
        key="rule",
        command=c.ShowRule,
        takes=Takes.WORDS,
        usage='rule NAME ["buy when …; sell when …" | delete]',
        aliases=("규칙",),
    ),
    Verb(
        key="whoami",
        command=c.WhoAmI,
        usage="whoami",
        role=Role.NOBODY,
        aliases=("내정보",),
    ),
    Verb(
        key="status",
        command=c.Status,
        takes=Takes.WORDS,
        usage="status [ID]",
        aliases=("상태",),
    ),
    Verb(
        key="list",
        command=c.ListStudies,
        takes=Takes.WORDS,
        usage="list [mine|running|all]",
        aliases=("목록",),
    ),
    Verb(
        key="show",
        command=c.Show,
        takes=Takes.STUDY,
        usage="show ID",
        aliases=("보기", "결과"),
    ),
    Verb(
        key="why",
        command=c.Why,
        takes=Takes.STUDY,
        usage="why ID",
        aliases=("왜", "이유"),
    ),
    Verb(
        key="top",
        command=c.Top,
        takes=Takes.WORDS,
        usage="top [SYMBOL] [STRATEGY] [all]",
        aliases=("순위",),
    ),
    Verb(
        key="compare",
        command=c.Compare,
        takes=Takes.WORDS,
        usage="compare ID ID",
        aliases=("비교",),
    ),
    Verb(
        key="best",
        command=c.Best,
        takes=Takes.WORDS,
        usage="best SYMBOL STRATEGY",
        aliases=("최고",),
    ),
    Verb(
        key="cancel",
        command=c.Cancel,
        takes=Takes.STUDY,
        usage="cancel ID",
        role=Role.RUNNER,
        answer=AnswerTo.THREAD,
        aliases=("취소",),
    ),
    Verb(
        key="pause",
        command=c.Pause,
        takes=Takes.STUDY,
        usage="pause ID",
        role=Role.RUNNER,
        answer=AnswerTo.THREAD,
        aliases=("일시정지", "일시중지"),
    ),
    Verb(
        key="resume",
        command=c.Resume,
        takes=Takes.STUDY,
        usage="resume ID",
        role=Role.RUNNER,
        answer=AnswerTo.THREAD,
        aliases=("재개", "계속"),
    ),
    Verb(
        key="more",
        command=c.More,
        takes=Takes.WORDS,
        usage="more ID [N]",
        role=Role.RUNNER,
        answer=AnswerTo.THREAD,
        aliases=("추가",),
    ),
    Verb(
        key="replay",
        command=c.Replay,
        takes=Takes.STUDY,
        usage="replay ID",
        role=Role.RUNNER,
        answer=AnswerTo.THREAD,
        aliases=("재현",),
    ),
    Verb(
        key="export",
        command=c.Export,
        takes=Takes.WORDS,
        usage="export ID [csv|json|html|python|backtesting|vectorbt|freqtrade|pine|trades|positions] [parquet]",
        answer=AnswerTo.THREAD,
        aliases=("내보내기",),
    ),
    Verb(
        key="adopt",
        command=c.Adopt,
        takes=Takes.WORDS,
        usage='adopt ID [why="…"]',
        role=Role.APPROVER,
        answer=AnswerTo.CHANNEL,
        aliases=("채택",),
    ),
    Verb(
        key="champions",
        command=c.ListChampions,
        usage="champions",
        aliases=("champion", "챔피언", "챔피언목록"),
    ),
    Verb(
        key="schedule",
        command=c.AddSchedule,
        takes=Takes.WORDS,
        usage="schedule SYMBOL STRATEGY [TRIALS] daily|weekdays|weekly DAY|monthly 1-28 HH:MM [tz=ZONE]",
        role=Role.RUNNER,
        answer=AnswerTo.CHANNEL,
        aliases=("일정", "예약"),
    ),
    Verb(
        key="schedules",
        command=c.ListSchedules,
        usage="schedules",
        aliases=("일정목록",),
    ),
    Verb(
        key="unschedule",
        command=c.Unschedule,
        takes=Takes.SCHEDULE,
        usage="unschedule ID",
        role=Role.RUNNER,
        answer=AnswerTo.CHANNEL,
        aliases=("일정취소", "일정삭제"),
    ),
    Verb(
        key="run",
        command=c.RunSchedule,
        takes=Takes.SCHEDULE,
        usage="run ID",
        role=Role.RUNNER,
        answer=AnswerTo.CHANNEL,
        aliases=("실행",),
    ),
    Verb(
        key="data",
        command=c.ShowData,
        takes=Takes.WORDS,
        usage="data [SYMBOL [changes] [timeframe=1h] [source=yahoo]]",
        aliases=("데이터",),
    ),
    Verb(
        key="regime",
        command=c.ShowRegime,
        takes=Takes.WORDS,
        usage="regime SYMBOL [as_of=2008-10-10] [timeframe=1h] [source=yahoo]",
        aliases=("장세", "국면"),
    ),
    Verb(
        key="regimes",
        command=c.ListRegimes,
        usage="regimes",
        aliases=("장세목록", "국면목록"),
    ),
    Verb(
        key="forecast",
        command=c.ShowForecast,
        takes=Takes.WORDS,
        usage="forecast ID|champions [bars=21|63|126|252]",
        answer=AnswerTo.THREAD,
        aliases=("전망", "예측"),
    ),
    Verb(
        key="forecasts",
        command=c.ListForecasts,
        takes=Takes.WORDS,
        usage="forecasts [SYMBOL]",
        aliases=("전망목록", "예측목록"),
    ),
    Verb(
        key="signal",
        command=c.ShowSignal,
        takes=Takes.WORDS,
        usage="signal SYMBOL [horizon=10] [label=barrier] [as_of=2012-06-29] [timeframe=1h] [source=yahoo]",
        aliases=("신호", "시그널"),
    ),
    Verb(
        key="signals",
        command=c.ShowSignals,
        takes=Takes.WORDS,
        usage="signals SYMBOL [horizon=10]",
        aliases=("신호기록",),
    ),
    Verb(
        key="health",
        command=c.Health,
        usage="health",
        aliases=("건강",),
    ),
    Verb(
        key="failures",
        command=c.Failures,
        usage="failures",
        aliases=("오류", "실패"),
    ),
    Verb(
        key="config",
        command=c.Config,
        takes=Takes.WORDS,
        usage="config [KEY [VALUE]] · config @NAME SYMBOL,SYMBOL · config @NAME +SYMBOL -SYMBOL",
        role=Role.ADMIN,
        aliases=("설정",),
    ),
    Verb(
        key="mute",
        command=c.Mute,
        usage="mute",
        aliases=("음소거", "알림끄기"),
    ),
    Verb(
        key="unmute",
        command=c.Unmute,
        usage="unmute",
        aliases=("음소거해제", "알림켜기"),
    ),
    Verb(
        key="preferences",
        command=c.Preferences,
        takes=Takes.WORDS,
        usage="preferences [mute|dm yes|no] [tz ZONE]",
        aliases=("prefs", "내설정", "개인설정"),
    ),
    Verb(
        key="audit",
        command=c.Audit,
        takes=Takes.WORDS,
        usage="audit [N]",
        role=Role.ADMIN,
        aliases=("감사",),
    ),
    Verb(
        key="web",
        command=c.OpenWeb,
        usage="web",
        aliases=("웹",),
    ),
)

VERBS: Mapping[str, Verb] = {verb.key: verb for verb in _TABLE}
#: From every word for a verb to the verb's key.
VERB_WORDS: Mapping[str, str] = {word: verb.key for verb in _TABLE for word in verb.words}

#: Commands that share the verb of another.
SHARED: Mapping[type[c.Command], str] = {
    c.OpenModal: "start",
    c.SmallTalk: "help",
    c.ShowChanges: "data",
    c.ForecastChampions: "forecast",
    c.SaveRule: "rule",
    c.ArchiveRule: "rule",
}
_BY_COMMAND: Mapping[type[c.Command], Verb] = {
    **{verb.command: verb for verb in _TABLE},
    **{command: VERBS[key] for command, key in SHARED.items()},
}


def verb_of(command: c.Command) -> Verb:
    """The verb of a command: its role, and where its answer goes."""
    return _BY_COMMAND[type(command)]
