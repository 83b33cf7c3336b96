"""How good forecasts were, once the bars are there: proper scores, calibration and skill. Pure functions.

Calibration first, then sharpness (Gneiting, Balabdaoui, Raftery 2007). Overlapping horizons are one observation told
many times, so everything that counts takes forecasts whose horizons do not overlap.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from optimizer.domain.bars import FloatArray
from optimizer.domain.results.forecast_results import LEVELS

#: Chance outside of an interval, in both tails together.
_TAILS = 0.05
#: Part of all levels that each quantile stands for.
_WIDTHS = np.diff([0.0, *((low + high) / 2 for low, high in pairwise(LEVELS)), 1.0])


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """Number of forecasts whose band held what came; the share's 95 % interval (Clopper, Pearson 1934)."""

    n: int
    n_inside: int
    low: float
    high: float


def pinball(quantile: float, level: float, realised: float) -> float:
    """Return the loss of a quantile of this level where `realised` came (Koenker, Bassett 1978)."""
    return (realised - quantile) * (level - (realised < quantile))


def crps(quantiles: Sequence[float], realised: float) -> float:
    """Return the continuous ranked probability score of quantiles at `LEVELS`, in the measure's unit; 0 is perfect.

    Twice the pinball loss over all levels, each quantile standing for those nearest to its own.
    """
    losses = [pinball(quantile, level, realised) for quantile, level in zip(quantiles, LEVELS, strict=True)]
    return 2.0 * float(_WIDTHS @ np.array(losses))


def pit(quantiles: Sequence[float], realised: float) -> float:
    """Return the level of the realised value among the quantiles, 0 to 1 (probability integral transform).

    Between two quantiles it is interpolated; where several equal the value, such as a drawdown of 0, it is the middle
    of their levels.
    """
    first, after = bisect_left(quantiles, realised), bisect_right(quantiles, realised)
    if first < after:
        return (LEVELS[first] + LEVELS[after - 1]) / 2
    if first == 0:
        return LEVELS[0] / 2
    if first == len(LEVELS):
        return (1.0 + LEVELS[-1]) / 2
    share = (realised - quantiles[first - 1]) / (quantiles[first] - quantiles[first - 1])
    return LEVELS[first - 1] + share * (LEVELS[first] - LEVELS[first - 1])


def is_inside(quantiles: Sequence[float], realised: float, share: float) -> bool:
    """Return True if the value lies in the central band of this share, such as 0.5 or 0.9, its ends included."""
    low, high = (LEVELS.index(round((1.0 + side * share) / 2, 3)) for side in (-1, 1))
    return quantiles[low] <= realised <= quantiles[high]


def coverage(inside: Sequence[bool]) -> Coverage:
    """Return the coverage of at least one forecast; their horizons must not overlap (`non_overlapping`)."""
    n, hits = len(inside), sum(inside)
    low = _root(lambda share: _at_most(hits - 1, n, share), 1.0 - _TAILS / 2) if hits else 0.0
    high = _root(lambda share: _at_most(hits, n, share), _TAILS / 2) if hits < n else 1.0
    return Coverage(n=n, n_inside=hits, low=low, high=high)


def _root(falling: Callable[[float], float], value: float) -> float:
    """Return the argument between 0 and 1 at which a falling function has a value."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if falling(middle) > value else (low, middle)
    return (low + high) / 2


def _at_most(hits: int, n: int, share: float) -> float:
    """Return the binomial probability of at most so many hits of n; 0 < share < 1."""
    whole = math.lgamma(n + 1)
    return math.fsum(
        math.exp(
            whole - math.lgamma(k + 1) - math.lgamma(n - k + 1) + k * math.log(share) + (n - k) * math.log1p(-share)
        )
        for k in range(hits + 1)
    )


def luck_range(n: int, share: float) -> tuple[int, int]:
    """Return the least and the most hits of n that a band of this share has in 95 of 100 cases."""
    chances = [_at_most(hits, n, share) for hits in range(n + 1)]
    return bisect_left(chances, _TAILS / 2), min(bisect_left(chances, 1.0 - _TAILS / 2), n)


def lean(pits: Sequence[float]) -> float:
    """Return how far the mean level is from one half, in standard errors: beyond ±1.96 forecasts lean to one side.

    A negative one means that less came than was said. It sees a vanished edge long before coverage does.
    """
    return (math.fsum(pits) / len(pits) - 0.5) * math.sqrt(12.0 * len(pits))


def non_overlapping(spans: Sequence[tuple[int, int]]) -> list[int]:
    """Return the places of spans (first, last; both included) that do not overlap, from the earliest end on."""
    kept: list[int] = []
    for place in sorted(range(len(spans)), key=lambda place: (spans[place][1], spans[place][0])):
        if not kept or spans[place][0] > spans[kept[-1]][1]:
            kept.append(place)
    return kept


def skill(scores: FloatArray, naive: FloatArray) -> float:
    """Return 1 less the sum of scores over that of the naive twin's: 0 is no better, NaN where that sum is 0."""
    total = float(naive.sum())
    return 1.0 - float(scores.sum()) / total if total else math.nan
