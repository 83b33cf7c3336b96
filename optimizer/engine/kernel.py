"""Compiled core of a backtest: signals, orders and prices in, equity and scores out.

A parameter set arrives as four bit masks per side and five order levels. A backtest jumps from entry
to exit with a bit scan, and marks a fully invested long position from prefix sums computed once per
symbol, with its drawdown from a tree over the closes: the cost is per trade, not per bar. The trading
conventions (fills, costs, orders) are described in `optimizer.engine.backtest`.

Glossary of the arrays and their columns; n bars, rows [start, stop) of which are the window:

- `prices` (5, n): open, high, low, close of each bar, and the value at its close of 1.0 kept in cash.
- `prefix_sums` and `drawdown_tree`: sums and drawdowns over spans of bars, see `optimizer.engine.spans`.
- `volatility` (n,): annualized, as a fraction; any array when no set has a volatility target.
- `terms` (13,): costs and size of the account, see `optimizer.engine.orders`.
- `bank` (masks, words): bit masks; bit t of a mask is the condition at the close of bar t. All sets of a
  study share them.
- `slots` (sets, 9): per side, the rows of `bank` with the set's entry, gate, trend and exit condition; then the row of
  the mask of stress, NEVER for a set whose orders are not split by regime.
- `orders` (sets, 10): stop, take, trail, longest holding period, volatility target; 0 is off. The sixth column is 1
  where a side may open again on the signal that still holds after one of the first four closed it. Then the first four
  once more, for positions whose signal came in stress.
- `account` (15,): running totals of one backtest, see `optimizer.engine.marking`.
- `cursors` (2,): per side, the first close whose signal may still be taken.
- `out` (sets, 13): scores in the order of SCORE_NAMES, NaN where one does not exist.

Nothing is allocated in a loop, and the operations on one set are the same and in the same order
however many sets and threads there are: the same set gives the same bits.

Functions called from Python take their arrays one by one, because numba unpacks arrays much
faster than tuples of them.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from optimizer.compiled import compiled_part, trailing_zeros
from optimizer.domain.bars import FloatArray
from optimizer.engine.marking import (
    BARS_HELD,
    CLOSED,
    DOWNSIDE,
    EQUITY,
    GAIN,
    LOSS,
    MARKED,
    N_ACCOUNT,
    PEAK,
    PNL,
    PNL_SQUARES,
    SQUARES,
    SUM,
    TRADE_RETURN,
    WON,
    WORST,
    count_trade,
    mark_bars,
    mark_financed,
    mark_idle,
    mark_span,
)
from optimizer.engine.orders import FINANCED, PERIODS_PER_YEAR, close_position, invested_fraction, open_position
from optimizer.engine.spans import CASH, CLOSE, HIGH, LOW, OPEN, PriceArrays
from optimizer.indicators.conditions import ALWAYS as ALWAYS
from optimizer.indicators.conditions import NEVER as NEVER

Words = NDArray[np.uint64]
Ints = NDArray[np.int64]

# Columns of `slots`: four of the long side, then four of the short side.
ENTER, GATE, TREND, EXIT = range(4)
SIDE_SLOTS = 4
STRESS = 2 * SIDE_SLOTS
N_SLOTS = STRESS + 1

# Columns of `orders`: levels and volatility are fractions, MAX_HOLD is in bars, 0 is off. From STRESSED on come the
# first four once more, for positions of stress.
STOP, TAKE, TRAIL, MAX_HOLD, VOL_TARGET, REENTER, STRESSED = range(7)
N_ORDERS = STRESSED + 4

# Why a trade ended.
BY_SIGNAL, BY_STOP, BY_TAKE, BY_TRAIL, BY_TIME, BY_RUIN, STILL_OPEN = range(7)

#: Columns of the scores.
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


_ALL_ONES = np.uint64(0xFFFFFFFFFFFFFFFF)
#: Returns whose variance is a smaller part of their squared mean than this do not vary.
_NO_VARIANCE = 1e-14


class SetArrays(NamedTuple):
    """Inputs per set: mask rows and order levels; see the glossary at the top."""

    bank: Words  # (masks, words)
    slots: Ints  # (sets, 9)
    orders: FloatArray  # (sets, 10)


@compiled_part
def _entry_word(param_sets: SetArrays, i: int, side: int, w: int) -> np.uint64:
    """Word w of the mask of closes at which set i enters on a side."""
    k = side * SIDE_SLOTS
    bank, slots = param_sets.bank, param_sets.slots
    enter: np.uint64 = bank[slots[i, k + ENTER], w] & bank[slots[i, k + GATE], w] & bank[slots[i, k + TREND], w]
    leave: np.uint64 = bank[slots[i, k + EXIT], w]
    return enter & ~leave


@compiled_part
def _next_entry(param_sets: SetArrays, i: int, side: int, first: int, stop: int, flip: np.uint64) -> int:
    """First row ≥ `first` at which set i enters (`flip` 0) or does not enter (`flip` all ones), or `stop`."""
    if first >= stop:
        return stop
    w = first >> 6
    last = (stop - 1) >> 6
    word = (_entry_word(param_sets, i, side, w) ^ flip) & (_ALL_ONES << np.uint64(first & 63))
    while word == 0:
        w += 1
        if w > last:
            return stop
        word = _entry_word(param_sets, i, side, w) ^ flip
    return (w << 6) + trailing_zeros(word)


@compiled_part
def _next_exit(bank: Words, slot: int, first: int, stop: int) -> int:
    """First row ≥ `first` with an exit signal, or a row ≥ `stop`."""
    w = first >> 6
    last = (stop - 1) >> 6
    word = bank[slot, w] & (_ALL_ONES << np.uint64(first & 63))
    while word == 0:
        w += 1
        if w > last:
            return stop
        word = bank[slot, w]
    return (w << 6) + trailing_zeros(word)


@compiled_part
def _first_column(param_sets: SetArrays, i: int, signal: int) -> int:
    """Column of `orders` from which those of a position count, by the regime at the close of its signal."""
    word = param_sets.bank[param_sets.slots[i, STRESS], signal >> 6]
    return STRESSED if (word >> np.uint64(signal & 63)) & np.uint64(1) else 0


@compiled_part
def _first_order_fill(
    prices: FloatArray, orders: FloatArray, sign: float, entry: int, last: int
) -> tuple[int, float, int]:
    """First bar in [entry, last] that fills an order: (bar, price, reason); bar > last if none does.

    `orders` (4,) are those of the position. The trailing level of a bar is computed from the bars before it. A gap
    through a level fills at the open, a target never fills better than its level, and the stop wins when one bar
    touches both.
    """
    entry_price = prices[OPEN, entry]
    adverse = LOW if sign > 0.0 else HIGH
    favourable = HIGH if sign > 0.0 else LOW
    stop_level = entry_price * (1.0 - sign * orders[STOP]) if orders[STOP] > 0.0 else -sign * np.inf
    target = entry_price * (1.0 + sign * orders[TAKE]) if orders[TAKE] > 0.0 else sign * np.inf
    trail_factor = 1.0 - sign * orders[TRAIL]
    level, reason, best = stop_level, BY_STOP, entry_price
    if orders[TRAIL] > 0.0 and sign * best * trail_factor > sign * level:
        level, reason = best * trail_factor, BY_TRAIL
    for bar in range(entry, last + 1):
        if sign * prices[adverse, bar] <= sign * level:
            is_gap = sign * prices[OPEN, bar] <= sign * level
            return bar, prices[OPEN, bar] if is_gap else level, reason
        extreme = prices[favourable, bar]
        if sign * extreme >= sign * target:
            return bar, target, BY_TAKE
        if sign * extreme > sign * best:
            best = extreme
            if orders[TRAIL] > 0.0 and sign * best * trail_factor > sign * level:
                level, reason = best * trail_factor, BY_TRAIL
    return last + 1, 0.0, BY_SIGNAL


@compiled_part
def _find_exit(
    market: PriceArrays, param_sets: SetArrays, i: int, side: int, entry: int, stop: int
) -> tuple[int, float, int]:
    """Exit of the position filled at the open of `entry`: (bar, price, reason).

    A position that is still open ends at row `stop`, marked at the last close.
    """
    first = _first_column(param_sets, i, entry - 1)
    prices, orders = market.prices, param_sets.orders[i, first : first + 4]
    signal = _next_exit(param_sets.bank, param_sets.slots[i, side * SIDE_SLOTS + EXIT], entry, stop)
    reason = BY_SIGNAL
    max_hold = int(orders[MAX_HOLD])
    if max_hold > 0 and entry + max_hold - 1 < signal:
        signal = entry + max_hold - 1
        reason = BY_TIME
    if orders[STOP] > 0.0 or orders[TAKE] > 0.0 or orders[TRAIL] > 0.0:
        last = min(signal, stop - 1)
        bar, price, order = _first_order_fill(prices, orders, 1.0 - 2.0 * side, entry, last)
        if bar <= last:
            return bar, price, order
    if signal >= stop - 1:
        return stop, prices[CLOSE, stop - 1], STILL_OPEN
    return signal + 1, prices[OPEN, signal + 1], reason


@compiled_part
def next_trade(
    market: PriceArrays, param_sets: SetArrays, i: int, cursors: Ints, stop: int
) -> tuple[int, int, int, float, int]:
    """Next trade of set i: (side, entry bar, exit bar, exit price, reason); entry ≥ stop if none.

    Moves `cursors` past the trade. After an order or the time limit closed a position, its side waits
    until its entry condition was false once; with REENTER only for the close of that bar.
    """
    side = 0
    signal = _next_entry(param_sets, i, 0, cursors[0], stop, np.uint64(0))
    if param_sets.slots[i, SIDE_SLOTS] != NEVER:
        short = _next_entry(param_sets, i, 1, cursors[1], stop, np.uint64(0))
        if short < signal:
            side, signal = 1, short
    entry = signal + 1
    if entry >= stop:
        return side, stop, stop, 0.0, STILL_OPEN
    bar, price, reason = _find_exit(market, param_sets, i, side, entry, stop)
    free = bar - 1 if reason in (BY_SIGNAL, BY_TIME) else bar
    cursors[:] = free
    if reason != BY_SIGNAL:
        is_free = param_sets.orders[i, REENTER] > 0.0
        cursors[side] = bar if is_free else _next_entry(param_sets, i, side, free, stop, _ALL_ONES)
    return side, entry, bar, price, reason


@compiled_part
def position_fraction(market: PriceArrays, param_sets: SetArrays, i: int, signal: int) -> float:
    """Fraction of the equity that a new position takes, decided at the close of the signal."""
    target = param_sets.orders[i, VOL_TARGET]
    if target <= 0.0 or not market.volatility[signal] > 0.0:
        return 1.0
    fraction: float = min(1.0, target / market.volatility[signal])
    return fraction


@compiled_part
def run_set(
    market: PriceArrays, param_sets: SetArrays, i: int, start: int, stop: int, account: FloatArray, cursors: Ints
) -> None:
    """Run the backtest of set i over rows [start, stop) and leave its totals in `account`."""
    account[:] = 0.0
    account[EQUITY] = account[MARKED] = account[PEAK] = account[WORST] = 1.0
    cursors[:] = start
    value = market.prices[CASH]
    unmarked = -1  # bar of the last exit: its return is complete only once it is known that no entry follows in it
    since = max(start - 1, 0)  # close from which on the account has been in cash
    while account[EQUITY] > 0.0:
        side, entry, bar, price, reason = next_trade(market, param_sets, i, cursors, stop)
        if entry >= stop:
            break
        before = account[EQUITY] * (value[entry - 1] / value[since])
        fraction = position_fraction(market, param_sets, i, entry - 1)
        cash, shares = open_position(market.terms, side, market.prices[OPEN, entry], fraction, before)
        if shares == 0.0:
            continue
        if unmarked != entry:
            mark_idle(value, account, unmarked, since, entry - 1)
        end = bar
        if cash == 0.0 and bar > entry:
            mark_span(market, account, shares, entry, bar)
        elif market.terms[FINANCED] > 0.0:
            end, cash = mark_financed(market, account, cash, before if side == 1 else cash, shares, entry, bar)
        elif bar > entry:
            end = mark_bars(market.prices, account, cash, shares, entry, bar)
        account[BARS_HELD] += end - entry
        unmarked = -1
        after = 0.0
        if end == bar:
            if reason == STILL_OPEN:
                account[EQUITY] = account[MARKED]
                return
            after = close_position(market.terms, side, cash, shares, price)
            unmarked = bar
        since = bar - 1 if reason in (BY_SIGNAL, BY_TIME) else min(bar, stop - 1)
        fraction = invested_fraction(market.terms, side, market.prices[OPEN, entry], fraction, shares, before)
        count_trade(account, before, after, fraction)
    mark_idle(value, account, unmarked, since, stop - 1)


@compiled_part
def score_account(account: FloatArray, n: int, terms: FloatArray, out: FloatArray) -> None:
    """Write the scores of an account over n bars into `out`, NaN where one does not exist."""
    out[:] = np.nan
    root = np.sqrt(terms[PERIODS_PER_YEAR])
    mean = account[SUM] / n
    variance = (account[SQUARES] - n * mean * mean) / (n - 1)
    out[_VOLATILITY] = 0.0
    if variance > _NO_VARIANCE * mean * mean:
        out[_VOLATILITY] = np.sqrt(variance) * root
        out[_SHARPE] = mean / np.sqrt(variance) * root
    if account[DOWNSIDE] > 0.0:
        out[_SORTINO] = mean / np.sqrt(account[DOWNSIDE] / n) * root
    out[_RETURN] = account[EQUITY] - 1.0
    out[_CAGR] = account[EQUITY] ** (terms[PERIODS_PER_YEAR] / n) - 1.0
    out[_DRAWDOWN] = account[WORST] - 1.0
    if out[_DRAWDOWN] < 0.0:
        out[_CALMAR] = out[_CAGR] / -out[_DRAWDOWN]
    out[_EXPOSURE] = account[BARS_HELD] / n
    _score_trades(account, out)


@compiled_part
def _score_trades(account: FloatArray, out: FloatArray) -> None:
    """Write the scores of closed trades into `out`."""
    closed = account[CLOSED]
    out[_N] = closed
    if closed > 0.0:
        out[_WINS] = account[WON] / closed
        out[_EXPECTANCY] = account[TRADE_RETURN] / closed
    if account[LOSS] > 0.0:
        out[_FACTOR] = account[GAIN] / account[LOSS]
    if closed > 1.0:
        mean = account[PNL] / closed
        variance = (account[PNL_SQUARES] - closed * mean * mean) / (closed - 1.0)
        if variance > _NO_VARIANCE * mean * mean:
            out[_SQN] = np.sqrt(closed) * mean / np.sqrt(variance)


def new_room() -> tuple[FloatArray, Ints]:
    """Return `account` and `cursors`, which a thread that plays sets needs for itself."""
    return np.empty(N_ACCOUNT), np.empty(2, dtype=np.int64)


@compiled_part
def score_sets(
    prices: FloatArray,
    prefix_sums: FloatArray,
    drawdown_tree: FloatArray,
    volatility: FloatArray,
    terms: FloatArray,
    bank: Words,
    slots: Ints,
    orders: FloatArray,
    start: int,
    stop: int,
    first: int,
    last: int,
    account: FloatArray,
    cursors: Ints,
    out: FloatArray,
) -> None:
    """Write the scores of sets [first, last) over rows [start, stop) into the rows of `out`.

    `account` and `cursors` are room for one set at a time, see `new_room`.
    """
    market = PriceArrays(prices, prefix_sums, drawdown_tree, volatility, terms)
    param_sets = SetArrays(bank, slots, orders)
    for i in range(first, last):
        run_set(market, param_sets, i, start, stop, account, cursors)
        score_account(account, stop - start, terms, out[i])
