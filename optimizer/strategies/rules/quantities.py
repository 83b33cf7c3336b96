"""Rows of the quantities that rules name and no built-in strategy has: one value per bar, from the bars up to it.

Each takes an indicator cache and its numbers. Rows that the built-in strategies have are theirs, so that the same
indicator is computed once.
"""

import numpy as np

from optimizer.domain.bars import FloatArray
from optimizer.indicators import technical
from optimizer.indicators.indicators import Indicators
from optimizer.indicators.longer_bars import session_starts
from optimizer.strategies.moving_averages import exponential_average
from optimizer.strategies.shared_indicators import average


def open_price(on: Indicators) -> FloatArray:
    """Opens."""
    return on.bars.open


def high_price(on: Indicators) -> FloatArray:
    """Highs."""
    return on.bars.high


def low_price(on: Indicators) -> FloatArray:
    """Lows."""
    return on.bars.low


def close_price(on: Indicators) -> FloatArray:
    """Closes."""
    return on.bars.close


def volume(on: Indicators) -> FloatArray:
    """Volumes, in shares."""
    return on.bars.volume


def average_volume(on: Indicators, period: int) -> FloatArray:
    """Simple moving average of the volume."""
    return technical.sma(on.bars.volume, period)


def macd_line(on: Indicators, fast: int, slow: int, signal: int) -> FloatArray:
    """MACD, from the bar on at which its signal line exists."""
    return technical.macd(on.bars.close, fast, slow, signal)[0]


def signal_line(on: Indicators, fast: int, slow: int, signal: int) -> FloatArray:
    """Signal line of the MACD."""
    return technical.macd(on.bars.close, fast, slow, signal)[1]


def upper_band(on: Indicators, period: int, width: float) -> FloatArray:
    """Bollinger's upper band: the average plus `width` population deviations (Bollinger 2001)."""
    return on.indicator(average, period) + width * on.indicator(deviation, period)


def lower_band(on: Indicators, period: int, width: float) -> FloatArray:
    """Bollinger's lower band: the average less `width` population deviations."""
    return on.indicator(average, period) - width * on.indicator(deviation, period)


def deviation(on: Indicators, period: int) -> FloatArray:
    """Population standard deviation of the closes."""
    return technical.deviation(on.bars.close, period)


def percent_d(on: Indicators, k: int, d: int) -> FloatArray:
    """%D of the fast stochastic: the `d`-bar mean of %K."""
    bars = on.bars
    return technical.stochastic(bars.high, bars.low, bars.close, k=k, d=d)[1]


def true_range_average(on: Indicators, period: int) -> FloatArray:
    """Average true range, in price units."""
    return technical.true_range_average(on.bars.high, on.bars.low, on.bars.close, period)


def directional_index(on: Indicators, period: int) -> FloatArray:
    """ADX, 0 to 100."""
    return technical.average_directional_index(on.bars.high, on.bars.low, on.bars.close, period)


def channel_index(on: Indicators, period: int) -> FloatArray:
    """CCI."""
    return technical.commodity_channel_index(on.bars.high, on.bars.low, on.bars.close, period)


def money_flow(on: Indicators, period: int) -> FloatArray:
    """MFI, 0 to 100."""
    return technical.money_flow_index(on.bars.high, on.bars.low, on.bars.close, on.bars.volume, period)


def williams(on: Indicators, period: int) -> FloatArray:
    """Williams' %R, −100 to 0."""
    return technical.williams_r(on.bars.high, on.bars.low, on.bars.close, period)


def keltner_upper(on: Indicators, period: int, width: float) -> FloatArray:
    """Upper Keltner line: exponential average plus `width` average true ranges (Raschke's form of Keltner 1960)."""
    return on.indicator(exponential_average, period) + width * on.indicator(true_range_average, period)


def keltner_lower(on: Indicators, period: int, width: float) -> FloatArray:
    """Lower Keltner line."""
    return on.indicator(exponential_average, period) - width * on.indicator(true_range_average, period)


def middle_of_range(on: Indicators, period: int) -> FloatArray:
    """Middle between the highest high and the lowest low of `period` bars: Ichimoku's conversion and base lines."""
    return (technical.highest(on.bars.high, period) + technical.lowest(on.bars.low, period)) / 2.0


def leading_span_a(on: Indicators, conversion: int, base: int) -> FloatArray:
    """Ichimoku's leading span A as it is drawn at a bar: the mean of both lines `base` bars before (Hosoda 1969)."""
    lines = on.indicator(middle_of_range, conversion) + on.indicator(middle_of_range, base)
    return technical.shifted(lines / 2.0, base)


def leading_span_b(on: Indicators, base: int, period: int) -> FloatArray:
    """Ichimoku's leading span B as it is drawn at a bar: the middle of `period` bars, `base` bars before."""
    return technical.shifted(on.indicator(middle_of_range, period), base)


def typical_price(on: Indicators) -> FloatArray:
    """Mean of high, low and close."""
    return (on.bars.high + on.bars.low + on.bars.close) / 3.0


def rolling_vwap(on: Indicators, period: int) -> FloatArray:
    """Typical price of the last `period` bars, weighted by volume."""
    return technical.volume_weighted_price(on.indicator(typical_price), on.bars.volume, period)


def session_vwap(on: Indicators) -> FloatArray:
    """Typical price since the session began, weighted by volume; NaN until something is traded."""
    starts = session_starts(on.bars)
    traded, paid = np.cumsum(on.bars.volume), np.cumsum(on.indicator(typical_price) * on.bars.volume)
    before = starts - 1
    zero = np.zeros(len(traded))
    traded = traded - np.where(before >= 0, traded[before], zero)
    paid = paid - np.where(before >= 0, paid[before], zero)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(traded > 0.0, paid / traded, np.nan)


def highest_high(on: Indicators, period: int) -> FloatArray:
    """Highest high of `period` bars, the bar itself included."""
    return technical.highest(on.bars.high, period)


def lowest_low(on: Indicators, period: int) -> FloatArray:
    """Lowest low of `period` bars, the bar itself included."""
    return technical.lowest(on.bars.low, period)


def slope(on: Indicators, period: int) -> FloatArray:
    """Slope of the least-squares line through the closes, in price a bar."""
    return technical.regression_slope(on.bars.close, period)


def rank(on: Indicators, period: int) -> FloatArray:
    """Percent of the earlier closes of `period` bars that are below the close, 0 to 100."""
    return technical.percentile_rank(on.bars.close, period)
