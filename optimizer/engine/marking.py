"""Compiled marks of one account: its equity at each close, and what of it the scores are made of.

`account` (15,) has running totals of one backtest, in the columns below.
"""

from optimizer.compiled import compiled_part
from optimizer.domain.bars import FloatArray
from optimizer.engine.orders import FINANCED, finance, interest
from optimizer.engine.spans import CASH, CLOSE, PriceArrays, peak_and_worst, sums_before

# Entries of `account`. EQUITY: after the last closed trade; MARKED: at the last marked close; PEAK: highest mark;
# WORST: lowest ratio of a mark to the peak before it; then sums over returns beyond those of cash: plain, squared,
# squared negative ones.
EQUITY, MARKED, PEAK, WORST, SUM, SQUARES, DOWNSIDE, BARS_HELD = range(8)
# Over closed trades: their number, winners, money won, money lost, profits, squared profits, returns.
CLOSED, WON, GAIN, LOSS, PNL, PNL_SQUARES, TRADE_RETURN = range(8, 15)
N_ACCOUNT = 15


@compiled_part
def _mark_equity(account: FloatArray, equity: float, earned: float) -> None:
    """Mark one close: add its return beyond that of cash, `earned`, and its drawdown to the account."""
    change = equity / account[MARKED] - 1.0 - earned
    account[SUM] += change
    account[SQUARES] += change * change
    if change < 0.0:
        account[DOWNSIDE] += change * change
    if equity > account[PEAK]:
        account[PEAK] = equity
    elif equity < account[WORST] * account[PEAK]:
        account[WORST] = equity / account[PEAK]
    account[MARKED] = equity


@compiled_part
def mark_bars(prices: FloatArray, account: FloatArray, cash: float, shares: float, first: int, stop: int) -> int:
    """Mark the closes of rows [first, stop) one by one; returns the row at which the equity is used up, or `stop`."""
    close = prices[CLOSE]
    base, peak, worst = account[MARKED], account[PEAK], account[WORST]
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
    account[SUM] += total
    account[SQUARES] += squares
    account[DOWNSIDE] += downside
    account[MARKED], account[PEAK], account[WORST] = base, peak, worst
    return bar if equity > 0.0 else bar - 1


@compiled_part
def mark_financed(
    market: PriceArrays, account: FloatArray, cash: float, own: float, shares: float, first: int, stop: int
) -> tuple[int, float]:
    """Mark rows [first, stop) one by one with interest and the fee of borrowed shares: (row, cash).

    The row is the one at which the equity is used up, or `stop`.
    """
    bar = first
    while bar < stop:
        earned = interest(market.prices[CASH], bar)
        cash, own = finance(market.terms, cash, own, shares, market.prices[CLOSE, bar], earned)
        equity = max(0.0, cash + shares * market.prices[CLOSE, bar])
        _mark_equity(account, equity, earned)
        if equity <= 0.0:
            break
        bar += 1
    return bar, cash


@compiled_part
def mark_idle(cash: FloatArray, account: FloatArray, unmarked: int, since: int, last: int) -> None:
    """Mark an account without a position up to the close of row `last`.

    Its equity has earned interest from the close of row `since` on; `unmarked` is the row in which the last position
    was closed, whose return is still to be counted, or -1. Later rows earn nothing beyond cash.
    """
    equity = account[EQUITY]
    if unmarked >= 0:
        _mark_equity(account, equity * (cash[unmarked] / cash[since]), interest(cash, unmarked))
    if cash[last] != cash[since]:
        for bar in range(max(unmarked, since) + 1, last + 1):
            marked = equity * (cash[bar] / cash[since])
            account[PEAK] = max(account[PEAK], marked)
            account[WORST] = min(account[WORST], marked / account[PEAK])
    account[EQUITY] = account[MARKED] = equity * (cash[last] / cash[since])


@compiled_part
def mark_span(market: PriceArrays, account: FloatArray, shares: float, first: int, stop: int) -> None:
    """Mark the closes of rows [first, stop) of a fully invested long position at once."""
    prices, kept = market.prices, market.prefix_sums
    is_financed = market.terms[FINANCED] > 0.0
    _mark_equity(account, shares * prices[CLOSE, first], interest(prices[CASH], first))
    total, squares, downs = sums_before(prices, is_financed, kept, first + 1)
    total_after, squares_after, downs_after = sums_before(prices, is_financed, kept, stop)
    account[SUM] += total_after - total
    account[SQUARES] += squares_after - squares
    account[DOWNSIDE] += downs_after - downs
    # Peak and trough are tracked in prices: the equity of this position is shares times price.
    before, worst = account[PEAK] / shares, account[WORST]
    peak, worst = peak_and_worst(prices, market.drawdown_tree, first + 1, stop, before, worst)
    account[WORST] = worst
    account[PEAK] = max(account[PEAK], peak * shares)
    account[MARKED] = shares * prices[CLOSE, stop - 1]


@compiled_part
def count_trade(account: FloatArray, before: float, after: float, fraction: float) -> None:
    """Add one closed trade to the account."""
    pnl = after - before
    account[EQUITY] = after
    account[CLOSED] += 1.0
    account[PNL] += pnl
    account[PNL_SQUARES] += pnl * pnl
    account[TRADE_RETURN] += pnl / (fraction * before)
    if pnl > 0.0:
        account[WON] += 1.0
        account[GAIN] += pnl
    else:
        account[LOSS] -= pnl
