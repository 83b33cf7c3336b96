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
#: What `sum_play` finds. Of closed trades: bars held and the longest, the best and the worst return and all of them,
#: the number of winners, money won, and money lost, which is not positive; their number and mean profit. Of fills:
#: values and costs over the equity. Of the equity: its deepest fall, the bars of the longest, and bars with a position.
N_BARS, LONGEST, BEST, WORST, GAINS, N_WON, WON, LOST, N_CLOSED, MEAN_PROFIT = range(10)
TRADED, PAID, DEEPEST, LONGEST_FALL, N_HELD = range(10, 15)
N_PLAY_SUMS = 15
#: What `describe` finds of returns: their mean, means of powers around it, and the mean of those in the tail.
MEAN, SECOND, THIRD, FOURTH, SHORTFALL = range(5)
N_DESCRIBED = 5
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


@compiled_part
def record_set(
    market: PriceArrays,
    param_sets: SetArrays,
    i: int,
    start: int,
    stop: int,
    equity: FloatArray,
    position: FloatArray,
    trades: FloatArray,
    cursors: Ints,
) -> int:
    """Write the equity and position of set i at each close, and its trades where `trades` has room, as `record`."""
    cursors[:] = start
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
        if n < trades.shape[0]:
            size = (1 - 2 * side) * fraction
            _write_trade(trades[n], opening, price, entry, bar, size, before, after, reason)
        value = after
        n += 1
    _write_idle(market, value, since, flat, stop, start, equity)
    position[flat - start :] = 0.0
    return n


@compiled_part
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
    cursors: Ints,
) -> int:
    """Write the first set's equity and position at each close and its trades; returns the number of trades.

    `equity` and `position` have one value per bar of the window. Of the trades those are written for which `trades` has
    rows.
    """
    market = PriceArrays(prices, orders, orders, volatility, terms)
    return record_set(market, SetArrays(bank, slots, orders), 0, start, stop, equity, position, trades, cursors)


@compiled_part
def write_changes(equity: FloatArray, out: FloatArray) -> None:
    """Write the equity's simple returns, (n_bars,), the first relative to 1.0; 0 once it is used up."""
    out[0] = equity[0] - 1.0
    for t in range(1, len(equity)):
        before = equity[t - 1]
        out[t] = equity[t] / before - 1.0 if before > 0.0 else 0.0


@compiled_part
def _falls(equity: FloatArray) -> tuple[float, int]:
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


@compiled
def centre(values: FloatArray, centred: FloatArray) -> float:
    """Write the distances of values from their mean; returns the mean, NaN of no values."""
    n = len(values)
    mean = _sum(values, n, 1) / n
    for t in range(n):
        centred[t] = values[t] - mean
    return mean


@compiled
def describe(values: FloatArray, level: float, centred: FloatArray, losses: FloatArray, found: FloatArray) -> None:
    """Write the values' distances from their mean, those up to zero, and N_DESCRIBED; the tail ends at `level`."""
    n, n_below = len(values), 0
    found[MEAN] = centre(values, centred)
    found[SECOND], found[THIRD] = _sum(centred, n, 2) / n, _sum(centred, n, 3) / n
    found[FOURTH] = _sum(centred, n, 4) / n
    for t in range(n):
        losses[n_below] = values[t]
        n_below += values[t] <= level
    found[SHORTFALL] = _sum(losses, n_below, 1) / n_below
    for t in range(n):
        losses[t] = min(values[t], 0.0)


@compiled
def sum_play(
    equity: FloatArray,
    position: FloatArray,
    ledger: FloatArray,
    rates: FloatArray,
    fills: FloatArray,
    profits: FloatArray,
    found: FloatArray,
) -> None:
    """Write what N_PLAY_SUMS counts of one backtest, the profits of closed trades and their distances from the mean.

    `ledger` is (N_TRADE_COLUMNS, n_trades), `rates` as in `write_fills`; `fills` is room for two values of each of its
    fills, two of each trade, and `profits` (2, n_trades).
    """
    values, costs, won, centred = fills[0], fills[1], profits[0], profits[1]
    n = _sum_trades(ledger, won, values, found)
    found[N_CLOSED], found[MEAN_PROFIT] = n, centre(won[:n], centred[:n])
    found[DEEPEST], found[LONGEST_FALL] = _falls(equity)
    n_held = 0
    for t in range(len(position)):
        n_held += position[t] != 0.0
    n_fills = write_fills(ledger, rates, values, costs)
    found[N_HELD], found[TRADED], found[PAID] = n_held, _sum(values, n_fills, 1), _sum(costs, n_fills, 1)


# Sums in NumPy's order, so that a measure is the same to the last bit wherever it is computed: in halves, down to at
# most 128 values, of which every eighth belongs to one of eight sums.
_MOST_IN_A_BLOCK, _MOST_HALVINGS = 128, 64


