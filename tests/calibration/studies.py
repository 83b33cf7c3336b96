"""One study of a made-up market, from the search to the verdict, as a row of plain facts."""

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import optuna

from optimizer.domain.bars import Bars, FloatArray
from optimizer.domain.space import Params, Space
from optimizer.domain.study_request import StudySpec, budget
from optimizer.domain.study_results import StudySummary, TrialRecord, Tries, Verdict
from optimizer.engine.evaluator import Evaluator
from optimizer.search.loop import search
from optimizer.strategies.registry import find_strategy, longest_warm_up, space_of, strategy_of
from optimizer.validation.evidence import Evidence, evidence_of
from optimizer.validation.summarize import WindowRows, summarize, window_rows
from optimizer.validation.verdict import Judgement, judge
from tests.calibration.drifts import clustered, hidden_trend, pull
from tests.calibration.worlds import SESSIONS, VOLATILITY, WARM_UP, Shocks, market, planted_set, with_edge

#: Share of the window that a study holds out by default.
_HELD_OUT = 0.15
#: Bars, and seeds, of the further markets on which a winner's true Sharpe ratio is measured.
_TRUE_YEARS, _TRUE_SEEDS = 100, (900_001, 900_002, 900_003)
_TREND = ("sma", "ema", "macd", "momentum", "donchian", "supertrend")
#: `rsi2` is made for falls within a day or two, which the pull of three bars hardly has.
_REVERT = ("rsi", "bollinger", "stochastic", "zscore")
_BEST_REVERT = ("bollinger", "stochastic", "zscore")
EVERY = (*_REVERT, "rsi2", *_TREND)


@dataclass(frozen=True, kw_only=True)
class World:
    """One kind of market and the way it is searched."""

    name: str
    process: str = "walk"  # walk, garch, trend, pull, planted
    strength: float = 0.0  # of the process: shares of a deviation, or the Sharpe ratio that is planted
    sharpe: float = 0.0  # of buy and hold
    life: str = "whole"  # of the edge: whole, dead (at the holdout), halved (there), half (until the middle), fading
    years: int = 10
    n_trials: int = 200
    overlays: tuple[str, ...] = ()
    allow_short: bool = False
    weekends: bool = False
    strategies: tuple[str, ...] = EVERY

    @property
    def is_noise(self) -> bool:
        """True if there is nothing to find."""
        return self.strength == 0.0


STOPS = ("stop", "take", "trail")
ALL_OVERLAYS = (*STOPS, "max_hold", "trend", "voltarget")
NOISE = (
    World(name="walk"),
    World(name="garch", process="garch"),
    World(name="rising", sharpe=1.0),
    World(name="falling", sharpe=-1.0),
    World(name="two years", years=2),
    World(name="five years", years=5),
    World(name="twenty years", years=20),
    World(name="stops", overlays=STOPS),
    World(name="all overlays", overlays=ALL_OVERLAYS),
    World(name="rising, all overlays", sharpe=1.0, overlays=ALL_OVERLAYS),
    World(name="rising, shorts", sharpe=1.0, allow_short=True),
    World(name="50 trials", n_trials=50),
    World(name="1,000 trials", n_trials=1_000, strategies=("rsi", "rsi2", "macd")),
    World(name="every day", weekends=True),
)
EDGES = (
    World(name="trend 0.35", process="trend", strength=0.12, strategies=_TREND),
    World(name="trend 0.65", process="trend", strength=0.17, strategies=_TREND),
    World(name="trend 1.4", process="trend", strength=0.28, strategies=_TREND),
    World(name="revert 0.6", process="pull", strength=0.35, strategies=_REVERT),
    World(name="revert 1.0", process="pull", strength=0.5, strategies=_REVERT),
    World(name="revert 1.9", process="pull", strength=0.9, strategies=_BEST_REVERT),
    World(name="planted 0.6", process="planted", strength=0.6),
    World(name="planted 1.0", process="planted", strength=1.0),
    World(name="planted 2.0", process="planted", strength=2.0),
)
DYING = (
    World(name="revert 1.9, dead", process="pull", strength=0.9, life="dead", strategies=_BEST_REVERT),
    World(name="revert 1.9, halved", process="pull", strength=0.9, life="halved", strategies=_BEST_REVERT),
    World(name="revert 1.9, until the middle", process="pull", strength=0.9, life="half", strategies=_BEST_REVERT),
    World(name="revert 1.9, fading", process="pull", strength=0.9, life="fading", strategies=_BEST_REVERT),
    World(name="trend 1.4, dead", process="trend", strength=0.28, life="dead", strategies=_TREND),
)
WORLDS = {world.name: world for world in (*NOISE, *EDGES, *DYING)}


