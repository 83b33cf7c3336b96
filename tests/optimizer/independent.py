"""Indicators written a second time from their definitions, one bar after the other."""

import numpy as np
import pandas as pd

from optimizer.domain.bars import Bars, FloatArray


def smoothed(values: FloatArray, first: int, window: int, weight: float) -> FloatArray:
    """A recursive mean that begins at row `first + window − 1` with the plain mean of a window."""
    out = np.full(len(values), np.nan)
    if len(values) < first + window:
        return out
    out[first + window - 1] = values[first : first + window].mean()
    for t in range(first + window, len(values)):
        out[t] = out[t - 1] + weight * (values[t] - out[t - 1])
    return out


def rsi(close: FloatArray, window: int) -> FloatArray:
    change = np.diff(close, prepend=np.nan)
    gain = smoothed(np.maximum(change, 0), 1, window, 1 / window)
    loss = smoothed(np.maximum(-change, 0), 1, window, 1 / window)
    with np.errstate(divide="ignore"):  # nothing lost: the index is 100
        return 100 - 100 / (1 + gain / loss)


def sma(values: FloatArray, window: int) -> FloatArray:
    return np.array([np.nan if t < window - 1 else values[t - window + 1 : t + 1].mean() for t in range(len(values))])


def ema(values: FloatArray, window: int) -> FloatArray:
    return smoothed(values, 0, window, 2 / (window + 1))


def macd_histogram(close: FloatArray, fast: int, slow: int, signal: int) -> FloatArray:
    # The fast mean begins so that its first window ends with the slow one's.
    line = smoothed(close, slow - fast, fast, 2 / (fast + 1)) - ema(close, slow)
    out = line - smoothed(line, slow - 1, signal, 2 / (signal + 1))
    return np.asarray(out)


def zscore(values: FloatArray, window: int) -> FloatArray:
    out = np.full(len(values), np.nan)
    for t in range(window - 1, len(values)):
        stretch = values[t - window + 1 : t + 1]
        if stretch.max() > stretch.min():
            out[t] = (values[t] - stretch.mean()) / stretch.std()
    return out


def percent_k(bars: Bars, window: int) -> FloatArray:
    highest, lowest = pd.Series(bars.high).rolling(window).max(), pd.Series(bars.low).rolling(window).min()
    return np.asarray(100 * (bars.close - lowest) / (highest - lowest))


def true_range_average(bars: Bars, window: int) -> FloatArray:
    before = np.roll(bars.close, 1)
    reach = np.maximum(bars.high, before) - np.minimum(bars.low, before)
    return smoothed(reach, 1, window, 1 / window)


def supertrend(bars: Bars, window: int, multiple: float) -> FloatArray:
    reach = multiple * true_range_average(bars, window)
    out = np.full(len(bars), np.nan)
    lower = upper = None
    for t in range(len(bars)):
        if np.isnan(reach[t]):
            continue
        middle = (bars.high[t] + bars.low[t]) / 2
        below, above = middle - reach[t], middle + reach[t]
        if lower is None or upper is None:
            lower, upper, out[t] = below, above, 1
            continue
        lower = below if bars.close[t - 1] < lower or below > lower else lower
        upper = above if bars.close[t - 1] > upper or above < upper else upper
        crossed = bars.close[t] < lower if out[t - 1] > 0 else bars.close[t] > upper
        out[t] = -out[t - 1] if crossed else out[t - 1]
    return out
