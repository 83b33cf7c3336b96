"""The compiled heart of a backtest: signals, orders and prices in, equity and scores out.

A parameter set reaches this module as four bit masks a side (`slots`) and five numbers (`orders`).
Bit t of a mask says whether a condition holds at the close of bar t; the masks of a study lie in
one `bank` and are shared by all sets that use them. So a set is played by hopping from entry to
exit with a bit scan, and a long, fully invested stretch is booked from sums that were added up
once per symbol: the cost is per trade, not per bar. Only the drawdown looks at each held bar.

Every function reads rows `[start, stop)` of the bars. Nothing is allocated in a loop, nothing
depends on how many sets are played together or on threads, and no value is computed in another
order for one set than for many: the same set gives the same bits.

Conventions are in `optimizer.backtest`; names there and here mean the same.
"""

import numpy as np

from optimizer.compiled import compiled, trailing_zeros

# Rows of `prices`.
OPEN, HIGH, LOW, CLOSE = range(4)

# Slots of the bank that are always there.
ALWAYS, NEVER = 0, 1

# Columns of `slots`: four of a long position, four of a short one.
ENTER, GATE, TREND, EXIT = range(4)
SIDE_SLOTS = 4

# Columns of `orders`; 0 is off, levels and volatility are fractions, max_hold is in bars.
STOP, TAKE, TRAIL, MAX_HOLD, VOL_TARGET = range(5)

# Why a trade ended.
BY_SIGNAL, BY_STOP, BY_TAKE, BY_TRAIL, BY_TIME, BY_RUIN, STILL_OPEN = range(7)

# Entries of `terms`.
BUY, SELL, PERIODS_PER_YEAR, RISK_FREE = range(4)

# Columns of a row of scores.
SCORE_NAMES = (
    "total_return",
    "cagr",
    "annual_volatility",
    "sharpe_ratio",
    "sortino_ratio",
    "calmar_ratio",
    "max_drawdown",
    "win_rate",
    "profit_factor",
    "expectancy",
    "sqn",
    "exposure",
    "n_trades",
)
_RETURN, _CAGR, _VOLATILITY, _SHARPE, _SORTINO, _CALMAR, _DRAWDOWN, _WINS, _FACTOR, _EXPECTANCY, _SQN, _EXPOSURE, _N = (
    range(13)
)

# Columns of a row of trades.
TRADE_NAMES = ("entry", "exit", "side", "fraction", "entry_price", "exit_price", "pnl", "trade_return", "reason")
N_TRADE_COLUMNS = 9

# The account while a set is played.
_EQUITY, _BASE, _PEAK, _WORST, _SUM, _SQUARES, _DOWNSIDE, _HELD = range(8)
_CLOSED, _WON, _GAIN, _LOSS, _PNL, _PNL_SQUARES, _TRADE_RETURN = range(8, 15)
N_ACCOUNT = 15

_ALL_ONES = np.uint64(0xFFFFFFFFFFFFFFFF)
#: Returns whose variance is a smaller part of their squared mean than this do not vary.
_NO_VARIANCE = 1e-14


@compiled
def fill_masks(row, thresholds, sign, is_strict, bank, slots):  # type: ignore[no-untyped-def]
    """Write one mask a threshold: bit t says whether sign·row[t] > sign·threshold (≥ if not strict).

    NaN is on neither side of anything.
    """
    n = row.shape[0]
    for k in range(slots.shape[0]):
        level = sign * thresholds[k]
        for w in range(bank.shape[1]):
            word = np.uint64(0)
            base = w << 6
            for j in range(min(64, n - base)):
                value = sign * row[base + j]
                holds = value > level if is_strict else value >= level
                word |= np.uint64(holds) << np.uint64(j)
            bank[slots[k], w] = word