@dataclass(frozen=True, kw_only=True)
class Task:
    """One study to make: everything is decided by these words."""

    world: str
    strategy_name: str
    seed: int

    @property
    def key(self) -> tuple[str, str, int]:
        """What tells tasks of one table apart."""
        return self.world, self.strategy_name, self.seed


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a task: the evidence, which the tree of today judges again, and figures to look at."""

    world: str
    strategy_name: str
    seed: int
    evidence: dict[str, Any] | None = None  # None when no edge could be planted
    figures: dict[str, float | None]
    true_sharpe: float | None = None  # of the winner over further years of the same process

    @property
    def key(self) -> tuple[str, str, int]:
        """The key of its task."""
        return self.world, self.strategy_name, self.seed

    @property
    def judgement(self) -> Judgement | None:
        """What the tree of today says; None where no study was made."""
        return None if self.evidence is None else judge(Evidence(**self.evidence))

    def as_document(self) -> dict[str, Any]:
        """The facts as JSON keeps them."""
        return asdict(self)


def bars_of(world: World, strategy_name: str, seed: int, *, years: int | None = None) -> Bars | None:
    """Bars of a world; None when no set of the strategy trades enough for an edge to be planted on it.

    Every strategy has markets of its own, so that a market that looks good by luck counts once.
    """
    seed += 1_000 * EVERY.index(strategy_name)
    shocks = Shocks.of(seed, years=years or world.years)
    if world.process == "garch":
        shocks = clustered(shocks, seed)
    if world.process == "planted":
        strategy = find_strategy(strategy_name)
        params = planted_set(strategy, shocks, seed)
        return with_edge(strategy, params, shocks, sharpe=world.strength) if params else None
    rise = world.sharpe * VOLATILITY / SESSIONS
    bars = market(shocks, drift=rise + _alive(world, len(shocks.session)) * _drift(world, shocks, seed))
    return _every_day(bars) if world.weekends else bars


def _drift(world: World, shocks: Shocks, seed: int) -> FloatArray:
    if world.process == "trend":
        return hidden_trend(shocks, seed, world.strength)
    return pull(shocks, world.strength) if world.process == "pull" else np.zeros(len(shocks.session))


def _alive(world: World, n_bars: int) -> FloatArray:
    """Share of the edge that is alive on each bar."""
    n_window = n_bars - WARM_UP
    held_out, middle = n_bars - round(n_window * _HELD_OUT), n_bars - n_window // 2
    alive = np.ones(n_bars)
    if world.life in ("dead", "halved"):
        alive[held_out:] = 0.0 if world.life == "dead" else 0.5
    elif world.life == "half":
        alive[middle:] = 0.0
    elif world.life == "fading":
        alive[WARM_UP:] = np.linspace(1.0, 0.0, n_window)
    return alive


def _every_day(bars: Bars) -> Bars:
    days = np.arange(len(bars)).astype("timedelta64[D]").astype("timedelta64[ns]")
    return replace(bars, time=np.datetime64("2000-01-03", "ns") + days)


def spec_of(world: World, strategy_name: str, seed: int) -> StudySpec:
    """Request of a study in a world."""
    return StudySpec(
        symbol="WALK",
        strategy_name=strategy_name,
        seed=seed,
        years=world.years,
        n_trials=world.n_trials,
        overlays=world.overlays,
        allow_short=world.allow_short,
    )


def outcome(task: Task) -> Outcome:
    """Search, validate and judge the task's market exactly as a study is."""
    world = WORLDS[task.world]
    bars = bars_of(world, task.strategy_name, task.seed)
    if bars is None:
        return Outcome(world=task.world, strategy_name=task.strategy_name, seed=task.seed, figures={})
    found = summary_of(spec_of(world, task.strategy_name, task.seed), bars)
    return Outcome(
        world=task.world,
        strategy_name=task.strategy_name,
        seed=task.seed,
        evidence=asdict(evidence_of(found)),
        figures=figures_of(found),
        true_sharpe=_true_sharpe(world, task.strategy_name, found.winner.params),
    )


