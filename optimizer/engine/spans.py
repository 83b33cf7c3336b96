"""Compiled sums and drawdowns over any span of one symbol's bars, from what is kept of each block of them.

A fully invested long position is marked from them at once, however long it is held. Of few sets only blocks of eight
bars are kept, because to write what belongs to each bar takes longer than a set takes to play; the bars at both ends of
a span are added one by one. Of many sets a block is one bar. For a single set nothing is kept: its sums go on from one
trade to the next, and its drawdowns are found bar by bar. Sums and drawdowns are the same to the last bit, whatever the
blocks.

- `prefix_sums` (n_blocks + 1, 6): of all bars before the block: simple returns beyond those of cash, their squares, and
  the squares of the negative ones; each as the rounded sum and what rounding lost (Knuth's two-sum), because they are
  subtracted from each other.
- `drawdown_tree` (2 · size, 3): binary tree over the whole blocks, block b at row size + b, children of node k at 2k
  and 2k + 1. A node has the highest close, the lowest close, and the lowest ratio of a later close to an earlier one
  (at most 1). Division rounds monotonically, so that this ratio does not depend on how a span is divided.
"""

from typing import Any, NamedTuple

import numpy as np

from optimizer.compiled import (
    add_lanes,
    compiled,
    compiled_part,
    lane,
    lanes,
    subtract_lanes,
    trailing_zeros,
)
from optimizer.domain.bars import FloatArray
from optimizer.engine.orders import FINANCED, interest

# Rows of `prices`.
OPEN, HIGH, LOW, CLOSE, CASH = range(5)
#: Bars of a block, as a power of two: of few sets; of many it is 0.
_SHIFT = 3
#: Blocks whose leaves are filled together, so that what is between two passes is still cached.
_MOST_AT_ONCE = 64
_N_SUMS = 6
#: Column of the row that the sums so far are before, where nothing else is kept.
_REACHED = _N_SUMS
_NO_TREE = np.empty((0, 3))
#: Bits of infinity, as an integer.
_INFINITE = 0x7FF0000000000000


class Spans(NamedTuple):
    """Sums and drawdowns of one symbol's blocks of bars."""

    prefix_sums: FloatArray  # (n_blocks + 1, 6)
    drawdown_tree: FloatArray  # (2 · size, 3)


class PriceArrays(NamedTuple):
    """Inputs common to all sets; see the glossaries here and in the kernel."""

    prices: FloatArray  # (5, n)
    prefix_sums: FloatArray  # (n_blocks + 1, 6)
    drawdown_tree: FloatArray  # (2 · size, 3)
    volatility: FloatArray  # (n,)
    terms: FloatArray  # (13,)


def spans_of(prices: FloatArray, terms: FloatArray, *, of_each_bar: bool = False) -> Spans:
    """Sums and drawdowns of the blocks of all bars, or of each bar."""
    n_blocks = prices.shape[1] if of_each_bar else prices.shape[1] >> _SHIFT
    prefix_sums = np.empty((n_blocks + 1, _N_SUMS))
    drawdown_tree = np.empty((2 << max(n_blocks - 1, 0).bit_length(), 3))
    fill_spans(prices, terms, prefix_sums, drawdown_tree)
    return Spans(prefix_sums, drawdown_tree)


def passing_spans() -> Spans:
    """Sums and drawdowns for playing a single set once, in the order of its trades."""
    return Spans(np.zeros((1, _N_SUMS + 1)), _NO_TREE)


@compiled_part
def lay_out(opens: FloatArray, highs: FloatArray, lows: FloatArray, closes: FloatArray, prices: FloatArray) -> bool:
    """Write the rows of `prices`, with cash that earns nothing; returns True if all are positive numbers."""
    is_right = _copy_prices(opens, prices[OPEN])
    is_right &= _copy_prices(highs, prices[HIGH])
    is_right &= _copy_prices(lows, prices[LOW])
    is_right &= _copy_prices(closes, prices[CLOSE])
    prices[CASH] = 1.0
    return is_right


@compiled_part
def _copy_prices(values: FloatArray, row: FloatArray) -> bool:
    """Copy a row; returns True if all are positive numbers: their bits, as integers, are between 0's and infinity's.

    Of integers the lowest and the highest are found many at a time.
    """
    bits = values.view(np.int64)
    lowest = highest = bits[0]
    for k in range(bits.shape[0]):
        lowest, highest = min(lowest, bits[k]), max(highest, bits[k])
        row[k] = values[k]
    return bool(lowest > 0 and highest < _INFINITE)


@compiled_part
def _shift_of(prices: FloatArray, prefix_sums: FloatArray) -> int:
    """Bars of a block, as a power of two, by the number of blocks."""
    return 0 if prefix_sums.shape[0] > prices.shape[1] else _SHIFT


@compiled
def fill_spans(prices: FloatArray, terms: FloatArray, prefix_sums: FloatArray, drawdown_tree: FloatArray) -> None:
    """Fill both arrays."""
    is_financed, totals = terms[FINANCED] > 0.0, lanes(0.0, 0.0, 0.0)
    lost = totals
    size, n_blocks = drawdown_tree.shape[0] >> 1, prefix_sums.shape[0] - 1
    shift = _shift_of(prices, prefix_sums)
    for block in range(n_blocks):
        _keep(totals, lost, prefix_sums[block])
        for t in range(block << shift, (block + 1) << shift):
            totals, lost = _add_change(_change(prices, is_financed, t), totals, lost)
    _keep(totals, lost, prefix_sums[n_blocks])
    leaves = drawdown_tree[size : size + n_blocks]
    if shift == 0:
        for bar in range(n_blocks):
            leaves[bar, 0] = leaves[bar, 1] = prices[CLOSE, bar]
            leaves[bar, 2] = 1.0
    else:
        _fill_leaves(prices[CLOSE], np.empty(_MOST_AT_ONCE << _SHIFT), leaves)
    drawdown_tree[size + n_blocks :] = 1.0  # leaves that no span reaches
    _fill_nodes(drawdown_tree)


