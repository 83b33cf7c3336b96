"""Many parameter sets of one strategy over one symbol's bars, scored by the compiled kernel."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optimizer.domain.bars import Bars, FloatArray
from optimizer.domain.space import Params
from optimizer.domain.study_request import Costs
from optimizer.engine import kernel, trade_log
from optimizer.engine.backtest import Backtest, play
from optimizer.engine.price_table import PriceTable
from optimizer.errors import TooFewBars
from optimizer.indicators.bitmasks import unpack_mask
from optimizer.indicators.conditions import Conditions
from optimizer.indicators.technical import supertrend
from optimizer.strategies.overlays import permission, volatility
from optimizer.strategies.registry import STRATEGIES, Side, Strategy

_COLUMN_OF = {name: i for i, name in enumerate(kernel.SCORE_NAMES)}
#: Masks that one set may ask for: enter, gate, trend and exit of two sides.
_MASKS_PER_SET = 8
#: Sets times bars from which a batch is worth spreading over the cores.
_WORTH_SPREADING = 2_000_000
#: The orders of a set, as columns of the kernel's `orders`, and what one unit of each is.
_ORDERS = (
    ("stop", kernel.STOP, 0.01),
    ("take", kernel.TAKE, 0.01),
    ("trail", kernel.TRAIL, 0.01),
    ("max_hold", kernel.MAX_HOLD, 1.0),
    ("voltarget", kernel.VOL_TARGET, 0.01),
)
_NO_VOLATILITY = 1


@dataclass(frozen=True, eq=False)
class Scores:
    """Measures of several sets over one window: one array of length n_sets a measure, NaN where there is none."""

    table: FloatArray  # (n_sets, measures), columns as in kernel.SCORE_NAMES

    def __len__(self) -> int:
        return len(self.table)

    def column(self, name: str) -> FloatArray:
        """The measure of that name (a field of spec.Measures) of every set."""
        return self.table[:, _COLUMN_OF[name]]

    @property
    def total_return(self) -> FloatArray:
        """Growth over the window, as fractions."""
        return self.column("total_return")

    @property
    def cagr(self) -> FloatArray:
        """Compound annual growth, as fractions."""
        return self.column("cagr")

    @property
    def annual_volatility(self) -> FloatArray:
        """Annualized standard deviation of the returns."""
        return self.column("annual_volatility")

    @property
    def sharpe_ratio(self) -> FloatArray:
        """Annualized Sharpe ratios."""
        return self.column("sharpe_ratio")

    @property
    def sortino_ratio(self) -> FloatArray:
        """Annualized Sortino ratios."""
        return self.column("sortino_ratio")

    @property
    def calmar_ratio(self) -> FloatArray:
        """Annual growth over the depth of the drawdown."""
        return self.column("calmar_ratio")

    @property
    def max_drawdown(self) -> FloatArray:
        """Deepest falls from a peak, as fractions ≤ 0."""
        return self.column("max_drawdown")

    @property
    def win_rate(self) -> FloatArray:
        """Shares of closed trades that made money."""
        return self.column("win_rate")

    @property
    def profit_factor(self) -> FloatArray:
        """Money won over money lost by closed trades."""
        return self.column("profit_factor")

    @property
    def expectancy(self) -> FloatArray:
        """Mean returns of closed trades."""
        return self.column("expectancy")

    @property
    def sqn(self) -> FloatArray:
        """System quality numbers."""
        return self.column("sqn")

    @property
    def exposure(self) -> FloatArray:
        """Shares of closes at which a position is held."""
        return self.column("exposure")

    @property
    def n_trades(self) -> NDArray[np.int64]:
        """Numbers of closed trades."""
        return self.column("n_trades").astype(np.int64)


@dataclass(frozen=True, kw_only=True, eq=False)
class Signals:
    """What a set says at each close: booleans, one a bar. They hold whatever position there is."""

    long_enter: NDArray[np.bool_]
    long_exit: NDArray[np.bool_]
    short_enter: NDArray[np.bool_]
    short_exit: NDArray[np.bool_]


@dataclass(frozen=True)
class _Batch:
    """Sets as the kernel reads them."""

    slots: NDArray[np.int64]
    orders: FloatArray
    volatility: FloatArray

    def __len__(self) -> int:
        return len(self.slots)


class Evaluator:
    """One strategy over one symbol's bars, ready to score many parameter sets over any stretch of rows.

    Rows [start, stop) are the scored window; earlier rows only warm indicators up. What the sets
    ask of the bars is kept for later sets, so an evaluator belongs to one thread at a time.
    A set's scores do not depend on the other sets of its batch, nor on threads.
    """

    def __init__(self, strategy: Strategy, bars: Bars, *, costs: Costs, allow_short: bool = False) -> None:
        """Raises UnusableBars or TooFewBars where the bars cannot be played."""
        self.strategy = strategy
        self.bars = bars
        self.costs = costs
        self.price_table = PriceTable.of(bars, costs)
        self._short = strategy.short if allow_short else None
        self._conditions = Conditions(self.price_table.played(bars))
        self._names = strategy.space.names
        self._values = itemgetter(*self._names)
        self._chunk = max(1, (self._conditions.capacity - 2) // _MASKS_PER_SET)
        self._no_volatility = np.empty(_NO_VOLATILITY)
        self._held: dict[tuple[int, int], Backtest] = {}  # buy and hold by its rows

    @property
    def cache_hits(self) -> int:
        """Rows of indicators that sets asked for and that were computed already."""
        return self._conditions.n_asked - self._conditions.n_computed

    @property
    def cache_misses(self) -> int:
        """Distinct rows of indicators that sets asked for."""
        return self._conditions.n_computed

    def scores(self, param_sets: Sequence[Params], *, start: int, stop: int) -> Scores:
        """Score sets over rows [start, stop)."""
        self._check_window(start, stop)
        price_table, bank = self.price_table, self._conditions.bank

        def score(batch: _Batch, out: FloatArray, first: int, last: int) -> None:
            kernel.score_sets(
                price_table.prices,
                price_table.sums,
                price_table.falls,
                batch.volatility,
                price_table.terms,
                bank,
                batch.slots,
                batch.orders,
                start,
                stop,
                first,
                last,
                out,
            )

        return Scores(self._filled(len(kernel.SCORE_NAMES), param_sets, score, stop - start))

    def returns(self, param_sets: Sequence[Params], *, start: int, stop: int) -> FloatArray:
        """Per-bar simple returns of sets over rows [start, stop), of shape (n_sets, stop − start)."""
        self._check_window(start, stop)
        price_table, bank = self.price_table, self._conditions.bank

        def fill(batch: _Batch, out: FloatArray, first: int, last: int) -> None:
            trade_log.fill_returns(
                price_table.prices,
                batch.volatility,
                price_table.terms,
                bank,
                batch.slots,
                batch.orders,
                start,
                stop,
                first,
                last,
                out,
            )

        return self._filled(stop - start, param_sets, fill, stop - start)

    def _filled(
        self,
        n_columns: int,
        param_sets: Sequence[Params],
        fill: Callable[[_Batch, FloatArray, int, int], None],
        n_bars: int,
    ) -> FloatArray:
        """(n_sets, n_columns) table whose rows `fill` writes, a batch at a time and each over the cores."""
        table = np.empty((len(param_sets), n_columns))
        for at in range(0, len(param_sets), self._chunk):
            batch = self._batch(param_sets[at : at + self._chunk])
            _spread(partial(fill, batch, table[at : at + self._chunk]), len(batch), n_bars)
        return table

    def backtest(self, params: Params, *, start: int, stop: int) -> Backtest:
        """One set in full over rows [start, stop)."""
        self._check_window(start, stop)
        return self._play(self._batch([params]), start, stop, self.buy_and_hold(start=start, stop=stop).returns)

    def signals(self, params: Params) -> Signals:
        """What one set, with its filters, says at the close of every bar."""
        batch, n = self._batch([params]), len(self.bars)
        bank = self._conditions.bank
        enter, gate, trend, leave, *short = (unpack_mask(bank[slot], n) for slot in batch.slots[0])
        return Signals(
            long_enter=enter & gate & trend & ~leave,
            long_exit=leave,
            short_enter=short[0] & short[1] & short[2] & ~short[3],
            short_exit=short[3],
        )

    def buy_and_hold(self, *, start: int, stop: int) -> Backtest:
        """Buy and hold over rows [start, stop): bought at the second open, with the same costs."""
        if (start, stop) not in self._held:
            self._check_window(start, stop)
            slots = np.array([[kernel.ALWAYS] * 3 + [kernel.NEVER] + [kernel.NEVER] * 4])
            batch = _Batch(slots, np.zeros((1, 5)), self._no_volatility)
            self._held[start, stop] = self._play(batch, start, stop, None)
        return self._held[start, stop]

    def _play(self, batch: _Batch, start: int, stop: int, benchmark: FloatArray | None) -> Backtest:
        return play(
            self.price_table,
            bank=self._conditions.bank,
            slots=batch.slots,
            orders=batch.orders,
            volatility=batch.volatility,
            window=(start, stop),
            costs=self.costs,
            benchmark=benchmark,
        )

    def _check_window(self, start: int, stop: int) -> None:
        if not 0 <= start <= stop - 2 or stop > len(self.bars):
            have = max(0, min(stop, len(self.bars)) - max(start, 0))
            raise TooFewBars(symbol=self.bars.symbol, have=have, need=2, reason="the window is empty")

    def _batch(self, param_sets: Sequence[Params]) -> _Batch:
        self._conditions.make_room(_MASKS_PER_SET * len(param_sets))
        columns = dict(zip(self._names, zip(*map(self._values, param_sets), strict=True), strict=True))
        slots = np.zeros((len(param_sets), 2 * kernel.SIDE_SLOTS), dtype=np.int64)
        slots[:, kernel.SIDE_SLOTS] = kernel.NEVER
        _put(slots, 0, self.strategy.long(self._conditions, columns))
        if self._short is not None:
            _put(slots, kernel.SIDE_SLOTS, self._short(self._conditions, columns))
        if max(map(len, param_sets)) == len(self._names):
            return _Batch(slots, np.zeros((len(param_sets), 5)), self._no_volatility)
        return self._dressed(param_sets, slots)

    def _dressed(self, param_sets: Sequence[Params], slots: NDArray[np.int64]) -> _Batch:
        """The batch of sets of which some wear overlays."""
        orders = np.zeros((len(param_sets), 5))
        for name, column, unit in _ORDERS:
            orders[:, column] = [float(params.get(name, 0)) * unit for params in param_sets]
        is_sized = orders[:, kernel.VOL_TARGET] > 0.0
        trends = [0 if "trend" in self._names else params.get("trend", 0) for params in param_sets]
        columns = trends, is_sized.tolist()
        slots[:, kernel.TREND] = self._conditions.above(permission, *columns, level=0)
        if self._short is not None:
            levels = [0 if trend else 2 for trend in trends]  # the row is 1 where there is no average
            slots[:, kernel.SIDE_SLOTS + kernel.TREND] = self._conditions.below(permission, *columns, level=levels)
        row = self._no_volatility
        if is_sized.any():
            row = self._conditions.row(volatility, self.price_table.periods_per_year)
        return _Batch(slots, orders, row)


def warm() -> None:
    """Load or compile every compiled function, so that no study waits for it."""
    rng = np.random.default_rng(7)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.02, 300)))
    time = np.arange(300).astype("datetime64[D]").astype("datetime64[ns]")
    bars = Bars(symbol="WARM", time=time, open=close, high=close, low=close, close=close, volume=close)
    evaluator = Evaluator(STRATEGIES["rsi"], bars, costs=Costs(), allow_short=True)
    param_sets = [evaluator.strategy.space.default]
    evaluator.scores(param_sets, start=50, stop=300)
    evaluator.returns(param_sets, start=50, stop=300)
    evaluator.backtest(param_sets[0], start=50, stop=300)
    supertrend(close, close, close, window=10, multiple=3.0)


def _put(slots: NDArray[np.int64], at: int, side: Side) -> None:
    slots[:, at + kernel.ENTER] = side.enter
    slots[:, at + kernel.EXIT] = side.exit
    if side.gate is not None:
        slots[:, at + kernel.GATE] = side.gate


def _spread(work: Callable[[int, int], Any], n_sets: int, n_bars: int) -> None:
    """Do the sets [0, n_sets), on all cores when there is enough to do."""
    n_cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    n_parts = min(n_cores, n_sets)
    if n_parts < 2 or n_sets * n_bars < _WORTH_SPREADING:
        work(0, n_sets)
        return
    # Several parts a core: sets differ in the trades they make.
    edges = np.linspace(0, n_sets, min(4 * n_parts, n_sets) + 1).astype(int).tolist()
    with ThreadPoolExecutor(n_parts) as pool:
        list(pool.map(work, edges[:-1], edges[1:]))
