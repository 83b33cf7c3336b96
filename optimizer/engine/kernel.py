"""The compiled heart of a backtest: signals, orders and prices in, equity and scores out.

A parameter set reaches this module as four bit masks a side (`slots`) and five numbers (`orders`).
Bit t of a mask says whether a condition holds at the close of bar t; the masks of a study lie in
one `bank` and are shared by all sets that use them. So a set is played by hopping from entry to
exit with a bit scan, and a long, fully invested stretch is booked from sums that were added up
once per symbol: the cost is per trade, not per bar. The drawdown
comes from a tree over stretches of bars.

Every function reads rows `[start, stop)` of the bars. Nothing is allocated in a loop, nothing
depends on how many sets are played together or on threads, and no value is computed in another
order for one set than for many: the same set gives the same bits.

The functions that Python calls take their arrays one by one, because numba unpacks arrays much
faster than tuples of them. The conventions are told in `optimizer.engine.backtest`.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from optimizer.compiled import compiled, trailing_zeros
from optimizer.domain.bars import FloatArray
from optimizer.indicators.conditions import ALWAYS as ALWAYS
from optimizer.indicators.conditions import NEVER as NEVER

Words = NDArray[np.uint64]
Ints = NDArray[np.int64]

# Rows of `prices`.
OPEN, HIGH, LOW, CLOSE = range(4)

# Columns of `slots`: four of a long position, four of a short one.
ENTER, GATE, TREND, EXIT = range(4)
SIDE_SLOTS = 4

# Columns of `orders`; 0 is off, levels and volatility are fractions, max_hold is in bars.
STOP, TAKE, TRAIL, MAX_HOLD, VOL_TARGET = range(5)

# Why a trade ended.
BY_SIGNAL, BY_STOP, BY_TAKE, BY_TRAIL, BY_TIME, BY_RUIN, STILL_OPEN = range(7)

# Entries of `terms`.
BUY, SELL, SHORT, PERIODS_PER_YEAR, RISK_FREE = range(5)

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
_RETURN, _CAGR, _VOLATILITY, _SHARPE, _SORTINO, _CALMAR, _DRAWDOWN = range(7)
_WINS, _FACTOR, _EXPECTANCY, _SQN, _EXPOSURE, _N = range(7, 13)


# The account while a set is played.
_EQUITY, _BASE, _PEAK, _WORST, _SUM, _SQUARES, _DOWNSIDE, _HELD = range(8)
_CLOSED, _WON, _GAIN, _LOSS, _PNL, _PNL_SQUARES, _TRADE_RETURN = range(8, 15)
N_ACCOUNT = 15

_ALL_ONES = np.uint64(0xFFFFFFFFFFFFFFFF)
#: Returns whose variance is a smaller part of their squared mean than this do not vary.
_NO_VARIANCE = 1e-14


class PriceArrays(NamedTuple):
    """What all sets share."""

    prices: FloatArray  # (4, n)
    sums: FloatArray  # (n + 1, 3): of all rows before: returns, their squares, squares of negative ones
    falls: FloatArray  # (2 · size, 3): a tree of stretches: highest and lowest close, deepest fall as low over high
    volatility: FloatArray  # (n,), or anything when no set aims at a volatility
    terms: FloatArray


class SetArrays(NamedTuple):
    """What the sets want."""

    bank: Words  # (masks, words)
    slots: Ints  # (sets, 8)
    orders: FloatArray  # (sets, 5)


@compiled
def _opening(param_sets: SetArrays, i: int, side: int, w: int) -> np.uint64:
    """Word w of the closes at which set i would enter on a side."""
    k = side * SIDE_SLOTS
    bank, slots = param_sets.bank, param_sets.slots
    enter: np.uint64 = bank[slots[i, k + ENTER], w] & bank[slots[i, k + GATE], w] & bank[slots[i, k + TREND], w]
    leave: np.uint64 = bank[slots[i, k + EXIT], w]
    return enter & ~leave


@compiled
def _next_opening(param_sets: SetArrays, i: int, side: int, first: int, stop: int, flip: np.uint64) -> int:
    """The first row from `first` on at which set i would enter (`flip` 0) or would not (all ones)."""
    if first >= stop:
        return stop
    w = first >> 6
    last = (stop - 1) >> 6
    word = (_opening(param_sets, i, side, w) ^ flip) & (_ALL_ONES << np.uint64(first & 63))
    while word == 0:
        w += 1
        if w > last:
            return stop
        word = _opening(param_sets, i, side, w) ^ flip
    return (w << 6) + trailing_zeros(word)


@compiled
def _next_exit(bank: Words, slot: int, first: int, stop: int) -> int:
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
def _touch(
    prices: FloatArray, orders: FloatArray, i: int, sign: float, entry: int, last: int
) -> tuple[int, float, int]:
    """The first bar from `entry` to `last` that fills an order: (bar, price, reason); bar > last if none.

    The trailing level of a bar knows only the bars before it. A gap through a level fills at the
    open, a target never fills better than its level, and the stop is taken when one bar touches both.
    """
    paid = prices[OPEN, entry]
    fixed = paid * (1.0 - sign * orders[i, STOP]) if orders[i, STOP] > 0.0 else -sign * np.inf
    target = paid * (1.0 + sign * orders[i, TAKE]) if orders[i, TAKE] > 0.0 else sign * np.inf
    keep = 1.0 - sign * orders[i, TRAIL]
    against = LOW if sign > 0.0 else HIGH
    along = HIGH if sign > 0.0 else LOW
    level, reason, best = fixed, BY_STOP, paid
    if orders[i, TRAIL] > 0.0 and sign * best * keep > sign * level:
        level, reason = best * keep, BY_TRAIL
    for bar in range(entry, last + 1):
        if sign * prices[against, bar] <= sign * level:
            is_gap = sign * prices[OPEN, bar] <= sign * level
            return bar, prices[OPEN, bar] if is_gap else level, reason
        reach = prices[along, bar]
        if sign * reach >= sign * target:
            return bar, target, BY_TAKE
        if sign * reach > sign * best:
            best = reach
            if orders[i, TRAIL] > 0.0 and sign * best * keep > sign * level:
                level, reason = best * keep, BY_TRAIL
    return last + 1, 0.0, BY_SIGNAL


@compiled
def _next_fill(
    market: PriceArrays, param_sets: SetArrays, i: int, side: int, entry: int, stop: int
) -> tuple[int, float, int]:
    """How the position filled at the open of `entry` ends: (bar, price, reason).

    A position nobody closes ends at row `stop`, marked at the last close.
    """
    prices, orders = market.prices, param_sets.orders
    signal = _next_exit(param_sets.bank, param_sets.slots[i, side * SIDE_SLOTS + EXIT], entry, stop)
    reason = BY_SIGNAL
    buy_and_hold = int(orders[i, MAX_HOLD])
    if buy_and_hold > 0 and entry + buy_and_hold - 1 < signal:
        signal = entry + buy_and_hold - 1
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
def next_trade(
    market: PriceArrays, param_sets: SetArrays, i: int, cursors: Ints, stop: int
) -> tuple[int, int, int, float, int]:
    """The next trade of set i: (side, entry bar, exit bar, exit price, reason); entry ≥ stop if none.

    `cursors` holds the first close each side may take a signal from, and is moved past the trade.
    After an order or the clock closed a position, its side waits until its entry condition was
    false once.
    """
    side = 0
    signal = _next_opening(param_sets, i, 0, cursors[0], stop, np.uint64(0))
    if param_sets.slots[i, SIDE_SLOTS] != NEVER:
        short = _next_opening(param_sets, i, 1, cursors[1], stop, np.uint64(0))
        if short < signal:
            side, signal = 1, short
    entry = signal + 1
    if entry >= stop:
        return side, stop, stop, 0.0, STILL_OPEN
    bar, price, reason = _next_fill(market, param_sets, i, side, entry, stop)
    free = bar - 1 if reason in (BY_SIGNAL, BY_TIME) else bar
    cursors[:] = free
    if reason != BY_SIGNAL:
        cursors[side] = _next_opening(param_sets, i, side, free, stop, _ALL_ONES)
    return side, entry, bar, price, reason


@compiled
def size_of(market: PriceArrays, param_sets: SetArrays, i: int, signal: int) -> float:
    """The part of the equity a new position takes, decided at the close of the signal."""
    wanted = param_sets.orders[i, VOL_TARGET]
    if wanted <= 0.0 or not market.volatility[signal] > 0.0:
        return 1.0
    fraction: float = min(1.0, wanted / market.volatility[signal])
    return fraction


@compiled
def _book(account: FloatArray, equity: float) -> None:
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
def _walk(prices: FloatArray, account: FloatArray, cash: float, shares: float, first: int, stop: int) -> int:
    """Book the closes of rows [first, stop) one by one; the row at which the equity is gone, or `stop`."""
    close = prices[CLOSE]
    base, peak, worst = account[_BASE], account[_PEAK], account[_WORST]
    total = squares = downside = 0.0
    bar, equity = first, base
    while bar < stop and equity > 0.0:
        equity = max(0.0, cash + shares * close[bar])
        change = equity / base - 1.0
        total += change
        squares += change * change
        downside += min(change, 0.0) * change
        if equity > peak:
            peak = equity
        elif equity < worst * peak:
            worst = equity / peak
        base = equity
        bar += 1
    account[_SUM] += total
    account[_SQUARES] += squares
    account[_DOWNSIDE] += downside
    account[_BASE], account[_PEAK], account[_WORST] = base, peak, worst
    return bar if equity > 0.0 else bar - 1


@compiled
def _leap(market: PriceArrays, account: FloatArray, shares: float, first: int, stop: int) -> None:
    """Book the closes of rows [first, stop) of a fully invested long position at once."""
    close, sums = market.prices[CLOSE], market.sums
    _book(account, shares * close[first])
    account[_SUM] += sums[stop, 0] - sums[first + 1, 0]
    account[_SQUARES] += sums[stop, 1] - sums[first + 1, 1]
    account[_DOWNSIDE] += sums[stop, 2] - sums[first + 1, 2]
    # Peak and trough are followed in prices: equity is shares times price all along.
    worst = account[_WORST]
    peak = account[_PEAK] / shares
    size = market.falls.shape[0] >> 1
    bar = first + 1
    while bar < stop:
        span = trailing_zeros(np.uint64(size + bar))
        while bar + (1 << span) > stop:
            span -= 1
        highest, lowest, fall = market.falls[(size + bar) >> span]
        worst = min(worst, fall, lowest / peak)
        peak = max(peak, highest)
        bar += 1 << span
    account[_WORST] = worst
    account[_PEAK] = max(account[_PEAK], peak * shares)
    account[_BASE] = shares * close[stop - 1]


@compiled
def _settle(account: FloatArray, before: float, after: float, fraction: float) -> None:
    """Count one closed trade."""
    pnl = after - before
    account[_EQUITY] = after
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
def invest(market: PriceArrays, side: int, entry: int, fraction: float, equity: float) -> tuple[float, float]:
    """(cash, shares) after a fraction of the equity went into a position at the open of a bar."""
    price = market.prices[OPEN, entry]
    shares = fraction * equity / (price * market.terms[BUY if side == 0 else SHORT])
    if side == 0:
        return equity * (1.0 - fraction), shares
    return equity + shares * price * market.terms[SELL], -shares


@compiled
def divest(market: PriceArrays, side: int, cash: float, shares: float, price: float) -> float:
    """The equity after a position was closed at a price; a debt is forgiven."""
    equity: float = cash + shares * price * market.terms[SELL if side == 0 else BUY]
    return max(0.0, equity)


@compiled
def play_set(
    market: PriceArrays, param_sets: SetArrays, i: int, start: int, stop: int, account: FloatArray, cursors: Ints
) -> None:
    """Play set i over rows [start, stop) into `account`. Without sums a position is booked bar by bar."""
    account[:] = 0.0
    account[_EQUITY] = account[_BASE] = account[_PEAK] = account[_WORST] = 1.0
    cursors[:] = start
    unbooked = -1  # the bar of the last exit, whose return is not complete before the next entry is known
    while account[_EQUITY] > 0.0:
        side, entry, bar, price, reason = next_trade(market, param_sets, i, cursors, stop)
        if entry >= stop:
            break
        if unbooked >= 0 and unbooked != entry:
            _book(account, account[_EQUITY])
        before = account[_EQUITY]
        fraction = size_of(market, param_sets, i, entry - 1)
        cash, shares = invest(market, side, entry, fraction, before)
        end = bar
        if cash == 0.0 and bar > entry and market.sums.shape[0] > 0:
            _leap(market, account, shares, entry, bar)
        elif bar > entry:
            end = _walk(market.prices, account, cash, shares, entry, bar)
        account[_HELD] += end - entry
        unbooked = -1
        after = 0.0
        if end == bar:
            if reason == STILL_OPEN:
                account[_EQUITY] = account[_BASE]
                break
            after = divest(market, side, cash, shares, price)
            unbooked = bar
        _settle(account, before, after, fraction)
    if unbooked >= 0:
        _book(account, account[_EQUITY])


@compiled
def score_account(account: FloatArray, n: int, terms: FloatArray, out: FloatArray) -> None:
    """Turn an account over n bars into a row of scores; what does not exist is NaN."""
    out[:] = np.nan
    root = np.sqrt(terms[PERIODS_PER_YEAR])
    mean = account[_SUM] / n
    variance = (account[_SQUARES] - n * mean * mean) / (n - 1)
    out[_VOLATILITY] = 0.0
    if variance > _NO_VARIANCE * mean * mean:
        out[_VOLATILITY] = np.sqrt(variance) * root
        out[_SHARPE] = (mean - terms[RISK_FREE]) / np.sqrt(variance) * root
    if account[_DOWNSIDE] > 0.0:
        out[_SORTINO] = (mean - terms[RISK_FREE]) / np.sqrt(account[_DOWNSIDE] / n) * root
    out[_RETURN] = account[_EQUITY] - 1.0
    out[_CAGR] = account[_EQUITY] ** (terms[PERIODS_PER_YEAR] / n) - 1.0
    out[_DRAWDOWN] = account[_WORST] - 1.0
    if out[_DRAWDOWN] < 0.0:
        out[_CALMAR] = out[_CAGR] / -out[_DRAWDOWN]
    out[_EXPOSURE] = account[_HELD] / n
    _score_trades(account, out)


@compiled
def _score_trades(account: FloatArray, out: FloatArray) -> None:
    """The scores that are about closed trades."""
    closed = account[_CLOSED]
    out[_N] = closed
    if closed > 0.0:
        out[_WINS] = account[_WON] / closed
        out[_EXPECTANCY] = account[_TRADE_RETURN] / closed
    if account[_LOSS] > 0.0:
        out[_FACTOR] = account[_GAIN] / account[_LOSS]
    if closed > 1.0:
        mean = account[_PNL] / closed
        variance = (account[_PNL_SQUARES] - closed * mean * mean) / (closed - 1.0)
        if variance > _NO_VARIANCE * mean * mean:
            out[_SQN] = np.sqrt(closed) * mean / np.sqrt(variance)


@compiled
def score_sets(
    prices: FloatArray,
    sums: FloatArray,
    falls: FloatArray,
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
    """Write the scores of sets [first, last) over rows [start, stop) into the rows of `out`."""
    market = PriceArrays(prices, sums, falls, volatility, terms)
    param_sets = SetArrays(bank, slots, orders)
    account = np.empty(N_ACCOUNT)
    cursors = np.empty(2, np.int64)
    for i in range(first, last):
        play_set(market, param_sets, i, start, stop, account, cursors)
        score_account(account, stop - start, terms, out[i])
