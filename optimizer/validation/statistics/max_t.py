"""Test of the best of many sets at once: could all of them be without an edge?

Studentised maximum of White's reality check (2000), which is the first step of Romano and Wolf (2005): the largest
t statistic of all sets is compared with the largest of resamples in which every set was centred on 0. What the sets
have in common stays in common, because one resample draws the same rows for all of them; so a thousand near-copies
count as little more than one set. Rows are drawn by the stationary bootstrap of Politis and Romano (1994).
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from optimizer.domain.bars import FloatArray

#: Resamples, and the mean number of rows in a row that they keep together.
N_RESAMPLES = 500
MEAN_BLOCK = 2.0
#: The resamples are the same for every study: the test is a function of the returns alone.
_SEED = 15
#: Maxima of resamples above the observed one below which their own count is too coarse a probability.
_LEAST_BEYOND = 10
_NORMAL = NormalDist()

Float32Array = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, eq=False)
class MaxT:
    """Result of the test. Statistics are t values: mean / standard deviation · √rows."""

    t: FloatArray  # (n_sets,) of each set; −inf for one that never moves
    maxima: FloatArray  # (n_resamples,) largest statistic of each centred resample, sorted
    optimism: float  # mean excess of the set that leads a resample over what it has in the sample

    @property
    def p(self) -> float:
        """Probability of a maximum like the observed one if no set had an edge; 1 without a moving set."""
        return tail(self.maxima, float(self.t.max(initial=-math.inf)))


def max_t(rows: Float32Array, *, n_resamples: int = N_RESAMPLES, mean_block: float = MEAN_BLOCK) -> MaxT:
    """Test (n_sets, n_rows) returns, or sums of returns over a few bars, for any mean above 0."""
    n_sets, n_rows = rows.shape
    means, spreads = rows.mean(axis=1), rows.std(axis=1, ddof=1) if n_rows > 1 else np.zeros(n_sets)
    moves = spreads > 1e-9
    t = np.full(n_sets, -math.inf)
    t[moves] = means[moves] / spreads[moves] * math.sqrt(n_rows)
    if not moves.any():
        return MaxT(t=t, maxima=np.zeros(0), optimism=0.0)
    kept = _different(rows, t, np.flatnonzero(moves))
    standardized = rows[kept]
    standardized -= means[kept, None]
    standardized /= (spreads[kept] * math.sqrt(n_rows))[:, None]
    drawn = resample_counts(n_rows, n_resamples, mean_block) @ standardized.astype(np.float32, copy=False).T
    leaders = (drawn + t[kept].astype(np.float32)).argmax(axis=1)
    return MaxT(
        t=t,
        maxima=np.sort(drawn.max(axis=1).astype(np.float64)),
        optimism=float(drawn[np.arange(n_resamples), leaders].mean()),
    )


def _different(rows: Float32Array, t: FloatArray, moving: NDArray[np.intp]) -> NDArray[np.intp]:
    """First of each of several moving sets that earned the same, as many of a grid do; all where that is not so plain.

    Whatever is largest of all sets is largest of these.
    """
    _, first, group = np.unique(t[moving], return_index=True, return_inverse=True)
    alike = moving[first[group]]
    if len(first) == len(moving) or not np.array_equal(rows[moving], rows[alike]):
        return moving
    return np.sort(moving[first])


@lru_cache(maxsize=16)
def resample_counts(n_rows: int, n_resamples: int, mean_block: float) -> Float32Array:
    """(n_resamples, n_rows) how often each row occurs in each stationary resample; read-only."""
    rng, rows = np.random.default_rng([_SEED, n_rows]), np.arange(n_rows)
    counts = np.empty((n_resamples, n_rows), dtype=np.float32)
    for resample in counts:
        jumps = rng.random(n_rows) < 1.0 / mean_block
        jumps[0] = True
        since = np.maximum.accumulate(np.where(jumps, rows, 0))
        resample[:] = np.bincount((rng.integers(n_rows, size=n_rows)[since] + rows - since) % n_rows, minlength=n_rows)
    counts.flags.writeable = False
    return counts


def tail(maxima: FloatArray, observed: float) -> float:
    """Probability that a maximum reaches `observed`, given a sorted sample of such maxima; 1 without a sample.

    The count of the sample with one added, as always for resampling tests. Where fewer than ten maxima reach
    `observed` that is too coarse: the smaller of it and the tail of a Gumbel distribution with the sample's mean and
    deviation is taken, to which maxima of normals converge from below.
    """
    if not len(maxima) or not math.isfinite(observed):
        return 1.0
    n_beyond = len(maxima) - int(np.searchsorted(maxima, observed))
    counted = (1 + n_beyond) / (1 + len(maxima))
    if n_beyond >= _LEAST_BEYOND or len(maxima) < 2:
        return counted
    scale = float(maxima.std(ddof=1)) * math.sqrt(6.0) / math.pi
    if scale <= 0.0:
        return counted
    location = float(maxima.mean()) - np.euler_gamma * scale
    return min(counted, -math.expm1(-math.exp(-(observed - location) / scale)))


def one_sided_p(t: float) -> float:
    """Probability that a t value of so many rows that it is normal is at least `t` without an edge."""
    return 1.0 - _NORMAL.cdf(t)


def fisher(first: float, second: float) -> float:
    """Combine two independent p values into one (Fisher 1925): −2 Σ ln p is chi-squared with four degrees of freedom.

    With q the product of both that tail is q · (1 − ln q).
    """
    product = first * second
    return product * (1.0 - math.log(product)) if product > 0.0 else 0.0


def best_of(p: float, n_searches: float) -> float:
    """Probability that the smallest of so many independent p values is at most `p` (Šidák 1967)."""
    return -math.expm1(n_searches * math.log1p(-p)) if p < 1.0 else 1.0
