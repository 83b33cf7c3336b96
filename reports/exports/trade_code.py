"""Trades as programs find and pay for them: the conventions of `optimizer.engine.backtest`, written to be read.

Programs contain the source of these functions after constants of their own; here the constants are those of a request
without overlays, costs and account. Rows count bars; `bars` are arrays by column; `signals` are (enter, leave) by side.
"""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

Trade = tuple[int, int, int, float, str]

LONG, SHORT = 1, -1
STOP = TAKE = TRAIL = MAX_HOLD = VOLTARGET = 0
OPENS_AGAIN = False
COMMISSION = SLIPPAGE = TAX = 0.0
CAPITAL: float | None = None
WHOLE_SHARES = False
FEE_PER_SHARE = LEAST_FEE = 0.0
INTEREST = BORROW = 0.0
BARS_PER_YEAR = 252.0
#: What one share costs to buy, brings in when sold, and takes of the account when sold short; times its price.
BUY, SELL, SELL_SHORT = 1.0, 1.0, 1.0


def read_bars(path: str) -> pd.DataFrame:
    """Bars in time order, of a CSV whose first column is their time."""
    text = pd.read_csv(path, index_col=0, dtype=str).rename(columns=str.lower)
    text.index = pd.to_datetime(text.index, utc=True).tz_localize(None)
    names = [name for name in ("open", "high", "low", "close", "volume") if name in text]
    return text[names].astype(float).sort_index()


def first_true(holds: np.ndarray, row: int, stop: int) -> int:
    """First row from `row` on where a condition holds, or `stop`."""
    rows = np.flatnonzero(holds[row:stop])
    return row + int(rows[0]) if len(rows) else stop


def find_trades(
    bars: Mapping[str, np.ndarray], signals: Mapping[int, tuple[np.ndarray, np.ndarray]], start: int, stop: int
) -> Iterator[Trade]:
    """Yield trades one after the other: side, row of the entry, row of the exit, price of the exit, reason.

    A signal at a close is filled at the next open. A side that was closed by an order or by time opens again on a
    fresh signal only, one that was off in between, unless OPENS_AGAIN.
    """
    free = dict.fromkeys(signals, start)  # the first close whose signal each side may take
    while True:
        row, side = min((first_true(signals[side][0], free[side], stop), -side) for side in signals)
        side, entry = -side, row + 1
        if entry >= stop:
            return
        exit_row, price, reason = find_exit(bars, signals[side][1], side, entry, stop)
        yield side, entry, exit_row, price, reason
        seen = exit_row - 1 if reason in ("signal", "max_hold") else exit_row
        free = dict.fromkeys(signals, seen)
        if reason != "signal":
            free[side] = exit_row if OPENS_AGAIN else first_true(~signals[side][0], seen, stop)


def find_exit(
    bars: Mapping[str, np.ndarray], leave: np.ndarray, side: int, entry: int, stop: int
) -> tuple[int, float, str]:
    """Exit of a position that was opened at the open of row `entry`: row, price, reason; at `stop` it is still open."""
    row, reason = first_true(leave, entry, stop), "signal"
    if MAX_HOLD and entry + MAX_HOLD - 1 < row:
        row, reason = entry + MAX_HOLD - 1, "max_hold"
    if STOP or TAKE or TRAIL:
        filled, price, order = find_fill(bars, side, entry, min(row, stop - 1))
        if order:
            return filled, price, order
    if row >= stop - 1:
        return stop, float(bars["close"][stop - 1]), "open"
    return row + 1, float(bars["open"][row + 1]), reason


def find_fill(bars: Mapping[str, np.ndarray], side: int, entry: int, last: int) -> tuple[int, float, str]:
    """First fill of a stop or target from the bar of the entry to the row `last`: row, price, reason ("" for none).

    A gap through a stop fills at the open, a target fills at its level, and of both on one bar the stop counts. A
    trailing stop follows the best price of the bars before.
    """
    adverse, favourable = (bars["low"], bars["high"]) if side == LONG else (bars["high"], bars["low"])
    best = bars["open"][entry]
    level, reason = best * (1.0 - side * 0.01 * STOP) if STOP else -side * np.inf, "stop"
    target = best * (1.0 + side * 0.01 * TAKE) if TAKE else side * np.inf
    for row in range(entry, last + 1):
        trailed = best * (1.0 - side * 0.01 * TRAIL)
        if TRAIL and side * trailed > side * level:
            level, reason = trailed, "trail"
        if side * adverse[row] <= side * level:
            opened = bars["open"][row]
            return row, float(opened if side * opened <= side * level else level), reason
        if side * favourable[row] >= side * target:
            return row, float(target), "take"
        best = max(best, favourable[row]) if side == LONG else min(best, favourable[row])
    return last, 0.0, ""


def fraction_of(volatility: np.ndarray | None, row: int) -> float:
    """Fraction of the account that a position takes, decided at the close of its signal."""
    if volatility is None or not volatility[row] > 0.0:
        return 1.0
    return float(min(1.0, 0.01 * VOLTARGET / volatility[row]))


