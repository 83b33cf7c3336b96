"""MACD above its signal line."""

from optimizer.domain.bars import FloatArray
from optimizer.domain.space import Order, Space
from optimizer.indicators import technical
from optimizer.indicators.conditions import Conditions
from optimizer.strategies.declaration import Columns, Side, Strategy, bars_of


def histogram(conditions: Conditions, fast: int, slow: int, signal: int) -> FloatArray:
    """MACD less its signal line, in price units."""
    return technical.macd_histogram(conditions.bars.close, fast, slow, signal)


def _long(conditions: Conditions, params: Columns) -> Side:
    return Side(
        enter=conditions.above(histogram, params["fast"], params["slow"], params["signal"], level=0),
        exit=conditions.at_most(histogram, params["fast"], params["slow"], params["signal"], level=0),
    )


def _short(conditions: Conditions, params: Columns) -> Side:
    return Side(
        enter=conditions.below(histogram, params["fast"], params["slow"], params["signal"], level=0),
        exit=conditions.at_least(histogram, params["fast"], params["slow"], params["signal"], level=0),
    )


MACD = Strategy(
    key="macd",
    space=Space(
        (
            bars_of("fast", 5, 20, 12),
            bars_of("slow", 20, 50, 26),
            bars_of("signal", 5, 15, 9),
        ),
        Order(lesser="fast", greater="slow"),
    ),
    warm_up=lambda params: int(params["slow"]) + int(params["signal"]) - 2,
    long=_long,
    short=_short,
)
