"""Sums of sets' returns over rows and blocks of bars, without a table of all returns.

Returns and timing returns are those of `Evaluator.returns_and_timing`. An account in cash adds nothing. A fully
invested long position earns what the market does, so that its sums come from what is kept of the market's own rows and
blocks, in constant time per row however many bars it is held; every other position is added bar by bar. Both differ
from sums over a table of returns by rounding alone.

Glossary, n bars in the window, of which the oldest rest belongs to no row and to no block:

- `kept` (4, n + 1): of each bar what the bars of its row, then of its block, have returned up to it, then the squares
  within its block; and the products with the market's returns around their mean over all bars before it. Returns are
  those of a fully invested long position beyond cash, in which none is opened or closed. In the last two rows
  the entry after the last bar counts, in the others it is 0.
- `centred` (n,): the market's returns around their mean, and `centred_before` (n + 1,) their sums over all bars before.
- `shape` (4,): bars and number of the rows, then of the blocks.
- `out` (sets, …): sums of rows, product, sums of blocks, squares of blocks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from optimizer.compiled import compiled, compiled_part
from optimizer.domain.bars import Bars, FloatArray
from optimizer.domain.space import Params
from optimizer.domain.study_request import Costs
from optimizer.engine.evaluator import Evaluator
from optimizer.engine.kernel import (
    BY_SIGNAL,
    BY_TIME,
    STILL_OPEN,
    Ints,
    SetArrays,
    Words,
    next_trade,
    position_fraction,
)
from optimizer.engine.orders import (
    FINANCED,
    NO_RETURN,
    close_position,
    finance,
    interest,
    invested_fraction,
    open_position,
)
from optimizer.engine.set_scores import Batch
from optimizer.engine.spans import CASH, CLOSE, OPEN, PriceArrays
from optimizer.strategies.registry import STRATEGIES

#: Rows of `kept`.
ROW, BLOCK, SQUARES, PRODUCT = range(4)


@dataclass(frozen=True, kw_only=True, eq=False)
class ReturnSums:
    """Sums over bars of several sets' returns."""

    rows: FloatArray  # (n_sets, n_rows) of timing returns, over rows of equal length
    products: FloatArray  # (n_sets,) of timing returns times the market's around its mean, over all bars
    blocks: FloatArray  # (n_sets, n_blocks) of returns, over blocks of equal length
    squares: FloatArray  # (n_sets, n_blocks) of their squares


class _Window(NamedTuple):
    """What all sets share; see the glossary."""

    start: int
    stop: int
    drift: float
    kept: FloatArray
    centred: FloatArray
    centred_before: FloatArray
    shape: Ints


def return_sums(
    evaluator: Evaluator, param_sets: Sequence[Params], *, start: int, stop: int, bars_per_row: int, n_blocks: int
) -> ReturnSums:
    """Sum the returns of sets over bars [start, stop), the oldest rest left out of rows and blocks.

    Timing returns are those against the market's mean over the same bars. Raises TooFewBars.
    """
    n_bars, market = stop - start, evaluator.buy_and_hold(start=start, stop=stop).returns
    n_rows, bars_per_block = n_bars // bars_per_row, n_bars // n_blocks if n_blocks else n_bars
    drift, centred = float(market.mean()), market - market.mean()
    shape = np.array([bars_per_row, n_rows, bars_per_block, n_blocks])
    table = evaluator.price_table
    kept, centred_before = _of_market(table.prices, table.terms, start, stop, centred, shape)

    def fill(batch: Batch, out: FloatArray, first: int, last: int) -> None:
        sets = batch.volatility, table.terms, batch.bank, batch.slots, batch.orders
        sums = kept, centred, centred_before, shape
        _fill_sums(table.prices, *sets, start, stop, first, last, drift, *sums, out)

    found = evaluator.filled(n_rows + 1 + 2 * n_blocks, param_sets, fill, n_bars)
    blocks = found[:, n_rows + 1 :]
    return ReturnSums(
        rows=found[:, :n_rows],
        products=found[:, n_rows],
        blocks=blocks[:, :n_blocks],
        squares=blocks[:, n_blocks:],
    )


