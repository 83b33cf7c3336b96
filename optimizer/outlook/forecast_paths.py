"""Paths of possible returns: a filtered stationary bootstrap that knows how uncertain its mean and its scale are.

Returns of held bars are centred and divided by the deviation that was known before each, so that calm and wild times
yield draws of one size. Each path joins stationary blocks of these draws (Politis, Romano 1994) on a deviation that
starts at today's and runs on with its own draws (filtered historical simulation: Barone-Adesi, Giannopoulos, Vosper
1999). How fast the deviation follows new returns and falls back differs between markets and cannot be known, so each
path has one of 25 memories, as often as the returns speak for it. A band around a known mean would be too narrow: each
path also has the error of a second resample in its mean and in its scale. Bars on which nothing was held stay without
a return, whatever the error of the mean.

Everything is drawn by SplitMix64 (Steele, Lea, Flood 2014) from one seed: the same on every machine.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np
from numpy.typing import NDArray

from optimizer.compiled import compiled, compiled_part
from optimizer.domain.bars import FloatArray
from optimizer.domain.results.forecast_results import BLOCK_SHARE

N_PATHS = 2_000
#: Least mean length of the blocks, bars; the most as a part of all bars.
LEAST_BLOCK, _MOST_OF_ALL = 10.0, 8
#: A block holds this many stretches in or out of the market, so that paths come and go as the returns did.
_STRETCHES = 2.0
#: Memories of the variance: the part of the way to the last squared return, and to the long-run level, a bar.
_MEMORIES = np.array(
    [(0.0, 0.02), *((new, back) for new in (0.01, 0.02, 0.04, 0.06, 0.09, 0.13) for back in (0.01, 0.02, 0.04, 0.08))]
)
#: Degrees of freedom of Student's t by which memories are judged.
_FREEDOM = 6.0
#: A resample of few held bars would have a scale beyond reason.
_MOST_SCALE = 3.0
#: Variance that is rounding: absolute, and as a share of the squared mean.
_NO_VARIANCE, _NO_SHARE = 1e-20, 1e-12

#: Seed of the naive twin's draws.
_NORMAL_SEED = 1

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_A = np.uint64(0xBF58476D1CE4E5B9)
_MIX_B = np.uint64(0x94D049BB133111EB)
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_RANGE = 2.0**32

BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]
UintArray = NDArray[np.uint64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Filtered:
    """Returns without their changing deviation, once per memory."""

    returns: FloatArray  # (n_bars,)
    is_held: BoolArray  # (n_bars,)
    draws: FloatArray  # (n_memories, n_bars): variance 1 over the held bars, 0 on the others
    variances: FloatArray  # (n_memories,) known after the last bar
    weights: FloatArray  # (n_memories,) probabilities
    mean: float  # of the returns of held bars
    long_run: float  # variance
    block: float  # mean length of the blocks, bars


@dataclass(frozen=True, kw_only=True, eq=False)
class PathErrors:
    """What each path has of its own, (n_paths,)."""

    shifts: FloatArray  # of the return of a held bar
    scales: FloatArray  # of its deviation
    memories: IntArray


@dataclass(frozen=True, kw_only=True, eq=False)
class PathMeasures:
    """Measures of each path up to one horizon, (n_paths,), by the bar; without movement the Sharpe ratio is NaN."""

    total_return: FloatArray
    sharpe_ratio: FloatArray
    max_drawdown: FloatArray
    deviation: FloatArray


def filtered(returns: FloatArray) -> Filtered:
    """Filter (n_bars,) returns of which at least one is not 0."""
    is_held = returns != 0.0
    mean = float(returns[is_held].mean())
    centred = np.where(is_held, returns - mean, 0.0)
    long_run = float((centred[is_held] ** 2).mean())
    n_changes = int((is_held[1:] != is_held[:-1]).sum())
    block = _STRETCHES * len(returns) / (n_changes + 1) if n_changes else LEAST_BLOCK
    if long_run <= _NO_VARIANCE + _NO_SHARE * mean**2:  # constant: any memory will do
        draws, variances, fits = np.zeros((1, len(returns))), np.zeros(1), np.zeros(1)
    else:
        draws, variances, fits = _standardised(centred, is_held, long_run, _MEMORIES)
        draws /= np.sqrt((draws[:, is_held] ** 2).mean(axis=1, keepdims=True))
    weights = np.exp(fits - fits.max())
    return Filtered(
        returns=returns,
        is_held=is_held,
        draws=draws,
        variances=variances,
        weights=weights / weights.sum(),
        mean=mean,
        long_run=long_run,
        block=max(min(block, len(returns) / _MOST_OF_ALL), LEAST_BLOCK),
    )


@compiled
def _standardised(
    centred: FloatArray, is_held: BoolArray, long_run: float, memories: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Centred returns over the deviation known before each, the variance known after the last, the log likelihood."""
    found = np.zeros((len(memories), len(centred)))
    variances, fits = np.empty(len(memories)), np.zeros(len(memories))
    for row in range(len(memories)):
        new, back = memories[row]
        variance = long_run
        for i in range(len(centred)):
            if is_held[i]:
                square = centred[i] * centred[i]
                found[row, i] = centred[i] / math.sqrt(variance)
                tail = math.log(1.0 + square / variance / (_FREEDOM - 2.0))
                fits[row] -= 0.5 * math.log(variance) + 0.5 * (_FREEDOM + 1.0) * tail
                variance += new * (square - variance)
            variance += back * (long_run - variance)
        variances[row] = variance
    return found, variances, fits


