"""Rows that several strategies and overlays share."""

from optimizer.domain.bars import FloatArray
from optimizer.indicators import technical
from optimizer.indicators.conditions import Conditions


def average(on: Conditions, window: int) -> FloatArray:
    """Simple moving average of the closes."""
    return technical.sma(on.bars.close, window)


def above_average(on: Conditions, window: int) -> FloatArray:
    """How far the close is above its simple moving average, in price units."""
    return on.bars.close - on.row(average, window)


def distance(on: Conditions, window: int) -> FloatArray:
    """Distance of the close from its average, in standard deviations of the window."""
    return technical.zscore(on.bars.close, window)
