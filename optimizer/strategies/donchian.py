"""Donchian channel breakout, the turtles' rule."""

from optimizer.domain.bars import FloatArray
from optimizer.domain.space import Order, Space
from optimizer.indicators import technical
from optimizer.indicators.conditions import Conditions
from optimizer.strategies.declaration import Columns, Side, Strategy, bars_of


def over(on: Conditions, window: int) -> FloatArray:
    """How far the close is above the highest high of the `window` bars before."""
    return on.bars.close - technical.highest_before(on.bars.high, window)


def under(on: Conditions, window: int) -> FloatArray:
    """How far the close is above the lowest low of the `window` bars before; negative below it."""
    return on.bars.close - technical.lowest_before(on.bars.low, window)


def _long(on: Conditions, p: Columns) -> Side:
    return Side(enter=on.above(over, p["entry"], level=0), exit=on.below(under, p["exit"], level=0))


def _short(on: Conditions, p: Columns) -> Side:
    return Side(enter=on.below(under, p["entry"], level=0), exit=on.above(over, p["exit"], level=0))


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