@compiled
def _sum(values: FloatArray, n: int, power: int) -> float:
    """Sum of a power, 1 to 4, of the first n values."""
    block = np.empty(_MOST_IN_A_BLOCK)
    # Per halving under way: the length of both halves, the sum of the first one, and whether that is known.
    lengths, sums = np.empty(_MOST_HALVINGS, np.int64), np.empty(_MOST_HALVINGS)
    is_known = np.empty(_MOST_HALVINGS, np.bool_)
    depth, first, length = 0, 0, n
    while True:
        while length > _MOST_IN_A_BLOCK:
            lengths[depth], is_known[depth] = length, False
            length = _first_half(length)
            depth += 1
        _raise(values[first : first + length], power, block)
        total = _sum_block(block, length)
        first += length
        while depth > 0 and is_known[depth - 1]:
            depth -= 1
            total = sums[depth] + total
        if depth == 0:
            return total
        sums[depth - 1], is_known[depth - 1] = total, True
        length = lengths[depth - 1] - _first_half(lengths[depth - 1])


@compiled_part
def _first_half(length: int) -> int:
    return (length >> 1) & ~7


@compiled_part
def _raise(values: FloatArray, power: int, block: FloatArray) -> None:
    """Write a power, 1 to 4, of values into `block`."""
    for t in range(len(values)):
        square = values[t] * values[t]
        if power == 1:
            block[t] = values[t]
        elif power == 2:
            block[t] = square
        else:
            block[t] = square * (values[t] if power == 3 else square)


@compiled_part
def _sum_block(block: FloatArray, n: int) -> float:
    """Sum of the first n values of a block."""
    total = 0.0
    if n >= 8:
        v = block[:8]
        a, b, c, d, e, f, g, h = v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7]
        for k in range(8, n & ~7, 8):
            v = block[k : k + 8]
            a, b, c, d = a + v[0], b + v[1], c + v[2], d + v[3]
            e, f, g, h = e + v[4], f + v[5], g + v[6], h + v[7]
        total = ((a + b) + (c + d)) + ((e + f) + (g + h))
    for t in range(n & ~7, n):
        total += block[t]
    return total


@compiled
def _sum_trades(ledger: FloatArray, profits: FloatArray, scratch: FloatArray, sums: FloatArray) -> int:
    """Write the profits of closed trades, and the sums over them; returns their number.

    `profits` and `scratch` have room for all trades.
    """
    n = 0
    sums[:] = 0.0
    for k in range(ledger.shape[1]):
        if ledger[REASON, k] != STILL_OPEN:
            gain, n_bars = ledger[RETURN, k], ledger[EXIT, k] - ledger[ENTRY, k]
            profits[n], scratch[n] = ledger[PROFIT, k], gain
            sums[N_BARS] += n_bars
            sums[LONGEST] = max(sums[LONGEST], n_bars)
            sums[BEST] = gain if n == 0 else max(sums[BEST], gain)
            sums[WORST] = gain if n == 0 else min(sums[WORST], gain)
            n += 1
    sums[GAINS] = _sum(scratch, n, 1)
    n_won = n_lost = 0
    for k in range(n):
        if profits[k] > 0.0:
            scratch[n_won] = profits[k]
            n_won += 1
    sums[N_WON], sums[WON] = n_won, _sum(scratch, n_won, 1)
    for k in range(n):
        if profits[k] <= 0.0:
            scratch[n_lost] = profits[k]
            n_lost += 1
    sums[LOST] = _sum(scratch, n_lost, 1)
    return n


@compiled_part
def write_fills(ledger: FloatArray, rates: FloatArray, values: FloatArray, costs: FloatArray) -> int:
    """Write the value and the costs of each fill over the equity at the fill; returns the number of fills.

    `ledger` is (N_TRADE_COLUMNS, n_trades), `values` and `costs` have room for two fills of each trade. `rates` (8,)
    are the factors of a buy and of a short sale, then commission, slippage and tax in basis points, fee per share,
    least fee of an order and the account's money at the start, 0 where it has no size.
    """
    n = 0
    for k in range(ledger.shape[1]):
        row = ledger[:, k]
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
    if market.terms[FINANCED] == 0.0:
        write_changes(equity, out)
        return
    before = 1.0
    for t in range(len(equity)):
        beyond = equity[t] / before - 1.0 if before > 0.0 else 0.0
        if before > 0.0:
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
    equity, position, cursors = np.empty(stop - start), np.empty(stop - start), np.empty(2, np.int64)
    trades = np.empty((stop - start + 1, N_TRADE_COLUMNS))
    for i in range(first, last):
        n = record_set(market, param_sets, i, start, stop, equity, position, trades, cursors)
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
    equity, position, cursors = np.empty(stop - start), np.empty(stop - start), np.empty(2, np.int64)
    no_trades = np.empty((0, N_TRADE_COLUMNS))
    for i in range(first, last):
        record_set(market, param_sets, i, start, stop, equity, position, no_trades, cursors)
        _write_returns(market, start, equity, out[i, 0])
        if out.shape[1] > 1:
            out[i, 1] = out[i, 0]
            _take_drift(market, start, equity, position, drift, out[i, 1])
