"""One study of a made-up market, from the search to the verdict, as a row of plain facts."""

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from enum import StrEnum, auto
from typing import Any

import optuna

from optimizer.domain.bars import Bars
from optimizer.domain.study_request import StudySpec, budget
from optimizer.domain.study_results import StudySummary, Verdict
from optimizer.engine.evaluator import Evaluator
from optimizer.search.loop import search
from optimizer.strategies.registry import find_strategy, longest_warm_up, space_of
from optimizer.validation.evidence import evidence_of
from optimizer.validation.summarize import summarize, window_rows
from tests.calibration.worlds import SESSIONS, Shocks, market, planted_set, with_edge

#: Annual Sharpe ratio of the planted edge.
EDGE_SHARPE = 2.0
#: Yearly rise of the rising walk: buy and hold has a Sharpe ratio of about 0.5.
RISE = 0.15


class World(StrEnum):
    """What there is to find."""

    WALK = auto()  # nothing
    RISING = auto()  # nothing but a market that rises
    EDGE = auto()  # one set of the strategy earns an annual Sharpe ratio of 2


@dataclass(frozen=True, kw_only=True)
class Task:
    """One study to make: everything is decided by these words."""

    world: World
    strategy_name: str
    seed: int
    years: int = 10
    n_trials: int = 200

    @property
    def key(self) -> tuple[str, str, int]:
        """What tells tasks of one table apart."""
        return self.world.value, self.strategy_name, self.seed


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a task; None where a figure does not exist."""

    world: str
    strategy_name: str
    seed: int
    verdict: str  # empty when no edge could be planted
    deflated_sharpe_ratio: float | None = None
    skill: float | None = None
    pbo: float | None = None
    in_sample: float | None = None
    out_of_sample: float | None = None
    walk_forward: float | None = None
    case: str = ""
    suggestion: str = ""

    @property
    def key(self) -> tuple[str, str, int]:
        """The key of its task."""
        return self.world, self.strategy_name, self.seed

    @property
    def is_favourable(self) -> bool:
        """Whether the verdict is promising or strong."""
        return self.verdict in (Verdict.PROMISING, Verdict.STRONG)

    def as_document(self) -> dict[str, Any]:
        """The facts as JSON keeps them."""
        return asdict(self)


def bars_of(task: Task) -> Bars | None:
    """The task's market; None when no set of the strategy trades enough for an edge."""
    strategy, shocks = find_strategy(task.strategy_name), Shocks.of(task.seed, years=task.years)
    if task.world is not World.EDGE:
        return market(shocks, drift=RISE / SESSIONS if task.world is World.RISING else 0.0)
    params = planted_set(strategy, shocks, task.seed)
    return with_edge(strategy, params, shocks, sharpe=EDGE_SHARPE) if params else None


def outcome(task: Task) -> Outcome:
    """Search, validate and judge the task's market exactly as a study is."""
    bars = bars_of(task)
    made = Outcome(world=task.world.value, strategy_name=task.strategy_name, seed=task.seed, verdict="")
    if bars is None:
        return made
    found = summary_of(task, bars)
    evidence = evidence_of(found)
    return replace(
        made,
        verdict=found.verdict.value,
        deflated_sharpe_ratio=found.luck.deflated_sharpe_ratio,
        skill=found.luck.skill,
        pbo=found.luck.pbo,
        in_sample=evidence.in_sample,
        out_of_sample=evidence.out_of_sample,
        walk_forward=evidence.walk_forward,
        case=found.case.value if found.case else "",
        suggestion=found.suggestion.value,
    )


def summary_of(task: Task, bars: Bars) -> StudySummary:
    """The summary of a study of these bars with the defaults of the product."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    spec = StudySpec(
        symbol=bars.symbol, strategy_name=task.strategy_name, seed=task.seed, years=task.years, n_trials=task.n_trials
    )
    strategy, space = find_strategy(task.strategy_name), space_of(spec)
    evaluator = Evaluator(strategy, bars, costs=spec.costs)
    rows = window_rows(spec, bars, longest_warm_up(strategy, space))
    trials = search(
        spec,
        space,
        evaluator,
        start=rows.start,
        stop=rows.holdout_start,
        n_trials=budget(spec, space),
        seed=spec.seed,
    )
    return summarize(spec, space, evaluator, list(trials), window=rows, n_tried_before=0)


def favourable_share(outcomes: Iterable[Outcome]) -> float:
    """Share of promising and strong verdicts among the studies that could be made."""
    made = [outcome for outcome in outcomes if outcome.verdict]
    return sum(outcome.is_favourable for outcome in made) / len(made) if made else math.nan
