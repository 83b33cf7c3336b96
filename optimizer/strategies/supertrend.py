"""Supertrend: the side of a trailing band of average true ranges."""

from optimizer.domain.bars import FloatArray
from optimizer.domain.space import Space
from optimizer.indicators import technical
from optimizer.indicators.conditions import Conditions
from optimizer.strategies.declaration import Columns, Side, Strategy, bars_of, width_of


def side(conditions: Conditions, period: int, mult: float) -> FloatArray:
    """Side of the trailing band that the close is on: 1 above, −1 below."""
    bars = conditions.bars
    return technical.supertrend(bars.high, bars.low, bars.close, window=period, multiple=mult)


def _long(conditions: Conditions, params: Columns) -> Side:
    return Side(
        enter=conditions.above(side, params["period"], params["mult"], level=0),
        exit=conditions.below(side, params["period"], params["mult"], level=0),
    )


def _short(conditions: Conditions, params: Columns) -> Side:
    return Side(
        enter=conditions.below(side, params["period"], params["mult"], level=0),
        exit=conditions.above(side, params["period"], params["mult"], level=0),
    )


SUPERTREND = Strategy(
    key="supertrend",
    space=Space(
        (
            bars_of("period", 7, 21, 10),
            width_of("mult", 1.5, 4, 3, unit="ranges"),
        )
    ),
    warm_up=lambda params: int(params["period"]),
    long=_long,
    short=_short,
)
