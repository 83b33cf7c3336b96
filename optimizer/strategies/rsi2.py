"""Connors' RSI(2): buy a short dip inside a long rise (Connors & Alvarez 2009)."""

from optimizer.domain.space import Space
from optimizer.indicators.conditions import Conditions
from optimizer.strategies.declaration import Columns, Side, Strategy, bars_of, level_of
from optimizer.strategies.rsi import rsi
from optimizer.strategies.shared_indicators import above_average


def _long(conditions: Conditions, params: Columns) -> Side:
    return Side(
        enter=conditions.below(rsi, params["period"], level=params["entry"]),
        gate=conditions.above(above_average, params["trend"], level=0),
        exit=conditions.above(rsi, params["period"], level=params["exit"]),
    )


def _short(conditions: Conditions, params: Columns) -> Side:
    return Side(
        enter=conditions.above(rsi, params["period"], level=[100 - level for level in params["entry"]]),
        gate=conditions.below(above_average, params["trend"], level=0),
        exit=conditions.below(rsi, params["period"], level=[100 - level for level in params["exit"]]),
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
