"""Statistics of arrays of returns: is a backtest's result more than luck?

Sharpe ratios are per bar unless a name contains "annual". Returns are simple per-bar fractions. All functions are
pure; the assumptions of each are in its docstring.
"""

import math
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from statistics import NormalDist
from typing import cast

import numpy as np
from numpy.typing import NDArray

from optimizer.compiled import compiled
from optimizer.domain.bars import FloatArray
from optimizer.domain.study_results import Degenerate, Measures

#: Blocks of the CSCV where the length allows (as in the paper), and the least useful number.
PBO_BLOCKS = 16
LEAST_PBO_BLOCKS = 6
#: Bars a block needs before its Sharpe ratio is worth a comparison.
BARS_PER_BLOCK = 15
#: A neighbour is on the winner's plateau if it keeps this share of the winner's value.
PLATEAU_KEEPS = 0.8
#: Buy and hold in disguise: both must be exceeded.
DISGUISE_CORRELATION = 0.95
DISGUISE_EXPOSURE = 0.9

_NORMAL = NormalDist()


@dataclass(frozen=True, kw_only=True)
class Moments:
    """Per-bar moments of one return series. `kurtosis` is not in excess: a normal has 3."""

    n_bars: int
    sharpe: float  # NaN when the series never moves
    skew: float
    kurtosis: float


def moments(returns: FloatArray) -> Moments:
    """Sharpe ratio (sample standard deviation), skew and non-excess kurtosis (population moments) of (n,) returns."""
    n_bars = len(returns)
    centred = returns - returns.mean() if n_bars else returns
    variance = float(centred @ centred) / n_bars if n_bars else 0.0
    if n_bars < 2 or _is_flat(variance, returns):
        return Moments(n_bars=n_bars, sharpe=math.nan, skew=math.nan, kurtosis=math.nan)
    squares = centred * centred
    return Moments(
        n_bars=n_bars,
        sharpe=float(returns.mean()) / math.sqrt(variance * n_bars / (n_bars - 1)),
        skew=float(squares @ centred) / n_bars / variance**1.5,
        kurtosis=float(squares @ squares) / n_bars / variance**2,
    )


def _is_flat(variance: float, returns: FloatArray) -> bool:
    """True if a variance is due to rounding only: that of equal returns is about 1e-17 of their size."""
    return math.sqrt(variance) <= 1e-12 * max(float(np.abs(returns).max()), 1e-300)


def probabilistic_sharpe_ratio(of: Moments, benchmark: float) -> float:
    """Probability that the true Sharpe ratio exceeds `benchmark` (per bar), given one sample's moments.

    Bailey and López de Prado, "The Sharpe Ratio Efficient Frontier" (2012), the PSR equation; equation 2 of "The
    Deflated Sharpe Ratio" (2014). The Sharpe ratio is per bar and the kurtosis non-excess, as there. NaN for a
    series without a Sharpe ratio or with fewer than two bars.
    """
    spread = _sharpe_spread(of)
    if of.n_bars < 2 or not spread > 0:
        return math.nan
    return _NORMAL.cdf((of.sharpe - benchmark) * math.sqrt(of.n_bars - 1) / spread)


def expected_max_sharpe(n_tried: float, sharpe_std: float) -> float:
    """Expected maximum of the Sharpe ratios of `n_tried` independent tries without skill.

    Bailey and López de Prado (2014), equation 1, with a true mean of zero: the standard deviation of the tries'
    Sharpe ratios times the expected maximum of that many standard normals. In the unit of `sharpe_std`. One try
    has no maximum to correct: 0.
    """
    if n_tried <= 1:
        return 0.0
    gumbel = (1 - np.euler_gamma) * _NORMAL.inv_cdf(1 - 1 / n_tried)
    return sharpe_std * (gumbel + np.euler_gamma * _NORMAL.inv_cdf(1 - 1 / (n_tried * math.e)))


def deflated_sharpe_ratio(of: Moments, *, n_tried: float, sharpe_std: float) -> float:
    """Probability that the best of `n_tried` has a true Sharpe ratio above the expected maximum of luck.

    Bailey and López de Prado (2014), equations 1 and 2 together. `sharpe_std` is the standard deviation of the
    tries' per-bar Sharpe ratios. Correlated tries count in full although they are effectively fewer;
    their smaller spread works in the other direction.
    """
    return probabilistic_sharpe_ratio(of, expected_max_sharpe(n_tried, sharpe_std))


def market_sharpe_ratio(returns: FloatArray, market: FloatArray) -> float:
    """Per-bar Sharpe ratio that the market's rise alone gives to returns with this correlation with it.

    A position with beta β and deviation s earns β·μ from a market of mean μ and deviation σ; over s that is the
    correlation times the market's Sharpe ratio. At least 0: avoiding a fall is no handicap. Both (n,).
    """
    own, of_market = moments(returns), moments(market)
    if math.isnan(own.sharpe) or math.isnan(of_market.sharpe):
        return 0.0
    return max(float(np.corrcoef(returns, market)[0, 1]) * of_market.sharpe, 0.0)


