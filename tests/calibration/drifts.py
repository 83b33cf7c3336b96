"""Drifts and shocks of made-up markets: trends that come and go, prices that are pulled back, volatility in clusters.

None is made for a set of parameters: as in life many sets of several strategies earn from one of them, more or less.
"""

import math
from dataclasses import replace

import numpy as np

from optimizer.domain.bars import FloatArray
from tests.calibration.worlds import Shocks

#: Bars after which half of a trend, or of a deviation from the fair price, is gone.
TREND_HALF_LIFE, PULL_HALF_LIFE = 40.0, 3.0
#: GARCH(1, 1): weights of the last square and of the last variance; degrees of freedom of the shocks.
_ARCH, _GARCH, _FREEDOM = 0.08, 0.87, 4


def hidden_trend(shocks: Shocks, seed: int, strength: float) -> FloatArray:
    """Log drift of each bar, (n_bars,): an AR(1) with a half-life of 40 bars, `strength` deviations of a bar large."""
    rng, keeps = np.random.default_rng([seed, 77]), 0.5 ** (1 / TREND_HALF_LIFE)
    news = rng.normal(0.0, math.sqrt(1 - keeps**2), len(shocks.session))
    news[0] = rng.normal()
    return strength * shocks.deviation * _remembered(news, keeps)


def pull(shocks: Shocks, share: float) -> FloatArray:
    """Log drift of each bar back to the fair price, (n_bars,); a `share` of each shock is such a deviation."""
    keeps = 0.5 ** (1 / PULL_HALF_LIFE)
    away = _remembered(share * (shocks.overnight + shocks.session), keeps)
    return -(1 - keeps) * np.concatenate([[0.0], away[:-1]])


def clustered(shocks: Shocks, seed: int) -> Shocks:
    """The same market with fat-tailed shocks of a volatility that comes in clusters: GARCH(1, 1) with t(4)."""
    rng, n_bars = np.random.default_rng([seed, 78]), len(shocks.session)
    news = rng.standard_t(_FREEDOM, n_bars) / math.sqrt(_FREEDOM / (_FREEDOM - 2))
    moves, variance = np.empty(n_bars), 1.0
    for i in range(n_bars):
        moves[i] = math.sqrt(variance) * news[i]
        variance = 1.0 - _ARCH - _GARCH + _ARCH * moves[i] ** 2 + _GARCH * variance
    return replace(shocks, session=moves * float(np.std(shocks.session)))


def _remembered(news: FloatArray, keeps: float) -> FloatArray:
    """AR(1) of (n,) news."""
    found, last = np.empty(len(news)), 0.0
    for i, value in enumerate(news.tolist()):
        last = keeps * last + value
        found[i] = last
    return found
