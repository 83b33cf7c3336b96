"""One RSI set scored from raw prices in a single compiled call.

For a question that is asked once of a series: one set over each symbol of a watch list, or over
thousands of simulated walks. There an Evaluator's preparation, which pays for itself when many sets
share a series, would cost more than the answer. Nothing is kept between calls; the rules, the fills
and the measures are those of the kernel, position by position.
"""

import numpy as np

from optimizer import kernel
from optimizer.compiled import compiled
from optimizer.indicators import fill_rsi
from optimizer.masks import mask_row
from optimizer.series import FloatArray
from optimizer.space import Params
from optimizer.spec import Costs
from optimizer.tape import cost_factors

#: Masks of the little bank: always, never, enter, leave, trend.
_ENTER, _LEAVE, _TREND = 2, 3, 4


class RsiOnce:
    """A set of the RSI strategy, ready for any number of series."""

    def __init__(self, params: Params, *, costs: Costs, periods_per_year: float) -> None:
        self.rule = np.array([float(params[name]) for name in ("period", "oversold", "overbought")])
        self.trend = int(params.get("trend", 0))
        self.orders = np.zeros((1, 5))
        for column, name in ((kernel.STOP, "stop"), (kernel.TAKE, "take"), (kernel.TRAIL, "trail")):
            self.orders[0, column] = float(params.get(name, 0)) * 0.01
        self.orders[0, kernel.MAX_HOLD] = float(params.get("max_hold", 0))
        self.terms = np.array([*cost_factors(costs), periods_per_year, 0.0])

    def score(self, prices: FloatArray) -> FloatArray:
        """Scores in the order of kernel.SCORE_NAMES, over all rows of prices: (4, n) open, high, low, close."""
        return score_rsi(prices, self.rule, self.trend, self.orders, self.terms)


@compiled
def score_rsi(prices: FloatArray, rule: FloatArray, trend: int, orders: FloatArray, terms: FloatArray) -> FloatArray:
    """Score the long side of one RSI set; `rule` is period, oversold, overbought; no trend filter if 0."""
    n = prices.shape[1]
    close = prices[kernel.CLOSE]
    row = np.empty(n)
    bank = np.empty((5, (n + 63) >> 6), np.uint64)
    bank[kernel.ALWAYS] = np.uint64(0xFFFFFFFFFFFFFFFF)
    bank[kernel.NEVER] = np.uint64(0)
    fill_rsi(close, int(rule[0]), row)
    mask_row(row, rule[1], -1.0, True, bank[_ENTER])
    mask_row(row, rule[2], 1.0, True, bank[_LEAVE])
    slots = np.zeros((1, 2 * kernel.SIDE_SLOTS), np.int64)
    slots[0, kernel.ENTER], slots[0, kernel.EXIT] = _ENTER, _LEAVE
    slots[0, kernel.SIDE_SLOTS] = kernel.NEVER
    if trend > 0:
        _fill_distance(close, trend, row)
        mask_row(row, 0.0, 1.0, True, bank[_TREND])
        slots[0, kernel.TREND] = _TREND
    account, cursors, out = np.empty(kernel.N_ACCOUNT), np.empty(2, np.int64), np.empty(kernel.N_SCORES)
    nothing = np.empty((0, 3))
    market = kernel.Market(prices, nothing, nothing, row, terms)
    kernel.play_set(market, kernel.Sets(bank, slots, orders), 0, 0, n, account, cursors)
    kernel.score_account(account, n, terms, out)
    return out


@compiled
def _fill_distance(close: FloatArray, window: int, row: FloatArray) -> None:
    """Write how far each close is above its simple moving average, added up as TA-Lib does."""
    row[: window - 1] = np.nan
    total = 0.0
    for t in range(min(window - 1, close.shape[0])):
        total += close[t]
    for t in range(window - 1, close.shape[0]):
        total += close[t]
        row[t] = close[t] - total / window
        total -= close[t - window + 1]
