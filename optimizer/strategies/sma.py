"""Crossing of two simple moving averages."""

from optimizer.domain.bars import FloatArray
from optimizer.domain.space import Order, Space
from optimizer.indicators.conditions import Conditions
from optimizer.strategies.declaration import Columns, Side, Strategy, bars_of
from optimizer.strategies.shared_rows import average


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


SMA = Strategy(
    key="sma",
    space=Space(
        (
            bars_of("fast", 5, 50, 20),
            bars_of("slow", 20, 200, 50, step=5),
        ),
        Order(lesser="fast", greater="slow"),
    ),
    warm_up=lambda params: int(params["slow"]) - 1,
    long=_long,
    short=_short,
)