def path_errors(base: Filtered, *, seed: int, n_paths: int = N_PATHS) -> PathErrors:
    """Resample the mean and the scale of filtered returns, and choose a memory, once per path."""
    returns, n, n_held = base.returns, len(base.returns), int(base.is_held.sum())
    chosen = np.searchsorted(np.cumsum(base.weights), (np.arange(n_paths) + 0.5) / n_paths)
    memories = np.minimum(chosen, len(base.weights) - 1).astype(np.int64)
    if np.ptp(returns) == 0.0:
        return PathErrors(shifts=np.zeros(n_paths), scales=np.ones(n_paths), memories=memories)
    columns = returns, returns**2, base.is_held.astype(np.float64)
    # What belongs to one bar lies together: a resample of a long history reads from all over it.
    resampled = partial(_resampled_moments, np.stack([_running(values) for values in columns], axis=1))
    means, _ = resampled(np.full(n_paths, base.block), np.uint64(seed))
    blocks, widenings = _scale_blocks(n)
    _, scales = resampled(blocks[memories], np.uint64(seed + 1))
    widening = math.sqrt(n / (n - 1)) * _unseen_share(base.block, n)
    return PathErrors(
        shifts=(returns.mean() - means) * widening * n / n_held,
        scales=scales ** widenings[memories],
        memories=memories,
    )


def _unseen_share(block: FloatArray | float, n: int) -> FloatArray:
    """Return by how much a mean over blocks of `n` bars is less certain than its resamples say."""
    return np.asarray(1.0 + BLOCK_SHARE * block / n)


def _scale_blocks(n: int) -> tuple[FloatArray, FloatArray]:
    """Return for each memory the blocks that resample the scale, bars, and the widening of its logarithm.

    Squares of returns that cluster are correlated until their variance has fallen back, over `1 / back` bars. A block
    of that length holds most of it; the rest is what GARCH(1, 1) has beyond geometric blocks: its correlations of
    squares begin at `first` and fade by `back` a bar, those inside of blocks by a block's end as well.
    """
    new, back = _MEMORIES.T
    blocks = np.where(new > 0.0, np.clip(1.0 / back, LEAST_BLOCK, max(n / _MOST_OF_ALL, LEAST_BLOCK)), LEAST_BLOCK)
    follows, stays = (1.0 - back) * new, (1.0 - back) * (1.0 - new)
    first = follows * (1.0 - follows * stays - stays**2) / (1.0 - 2.0 * follows * stays - stays**2)
    whole, inside = (1.0 + 2.0 * first / fading for fading in (back, 1.0 - (1.0 - back) * (1.0 - 1.0 / blocks)))
    return blocks, np.sqrt(whole / inside) * _unseen_share(blocks, n)


def _running(values: FloatArray) -> FloatArray:
    """Sums up to each of (n,) values and on, as blocks do, at the first: (2n + 1,)."""
    return np.concatenate([[0.0], np.cumsum(np.concatenate([values, values]))])


@compiled_part
def _random(state: UintArray) -> np.uint64:
    """Advance a generator; returns 64 random bits."""
    state[0] += _GOLDEN
    return _mixed(state[0])


@compiled_part
def _mixed(z: np.uint64) -> np.uint64:
    """Spread the bits of a number over 64 bits."""
    z = (z ^ (z >> np.uint64(30))) * _MIX_A
    z = (z ^ (z >> np.uint64(27))) * _MIX_B
    return np.uint64(z ^ (z >> np.uint64(31)))


@compiled_part
def _row_of(bits: np.uint64, n: int) -> np.int64:
    """Row below n by the upper half of random bits; the lower half is for another choice."""
    return np.int64(((bits >> _HALF) * np.uint64(n)) >> _HALF)


@compiled
def _resampled_moments(running: FloatArray, blocks: FloatArray, seed: np.uint64) -> tuple[FloatArray, FloatArray]:
    """Mean of each stationary resample, one per mean length of blocks, and all held bars' deviation over its own.

    `running` (2n + 1, 3) are the sums up to each bar of the returns, of their squares, and of the held bars.
    """
    n, n_paths = len(running) // 2, len(blocks)
    means, scales, state = np.empty(n_paths), np.empty(n_paths), np.array([seed])
    whole = running[n, 1] / running[n, 2]
    for path in range(n_paths):
        total, square, count, left = 0.0, 0.0, 0.0, np.int64(n)
        log_stay = math.log(1.0 - 1.0 / blocks[path])
        while left > 0:
            bits = _random(state)
            share = (np.float64(bits & _LOW) + 1.0) / _RANGE
            start = _row_of(bits, n)
            stop = start + min(1 + np.int64(math.log(share) / log_stay), left)
            total += running[stop, 0] - running[start, 0]
            square += running[stop, 1] - running[start, 1]
            count += running[stop, 2] - running[start, 2]
            left -= stop - start
        means[path] = total / n
        scale = math.sqrt(whole * count / square) if square > 0.0 else 1.0
        scales[path] = min(max(scale, 1.0 / _MOST_SCALE), _MOST_SCALE)
    return means, scales


