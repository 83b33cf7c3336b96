"""Causal indicators: the value at bar t is computed from bars up to t only.

TA-Lib computes those it has; the others are built on it. Each function takes price arrays (n_bars,)
without gaps and returns float64 arrays (n_bars,), NaN until there are enough bars. Windows are
in bars. With fewer bars than the window all values are NaN.
"""

from typing import TYPE_CHECKING

import numpy as np

from optimizer.domain.bars import FloatArray
from optimizer.lazy import LazyModule

if TYPE_CHECKING:
    import talib

    from optimizer.indicators import recursive
else:
    talib = LazyModule("talib")
    recursive = LazyModule("optimizer.indicators.recursive")


def rsi(close: FloatArray, window: int) -> FloatArray:
    """Relative strength index (Wilder 1978), 0 to 100, with Wilder's smoothing; 0 without any price change.

    Equal to TA-Lib's values to within rounding, in a third of its time: TA-Lib divides twice per bar where
    this multiplies, and searches compute the RSI more than any other indicator.
    """
    row = np.empty(len(close))
    recursive.fill_rsi(close, window, row)
    return row


def sma(values: FloatArray, window: int) -> FloatArray:
    """Simple moving average, in the units of `values`."""
    return _of(talib.SMA(values, window))


def ema(values: FloatArray, window: int) -> FloatArray:
    """Exponential moving average, weight 2 / (window + 1), starting with the mean of the first window."""
    return _of(talib.EMA(values, window))


def macd_histogram(close: FloatArray, fast: int, slow: int, signal: int) -> FloatArray:
    """MACD less its signal line (Appel 1979), in price units."""
    return _of(talib.MACD(close, fast, slow, signal)[2])


def zscore(values: FloatArray, window: int) -> FloatArray:
    """Distance from the moving average in population standard deviations; NaN where the deviation is 0."""
    deviation = _of(talib.STDDEV(values, window))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(deviation > 0.0, (values - sma(values, window)) / deviation, np.nan)


def rate_of_change(close: FloatArray, lookback: int) -> FloatArray:
    """Change over `lookback` bars, in percent."""
    return _of(talib.ROC(close, lookback))


def highest_before(values: FloatArray, window: int) -> FloatArray:
    """Highest value of the `window` bars before each bar, the bar itself excluded."""
    return _shifted(values if window == 1 else _of(talib.MAX(values, window)))


def lowest_before(values: FloatArray, window: int) -> FloatArray:
    """Lowest value of the `window` bars before each bar, the bar itself excluded."""
    return _shifted(values if window == 1 else _of(talib.MIN(values, window)))


def stochastic(
    high: FloatArray, low: FloatArray, close: FloatArray, *, k: int, d: int
) -> tuple[FloatArray, FloatArray]:
    """(%K, %D) of the fast stochastic (Lane 1984), 0 to 100; %D is the `d`-bar mean of %K."""
    fast, slow = talib.STOCHF(high, low, close, k, d)
    return _of(fast), _of(slow)


def true_range_average(high: FloatArray, low: FloatArray, close: FloatArray, window: int) -> FloatArray:
    """Average true range (Wilder 1978), in price units."""
    return _of(talib.ATR(high, low, close, window))


def supertrend(high: FloatArray, low: FloatArray, close: FloatArray, *, window: int, multiple: float) -> FloatArray:
    """Side of the ATR trailing band that the close is on: 1 above, −1 below (Seban).

    The bands are `multiple` average true ranges away from the middle of the bar. The lower one only
    rises while closes stay above it and the upper one only falls while they stay below; a close
    beyond the active band changes the side. The first bar with a range counts as above.
    """
    reach = multiple * true_range_average(high, low, close, window)
    return _of(recursive.trailing_side((high + low) / 2.0, reach, close))


def realized_volatility(close: FloatArray, window: int, periods_per_year: float | FloatArray) -> FloatArray:
    """Population standard deviation of the last `window` simple returns, annualized, as a fraction.

    `periods_per_year` is one number, or (n_bars,) the number at each bar.
    """
    changes = np.zeros_like(close)
    changes[1:] = close[1:] / close[:-1] - 1.0
    deviation = _of(talib.STDDEV(changes, window)) * np.sqrt(periods_per_year)
    deviation[:window] = np.nan  # the first bar has no return
    return deviation


def _of(values: object) -> FloatArray:
    return np.asarray(values, dtype=np.float64)


def _shifted(values: FloatArray) -> FloatArray:
    before = np.empty_like(values)
    before[0] = np.nan
    before[1:] = values[:-1]
    return before
