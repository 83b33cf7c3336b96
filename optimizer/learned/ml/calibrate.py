"""How far a model's log-odds may leave those of the base rate: one slope, of calls whose outcome is known.

Of noise the slope is 0 within its error, and what is told is the base rate.
"""

import math

import numpy as np

from optimizer.domain.bars import FloatArray

#: Calls with known outcomes below which the base rate is told.
LEAST_CALLS = 126
#: Precision of the prior that the slope is 0, and the greatest slope.
_RIDGE, _MOST = 1.0, 2.0
_STEPS = 12


def slope_of(offsets: FloatArray, base: FloatArray, outcomes: FloatArray, horizon: int) -> float:
    """Slope s of log-odds `base` + s · `offsets`, shrunk to 0 and less one standard error; never negative.

    Beside the prior, `horizon` calls whose outcomes overlap are about one. The error is that of their own dependence:
    offsets that change from bar to bar overlap less than their outcomes do, and earn their trust sooner.
    """
    if len(offsets) < LEAST_CALLS:
        return 0.0
    slope, information, weight = 0.0, _RIDGE, 1.0 / horizon
    for _ in range(_STEPS):
        chances = sigmoid(base + slope * offsets)
        score = weight * float(np.sum((outcomes - chances) * offsets)) - _RIDGE * slope
        information = weight * float(np.sum(chances * (1.0 - chances) * offsets * offsets)) + _RIDGE
        before, slope = slope, slope + score / information
        if slope == before:  # so is every further step
            break
    scores = weight * (outcomes - sigmoid(base + slope * offsets)) * offsets
    error = math.sqrt(_variance_of_sum(scores, 2 * horizon)) / information
    return min(max(slope - error, 0.0), _MOST)


def _variance_of_sum(values: FloatArray, n_lags: int) -> float:
    """Variance of a sum of values of mean 0 that depend on those up to `n_lags` before (Newey and West 1987).

    The weights of the lags fall evenly to 0, so that it is never negative.
    """
    found = float(np.sum(values * values))
    for lag in range(1, n_lags + 1):
        found += 2.0 * (1.0 - lag / (n_lags + 1)) * float(np.sum(values[lag:] * values[:-lag]))
    return max(found, 0.0)


def sigmoid(log_odds: FloatArray) -> FloatArray:
    """Probabilities of log-odds."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(log_odds, -30.0, 30.0))))


def log_odds(chance: float) -> float:
    """Log-odds of a probability within (0, 1)."""
    return math.log(chance / (1.0 - chance))
