"""Ridge logistic regression: the simple twin that trees must beat."""

from dataclasses import dataclass

import numpy as np

from optimizer.domain.bars import FloatArray
from optimizer.learned.ml.calibrate import sigmoid

#: Precision of the prior of each weight, for features of deviation 1.
_RIDGE = 10.0
_STEPS = 6


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
    table = _with_constant((rows - means) / deviations)
    ridge = np.full(table.shape[1], _RIDGE)
    ridge[-1] = 0.0
    weights = np.zeros(table.shape[1])
    for _ in range(_STEPS):
        chances = sigmoid((table * weights).sum(axis=1))
        slope = weight * (table * (outcomes - chances)[:, None]).sum(axis=0) - ridge * weights
        bent = table * (weight * chances * (1.0 - chances))[:, None]
        weights = weights + np.linalg.solve(np.einsum("ij,ik->jk", bent, table) + np.diag(ridge), slope)
    return Logistic(means, deviations, weights)


def _with_constant(rows: FloatArray) -> FloatArray:
    return np.column_stack([rows, np.ones(len(rows))])
