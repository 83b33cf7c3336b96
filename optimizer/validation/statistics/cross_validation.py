"""Combinatorially symmetric cross-validation (CSCV): does what leads on one half of the bars hold on the other?

The bars are cut into S blocks, and every way of taking half of them is tried. All functions are pure.
"""

import math
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optimizer.compiled import compiled
from optimizer.domain.bars import FloatArray

#: Blocks of the CSCV where the length allows (as in the paper), and the least useful number.
PBO_BLOCKS = 16
LEAST_PBO_BLOCKS = 6
#: Bars a block needs before its Sharpe ratio is worth a comparison.
BARS_PER_BLOCK = 15
#: Blocks for the share of losses: 924 ways to halve them, a fourteenth of the paper's, are enough for a share.
LOSS_BLOCKS = 12
#: Sets whose rows are summed together, so that they stay in the caches meanwhile.
_AT_ONCE = 64


@dataclass(frozen=True, kw_only=True)
class BlockSums:
    """Sums of a matrix of returns for the CSCV, (n_sets, n_blocks) each, and the number of bars per block."""

    sums: FloatArray
    squares: FloatArray
    bars: int

    def of(self, rows: NDArray[np.int64] | slice) -> "BlockSums":
        """Sums of some of the sets, in that order."""
        return BlockSums(sums=self.sums[rows], squares=self.squares[rows], bars=self.bars)


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
    sums, squares, counts = _distinct(blocks.sums[moving], blocks.squares[moving])
    n_below = _count_below_median(sums, squares, counts, halves(n_blocks), blocks.bars * n_blocks // 2)
    return float(n_below) / math.comb(n_blocks, n_blocks // 2)


def _distinct(sums: FloatArray, squares: FloatArray) -> tuple[FloatArray, FloatArray, NDArray[np.int64]]:
    """Sums and squares, (n_blocks, n_distinct) each, of sets that differ, in their order, and how many each stands for.

    On a grid many sets make the same trades; what is true of one of them is true of all.
    """
    rows = np.ascontiguousarray(np.hstack([sums, squares]))
    _, first, counts = np.unique(rows.view(f"V{rows.shape[1] * 8}")[:, 0], return_index=True, return_counts=True)
    order = np.argsort(first)
    kept = first[order]
    return np.ascontiguousarray(sums[kept].T), np.ascontiguousarray(squares[kept].T), counts[order]


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
def _count_below_median(
    sums: FloatArray, squares: FloatArray, counts: NDArray[np.int64], ways: NDArray[np.int64], n_bars: int
) -> int:
    """Count the splits whose in-sample winner ranks at or below the middle out of sample; one block per row.

    `counts` (n_distinct,) are the sets that each column stands for.
    """
    n_blocks, n_sets = sums.shape
    middle = n_blocks // 2
    # Sums over every subset of either half of the blocks: a way then costs one addition a set instead of eight.
    early, early_squares = _subset_sums(sums[:middle]), _subset_sums(squares[:middle])
    late, late_squares = _subset_sums(sums[middle:]), _subset_sums(squares[middle:])
    here, there = np.empty(n_sets), np.empty(n_sets)
    n_below, whole = 0, counts.sum()
    for way in range(len(ways)):
        a, b = ways[way, 0], ways[way, 1]
        not_a, not_b = len(early) - 1 - a, len(late) - 1 - b
        _rank_keys(early[a], late[b], early_squares[a], late_squares[b], 1.0 / n_bars, here)
        _rank_keys(early[not_a], late[not_b], early_squares[not_a], late_squares[not_b], 1.0 / n_bars, there)
        n_below += _is_below_median(here, there, counts, whole) + _is_below_median(there, here, counts, whole)
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
def _highest(keys: FloatArray) -> float:
    """Greatest key, by eight maxima side by side: each step of a single one would wait for the step before."""
    a = b = c = d = e = f = g = h = -np.inf
    whole = len(keys) & ~7
    for i in range(0, whole, 8):
        a, b = max(a, keys[i]), max(b, keys[i + 1])
        c, d = max(c, keys[i + 2]), max(d, keys[i + 3])
        e, f = max(e, keys[i + 4]), max(f, keys[i + 5])
        g, h = max(g, keys[i + 6]), max(h, keys[i + 7])
    for i in range(whole, len(keys)):
        a = max(a, keys[i])
    highest: float = max(max(max(a, b), max(c, d)), max(max(e, f), max(g, h)))
    return highest


@compiled
def _first_with(keys: FloatArray, wanted: float) -> int:
    best = 0
    while keys[best] != wanted:
        best += 1
    return best


@compiled
def _is_below_median(here: FloatArray, there: FloatArray, counts: NDArray[np.int64], whole: int) -> int:
    """Return 1 if the winner of one half ranks at or below the middle of the other, else 0; `whole` sums the counts."""
    highest = _highest(here)
    if highest == 0.0:  # seldom: only where nothing earned do the sets without movement come first
        highest = -np.inf
        for i in range(len(here)):
            if here[i] != 0.0 and here[i] > highest:
                highest = here[i]
    if highest == -np.inf:
        return 1
    lead, twice_below = there[_first_with(here, highest)], 0
    for i in range(len(there)):  # those below twice, and those as high once, as they share the middle rank
        twice_below += (counts[i] if there[i] < lead else 0) + (counts[i] if there[i] <= lead else 0)
    return 1 if twice_below <= whole else 0


def share_of_losses(rows: NDArray[np.floating[Any]], n_blocks: int = LOSS_BLOCKS) -> float:
    """Share of the ways to halve (n_sets, n_rows) returns in which the best set of one half loses on the other.

    The halves are those of the CSCV. Best is the highest Sharpe ratio. Where all sets earn alike their ranking is
    noise and the PBO near one half, although every choice earns; this share is then near 0. NaN for too few rows, or
    if no set moves.
    """
    if rows.shape[1] < 2 * n_blocks or not rows.any():
        return math.nan
    blocks = joined([_moving(rows[at : at + _AT_ONCE], n_blocks) for at in range(0, len(rows), _AT_ONCE)])
    sums, squares, _ = _distinct(blocks.sums, blocks.squares)
    n_lost = _count_losses(sums, squares, halves(n_blocks), blocks.bars * n_blocks // 2)
    return float(n_lost) / math.comb(n_blocks, n_blocks // 2)


def _moving(rows: NDArray[np.floating[Any]], n_blocks: int) -> BlockSums:
    """Block sums of the rows that are not all 0."""
    moving = rows.any(axis=1)
    return block_sums(rows[moving].astype(np.float64), n_blocks)


@compiled
def _count_losses(sums: FloatArray, squares: FloatArray, ways: NDArray[np.int64], n_bars: int) -> int:
    """Count the halves, both of each way, whose best set has a sum of at most 0 on the other; one block per row."""
    middle = len(sums) // 2
    early, early_squares = _subset_sums(sums[:middle]), _subset_sums(squares[:middle])
    late, late_squares = _subset_sums(sums[middle:]), _subset_sums(squares[middle:])
    key = np.empty(sums.shape[1])
    n_lost = 0
    for way in range(len(ways)):
        a, b = ways[way, 0], ways[way, 1]
        not_a, not_b = len(early) - 1 - a, len(late) - 1 - b
        _rank_keys(early[a], late[b], early_squares[a], late_squares[b], 1.0 / n_bars, key)
        best = _first_with(key, _highest(key))
        n_lost += early[not_a][best] + late[not_b][best] <= 0.0
        _rank_keys(early[not_a], late[not_b], early_squares[not_a], late_squares[not_b], 1.0 / n_bars, key)
        best = _first_with(key, _highest(key))
        n_lost += early[a][best] + late[b][best] <= 0.0
    return n_lost


def warm() -> None:
    """Load or compile every compiled function of this module, so that no study waits for it."""
    returns = np.random.default_rng(1).normal(0.0, 0.01, (3, 60))
    probability_of_overfitting(block_sums(returns, 6))
    share_of_losses(returns, 6)