@compiled
def _of_market(
    prices: FloatArray, terms: FloatArray, start: int, stop: int, centred: FloatArray, shape: Ints
) -> tuple[FloatArray, FloatArray]:
    """`kept` and `centred_before` of a window, see the glossary."""
    n, is_financed = stop - start, terms[FINANCED] > 0.0
    kept, centred_before = np.zeros((4, n + 1)), np.zeros(n + 1)
    first_in_row, first_in_block = n - shape[0] * shape[1], n - shape[2] * shape[3]
    row = block = squares = 0.0
    for j in range(n):
        t = start + j
        own = prices[CLOSE, t] / prices[CLOSE, t - 1] - 1.0 if t > 0 else 0.0
        if is_financed:
            own -= interest(prices[CASH], t)
        if (j - first_in_row) % shape[0] == 0:
            row = 0.0
        if (j - first_in_block) % shape[2] == 0:
            block = squares = 0.0
        row += own
        block += own
        squares += own * own
        kept[ROW, j], kept[BLOCK, j], kept[SQUARES, j] = row, block, squares
        kept[PRODUCT, j + 1] = kept[PRODUCT, j] + own * centred[j]
        centred_before[j + 1] = centred_before[j] + centred[j]
    return kept, centred_before


@compiled
def _fill_sums(
    prices: FloatArray,
    volatility: FloatArray,
    terms: FloatArray,
    bank: Words,
    slots: Ints,
    orders: FloatArray,
    start: int,
    stop: int,
    first: int,
    last: int,
    drift: float,
    kept: FloatArray,
    centred: FloatArray,
    centred_before: FloatArray,
    shape: Ints,
    out: FloatArray,
) -> None:
    """Write the sums of sets [first, last) into the rows of `out`."""
    market = PriceArrays(prices, orders, orders, volatility, terms)
    param_sets = SetArrays(bank, slots, orders)
    window = _Window(start, stop, drift, kept, centred, centred_before, shape)
    cursors = np.empty(2, np.int64)
    for i in range(first, last):
        out[i] = 0.0
        _play(market, param_sets, i, window, cursors, out[i])


@compiled_part
def _play(market: PriceArrays, param_sets: SetArrays, i: int, window: _Window, cursors: Ints, out: FloatArray) -> None:
    """Add the returns of one set, trade by trade, as `trade_log.record_set` plays it."""
    start, stop, cash_value = window.start, window.stop, market.prices[CASH]
    cursors[:] = start
    value = before = 1.0  # after the last trade, and at the close before the first bar that is not added yet
    unadded = -1  # bar in which the last trade ended, whose return is known once no other one opens in it
    since = max(start - 1, 0)  # close from which on the account has been in cash
    while value > 0.0:
        side, entry, bar, price, reason = next_trade(market, param_sets, i, cursors, stop)
        if entry >= stop:
            break
        opening = market.prices[OPEN, entry]
        decided = position_fraction(market, param_sets, i, entry - 1)
        equity = value * (cash_value[entry - 1] / cash_value[since])
        cash, shares = open_position(market.terms, side, opening, decided, equity)
        if shares == 0.0:
            continue
        if 0 <= unadded < entry:
            _add_bar(market, window, unadded, before, value * (cash_value[unadded] / cash_value[since]), 0.0, out)
        if unadded != entry:
            before = equity
        held = invested_fraction(market.terms, side, opening, decided, shares, equity) * (1 - 2 * side)
        end, cash, before = _hold(market, window, side, entry, bar, cash, shares, equity, held, before, out)
        since = bar - 1 if reason in (BY_SIGNAL, BY_TIME) else min(bar, stop - 1)
        unadded = end if end < stop else -1
        if end < bar:  # the equity is used up
            value, since = 0.0, end
        elif reason == STILL_OPEN:
            return
        else:
            value = close_position(market.terms, side, cash, shares, price)
    if unadded >= 0:
        _add_bar(market, window, unadded, before, value * (cash_value[unadded] / cash_value[since]), 0.0, out)


