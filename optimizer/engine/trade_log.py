"""Compiled replay of one backtest: per-bar equity, positions and the trade list.

The trades are found by the same functions that `optimizer.engine.kernel` scores with.
"""

import numpy as np

from optimizer.compiled import compiled, compiled_part
from optimizer.domain.bars import FloatArray
from optimizer.engine.kernel import (
    BY_RUIN,
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
from optimizer.engine.spans import CASH, CLOSE, OPEN, PriceArrays

#: Columns of a row of trades. The fraction is of the equity, the profit is in units of the starting equity.
ENTRY, EXIT, SIDE, FRACTION, ENTRY_PRICE, EXIT_PRICE, BEFORE, PROFIT, RETURN, REASON = range(10)
N_TRADE_COLUMNS = 10
_BASIS_POINTS = 10_000


@compiled_part
def _write_equity(
    market: PriceArrays, cash: float, own: float, shares: float, first: int, last: int, start: int, equity: FloatArray
) -> tuple[int, float]:
    """Write the equity at the closes of rows [first, last): (row at which it is used up, or `last`, and the cash)."""
    is_financed = market.terms[FINANCED] > 0.0
    for bar in range(first, last):
        close = market.prices[CLOSE, bar]
        if is_financed:
            cash, own = finance(market.terms, cash, own, shares, close, interest(market.prices[CASH], bar))
        value = cash + shares * close
        if value <= 0.0:
            return bar, cash
        equity[bar - start] = value
    return last, cash


@compiled_part
def _write_idle(
    market: PriceArrays, value: float, since: int, first: int, last: int, start: int, equity: FloatArray
) -> None:
    """Write rows [first, last) of an account that has been in cash since the close of row `since`."""
    if market.terms[FINANCED] == 0.0:
        equity[first - start : last - start] = value
        return
    cash = market.prices[CASH]
    for bar in range(first, last):
        equity[bar - start] = value * (cash[bar] / cash[since])


@compiled_part
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
    row[ENTRY], row[EXIT], row[SIDE], row[FRACTION], row[REASON] = entry, bar, np.sign(size), abs(size), reason
    profit = after - before
    row[ENTRY_PRICE], row[EXIT_PRICE], row[BEFORE] = entry_price, exit_price, before
    row[PROFIT], row[RETURN] = profit, profit / (abs(size) * before)


@compiled
def record_set(
    market: PriceArrays,
    param_sets: SetArrays,
    i: int,
    start: int,
    stop: int,
    equity: FloatArray,
    position: FloatArray,
    trades: FloatArray,
) -> int:
    """Write the equity and position of set i at each close, and its trades where `trades` has room, as `record`."""
    cursors = np.full(2, start, np.int64)
    value = 1.0
    flat = start  # first row whose equity is not written yet
    since = max(start - 1, 0)  # close from which on the account has been in cash
    n = 0
    while value > 0.0:
        side, entry, bar, price, reason = next_trade(market, param_sets, i, cursors, stop)
        if entry >= stop:
            break
        opening, kept = market.prices[OPEN, entry], market.prices[CASH]
        decided = position_fraction(market, param_sets, i, entry - 1)
        before = value * (kept[entry - 1] / kept[since])
        cash, shares = open_position(market.terms, side, opening, decided, before)
        if shares == 0.0:
            continue
        fraction = invested_fraction(market.terms, side, opening, decided, shares, before)
        _write_idle(market, value, since, flat, entry, start, equity)
        position[flat - start : entry - start] = 0.0
        flat, cash = _write_equity(market, cash, before if side == 1 else cash, shares, entry, bar, start, equity)
        position[entry - start : flat - start] = fraction * (1 - 2 * side)
        since = bar - 1 if reason in (BY_SIGNAL, BY_TIME) else min(bar, stop - 1)
        if flat < bar:
            bar, price, reason, after = flat, market.prices[CLOSE, flat], BY_RUIN, 0.0
        elif reason == STILL_OPEN:
            after = equity[stop - start - 1]
        else:
            after = close_position(market.terms, side, cash, shares, price)
        if trades.shape[0] > 0:
            size = (1 - 2 * side) * fraction
            _write_trade(trades[n], opening, price, entry, bar, size, before, after, reason)
        value = after
        n += 1
    _write_idle(market, value, since, flat, stop, start, equity)
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
    market = PriceArrays(prices, orders, orders, volatility, terms)
    return record_set(market, SetArrays(bank, slots, orders), 0, start, stop, equity, position, trades)


@compiled_part
def write_changes(equity: FloatArray, out: FloatArray) -> None:
    """Write the equity's simple returns, (n_bars,), the first relative to 1.0; 0 once it is used up."""
    before = 1.0
    for t in range(len(equity)):
        out[t] = equity[t] / before - 1.0 if before > 0.0 else 0.0
        before = equity[t]


@compiled_part
def falls(equity: FloatArray) -> tuple[float, int]:
    """Deepest fall from a running peak, as a fraction at or below zero, and the bars of the longest one."""
    deepest, longest, since, peak = 0.0, 0, -1, 1.0
    for t in range(len(equity)):
        if equity[t] >= peak:
            peak, since = equity[t], t
        else:
            fall = equity[t] / peak - 1.0
            if fall < 0.0:
                deepest = min(deepest, fall)
                longest = max(longest, t - since)
            else:
                since = t
    return deepest, longest


@compiled_part
def write_fills(trades: FloatArray, rates: FloatArray, values: FloatArray, costs: FloatArray) -> int:
    """Write the value and the costs of each fill over the equity at the fill; returns the number of fills.

    `trades` is (n, columns), `values` and `costs` have room for two fills of each. `rates` (8,) are the factors of a
    buy and of a short sale, then commission, slippage and tax in basis points, fee per share, least fee of an order
    and the account's money at the start, 0 where it has no size.
    """
    n = 0
    for k in range(trades.shape[0]):
        row = trades[k]
        is_short = row[SIDE] < 0.0
        value = row[FRACTION] / (rates[1] if is_short else rates[0])
        values[n] = value
        costs[n] = _fill_costs(rates, value, row[BEFORE], row[ENTRY_PRICE], is_short)
        n += 1
        after = row[BEFORE] + row[PROFIT]
        if row[REASON] != STILL_OPEN and after > 0.0:
            shares = value * row[BEFORE] / row[ENTRY_PRICE]
            values[n] = shares * row[EXIT_PRICE] / after
            costs[n] = _fill_costs(rates, values[n], after, row[EXIT_PRICE], not is_short)
            n += 1
    return n


@compiled_part
def _fill_costs(rates: FloatArray, value: float, equity: float, price: float, is_sale: bool) -> float:
    """Costs of a fill of `value`, both over the equity."""
    fees = value * (rates[2] / _BASIS_POINTS + rates[5] / price)
    money = equity * rates[7]
    least = rates[6] / money if money > 0.0 else 0.0
    of_value = rates[3] + rates[4] * (1.0 if is_sale else 0.0)
    cost: float = max(fees, least) + value * of_value / _BASIS_POINTS
    return cost


@compiled_part
def _write_returns(market: PriceArrays, start: int, equity: FloatArray, out: FloatArray) -> None:
    """Write simple returns beyond those of cash, (n_bars,); 0 once the equity is used up."""
    is_financed, before = market.terms[FINANCED] > 0.0, 1.0
    for t in range(len(equity)):
        beyond = equity[t] / before - 1.0 if before > 0.0 else 0.0
        if is_financed and before > 0.0:
            earned = interest(market.prices[CASH], start + t)
            beyond -= earned
            if earned != 0.0 and abs(beyond) < NO_RETURN:
                beyond = 0.0
        out[t] = beyond
        before = equity[t]


@compiled
def fill_entry_means(
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
    rows: FloatArray,
    out: FloatArray,
) -> None:
    """Write into `out`, (n_sets, 1), the mean over each set's entries of `rows` at the close that decided it.

    `rows` is (2, n_bars): for entries of the long and of the short side. A set without an entry has 0.
    """
    market = PriceArrays(prices, orders, orders, volatility, terms)
    param_sets = SetArrays(bank, slots, orders)
    equity, position = np.empty(stop - start), np.empty(stop - start)
    trades = np.empty((stop - start + 1, N_TRADE_COLUMNS))
    for i in range(first, last):
        n = record_set(market, param_sets, i, start, stop, equity, position, trades)
        total = 0.0
        for k in range(n):
            total += rows[0 if trades[k, SIDE] > 0.0 else 1, int(trades[k, ENTRY]) - 1]
        out[i, 0] = total / n if n > 0 else 0.0


@compiled_part
def _take_drift(
    market: PriceArrays, start: int, equity: FloatArray, position: FloatArray, drift: float, out: FloatArray
) -> None:
    """Take `drift` times the exposure from each return in `out`.

    The exposure is the position's worth over the equity at the close before: the fraction invested when the position
    is opened; that of a short one grows while it loses.
    """
    first, n_bars, close = 0, len(equity), market.prices[CLOSE]
    while first < n_bars:
        held, last = position[first], first + 1
        while last < n_bars and position[last] == held:
            last += 1
        before = equity[first - 1] if first > 0 else 1.0
        if held != 0.0 and before > 0.0:
            shares = held * before / market.prices[OPEN, start + first]
            out[first] -= drift * held
            for t in range(first + 1, last):
                out[t] -= drift * (shares * close[start + t - 1] / equity[t - 1])
        first = last


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
    drift: float,
    out: FloatArray,
) -> None:
    """Write the returns of sets [first, last) beyond those of cash into `out`, (n_sets, 1 or 2, n_bars).

    Where there is a second row, the same less `drift` times the exposure goes there.
    """
    market = PriceArrays(prices, orders, orders, volatility, terms)
    param_sets = SetArrays(bank, slots, orders)
    equity, position = np.empty(stop - start), np.empty(stop - start)
    no_trades = np.empty((0, N_TRADE_COLUMNS))
    for i in range(first, last):
        record_set(market, param_sets, i, start, stop, equity, position, no_trades)
        _write_returns(market, start, equity, out[i, 0])
        if out.shape[1] > 1:
            out[i, 1] = out[i, 0]
            _take_drift(market, start, equity, position, drift, out[i, 1])