@compiled_part
def _keep(totals: Any, lost: Any, row: FloatArray) -> None:
    row[0], row[1], row[2] = lane(totals, 0), lane(lost, 0), lane(totals, 1)
    row[3], row[4], row[5] = lane(lost, 1), lane(totals, 2), lane(lost, 2)


@compiled_part
def _fill_leaves(close: FloatArray, ratios: FloatArray, leaves: FloatArray) -> None:
    """Fill the leaves of blocks, some of them at a time; `ratios` is room for a number for each of their closes."""
    for first in range(0, len(leaves), _MOST_AT_ONCE):
        last = min(first + _MOST_AT_ONCE, len(leaves))
        _fill_leaves_together(close[first << _SHIFT : last << _SHIFT], ratios, leaves[first:last])


@compiled_part
def _fill_leaves_together(close: FloatArray, ratios: FloatArray, leaves: FloatArray) -> None:
    """As `_fill_leaves`, at once. The divisions are a loop of their own, so that several are done at a time."""
    for block in range(len(leaves)):
        first = block << _SHIFT
        highest = lowest = close[first]
        for t in range(first, first + (1 << _SHIFT)):
            highest, lowest = max(highest, close[t]), min(lowest, close[t])
            ratios[t] = highest
        leaves[block, 0], leaves[block, 1] = highest, lowest
    for t in range(len(close)):
        ratios[t] = close[t] / ratios[t]
    for block in range(len(leaves)):
        ratio = 1.0
        for t in range(block << _SHIFT, (block + 1) << _SHIFT):
            ratio = min(ratio, ratios[t])
        leaves[block, 2] = ratio


@compiled_part
def _fill_nodes(drawdown_tree: FloatArray) -> None:
    for node in range((drawdown_tree.shape[0] >> 1) - 1, 0, -1):
        left, right = 2 * node, 2 * node + 1
        drawdown_tree[node, 0] = max(drawdown_tree[left, 0], drawdown_tree[right, 0])
        drawdown_tree[node, 1] = min(drawdown_tree[left, 1], drawdown_tree[right, 1])
        drawdown_tree[node, 2] = min(
            drawdown_tree[left, 2], drawdown_tree[right, 2], drawdown_tree[right, 1] / drawdown_tree[left, 0]
        )


@compiled_part
def _change(prices: FloatArray, is_financed: bool, t: int) -> float:
    """Simple return of a bar beyond that of cash; the first row of all has none."""
    if t == 0:
        return 0.0
    change: float = prices[CLOSE, t] / prices[CLOSE, t - 1] - 1.0
    return change - interest(prices[CASH], t) if is_financed else change


@compiled_part
def _add_change(change: float, totals: Any, lost: Any) -> tuple[Any, Any]:
    """Three sums and what rounding has lost of each, after one more return."""
    terms = lanes(change, change * change, min(change, 0.0) * change)
    grown = add_lanes(totals, terms)
    taken = subtract_lanes(grown, totals)
    kept = subtract_lanes(totals, subtract_lanes(grown, taken))
    return grown, add_lanes(lost, add_lanes(kept, subtract_lanes(terms, taken)))


@compiled_part
def sums_before(prices: FloatArray, is_financed: bool, prefix_sums: FloatArray, row: int) -> tuple[float, float, float]:
    """Sums over all bars before a row: returns beyond those of cash, their squares, squares of the negative ones.

    Where they pass, the row is none before that of the last call.
    """
    shift = _shift_of(prices, prefix_sums)
    passes = prefix_sums.shape[1] > _N_SUMS
    kept = prefix_sums[0 if passes else row >> shift]
    first = int(kept[_REACHED]) if passes else (row >> shift) << shift
    totals, lost = lanes(kept[0], kept[2], kept[4]), lanes(kept[1], kept[3], kept[5])
    for t in range(first, row):
        totals, lost = _add_change(_change(prices, is_financed, t), totals, lost)
    if passes:
        _keep(totals, lost, kept)
        kept[_REACHED] = row
    found = add_lanes(totals, lost)
    return lane(found, 0), lane(found, 1), lane(found, 2)


@compiled_part
def peak_and_worst(
    prices: FloatArray, tree: FloatArray, first: int, stop: int, peak: float, worst: float
) -> tuple[float, float]:
    """(highest close, lowest ratio of a close to the peak before it) after rows [first, stop), from those before."""
    size = tree.shape[0] >> 1
    shift = 0 if size >= prices.shape[1] else _SHIFT
    head = min(stop, ((first - 1) >> shift) + 1 << shift) if size > 0 else stop
    for t in range(first, head):
        close = prices[CLOSE, t]
        worst, peak = min(worst, close / peak), max(peak, close)
    block, last = head >> shift, stop >> shift
    while block < last:
        span = trailing_zeros(np.uint64(size + block))
        while block + (1 << span) > last:
            span -= 1
        node = (size + block) >> span
        worst, peak = min(worst, tree[node, 2], tree[node, 1] / peak), max(peak, tree[node, 0])
        block += 1 << span
    for t in range(max(head, last << shift), stop):
        close = prices[CLOSE, t]
        worst, peak = min(worst, close / peak), max(peak, close)
    return peak, worst
