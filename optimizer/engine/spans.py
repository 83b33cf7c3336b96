"""Compiled sums and drawdowns over any span of one symbol's bars, from what is kept of each block of eight bars.

A fully invested long position is marked from them at once, however long it is held. Only blocks are kept, because
what is kept of each bar would take more time to write than one set takes to play; the few bars at both ends of a span
are added one by one. A sum over a span is the same to the last bit as if every bar's had been kept.

- `prefix_sums` (n // 8 + 1, 6): of all bars before the block: simple returns beyond those of cash, their squares, and
  the squares of the negative ones; each as the rounded sum and what rounding lost (Knuth's two-sum), because they are
  subtracted from each other.
- `drawdown_tree` (2 · size, 3): binary tree over the blocks, block b at row size + b, children of node k at 2k and
  2k + 1. A node has the highest close, the lowest close, and the lowest ratio of a later close to an earlier one (at
  most 1). Division rounds monotonically, so that this ratio does not depend on how a span is divided.
"""

from typing import NamedTuple

import numpy as np

from optimizer.compiled import compiled, trailing_zeros
from optimizer.domain.bars import FloatArray
from optimizer.engine.orders import FINANCED, interest

#: Bars of a block, as a power of two.
_SHIFT = 3
_BLOCK = 1 << _SHIFT
N_SUMS = 6
_NO_SUMS = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0)

_Sums = tuple[float, float, float, float, float, float]


class PriceArrays(NamedTuple):
    """Inputs common to all sets; see the glossaries here and in the kernel."""

    open: FloatArray  # (n,)
    high: FloatArray  # (n,)
    low: FloatArray  # (n,)
    close: FloatArray  # (n,)
    cash: FloatArray  # (n,)
    prefix_sums: FloatArray  # (n // 8 + 1, 6)
    drawdown_tree: FloatArray  # (2 · size, 3)
    volatility: FloatArray  # (n,)
    terms: FloatArray  # (13,)


def empty_spans(n_bars: int) -> tuple[FloatArray, FloatArray]:
    """Prefix sums and drawdown tree for `fill_spans`."""
    n_blocks = n_bars >> _SHIFT
    return np.empty((n_blocks + 1, N_SUMS)), np.empty((2 << max(n_blocks - 1, 0).bit_length(), 3))


@compiled
def fill_spans(
    open_: FloatArray,
    high: FloatArray,
    low: FloatArray,
    close: FloatArray,
    cash: FloatArray,
    terms: FloatArray,
    prefix_sums: FloatArray,
    drawdown_tree: FloatArray,
) -> bool:
    """Fill both arrays; False, with nothing filled, where a price is not a positive number."""
    if not (_are_prices(open_) and _are_prices(high) and _are_prices(low) and _are_prices(close)):
        return False
    is_financed, sums = terms[FINANCED] > 0.0, _NO_SUMS
    size = drawdown_tree.shape[0] >> 1
    for block in range(prefix_sums.shape[0]):
        first = block << _SHIFT
        for k in range(N_SUMS):
            prefix_sums[block, k] = sums[k]
        last = first + _BLOCK
        if last <= close.shape[0]:
            sums = _sums_after(close, cash, is_financed, first, last, sums)
            _fill_leaf(close[first:last], drawdown_tree[size + block])
    for block in range(prefix_sums.shape[0] - 1, size):
        drawdown_tree[size + block] = drawdown_tree[size + block - 1] if block else 1.0
    _fill_nodes(drawdown_tree)
    return True


@compiled
def _are_prices(values: FloatArray) -> bool:
    n_wrong = 0
    for value in values:
        n_wrong += not ((value > 0.0) & (value < np.inf))
    return n_wrong == 0


@compiled
def _fill_leaf(close: FloatArray, leaf: FloatArray) -> None:
    highest = lowest = close[0]
    ratio = 1.0
    for t in range(1, close.shape[0]):
        ratio = min(ratio, close[t] / highest)
        highest = max(highest, close[t])
        lowest = min(lowest, close[t])
    leaf[0], leaf[1], leaf[2] = highest, lowest, ratio


@compiled
def _fill_nodes(drawdown_tree: FloatArray) -> None:
    for node in range((drawdown_tree.shape[0] >> 1) - 1, 0, -1):
        left, right = 2 * node, 2 * node + 1
        drawdown_tree[node, 0] = max(drawdown_tree[left, 0], drawdown_tree[right, 0])
        drawdown_tree[node, 1] = min(drawdown_tree[left, 1], drawdown_tree[right, 1])
        drawdown_tree[node, 2] = min(
            drawdown_tree[left, 2], drawdown_tree[right, 2], drawdown_tree[right, 1] / drawdown_tree[left, 0]
        )


@compiled
def _sums_after(
    close: FloatArray, cash: FloatArray, is_financed: bool, first: int, last: int, sums: _Sums
) -> _Sums:
    """Sums over all bars before row `last`, from those before row `first`; the first row of all has no return."""
    total, lost, squares, lost_squares, downs, lost_downs = sums
    for t in range(max(first, 1), last):
        change = close[t] / close[t - 1] - 1.0
        if is_financed:
            change -= interest(cash, t)
        square = change * change
        total, rest = _two_sum(total, change)
        lost += rest
        squares, rest = _two_sum(squares, square)
        lost_squares += rest
        downs, rest = _two_sum(downs, square if change < 0.0 else 0.0)
        lost_downs += rest
    return total, lost, squares, lost_squares, downs, lost_downs


@compiled
def _two_sum(total: float, term: float) -> tuple[float, float]:
    """(rounded sum, rounding error)."""
    grown = total + term
    taken = grown - total
    return grown, (total - (grown - taken)) + (term - taken)


@compiled
def sums_before(market: PriceArrays, row: int) -> tuple[float, float, float]:
    """Sums over all bars before a row: returns beyond those of cash, their squares, squares of the negative ones."""
    kept = market.prefix_sums[row >> _SHIFT]
    sums = (kept[0], kept[1], kept[2], kept[3], kept[4], kept[5])
    first = row & ~(_BLOCK - 1)
    total, lost, squares, lost_squares, downs, lost_downs = _sums_after(
        market.close, market.cash, market.terms[FINANCED] > 0.0, first, row, sums
    )
    return total + lost, squares + lost_squares, downs + lost_downs


@compiled
def peak_and_worst(
    market: PriceArrays, first: int, stop: int, peak: float, worst: float
) -> tuple[float, float]:
    """(highest close, lowest ratio of a close to the peak before it) after rows [first, stop), from those before."""
    tree = market.drawdown_tree
    size = tree.shape[0] >> 1
    head = min(stop, (first + _BLOCK - 1) & ~(_BLOCK - 1))
    peak, worst = _peak_and_worst_of(market.close, first, head, peak, worst)
    block, last = head >> _SHIFT, stop >> _SHIFT
    while block < last:
        span = trailing_zeros(np.uint64(size + block))
        while block + (1 << span) > last:
            span -= 1
        highest, lowest, ratio = tree[(size + block) >> span]
        worst = min(worst, ratio, lowest / peak)
        peak = max(peak, highest)
        block += 1 << span
    return _peak_and_worst_of(market.close, max(head, last << _SHIFT), stop, peak, worst)


@compiled
def _peak_and_worst_of(
    close: FloatArray, first: int, stop: int, peak: float, worst: float
) -> tuple[float, float]:
    for t in range(first, stop):
        worst = min(worst, close[t] / peak)
        peak = max(peak, close[t])
    return peak, worst
