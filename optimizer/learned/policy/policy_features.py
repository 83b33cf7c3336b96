"""What a policy sees at each close: seven facts about the bars so far, without a scale."""

import math
from enum import StrEnum, auto

import numpy as np

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
LOOKBACKS = (1, 5, 20, 60, 120)
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
    if len(bars) <= N_BEFORE:
        return table
    log_close = np.log(bars.close)
    long, short = _deviations(log_close, N_BEFORE), _deviations(log_close, _SHORT)
    moves = (long >= _LEAST_DEVIATION) & (short >= _LEAST_DEVIATION)
    long, short = np.where(moves, long, 1.0), np.where(moves, short, 1.0)
    now = log_close[N_BEFORE:]
    for row, n_bars in enumerate(LOOKBACKS):
        table[row, N_BEFORE:] = (now - _before(log_close, n_bars)) / (long * math.sqrt(n_bars))
    table[len(LOOKBACKS), N_BEFORE:] = np.log(short / long)
    table[len(LOOKBACKS) + 1, N_BEFORE:] = (now - _highest(log_close)) / (long * math.sqrt(_HIGH))
    table[:, N_BEFORE:][:, ~moves] = 0.0
    return np.clip(table, -_MOST, _MOST)


def _before(values: FloatArray, n_bars: int) -> FloatArray:
    """Values so many bars before each row from `N_BEFORE` on."""
    return values[N_BEFORE - n_bars : len(values) - n_bars]


def _deviations(log_close: FloatArray, n_bars: int) -> FloatArray:
    """Root mean square of the last returns at each row from `N_BEFORE` on.

    Added bar by bar, newest first: a running sum would keep what is long over.
    """
    total = np.zeros(len(log_close) - N_BEFORE)
    for j in range(n_bars):
        change = _before(log_close, j) - _before(log_close, j + 1)
        total += change * change
    return np.sqrt(total / n_bars)


def _highest(log_close: FloatArray) -> FloatArray:
    """Highest of the last closes at each row from `N_BEFORE` on."""
    highest = _before(log_close, 0)
    for j in range(1, _HIGH):
        highest = np.maximum(highest, _before(log_close, j))
    return highest
