"""Descriptions of one backtest and of samples: its neighbourhood, its best and worst stretch, its kind."""

import math
from typing import cast

import numpy as np

from optimizer.domain.bars import FloatArray
from optimizer.domain.study_results import Degenerate, Measures

#: A neighbour is on the winner's plateau if it keeps this share of the winner's value.
PLATEAU_KEEPS = 0.8
#: Buy and hold in disguise: both must be exceeded.
DISGUISE_CORRELATION = 0.95
DISGUISE_EXPOSURE = 0.9


def plateau_share(value: float, neighbours: FloatArray, *, may_be_negative: bool = False) -> float:
    """Share of neighbours that keep at least 80 % of the winner's value; larger values are better.

    `may_be_negative` is for goals that never exceed 0 (the maximum drawdown): there 80 % is kept up to 1/0.8 of the
    loss. NaN when there is no neighbour, or when the winner's value is not positive and should be. A neighbour
    without a value does not keep it.
    """
    if not len(neighbours) or not (value > 0 or may_be_negative):
        return math.nan
    kept = value * PLATEAU_KEEPS if value > 0 else value / PLATEAU_KEEPS
    return float(np.mean(np.nan_to_num(neighbours, nan=-np.inf) >= kept))


def degenerate(of: Measures) -> Degenerate | None:
    """Kind of a degenerate winner: one without a position, or one that is buy and hold in disguise; else None."""
    exposure = of.exposure or 0.0
    if exposure == 0.0:
        return Degenerate.NEVER_TRADES
    disguised = (of.correlation or 0.0) > DISGUISE_CORRELATION and exposure > DISGUISE_EXPOSURE
    return Degenerate.HOLD_IN_DISGUISE if disguised else None


def stretches(equity: FloatArray, n_bars: int) -> tuple[int, int] | None:
    """First rows of the best and the worst stretch of `n_bars` bars by the gain of equity; None if it is too short.

    Row i is the stretch from the close of row i to that of row i + n_bars. The first among equals is taken.
    """
    if len(equity) <= n_bars:
        return None
    before, after = equity[:-n_bars], equity[n_bars:]
    gains = np.divide(after, before, out=np.ones_like(after), where=before > 0.0)  # a lost account stays lost
    return int(gains.argmax()), int(gains.argmin())


def thinned(sample: FloatArray, n_points: int) -> FloatArray:
    """At most `n_points` evenly spaced order statistics of the finite part of a sample, sorted."""
    finite = np.sort(sample[np.isfinite(sample)])
    if len(finite) <= n_points:
        return finite
    return cast(FloatArray, finite[np.linspace(0, len(finite) - 1, n_points).round().astype(int)])
