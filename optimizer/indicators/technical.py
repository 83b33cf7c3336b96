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


def macd(close: FloatArray, fast: int, slow: int, signal: int) -> tuple[FloatArray, FloatArray]:
    """MACD and its signal line (Appel 1979), in price units, both from the bar on at which both exist."""
    line, smoothed, _ = talib.MACD(close, fast, slow, signal)
    return _of(line), _of(smoothed)


def deviation(values: FloatArray, window: int) -> FloatArray:
    """Population standard deviation over the window, in the units of `values`."""
    return _of(talib.STDDEV(values, window))


def zscore(values: FloatArray, window: int) -> FloatArray:
    """Distance from the moving average in population standard deviations; NaN where the deviation is 0."""
    deviation = _of(talib.STDDEV(values, window))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(deviation > 0.0, (values - sma(values, window)) / deviation, np.nan)


def rate_of_change(close: FloatArray, lookback: int) -> FloatArray:
    """Change over `lookback` bars, in percent."""
    return _of(talib.ROC(close, lookback))


def highest(values: FloatArray, window: int) -> FloatArray:
    """Highest of the last `window` values, the bar itself included."""
    return values if window == 1 else _of(talib.MAX(values, window))


def lowest(values: FloatArray, window: int) -> FloatArray:
    """Lowest of the last `window` values, the bar itself included."""
    return values if window == 1 else _of(talib.MIN(values, window))


def highest_before(values: FloatArray, window: int) -> FloatArray:
    """Highest value of the `window` bars before each bar, the bar itself excluded."""
    return shifted(highest(values, window), 1)


def lowest_before(values: FloatArray, window: int) -> FloatArray:
    """Lowest value of the `window` bars before each bar, the bar itself excluded."""
    return shifted(lowest(values, window), 1)


def stochastic(
    high: FloatArray, low: FloatArray, close: FloatArray, *, k: int, d: int
) -> tuple[FloatArray, FloatArray]:
    """(%K, %D) of the fast stochastic (Lane 1984), 0 to 100; %D is the `d`-bar mean of %K."""
    fast, slow = talib.STOCHF(high, low, close, k, d)
    return _of(fast), _of(slow)


def true_range_average(high: FloatArray, low: FloatArray, close: FloatArray, window: int) -> FloatArray:
    """Average true range (Wilder 1978), in price units."""
    return _of(talib.ATR(high, low, close, window))


def average_directional_index(high: FloatArray, low: FloatArray, close: FloatArray, window: int) -> FloatArray:
    """ADX (Wilder 1978), 0 to 100: how strong a trend is, whatever its direction."""
    return _of(talib.ADX(high, low, close, window))


def commodity_channel_index(high: FloatArray, low: FloatArray, close: FloatArray, window: int) -> FloatArray:
    """CCI (Lambert 1980): distance of the typical price from its mean in 0.015 mean absolute deviations."""
    return _of(talib.CCI(high, low, close, window))


def money_flow_index(
    high: FloatArray, low: FloatArray, close: FloatArray, volume: FloatArray, window: int
) -> FloatArray:
    """MFI (Quong & Soudack 1989), 0 to 100: the share of the volume that was traded on rises of the typical price."""
    return _of(talib.MFI(high, low, close, volume, window))


def williams_r(high: FloatArray, low: FloatArray, close: FloatArray, window: int) -> FloatArray:
    """Williams' %R, −100 to 0: how far the close is below the highest high of the window, in percent of its range."""
    return _of(talib.WILLR(high, low, close, window))


def regression_slope(values: FloatArray, window: int) -> FloatArray:
    """Slope of the least-squares line through the last `window` values, in their units a bar."""
    return _of(talib.LINEARREG_SLOPE(values, window))


def percentile_rank(values: FloatArray, window: int) -> FloatArray:
    """Percent of the `window` − 1 values before a bar, within the window, that are below its value, 0 to 100."""
    row = np.full(len(values), np.nan)
    recursive.fill_percentile_rank(values, window, row)
    return row


def volume_weighted_price(typical: FloatArray, volume: FloatArray, window: int) -> FloatArray:
    """Mean of a price over the last `window` bars, weighted by volume; NaN where nothing was traded."""
    traded = window * _of(talib.SMA(volume, window))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(traded > 0.0, window * _of(talib.SMA(typical * volume, window)) / traded, np.nan)


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


def shifted(values: FloatArray, n_bars: int) -> FloatArray:
    """Values of `n_bars` bars before each bar, NaN on the first ones."""
    before = np.full(len(values), np.nan)
    before[n_bars:] = values[: max(len(values) - n_bars, 0)]
    return before
