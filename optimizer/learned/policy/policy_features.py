"""What a policy sees at each close: seven facts about the bars so far, without a scale, compiled."""

import math
from enum import StrEnum, auto

import numpy as np

from optimizer.compiled import compiled
from optimizer.domain.bars import Bars, FloatArray


class Feature(StrEnum):
    """Fact about the bars up to a close; their order is that of the rows of `features`."""

    LAST_BAR = auto()  # returns over their deviation: of 1 bar
    WEEK = auto()  # of 5
    MONTH = auto()  # of 20
    QUARTER = auto()  # of 60
    HALF_YEAR = auto()  # of 120
    RISING_VOLATILITY = auto()  # log ratio of the deviations of 20 and of 120 bars
    NEAR_HIGH = auto()  # distance from the highest close of 60 bars, over their deviation; 0 at the high


FEATURES = tuple(Feature)
#: Bars of the returns, in the order of the features.
LOOKBACKS = np.array([1, 5, 20, 60, 120])
#: Bars before the first one that has features.
N_BEFORE = 120
_SHORT, _HIGH = 20, 60
#: Features beyond this count as this.
_MOST = 3.0
#: Deviation of log returns below which a price stands still: it has no features.
_LEAST_DEVIATION = 1e-6


def features(bars: Bars) -> FloatArray:
    """Features of bars at each close, (7, n_bars), within ±3; 0 before there are enough bars, and of a still price."""
    table = np.zeros((len(FEATURES), len(bars)))
    fill_features(np.log(bars.close), table)
    return table


@compiled
def fill_features(log_close: FloatArray, out: FloatArray) -> None:
    """Write the features of rows from `N_BEFORE` on, in the order of `Feature`."""
    for t in range(N_BEFORE, len(log_close)):
        long = _deviation(log_close, t, N_BEFORE)
        short = _deviation(log_close, t, _SHORT)
        if long < _LEAST_DEVIATION or short < _LEAST_DEVIATION:
            continue
        for k in range(len(LOOKBACKS)):
            bars = LOOKBACKS[k]
            out[k, t] = _clipped((log_close[t] - log_close[t - bars]) / (long * math.sqrt(bars)))
        out[len(LOOKBACKS), t] = _clipped(math.log(short / long))
        highest = log_close[t]
        for j in range(1, _HIGH):
            highest = max(highest, log_close[t - j])
        out[len(LOOKBACKS) + 1, t] = _clipped((log_close[t] - highest) / (long * math.sqrt(_HIGH)))


@compiled
def _deviation(log_close: FloatArray, t: int, n_bars: int) -> float:
    """Root mean square of the last `n_bars` returns."""
    total = 0.0
    for j in range(n_bars):
        change = log_close[t - j] - log_close[t - j - 1]
        total += change * change
    return math.sqrt(total / n_bars)


@compiled
def _clipped(value: float) -> float:
    return min(max(value, -_MOST), _MOST)
