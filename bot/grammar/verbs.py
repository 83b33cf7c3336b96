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
    english: str  # half a sentence
    korean: str
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
        english="search a strategy's parameters",
        korean="전략의 파라미터를 탐색",
        role=Role.RUNNER,
        answer=AnswerTo.CHANNEL,
        aliases=("optimize", "최적화", "시작"),
    ),
    Verb(
        key="help",
        command=c.Help,
        takes=Takes.WORDS,
        usage="help [TOPIC]",
        english="what I can do, or one topic of it",
        korean="할 수 있는 일, 또는 한 주제의 설명",
        role=Role.NOBODY,
        aliases=("?", "도움말", "도움"),
    ),
    Verb(
        key="strategies",
        command=c.ListStrategies,
        usage="strategies",
        english="the strategies with their parameters",
        korean="전략과 파라미터",
        aliases=("전략",),
    ),
    Verb(
        key="whoami",
        command=c.WhoAmI,
        usage="whoami",
        english="your role and your limits",
        korean="내 역할과 한도",
        role=Role.NOBODY,
        aliases=("내정보",),
    ),
    Verb(
        key="status",
        command=c.Status,
        takes=Takes.WORDS,
        usage="status [ID]",
        english="how a study stands, or everything that runs",
        korean="탐색 하나 또는 실행 중인 모든 탐색의 상태",
        aliases=("상태",),
    ),
    Verb(
        key="list",
        command=c.ListStudies,
        takes=Takes.WORDS,
        usage="list [mine|running|all]",
        english="the latest studies",
        korean="최근 탐색 목록",
        aliases=("목록",),
    ),
    Verb(
        key="show",
        command=c.Show,
        takes=Takes.STUDY,
        usage="show ID",
        english="a study's result",
        korean="탐색의 결과",
        aliases=("보기", "결과"),
    ),
    Verb(
        key="top",
        command=c.Top,
        takes=Takes.WORDS,
        usage="top [SYMBOL] [STRATEGY] [all]",
        english="the leaderboard by out-of-sample value (`all` with the unproven)",
        korean="표본 외 성과 순위 (`all`: 입증되지 않은 것 포함)",
        aliases=("순위",),
    ),
    Verb(
        key="compare",
        command=c.Compare,
        takes=Takes.WORDS,
        usage="compare ID ID",
        english="two studies side by side",
        korean="두 탐색을 나란히 비교",
        aliases=("비교",),
    ),
    Verb(
        key="best",
        command=c.Best,
        takes=Takes.WORDS,
        usage="best SYMBOL STRATEGY",
        english="the best parameters known",
        korean="알려진 최고의 파라미터",
        aliases=("최고",),
    ),
    Verb(
        key="cancel",
        command=c.Cancel,
        takes=Takes.STUDY,
        usage="cancel ID",
        english="stop a study and keep what it has",
        korean="탐색을 멈추고 결과는 보관",
        role=Role.RUNNER,
        answer=AnswerTo.THREAD,
        aliases=("취소",),
    ),
    Verb(
        key="pause",
        command=c.Pause,
        takes=Takes.STUDY,
        usage="pause ID",
        english="let a study rest",
        korean="탐색을 잠시 멈춤",
        role=Role.RUNNER,
        answer=AnswerTo.THREAD,
        aliases=("일시정지", "일시중지"),
    ),
    Verb(
        key="resume",
        command=c.Resume,
        takes=Takes.STUDY,
        usage="resume ID",
        english="carry on with a paused, cancelled or failed study",
        korean="멈추거나 실패한 탐색을 이어서 실행",
        role=Role.RUNNER,
        answer=AnswerTo.THREAD,
        aliases=("재개", "계속"),
    ),
    Verb(
        key="more",
        command=c.More,
        takes=Takes.WORDS,
        usage="more ID [N]",
        english="add trials to a finished study (100 unless said)",
        korean="끝난 탐색에 시도를 추가 (기본 100)",
        role=Role.RUNNER,
        answer=AnswerTo.THREAD,
        aliases=("추가",),
    ),
    Verb(
        key="replay",
        command=c.Replay,
        takes=Takes.STUDY,
        usage="replay ID",
        english="compute a study again and prove it equal",
        korean="다시 계산하여 같은지 확인",
        role=Role.RUNNER,
        answer=AnswerTo.THREAD,
        aliases=("재현",),
    ),
    Verb(
        key="export",
        command=c.Export,
        takes=Takes.WORDS,
        usage="export ID [csv|json|html]",
        english="a study as a file",
        korean="탐색을 파일로 내보내기",
        answer=AnswerTo.THREAD,
        aliases=("내보내기",),
    ),
    Verb(
        key="adopt",
        command=c.Adopt,
        takes=Takes.WORDS,
        usage='adopt ID [why="…"]',
        english="make a study's winner the champion",
        korean="탐색의 최적 조합을 챔피언으로 채택",
        role=Role.APPROVER,
        answer=AnswerTo.CHANNEL,
        aliases=("채택",),
    ),
    Verb(
        key="schedule",
        command=c.AddSchedule,
        takes=Takes.WORDS,
        usage="schedule SYMBOL STRATEGY [TRIALS] daily|weekdays|weekly DAY|monthly 1-28 HH:MM [tz=ZONE]",
        english="search again and again",
        korean="정기적으로 다시 탐색",
        role=Role.RUNNER,
        answer=AnswerTo.CHANNEL,
        aliases=("일정", "예약"),
    ),
    Verb(
        key="schedules",
        command=c.ListSchedules,
        usage="schedules",
        english="the schedules with their next runs",
        korean="일정과 다음 실행 시각",
        aliases=("일정목록",),
    ),
    Verb(
        key="unschedule",
        command=c.Unschedule,
        takes=Takes.SCHEDULE,
        usage="unschedule ID",
        english="remove a schedule",
        korean="일정을 삭제",
        role=Role.RUNNER,
        answer=AnswerTo.CHANNEL,
        aliases=("일정취소", "일정삭제"),
    ),
    Verb(
        key="run",
        command=c.RunSchedule,
        takes=Takes.SCHEDULE,
        usage="run ID",
        english="run a schedule now",
        korean="일정을 지금 실행",
        role=Role.RUNNER,
        answer=AnswerTo.CHANNEL,
        aliases=("실행",),
    ),
    Verb(
        key="data",
        command=c.ShowData,
        takes=Takes.WORDS,
        usage="data [SYMBOL]",
        english="what bars there are and what is wrong with them",
        korean="보유한 데이터와 그 품질",
        aliases=("데이터",),
    ),
    Verb(
        key="health",
        command=c.Health,
        usage="health",
        english="whether everything works",
        korean="모든 것이 정상인지 확인",
        aliases=("건강",),
    ),
    Verb(
        key="failures",
        command=c.Failures,
        usage="failures",
        english="the last errors",
        korean="최근 오류",
        aliases=("오류", "실패"),
    ),
    Verb(
        key="config",
        command=c.Config,
        takes=Takes.WORDS,
        usage="config [KEY [VALUE]] · config @NAME SYMBOL,SYMBOL",
        english="this channel's settings and watch lists",
        korean="채널 설정과 관심 목록",
        role=Role.ADMIN,
        aliases=("설정",),
    ),
    Verb(
        key="audit",
        command=c.Audit,
        takes=Takes.WORDS,
        usage="audit [N]",
        english="who did what",
        korean="누가 무엇을 했는지",
        role=Role.ADMIN,
        aliases=("감사",),
    ),
    Verb(
        key="web",
        command=c.OpenWeb,
        usage="web",
        english="a private link to the pages",
        korean="웹 페이지로 가는 개인 링크",
        aliases=("웹",),
    ),
)

VERBS: Mapping[str, Verb] = {verb.key: verb for verb in _TABLE}
#: From every word for a verb to the verb's key.
VERB_WORDS: Mapping[str, str] = {word: verb.key for verb in _TABLE for word in verb.words}

_BY_COMMAND: Mapping[type[c.Command], Verb] = {verb.command: verb for verb in _TABLE}


def verb_of(command: c.Command) -> Verb:
    """The verb of a command: its role, and where its answer goes. The modal belongs to `start`."""
    return VERBS["start"] if isinstance(command, c.OpenModal) else _BY_COMMAND[type(command)]
