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
    title="MACD",
    rule="Hold while MACD(`fast`, `slow`) is above its `signal` line.",
    short_rule="Be short while MACD(`fast`, `slow`) is below its `signal` line.",
    space=Space(
        (
            bars_of("fast", 5, 20, 12, meaning="bars of the fast average"),
            bars_of("slow", 20, 50, 26, meaning="bars of the slow average"),
            bars_of("signal", 5, 15, 9, meaning="bars of the signal line"),
        ),
        Order(lesser="fast", greater="slow"),
    ),
    warm_up=lambda params: int(params["slow"]) + int(params["signal"]) - 2,
    long=_long,
    short=_short,
)
