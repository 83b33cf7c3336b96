"""Ridge logistic regression: the simple twin that trees must beat."""

from dataclasses import dataclass

import numpy as np

from optimizer.domain.bars import FloatArray
from optimizer.learned.ml.calibrate import sigmoid

#: Precision of the prior of each weight, for features of deviation 1.
_RIDGE = 10.0
#: Most steps of Newton's method, and the change of a weight that is none.
_STEPS, _STILL = 6, 1e-9


@dataclass(frozen=True, eq=False)
class Logistic:
    """Fitted regression, with the moments of the rows it was fitted on."""

    means: FloatArray
    deviations: FloatArray
    weights: FloatArray  # of the standardized features, the constant last

    def margins(self, rows: FloatArray) -> FloatArray:
        """Log-odds of rows, (n_rows,)."""
        return np.asarray((self._standardized(rows) * self.weights).sum(axis=1))

    def _standardized(self, rows: FloatArray) -> FloatArray:
        return _with_constant((rows - self.means) / self.deviations)


def fit_logistic(rows: FloatArray, outcomes: FloatArray, weight: float) -> Logistic:
    """Fit by Newton's method on rows without NaN and outcomes of 0 and 1, each call of a weight.

    Sums are numpy's own: a library that spreads them over cores would round differently on each machine.
    """
    means, deviations = rows.mean(axis=0), rows.std(axis=0)
    deviations = np.where(deviations > 0.0, deviations, 1.0)
    # One row per feature: sums along a row take half the time of sums down a column.
    table = np.ascontiguousarray(_with_constant((rows - means) / deviations).T)
    ridge = np.full(len(table), _RIDGE)
    ridge[-1] = 0.0
    weights = np.zeros(len(table))
    for _ in range(_STEPS):
        chances = sigmoid(np.einsum("ji,j->i", table, weights))
        slope = weight * np.einsum("ji,i->j", table, outcomes - chances) - ridge * weights
        bent = table * (weight * chances * (1.0 - chances))
        change = np.linalg.solve(np.einsum("ji,ki->jk", bent, table) + np.diag(ridge), slope)
        weights = weights + change
        if np.abs(change).max() < _STILL:
            break
    return Logistic(means, deviations, weights)


def _with_constant(rows: FloatArray) -> FloatArray:
    return np.column_stack([rows, np.ones(len(rows))])