def open_position(side: int, price: float, fraction: float, value: float) -> tuple[float, float]:
    """Shares that a part of the account buys or sells short at a price, and the cash that is left."""
    if CAPITAL:
        return open_order(side, price, fraction, value)
    if side == LONG:
        return fraction * value / (price * BUY), value * (1.0 - fraction)
    shares = fraction * value / (price * SELL_SHORT)
    return -shares, value + shares * price * SELL


def open_order(side: int, price: float, fraction: float, value: float) -> tuple[float, float]:
    """The same for an account in money, whose fees may have a least amount and whose shares may be whole."""
    assert CAPITAL
    fill, tax = price * (1.0 + SLIPPAGE * side), TAX if side == SHORT else 0.0
    budget = fraction * value * CAPITAL
    count = budget / (fill * (1.0 + COMMISSION + tax) + FEE_PER_SHARE)
    if count * (fill * COMMISSION + FEE_PER_SHARE) < LEAST_FEE:
        count = (budget - LEAST_FEE) / (fill * (1.0 + tax))
    if WHOLE_SHARES:
        count = np.floor(count + 1e-9)
    if count <= 0.0:
        return 0.0, value
    fees = max(count * (fill * COMMISSION + FEE_PER_SHARE), LEAST_FEE) + tax * count * fill
    if side == SHORT:
        return -count / CAPITAL, value + (count * fill - fees) / CAPITAL
    rest = value - (count * fill + fees) / CAPITAL if WHOLE_SHARES else value * (1.0 - fraction)
    return count / CAPITAL, rest


def close_position(side: int, price: float, shares: float, cash: float) -> float:
    """Value of the account after a position was closed at a price."""
    if CAPITAL:
        count, fill = abs(shares) * CAPITAL, price * (1.0 - SLIPPAGE * side)
        fees = max(count * (fill * COMMISSION + FEE_PER_SHARE), LEAST_FEE)
        fees += TAX * count * fill if side == LONG else 0.0
        return max(0.0, cash + shares * fill - fees / CAPITAL)
    return max(0.0, cash + shares * price * (SELL if side == LONG else BUY))


def play(
    bars: Mapping[str, np.ndarray], trades: Iterator[Trade], volatility: np.ndarray | None, start: int, stop: int
) -> tuple[list[tuple[Trade, float]], np.ndarray]:
    """The trades with their returns after costs, as fractions of the money in each; and the account at each close."""
    earned = (1.0 + INTEREST) ** (1.0 / BARS_PER_YEAR) - 1.0
    value, row = 1.0, start
    equity, done = np.zeros(stop - start), []
    for side, entry, exit_row, price, reason in trades:
        idle, opened = value_at(value, earned, row, entry), bars["open"][entry]
        fraction = fraction_of(volatility, entry - 1)
        shares, cash = open_position(side, opened, fraction, idle)
        if not shares:
            continue
        equity[row - start : entry - start] = [value_at(value, earned, row, at + 1) for at in range(row, entry)]
        invested = abs(shares) * opened * (BUY if side == LONG else SELL_SHORT) if WHOLE_SHARES else fraction * idle
        own = idle if side == SHORT else cash  # what a short sale brings in earns nothing
        value = idle
        for row in range(entry, exit_row):
            close = bars["close"][row]
            cash += own * earned + min(0.0, shares) * close * BORROW / BARS_PER_YEAR
            own *= 1.0 + earned
            value = equity[row - start] = max(0.0, cash + shares * close)
            if value <= 0.0:
                exit_row, price, reason = row, close, "ruin"
                break
        if reason not in ("open", "ruin"):
            value = close_position(side, price, shares, cash)
        done.append(((side, entry, exit_row, price, reason), (value - idle) / invested))
        row = exit_row
        if reason not in ("signal", "max_hold") and row < stop:  # the money of an order comes in within the bar
            equity[row - start], row = value, row + 1
        if value <= 0.0:
            break
    equity[row - start :] = [value_at(value, earned, row, at + 1) for at in range(row, stop)]
    return done, equity


def value_at(value: float, earned: float, row: int, entry: int) -> float:
    """Value at the close before `entry` of an account that is in cash from the bar `row` on."""
    return value * (1.0 + earned) ** (entry - max(row, 1)) if earned and entry > row else value


def table_of(done: list[tuple[Trade, float]], times: pd.Index, bars: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """The trades as a table; one that is still open has no time of its exit."""
    rows = [
        {
            "entry_time": times[entry],
            "exit_time": pd.NaT if reason == "open" else times[exit_row],
            "side": side,
            "entry_price": bars["open"][entry],
            "exit_price": price,
            "return": gain,
            "reason": reason,
        }
        for (side, entry, exit_row, price, reason), gain in done
    ]
    names = ["entry_time", "exit_time", "side", "entry_price", "exit_price", "return", "reason"]
    return pd.DataFrame(rows, columns=names)
