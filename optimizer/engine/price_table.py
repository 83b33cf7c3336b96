"""One symbol's prices and costs as the arrays that the compiled kernel reads, made once per study."""

from dataclasses import dataclass, replace

import numpy as np

from optimizer.compiled import compiled
from optimizer.domain.bars import Bars, FloatArray, require_prices
from optimizer.domain.metrics import periods_per_year
from optimizer.domain.study_request import Account, Costs, cost_factors
from optimizer.engine import kernel, orders
from optimizer.engine.cash import cash_values
from optimizer.errors import Phrase, TooFewBars

_PRICES = ("open", "high", "low", "close")
_NO_ACCOUNT = Account()


@dataclass(frozen=True, kw_only=True, eq=False)
class PriceTable:
    """Checked prices with their prefix sums and drawdown tree, shared by all sets; see the glossary of the kernel."""

    prices: FloatArray  # (5, n)
    prefix_sums: FloatArray  # (n + 1, 3)
    drawdown_tree: FloatArray  # (2 · size, 3)
    terms: FloatArray  # (13,)
    account: Account

    @classmethod
    def of(
        cls, bars: Bars, costs: Costs, account: Account = _NO_ACCOUNT, *, yields: Bars | None = None
    ) -> "PriceTable":
        """Check the bars and build their table; `yields` are the bars of the account's interest symbol.

        Raises TooFewBars, or UnusableBars at the first unusable price.
        """
        n = len(bars)
        if n < 2:
            raise TooFewBars(symbol=bars.symbol, have=n, need=2, reason=Phrase("no_return"))
        prices, a_year = np.empty((5, n)), periods_per_year(bars)
        for row, name in enumerate(_PRICES):
            prices[row] = getattr(bars, name)
        prices[kernel.CASH] = cash_values(bars, account, yields, a_year)
        prefix_sums, drawdown_tree = np.empty((n + 1, 3)), np.empty((2 << (n - 1).bit_length(), 3))
        if fill_price_sums(prices, prefix_sums, drawdown_tree) < n:
            require_prices(bars)  # raises with the date
        terms = _terms(costs, account, a_year)
        return cls(prices=prices, prefix_sums=prefix_sums, drawdown_tree=drawdown_tree, terms=terms, account=account)

    def with_costs(self, costs: Costs) -> "PriceTable":
        """Same prices with other costs."""
        return replace(self, terms=_terms(costs, self.account, self.periods_per_year))

    def contiguous(self, bars: Bars) -> Bars:
        """Bars with these prices: compiled functions accept one kind of array, writable and contiguous."""
        return replace(bars, **dict(zip(_PRICES, self.prices[: len(_PRICES)], strict=True)))

    @property
    def periods_per_year(self) -> float:
        """Number of bars per year, for annualization."""
        return float(self.terms[orders.PERIODS_PER_YEAR])

    @property
    def pays_interest(self) -> bool:
        """True if cash earns something."""
        return bool(self.account.interest or self.account.interest_symbol)

    def interest(self, start: int, stop: int) -> FloatArray:
        """(stop − start,) return of cash over each bar of [start, stop)."""
        values = self.prices[kernel.CASH]
        before = values[np.maximum(np.arange(start, stop) - 1, 0)]
        return np.asarray(values[start:stop] / before - 1.0)


def _terms(costs: Costs, account: Account, a_year: float) -> FloatArray:
    """Terms of an account, as in `optimizer.engine.orders`."""
    terms = np.zeros(orders.N_TERMS)
    terms[: orders.PERIODS_PER_YEAR] = cost_factors(costs)
    terms[orders.PERIODS_PER_YEAR] = a_year
    terms[orders.BORROW] = costs.borrow / a_year
    terms[orders.FINANCED] = bool(costs.borrow or account.interest or account.interest_symbol)
    terms[orders.CAPITAL] = account.capital or 0.0
    terms[orders.WHOLE] = account.is_whole
    rates = np.array([costs.slippage_bps, costs.commission_bps, costs.tax_bps]) / 10_000
    terms[[orders.SLIPPAGE, orders.COMMISSION, orders.TAX]] = rates
    terms[[orders.PER_SHARE, orders.LEAST_FEE]] = costs.per_share, costs.least_fee
    return terms


@compiled
def fill_price_sums(prices: FloatArray, prefix_sums: FloatArray, drawdown_tree: FloatArray) -> int:
    """Fill both arrays; returns the first row with a price that is not a positive number, or the number of rows.

    The sums are compensated (Knuth's two-sum), because they are subtracted from each other later.
    """
    n: int = prices.shape[1]
    for t in range(n):
        for k in range(4):
            if not (prices[k, t] > 0.0 and prices[k, t] < np.inf):
                return t
    _fill_prefix_sums(prices[kernel.CLOSE], prices[kernel.CASH], prefix_sums)
    _fill_drawdown_tree(prices[kernel.CLOSE], drawdown_tree)
    return n


@compiled
def _fill_drawdown_tree(close: FloatArray, drawdown_tree: FloatArray) -> None:
    """Fill the tree from its leaves to its root; see the glossary of the kernel."""
    size = drawdown_tree.shape[0] >> 1
    for t in range(size):
        value = close[min(t, close.shape[0] - 1)]
        drawdown_tree[size + t, 0], drawdown_tree[size + t, 1], drawdown_tree[size + t, 2] = value, value, 1.0
    for node in range(size - 1, 0, -1):
        left, right = 2 * node, 2 * node + 1
        drawdown_tree[node, 0] = max(drawdown_tree[left, 0], drawdown_tree[right, 0])
        drawdown_tree[node, 1] = min(drawdown_tree[left, 1], drawdown_tree[right, 1])
        drawdown_tree[node, 2] = min(
            drawdown_tree[left, 2], drawdown_tree[right, 2], drawdown_tree[right, 1] / drawdown_tree[left, 0]
        )


@compiled
def _fill_prefix_sums(close: FloatArray, cash: FloatArray, prefix_sums: FloatArray) -> None:
    prefix_sums[:2] = 0.0
    total = squares = downs = 0.0
    lost = lost_squares = lost_downs = 0.0
    for t in range(1, close.shape[0]):
        change = close[t] / close[t - 1] - 1.0 - orders.interest(cash, t)
        square = change * change
        total, rest = _two_sum(total, change)
        lost += rest
        squares, rest = _two_sum(squares, square)
        lost_squares += rest
        downs, rest = _two_sum(downs, square if change < 0.0 else 0.0)
        lost_downs += rest
        prefix_sums[t + 1, 0], prefix_sums[t + 1, 1], prefix_sums[t + 1, 2] = (
            total + lost,
            squares + lost_squares,
            downs + lost_downs,
        )


@compiled
def _two_sum(total: float, term: float) -> tuple[float, float]:
    """(rounded sum, rounding error)."""
    grown = total + term
    taken = grown - total
    return grown, (total - (grown - taken)) + (term - taken)
