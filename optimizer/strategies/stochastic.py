"""Stochastic oscillator: %K crosses %D at an extreme (Lane 1984)."""

import numpy as np

from optimizer.domain.bars import FloatArray
from optimizer.domain.space import Space
from optimizer.indicators import technical
from optimizer.indicators.conditions import Conditions
from optimizer.strategies.declaration import Columns, Side, Strategy, bars_of, level_of


def percent_k(on: Conditions, k: int) -> FloatArray:
    """%K, 0 to 100: where the close lies between the lowest low and the highest high of `k` bars."""
    bars = on.bars
    return technical.stochastic(bars.high, bars.low, bars.close, k=k, d=1)[0]


def crossing_up(on: Conditions, k: int, d: int) -> FloatArray:
    """%K at the closes where it crosses above %D, NaN at all others."""
    return _where_crossing(on, k, d, 1.0)


def crossing_down(on: Conditions, k: int, d: int) -> FloatArray:
    """%K at the closes where it crosses below %D, NaN at all others."""
    return _where_crossing(on, k, d, -1.0)


def _where_crossing(on: Conditions, k: int, d: int, sign: float) -> FloatArray:
    bars = on.bars
    fast, slow = technical.stochastic(bars.high, bars.low, bars.close, k=k, d=d)
    lead = sign * (fast - slow)
    crosses = np.zeros(len(lead), dtype=bool)
    crosses[1:] = (lead[1:] > 0.0) & (lead[:-1] <= 0.0)
    return np.where(crosses, fast, np.nan)


def _long(on: Conditions, p: Columns) -> Side:
    return Side(
        enter=on.below(crossing_up, p["k"], p["d"], level=p["low"]),
        exit=on.above(percent_k, p["k"], level=p["high"]),
    )


def _short(on: Conditions, p: Columns) -> Side:
    return Side(
        enter=on.above(crossing_down, p["k"], p["d"], level=p["high"]),
        exit=on.below(percent_k, p["k"], level=p["low"]),
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
