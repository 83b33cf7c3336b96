"""Rows that several strategies and overlays share."""

from optimizer import indicators
from optimizer.conditions import Conditions
from optimizer.series import FloatArray


def average(on: Conditions, window: int) -> FloatArray:
    """Simple moving average of the closes."""
    return indicators.sma(on.bars.close, window)


def above_average(on: Conditions, window: int) -> FloatArray:
    """How far the close is above its simple moving average, in price units."""
    return on.bars.close - on.row(average, window)


def distance(on: Conditions, window: int) -> FloatArray:
    """Distance of the close from its average, in standard deviations of the window."""
    return indicators.zscore(on.bars.close, window)
