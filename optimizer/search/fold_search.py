"""Refit of a walk-forward fold: the best sets for other rows, without trial records.

Every set is scored where the grid is small enough, which takes less time than a search and depends on no seed.
Elsewhere it is the study's search, but cheaper: the same estimator proposes a round of sets from one fit (the
constant liar keeps them apart), and the round is scored in one call. Budget, space, constraints, the default set
first and determinism are those of the search; so is the sampler, except that the compiled TPE replaces Optuna's own.
With several goals the first one is refitted, which also chooses the winner.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from optimizer.domain.ranking import ranked
from optimizer.domain.space import Params, Space
from optimizer.domain.study_request import SamplerKind, StudySpec, budget
from optimizer.engine.multi_symbol import AnyEvaluator
from optimizer.search.grid import every_set, fits_whole, leading
from optimizer.search.loop import search
from optimizer.search.scoring import SetScorer
from optimizer.search.tpe.estimator import FEASIBLE, INFEASIBLE, Rank, Tpe

_BY_ROUNDS = (SamplerKind.TPE, SamplerKind.OPTUNA, SamplerKind.NSGA2)


@dataclass(frozen=True, kw_only=True)
class FoldPace:
    """Batch sizes of a fold's search; the value found suffers by less than its noise (docs/calibration.md)."""

    round_size: int = 32  # sets scored together
    per_fit: int = 8  # sets proposed from one fit
    n_candidates: int = 4  # candidates per proposal, a sixth of the search's own


PACE = FoldPace()


@dataclass(frozen=True, kw_only=True)
class FoldFit:
    """Best feasible set of a training window, its value of the first goal, and the leaders with it, best first."""

    params: Params
    value: float
    leaders: tuple[Params, ...]


class Refit(Protocol):
    """Protocol of a function that finds the best set for bars [start, stop); None when none is feasible."""

    def __call__(
        self, spec: StudySpec, space: Space, evaluator: AnyEvaluator, *, start: int, stop: int, seed: int
    ) -> FoldFit | None:
        """Refit; `seed` decides all randomness."""


def refit(
    spec: StudySpec, space: Space, evaluator: AnyEvaluator, *, start: int, stop: int, seed: int, pace: FoldPace = PACE
) -> FoldFit | None:
    """Best feasible sets for rows [start, stop); None when none is feasible."""
    scorer = SetScorer(spec=spec, space=space, evaluator=evaluator, start=start, stop=stop)
    n_trials = budget(spec, space)
    if n_trials >= space.size or fits_whole(space, (stop - start) * len(spec.symbols)):
        return _best([_scored(scorer, every_set(space))])
    if spec.sampler in _BY_ROUNDS:
        return _best(_rounds(scorer, n_trials, seed, pace))
    records = search(spec, space, evaluator, start=start, stop=stop, n_trials=n_trials, seed=seed)
    return _best([([dict(record.params)], [record.value or 0.0]) for record in ranked(list(records))])


def refit_within_budget(
    spec: StudySpec, space: Space, evaluator: AnyEvaluator, *, start: int, stop: int, seed: int
) -> FoldFit | None:
    """As `refit`, but a small grid is not scored whole: what two spaces give is compared at the same effort."""
    scorer = SetScorer(spec=spec, space=space, evaluator=evaluator, start=start, stop=stop)
    n_trials = budget(spec, space)
    if n_trials >= space.size:
        return _best([_scored(scorer, every_set(space))])
    return _best(_rounds(scorer, n_trials, seed, PACE))


def _scored(scorer: SetScorer, param_sets: Sequence[Params]) -> tuple[Sequence[Params], list[float]]:
    return param_sets, scorer.values(scorer.scores(param_sets)).tolist()


def _best(batches: Iterable[tuple[Sequence[Params], list[float]]]) -> FoldFit | None:
    """Best sets of all batches, the first among equals; NaN is never best."""
    param_sets: list[Params] = []
    values: list[float] = []
    for some, theirs in batches:
        param_sets.extend(some)
        values.extend(theirs)
    found = np.array(values)
    order = np.argsort(-found, kind="stable")[: int(np.isfinite(found).sum())]
    if not len(order):
        return None
    leaders = tuple(param_sets[row] for row in leading(order.tolist()))
    return FoldFit(params=leaders[0], value=values[order[0]], leaders=leaders)


def _rounds(scorer: SetScorer, n_trials: int, seed: int, pace: FoldPace) -> Iterator[tuple[list[Params], list[float]]]:
    """Yield rounds of unique sets with their values (NaN where infeasible), the default set first."""
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
    """Ranks of sets for the estimator: feasible by value, infeasible by violation, None without a value (failed)."""
    return [_rank(value, violation) for value, violation in zip(values, violations, strict=True)]


def _rank(value: float, violation: float) -> Rank | None:
    if violation > 0:
        return INFEASIBLE, violation, 0.0
    return None if math.isnan(value) else (FEASIBLE, -value, 0.0)
