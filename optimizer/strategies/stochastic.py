"""Stochastic oscillator: %K crosses %D at an extreme (Lane 1984)."""

import numpy as np

from optimizer.domain.bars import FloatArray
from optimizer.domain.space import Space
from optimizer.indicators import technical
from optimizer.indicators.conditions import Conditions
from optimizer.strategies.declaration import Columns, Side, Strategy, bars_of, level_of


def percent_k(conditions: Conditions, k: int) -> FloatArray:
    """%K, 0 to 100: position of the close between the lowest low and the highest high of `k` bars."""
    bars = conditions.bars
    return technical.stochastic(bars.high, bars.low, bars.close, k=k, d=1)[0]


def crossing_up(conditions: Conditions, k: int, d: int) -> FloatArray:
    """%K at the closes where it crosses above %D, NaN at all others."""
    return _where_crossing(conditions, k, d, 1.0)


def crossing_down(conditions: Conditions, k: int, d: int) -> FloatArray:
    """%K at the closes where it crosses below %D, NaN at all others."""
    return _where_crossing(conditions, k, d, -1.0)


def _where_crossing(conditions: Conditions, k: int, d: int, sign: float) -> FloatArray:
    bars = conditions.bars
    fast, slow = technical.stochastic(bars.high, bars.low, bars.close, k=k, d=d)
    lead = sign * (fast - slow)
    crosses = np.zeros(len(lead), dtype=bool)
    crosses[1:] = (lead[1:] > 0.0) & (lead[:-1] <= 0.0)
    return np.where(crosses, fast, np.nan)


def _long(conditions: Conditions, params: Columns) -> Side:
    return Side(
        enter=conditions.below(crossing_up, params["k"], params["d"], level=params["low"]),
        exit=conditions.above(percent_k, params["k"], level=params["high"]),
    )


def _short(conditions: Conditions, params: Columns) -> Side:
    return Side(
        enter=conditions.above(crossing_down, params["k"], params["d"], level=params["high"]),
        exit=conditions.below(percent_k, params["k"], level=params["low"]),
    )


STOCHASTIC = Strategy(
    key="stochastic",
    aliases=("stoch",),
    space=Space(
        (
            bars_of("k", 5, 21, 14),
            bars_of("d", 3, 5, 3),
            level_of("low", 10, 30, 20, step=5),
            level_of("high", 70, 90, 80, step=5),
        )
    ),
    warm_up=lambda params: int(params["k"]) + int(params["d"]) - 1,
    long=_long,
    short=_short,
)
