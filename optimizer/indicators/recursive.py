"""Compiled indicators whose values are each computed from the one before."""

import numpy as np

from optimizer.compiled import compiled, compiled_part
from optimizer.domain.bars import FloatArray

#: Sums of price changes below this count as zero (TA-Lib's limit).
_ZERO = 1e-14


@compiled_part
def fill_rsi(close: FloatArray, window: int, row: FloatArray) -> None:
    """Write the RSI of the closes, 0 to 100, into `row`; NaN for the first `window` bars."""
    gain, loss = first_moves(close, window)
    continue_rsi(close, window, 0, gain, loss, row)


@compiled_part
def first_moves(close: FloatArray, window: int) -> tuple[float, float]:
    """Mean gain and mean loss of the first `window` changes; NaN if there are fewer changes."""
    gain = loss = 0.0
    if close.shape[0] <= window:
        return np.nan, np.nan
    for t in range(1, window + 1):
        change = close[t] - close[t - 1]
        gain += max(change, 0.0)
        loss += max(-change, 0.0)
    return gain * (1.0 / window), loss * (1.0 / window)


@compiled_part
def continue_rsi(
    close: FloatArray, window: int, first: int, gain: float, loss: float, row: FloatArray
) -> tuple[float, float]:
    """Write the RSI of the closes from `first` on into `row`; takes mean gain and loss before, returns those after."""
    n = min(row.shape[0], close.shape[0] - first)
    begin = min(max(window - first, 0), n)
    row[:begin] = np.nan
    keep, weight = (window - 1) / window, 1.0 / window
    for j in range(begin, n):
        t = first + j
        if t > window:
            change = close[t] - close[t - 1]
            gain = gain * keep + max(change, 0.0) * weight
            loss = loss * keep + max(-change, 0.0) * weight
        row[j] = 100.0 * (gain / (gain + loss)) if gain + loss > _ZERO else 0.0
    return gain, loss


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
