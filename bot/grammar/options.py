"""The options of a start: `key=value` and flags that no strategy declares. Also the source of their help."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bot.grammar.commands import Mode
from bot.grammar.errors import NotAWord, Repeated
from bot.grammar.values import read_basis_points, read_date, read_percent, read_text, read_whole, read_yes
from optimizer.domain.metrics import find_goal
from optimizer.domain.study_request import MAX_TRIALS, SamplerKind
from optimizer.errors import OutOfRange, UnknownSampler, WrongChoice

#: Fields of StudySpec, Costs and Start by name.
Fields = dict[str, object]

MAX_GOALS = 2
_MAX_SEED = 2**31 - 1


@dataclass(frozen=True, kw_only=True)
class Option:
    """`key=value`: how its value is read, an example, and half a sentence in each language."""

    key: str
    read: Callable[[str], Fields]
    example: str
    english: str
    korean: str
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Flag:
    """A word that stands alone."""

    key: str
    fields: Mapping[str, object]
    english: str
    korean: str
    aliases: tuple[str, ...] = ()


def read_trials(value: str) -> Fields:
    """1 … 10,000."""
    return {"n_trials": read_whole("trials", value, low=1, high=MAX_TRIALS)}


def _goals(value: str) -> Fields:
    goals: list[str] = []
    for word in value.split(","):
        goal = find_goal(word).key
        if goal in goals:
            raise Repeated(word=word)
        goals.append(goal)
    if len(goals) > MAX_GOALS:
        raise OutOfRange(name="goals", low=1, high=MAX_GOALS, value=value, nearest=",".join(goals[:MAX_GOALS]))
    return {"goals": tuple(goals)}


def _sampler(value: str) -> Fields:
    kinds = {kind.value: kind for kind in SamplerKind}
    if value.lower() not in kinds:
        raise UnknownSampler.of(value, kinds)
    return {"sampler": kinds[value.lower()]}


def _mode(value: str) -> Fields:
    modes = {mode.value: mode for mode in Mode}
    if value.lower() not in modes:
        raise WrongChoice(name="mode", choices=", ".join(modes), value=value)
    return {"mode": modes[value.lower()]}


def _word(name: str, value: str) -> str:
    """A name that other parts know: letters, digits, dash and underscore."""
    plain = value.lower()
    if not (0 < len(plain) <= 30 and plain.isascii() and plain.replace("-", "").replace("_", "").isalnum()):
        raise NotAWord(name=name, value=value)
    return plain


OPTIONS: Mapping[str, Option] = {
    option.key: option
    for option in (
        Option(
            key="trials",
            read=read_trials,
            example="trials=200",
            english="how many parameter sets are tried (1 … 10,000; also as the third word)",
            korean="시도할 조합의 수 (1 … 10,000; 세 번째 단어로도 가능)",
            aliases=("n_trials",),
        ),
        Option(
            key="goal",
            read=_goals,
            example="goal=sharpe",
            english="what is maximized; two goals give a Pareto set",
            korean="최대화할 목표; 두 개면 파레토 집합",
            aliases=("goals", "목표"),
        ),
        Option(
            key="from",
            read=lambda value: {"start": read_date("from", value)},
            example="from=2015-01-01",
            english="first day of the window",
            korean="기간의 첫날",
            aliases=("start",),
        ),
        Option(
            key="to",
            read=lambda value: {"end": read_date("to", value, is_end=True)},
            example="to=2024-12-31",
            english="last day of the window",
            korean="기간의 마지막 날",
            aliases=("end", "until"),
        ),
        Option(
            key="years",
            read=lambda value: {"years": read_whole("years", value, low=2, high=100)},
            example="years=5",
            english="length of the window, back from its last day",
            korean="마지막 날부터 거슬러 세는 기간(년)",
        ),
        Option(
            key="holdout",
            read=lambda value: {"holdout": read_percent("holdout", value, low=0, high=50, takes_fraction=True)},
            example="holdout=15",
            english="percent of the window that the search never sees",
            korean="탐색이 보지 못하는 기간의 비율(%)",
        ),
        Option(
            key="folds",
            read=lambda value: {"folds": read_whole("folds", value, low=0, high=12)},
            example="folds=4",
            english="walk-forward steps",
            korean="워크포워드 횟수",
        ),
        Option(
            key="cost",
            read=lambda value: {"commission_bps": read_basis_points("cost", value)},
            example="cost=10",
            english="commission a side, in basis points",
            korean="한쪽 수수료 (bp)",
            aliases=("commission",),
        ),
        Option(
            key="slippage",
            read=lambda value: {"slippage_bps": read_basis_points("slippage", value)},
            example="slippage=5",
            english="slippage a side, in basis points",
            korean="한쪽 슬리피지 (bp)",
        ),
        Option(
            key="short",
            read=lambda value: {"allow_short": read_yes("short", value)},
            example="short=yes",
            english="whether short positions are allowed",
            korean="공매도 허용 여부",
        ),
        Option(
            key="min_trades",
            read=lambda value: {"min_trades": read_whole("min_trades", value, low=0, high=10_000)},
            example="min_trades=3",
            english="closed trades below which a set does not count",
            korean="이보다 거래가 적은 조합은 제외",
        ),
        Option(
            key="sampler",
            read=_sampler,
            example="sampler=tpe",
            english="who proposes the next set: " + ", ".join(SamplerKind),
            korean="다음 조합을 제안하는 방법: " + ", ".join(SamplerKind),
        ),
        Option(
            key="seed",
            read=lambda value: {"seed": read_whole("seed", value, low=0, high=_MAX_SEED)},
            example="seed=7",
            english="the same seed gives the same trials",
            korean="같은 시드는 같은 결과",
        ),
        Option(
            key="source",
            read=lambda value: {"source": _word("source", value)},
            example="source=yahoo",
            english="where the bars come from",
            korean="데이터 출처",
        ),
        Option(
            key="timeframe",
            read=lambda value: {"timeframe": _word("timeframe", value)},
            example="timeframe=1d",
            english="size of a bar",
            korean="봉의 크기",
        ),
        Option(
            key="mode",
            read=_mode,
            example="mode=shared",
            english="several symbols: each its own study, or one shared parameter set",
            korean="여러 종목: 각각(each) 또는 하나의 조합을 공유(shared)",
        ),
        Option(
            key="name",
            read=lambda value: {"name": read_text("name", value, limit=60)},
            example='name="spring check"',
            english="a name of your own",
            korean="직접 붙이는 이름",
        ),
        Option(
            key="note",
            read=lambda value: {"note": read_text("note", value, limit=300)},
            example='note="after the split"',
            english="a remark kept with the study",
            korean="함께 보관할 메모",
        ),
    )
}

FLAGS: Mapping[str, Flag] = {
    flag.key: flag
    for flag in (
        Flag(
            key="dry",
            fields={"is_dry": True},
            english="say what would be done and start nothing",
            korean="계획만 보여 주고 시작하지 않음",
            aliases=("미리보기",),
        ),
        Flag(
            key="quiet",
            fields={"is_quiet": True},
            english="no progress, only the result",
            korean="진행 표시 없이 결과만",
            aliases=("조용히",),
        ),
        Flag(
            key="private",
            fields={"is_private": True},
            english="answer only me",
            korean="나에게만 답하기",
            aliases=("비공개",),
        ),
        Flag(
            key="force",
            fields={"force": True},
            english="run in spite of a critical finding about the data",
            korean="데이터에 심각한 문제가 있어도 실행",
            aliases=("강제",),
        ),
        Flag(
            key="short",
            fields={"allow_short": True},
            english="the same as short=yes",
            korean="short=yes와 같음",
            aliases=("공매도",),
        ),
    )
}


def find_option(word: str) -> Option | None:
    """The option of a key or alias."""
    return OPTIONS.get(word) or next((option for option in OPTIONS.values() if word in option.aliases), None)


def find_flag(word: str) -> Flag | None:
    """The flag of a word; dashes in front are a habit from other programs."""
    plain = word.lstrip("-")
    return FLAGS.get(plain) or next((flag for flag in FLAGS.values() if plain in flag.aliases), None)
