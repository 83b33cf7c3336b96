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


def slope_of(offsets: FloatArray, base: FloatArray, outcomes: FloatArray, weight: float) -> float:
    """Slope s of log-odds `base` + s · `offsets`, shrunk to 0 and less one standard error; never negative.

    `weight` is that of one call: outcomes of `horizon` overlapping bars are about one.
    """
    if len(offsets) < LEAST_CALLS:
        return 0.0
    slope, information = 0.0, _RIDGE
    for _ in range(_STEPS):
        chances = sigmoid(base + slope * offsets)
        score = weight * float(np.sum((outcomes - chances) * offsets)) - _RIDGE * slope
        information = weight * float(np.sum(chances * (1.0 - chances) * offsets * offsets)) + _RIDGE
        before, slope = slope, slope + score / information
        if slope == before:  # so is every further step
            break
    return min(max(slope - 1.0 / math.sqrt(information), 0.0), _MOST)


def sigmoid(log_odds: FloatArray) -> FloatArray:
    """Probabilities of log-odds."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(log_odds, -30.0, 30.0))))


def log_odds(chance: float) -> float:
    """Log-odds of a probability within (0, 1)."""
    return math.log(chance / (1.0 - chance))
