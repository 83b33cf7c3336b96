"""The twin that predicts: ridge regression of the next bar's return on what the policies see, on their schedule.

It tells whether searching by reward adds anything to predicting. Sums are taken without a linear algebra library, whose
order of additions depends on its threads.
"""

import numpy as np

from optimizer.domain.bars import Bars, FloatArray
from optimizer.domain.study_request import Costs
from optimizer.learned.policy.policy_schedule import schedule_of
from optimizer.learned.policy.policy_search import STAY
from optimizer.learned.policy.policy_walk import REACH, Positions, lesson_of

#: Strength of the penalty, as a share of the training rows: features vary by about 1.
_PENALTY = 0.1


def ridge_positions(bars: Bars, costs: Costs, memory: int, *, side: int = 1) -> Positions:
    """1 at each close at which a gain is predicted, else 0, (n_bars,); it enters and leaves at once."""
    lesson, schedule = lesson_of(bars, costs, side=side), schedule_of(memory)
    positions = np.zeros(len(bars), dtype=np.int8)
    for row, last in schedule.stretches(len(bars)):
        known, outcomes = lesson.rows(schedule.training(row, reach=REACH, embargo=0))
        weights = _fitted(known, outcomes[:, STAY])
        ahead = np.einsum("kt,k->t", lesson.features[:, row:last], weights[:-1]) + weights[-1]
        positions[row:last] = ahead > 0.0
    return positions


def _fitted(features: FloatArray, returns: FloatArray) -> FloatArray:
    """Weights of the features, and the mean that is not shrunk, (8,)."""
    rows = np.concatenate([features, np.ones((1, features.shape[1]))])
    penalty = np.full(len(rows), _PENALTY * features.shape[1])
    penalty[-1] = 0.0
    squares = np.einsum("it,jt->ij", rows, rows) + np.diag(penalty)
    return np.asarray(np.linalg.solve(squares, np.einsum("it,t->i", rows, returns)))
