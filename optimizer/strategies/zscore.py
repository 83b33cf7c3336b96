"""Reversion of the z-score: buy far below the average, sell nearer to it."""

from optimizer.domain.space import Order, Space
from optimizer.indicators.conditions import Conditions
from optimizer.strategies.declaration import Columns, Side, Strategy, bars_of, width_of
from optimizer.strategies.shared_indicators import distance


def _long(conditions: Conditions, params: Columns) -> Side:
    return Side(
        enter=conditions.below(distance, params["period"], level=[-level for level in params["entry"]]),
        exit=conditions.above(distance, params["period"], level=[-level for level in params["exit"]]),
    )


def _short(conditions: Conditions, params: Columns) -> Side:
    return Side(
        enter=conditions.above(distance, params["period"], level=params["entry"]),
        exit=conditions.below(distance, params["period"], level=params["exit"]),
    )


ZSCORE = Strategy(
    key="zscore",
    space=Space(
        (
            bars_of("period", 10, 100, 20, step=5),
            width_of("entry", 1, 3, 2, unit="deviations"),
            width_of("exit", 0, 1, 0, unit="deviations"),
        ),
        Order(lesser="exit", greater="entry"),
    ),
    warm_up=lambda params: int(params["period"]) - 1,
    long=_long,
    short=_short,
)