def figures_of(found: StudySummary) -> dict[str, float | None]:
    """Figures of a summary that say why it was judged so."""
    tests = found.significance.model_dump() if found.significance else {}
    return {name: float(value) for name, value in tests.items() if value is not None} | {
        "deflated_sharpe_ratio": found.luck.deflated_sharpe_ratio,
        "pbo": found.luck.pbo,
        "in_sample": found.winner.in_sample.sharpe_ratio,
    }


@dataclass(frozen=True, kw_only=True, eq=False)
class Searched:
    """A search that is finished, with all that it is judged from."""

    spec: StudySpec
    evaluator: Evaluator
    space: Space
    rows: WindowRows
    trials: list[TrialRecord]

    @property
    def windows(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """First row and end of the searched window, and of the holdout."""
        return (self.rows.start, self.rows.holdout_start), (self.rows.holdout_start, self.rows.stop)

    def summary(self, n_searches: int = 1) -> StudySummary:
        """Its summary, with a verdict."""
        tries = Tries(n_searches=n_searches)
        return summarize(self.spec, self.space, self.evaluator, self.trials, window=self.rows, tries=tries)


def searched(spec: StudySpec, bars: Bars) -> Searched:
    """Search these bars exactly as a study does."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    strategy, space = strategy_of(spec), space_of(spec)
    evaluator = Evaluator(strategy, bars, costs=spec.costs, allow_short=spec.allow_short)
    rows = window_rows(spec, bars, longest_warm_up(strategy, space))
    start, stop, n_trials = rows.start, rows.holdout_start, budget(spec, space)
    trials = list(search(spec, space, evaluator, start=start, stop=stop, n_trials=n_trials, seed=spec.seed))
    return Searched(spec=spec, evaluator=evaluator, space=space, rows=rows, trials=trials)


def summary_of(spec: StudySpec, bars: Bars, *, n_searches: int = 1) -> StudySummary:
    """The summary of a study of these bars."""
    return searched(spec, bars).summary(n_searches)


def _true_sharpe(world: World, strategy_name: str, params: Params) -> float | None:
    """Annual Sharpe ratio of a set over 300 further years of a process; None where an edge belongs to one market."""
    if world.process not in ("trend", "pull"):
        return None
    sharpes = [
        float(evaluator.scores([params], start=WARM_UP, stop=len(evaluator.bars)).sharpe_ratio[0])
        for evaluator in _further(replace(world, life="whole"), strategy_name)
    ]
    return math.fsum(sharpes) / len(sharpes)


@cache
def _further(world: World, strategy_name: str) -> tuple[Evaluator, ...]:
    costs, strategy = spec_of(world, strategy_name, 0).costs, find_strategy(strategy_name)
    many = (bars_of(world, strategy_name, seed, years=_TRUE_YEARS) for seed in _TRUE_SEEDS)
    return tuple(Evaluator(strategy, bars, costs=costs) for bars in many if bars is not None)


def favourable_share(outcomes: Iterable[Outcome]) -> float:
    """Share of promising and strong verdicts among the studies that could be made."""
    verdicts = [found.judgement.verdict for found in outcomes if found.judgement is not None]
    return sum(verdict in (Verdict.PROMISING, Verdict.STRONG) for verdict in verdicts) / (len(verdicts) or math.nan)
