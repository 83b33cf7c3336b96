"""Confidence of a set: what the walk-forward model of `ml` thought of the set's own entries, and what it is worth.

`goal=sharpe_ml` ranks sets by the Sharpe ratio and, by a tenth of it at most, by this confidence. Only the ranking is
weighed: what judges a result uses the plain Sharpe ratio.
"""

from collections.abc import Sequence

import numpy as np

from optimizer.domain.bars import FloatArray
from optimizer.domain.space import Params
from optimizer.domain.study_request import StudySpec
from optimizer.engine.evaluator import Evaluator
from optimizer.engine.multi_symbol import AnyEvaluator
from optimizer.engine.set_scores import Scores
from optimizer.learned.rows import Training
from optimizer.strategies.learning.weighing import WEIGHING, model_of

#: Most of a Sharpe ratio that confidence adds or takes.
WEIGHT = 0.1
_ROUNDING = 1e-12


def train_goal(spec: StudySpec, evaluator: AnyEvaluator, training: Training) -> None:
    """Fit the model that weighs a request's goal, if one does. Raises TrainingStopped, or what a fit does."""
    if (model := model_of(spec)) is not None:
        model.over(evaluator.bars, evaluator.costs, *WEIGHING, watch=training)


def scored(spec: StudySpec, evaluator: AnyEvaluator, param_sets: Sequence[Params], *, start: int, stop: int) -> Scores:
    """Scores of sets over bars [start, stop), with the column that a weighed goal ranks by. Raises TooFewBars."""
    scores = evaluator.scores(param_sets, start=start, stop=stop)
    if (model := model_of(spec)) is None:
        return scores
    assert isinstance(evaluator, Evaluator), "several symbols are refused with such a goal"
    walk = model.over(evaluator.bars, evaluator.costs, *WEIGHING)
    confidence = evaluator.entry_means(param_sets, edges(walk.row, walk.base), start=start, stop=stop)
    return Scores(np.column_stack([scores.table, weighed(scores.sharpe_ratio, confidence)]))


def weighed(sharpe: FloatArray, confidence: FloatArray) -> FloatArray:
    """Sharpe ratios plus a tenth of their size times the confidence in [−1, 1]: the greater it is, the better.

    A negative ratio is not improved by doubt, as it would be by a factor.
    """
    return np.asarray(sharpe + WEIGHT * np.abs(sharpe) * confidence, dtype=np.float64)


def edges(probability: FloatArray, base: FloatArray) -> FloatArray:
    """How far each probability is on the way from the base rate to 1, or with a minus to 0, (2, n_bars).

    The second row, for short entries, is the first with the other sign. 0 where there is no probability.
    """
    edge = probability - base
    edge[np.abs(edge) < _ROUNDING] = 0.0  # a model that is not trusted tells the base rate, through its logarithm
    long = np.nan_to_num(edge / np.where(edge > 0.0, 1.0 - base, base))
    return np.stack([long, -long])