@compiled
def _opening(bank, slots, i, side, w):  # type: ignore[no-untyped-def]
    """Word w of the closes at which set i would enter on a side."""
    k = side * SIDE_SLOTS
    enter = bank[slots[i, k + ENTER], w] & bank[slots[i, k + GATE], w] & bank[slots[i, k + TREND], w]
    return enter & ~bank[slots[i, k + EXIT], w]


@compiled
def _next_opening(bank, slots, i, side, first, stop):  # type: ignore[no-untyped-def]
    """The first row from `first` on at which set i would enter, or a row ≥ stop."""
    if first >= stop:
        return stop
    w = first >> 6
    last = (stop - 1) >> 6
    word = _opening(bank, slots, i, side, w) & (_ALL_ONES << np.uint64(first & 63))
    while word == 0:
        w += 1
        if w > last:
            return stop
        word = _opening(bank, slots, i, side, w)
    return (w << 6) + trailing_zeros(word)


@compiled
def _next_quiet(bank, slots, i, side, first, stop):  # type: ignore[no-untyped-def]
    """The first row from `first` on at which set i would not enter, or a row ≥ stop."""
    if first >= stop:
        return stop
    w = first >> 6
    last = (stop - 1) >> 6
    word = ~_opening(bank, slots, i, side, w) & (_ALL_ONES << np.uint64(first & 63))
    while word == 0:
        w += 1
        if w > last:
            return stop
        word = ~_opening(bank, slots, i, side, w)
    return (w << 6) + trailing_zeros(word)


@compiled
def _next_exit(bank, slot, first, stop):  # type: ignore[no-untyped-def]
    """The first row from `first` on whose close says exit, or a row ≥ stop."""
    w = first >> 6
    last = (stop - 1) >> 6
    word = bank[slot, w] & (_ALL_ONES << np.uint64(first & 63))
    while word == 0:
        w += 1
        if w > last:
            return stop
        word = bank[slot, w]
    return (w << 6) + trailing_zeros(word)


@compiled
def _touch(prices, orders, i, sign, entry, last):  # type: ignore[no-untyped-def]
    """The first bar from `entry` to `last` that fills an order: (bar, price, reason); bar > last if none.

    The trailing level of a bar knows only the bars before it. A gap through a level fills at the
    open, a target never fills better than its level, and the stop is taken when one bar touches both.
    """
    paid = prices[OPEN, entry]
    fixed = paid * (1.0 - sign * orders[i, STOP]) if orders[i, STOP] > 0.0 else -sign * np.inf
    target = paid * (1.0 + sign * orders[i, TAKE]) if orders[i, TAKE] > 0.0 else sign * np.inf
    trail = orders[i, TRAIL]
    against = LOW if sign > 0.0 else HIGH
    along = HIGH if sign > 0.0 else LOW
    best = paid
    for bar in range(entry, last + 1):
        level = fixed
        reason = BY_STOP
        if trail > 0.0 and sign * best * (1.0 - sign * trail) > sign * fixed:
            level = best * (1.0 - sign * trail)
            reason = BY_TRAIL
        if sign * prices[OPEN, bar] <= sign * level:
            return bar, prices[OPEN, bar], reason
        if sign * prices[against, bar] <= sign * level:
            return bar, level, reason
        if sign * prices[along, bar] >= sign * target:
            return bar, target, BY_TAKE
        if sign * prices[along, bar] > sign * best:
            best = prices[along, bar]
    return last + 1, 0.0, BY_SIGNAL


@compiled
def _next_exit_fill(prices, bank, slots, orders, i, side, entry, stop):  # type: ignore[no-untyped-def]
    """How the position filled at the open of `entry` ends: (bar, price, reason).

    A position nobody closes ends at row `stop`, marked at the last close.
    """
    signal = _next_exit(bank, slots[i, side * SIDE_SLOTS + EXIT], entry, stop)
    reason = BY_SIGNAL
    if orders[i, MAX_HOLD] > 0.0 and entry + np.int64(orders[i, MAX_HOLD]) - 1 < signal:
        signal = entry + np.int64(orders[i, MAX_HOLD]) - 1
        reason = BY_TIME
    if orders[i, STOP] > 0.0 or orders[i, TAKE] > 0.0 or orders[i, TRAIL] > 0.0:
        last = min(signal, stop - 1)
        bar, price, touched = _touch(prices, orders, i, 1.0 - 2.0 * side, entry, last)
        if bar <= last:
            return bar, price, touched
    if signal >= stop - 1:
        return stop, prices[CLOSE, stop - 1], STILL_OPEN
    return signal + 1, prices[OPEN, signal + 1], reason


