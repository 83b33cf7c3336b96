"""Indicators that several strategies and overlays share."""

from optimizer.domain.bars import FloatArray
from optimizer.indicators import technical
from optimizer.indicators.conditions import Conditions


def average(conditions: Conditions, window: int) -> FloatArray:
    """Simple moving average of the closes."""
    return technical.sma(conditions.bars.close, window)


def above_average(conditions: Conditions, window: int) -> FloatArray:
    """Close less its simple moving average, in price units."""
    return conditions.bars.close - conditions.indicator(average, window)


def distance(conditions: Conditions, window: int) -> FloatArray:
    """Distance of the close from its average in standard deviations, both over the window (z-score)."""
    return technical.zscore(conditions.bars.close, window)
