"""Scores of many parameter sets of one strategy over one symbol's bars, by the compiled kernel."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from functools import partial
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optimizer.domain.bars import Bars, FloatArray
from optimizer.domain.metrics import periods_per_year
from optimizer.domain.space import Params, Space
from optimizer.domain.study_request import Account, Costs, Reentry
from optimizer.engine import kernel, trade_log
from optimizer.engine.backtest import Backtest, run_backtest
from optimizer.engine.price_table import PriceTable
from optimizer.engine.set_scores import Batch, KeptSets, Scores
from optimizer.engine.spans import passing_spans
from optimizer.errors import Phrase, TooFewBars
from optimizer.indicators.bitmasks import one_bar_later, unpack_mask
from optimizer.indicators.conditions import NO_OTHERS, Conditions
from optimizer.indicators.cores import over_cores
from optimizer.indicators.technical import supertrend
from optimizer.learned.regime_rows import ANY_REGIME, gate
from optimizer.learned.rows import Training
from optimizer.strategies.overlays import GATE, permission, volatility
from optimizer.strategies.regimes.splitting import stressed
from optimizer.strategies.registry import STRATEGIES, Side, Strategy

#: Sets of a batch: so many that the indicators of its entries are still cached for its exits.
_MOST_TOGETHER = 512
#: Where fewer indicators than this are kept, which is so from 50,000 bars on, sets go in an order in which neighbours
#: share theirs, a few at a time: else each indicator would be computed again and again.
_ENOUGH_KEPT, _FEW_TOGETHER = 64, 16
#: From so many sets on what spans of bars are marked from is worth keeping of each bar, unless they fill the caches.
_MANY_SETS, _MOST_EACH_BAR = 64, 50_000
#: The overlays that are orders: name, column of the kernel's `orders`, and the factor to its unit.
_ORDERS = (
    ("stop", kernel.STOP, 0.01),
    ("take", kernel.TAKE, 0.01),
    ("trail", kernel.TRAIL, 0.01),
    ("max_hold", kernel.MAX_HOLD, 1.0),
    ("voltarget", kernel.VOL_TARGET, 0.01),
)
#: Further masks that a set may need: its gate by regime, joined with the trend of each side, and that of stress.
_MASKS_OF_REGIMES = 4
_NO_VOLATILITY = np.empty(1)
#: Slots of a set before its sides are filled in.
_NO_SIGNALS = np.zeros((1, kernel.N_SLOTS), dtype=np.int64)
_NO_SIGNALS[:, [kernel.SIDE_SLOTS, kernel.STRESS]] = kernel.NEVER
#: Slots of buy and hold.
_HOLDING = np.array([[kernel.ALWAYS] * 3 + [kernel.NEVER] * (kernel.N_SLOTS - 3)])
#: Orders of a set that has none; nothing writes into them.
_NO_ORDERS = np.zeros((1, kernel.N_ORDERS))
_NO_ACCOUNT = Account()
_N_SCORES = len(kernel.SCORE_NAMES)


@dataclass(frozen=True, kw_only=True, eq=False)
class Signals:
    """Entry and exit signals of one set at each close, (n_bars,) each; they do not depend on the position."""

    long_enter: NDArray[np.bool_]
    long_exit: NDArray[np.bool_]
    short_enter: NDArray[np.bool_]
    short_exit: NDArray[np.bool_]


class Evaluator:
    """One strategy over one symbol's bars, ready to score many parameter sets over any window of them.

    Bars [start, stop) are the scored window; earlier bars only warm up indicators. Indicators and
    masks are cached for later sets, so an evaluator belongs to one thread at a time.
    A set's scores do not depend on the other sets of its batch, nor on threads.
    """

    def __init__(
        self,
        strategy: Strategy,
        bars: Bars,
        *,
        costs: Costs,
        allow_short: bool = False,
        reenter: Reentry = Reentry.FRESH,
        counts_ahead: bool = False,
        account: Account = _NO_ACCOUNT,
        yields: Bars | None = None,
        others: Mapping[str, Bars] = NO_OTHERS,
        capacity: int | None = None,
    ) -> None:
        """Prepare the bars; `yields` are those of the account's interest symbol, `others` those that a rule reads.

        `capacity` is the number of masks that are kept: by default as many as memory allows.
        Raises UnusableBars or TooFewBars.
        """
        self.strategy = strategy
        self.bars = bars
        self.costs = costs
        self.price_table = PriceTable.of(bars, costs, account, yields=yields)
        self._short = strategy.short if allow_short else None
        self._reenter = reenter
        self._counts_ahead = counts_ahead
        self._conditions = Conditions(self.price_table.contiguous, others, costs=costs, capacity=capacity)
        self._names = strategy.space.names
        self._n_bars = self._conditions.n_bars
        self._single_slots = _NO_SIGNALS.copy()
        self._single_row = self._single_slots.data.cast("B").cast("q")
        self._room = kernel.new_room()
        self._has_played = False
        self._buy_and_hold: dict[tuple[int, int], Backtest] = {}  # by (start, stop)
        self._kept: KeptSets | None = None

    @property
    def allows_short(self) -> bool:
        """True if sets may sell short."""
        return self._short is not None

    @property
    def cache_hits(self) -> int:
        """Number of indicators requested by sets that were computed before."""
        return self._conditions.n_requested - self._conditions.n_computed

    @property
    def cache_misses(self) -> int:
        """Number of distinct indicators requested by sets."""
        return self._conditions.n_computed

    def train(self, space: Space, training: Training) -> None:
        """Fit every row that the strategy learns for a space. Raises TrainingStopped, or what a fit does."""
        if (learned := self.strategy.learned) is None:
            return
        for values in learned.choices(space):
            learned.of(self._conditions, *values, watch=training)
            training.row += 1

    def learned(self, params: Params) -> Any:
        """What the strategy learned for a set, as `Strategy.learned` fits it; None where it learns nothing."""
        row = self.strategy.learned
        return row.of(self._conditions, *row.values_of(params)) if row else None

    def scores(self, param_sets: Sequence[Params], *, start: int, stop: int) -> Scores:
        """Score sets over bars [start, stop). Raises TooFewBars."""
        self._check_window(start, stop)
        if len(param_sets) == 1:
            return self._scores_of_one(param_sets[0], start, stop)
        price_table, is_many = self.price_table, len(param_sets) >= _MANY_SETS and len(self.bars) <= _MOST_EACH_BAR
        spans = price_table.spans_of_bars if is_many else price_table.spans

        def score(batch: Batch, out: FloatArray, first: int, last: int) -> None:
            kernel.score_sets(
                price_table.prices,
                *spans,
                batch.volatility,
                price_table.terms,
                batch.bank,
                batch.slots,
                batch.orders,
                start,
                stop,
                first,
                last,
                *kernel.new_room(),
                out,
            )

        if self._keeps_enough:
            return Scores(self.filled(_N_SCORES, param_sets, score, stop - start))
        order = in_common_order(param_sets)
        table = self.filled(_N_SCORES, [param_sets[row] for row in order], score, stop - start)
        return Scores(table[np.argsort(order)])

    def _scores_of_one(self, params: Params, start: int, stop: int) -> Scores:
        """Score the single set of a trial, for which the way of many sets would cost as much again."""
        table, price_table = np.empty((1, _N_SCORES)), self.price_table
        bank, slots, orders, volatility = self._batch_of_one(params)
        sums, tree = price_table.spans if self._has_played else passing_spans()
        self._has_played = True  # what the next sets are marked from is worth keeping
        market = price_table.prices, sums, tree, volatility, price_table.terms
        kernel.score_sets(*market, bank, slots, orders, start, stop, 0, 1, *self._room, table)
        return Scores(table)

    @property
    def _keeps_enough(self) -> bool:
        return self._conditions.n_kept >= _ENOUGH_KEPT

    @property
    def _masks_per_set(self) -> int:
        return self.strategy.masks_per_set + _MASKS_OF_REGIMES

    @property
    def _chunk_size(self) -> int:
        """Most sets of a batch."""
        room = (self._conditions.capacity - 2) // self._masks_per_set
        return min(max(1, room), _MOST_TOGETHER if self._keeps_enough else _FEW_TOGETHER)

    def best_order(self, param_sets: Sequence[Params]) -> Sequence[int]:
        """Rows of sets in the order in which they are played in the least time."""
        return range(len(param_sets)) if self._keeps_enough else in_common_order(param_sets)

    def returns(self, param_sets: Sequence[Params], *, start: int, stop: int) -> FloatArray:
        """Per-bar returns of sets beyond cash over bars [start, stop), (n_sets, stop − start). Raises TooFewBars."""
        return self._returns(param_sets, start, stop, n_kinds=1, drift=0.0)[:, 0]

    def returns_and_timing(
        self, param_sets: Sequence[Params], *, start: int, stop: int, market: tuple[int, int]
    ) -> tuple[FloatArray, FloatArray]:
        """Returns as by `returns`, and the same less what each bar's exposure earns at the market's mean return.

        That mean is over the bars of `market`, [first, last). What is left has no share in a rise of the market,
        however long a set stays in it: the rule is judged on detrended prices (Aronson, "Evidence-Based Technical
        Analysis", 2006, chapter 1), while its signals see the real ones. Raises TooFewBars.
        """
        drift = float(self.buy_and_hold(start=market[0], stop=market[1]).returns.mean())
        table = self._returns(param_sets, start, stop, n_kinds=2, drift=drift)
        return table[:, 0], table[:, 1]

    def timing_returns(
        self, param_sets: Sequence[Params], *, start: int, stop: int, market: tuple[int, int]
    ) -> FloatArray:
        """Second part of `returns_and_timing`, (n_sets, stop − start). Raises TooFewBars."""
        return self.returns_and_timing(param_sets, start=start, stop=stop, market=market)[1]

    def sharpe_ratios(self, param_sets: Sequence[Params], *, start: int, stop: int) -> FloatArray:
        """Sharpe ratios of sets per bar, (n_sets,); NaN for one whose returns do not move. Raises TooFewBars."""
        annual = self.scores(param_sets, start=start, stop=stop).sharpe_ratio
        return annual / math.sqrt(periods_per_year(self.bars))

    def _returns(
        self, param_sets: Sequence[Params], start: int, stop: int, *, n_kinds: int, drift: float
    ) -> FloatArray:
        """(n_sets, n_kinds, n_bars) returns, the second kind those of timing."""
        self._check_window(start, stop)
        price_table, n_bars = self.price_table, stop - start

        def fill(batch: Batch, out: FloatArray, first: int, last: int) -> None:
            trade_log.fill_returns(
                price_table.prices,
                batch.volatility,
                price_table.terms,
                batch.bank,
                batch.slots,
                batch.orders,
                start,
                stop,
                first,
                last,
                drift,
                out.reshape(len(out), n_kinds, n_bars),
            )

        table = self.filled(n_kinds * n_bars, param_sets, fill, n_bars)
        return table.reshape(len(param_sets), n_kinds, n_bars)

    def filled(
        self,
        n_columns: int,
        param_sets: Sequence[Params],
        fill: Callable[[Batch, FloatArray, int, int], None],
        n_bars: int,
    ) -> FloatArray:
        """(n_sets, n_columns) table whose rows `fill` writes, a batch at a time and each over the cores.

        It is called with a batch, the batch's part of the table, and the numbers of its first and after its last set.
        """
        table, at = np.empty((len(param_sets), n_columns)), 0
        for batch in self._batches(param_sets):
            n_sets = len(batch.slots)
            over_cores(partial(fill, batch, table[at : at + n_sets]), n_sets, n_bars)
            at += n_sets
        return table

    def _batches(self, param_sets: Sequence[Params]) -> Iterator[Batch]:
        """Cut sets into batches.

        What is read of a tuple of sets is kept while its masks are: a whole grid is scored over one window after the
        other, and some of its sets are played once more.
        """
        kept, size = self._kept, self._chunk_size
        is_known = kept is not None and kept.generation == self._conditions.generation
        if kept is not None and is_known and (rows := kept.rows(param_sets)) is not None:
            for part in (np.array(rows[at : at + size]) for at in range(0, len(rows), size)):
                yield Batch(self._conditions.bank, kept.slots[part], kept.orders[part], kept.volatility)
            return
        batches, generations = list[Batch](), set[int]()
        for at in range(0, len(param_sets), size):
            batches.append(self._batch(param_sets[at : at + size]))
            generations.add(self._conditions.generation)
            yield batches[-1]
        if isinstance(param_sets, tuple) and len(generations) == 1:
            self._kept = KeptSets.of(param_sets, generations.pop(), batches)

    def entry_means(self, param_sets: Sequence[Params], rows: FloatArray, *, start: int, stop: int) -> FloatArray:
        """Mean over each set's entries in bars [start, stop) of `rows` at the close that decided it, (n_sets,).

        `rows` is (2, n_bars): for long entries, and for short ones. 0 without an entry. Raises TooFewBars.
        """
        self._check_window(start, stop)
        price_table = self.price_table

        def fill(batch: Batch, out: FloatArray, first: int, last: int) -> None:
            arrays = batch.volatility, price_table.terms, batch.bank, batch.slots, batch.orders
            trade_log.fill_entry_means(price_table.prices, *arrays, start, stop, first, last, rows, out)

        return self.filled(1, param_sets, fill, stop - start)[:, 0]

    def backtest(self, params: Params, *, start: int, stop: int) -> Backtest:
        """Backtest of one set over bars [start, stop). Raises TooFewBars."""
        self._check_window(start, stop)
        return self._run(self._batch_of_one(params), start, stop, self.buy_and_hold(start=start, stop=stop).returns)

    def stressed(self, params: Params, *, start: int, stop: int, costs: Costs, is_late: bool = False) -> Backtest:
        """Backtest of one set with other costs, and with every signal heard one bar later if `is_late`.

        Stops, targets and other orders within a trade stay what they are.
        """
        self._check_window(start, stop)
        batch = self._batch([params])
        bank, slots = batch.bank, batch.slots
        if is_late:
            bank, slots = one_bar_later(bank[slots[0]], len(self.bars)), np.arange(slots.shape[1])[None]
        return run_backtest(
            self.price_table.with_costs(costs),
            bank=bank,
            slots=slots,
            orders=batch.orders,
            volatility=batch.volatility,
            window=(start, stop),
            costs=costs,
        )

    def with_strategy(self, strategy: Strategy) -> "Evaluator":
        """Evaluator of another strategy over the same bars, which shares prices and indicators with this one."""
        other = copy(self)
        other.strategy, other._kept = strategy, None
        other._short = strategy.short if self._short is not None else None
        other._names = strategy.space.names
        other._single_slots = _NO_SIGNALS.copy()
        other._single_row = other._single_slots.data.cast("B").cast("q")
        return other

    def signals(self, params: Params) -> Signals:
        """Entry and exit signals of one set, with its filters, at the close of every bar."""
        batch, n = self._batch([params]), len(self.bars)
        enter, passes, trend, leave, *short = (unpack_mask(batch.bank[slot], n) for slot in batch.slots[0])
        return Signals(
            long_enter=enter & passes & trend & ~leave,
            long_exit=leave,
            short_enter=short[0] & short[1] & short[2] & ~short[3],
            short_exit=short[3],
        )

    def buy_and_hold(self, *, start: int, stop: int) -> Backtest:
        """Backtest of buy and hold over bars [start, stop): bought at the second open, with the same costs."""
        if (start, stop) not in self._buy_and_hold:
            self._check_window(start, stop)
            batch = Batch(self._conditions.bank, _HOLDING, _NO_ORDERS, _NO_VOLATILITY)
            self._buy_and_hold[start, stop] = self._run(batch, start, stop, None)
        return self._buy_and_hold[start, stop]

    def _run(self, batch: Batch, start: int, stop: int, benchmark: FloatArray | None) -> Backtest:
        return run_backtest(
            self.price_table,
            bank=batch.bank,
            slots=batch.slots,
            orders=batch.orders,
            volatility=batch.volatility,
            window=(start, stop),
            costs=self.costs,
            benchmark=benchmark,
        )

    def _check_window(self, start: int, stop: int) -> None:
        if not 0 <= start <= stop - 2 or stop > self._n_bars:
            have = max(0, min(stop, len(self.bars)) - max(start, 0))
            raise TooFewBars(symbol=self.bars.symbol, have=have, need=2, reason=Phrase("empty_window"))

    def _batch(self, param_sets: Sequence[Params]) -> Batch:
        self._conditions.make_room(self._masks_per_set * len(param_sets))
        columns = dict(zip(self._names, zip(*map(_values_of(self._names), param_sets), strict=True), strict=True))
        for each in self.strategy.on_request:
            columns[each.name] = tuple(params.get(each.name, each.default) for params in param_sets)
        slots = _NO_SIGNALS.repeat(len(param_sets), axis=0)
        _fill_side(slots, 0, self.strategy.long(self._conditions, columns))
        if self._short is not None:
            _fill_side(slots, kernel.SIDE_SLOTS, self._short(self._conditions, columns))
        if max(map(len, param_sets)) == len(self._names):
            return Batch(self._conditions.bank, slots, _no_orders(len(param_sets)), _NO_VOLATILITY)
        return self._batch_with_overlays(param_sets, slots)

    def _batch_of_one(self, params: Params) -> Batch:
        """Batch of the single set of a trial, to be played at once: the next one may take its slots."""
        if len(params) != len(self._names):
            return self._batch([params])
        self._conditions.make_room(self._masks_per_set)
        columns = {name: (value,) for name, value in params.items()}
        for each in self.strategy.on_request:
            columns[each.name] = (params.get(each.name, each.default),)
        _fill_single(self._single_row, 0, self.strategy.long(self._conditions, columns))
        if self._short is not None:
            _fill_single(self._single_row, kernel.SIDE_SLOTS, self._short(self._conditions, columns))
        return Batch(self._conditions.bank, self._single_slots, _NO_ORDERS, _NO_VOLATILITY)

    def _batch_with_overlays(self, param_sets: Sequence[Params], slots: NDArray[np.int64]) -> Batch:
        """Batch of sets of which some have overlays."""
        orders = np.zeros((len(param_sets), kernel.N_ORDERS))
        for name, column, unit in _ORDERS:
            orders[:, column] = [float(params.get(name, 0)) * unit for params in param_sets]
        orders[:, kernel.REENTER] = self._reenter is Reentry.SIGNAL
        self._split_orders(param_sets, slots, orders)
        is_sized = orders[:, kernel.VOL_TARGET] > 0.0
        trends = [0 if "trend" in self._names else params.get("trend", 0) for params in param_sets]
        columns = trends, is_sized.tolist()
        slots[:, kernel.TREND] = self._conditions.above(permission, *columns, level=0)
        if self._short is not None:
            levels = [0 if trend else 2 for trend in trends]  # `permission` is 1 without an average
            slots[:, kernel.SIDE_SLOTS + kernel.TREND] = self._conditions.below(permission, *columns, level=levels)
        self._close_gates(param_sets, slots)
        volatilities = _NO_VOLATILITY
        if is_sized.any():
            volatilities = self._conditions.indicator(volatility, self._counts_ahead)
        return Batch(self._conditions.bank, slots, orders, volatilities)

    def _split_orders(self, param_sets: Sequence[Params], slots: NDArray[np.int64], orders: FloatArray) -> None:
        """Set the orders of stress: those of the set itself, unless they have a value of their own."""
        stress = self.strategy.stress
        for name, column, unit in _ORDERS[: kernel.N_ORDERS - kernel.STRESSED]:
            values = [float(params.get(stressed(name), params.get(name, 0))) * unit for params in param_sets]
            orders[:, kernel.STRESSED + column] = values
        if stress is not None:
            slots[:, kernel.STRESS] = self._conditions.above(stress, [0] * len(param_sets), level=0.5)

    def _close_gates(self, param_sets: Sequence[Params], slots: NDArray[np.int64]) -> None:
        """Let sets with a gate by regime open only at closes in its regimes, on both sides."""
        words = [params.get(GATE, ANY_REGIME) for params in param_sets]
        if all(word == ANY_REGIME for word in words):
            return
        is_open = self._conditions.above(gate, words, level=0.5)
        sides = (0, kernel.SIDE_SLOTS) if self._short is not None else (0,)
        for first in sides:
            column = first + kernel.TREND
            slots[:, column] = self._conditions.both(slots[:, column], is_open)


def warm() -> None:
    """Load or compile every compiled function of a backtest, so that no study waits for it."""
    rng = np.random.default_rng(7)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.02, 300)))
    time = np.arange(300).astype("datetime64[D]").astype("datetime64[ns]")
    bars = Bars(symbol="WARM", time=time, open=close, high=close, low=close, close=close, volume=close)
    evaluator = Evaluator(STRATEGIES["rsi"], bars, costs=Costs(), allow_short=True)
    one = evaluator.strategy.space.default
    param_sets = [one, {**one, "oversold": 25}]  # several masks at a time, as of one set each alone
    evaluator.scores([one], start=50, stop=300)
    evaluator.scores(param_sets, start=50, stop=300)
    evaluator.returns(param_sets, start=50, stop=300)
    evaluator.entry_means(param_sets, np.zeros((2, 300)), start=50, stop=300)
    evaluator.backtest(one, start=50, stop=300).objective("sharpe_ratio")  # which is one of all its measures
    supertrend(close, close, close, window=10, multiple=3.0)


def _values_of(names: Sequence[str]) -> Callable[[Params], tuple[Any, ...]]:
    """Function that takes a set's values in the order of `names`."""
    if len(names) > 1:
        return itemgetter(*names)
    return lambda params: tuple(params[name] for name in names)


def in_common_order(param_sets: Sequence[Params]) -> list[int]:
    """Rows of sets in an order in which neighbours share most of their indicators."""
    return sorted(range(len(param_sets)), key=lambda row: tuple(param_sets[row].values()))


def _no_orders(n_sets: int) -> FloatArray:
    return _NO_ORDERS if n_sets == 1 else np.zeros((n_sets, kernel.N_ORDERS))


def _fill_single(row: "memoryview[int]", first: int, side: Side) -> None:
    """As `_fill_side`, of one set: to write single numbers through a view of memory takes half of NumPy's time."""
    enter, leave, opens = side
    row[first + kernel.ENTER] = enter.item()
    row[first + kernel.EXIT] = leave.item()
    row[first + kernel.GATE] = kernel.ALWAYS if opens is None else opens.item()


def _fill_side(slots: NDArray[np.int64], first: int, side: Side) -> None:
    slots[:, first + kernel.ENTER] = side.enter
    slots[:, first + kernel.EXIT] = side.exit
    if side.gate is not None:
        slots[:, first + kernel.GATE] = side.gate
