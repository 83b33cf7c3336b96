"""Crossing of two exponential moving averages."""

from optimizer.domain.bars import FloatArray
from optimizer.domain.space import Order, Space
from optimizer.indicators import technical
from optimizer.indicators.conditions import Conditions
from optimizer.strategies.declaration import Columns, Side, Strategy, bars_of


def average(on: Conditions, window: int) -> FloatArray:
    """Exponential moving average of the closes."""
    return technical.ema(on.bars.close, window)


def spread(on: Conditions, fast: int, slow: int) -> FloatArray:
    """Fast average less slow average, in price units."""
    return on.row(average, fast) - on.row(average, slow)


def _long(on: Conditions, p: Columns) -> Side:
    return Side(
        enter=on.above(spread, p["fast"], p["slow"], level=0), exit=on.at_most(spread, p["fast"], p["slow"], level=0)
    )


def _short(on: Conditions, p: Columns) -> Side:
    return Side(
        enter=on.below(spread, p["fast"], p["slow"], level=0), exit=on.at_least(spread, p["fast"], p["slow"], level=0)
    )


EMA = Strategy(
    key="ema",
    space=Space(
        (
            bars_of("fast", 5, 50, 12),
            bars_of("slow", 20, 200, 26, step=2),
        ),
        Order(lesser="fast", greater="slow"),
    ),
    warm_up=lambda params: int(params["slow"]) - 1,
    long=_long,
    short=_short,
)
