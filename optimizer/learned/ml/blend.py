"""The model of a fit: trees and a logistic regression on the same rows, whose log-odds are averaged.

Trees find bends and conditions, a regression finds straight lines in fewer rows; the errors of the two differ, so that
their mean errs less than either. It is a mean of equal parts and not the better one: to choose would be a try.
"""

import hashlib
from dataclasses import dataclass
from functools import cached_property

from optimizer.domain.bars import FloatArray
from optimizer.learned.ml.logistic import Logistic, fit_logistic
from optimizer.learned.ml.model import Model, fit_trees


@dataclass(frozen=True, eq=False)
class Blend:
    """Fitted trees and the regression beside them."""

    trees: Model
    regression: Logistic

    def margins(self, rows: FloatArray) -> FloatArray:
        """Log-odds of rows, (n_rows,)."""
        return 0.5 * (self.trees.margins(rows) + self.regression.margins(rows))

    def contributions(self, rows: FloatArray) -> FloatArray:
        """Part of each feature in the log-odds, the constant last, (n_rows, n_features + 1): they add up to it."""
        return 0.5 * (self.trees.contributions(rows) + self.regression.contributions(rows))

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the trees as text and of the numbers of the regression."""
        regression = self.regression
        numbers = b"".join(part.tobytes() for part in (regression.means, regression.deviations, regression.weights))
        return hashlib.sha256(self.trees.digest.encode() + numbers).hexdigest()


def fit_blend(rows: FloatArray, outcomes: FloatArray, weight: float) -> Blend:
    """Fit both on rows without NaN and their outcomes of 0 and 1, both of which occur, each call of a weight."""
    return Blend(fit_trees(rows, outcomes, weight), fit_logistic(rows, outcomes, weight))
