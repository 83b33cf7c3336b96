"""Sums of sets' returns over stretches of long histories, without a table of all returns in memory.

Returns and timing returns are those of `Evaluator.returns_and_timing`, bar by bar, but each is added where it belongs
as soon as it is known. Sums are taken in the order of the bars.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from optimizer.compiled import compiled
from optimizer.domain.bars import Bars, FloatArray
from optimizer.domain.space import Params
from optimizer.domain.study_request import Costs
from optimizer.engine.evaluator import Batch, Evaluator
from optimizer.engine.kernel import Ints, SetArrays, Words
from optimizer.engine.orders import FINANCED, NO_RETURN, interest
from optimizer.engine.spans import CASH, CLOSE, OPEN, PriceArrays
from optimizer.engine.trade_log import N_TRADE_COLUMNS, record_set
from optimizer.strategies.registry import STRATEGIES


@dataclass(frozen=True, kw_only=True, eq=False)
class ReturnSums:
    """Sums over bars of several sets' returns."""

    rows: FloatArray  # (n_sets, n_rows) of timing returns, over rows of equal length
    products: FloatArray  # (n_sets,) of timing returns times the market's around its mean, over all bars
    blocks: FloatArray  # (n_sets, n_blocks) of returns, over blocks of equal length
    squares: FloatArray  # (n_sets, n_blocks) of their squares


def return_sums(
    evaluator: Evaluator, param_sets: Sequence[Params], *, start: int, stop: int, bars_per_row: int, n_blocks: int
) -> ReturnSums:
    """Sum the returns of sets over bars [start, stop), the oldest rest left out of rows and blocks.

    Timing returns are those against the market's mean over the same bars. Raises TooFewBars.
    """
    n_bars, market = stop - start, evaluator.buy_and_hold(start=start, stop=stop).returns
    n_rows, bars_per_block = n_bars // bars_per_row, n_bars // n_blocks if n_blocks else n_bars
    drift, centred = float(market.mean()), market - market.mean()
    stretches = _stretches(n_bars, (bars_per_row, n_rows), (bars_per_block, n_blocks))
    table = evaluator.price_table

    def fill(batch: Batch, out: FloatArray, first: int, last: int) -> None:
        sets = batch.volatility, table.terms, batch.bank, batch.slots, batch.orders
        _fill_sums(table.prices, *sets, start, stop, first, last, drift, centred, stretches, n_rows, n_blocks, out)

    # One column more for what belongs to no row, and two for what belongs to no block.
    found = evaluator.filled(n_rows + 2 * n_blocks + 4, param_sets, fill, n_bars)
    at = n_rows + 2
    return ReturnSums(
        rows=found[:, :n_rows],
        products=found[:, n_rows + 1],
        blocks=found[:, at : at + n_blocks],
        squares=found[:, at + n_blocks + 1 : -1],
    )


def _stretches(n_bars: int, *parts: tuple[int, int]) -> Ints:
    """Stretches of bars without an edge of a part inside, (n, 1 + parts): the bar after each, and its parts' numbers.

    `parts` are lengths and counts; the oldest bars, which are in none of them, have the number after the last.
    """
    edges = {n_bars}
    for length, count in parts:
        edges.update(range(n_bars - length * count, n_bars, length) if count else ())
    ends = np.array(sorted(edges - {0}))
    columns = [ends]
    for length, count in parts:
        numbers = count - 1 - (n_bars - ends) // length
        columns.append(np.where(numbers >= 0, numbers, count))
    return np.stack(columns, axis=1)


@compiled
def _fill_sums(
    prices: FloatArray,
    volatility: FloatArray,
    terms: FloatArray,
    bank: Words,
    slots: Ints,
    orders: FloatArray,
    start: int,
    stop: int,
    first: int,
    last: int,
    drift: float,
    centred: FloatArray,
    stretches: Ints,
    n_rows: int,
    n_blocks: int,
    out: FloatArray,
) -> None:
    """Write the sums of sets [first, last) into the rows of `out`, in the order of `return_sums`."""
    market = PriceArrays(prices, orders, orders, volatility, terms)
    param_sets = SetArrays(bank, slots, orders)
    equity, position = np.empty(stop - start), np.empty(stop - start)
    no_trades = np.empty((0, N_TRADE_COLUMNS))
    for i in range(first, last):
        record_set(market, param_sets, i, start, stop, equity, position, no_trades)
        _add_returns(market, start, equity, position, drift, centred, stretches, n_rows, n_blocks, out[i])


@compiled
def _add_returns(
    market: PriceArrays,
    start: int,
    equity: FloatArray,
    position: FloatArray,
    drift: float,
    centred: FloatArray,
    stretches: Ints,
    n_rows: int,
    n_blocks: int,
    out: FloatArray,
) -> None:
    """Add up the returns of one set, a stretch of bars at a time."""
    out[:] = 0.0
    is_financed, close = market.terms[FINANCED] > 0.0, market.prices[CLOSE]
    before, held, shares, product, bar = 1.0, 0.0, 0.0, 0.0, 0
    for k in range(len(stretches)):
        timed, earned, squares = 0.0, 0.0, 0.0
        for t in range(bar, stretches[k, 0]):
            beyond = _beyond_cash(market, start + t, equity[t], before) if is_financed else equity[t] / before - 1.0
            exposed = 0.0
            if position[t] != held:
                held = position[t]
                shares = held * before / market.prices[OPEN, start + t]
                exposed = held
            elif held != 0.0:
                exposed = shares * close[start + t - 1] / before
            if before > 0.0:
                own = beyond - drift * exposed
                timed += own
                product += own * centred[t]
                earned += beyond
                squares += beyond * beyond
            before = equity[t]
        bar = stretches[k, 0]
        out[stretches[k, 1]] += timed
        out[n_rows + 2 + stretches[k, 2]] += earned
        out[n_rows + n_blocks + 3 + stretches[k, 2]] += squares
    out[n_rows + 1] = product


@compiled
def _beyond_cash(market: PriceArrays, bar: int, equity: float, before: float) -> float:
    """Return of a bar beyond that of cash."""
    earned = interest(market.prices[CASH], bar)
    beyond: float = equity / before - 1.0 - earned
    return 0.0 if earned != 0.0 and abs(beyond) < NO_RETURN else beyond


def warm() -> None:
    """Load or compile every compiled function of this module, so that no study waits for it."""
    close = np.linspace(100.0, 110.0, 60)
    time = np.arange(60).astype("datetime64[D]").astype("datetime64[ns]")
    bars = Bars(symbol="WARM", time=time, open=close, high=close, low=close, close=close, volume=close)
    evaluator = Evaluator(STRATEGIES["rsi"], bars, costs=Costs())
    return_sums(evaluator, [evaluator.strategy.space.default], start=0, stop=60, bars_per_row=5, n_blocks=0)
