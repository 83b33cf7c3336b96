"""Scoring of parameter sets: a request, its space, and a window of the evaluator's bars."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from optimizer.domain.bars import FloatArray
from optimizer.domain.metrics import GOALS, cap_violations
from optimizer.domain.space import Params, Space
from optimizer.domain.study_request import Cap, StudySpec
from optimizer.domain.study_results import Measures
from optimizer.engine.evaluator import Scores
from optimizer.engine.kernel import SCORE_NAMES
from optimizer.engine.multi_symbol import AnyEvaluator

#: Stands for a cap on a measure that does not exist; infinity would not survive JSON.
_WORST_VIOLATION = 1e9


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
        """(n_sets,) by how much each set breaks a constraint; 0 where it keeps all."""
        return violations(self.spec, scores)

    def values(self, scores: Scores) -> FloatArray:
        """Values of the first goal, (n_sets,); NaN where a set has none or breaks a constraint."""
        values = np.array(scores.column(GOALS[self.goal].measure), dtype=np.float64)
        values[self.violations(scores) > 0] = math.nan
        return values


def measures_of(scores: Scores, row: int) -> Measures:
    """Measures of one row of a batch's scores; those that a batch does not compute are missing."""
    measures = {name: float(scores.column(name)[row]) for name in SCORE_NAMES if name != "n_trades"}
    return Measures.model_validate(measures | {"n_trades": int(scores.n_trades[row])})


def violations(spec: StudySpec, scores: Scores) -> FloatArray:
    """(n_sets,) by how much each set breaks the first constraint that it breaks; 0 where it keeps all."""
    broken = _too_few_trades(spec, scores)
    for cap in spec.caps:
        broken = np.where(broken > 0, broken, _excess(cap, scores))
    return broken


def reason(spec: StudySpec, scores: Scores, row: int) -> str:
    """First constraint that a set breaks, in words; empty if it keeps all."""
    for cap, excess in _constraints(spec, scores):
        if excess[row] > 0:
            return (
                f"{cap.goal} {'<' if cap.is_upper else '>'} {cap.bound:g}" if cap else f"{scores.n_trades[row]} trades"
            )
    return ""


def _constraints(spec: StudySpec, scores: Scores) -> Iterator[tuple[Cap | None, FloatArray]]:
    """Each constraint of a study, the least number of trades (None) first, with (n_sets,) its excesses."""
    yield None, _too_few_trades(spec, scores)
    for cap in spec.caps:
        yield cap, _excess(cap, scores)


def _too_few_trades(spec: StudySpec, scores: Scores) -> FloatArray:
    return np.maximum(spec.min_trades - scores.column("n_trades"), 0.0)


def _excess(cap: Cap, scores: Scores) -> FloatArray:
    return np.minimum(cap_violations(cap, scores), _WORST_VIOLATION)
