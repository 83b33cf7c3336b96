"""What came true: outcomes in the convention of our fills, bought at the next open and sold `horizon` bars later."""

import math

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from optimizer.domain.bars import Bars, FloatArray
from optimizer.domain.results.learned_results import Label
from optimizer.domain.study_request import Costs

#: Barriers of the triple-barrier label, in deviations of 20 bars (López de Prado 2018, chapter 3).
_WIDTH, _VOLATILITY_BARS = 1.5, 20


def reach_of(horizon: int) -> int:
    """Bars until an outcome is known: that of row t at the close of row t + horizon + 1."""
    return horizon + 1


def labels_of(label: Label, bars: Bars, horizon: int, costs: Costs) -> FloatArray:
    """Outcomes of a label, (n_bars,): 0 or 1, NaN where not known."""
    return gain_labels(bars, horizon, costs) if label is Label.GAIN else barrier_labels(bars, horizon)


def gain_labels(bars: Bars, horizon: int, costs: Costs) -> FloatArray:
    """1 where the log return from the next open to the open `horizon` bars later beats a round trip, (n_bars,).

    0 where it does not; NaN where the outcome is not known yet, or the price stood still through it.
    """
    n, labels = len(bars), np.full(len(bars), np.nan)
    n_known = max(n - reach_of(horizon), 0)
    opened = np.log(bars.open)
    gained = opened[reach_of(horizon) :] - opened[1 : n_known + 1]
    least = -2.0 * math.log1p(-costs.per_side)
    labels[:n_known] = gained > least
    labels[:n_known][_stood_still(bars, horizon)] = np.nan
    return labels


def barrier_labels(bars: Bars, horizon: int) -> FloatArray:
    """1 where the upper barrier around the next open is touched first, 0 for the lower one, (n_bars,).

    Barriers are 1.5 deviations of 20 bars times the root of the horizon away. Where one bar touches both the lower
    counts, as our stops do; where none is touched, the sign at the open `horizon` bars later decides.
    NaN as for `gain_labels`, and before there is a deviation.
    """
    n, labels = len(bars), np.full(len(bars), np.nan)
    n_known = max(n - reach_of(horizon), 0)
    if not n_known or n <= _VOLATILITY_BARS:
        return labels
    width = (_WIDTH * math.sqrt(horizon) * _deviation(bars.close))[:n_known]
    entry = bars.open[1 : n_known + 1]
    highs = sliding_window_view(bars.high[1:n], horizon)[:n_known]
    lows = sliding_window_view(bars.low[1:n], horizon)[:n_known]
    above = _first(highs >= (entry * np.exp(width))[:, None])
    below = _first(lows <= (entry * np.exp(-width))[:, None])
    by_sign = bars.open[reach_of(horizon) :] > entry
    found = np.where(below <= above, 0.0, 1.0)
    found = np.where((above == horizon) & (below == horizon), by_sign, found)
    labels[:n_known] = np.where(np.isnan(width), np.nan, found)
    labels[:n_known][_stood_still(bars, horizon)] = np.nan
    return labels


def _deviation(close: FloatArray) -> FloatArray:
    """Standard deviation of the last 20 log returns, (n_bars,)."""
    returns = np.diff(np.log(close))
    found = np.full(len(close), np.nan)
    found[_VOLATILITY_BARS:] = sliding_window_view(returns, _VOLATILITY_BARS).std(axis=1)
    return found


def _first(touched: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Column of the first touch in each row, their number where there is none."""
    return np.asarray(np.where(touched.any(axis=1), touched.argmax(axis=1), touched.shape[1]))


def _stood_still(bars: Bars, horizon: int) -> NDArray[np.bool_]:
    """Rows t whose bars from t + 1 to t + horizon + 1 all have one price."""
    n_known = max(len(bars) - reach_of(horizon), 0)
    if not n_known:
        return np.zeros(0, dtype=bool)
    highs = sliding_window_view(bars.high[1:], reach_of(horizon))[:n_known]
    lows = sliding_window_view(bars.low[1:], reach_of(horizon))[:n_known]
    return np.asarray(highs.max(axis=1) == lows.min(axis=1), dtype=np.bool_)
