"""Scoring of parameter sets: a request, its space, and a window of the evaluator's bars."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optimizer.domain.bars import FloatArray
from optimizer.domain.metrics import GOALS, cap_violations
from optimizer.domain.space import Params, Space
from optimizer.domain.study_request import Cap, StudySpec
from optimizer.domain.study_results import Measures
from optimizer.engine.kernel import SCORE_NAMES
from optimizer.engine.multi_symbol import AnyEvaluator
from optimizer.engine.set_scores import Scores
from optimizer.search.confidence import scored

#: Stands for a cap on a measure that does not exist; infinity would not survive JSON.
_WORST_VIOLATION = 1e9
#: Return of an account that is used up, but for rounding; how much such a set breaks the rule has no degrees.
RUINED_RETURN = -1.0 + 1e-9
_RUIN_VIOLATION = 1e9


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
        return scored(self.spec, self.evaluator, param_sets, start=self.start, stop=self.stop)

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
        return self._where_feasible(scores, GOALS[self.goal].column)

    def plain_values(self, scores: Scores) -> FloatArray:
        """Values as by `values`, without what a model adds to them: what judges a result uses these."""
        return self._where_feasible(scores, GOALS[self.goal].measure)

    def _where_feasible(self, scores: Scores, column: str) -> FloatArray:
        values = np.array(scores.column(column), dtype=np.float64)
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
        broken = np.where(broken > 0, broken, excess(cap, scores))
    ruined = is_ruined(scores)
    return np.where(ruined, _RUIN_VIOLATION, broken) if spec.excludes_ruin and ruined.any() else broken


def reason(spec: StudySpec, scores: Scores, row: int) -> str:
    """First constraint that a set breaks, in words; empty if it keeps all."""
    if spec.excludes_ruin and is_ruined(scores)[row]:
        return "lost everything"
    if _too_few_trades(spec, scores)[row] > 0:
        return f"{scores.n_trades[row]} trades"
    broken = (cap for cap in spec.caps if excess(cap, scores)[row] > 0)
    return next((f"{cap.goal} {'<' if cap.is_upper else '>'} {cap.bound:g}" for cap in broken), "")


def uncapped_violation(spec: StudySpec, n_trades: float, total_return: float) -> tuple[float, str]:
    """By how much one set breaks a request without caps, and what it breaks: as `violations` and `reason`."""
    if spec.excludes_ruin and total_return <= RUINED_RETURN:
        return _RUIN_VIOLATION, "lost everything"
    if n_trades < spec.min_trades:
        return spec.min_trades - n_trades, f"{int(n_trades)} trades"
    return 0.0, ""


def is_ruined(scores: Scores) -> NDArray[np.bool_]:
    """(n_sets,) True where a set loses the whole account."""
    return np.asarray(scores.column("total_return") <= RUINED_RETURN)


def excess(cap: Cap, scores: Scores) -> FloatArray:
    """(n_sets,) by how much each set breaks a cap, in the unit of its measure; 0 or less where it keeps it."""
    return np.minimum(cap_violations(cap, scores), _WORST_VIOLATION)


def _too_few_trades(spec: StudySpec, scores: Scores) -> FloatArray:
    return np.maximum(spec.min_trades - scores.column("n_trades"), 0.0)
