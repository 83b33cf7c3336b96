"""One RSI set scored from raw prices in a single compiled call.

For a question that is asked once of a series: one set over each symbol of a watch list, or over
thousands of simulated walks. There an Evaluator's preparation, which pays for itself when many sets
share a series, would cost more than the answer. Nothing is kept between calls; the rules, the fills
and the measures are those of the kernel, position by position.
"""

import numpy as np

from optimizer import kernel
from optimizer.compiled import compiled
from optimizer.kernel import Words
from optimizer.masks import mask_row
from optimizer.recurrences import continue_rsi, first_moves
from optimizer.series import FloatArray
from optimizer.space import Params
from optimizer.spec import Costs
from optimizer.tape import cost_factors

#: Masks of the little bank: always, never, enter, leave, trend.
_ENTER, _LEAVE, _TREND = 2, 3, 4
#: Bars whose indicator is held at a time; a multiple of a word's 64.
_STRETCH = 1024


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
    bank = np.empty((5, (n + 63) >> 6), np.uint64)
    bank[kernel.ALWAYS] = np.uint64(0xFFFFFFFFFFFFFFFF)
    bank[kernel.NEVER] = np.uint64(0)
    _mask_rsi(close, rule, bank)
    slots = np.zeros((1, 2 * kernel.SIDE_SLOTS), np.int64)
    slots[0, kernel.ENTER], slots[0, kernel.EXIT] = _ENTER, _LEAVE
    slots[0, kernel.SIDE_SLOTS] = kernel.NEVER
    if trend > 0:
        _mask_trend(close, trend, bank[_TREND])
        slots[0, kernel.TREND] = _TREND
    account, cursors, out = np.empty(kernel.N_ACCOUNT), np.empty(2, np.int64), np.empty(kernel.N_SCORES)
    nothing = np.empty((0, 3))
    market = kernel.Market(prices, nothing, nothing, terms, terms)
    kernel.play_set(market, kernel.Sets(bank, slots, orders), 0, 0, n, account, cursors)
    kernel.score_account(account, n, terms, out)
    return out


@compiled
def _mask_rsi(close: FloatArray, rule: FloatArray, bank: Words) -> None:
    """Write the masks of both levels, a stretch of bars at a time that stays in the nearest cache."""
    window = int(rule[0])
    stretch = np.empty(_STRETCH)
    gain, loss = first_moves(close, window)
    for first in range(0, close.shape[0], _STRETCH):
        some = stretch[: min(_STRETCH, close.shape[0] - first)]
        gain, loss = continue_rsi(close, window, first, gain, loss, some)
        mask_row(some, rule[1], -1.0, True, bank[_ENTER, first >> 6 :])
        mask_row(some, rule[2], 1.0, True, bank[_LEAVE, first >> 6 :])


@compiled
def _mask_trend(close: FloatArray, window: int, mask: Words) -> None:
    """Write where the close is above its simple moving average, added up as TA-Lib does."""
    stretch = np.empty(_STRETCH)
    total = 0.0
    for first in range(0, close.shape[0], _STRETCH):
        some = stretch[: min(_STRETCH, close.shape[0] - first)]
        for j in range(some.shape[0]):
            t = first + j
            total += close[t]
            some[j] = np.nan
            if t >= window - 1:
                some[j] = close[t] - total / window
                total -= close[t - window + 1]
        mask_row(some, 0.0, 1.0, True, mask[first >> 6 :])
