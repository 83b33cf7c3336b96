"""The options of a start: `key=value` and flags that no strategy declares. Also the source of their help."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bot.grammar.commands import Mode
from bot.grammar.errors import MissingValue, NotABenchmark, NotAWord, Repeated
from bot.grammar.values import (
    read_basis_points,
    read_date,
    read_number,
    read_percent,
    read_symbol,
    read_text,
    read_whole,
    read_yes,
)
from optimizer.domain.fees import find_fees
from optimizer.domain.metrics import find_goal
from optimizer.domain.study_request import MAX_TRIALS, BenchmarkPart, Reentry, SamplerKind
from optimizer.domain.timeframes import parse_timeframe
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


def _reenter(value: str) -> Fields:
    words = {word.value: word for word in Reentry}
    if value.lower() not in words:
        raise WrongChoice(name="reenter", choices=", ".join(words), value=value)
    return {"reenter": words[value.lower()]}


def _by_regime(value: str) -> Fields:
    """Names of parameters; whether they can be split is known with the strategy."""
    names = tuple(name.strip() for name in value.lower().split(",") if name.strip())
    if not names:
        raise MissingValue(word="by_regime=", example="by_regime=stop")
    return {"by_regime": names}


def _fees(value: str) -> Fields:
    """Costs of a market; what it does not charge is set to 0 and not left to other words."""
    costs = find_fees(value.lower())
    return {name: getattr(costs, name) for name in ("commission_bps", "slippage_bps", "tax_bps")}


def _interest(value: str) -> Fields:
    """Percent a year, or a symbol whose closes are that."""
    if value[:1].isalpha() or value.startswith("^"):
        return {"interest_symbol": read_symbol(value)}
    return {"interest": read_percent("rf", value, low=-50, high=1_000)}


#: Part of a benchmark that is no symbol, although there is a stock called so.
_CASH = "cash"


def read_benchmark(value: str) -> tuple[BenchmarkPart, ...]:
    """`SPY`, `SPY:60,AGG:40` in percent that make 100, or `cash`, also as a part. Raises NotASymbol, NotABenchmark."""
    if value.lower() == _CASH:
        return ()
    named = [part.partition(":") for part in value.split(",")]
    symbols = [read_symbol(symbol) for symbol, _, _ in named]
    if len(named) == 1 and not named[0][1]:
        return (BenchmarkPart(symbol=symbols[0], weight=1.0),)
    weights = [read_percent("benchmark", share, low=0, high=100) for _, _, share in named]
    if len(set(symbols)) < len(symbols) or not math.isclose(sum(weights), 1.0, abs_tol=1e-6) or not all(weights):
        raise NotABenchmark(value=value)
    parts = zip(symbols, weights, strict=True)
    return tuple(BenchmarkPart(symbol=symbol, weight=weight) for symbol, weight in parts if symbol.lower() != _CASH)


def _word(name: str, value: str) -> str:
    """A name that other parts know: letters, digits, dash and underscore."""
    plain = value.lower()
    if not (0 < len(plain) <= 30 and plain.isascii() and plain.replace("-", "").replace("_", "").isalnum()):
        raise NotAWord(name=name, value=value)
    return plain


def _source(value: str) -> str:
    """A source; that of a firm's own table is `table:NAME`."""
    kind, colon, name = value.lower().rpartition(":")
    return (kind + colon if kind == "table" else "") + _word("source", name if kind == "table" else value)


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
            aliases=("oos",),
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
            key="tax",
            read=lambda value: {"tax_bps": read_basis_points("tax", value)},
            example="tax=20",
        ),
        Option(
            key="fees",
            read=_fees,
            example="fees=krx",
        ),
        Option(
            key="borrow",
            read=lambda value: {"borrow": read_percent("borrow", value, low=0, high=1_000)},
            example="borrow=3",
        ),
        Option(
            key="rf",
            read=_interest,
            example="rf=4",
            aliases=("interest",),
        ),
        Option(
            key="capital",
            read=lambda value: {"capital": read_number("capital", value, low=1, high=1e15)},
            example="capital=10000",
            aliases=("cash",),
        ),
        Option(
            key="per_share",
            read=lambda value: {"per_share": read_number("per_share", value, low=0, high=1_000)},
            example="per_share=0.005",
        ),
        Option(
            key="min_fee",
            read=lambda value: {"least_fee": read_number("min_fee", value, low=0, high=100_000)},
            example="min_fee=1",
        ),
        Option(
            key="benchmark",
            read=lambda value: {"benchmark": read_benchmark(value)},
            example="benchmark=SPY",
            aliases=("벤치마크",),
        ),
        Option(
            key="short",
            read=lambda value: {"allow_short": read_yes("short", value)},
            example="short=yes",
        ),
        Option(
            key="reenter",
            read=_reenter,
            example="reenter=signal",
            aliases=("reentry", "재진입"),
        ),
        Option(
            key="by_regime",
            read=_by_regime,
            example="by_regime=stop",
            aliases=("장세별",),
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
            read=lambda value: {"source": _source(value)},
            example="source=yahoo",
        ),
        Option(
            key="timeframe",
            read=lambda value: {"timeframe": parse_timeframe(value).word},
            example="timeframe=4h",
            aliases=("tf", "interval"),
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
            key="whole",
            fields={"is_whole": True},
        ),
        Flag(
            key="short",
            fields={"allow_short": True},
            aliases=("공매도",),
        ),
        Flag(
            key="yes",
            fields={"is_confirmed": True},
            aliases=("확인",),
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
