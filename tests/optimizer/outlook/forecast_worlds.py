"""Made-up returns whose process is known: independent, in clusters, with memory, and in and out of a market."""

import math
from collections.abc import Callable

import numpy as np

from optimizer.compiled import compiled
from optimizer.domain.bars import FloatArray

PER_YEAR = 252
_DEVIATION = 0.01
#: GARCH(1, 1): parts of the last square and of the last variance; degrees of freedom of its shocks.
_NEW, _OLD, _FREEDOM = 0.08, 0.90, 5
_BEFORE = 500
#: Mean length of a stretch in or out of the market, bars.
_STRETCH = 20


def normal(rng: np.random.Generator, n: int) -> FloatArray:
    """Independent normal returns."""
    return rng.normal(0.0, _DEVIATION, n)


def student(rng: np.random.Generator, n: int) -> FloatArray:
    """Independent returns with the tails of Student's t(4)."""
    return rng.standard_t(4, n) / math.sqrt(2.0) * _DEVIATION


def garch(rng: np.random.Generator, n: int) -> FloatArray:
    """Returns whose volatility comes in clusters."""
    shocks = rng.standard_t(_FREEDOM, n + _BEFORE) / math.sqrt(_FREEDOM / (_FREEDOM - 2))
    return _clustered(shocks)[_BEFORE:] * _DEVIATION


@compiled
def _clustered(shocks: FloatArray) -> FloatArray:
    found, variance = np.empty_like(shocks), 1.0
    for i in range(len(shocks)):
        found[i] = math.sqrt(variance) * shocks[i]
        variance = (1.0 - _NEW - _OLD) + _NEW * found[i] ** 2 + _OLD * variance
    return found


def remembering(rng: np.random.Generator, n: int) -> FloatArray:
    """Returns with an autocorrelation of 0.1."""
    return _remembering(rng.normal(0.0, _DEVIATION, n), 0.1)


@compiled
def _remembering(shocks: FloatArray, memory: float) -> FloatArray:
    found, last = np.empty_like(shocks), 0.0
    for i in range(len(shocks)):
        last = memory * last + math.sqrt(1.0 - memory * memory) * shocks[i]
        found[i] = last
    return found


def in_and_out(rng: np.random.Generator, n: int) -> FloatArray:
    """Returns of a strategy that is in a clustered market for half of the time; a bar outside returns 0."""
    is_in = (np.cumsum(rng.random(n) < 1.0 / _STRETCH) + (rng.random() < 0.5)) % 2
    return is_in * garch(rng, n)


WORLDS: dict[str, Callable[[np.random.Generator, int], FloatArray]] = {
    "normal": normal,
    "t": student,
    "garch": garch,
    "ar": remembering,
    "in and out": in_and_out,
}


def world(name: str, rng: np.random.Generator, n: int, *, sharpe: float = 1.0) -> FloatArray:
    """(n,) returns of a world with a true annual Sharpe ratio, earned on the bars with a position."""
    returns = WORLDS[name](rng, n)
    share = 0.5 if name == "in and out" else 1.0
    drift = sharpe * _DEVIATION / math.sqrt(PER_YEAR * share)
    return np.where(returns != 0.0, returns + drift, 0.0)