@compiled
def _next_trade(prices, bank, slots, orders, i, cursors, stop):  # type: ignore[no-untyped-def]
    """The next trade of set i: (side, entry bar, exit bar, exit price, reason); entry ≥ stop if none.

    `cursors` holds the first close each side may take a signal from, and is moved past the trade.
    After an order or the clock closed a position, its side waits until its entry condition was
    false once.
    """
    side = 0
    signal = _next_opening(bank, slots, i, 0, cursors[0], stop)
    if slots[i, SIDE_SLOTS] != NEVER:
        short = _next_opening(bank, slots, i, 1, cursors[1], stop)
        if short < signal:
            side, signal = 1, short
    entry = signal + 1
    if entry >= stop:
        return side, stop, stop, 0.0, STILL_OPEN
    bar, price, reason = _next_exit_fill(prices, bank, slots, orders, i, side, entry, stop)
    at_open = reason == BY_SIGNAL or reason == BY_TIME
    free = bar - 1 if at_open else bar
    cursors[0] = free
    cursors[1] = free
    if reason != BY_SIGNAL:
        cursors[side] = _next_quiet(bank, slots, i, side, free, stop)
    return side, entry, bar, price, reason


@compiled
def _fraction(volatility, orders, i, signal):  # type: ignore[no-untyped-def]
    """The part of the equity a new position takes, decided at the close of the signal."""
    if orders[i, VOL_TARGET] <= 0.0:
        return 1.0
    return min(1.0, orders[i, VOL_TARGET] / volatility[signal]) if volatility[signal] > 0.0 else 1.0


@compiled
def _book(account, equity):  # type: ignore[no-untyped-def]
    """Book the return of one bar that ends at `equity`, and its drawdown."""
    change = equity / account[_BASE] - 1.0
    account[_SUM] += change
    account[_SQUARES] += change * change
    if change < 0.0:
        account[_DOWNSIDE] += change * change
    if equity > account[_PEAK]:
        account[_PEAK] = equity
    elif equity < account[_WORST] * account[_PEAK]:
        account[_WORST] = equity / account[_PEAK]
    account[_BASE] = equity


@compiled
def _walk(prices, account, cash, shares, first, stop):  # type: ignore[no-untyped-def]
    """Book the closes of rows [first, stop) one by one; the row at which the equity is gone, or `stop`."""
    for bar in range(first, stop):
        equity = cash + shares * prices[CLOSE, bar]
        if equity <= 0.0:
            _book(account, 0.0)
            return bar
        _book(account, equity)
    return stop


@compiled
def _leap(prices, sums, account, shares, first, stop):  # type: ignore[no-untyped-def]
    """Book the closes of rows [first, stop) of a fully invested long position at once."""
    _book(account, shares * prices[CLOSE, first])
    if stop - first < 2:
        return
    account[_SUM] += sums[stop, 0] - sums[first + 1, 0]
    account[_SQUARES] += sums[stop, 1] - sums[first + 1, 1]
    account[_DOWNSIDE] += sums[stop, 2] - sums[first + 1, 2]
    peak = account[_PEAK] / shares
    lowest = account[_WORST] * peak
    worst = account[_WORST]
    for bar in range(first + 1, stop):
        close = prices[CLOSE, bar]
        if close > peak:
            peak = close
            lowest = worst * peak
        elif close < lowest:
            lowest = close
            worst = close / peak
    account[_WORST] = worst
    account[_PEAK] = max(account[_PEAK], peak * shares)
    account[_BASE] = shares * prices[CLOSE, stop - 1]


