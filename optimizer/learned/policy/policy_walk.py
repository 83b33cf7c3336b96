"""Walk of five policies through a symbol's bars: found on the bars before, voting on the next ones, found again.

At the close of each refit five searches with different draws find a policy each, on at most `memory` rows before. Each
then follows its own weights up to the next refit, with the position it had; the row is the number of them that are in.
So every vote at a bar comes from policies that had not seen it. The best of the five is never taken: it would be the
luckiest.

The draws depend on the row of the refit and the number of the policy alone: another study of the same bars votes the
same, and no seed can be tried until it pleases.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optimizer.domain.bars import Bars, FloatArray
from optimizer.domain.metrics import periods_per_year_so_far
from optimizer.domain.study_request import Costs, cost_factors
from optimizer.learned.policy.policy_features import N_BEFORE, features
from optimizer.learned.policy.policy_schedule import FIRST_FIT, N_POLICIES, REFIT, schedule_of
from optimizer.learned.policy.policy_search import (
    GENERATIONS,
    N_WEIGHTS,
    POPULATION,
    fill_outcomes,
    follow,
    search,
)
from optimizer.learned.rows import UNWATCHED, Watch

#: Bars after a row until what it decided has earned anything.
REACH = 1

Positions = NDArray[np.int8]


@dataclass(frozen=True, kw_only=True, eq=False)
class Votes:
    """What the policies of one walk decided at each close."""

    row: FloatArray  # (n_bars,) number of policies that are in; NaN before the first fit
    positions: Positions  # (5, n_bars) 1 or 0 of each
    weights: FloatArray  # (n_fits, 5, 9)
    fits: NDArray[np.intp]  # (n_fits,) rows at whose close they were found


@dataclass(frozen=True, kw_only=True, eq=False)
class Lesson:
    """What policies of a side learn from: features and outcomes of every bar, net of costs."""

    features: FloatArray  # (7, n_bars)
    outcomes: FloatArray  # (n_bars, 4)
    per_year: FloatArray  # (n_bars,) bars per year as known at each

    def rows(self, training: slice) -> tuple[FloatArray, FloatArray]:
        """Features and outcomes of the training rows."""
        rows = slice(max(training.start, N_BEFORE), training.stop)
        return np.ascontiguousarray(self.features[:, rows]), np.ascontiguousarray(self.outcomes[rows])


def lesson_of(bars: Bars, costs: Costs, *, side: int) -> Lesson:
    """Features and outcomes for the long (1) or the short (−1) side. Fees in money are left out."""
    per_year = periods_per_year_so_far(bars)
    outcomes = np.empty((len(bars), 4))
    borrow = costs.borrow / np.maximum(per_year, 1.0)
    fill_outcomes(bars.open, bars.close, np.array(cost_factors(costs)), side, borrow, outcomes)
    return Lesson(features=features(bars), outcomes=outcomes, per_year=per_year)


def walk(bars: Bars, costs: Costs, watch: Watch, memory: int, thrift: float, *, side: int = 1) -> Votes:
    """Let five policies walk through the bars; `thrift` multiplies the costs that they reckon with.

    Raises TrainingStopped.
    """
    lesson = lesson_of(bars, costs.scaled(float(thrift)), side=side)
    positions = np.zeros((N_POLICIES, len(bars)))
    fits, weights = [], []
    for row, last in schedule_of(int(memory)).stretches(len(bars)):
        watch.next_fit()
        found = np.array([*_found(lesson, row, int(memory))])
        for k in range(N_POLICIES):
            follow(lesson.features, found[k], bool(positions[k, row - 1]), row, last, positions[k])
        fits.append(row)
        weights.append(found)
    row_of = positions.sum(axis=0)
    row_of[:FIRST_FIT] = np.nan
    return Votes(
        row=row_of,
        positions=positions.astype(np.int8),
        weights=np.array(weights).reshape(-1, N_POLICIES, N_WEIGHTS),
        fits=np.array(fits, dtype=np.intp),
    )


def _found(lesson: Lesson, row: int, memory: int) -> Iterator[FloatArray]:
    """Yield the weights of each policy found at the close of a row."""
    known, outcomes = lesson.rows(schedule_of(memory).training(row, reach=REACH, embargo=0))
    for k in range(N_POLICIES):
        draws = np.random.default_rng([row, k]).standard_normal((GENERATIONS, POPULATION, N_WEIGHTS))
        weights = np.empty(N_WEIGHTS)
        search(known, outcomes, draws, float(lesson.per_year[row]), weights)
        yield weights


def warm() -> None:
    """Load or compile every compiled function of a walk, so that no study waits for it."""
    n_bars = FIRST_FIT + 1
    close = np.exp(np.cumsum(np.random.default_rng(7).normal(0.0, 0.01, n_bars)))
    time = np.arange(n_bars).astype("datetime64[D]").astype("datetime64[ns]")
    bars = Bars(symbol="WARM", time=time, open=close, high=close, low=close, close=close, volume=close)
    walk(bars, Costs(), UNWATCHED, REFIT, 1.0)
