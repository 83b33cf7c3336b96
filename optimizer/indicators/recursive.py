"""Compiled indicators whose values are each computed from the one before."""

import numpy as np

from optimizer.compiled import compiled, compiled_part
from optimizer.domain.bars import FloatArray

#: Sums of price changes below this count as zero (TA-Lib's limit).
_ZERO = 1e-14


@compiled_part
def fill_rsi(close: FloatArray, window: int, row: FloatArray) -> None:
    """Write the RSI of the closes, 0 to 100, into `row`; NaN for the first `window` bars."""
    n = close.shape[0]
    row[: min(window, n)] = np.nan
    if n <= window:
        return
    gain = loss = 0.0
    for t in range(1, window + 1):
        change = close[t] - close[t - 1]
        gain += max(change, 0.0)
        loss += max(-change, 0.0)
    keep, weight = (window - 1) / window, 1.0 / window
    gain, loss = gain * weight, loss * weight
    row[window] = _strength(gain, loss)
    for t in range(window + 1, n):
        change = close[t] - close[t - 1]
        gain = gain * keep + max(change, 0.0) * weight
        loss = loss * keep + max(-change, 0.0) * weight
        row[t] = _strength(gain, loss)


@compiled_part
def _strength(gain: float, loss: float) -> float:
    """RSI of a mean gain and a mean loss."""
    return 100.0 * (gain / (gain + loss)) if gain + loss > _ZERO else 0.0


@compiled
def fill_percentile_rank(values: FloatArray, window: int, row: FloatArray) -> None:
    """Write into `row` the percent of the `window` − 1 values before each one that are below it."""
    for t in range(window - 1, values.shape[0]):
        n_below = 0
        is_known = not np.isnan(values[t])
        for k in range(t - window + 1, t):
            is_known = is_known and not np.isnan(values[k])
            n_below += values[k] < values[t]
        if is_known:
            row[t] = 100.0 * n_below / (window - 1)


@compiled
def trailing_side(middle: FloatArray, reach: FloatArray, close: FloatArray) -> FloatArray:
    """Side of the trailing band that each close is on: 1 above, −1 below; see `technical.supertrend`."""
    side = np.full(close.shape[0], np.nan)
    lower = upper = np.nan
    for t in range(close.shape[0]):
        if np.isnan(reach[t]):
            continue
        below, above = middle[t] - reach[t], middle[t] + reach[t]
        if np.isnan(lower):
            lower, upper, side[t] = below, above, 1.0
            continue
        lower = max(lower, below) if close[t - 1] >= lower else below
        upper = min(upper, above) if close[t - 1] <= upper else above
        side[t] = side[t - 1]
        if side[t] > 0.0 and close[t] < lower:
            side[t] = -1.0
        elif side[t] < 0.0 and close[t] > upper:
            side[t] = 1.0
    return side