def minimum_track_record(of: Moments, *, benchmark: float, confidence: float) -> float:
    """Number of bars that such a record needs before its Sharpe ratio exceeds `benchmark` with `confidence`.

    Bailey and López de Prado (2012), the MinTRL equation. Infinity when it does not beat the benchmark at all.
    """
    if not of.sharpe > benchmark:
        return math.inf
    return 1 + (_sharpe_spread(of) * _NORMAL.inv_cdf(confidence) / (of.sharpe - benchmark)) ** 2


def _sharpe_spread(of: Moments) -> float:
    """Standard error of a Sharpe ratio, times the root of (bars − 1)."""
    return math.sqrt(max(1 - of.skew * of.sharpe + (of.kurtosis - 1) / 4 * of.sharpe**2, 0.0))


@dataclass(frozen=True, kw_only=True)
class BlockSums:
    """Sums of a matrix of returns for the CSCV, (n_sets, n_blocks) each, and the number of bars per block."""

    sums: FloatArray
    squares: FloatArray
    bars: int


def pbo_blocks(n_bars: int) -> int:
    """Number of blocks (S) of the CSCV: 16, or the largest even number with 15 bars per block; 0 below 6."""
    fitting = min(PBO_BLOCKS, n_bars // BARS_PER_BLOCK // 2 * 2)
    return fitting if fitting >= LEAST_PBO_BLOCKS else 0


def block_sums(returns: FloatArray, n_blocks: int) -> BlockSums:
    """Sums and sums of squares of (n_sets, n_bars) returns over equal blocks, without the oldest remaining bars."""
    bars = returns.shape[1] // n_blocks
    blocks = returns[:, returns.shape[1] - bars * n_blocks :].reshape(len(returns), n_blocks, bars)
    return BlockSums(sums=blocks.sum(axis=2), squares=np.einsum("sbt,sbt->sb", blocks, blocks), bars=bars)


def joined(parts: list[BlockSums]) -> BlockSums:
    """Concatenate the block sums of several batches of sets."""
    return BlockSums(
        sums=np.concatenate([part.sums for part in parts]),
        squares=np.concatenate([part.squares for part in parts]),
        bars=parts[0].bars,
    )


def probability_of_overfitting(blocks: BlockSums) -> float:
    """PBO by combinatorially symmetric cross-validation: how often the best half is a below-median other half.

    Bailey, Borwein, López de Prado and Zhu, "The Probability of Backtest Overfitting" (2015), section 3: for every
    way of taking half of the S blocks as in-sample, the set with the best Sharpe ratio there is ranked among all on
    the other half; PBO is the share of ways with a relative rank of at most one half (logit ≤ 0). Equal Sharpe
    ratios share their middle rank. A set without a Sharpe ratio on a half (it never trades there) cannot win it
    and ranks as 0 on it. NaN with fewer than two sets that ever move, or fewer than two blocks.
    """
    moving = blocks.squares.sum(axis=1) > 0
    n_blocks = blocks.sums.shape[1]
    if moving.sum() < 2 or n_blocks < 2:
        return math.nan
    sums = np.ascontiguousarray(blocks.sums[moving].T)
    squares = np.ascontiguousarray(blocks.squares[moving].T)
    n_below = _count_below_median(sums, squares, halves(n_blocks), blocks.bars * n_blocks // 2)
    return float(n_below) / math.comb(n_blocks, n_blocks // 2)


@cache
def halves(n_blocks: int) -> NDArray[np.int64]:
    """Splits of the blocks into halves, one of each complementary pair: (splits / 2, 2), read-only.

    A split is two bit masks, over the first half of the blocks and over the rest.
    """
    masks = (1 + sum(1 << block for block in rest) for rest in combinations(range(1, n_blocks), n_blocks // 2 - 1))
    found = np.array([divmod(mask, 1 << n_blocks // 2)[::-1] for mask in sorted(masks)], dtype=np.int64)
    found.flags.writeable = False
    return found


@compiled
def _count_below_median(sums: FloatArray, squares: FloatArray, ways: NDArray[np.int64], n_bars: int) -> int:
    """Count the splits whose in-sample winner ranks at or below the middle out of sample; one block per row."""
    n_blocks, n_sets = sums.shape
    middle = n_blocks // 2
    # Sums over every subset of either half of the blocks: a way then costs one addition a set instead of eight.
    early, early_squares = _subset_sums(sums[:middle]), _subset_sums(squares[:middle])
    late, late_squares = _subset_sums(sums[middle:]), _subset_sums(squares[middle:])
    here, there = np.empty(n_sets), np.empty(n_sets)
    n_below = 0
    for way in range(len(ways)):
        a, b = ways[way, 0], ways[way, 1]
        not_a, not_b = len(early) - 1 - a, len(late) - 1 - b
        _rank_keys(early[a], late[b], early_squares[a], late_squares[b], 1.0 / n_bars, here)
        _rank_keys(early[not_a], late[not_b], early_squares[not_a], late_squares[not_b], 1.0 / n_bars, there)
        n_below += _is_below_median(here, there) + _is_below_median(there, here)
    return n_below


@compiled
def _subset_sums(rows: FloatArray) -> FloatArray:
    """Sums of the rows over every subset of them; bit k of a subset's number is set if row k is in it."""
    found = np.zeros((1 << len(rows), rows.shape[1]))
    for mask in range(1, len(found)):
        highest = 0
        while mask >> (highest + 1):
            highest += 1
        for i in range(rows.shape[1]):
            found[mask, i] = found[mask - (1 << highest), i] + rows[highest, i]
    return found


# The two functions below run thirteen thousand times over all sets: they have no branches, so that they compile to
# vector instructions.


@compiled
def _rank_keys(
    early: FloatArray,
    late: FloatArray,
    early_squares: FloatArray,
    late_squares: FloatArray,
    share: float,
    out: FloatArray,
) -> None:
    """Write sort keys of the Sharpe ratios (their squares with their signs), exactly 0 for a half without movement.

    `share` is 1 / bars of a half.
    """
    for i in range(len(out)):
        total = early[i] + late[i]
        variance = early_squares[i] + late_squares[i] - total * total * share
        out[i] = total * abs(total) / max(variance, 1e-14)


@compiled
def _is_below_median(here: FloatArray, there: FloatArray) -> int:
    """Return 1 if the winner of one half ranks at or below the middle of the other, else 0."""
    highest = -np.inf
    for i in range(len(here)):
        highest = here[i] if here[i] > highest else highest
    if highest == 0.0:  # seldom: only where nothing earned do the sets without movement come first
        highest = -np.inf
        for i in range(len(here)):
            if here[i] != 0.0 and here[i] > highest:
                highest = here[i]
    if highest == -np.inf:
        return 1
    best = 0
    while here[best] != highest:
        best += 1
    twice_the_rank = 0
    for i in range(len(there)):
        twice_the_rank += there[i] < there[best]
        twice_the_rank += there[i] <= there[best]
    return 1 if twice_the_rank <= len(there) else 0


def plateau_share(value: float, neighbours: FloatArray, *, may_be_negative: bool = False) -> float:
    """Share of neighbours that keep at least 80 % of the winner's value; larger values are better.

    `may_be_negative` is for goals that never exceed 0 (the maximum drawdown): there 80 % is kept up to 1/0.8 of the
    loss. NaN when there is no neighbour, or when the winner's value is not positive and should be. A neighbour
    without a value does not keep it.
    """
    if not len(neighbours) or not (value > 0 or may_be_negative):
        return math.nan
    kept = value * PLATEAU_KEEPS if value > 0 else value / PLATEAU_KEEPS
    return float(np.mean(np.nan_to_num(neighbours, nan=-np.inf) >= kept))


def degenerate(of: Measures) -> Degenerate | None:
    """Kind of a degenerate winner: one without a position, or one that is buy and hold in disguise; else None."""
    exposure = of.exposure or 0.0
    if exposure == 0.0:
        return Degenerate.NEVER_TRADES
    disguised = (of.correlation or 0.0) > DISGUISE_CORRELATION and exposure > DISGUISE_EXPOSURE
    return Degenerate.HOLD_IN_DISGUISE if disguised else None


def stretches(equity: FloatArray, n_bars: int) -> tuple[int, int] | None:
    """First rows of the best and the worst stretch of `n_bars` bars by the gain of equity; None if it is too short.

    Row i is the stretch from the close of row i to that of row i + n_bars. The first among equals is taken.
    """
    if len(equity) <= n_bars:
        return None
    before, after = equity[:-n_bars], equity[n_bars:]
    gains = np.divide(after, before, out=np.ones_like(after), where=before > 0.0)  # a lost account stays lost
    return int(gains.argmax()), int(gains.argmin())


def spread_without_skill(sharpes: FloatArray, n_bars: int) -> float:
    """Standard deviation of the tries' per-bar Sharpe ratios due to luck.

    That of the sample, but at most the standard error 1/√(n_bars − 1) of a Sharpe ratio without skill. Without skill
    the tries spread by that error or, being correlated, by less; a larger spread means that some are truly better or
    worse than others, which must not count as luck (it would hide the strongest effects most). Of fewer than two the
    spread is unknown, and the error stands for it: earlier studies may have tried many more.
    """
    finite = sharpes[np.isfinite(sharpes)]
    if n_bars < 2:
        return 0.0
    error = 1 / math.sqrt(n_bars - 1)
    return min(float(np.std(finite, ddof=1)), error) if len(finite) > 1 else error


def thinned(sample: FloatArray, n_points: int) -> FloatArray:
    """At most `n_points` evenly spaced order statistics of the finite part of a sample, sorted."""
    finite = np.sort(sample[np.isfinite(sample)])
    if len(finite) <= n_points:
        return finite
    return cast(FloatArray, finite[np.linspace(0, len(finite) - 1, n_points).round().astype(int)])


def warm() -> None:
    """Load or compile every compiled function of this module, so that no study waits for it."""
    returns = np.random.default_rng(1).normal(0.0, 0.01, (3, 60))
    probability_of_overfitting(block_sums(returns, 6))
