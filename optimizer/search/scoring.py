"""Scoring of parameter sets: a request, its space, and a window of the evaluator's bars."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from optimizer.domain.bars import FloatArray
from optimizer.domain.metrics import GOALS, cap_violation
from optimizer.domain.space import Params, Space
from optimizer.domain.study_request import StudySpec
from optimizer.domain.study_results import Measures
from optimizer.engine.evaluator import Scores
from optimizer.engine.kernel import SCORE_NAMES
from optimizer.engine.multi_symbol import AnyEvaluator


@dataclass(frozen=True, kw_only=True)
class SetScorer:
    """Scorer of sets for a request and its space over bars [start, stop) of the evaluator."""

    spec: StudySpec
    space: Space
    evaluator: AnyEvaluator
    start: int
    stop: int

    @property
    def goal(self) -> str:
        """First goal."""
        return self.spec.goals[0]

    def scores(self, param_sets: Sequence[Params]) -> Scores:
        """Score sets in one call."""
        return self.evaluator.scores(param_sets, start=self.start, stop=self.stop)

    def measures(self, param_sets: Sequence[Params], scores: Scores) -> list[Measures]:
        """Measures of scored sets; for several symbols those of the portfolio."""
        if self.spec.is_shared:
            return [self.evaluator.backtest(params, start=self.start, stop=self.stop).measures for params in param_sets]
        return [measures_of(scores, row) for row in range(len(param_sets))]

    def violations(self, scores: Scores) -> FloatArray:
        """Amount by which each set breaks its constraints, (n_sets,); 0 where it keeps all."""
        broken = np.maximum(self.spec.min_trades - np.asarray(scores.n_trades, dtype=np.float64), 0.0)
        for cap in self.spec.caps:
            by_cap = [cap_violation(cap, scores, row) for row in range(len(broken))]
            broken = np.where(broken > 0, broken, np.array(by_cap))
        return broken

    def values(self, scores: Scores) -> FloatArray:
        """Values of the first goal, (n_sets,); NaN where a set has none or breaks a constraint."""
        values = np.array(scores.column(GOALS[self.goal].measure), dtype=np.float64)
        values[self.violations(scores) > 0] = math.nan
        return values


def measures_of(scores: Scores, row: int) -> Measures:
    """Measures of one row of a batch's scores; those that a batch does not compute are missing."""
    measures = {name: float(scores.column(name)[row]) for name in SCORE_NAMES if name != "n_trades"}
    return Measures.model_validate(measures | {"n_trades": int(scores.n_trades[row])})
