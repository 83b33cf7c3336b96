"""Compiled replay of one backtest: per-bar equity, positions and the trade list.

The trades are found by the same functions that `optimizer.engine.kernel` scores with.
"""

import numpy as np

from optimizer.compiled import compiled
from optimizer.domain.bars import FloatArray
from optimizer.engine.kernel import (
    BY_RUIN,
    CLOSE,
    OPEN,
    STILL_OPEN,
    Ints,
    PriceArrays,
    SetArrays,
    Words,
    close_position,
    next_trade,
    open_position,
    position_fraction,
)

#: Columns of a row of trades: entry bar, exit bar, side, fraction, entry price, exit price, pnl, return, reason.
N_TRADE_COLUMNS = 9


@compiled
def _write_equity(
    market: PriceArrays, cash: float, shares: float, first: int, last: int, start: int, equity: FloatArray
) -> int:
    """Write the equity at the closes of rows [first, last); returns the row at which it is used up, or `last`."""
    for bar in range(first, last):
        value = cash + shares * market.prices[CLOSE, bar]
        if value <= 0.0:
            return bar
        equity[bar - start] = value
    return last


@compiled
def _write_trade(
    row: FloatArray,
    entry_price: float,
    exit_price: float,
    entry: int,
    bar: int,
    size: float,
    before: float,
    after: float,
    reason: int,
) -> None:
    """Write one trade into a row of N_TRADE_COLUMNS values."""
    row[0], row[1], row[2], row[3], row[8] = entry, bar, np.sign(size), abs(size), reason
    profit = after - before
    row[4], row[5], row[6], row[7] = entry_price, exit_price, profit, profit / (abs(size) * before)


@compiled
def _record(
    market: PriceArrays,
    param_sets: SetArrays,
    i: int,
    start: int,
    stop: int,
    equity: FloatArray,
    position: FloatArray,
    trades: FloatArray,
) -> int:
    cursors = np.full(2, start, np.int64)
    value = 1.0
    flat = start  # first row whose equity is not written yet
    n = 0
    while value > 0.0:
        side, entry, bar, price, reason = next_trade(market, param_sets, i, cursors, stop)
        if entry >= stop:
            break
        equity[flat - start : entry - start] = value
        position[flat - start : entry - start] = 0.0
        fraction = position_fraction(market, param_sets, i, entry - 1)
        cash, shares = open_position(market, side, entry, fraction, value)
        flat = _write_equity(market, cash, shares, entry, bar, start, equity)
        position[entry - start : flat - start] = fraction * (1 - 2 * side)
        if flat < bar:
            bar, price, reason, after = flat, market.prices[CLOSE, flat], BY_RUIN, 0.0
        elif reason == STILL_OPEN:
            after = equity[stop - start - 1]
        else:
            after = close_position(market, side, cash, shares, price)
        if trades.shape[0] > 0:
            _write_trade(
                trades[n],
                market.prices[OPEN, entry],
                price,
                entry,
                bar,
                (1 - 2 * side) * fraction,
                value,
                after,
                reason,
            )
        value = after
        n += 1
    equity[flat - start :] = value
    position[flat - start :] = 0.0
    return n


@compiled
def record(
    prices: FloatArray,
    volatility: FloatArray,
    terms: FloatArray,
    bank: Words,
    slots: Ints,
    orders: FloatArray,
    start: int,
    stop: int,
    equity: FloatArray,
    position: FloatArray,
    trades: FloatArray,
) -> int:
    """Write the first set's equity and position at each close and its trades; returns the number of trades.

    `equity` and `position` have one value per bar of the window, `trades` one row more than bars.
    """
    market = PriceArrays(prices, prices, prices, volatility, terms)
    return _record(market, SetArrays(bank, slots, orders), 0, start, stop, equity, position, trades)


@compiled
def fill_returns(
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
    out: FloatArray,
) -> None:
    """Write the per-bar simple returns of sets [first, last) into the rows of `out`."""
    market = PriceArrays(prices, prices, prices, volatility, terms)
    param_sets = SetArrays(bank, slots, orders)
    position = np.empty(stop - start)
    no_trades = np.empty((0, N_TRADE_COLUMNS))
    for i in range(first, last):
        row = out[i]
        _record(market, param_sets, i, start, stop, row, position, no_trades)
        before = 1.0
        for t in range(stop - start):
            equity = row[t]
            row[t] = equity / before - 1.0 if before > 0.0 else 0.0
            before = equity
