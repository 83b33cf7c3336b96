"""Long series in fewer points, without losing a fall or a gain."""

from datetime import date, timedelta

import numpy as np
import pytest

from optimizer.domain.bars import TimeArray
from optimizer.domain.study_results import Curve, Measures, WalkForward
from optimizer.domain.thinning import MOST_POINTS, thin_curve, thin_walk_forward

DAY = date(2020, 1, 1)


def dates_of(n: int) -> tuple[date, ...]:
    return tuple(DAY + timedelta(minutes=row) for row in range(n))


def times_of(n: int) -> TimeArray:
    return np.array(dates_of(n), dtype="datetime64[ns]")


@pytest.mark.parametrize("n", [MOST_POINTS + 1, 123_457, 500_000])
def test_a_thin_curve_has_the_deepest_fall_and_the_highest_point(n: int) -> None:
    equity = np.exp(np.cumsum(np.random.default_rng(3).normal(0, 0.001, n)))
    hold = np.linspace(1.0, 2.0, n)

    thin = thin_curve(times_of(n), equity, hold)

    assert len(thin.dates) <= MOST_POINTS
    assert (thin.winner[0], thin.winner[-1], thin.buy_and_hold[-1]) == (equity[0], equity[-1], hold[-1])
    assert (max(thin.winner), min(thin.winner)) == (equity.max(), equity.min())
    falls = [(curve / np.maximum.accumulate(curve)).min() for curve in (equity, np.array(thin.winner))]
    assert falls[0] == falls[1]


def test_thin_returns_grow_to_the_same() -> None:
    n = 250_001
    returns = np.random.default_rng(3).normal(0, 0.001, n)
    walk = WalkForward(folds=(), stitched=Measures(), returns=tuple(returns), dates=dates_of(n))

    thin = thin_walk_forward(walk)

    assert thin is not None
    assert len(thin.returns) == len(thin.dates) == MOST_POINTS
    assert np.prod(1 + np.array(thin.returns)) == pytest.approx(np.prod(1 + returns), rel=1e-9)
    assert thin.dates[-1] == walk.dates[-1]


def test_short_series_stay_as_they_are() -> None:
    equity = np.linspace(1.0, 2.0, MOST_POINTS)

    curve = thin_curve(times_of(MOST_POINTS), equity, equity)

    assert curve == Curve(dates=dates_of(MOST_POINTS), winner=tuple(equity), buy_and_hold=tuple(equity))
    assert thin_walk_forward(None) is None
