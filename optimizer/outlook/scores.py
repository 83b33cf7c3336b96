"""How good forecasts were, once the bars are there: proper scores, calibration and skill. Pure functions."""

from collections.abc import Sequence
from dataclasses import dataclass

from optimizer.domain.bars import FloatArray


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """Share of forecasts whose band held the value that came, with its 95 % interval (Clopper and Pearson 1934)."""

    n: int
    n_inside: int
    low: float
    high: float


def pinball(quantile: float, level: float, realised: float) -> float:
    """Return the quantile loss: what a quantile of this level costs where `realised` came (Koenker, Bassett 1978)."""
    raise NotImplementedError


def crps(quantiles: Sequence[float], realised: float) -> float:
    """Return the continuous ranked probability score of quantiles at `LEVELS`, in the measure's unit; 0 is perfect."""
    raise NotImplementedError


def pit(quantiles: Sequence[float], realised: float) -> float:
    """Return the probability integral transform: the level of the realised value among the quantiles, 0 to 1."""
    raise NotImplementedError


def is_inside(quantiles: Sequence[float], realised: float, share: float) -> bool:
    """Return True if the value lies in the central band of this share, 0.5 or 0.9, its ends included."""
    raise NotImplementedError


def coverage(inside: Sequence[bool]) -> Coverage:
    """Return the coverage of forecasts whose horizons do not overlap (`non_overlapping`)."""
    raise NotImplementedError


def luck_range(n: int, share: float) -> tuple[int, int]:
    """Return the least and the most hits of n that a band of this share has in 95 of 100 cases."""
    raise NotImplementedError


def non_overlapping(spans: Sequence[tuple[int, int]]) -> list[int]:
    """Return the places of spans (first, last; both included) that do not overlap, from the earliest on."""
    raise NotImplementedError


def skill(scores: FloatArray, naive: FloatArray) -> float:
    """Return 1 less the sum of scores over that of the naive twin's: 0 is no better, NaN where that sum is 0."""
    raise NotImplementedError
