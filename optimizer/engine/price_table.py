"""One symbol's prices and costs as the compiled kernel reads them, laid out once a study."""

from dataclasses import dataclass, replace

import numpy as np

from optimizer.compiled import compiled
from optimizer.domain.bars import Bars, FloatArray, require_prices
from optimizer.domain.metrics import periods_per_year
from optimizer.domain.study_request import Costs
from optimizer.engine import kernel
from optimizer.errors import Phrase, TooFewBars

_PRICES = ("open", "high", "low", "close")


@dataclass(frozen=True, kw_only=True, eq=False)
class PriceTable:
    """Checked prices, and what is added up of them so that no set has to."""

    prices: FloatArray  # (4, n): open, high, low, close
    sums: FloatArray  # (n + 1, 3): returns, their squares, squares of the negative ones, of all rows before
    falls: FloatArray  # (2 · size, 3): highest close, lowest close, deepest fall of stretches of bars; see `_grow`
    terms: FloatArray  # buy, sell and short factor, periods per year, risk-free rate per bar

    @classmethod
    def of(cls, bars: Bars, costs: Costs) -> "PriceTable":
        """Check bars and lay them out. Raises TooFewBars, or UnusableBars at the first unusable price."""
        n = len(bars)
        if n < 2:
            raise TooFewBars(symbol=bars.symbol, have=n, need=2, reason=Phrase("no_return"))
        prices = np.empty((4, n))
        for row, name in enumerate(_PRICES):
            prices[row] = getattr(bars, name)
        sums, falls = np.empty((n + 1, 3)), np.empty((2 << (n - 1).bit_length(), 3))
        if lay_out(prices, sums, falls) < n:
            require_prices(bars)  # says which
        terms = np.array([*cost_factors(costs), periods_per_year(bars), 0.0])
        return cls(prices=prices, sums=sums, falls=falls, terms=terms)

    def played(self, bars: Bars) -> Bars:
        """The bars with these prices: compiled functions know one kind of array, writable and contiguous."""
        return replace(bars, **dict(zip(_PRICES, self.prices, strict=True)))

    @property
    def periods_per_year(self) -> float:
        """Bars a year, for annualization."""
        return float(self.terms[kernel.PERIODS_PER_YEAR])


def cost_factors(costs: Costs) -> tuple[float, float, float]:
    """What a share costs when bought, brings when sold, and takes of the equity when sold short, over its price."""
    commission, slippage = costs.commission_bps / 10_000, costs.slippage_bps / 10_000
    return (
        (1.0 + slippage) * (1.0 + commission),
        (1.0 - slippage) * (1.0 - commission),
        (1.0 - slippage) * (1.0 + commission),
    )


@compiled
def lay_out(prices: FloatArray, sums: FloatArray, falls: FloatArray) -> int:
    """Fill `sums` and `falls`; the first row with a price that is not a positive number, or the number of rows.

    The sums are compensated (Knuth's two-sum), because they are subtracted from each other later.
    """
    n: int = prices.shape[1]
    for t in range(n):
        for k in range(4):
            if not (prices[k, t] > 0.0 and prices[k, t] < np.inf):
                return t
    _add_up(prices[kernel.CLOSE], sums)
    _grow(prices[kernel.CLOSE], falls)
    return n


@compiled
def _grow(close: FloatArray, falls: FloatArray) -> None:
    """Grow the tree of stretches: leaf t is row size + t, the stretch of nodes 2k and 2k + 1 is node k.

    A node holds its stretch's highest close, lowest close, and deepest fall as the ratio of a later
    close to an earlier one, at most 1.
    """
    size = falls.shape[0] >> 1
    for t in range(size):
        value = close[min(t, close.shape[0] - 1)]
        falls[size + t, 0], falls[size + t, 1], falls[size + t, 2] = value, value, 1.0
    for node in range(size - 1, 0, -1):
        left, right = 2 * node, 2 * node + 1
        falls[node, 0] = max(falls[left, 0], falls[right, 0])
        falls[node, 1] = min(falls[left, 1], falls[right, 1])
        falls[node, 2] = min(falls[left, 2], falls[right, 2], falls[right, 1] / falls[left, 0])


@compiled
def _add_up(close: FloatArray, sums: FloatArray) -> None:
    sums[:2] = 0.0
    total = squares = downs = 0.0
    lost = lost_squares = lost_downs = 0.0
    for t in range(1, close.shape[0]):
        change = close[t] / close[t - 1] - 1.0
        square = change * change
        total, rest = _add(total, change)
        lost += rest
        squares, rest = _add(squares, square)
        lost_squares += rest
        downs, rest = _add(downs, square if change < 0.0 else 0.0)
        lost_downs += rest
        sums[t + 1, 0], sums[t + 1, 1], sums[t + 1, 2] = total + lost, squares + lost_squares, downs + lost_downs


@compiled
def _add(total: float, term: float) -> tuple[float, float]:
    """(rounded sum, what rounding lost)."""
    grown = total + term
    taken = grown - total
    return grown, (total - (grown - taken)) + (term - taken)