def path_measures(
    base: Filtered, errors: PathErrors, *, horizons: Sequence[int], seed: int, interest: float = 0.0
) -> list[PathMeasures]:
    """Measure paths, one per error, up to each horizon in ascending bars; `interest` is what cash earns a bar."""
    constants = (base.mean, base.long_run, base.block, interest)
    found = _walked(base.draws, base.is_held, base.variances, errors.memories, errors.shifts, errors.scales, _MEMORIES,
                    constants, np.array(horizons), np.uint64(seed))  # fmt: skip
    return [PathMeasures(total_return=of[0], sharpe_ratio=of[1], max_drawdown=of[2], deviation=of[3]) for of in found]


def normal_measures(
    mean: float, deviation: float, *, horizons: Sequence[int], interest: float, n_paths: int = N_PATHS
) -> list[PathMeasures]:
    """Measure paths of independent normal returns of a known mean and deviation, the naive twin of a forecast."""
    found = _measured(_normal_draws(n_paths, horizons[-1]), mean, deviation, interest, np.array(horizons))
    return [PathMeasures(total_return=of[0], sharpe_ratio=of[1], max_drawdown=of[2], deviation=of[3]) for of in found]


@lru_cache(maxsize=2)
def _normal_draws(n_paths: int, n_bars: int) -> FloatArray:
    """Return the twin's (n_paths, n_bars) draws, the same for every study, which would take it longer than all else."""
    return np.random.default_rng(_NORMAL_SEED).standard_normal((n_paths, n_bars))


@compiled
def _walked(
    draws: FloatArray,
    is_held: BoolArray,
    variances: FloatArray,
    chosen: IntArray,
    shifts: FloatArray,
    scales: FloatArray,
    memories: FloatArray,
    constants: tuple[float, float, float, float],
    horizons: IntArray,
    seed: np.uint64,
) -> FloatArray:
    """(n_horizons, 4, n_paths) measures in the order of `PathMeasures`."""
    n, (mean, long_run, block, interest) = len(is_held), constants
    state, jump = np.array([seed]), np.uint64(_RANGE / block)
    found = np.empty((len(horizons), 4, len(shifts)))
    changes = np.empty(horizons[-1])
    for path in range(len(shifts)):
        # From its own state, so that further horizons change nothing.
        state[0] = _mixed(seed + np.uint64(path))
        memory = chosen[path]
        new, back = memories[memory]
        variance, row, drift = variances[memory], np.int64(n), mean + shifts[path]
        for i in range(len(changes)):
            bits = _random(state)
            row += 1
            if row >= n or (bits & _LOW) < jump:
                row = _row_of(bits, n)
            changes[i] = 0.0
            if is_held[row]:
                shock = math.sqrt(variance) * draws[memory, row]
                changes[i] = drift + scales[path] * shock
                variance += new * (shock * shock - variance)
            variance += back * (long_run - variance)
        _measure(changes, interest, horizons, found[:, :, path])
    return found


@compiled
def _measured(draws: FloatArray, mean: float, deviation: float, interest: float, horizons: IntArray) -> FloatArray:
    """(n_horizons, 4, n_paths) measures of (n_paths, n_bars) draws of a mean and a deviation."""
    found = np.empty((len(horizons), 4, len(draws)))
    for path in range(len(draws)):
        _measure(mean + deviation * draws[path], interest, horizons, found[:, :, path])
    return found


@compiled_part
def _measure(changes: FloatArray, interest: float, horizons: IntArray, found: FloatArray) -> None:
    """Put the measures of one path up to each horizon into (n_horizons, 4)."""
    equity, peak, fall, total, square, i = 1.0, 1.0, 0.0, 0.0, 0.0, 0
    for place in range(len(horizons)):
        n_bars = horizons[place]
        while i < n_bars:
            total += changes[i]
            square += changes[i] * changes[i]
            equity *= max(1.0 + changes[i] + interest, 0.0)
            peak = max(peak, equity)
            fall = min(fall, equity / peak - 1.0)
            i += 1
        mean = total / n_bars
        variance = (square - total * mean) / (n_bars - 1)
        deviation = math.sqrt(variance) if variance > _NO_VARIANCE + _NO_SHARE * mean * mean else 0.0
        found[place, 0] = equity - 1.0
        found[place, 1] = mean / deviation if deviation > 0.0 else math.nan
        found[place, 2] = fall
        found[place, 3] = deviation


def warm() -> None:
    """Load or compile every compiled function of this module, so that no study waits for it."""
    base = filtered(np.random.default_rng(1).normal(0.0, 0.01, 60))
    path_measures(base, path_errors(base, seed=1, n_paths=1), horizons=(2,), seed=1)
    normal_measures(0.0, 0.01, horizons=(252,), interest=0.0)
