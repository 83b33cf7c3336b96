"""Crossing of two moving averages, simple (`sma`) or exponential (`ema`)."""

from collections.abc import Callable

from optimizer.domain.bars import FloatArray
from optimizer.domain.space import Order, Range, Space
from optimizer.indicators import technical
from optimizer.indicators.conditions import Conditions
from optimizer.strategies.declaration import Columns, Side, Strategy, bars_of
from optimizer.strategies.shared_indicators import average

_Spread = Callable[[Conditions, int, int], FloatArray]


def simple_spread(conditions: Conditions, fast: int, slow: int) -> FloatArray:
    """Fast simple average less the slow one, in price units."""
    return conditions.indicator(average, fast) - conditions.indicator(average, slow)


def exponential_average(conditions: Conditions, window: int) -> FloatArray:
    """Exponential moving average of the closes."""
    return technical.ema(conditions.bars.close, window)


def exponential_spread(conditions: Conditions, fast: int, slow: int) -> FloatArray:
    """Fast exponential average less the slow one, in price units."""
    return conditions.indicator(exponential_average, fast) - conditions.indicator(exponential_average, slow)


def _crossover(key: str, spread: _Spread, kind: str, fast: Range, slow: Range) -> Strategy:
    """Declare a crossover; `spread` is defined at module level, because indicators are cached by their function."""

    def long(conditions: Conditions, params: Columns) -> Side:
        lines = params["fast"], params["slow"]
        return Side(enter=conditions.above(spread, *lines, level=0), exit=conditions.at_most(spread, *lines, level=0))

    def short(conditions: Conditions, params: Columns) -> Side:
        lines = params["fast"], params["slow"]
        return Side(enter=conditions.below(spread, *lines, level=0), exit=conditions.at_least(spread, *lines, level=0))

    return Strategy(
        key=key,
        space=Space((fast, slow), Order(lesser="fast", greater="slow")),
        warm_up=lambda params: int(params["slow"]) - 1,
        long=long,
        short=short,
    )


SMA = _crossover(
    "sma",
    simple_spread,
    "simple",
    bars_of("fast", 5, 50, 20),
    bars_of("slow", 20, 200, 50, step=5),
)
EMA = _crossover(
    "ema",
    exponential_spread,
    "exponential",
    bars_of("fast", 5, 50, 12),
    bars_of("slow", 20, 200, 26, step=2),
)
