"""RSI reversal: buy weakness, sell strength."""

from optimizer.domain.bars import FloatArray
from optimizer.domain.space import Space
from optimizer.indicators import technical
from optimizer.indicators.conditions import Conditions
from optimizer.strategies.declaration import Columns, Side, Strategy, bars_of, level_of


def rsi(conditions: Conditions, period: int) -> FloatArray:
    """RSI of the closes, 0 to 100."""
    return technical.rsi(conditions.bars.close, period)


def _long(conditions: Conditions, params: Columns) -> Side:
    return Side(
        enter=conditions.below(rsi, params["period"], level=params["oversold"]),
        exit=conditions.above(rsi, params["period"], level=params["overbought"]),
    )


def _short(conditions: Conditions, params: Columns) -> Side:
    return Side(
        enter=conditions.above(rsi, params["period"], level=params["overbought"]),
        exit=conditions.below(rsi, params["period"], level=params["oversold"]),
    )


RSI = Strategy(
    key="rsi",
    title="RSI reversal",
    rule="Buy when RSI falls below `oversold`; sell when it rises above `overbought`.",
    short_rule="Sell short when RSI rises above `overbought`; cover when it falls below `oversold`.",
    space=Space(
        (
            bars_of("period", 10, 30, 14, meaning="bars of the RSI"),
            level_of("oversold", 20, 35, 30, meaning="RSI below which it buys"),
            level_of("overbought", 65, 80, 70, meaning="RSI above which it sells"),
        )
    ),
    warm_up=lambda params: int(params["period"]),
    long=_long,
    short=_short,
)