@compiled_part
def _hold(
    market: PriceArrays,
    window: _Window,
    side: int,
    entry: int,
    bar: int,
    cash: float,
    shares: float,
    opened_with: float,
    held: float,
    before: float,
    out: FloatArray,
) -> tuple[int, float, float]:
    """Add the bars [entry, bar) of a position: (row at which the equity is used up or `bar`, cash, equity before it).

    `held` is the position as a fraction of the equity, negative if short; `opened_with` is that at the open of `entry`,
    and `before` that at the close before it.
    """
    close, is_financed = market.prices[CLOSE], market.terms[FINANCED] > 0.0
    count, own = held * before / market.prices[OPEN, entry], opened_with if side == 1 else cash
    is_full = cash == 0.0 and shares > 0.0
    t = entry
    while t < bar:
        if is_financed:
            cash, own = finance(market.terms, cash, own, shares, close[t], interest(market.prices[CASH], t))
        equity = cash + shares * close[t]
        if equity <= 0.0:
            break
        _add_bar(market, window, t, before, equity, held if t == entry else count * close[t - 1] / before, out)
        before = equity
        t += 1
        if is_full and t < bar:
            _add_span(window, t - window.start, bar - window.start, window.drift * (count / shares), out)
            return bar, cash, shares * close[bar - 1]
    return t, cash, before


@compiled_part
def _add_bar(
    market: PriceArrays, window: _Window, t: int, before: float, equity: float, exposed: float, out: FloatArray
) -> None:
    """Add the return of one bar, whose equity was `before` at the close before it."""
    j, n = t - window.start, window.stop - window.start
    beyond = equity / before - 1.0
    if market.terms[FINANCED] > 0.0:
        earned = interest(market.prices[CASH], t)
        beyond -= earned
        if earned != 0.0 and abs(beyond) < NO_RETURN:
            beyond = 0.0
    timed, shape = beyond - window.drift * exposed, window.shape
    n_rows, n_blocks = shape[1], shape[3]
    out[n_rows] += timed * window.centred[j]
    row, block = n_rows - 1 - (n - 1 - j) // shape[0], n_blocks - 1 - (n - 1 - j) // shape[2]
    if row >= 0:
        out[row] += timed
    if block >= 0:
        out[n_rows + 1 + block] += beyond
        out[n_rows + 1 + n_blocks + block] += beyond * beyond


@compiled_part
def _add_span(window: _Window, first: int, last: int, drift: float, out: FloatArray) -> None:
    """Add bars [first, last) of the window, in which a long position is fully invested, less `drift` of each."""
    n, kept, shape, centred_before = window.stop - window.start, window.kept, window.shape, window.centred_before
    n_rows, n_blocks = shape[1], shape[3]
    out[n_rows] += kept[PRODUCT, last] - kept[PRODUCT, first] - drift * (centred_before[last] - centred_before[first])
    _add_parts(kept[ROW], n - shape[0] * n_rows, shape[0], first, last, drift, out)
    at = n_rows + 1
    if n_blocks > 0:
        _add_parts(kept[BLOCK], n - shape[2] * n_blocks, shape[2], first, last, 0.0, out[at : at + n_blocks])
        _add_parts(kept[SQUARES], n - shape[2] * n_blocks, shape[2], first, last, 0.0, out[at + n_blocks :])


@compiled_part
def _add_parts(sums: FloatArray, zero: int, length: int, first: int, last: int, drift: float, out: FloatArray) -> None:
    """Add bars [first, last) to the parts that they are in; part 0 begins at bar `zero`, and no part before that."""
    first = max(first, zero)
    while first < last:
        part = (first - zero) // length
        begins = zero + part * length
        ends = min(begins + length, last)
        total = sums[ends - 1] if first == begins else sums[ends - 1] - sums[first - 1]
        out[part] += total - drift * (ends - first)
        first = ends


def warm() -> None:
    """Load or compile every compiled function of this module, so that no study waits for it."""
    close = np.linspace(100.0, 110.0, 60)
    time = np.arange(60).astype("datetime64[D]").astype("datetime64[ns]")
    bars = Bars(symbol="WARM", time=time, open=close, high=close, low=close, close=close, volume=close)
    evaluator = Evaluator(STRATEGIES["rsi"], bars, costs=Costs())
    return_sums(evaluator, [evaluator.strategy.space.default], start=0, stop=60, bars_per_row=5, n_blocks=0)
