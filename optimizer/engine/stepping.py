"""Compiled account that is told bar by bar what to hold, with the fills and costs of every backtest here.

What is decided at the close of a row is traded at the next open and marked at the next close. Told the same positions,
it has the equity of `optimizer.engine.backtest.simulate` to the last bit, and a test plays both.

Arrays: `prices` and `terms` as in the kernel; `accounts` (n_accounts, 8), a row of the columns below for each;
`features` (7, n_bars); `views` (n_accounts, 8), what each account sees: the features and its side.
"""

import numpy as np
from numpy.typing import NDArray

from optimizer.compiled import compiled_part
from optimizer.domain.bars import FloatArray
from optimizer.engine.orders import FINANCED, NO_RETURN, close_position, finance, interest, open_position

# Rows of `prices`.
_OPEN, _CLOSE, _CASH = 0, 3, 4
# ROW: the bar at whose close it stands; WANTED: side it was told last; SHARES: negative when short; MONEY and OWN: its
# cash, and the part of it that earns interest; VALUE and SINCE: what the last trade left, and from which close on it
# lies in cash; EQUITY: at the close.
ROW, WANTED, SHARES, MONEY, OWN, VALUE, SINCE, EQUITY = range(8)
N_COLUMNS = 8

Actions = NDArray[np.int64]
Views = NDArray[np.float32]
Flags = NDArray[np.bool_]


@compiled_part
def open_account(prices: FloatArray, terms: FloatArray, account: FloatArray, row: int) -> None:
    """Begin a row with an equity of 1 in cash, and stand at its close."""
    account[:] = 0.0
    account[ROW], account[VALUE], account[SINCE] = row, 1.0, max(row - 1, 0)
    _mark(prices, terms, account, row)


@compiled_part
def advance(prices: FloatArray, terms: FloatArray, account: FloatArray, side: int) -> float:
    """Hold a side (1, 0 or −1) from the next open on; returns the next bar's return beyond that of cash."""
    row = int(account[ROW])
    bar = row + 1
    if side != account[WANTED]:
        _trade(prices, terms, account, side, row)
    before = account[EQUITY]
    _mark(prices, terms, account, bar)
    account[ROW] = bar
    if before <= 0.0:
        return 0.0
    beyond: float = account[EQUITY] / before - 1.0
    if terms[FINANCED] > 0.0:
        earned = interest(prices[_CASH], bar)
        beyond -= earned
        if earned != 0.0 and abs(beyond) < NO_RETURN:
            beyond = 0.0
    return beyond


@compiled_part
def _trade(prices: FloatArray, terms: FloatArray, account: FloatArray, side: int, row: int) -> None:
    """Close what is held and open the other side, at the open after a row."""
    price, kept = prices[_OPEN, row + 1], prices[_CASH]
    if account[SHARES] != 0.0:
        held = 0 if account[SHARES] > 0.0 else 1
        account[VALUE] = close_position(terms, held, account[MONEY], account[SHARES], price)
        account[SHARES], account[SINCE] = 0.0, row
    account[WANTED] = side
    if side != 0 and account[VALUE] > 0.0:
        wanted = 0 if side > 0 else 1
        before = account[VALUE] * (kept[row] / kept[int(account[SINCE])])
        money, shares = open_position(terms, wanted, price, 1.0, before)
        if shares != 0.0:
            account[MONEY], account[SHARES] = money, shares
            account[OWN] = before if wanted == 1 else money


@compiled_part
def _mark(prices: FloatArray, terms: FloatArray, account: FloatArray, bar: int) -> None:
    """Mark the equity at the close of a bar; an account that is used up stays at 0."""
    close, kept = prices[_CLOSE, bar], prices[_CASH]
    if account[SHARES] == 0.0:
        account[EQUITY] = account[VALUE]
        if terms[FINANCED] > 0.0:
            account[EQUITY] = account[VALUE] * (kept[bar] / kept[int(account[SINCE])])
        return
    if terms[FINANCED] > 0.0:
        earned = interest(kept, bar)
        money, own = finance(terms, account[MONEY], account[OWN], account[SHARES], close, earned)
        account[MONEY], account[OWN] = money, own
    account[EQUITY] = account[MONEY] + account[SHARES] * close
    if account[EQUITY] <= 0.0:
        account[EQUITY] = account[VALUE] = account[SHARES] = 0.0


@compiled_part
def look(features: FloatArray, account: FloatArray, view: Views) -> None:
    """Write what an account sees at its close: the features, and the side that it holds."""
    n, row = features.shape[0], int(account[ROW])
    for k in range(n):
        view[k] = features[k, row]
    view[n] = np.sign(account[SHARES])


@compiled_part
def step_accounts(
    prices: FloatArray,
    terms: FloatArray,
    features: FloatArray,
    accounts: FloatArray,
    waits: Flags,
    sides: Actions,
    rewards: FloatArray,
    views: Views,
) -> None:
    """Move every account that does not wait one bar on: its reward, and what it sees then.

    None of these may stand at the last bar. Of those that wait nothing is written.
    """
    for i in range(len(accounts)):
        if not waits[i]:
            rewards[i] = advance(prices, terms, accounts[i], sides[i])
            look(features, accounts[i], views[i])
