"""Reversion of the z-score: buy far below the average, sell nearer to it."""

from optimizer.domain.space import Order, Space
from optimizer.indicators.conditions import Conditions
from optimizer.strategies.declaration import Columns, Side, Strategy, bars_of, width_of
from optimizer.strategies.shared_rows import distance


def _long(on: Conditions, p: Columns) -> Side:
    return Side(
        enter=on.below(distance, p["period"], level=[-level for level in p["entry"]]),
        exit=on.above(distance, p["period"], level=[-level for level in p["exit"]]),
    )


def _short(on: Conditions, p: Columns) -> Side:
    return Side(
        enter=on.above(distance, p["period"], level=p["entry"]),
        exit=on.below(distance, p["period"], level=p["exit"]),
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
