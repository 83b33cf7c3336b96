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
    title="Connors RSI(2)",
    rule="Buy when the close is above SMA(`trend`) and RSI falls below `entry`; sell when RSI rises above `exit`.",
    short_rule=(
        "Sell short when the close is below SMA(`trend`) and RSI rises above 100 − `entry`; "
        "cover when RSI falls below 100 − `exit`."
    ),
    space=Space(
        (
            bars_of("period", 2, 4, 2, meaning="bars of the RSI"),
            level_of("entry", 5, 20, 10, meaning="RSI below which it buys"),
            level_of("exit", 50, 80, 70, step=5, meaning="RSI above which it sells"),
            bars_of("trend", 100, 250, 200, step=25, meaning="bars of the average that the close must be above"),
        )
    ),
    warm_up=lambda params: max(int(params["period"]), int(params["trend"]) - 1),
    long=_long,
    short=_short,
)
