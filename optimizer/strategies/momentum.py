"""Time-series momentum: hold what has risen (Moskowitz, Ooi & Pedersen 2012)."""

from optimizer.domain.bars import FloatArray
from optimizer.domain.space import Space
from optimizer.indicators import technical
from optimizer.indicators.conditions import Conditions
from optimizer.strategies.declaration import Columns, Side, Strategy, bars_of, level_of


def change(conditions: Conditions, lookback: int) -> FloatArray:
    """Change of the close over `lookback` bars, in percent."""
    return technical.rate_of_change(conditions.bars.close, lookback)


def _long(conditions: Conditions, params: Columns) -> Side:
    return Side(
        enter=conditions.above(change, params["lookback"], level=params["enter"]),
        exit=conditions.below(change, params["lookback"], level=params["leave"]),
    )


def _short(conditions: Conditions, params: Columns) -> Side:
    return Side(
        enter=conditions.below(change, params["lookback"], level=[-level for level in params["enter"]]),
        exit=conditions.above(change, params["lookback"], level=[-level for level in params["leave"]]),
    )


MOMENTUM = Strategy(
    key="momentum",
    aliases=("roc",),
    space=Space(
        (
            bars_of("lookback", 10, 250, 125, step=5),
            level_of("enter", 0, 10, 0, unit="%"),
            level_of("leave", -10, 0, 0, unit="%"),
        )
    ),
    warm_up=lambda params: int(params["lookback"]),
    long=_long,
    short=_short,
)
