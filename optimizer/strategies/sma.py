"""Crossing of two simple moving averages."""

from optimizer.domain.bars import FloatArray
from optimizer.domain.space import Order, Space
from optimizer.indicators.conditions import Conditions
from optimizer.strategies.declaration import Columns, Side, Strategy, bars_of
from optimizer.strategies.shared_indicators import average


def spread(conditions: Conditions, fast: int, slow: int) -> FloatArray:
    """Fast average less slow average, in price units."""
    return conditions.indicator(average, fast) - conditions.indicator(average, slow)


def _long(conditions: Conditions, params: Columns) -> Side:
    return Side(
        enter=conditions.above(spread, params["fast"], params["slow"], level=0),
        exit=conditions.at_most(spread, params["fast"], params["slow"], level=0),
    )


def _short(conditions: Conditions, params: Columns) -> Side:
    return Side(
        enter=conditions.below(spread, params["fast"], params["slow"], level=0),
        exit=conditions.at_least(spread, params["fast"], params["slow"], level=0),
    )


SMA = Strategy(
    key="sma",
    title="SMA crossover",
    rule="Hold while the `fast` simple moving average is above the `slow` one.",
    short_rule="Be short while the `fast` simple moving average is below the `slow` one.",
    space=Space(
        (
            bars_of("fast", 5, 50, 20, meaning="bars of the fast average"),
            bars_of("slow", 20, 200, 50, step=5, meaning="bars of the slow average"),
        ),
        Order(lesser="fast", greater="slow"),
    ),
    warm_up=lambda params: int(params["slow"]) - 1,
    long=_long,
    short=_short,
)
