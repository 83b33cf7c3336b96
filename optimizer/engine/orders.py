"""Compiled orders and money: how many shares an order buys, what its fees are, and what cash and short shares cost.

`terms` (13,) of an account: cost factors of a buy, a sale and a short sale; periods per year; and what follows below.
The conventions are described in `optimizer.engine.backtest`.
"""

import numpy as np

from optimizer.compiled import compiled_part
from optimizer.domain.bars import FloatArray

# BORROW: fee per bar on the worth of shares sold short. FINANCED: 1 where that or the interest on
# cash is not 0. CAPITAL: the account's money at the start, 0 where orders have no size in money; the others after it
# count only there: WHOLE is 1 where shares cannot be split, slippage, commission and tax are fractions of an order's
# worth, PER_SHARE and LEAST_FEE are money.
BUY, SELL, SHORT, PERIODS_PER_YEAR, BORROW, FINANCED, CAPITAL = range(7)
WHOLE, SLIPPAGE, COMMISSION, TAX, PER_SHARE, LEAST_FEE = range(7, 13)
N_TERMS = 13
#: Returns beyond those of cash that are smaller than this are rounding: an account in cash has none.
NO_RETURN = 1e-13
#: What rounding may take from a whole number of shares.
_SHARE_ROUNDING = 1e-9


@compiled_part
def interest(cash: FloatArray, bar: int) -> float:
    """Return of cash over a bar; `cash` is its row of the prices."""
    return cash[bar] / cash[bar - 1] - 1.0 if bar > 0 else 0.0


@compiled_part
def finance(
    terms: FloatArray, cash: float, own: float, shares: float, close: float, earned: float
) -> tuple[float, float]:
    """(cash, own) at the close of a bar: `own` earned a return of `earned`, and shares sold short cost their fee.

    `own` is the part of the cash that is not what a short sale has brought in, which earns nothing.
    """
    return cash + own * earned + min(0.0, shares) * close * terms[BORROW], own * (1.0 + earned)


@compiled_part
def open_position(terms: FloatArray, side: int, price: float, fraction: float, equity: float) -> tuple[float, float]:
    """(cash, shares) after a fraction of the equity was invested at a price; short shares are negative.

    No shares where the fraction does not pay for one.
    """
    if terms[CAPITAL] > 0.0:
        return _open_order(terms, side, price, fraction, equity)
    shares = fraction * equity / (price * terms[BUY if side == 0 else SHORT])
    if side == 0:
        return equity * (1.0 - fraction), shares
    return equity + shares * price * terms[SELL], -shares


@compiled_part
def _open_order(terms: FloatArray, side: int, price: float, fraction: float, equity: float) -> tuple[float, float]:
    """As `open_position`, of an account in money: the order's worth and its fees together are the fraction."""
    fill = price * (1.0 + terms[SLIPPAGE] * (1 - 2 * side))
    tax = terms[TAX] * side
    budget = fraction * equity * terms[CAPITAL]
    count = budget / (fill * (1.0 + terms[COMMISSION] + tax) + terms[PER_SHARE])
    if count * (fill * terms[COMMISSION] + terms[PER_SHARE]) < terms[LEAST_FEE]:
        count = (budget - terms[LEAST_FEE]) / (fill * (1.0 + tax))
    if terms[WHOLE] > 0.0:
        count = np.floor(count + _SHARE_ROUNDING)
    if count <= 0.0:
        return equity, 0.0
    fees = _fees(terms, count, fill) + tax * count * fill
    if side == 1:
        return equity + (count * fill - fees) / terms[CAPITAL], -count / terms[CAPITAL]
    rest = equity - (count * fill + fees) / terms[CAPITAL] if terms[WHOLE] > 0.0 else equity * (1.0 - fraction)
    return rest, count / terms[CAPITAL]


@compiled_part
def _fees(terms: FloatArray, count: float, fill: float) -> float:
    """Broker's fee of an order, in money."""
    fee: float = max(count * (fill * terms[COMMISSION] + terms[PER_SHARE]), terms[LEAST_FEE])
    return fee


@compiled_part
def close_position(terms: FloatArray, side: int, cash: float, shares: float, price: float) -> float:
    """Equity after a position was closed at a price, at least 0."""
    if terms[CAPITAL] > 0.0:
        count, fill = abs(shares) * terms[CAPITAL], price * (1.0 - terms[SLIPPAGE] * (1 - 2 * side))
        fees = _fees(terms, count, fill) + terms[TAX] * (1 - side) * count * fill
        rest: float = cash + shares * fill - fees / terms[CAPITAL]
        return max(0.0, rest)
    equity: float = cash + shares * price * terms[SELL if side == 0 else BUY]
    return max(0.0, equity)


@compiled_part
def invested_fraction(
    terms: FloatArray, side: int, price: float, fraction: float, shares: float, equity: float
) -> float:
    """Fraction of the equity that was invested: less than was decided where shares are whole."""
    if terms[WHOLE] > 0.0:
        invested: float = abs(shares) * price * terms[BUY if side == 0 else SHORT] / equity
        return invested
    return fraction