@compiled
def _settle(account, before, after, fraction):  # type: ignore[no-untyped-def]
    """Count one closed trade."""
    pnl = after - before
    account[_CLOSED] += 1.0
    account[_PNL] += pnl
    account[_PNL_SQUARES] += pnl * pnl
    account[_TRADE_RETURN] += pnl / (fraction * before)
    if pnl > 0.0:
        account[_WON] += 1.0
        account[_GAIN] += pnl
    else:
        account[_LOSS] -= pnl


@compiled
def _invest(prices, terms, side, entry, fraction, equity):  # type: ignore[no-untyped-def]
    """(cash, shares) after a fraction of the equity went into a position at the open of a bar."""
    shares = fraction * equity / (prices[OPEN, entry] * terms[BUY])
    if side == 0:
        return equity * (1.0 - fraction), shares
    return equity + shares * prices[OPEN, entry] * terms[SELL], -shares


@compiled
def _play(prices, sums, volatility, bank, slots, orders, i, terms, start, stop, account, cursors):  # type: ignore[no-untyped-def]
    """Play set i over rows [start, stop) into `account`."""
    account[:] = 0.0
    account[_EQUITY] = account[_BASE] = account[_PEAK] = account[_WORST] = 1.0
    cursors[:] = start
    unbooked = -1  # the bar of the last exit, whose return is not complete before the next entry is known
    while account[_EQUITY] > 0.0:
        side, entry, bar, price, reason = _next_trade(prices, bank, slots, orders, i, cursors, stop)
        if entry >= stop:
            break
        if unbooked >= 0 and unbooked != entry:
            _book(account, account[_EQUITY])
        before = account[_EQUITY]
        fraction = _fraction(volatility, orders, i, entry - 1)
        cash, shares = _invest(prices, terms, side, entry, fraction, before)
        end = bar
        if cash == 0.0 and bar > entry:
            _leap(prices, sums, account, shares, entry, bar)
        elif bar > entry:
            end = _walk(prices, account, cash, shares, entry, bar)
        account[_HELD] += end - entry
        unbooked = -1
        after = 0.0
        if end == bar:
            if reason == STILL_OPEN:
                account[_EQUITY] = account[_BASE]
                break
            after = max(0.0, cash + shares * price * terms[SELL if side == 0 else BUY])
            unbooked = bar
        _settle(account, before, after, fraction)
        account[_EQUITY] = after
    if unbooked >= 0:
        _book(account, account[_EQUITY])


@compiled
def _score(account, n, terms, out):  # type: ignore[no-untyped-def]
    """Turn an account over n bars into a row of scores; what does not exist is NaN."""
    out[:] = np.nan
    periods = terms[PERIODS_PER_YEAR]
    mean = account[_SUM] / n - terms[RISK_FREE]
    raw = account[_SUM] / n
    variance = (account[_SQUARES] - n * raw * raw) / (n - 1)
    if variance > _NO_VARIANCE * raw * raw:
        out[_SHARPE] = mean / np.sqrt(variance) * np.sqrt(periods)
    else:
        variance = 0.0
    if account[_DOWNSIDE] > 0.0:
        out[_SORTINO] = mean / np.sqrt(account[_DOWNSIDE] / n) * np.sqrt(periods)
    out[_VOLATILITY] = np.sqrt(variance * periods)
    out[_RETURN] = account[_EQUITY] - 1.0
    out[_CAGR] = account[_EQUITY] ** (periods / n) - 1.0
    out[_DRAWDOWN] = account[_WORST] - 1.0
    if out[_DRAWDOWN] < 0.0:
        out[_CALMAR] = out[_CAGR] / -out[_DRAWDOWN]
    closed = account[_CLOSED]
    out[_N] = closed
    out[_EXPOSURE] = account[_HELD] / n
    if closed > 0.0:
        out[_WINS] = account[_WON] / closed
        out[_EXPECTANCY] = account[_TRADE_RETURN] / closed
    if account[_LOSS] > 0.0:
        out[_FACTOR] = account[_GAIN] / account[_LOSS]
    if closed > 1.0:
        mean_pnl = account[_PNL] / closed
        spread = (account[_PNL_SQUARES] - closed * mean_pnl * mean_pnl) / (closed - 1.0)
        if spread > _NO_VARIANCE * mean_pnl * mean_pnl:
            out[_SQN] = np.sqrt(closed) * mean_pnl / np.sqrt(spread)


