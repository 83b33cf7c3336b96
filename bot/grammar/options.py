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
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Flag:
    """A word that stands alone."""

    key: str
    fields: Mapping[str, object]
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
            aliases=("n_trials",),
        ),
        Option(
            key="goal",
            read=_goals,
            example="goal=sharpe",
            aliases=("goals", "목표"),
        ),
        Option(
            key="from",
            read=lambda value: {"start": read_date("from", value)},
            example="from=2015-01-01",
            aliases=("start",),
        ),
        Option(
            key="to",
            read=lambda value: {"end": read_date("to", value, is_end=True)},
            example="to=2024-12-31",
            aliases=("end", "until"),
        ),
        Option(
            key="years",
            read=lambda value: {"years": read_whole("years", value, low=2, high=100)},
            example="years=5",
        ),
        Option(
            key="holdout",
            read=lambda value: {"holdout": read_percent("holdout", value, low=0, high=50, takes_fraction=True)},
            example="holdout=15",
        ),
        Option(
            key="folds",
            read=lambda value: {"folds": read_whole("folds", value, low=0, high=12)},
            example="folds=4",
        ),
        Option(
            key="cost",
            read=lambda value: {"commission_bps": read_basis_points("cost", value)},
            example="cost=10",
            aliases=("commission",),
        ),
        Option(
            key="slippage",
            read=lambda value: {"slippage_bps": read_basis_points("slippage", value)},
            example="slippage=5",
        ),
        Option(
            key="short",
            read=lambda value: {"allow_short": read_yes("short", value)},
            example="short=yes",
        ),
        Option(
            key="min_trades",
            read=lambda value: {"min_trades": read_whole("min_trades", value, low=0, high=10_000)},
            example="min_trades=3",
        ),
        Option(
            key="sampler",
            read=_sampler,
            example="sampler=tpe",
        ),
        Option(
            key="seed",
            read=lambda value: {"seed": read_whole("seed", value, low=0, high=_MAX_SEED)},
            example="seed=7",
        ),
        Option(
            key="source",
            read=lambda value: {"source": _word("source", value)},
            example="source=yahoo",
        ),
        Option(
            key="timeframe",
            read=lambda value: {"timeframe": _word("timeframe", value)},
            example="timeframe=1d",
        ),
        Option(
            key="mode",
            read=_mode,
            example="mode=shared",
        ),
        Option(
            key="name",
            read=lambda value: {"name": read_text("name", value, limit=60)},
            example='name="spring check"',
        ),
        Option(
            key="note",
            read=lambda value: {"note": read_text("note", value, limit=300)},
            example='note="after the split"',
        ),
    )
}

FLAGS: Mapping[str, Flag] = {
    flag.key: flag
    for flag in (
        Flag(
            key="dry",
            fields={"is_dry": True},
            aliases=("미리보기",),
        ),
        Flag(
            key="quiet",
            fields={"is_quiet": True},
            aliases=("조용히",),
        ),
        Flag(
            key="private",
            fields={"is_private": True},
            aliases=("비공개",),
        ),
        Flag(
            key="force",
            fields={"force": True},
            aliases=("강제",),
        ),
        Flag(
            key="short",
            fields={"allow_short": True},
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
