"""Supertrend: the side of a trailing band of average true ranges."""

from optimizer.domain.bars import FloatArray
from optimizer.domain.space import Space
from optimizer.indicators import technical
from optimizer.indicators.conditions import Conditions
from optimizer.strategies.declaration import Columns, Side, Strategy, bars_of, width_of


def side(on: Conditions, period: int, mult: float) -> FloatArray:
    """1 where the close is above the trailing band, −1 where it is below."""
    bars = on.bars
    return technical.supertrend(bars.high, bars.low, bars.close, window=period, multiple=mult)


def _long(on: Conditions, p: Columns) -> Side:
    return Side(
        enter=on.above(side, p["period"], p["mult"], level=0), exit=on.below(side, p["period"], p["mult"], level=0)
    )


def _short(on: Conditions, p: Columns) -> Side:
    return Side(
        enter=on.below(side, p["period"], p["mult"], level=0), exit=on.above(side, p["period"], p["mult"], level=0)
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
