"""MACD above its signal line."""

from optimizer.domain.bars import FloatArray
from optimizer.domain.space import Order, Space
from optimizer.indicators import technical
from optimizer.indicators.conditions import Conditions
from optimizer.strategies.declaration import Columns, Side, Strategy, bars_of


def histogram(on: Conditions, fast: int, slow: int, signal: int) -> FloatArray:
    """MACD less its signal line, in price units."""
    return technical.macd_histogram(on.bars.close, fast, slow, signal)


def _long(on: Conditions, p: Columns) -> Side:
    return Side(
        enter=on.above(histogram, p["fast"], p["slow"], p["signal"], level=0),
        exit=on.at_most(histogram, p["fast"], p["slow"], p["signal"], level=0),
    )


def _short(on: Conditions, p: Columns) -> Side:
    return Side(
        enter=on.below(histogram, p["fast"], p["slow"], p["signal"], level=0),
        exit=on.at_least(histogram, p["fast"], p["slow"], p["signal"], level=0),
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
