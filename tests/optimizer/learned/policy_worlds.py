"""Made-up markets with something to learn: a drift that follows, or goes against, the returns before."""

import math
from enum import StrEnum, auto

import numpy as np

from optimizer.domain.bars import Bars, FloatArray
from optimizer.domain.study_request import Costs
from optimizer.engine.backtest import simulate
from tests.optimizer.learned.regime_worlds import SESSIONS, bars_of

#: Annual volatility, as of the shares of the sample.
VOLATILITY = 0.30
#: Bars before the window, which is ten years long.
WARM_UP = 756
YEARS = 10
#: The score of a bar counts no further than this many deviations.
_MOST = 2.0
#: Steps of the search for the strength, and patience of those who know the rule, in deviations.
_ROUNDS, _PATIENCE = 7, (0.0, 0.5, 1.0, 1.5)


class Planted(StrEnum):
    """What a drift follows: the return of so many bars before, or the opposite of it."""

    MOMENTUM = auto()
    REVERSAL = auto()

    @property
    def n_bars(self) -> int:
        """Bars whose return is followed."""
        return 20 if self is Planted.MOMENTUM else 5

    @property
    def sign(self) -> int:
        """1 where it is followed, −1 where it is gone against."""
        return 1 if self is Planted.MOMENTUM else -1


def planted_world(planted: Planted, seed: int, *, sharpe: float = 1.5) -> Bars:
    """Market in which who knows the rule, and stays out or long, makes this annual Sharpe ratio after costs."""
    low, high = 0.0, 0.5
    for _ in range(_ROUNDS):
        middle = (low + high) / 2
        low, high = (low, middle) if attainable(planted, _world(planted, seed, middle)) > sharpe else (middle, high)
    return _world(planted, seed, high)


def random_walk(seed: int, *, drift: float = 0.0) -> Bars:
    """Market with nothing to learn; `drift` is annual."""
    noise = np.random.default_rng([seed, 11]).normal(size=WARM_UP + YEARS * SESSIONS)
    daily = VOLATILITY / math.sqrt(SESSIONS)
    return bars_of(drift / SESSIONS - daily * daily / 2 + daily * noise)


def attainable(planted: Planted, bars: Bars) -> float:
    """Best Sharpe ratio of those who know the rule and differ in their patience."""
    scores = planted.sign * _scores(np.log(bars.close), planted.n_bars)
    return max(_sharpe(bars, _stay(scores, patience)) for patience in _PATIENCE)


def _sharpe(bars: Bars, target: FloatArray) -> float:
    return simulate(bars, target, costs=Costs(), start=WARM_UP).measures.sharpe_ratio or 0.0


def _stay(scores: FloatArray, patience: float) -> FloatArray:
    target, is_in = np.zeros(len(scores)), False
    for t, score in enumerate(scores.tolist()):
        is_in = score > 0.0 or (is_in and score + patience >= 0.0)
        target[t] = is_in
    return target


def _scores(log_close: FloatArray, n_bars: int) -> FloatArray:
    """Returns of the bars before over their deviation."""
    found = np.zeros(len(log_close))
    found[n_bars:] = (log_close[n_bars:] - log_close[:-n_bars]) / (VOLATILITY / math.sqrt(SESSIONS) * math.sqrt(n_bars))
    return found


def _world(planted: Planted, seed: int, strength: float) -> Bars:
    n, daily = WARM_UP + YEARS * SESSIONS, VOLATILITY / math.sqrt(SESSIONS)
    noise = np.random.default_rng([seed, planted.n_bars]).normal(size=n).tolist()
    log_close = [0.0]
    for t in range(1, n):
        before = log_close[max(t - 1 - planted.n_bars, 0)]
        score = (log_close[t - 1] - before) / (daily * math.sqrt(planted.n_bars))
        drift = strength * planted.sign * max(min(score, _MOST), -_MOST)
        log_close.append(log_close[-1] + daily * (noise[t] + drift) - daily * daily / 2)
    return bars_of(np.diff(log_close, prepend=0.0))
