"""One symbol's prices and costs as the arrays that the compiled kernel reads, made once per study."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import numpy as np

from optimizer.domain.bars import Bars, FloatArray, require_prices
from optimizer.domain.metrics import periods_per_year
from optimizer.domain.study_request import Account, Costs, cost_factors
from optimizer.engine import orders
from optimizer.engine.other_series import cash_values
from optimizer.engine.spans import CASH, Spans, lay_out, spans_of
from optimizer.errors import Phrase, TooFewBars

_PRICES = ("open", "high", "low", "close")
_NO_ACCOUNT, _FLOAT = Account(), np.dtype(np.float64)


@dataclass(kw_only=True, eq=False)  # frozen ones take longer to make than their prices to check
class PriceTable:
    """Checked prices with their sums and drawdowns, shared by all sets; see the glossary of the kernel."""

    bars: Bars
    prices: FloatArray  # (5, n)
    terms: FloatArray  # (13,)
    account: Account
    is_plain: bool  # the prices of the bars are arrays as compiled functions take them

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
        columns = _columns(bars)
        is_plain = _are_plain(columns)
        plain = columns if is_plain else [np.array(each, dtype=np.float64) for each in columns]
        opens, highs, lows, closes = plain
        if not lay_out(opens, highs, lows, closes, prices):
            require_prices(bars)  # raises with the date
        if yields is not None or account.interest:
            prices[CASH] = cash_values(bars, account, yields, a_year)
        terms = _terms(costs, account, a_year)
        return cls(bars=bars, prices=prices, terms=terms, account=account, is_plain=is_plain)

    def with_costs(self, costs: Costs) -> "PriceTable":
        """Same prices with other costs."""
        return replace(self, terms=_terms(costs, self.account, self.periods_per_year))

    def with_bars(self, bars: Bars) -> "PriceTable":
        """Other bars of the same first times with the same costs and cash."""
        columns = _columns(bars)
        prices = np.stack([*columns, self.prices[CASH, : len(bars)]])
        return replace(self, bars=bars, prices=prices, is_plain=_are_plain(columns))

    @property
    def contiguous(self) -> Bars:
        """Bars with prices as compiled functions take them: one kind of array, writable and contiguous."""
        return self.bars if self.is_plain else replace(self.bars, **dict(zip(_PRICES, self.prices, strict=False)))

    @cached_property
    def spans(self) -> Spans:
        """Sums and drawdowns over spans of bars."""
        return spans_of(self.prices, self.terms)

    @cached_property
    def spans_of_bars(self) -> Spans:
        """As `spans`, kept of each bar, which many sets read."""
        return spans_of(self.prices, self.terms, of_each_bar=True)

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
        values = self.prices[CASH]
        before = values[np.maximum(np.arange(start, stop) - 1, 0)]
        return np.asarray(values[start:stop] / before - 1.0)


def _columns(bars: Bars) -> Sequence[FloatArray]:
    return bars.open, bars.high, bars.low, bars.close


def _are_plain(columns: Sequence[FloatArray]) -> bool:
    """True if arrays are of one kind, for which functions are compiled: writable and contiguous."""
    opens, highs, lows, closes = columns
    return _is_plain(opens) and _is_plain(highs) and _is_plain(lows) and _is_plain(closes)


def _is_plain(values: FloatArray) -> bool:
    return values.flags.carray and values.dtype == _FLOAT


@lru_cache(64)
def _terms(costs: Costs, account: Account, a_year: float) -> FloatArray:
    """Terms of an account, as in `optimizer.engine.orders`; nobody writes into them."""
    is_financed = bool(costs.borrow or account.interest or account.interest_symbol)
    rates = costs.slippage_bps / 10_000, costs.commission_bps / 10_000, costs.tax_bps / 10_000
    terms: Sequence[float] = (
        *cost_factors(costs),
        a_year,
        costs.borrow / a_year,
        is_financed,
        account.capital or 0.0,
        account.is_whole,
        *rates,
        costs.per_share,
        costs.least_fee,
    )
    return np.array(terms, dtype=np.float64)
