"""RSI reversal: buy weakness, sell strength."""

from optimizer.domain.bars import FloatArray
from optimizer.domain.space import Space
from optimizer.indicators import technical
from optimizer.indicators.conditions import Conditions
from optimizer.strategies.declaration import Columns, Side, Strategy, bars_of, level_of


def strength(on: Conditions, period: int) -> FloatArray:
    """RSI of the closes, 0 to 100."""
    return technical.rsi(on.bars.close, period)


def _long(on: Conditions, p: Columns) -> Side:
    return Side(
        enter=on.below(strength, p["period"], level=p["oversold"]),
        exit=on.above(strength, p["period"], level=p["overbought"]),
    )


def _short(on: Conditions, p: Columns) -> Side:
    return Side(
        enter=on.above(strength, p["period"], level=p["overbought"]),
        exit=on.below(strength, p["period"], level=p["oversold"]),
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
