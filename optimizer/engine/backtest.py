"""One backtest with its equity, positions and trades, and the conventions of all backtests here.

- **Time.** A signal at the close of bar t is filled at the open of bar t+1. The window's first bar
  is the first that may signal; its last bar's signal is never filled. The position starts flat.
- **Marks.** Equity starts at 1.0 before the window's first bar and is marked at every close. A
  position that is open at the end is marked at the last close, pays no exit cost, and is no closed
  trade: win rate, profit factor and the like leave it out.
- **Costs.** A buy pays `open · (1 + slippage) · (1 + commission)` per share, a sale receives
  `price · (1 − slippage) · (1 − commission)`; stops and targets pay the same as market orders.
- **Size.** A position is opened with the whole equity (or the fraction of it that the volatility
  target allows) and keeps its shares until it is closed. Shares times the fill price, commission
  included, equal that amount, long or short. When a short position has used up the equity, the
  account stays at 0.
- **Cash.** It earns nothing, or the account's interest over each bar that it lies from close to
  close; what a position closed at an open brings in earns over that bar too. What a short sale
  brings in earns nothing, while the equity behind it does. Borrowed shares cost their fee at each
  close, of their worth there. Returns, and all measures made of them, are those beyond cash;
  equity, growth and drawdowns are of the account itself.
- **Capital.** With one, an order's commission is the rate and the fee per share, at least the least
  fee, and shares may be whole; an order that would be of none is not placed. What is left stays in
  cash.
- **Orders.** Levels are measured from the price of the fill before slippage. They work from the bar
  of the fill on. A gap through a stop fills at the open, a target never fills better than its
  level, and when one bar touches both the stop wins. A trailing stop follows the best high (low
  for a short) of the bars before. `max_hold` closes at the open after that many bars. After an
  order or `max_hold` closed a position, its side waits until its entry condition was false once.
  With `reenter=signal` it does not wait: the close of the bar on which it was closed, and any later
  one, may open it again.
- **Regimes.** Where an order is split, the position has the one of the regime at the close of its
  signal, to its end. A condition that is split is decided by the regime of each close. `regime`
  permits new positions, long and short, at closes in the regimes it names, and closes nothing.
- **Filters.** `trend` permits new longs above the average and new shorts below it, and closes
  nothing. `voltarget` sizes a position at its signal by target over realized volatility (20 bars),
  at most 1, and does not resize it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from optimizer.domain import metrics
from optimizer.domain.bars import Bars, FloatArray
from optimizer.domain.study_request import Account, Costs, Reentry, cost_factors
from optimizer.domain.study_results import Measures
from optimizer.engine import kernel, orders, trade_log
from optimizer.engine.price_table import PriceTable
from optimizer.indicators.bitmasks import pack_mask

_NO_ACCOUNT = Account()
#: Room for trades at first: so few have more that they are played once again.
_LEAST_ROOM, _BARS_PER_TRADE = 128, 32


class ExitReason(IntEnum):
    """Reason why a trade ended."""

    SIGNAL = kernel.BY_SIGNAL
    STOP = kernel.BY_STOP
    TAKE = kernel.BY_TAKE
    TRAIL = kernel.BY_TRAIL
    MAX_HOLD = kernel.BY_TIME
    RUIN = kernel.BY_RUIN  # a short position used up the equity
    OPEN = kernel.STILL_OPEN


class _Returns(metrics.Sample):
    """Returns of a backtest, all of whose sums are compiled, in the order of those that they stand for."""

    __slots__ = ("_at_risk", "_found", "_losses")

    def __init__(self, values: FloatArray) -> None:
        found = np.empty(trade_log.N_DESCRIBED)
        centred, self._losses = np.empty((2, len(values)))
        self._at_risk = metrics.value_at_risk(values)
        trade_log.describe(values, self._at_risk, centred, self._losses, found)
        self._found: list[float] = found.tolist()
        super().__init__(values, (self._found[trade_log.MEAN], centred))

    def moments(self) -> tuple[float, float, float]:
        _, second, third, fourth, _ = self._found
        return second, third, fourth

    def losses(self) -> FloatArray:
        return self._losses

    def tail(self) -> tuple[float, float]:
        return self._at_risk, self._found[trade_log.SHORTFALL]


def _market(returns: FloatArray) -> metrics.Sample:
    """Sample of the returns that a backtest is compared with."""
    centred = np.empty_like(returns)
    return metrics.Sample(returns, (trade_log.centre(returns, centred), centred))


@dataclass(frozen=True, kw_only=True)
class Trade:
    """One round trip, its bars by index; a trade that is still open ends after the last bar."""

    entry_bar: int
    exit_bar: int
    side: int  # 1 long, −1 short
    fraction: float  # of the equity
    entry_price: float  # before slippage
    exit_price: float
    equity_before: float  # in units of the starting equity
    pnl: float  # after costs, in the same units
    trade_return: float  # after costs, as a fraction of the money invested
    reason: ExitReason

    @property
    def is_closed(self) -> bool:
        """True if the trade was closed within the window."""
        return self.reason is not ExitReason.OPEN

    @property
    def n_bars(self) -> int:
        """Bars from entry to exit."""
        return self.exit_bar - self.entry_bar


@dataclass(kw_only=True, eq=False)  # a frozen one takes as long to make as its bars to play
class Backtest:
    """Backtest of one parameter set over bars [start, stop). Arrays are (stop − start,)."""

    start: int
    stop: int
    equity: FloatArray  # at each close
    position: FloatArray  # at each close: the fraction invested, negative when short
    ledger: FloatArray  # (N_TRADE_COLUMNS, n_trades): columns of `trade_log` as rows
    costs: Costs
    periods_per_year: float
    benchmark: FloatArray | None = None  # returns of buy and hold over the same bars
    account: Account = _NO_ACCOUNT
    interest: FloatArray | None = None  # return of cash over each bar, None where it earns nothing

    @cached_property
    def trades(self) -> tuple[Trade, ...]:
        """Every round trip, in the order of entries."""
        return tuple(map(_trade, self.ledger.T.tolist()))

    @cached_property
    def returns(self) -> FloatArray:
        """Simple return of each bar beyond that of cash; the first is relative to 1.0."""
        plain = np.empty_like(self.equity)
        trade_log.write_changes(self.equity, plain)
        if self.interest is None:
            return plain
        before = np.concatenate(([1.0], self.equity[:-1]))
        beyond = plain - np.where(before > 0.0, self.interest, 0.0)
        return np.where(np.abs(beyond) < orders.NO_RETURN, 0.0, beyond)

    @property
    def gain(self) -> float:
        """What the account gained more than cash, as a fraction."""
        cash = 1.0 if self.interest is None else float(np.prod(1.0 + self.interest))
        return float(self.equity[-1]) / cash - 1.0

    @cached_property
    def closed_trades(self) -> tuple[Trade, ...]:
        """Trades closed within the window."""
        return tuple(trade for trade in self.trades if trade.is_closed)

    def objective(self, measure: str) -> float | None:
        """Value of a measure for the search; None where it does not exist."""
        found: float | None = getattr(self.measures, measure)
        return found

    @cached_property
    def measures(self) -> Measures:
        """Every measure of this backtest; those of the equity are without the rounding of compounded returns."""
        a_year = self.periods_per_year
        market = None if self.benchmark is None else _market(self.benchmark)
        n_trades = self.ledger.shape[1]
        fills, profits = np.empty((2, 2 * n_trades)), np.empty((2, n_trades))
        sums = np.empty(trade_log.N_PLAY_SUMS)
        rates = _rates(self.costs, self.account)
        trade_log.sum_play(self.equity, self.position, self.ledger, rates, fills, profits, sums)
        found: list[float] = sums.tolist()
        falls = found[trade_log.DEEPEST], int(found[trade_log.LONGEST_FALL])
        return Measures.model_validate(
            metrics.by_returns(_Returns(self.returns), a_year, market)
            | metrics.growth_and_falls(self.equity, a_year, *falls)
            | self._of_fills(found)
            | _of_trades(found, n_trades, profits)
        )

    def _of_fills(self, found: Sequence[float]) -> dict[str, float]:
        """Measures of what was held and traded."""
        n_bars, a_year = len(self.equity), self.periods_per_year
        exposure, traded, paid = self._sums_of_fills(found)
        turnover = metrics.a_year(traded, n_bars, a_year)
        is_in_money = self.account.capital is not None
        annual = metrics.a_year(paid, n_bars, a_year) if is_in_money else turnover * self.costs.per_side
        return {"exposure": exposure, "turnover": turnover, "annual_costs": annual}

    def _sums_of_fills(self, found: Sequence[float]) -> tuple[float, float, float]:
        """(exposure, value and costs of all fills over the equity at the fill)."""
        return found[trade_log.N_HELD] / len(self.position), found[trade_log.TRADED], found[trade_log.PAID]

    def _traded(self) -> tuple[FloatArray, FloatArray]:
        """(value, costs) of each fill over the equity at the fill, (n_fills,) each."""
        values, paid = np.empty((2, 2 * self.ledger.shape[1]))
        n = trade_log.write_fills(self.ledger, _rates(self.costs, self.account), values, paid)
        return values[:n], paid[:n]


@lru_cache(64)
def _rates(costs: Costs, account: Account) -> FloatArray:
    """Rates of fills as in `trade_log.write_fills`; nobody writes into them."""
    buy, _, short = cost_factors(costs)
    of_value = costs.commission_bps, costs.slippage_bps, costs.tax_bps
    return np.array([buy, short, *of_value, costs.per_share, costs.least_fee, account.capital or 0.0])


def _of_trades(found: Sequence[float], n_trades: int, profits: FloatArray) -> dict[str, float]:
    """Measures of closed trades, `profits` (2, n_trades) being theirs and the distances from their mean."""
    n = int(found[trade_log.N_CLOSED])
    has_any, lost = n > 0, -found[trade_log.LOST]
    sample = metrics.Sample(profits[0, :n], (found[trade_log.MEAN_PROFIT], profits[1, :n]))
    return {
        "win_rate": found[trade_log.N_WON] / n if has_any else metrics.NAN,
        "profit_factor": found[trade_log.WON] / lost if lost > 0.0 else metrics.NAN,
        "expectancy": found[trade_log.GAINS] / n if has_any else metrics.NAN,
        "sqn": metrics.sqn(sample),
        "n_trades": n,
        "n_open": n_trades - n,
        "average_trade_bars": found[trade_log.N_BARS] / n if has_any else metrics.NAN,
        "longest_trade_bars": int(found[trade_log.LONGEST]),
        "best_trade": found[trade_log.BEST] if has_any else metrics.NAN,
        "worst_trade": found[trade_log.WORST] if has_any else metrics.NAN,
    }


def simulate(
    bars: Bars,
    target: FloatArray,
    *,
    costs: Costs,
    orders: Sequence[float] = (0.0, 0.0, 0.0, 0.0),
    reenter: Reentry = Reentry.FRESH,
    account: Account = _NO_ACCOUNT,
    start: int = 0,
    stop: int | None = None,
) -> Backtest:
    """Simulate target positions (n_bars,) in [−1, 1], decided at each close, over bars [start, stop).

    A position is opened when the target changes to a side, with the target's fraction at that close, and
    closed when the target leaves that side. `orders` are stop, take and trail as fractions and max_hold
    in bars; 0 is off; `reenter` is what opens a side again after them. Raises UnusableBars or TooFewBars.
    """
    window = start, len(bars) if stop is None else stop
    table = PriceTable.of(bars, costs, account)
    return play_positions(table, target, costs=costs, window=window, orders=orders, reenter=reenter)


def play_positions(
    price_table: PriceTable,
    target: FloatArray,
    *,
    costs: Costs,
    window: tuple[int, int],
    orders: Sequence[float] = (0.0, 0.0, 0.0, 0.0),
    reenter: Reentry = Reentry.FRESH,
) -> Backtest:
    """Play target positions as `simulate` does, over bars whose prices are a table already."""
    bank = np.stack([pack_mask(mask) for mask in _target_masks(target)])
    slots = np.array([[2, 0, 0, 3, 4, 0, 0, 5, kernel.NEVER]])
    size = np.where(target == 0.0, np.nan, 1.0 / np.where(target == 0.0, 1.0, np.abs(target)))
    return run_backtest(
        price_table,
        bank=bank,
        slots=slots,
        orders=np.array([[*orders, 1.0, float(reenter is Reentry.SIGNAL), *orders]]),
        volatility=size,
        window=window,
        costs=costs,
    )


def run_backtest(
    price_table: PriceTable,
    *,
    bank: NDArray[np.uint64],
    slots: NDArray[np.int64],
    orders: FloatArray,
    volatility: FloatArray,
    window: tuple[int, int],
    costs: Costs,
    benchmark: FloatArray | None = None,
) -> Backtest:
    """Run the first set of `slots` and `orders` over bars [start, stop) of `window`; arrays as in the kernel."""
    start, stop = window
    equity, position, cursors = np.empty(stop - start), np.empty(stop - start), np.empty(2, dtype=np.int64)
    rows = np.empty((max(_LEAST_ROOM, (stop - start) // _BARS_PER_TRADE), trade_log.N_TRADE_COLUMNS))
    sets = volatility, price_table.terms, bank, slots, orders
    n = trade_log.record(price_table.prices, *sets, start, stop, equity, position, rows, cursors)
    if n > len(rows):
        rows = np.empty((n, trade_log.N_TRADE_COLUMNS))
        trade_log.record(price_table.prices, *sets, start, stop, equity, position, rows, cursors)
    return Backtest(
        start=start,
        stop=stop,
        equity=equity,
        position=position,
        ledger=rows[:n].T.copy(),
        costs=costs,
        periods_per_year=price_table.periods_per_year,
        benchmark=benchmark,
        account=price_table.account,
        interest=price_table.interest(start, stop) if price_table.pays_interest else None,
    )


def _trade(row: list[float]) -> Trade:
    return Trade(
        entry_bar=int(row[trade_log.ENTRY]),
        exit_bar=int(row[trade_log.EXIT]),
        side=int(row[trade_log.SIDE]),
        fraction=row[trade_log.FRACTION],
        entry_price=row[trade_log.ENTRY_PRICE],
        exit_price=row[trade_log.EXIT_PRICE],
        equity_before=row[trade_log.BEFORE],
        pnl=row[trade_log.PROFIT],
        trade_return=row[trade_log.RETURN],
        reason=ExitReason(int(row[trade_log.REASON])),
    )


def _target_masks(target: FloatArray) -> list[NDArray[np.bool_]]:
    """Masks that are always and never true, and the entry and exit of the long and of the short side."""
    always = np.ones(len(target), dtype=bool)
    return [always, ~always, target > 0.0, ~(target > 0.0), target < 0.0, ~(target < 0.0)]
