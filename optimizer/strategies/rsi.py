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
    space=Space(
        (
            bars_of("period", 10, 30, 14),
            level_of("oversold", 20, 35, 30),
            level_of("overbought", 65, 80, 70),
        )
    ),
    warm_up=lambda params: int(params["period"]),
    long=_long,
    short=_short,
)
