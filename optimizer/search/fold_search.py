"""Refitting a fold of the walk-forward: the study's search on other rows, without its records.

The study's own search asks and tells one set at a time. A fold may cost less: the same estimator proposes a round
of sets from one state of knowledge (the constant liar keeps them apart), and the round is scored in one call.
Budget, space, constraints, textbook-first and determinism are the search's own; so is the sampler, but that what
Optuna's own TPE would propose is proposed by ours. A space within the budget is scored at once. Several goals are
refitted on the first, by which a winner is chosen as well.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from optimizer.domain.space import Params, Space
from optimizer.domain.study_request import SamplerKind, StudySpec, budget
from optimizer.engine.multi_symbol import AnyEvaluator
from optimizer.search.loop import best_record, search
from optimizer.search.scoring import SetScorer
from optimizer.search.tpe.estimator import FEASIBLE, INFEASIBLE, Rank, Tpe

_BY_ROUNDS = (SamplerKind.TPE, SamplerKind.OPTUNA, SamplerKind.NSGA2)


@dataclass(frozen=True, kw_only=True)
class FoldPace:
    """How a fold proposes. What it saves costs the value found less than its noise (docs/calibration.md)."""

    round_size: int = 32  # sets proposed from one state of knowledge …
    per_fit: int = 8  # … of which so many from one fit
    n_candidates: int = 4  # that each is the best of: a sixth of the search's own


PACE = FoldPace()


@dataclass(frozen=True, kw_only=True)
class FoldFit:
    """The best feasible set of a training window and its value of the first goal."""

    params: Params
    value: float


class Refit(Protocol):
    """Finds the best set for rows [start, stop); None when none is feasible."""

    def __call__(
        self, spec: StudySpec, space: Space, evaluator: AnyEvaluator, *, start: int, stop: int, seed: int
    ) -> FoldFit | None: ...


def refit(
    spec: StudySpec, space: Space, evaluator: AnyEvaluator, *, start: int, stop: int, seed: int, pace: FoldPace = PACE
) -> FoldFit | None:
    """The best feasible set for rows [start, stop) within the study's budget; None when none is feasible."""
    scorer = SetScorer(spec=spec, space=space, evaluator=evaluator, start=start, stop=stop)
    n_trials = budget(spec, space)
    if n_trials >= space.size:
        return _best([_scored(scorer, list(space.param_sets()))])
    if spec.sampler in _BY_ROUNDS:
        return _best(_rounds(scorer, n_trials, seed, pace))
    records = search(spec, space, evaluator, start=start, stop=stop, n_trials=n_trials, seed=seed)
    best = best_record(list(records))
    return FoldFit(params=dict(best.params), value=float(best.value)) if best and best.value is not None else None


def _scored(scorer: SetScorer, param_sets: list[Params]) -> tuple[list[Params], list[float]]:
    return param_sets, scorer.values(scorer.scores(param_sets)).tolist()


def _best(batches: Iterable[tuple[list[Params], list[float]]]) -> FoldFit | None:
    """The best set of all batches, the first among equals; NaN never wins."""
    best: FoldFit | None = None
    for param_sets, values in batches:
        for params, value in zip(param_sets, values, strict=True):
            if not math.isnan(value) and (best is None or value > best.value):
                best = FoldFit(params=params, value=value)
    return best


def _rounds(scorer: SetScorer, n_trials: int, seed: int, pace: FoldPace) -> Iterator[tuple[list[Params], list[float]]]:
    """Rounds of unique sets with their values (NaN where infeasible), the textbook set first."""
    tpe = Tpe(scorer.space.distributions, seed=seed, order=scorer.space.order, n_candidates=pace.n_candidates)
    tpe.expect(0, scorer.space.default)
    asked, n_done = [scorer.space.default], 0
    while asked:
        scores = scorer.scores(asked)
        values = scorer.values(scores).tolist()
        tpe.learn_round(n_done, _ranks(values, scorer.violations(scores).tolist()))
        yield asked, values
        n_done += len(asked)
        n_next = min(pace.round_size, n_trials - n_done)
        asked = tpe.ask_round(n_done, n_done, n_next, per_fit=pace.per_fit) if n_next else []


def _ranks(values: Sequence[float], violations: Sequence[float]) -> list[Rank | None]:
    """How the estimator sorts sets: feasible by value, infeasible by violation; a set without a value failed."""
    return [_rank(value, violation) for value, violation in zip(values, violations, strict=True)]


def _rank(value: float, violation: float) -> Rank | None:
    if violation > 0:
        return INFEASIBLE, violation, 0.0
    return None if math.isnan(value) else (FEASIBLE, -value, 0.0)