@compiled
def score_sets(prices, sums, volatility, bank, slots, orders, terms, start, stop, first, last, out):  # type: ignore[no-untyped-def]
    """Write the scores of sets [first, last) over rows [start, stop) into the rows of `out`."""
    account = np.empty(N_ACCOUNT)
    cursors = np.empty(2, np.int64)
    for i in range(first, last):
        _play(prices, sums, volatility, bank, slots, orders, i, terms, start, stop, account, cursors)
        _score(account, stop - start, terms, out[i])


@compiled
def _draw(prices, cash, shares, first, last, start, equity):  # type: ignore[no-untyped-def]
    """Write the equity at the closes of rows [first, last); the row at which it is gone, or `last`."""
    for bar in range(first, last):
        value = cash + shares * prices[CLOSE, bar]
        if value <= 0.0:
            return bar
        equity[bar - start] = value
    return last


@compiled
def record(prices, volatility, bank, slots, orders, i, terms, start, stop, equity, position, trades):  # type: ignore[no-untyped-def]
    """Write set i's equity and position at each close and its trades; the number of trades.

    The same trades as `score_sets`, told in full. `trades` has a row for each bar and one more, or
    none at all when trades are not wanted.
    """
    cursors = np.empty(2, np.int64)
    cursors[:] = start
    value = 1.0
    flat = start  # the first row whose equity is not written yet
    n = 0
    while value > 0.0:
        side, entry, bar, price, reason = _next_trade(prices, bank, slots, orders, i, cursors, stop)
        if entry >= stop:
            break
        equity[flat - start : entry - start] = value
        position[flat - start : entry - start] = 0.0
        fraction = _fraction(volatility, orders, i, entry - 1)
        cash, shares = _invest(prices, terms, side, entry, fraction, value)
        flat = _draw(prices, cash, shares, entry, bar, start, equity)
        position[entry - start : flat - start] = fraction * (1 - 2 * side)
        after = 0.0
        if flat < bar:
            bar, price, reason = flat, prices[CLOSE, flat], BY_RUIN
        elif reason == STILL_OPEN:
            after = equity[stop - start - 1]
        else:
            after = max(0.0, cash + shares * price * terms[SELL if side == 0 else BUY])
        if trades.shape[0] > 0:
            trades[n, 0], trades[n, 1], trades[n, 2], trades[n, 3] = entry, bar, 1 - 2 * side, fraction
            trades[n, 4], trades[n, 5] = prices[OPEN, entry], price
            trades[n, 6], trades[n, 7], trades[n, 8] = after - value, (after - value) / (fraction * value), reason
        value = after
        n += 1
    equity[flat - start :] = value
    position[flat - start :] = 0.0
    return n


@compiled
def fill_returns(prices, volatility, bank, slots, orders, terms, start, stop, first, last, out):  # type: ignore[no-untyped-def]
    """Write the per-bar simple returns of sets [first, last) into the rows of `out`."""
    n = stop - start
    position = np.empty(n)
    trades = np.empty((0, N_TRADE_COLUMNS))
    for i in range(first, last):
        row = out[i]
        record(prices, volatility, bank, slots, orders, i, terms, start, stop, row, position, trades)
        before = 1.0
        for t in range(n):
            equity = row[t]
            row[t] = equity / before - 1.0 if before > 0.0 else 0.0
            before = equity
