"""Donchian channel breakout, the turtles' rule."""

from optimizer.domain.bars import FloatArray
from optimizer.domain.space import Order, Space
from optimizer.indicators import technical
from optimizer.indicators.conditions import Conditions
from optimizer.strategies.declaration import Columns, Side, Strategy, bars_of


def above_highest(conditions: Conditions, window: int) -> FloatArray:
    """Close less the highest high of the `window` bars before, in price units."""
    return conditions.bars.close - technical.highest_before(conditions.bars.high, window)


def above_lowest(conditions: Conditions, window: int) -> FloatArray:
    """Close less the lowest low of the `window` bars before, in price units."""
    return conditions.bars.close - technical.lowest_before(conditions.bars.low, window)


def _long(conditions: Conditions, params: Columns) -> Side:
    return Side(
        enter=conditions.above(above_highest, params["entry"], level=0),
        exit=conditions.below(above_lowest, params["exit"], level=0),
    )


def _short(conditions: Conditions, params: Columns) -> Side:
    return Side(
        enter=conditions.below(above_lowest, params["entry"], level=0),
        exit=conditions.above(above_highest, params["exit"], level=0),
    )


DONCHIAN = Strategy(
    key="donchian",
    aliases=("turtle", "breakout"),
    space=Space(
        (
            bars_of("entry", 10, 100, 20, step=5),
            bars_of("exit", 5, 50, 10, step=5),
        ),
        Order(lesser="exit", greater="entry", strict=False),
    ),
    warm_up=lambda params: max(int(params["entry"]), int(params["exit"])),
    long=_long,
    short=_short,
)
