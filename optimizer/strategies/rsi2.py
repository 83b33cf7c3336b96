"""Connors' RSI(2): buy a short dip inside a long rise (Connors & Alvarez 2009)."""

from optimizer.domain.space import Space
from optimizer.indicators.conditions import Conditions
from optimizer.strategies.declaration import Columns, Side, Strategy, bars_of, level_of
from optimizer.strategies.rsi import strength
from optimizer.strategies.shared_rows import above_average


def _long(on: Conditions, p: Columns) -> Side:
    return Side(
        enter=on.below(strength, p["period"], level=p["entry"]),
        gate=on.above(above_average, p["trend"], level=0),
        exit=on.above(strength, p["period"], level=p["exit"]),
    )


def _short(on: Conditions, p: Columns) -> Side:
    return Side(
        enter=on.above(strength, p["period"], level=[100 - level for level in p["entry"]]),
        gate=on.below(above_average, p["trend"], level=0),
        exit=on.below(strength, p["period"], level=[100 - level for level in p["exit"]]),
    )


RSI2 = Strategy(
    key="rsi2",
    aliases=("connors",),
    space=Space(
        (
            bars_of("period", 2, 4, 2),
            level_of("entry", 5, 20, 10),
            level_of("exit", 50, 80, 70, step=5),
            bars_of("trend", 100, 250, 200, step=25),
        )
    ),
    warm_up=lambda params: max(int(params["period"]), int(params["trend"]) - 1),
    long=_long,
    short=_short,
)
