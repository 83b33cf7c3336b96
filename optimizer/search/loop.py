"""Search loop: propose a set, score it, learn; a generator of one record per trial.

Leaving the loop stops the search, and passing the records back as `done` resumes it with exactly the
sets that an uninterrupted run would have tried. For that, all randomness of a proposal comes from
(seed, number of finished trials, attempt), and a proposal that repeats an earlier set is dropped
without a trace and does not count towards the budget.
"""

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

import optuna
from optuna.trial import Trial, TrialState

from optimizer.clock import Clock, utc_now
from optimizer.domain.metrics import GOALS, cap_violation
from optimizer.domain.space import Params, Space, Value
from optimizer.domain.study_request import SamplerKind, StudySpec, is_exhaustive
from optimizer.domain.study_results import TrialRecord
from optimizer.engine.evaluator import Scores
from optimizer.engine.multi_symbol import AnyEvaluator
from optimizer.search.samplers import CompiledSampler, SeededSampler, make_sampler, random_unseen
from optimizer.search.single_study_storage import LeanTrial, add_finished, fast_study

#: Proposals that may repeat earlier sets before a random unseen one is taken.
MAX_ATTEMPTS = 8
#: A grid larger than this is not searched exhaustively even on request.
MAX_GRID = 300_000
_BATCH = 512
#: Violation of a cap whose measure does not exist; JSON has no infinity.
_WORST_VIOLATION = 1e9

Key = tuple[Value, ...]


def sampler_note(spec: StudySpec, space: Space) -> str:
    """Reason why the requested sampler is replaced by Optuna's own, or an empty string."""
    if spec.sampler is SamplerKind.GRID or is_exhaustive(spec, space):
        return ""
    return make_sampler(spec.sampler, space, seed=spec.seed, n_goals=len(spec.goals)).handed_over


def search(
    spec: StudySpec,
    space: Space,
    evaluator: AnyEvaluator,
    *,
    start: int,
    stop: int,
    n_trials: int,
    seed: int,
    done: Sequence[TrialRecord] = (),
    first: Sequence[Params] = (),
    clock: Clock = utc_now,
) -> Iterator[TrialRecord]:
    """Yield one record per unique set, the default set first, until `n_trials` sets are tried.

    Bars [start, stop) of the evaluator are scored. Trials already `done` (numbers 0..k-1) are
    not yielded again. The sets of `first` that are in the space follow the default set. Sampler and space come
    from the spec; a space no larger than the budget, or `sampler=grid`, is searched exhaustively in batches.
    """
    scorer = _Scorer(spec=spec, evaluator=evaluator, start=start, stop=stop, clock=clock)
    if spec.sampler is SamplerKind.GRID or space.size <= n_trials:
        yield from _search_all(space, scorer, done)
    else:
        opening = [space.default, *filter(space.contains, first)]
        yield from _search_guided(space, scorer, done, opening, n_trials=n_trials, seed=seed)


def best_record(records: Sequence[TrialRecord], goal: str) -> TrialRecord | None:
    """Feasible record with the best value of the first goal; the earliest among equals."""
    sign = 1 if GOALS[goal].direction == "maximize" else -1
    able = [r for r in records if r.value is not None and r.violation <= 0 and r.state == "complete"]
    return max(able, key=lambda r: (sign * (r.value or 0.0), -r.number), default=None)


def as_frozen_trial(record: TrialRecord, space: Space, goals: Sequence[str], *, number: int | None = None) -> LeanTrial:
    """Convert a finished record to Optuna's trial, with its own number or another."""
    return LeanTrial.finished(
        record.number if number is None else number,
        None if record.state == "fail" else _objective_values(record, goals),
        params=record.params,
        distributions=space.distributions,
        violation=record.violation,
    )


def rebuild_study(
    space: Space, goals: Sequence[str], records: Sequence[TrialRecord], sampler: SeededSampler | None = None
) -> optuna.Study:
    """Build an Optuna study in memory from the records."""
    study = fast_study([GOALS[goal].direction for goal in goals], sampler)
    for number, record in enumerate(records):
        add_finished(study, as_frozen_trial(record, space, goals, number=number))
    return study


@dataclass(frozen=True, kw_only=True)
class _Scorer:
    """Scorer that turns sets into records of trials, with the goals and caps of the request."""

    spec: StudySpec
    evaluator: AnyEvaluator
    start: int
    stop: int
    clock: Clock

    def records(self, first: int, param_sets: Sequence[Params]) -> list[TrialRecord]:
        """Score sets in one call; their numbers start at `first`."""
        started_at = self.clock()
        began = time.perf_counter()
        scores = self.evaluator.scores(param_sets, start=self.start, stop=self.stop)
        each = (time.perf_counter() - began) / len(param_sets)
        return [
            self._record(first + row, params, scores, row, started_at, each) for row, params in enumerate(param_sets)
        ]

    def _record(
        self, number: int, params: Params, scores: Scores, row: int, started_at: datetime, duration: float
    ) -> TrialRecord:
        values = tuple(float(getattr(scores, GOALS[goal].measure)[row]) for goal in self.spec.goals)
        violation, reason = self._feasibility(scores, row)
        failed = violation <= 0 and any(math.isnan(value) for value in values)
        return TrialRecord(
            number=number,
            params=params,
            value=values[0],
            values=values if len(values) > 1 and not any(map(math.isnan, values)) else (),
            violation=violation,
            reason=f"no {self.spec.goals[0]}" if failed else reason,
            state="fail" if failed else "complete",
            sharpe_ratio=float(scores.sharpe_ratio[row]),
            total_return=float(scores.total_return[row]),
            max_drawdown=float(scores.max_drawdown[row]),
            n_trades=int(scores.n_trades[row]),
            started_at=started_at,
            duration=duration,
        )

    def _feasibility(self, scores: Scores, row: int) -> tuple[float, str]:
        """Amount by which a hard constraint is broken (0 when none is), and its name."""
        n_trades = int(scores.n_trades[row])
        if n_trades < self.spec.min_trades:
            return float(self.spec.min_trades - n_trades), f"{n_trades} trades"
        for cap in self.spec.caps:
            broken = cap_violation(cap, scores, row)
            if broken > 0:
                return min(broken, _WORST_VIOLATION), f"{cap.goal} {'<' if cap.is_upper else '>'} {cap.bound:g}"
        return 0.0, ""


def _search_all(space: Space, scorer: _Scorer, done: Sequence[TrialRecord]) -> Iterator[TrialRecord]:
    # By their sets, not by their number: a guided study that is extended may become a whole grid.
    seen = {_key(record.params, space) for record in done}
    number = len(seen)
    param_sets = (params for params in _default_first(space) if _key(params, space) not in seen)
    while batch := list(islice(param_sets, _BATCH)):
        yield from scorer.records(number, batch)
        number += len(batch)


def _default_first(space: Space) -> Iterator[Params]:
    default = space.default
    yield default
    yield from (params for params in space.param_sets() if params != default)


def _search_guided(
    space: Space,
    scorer: _Scorer,
    done: Sequence[TrialRecord],
    opening: Sequence[Params],
    *,
    n_trials: int,
    seed: int,
) -> Iterator[TrialRecord]:
    goals = scorer.spec.goals
    sampler = make_sampler(scorer.spec.sampler, space, seed=seed, n_goals=len(goals))
    study = rebuild_study(space, goals, done, sampler)
    seen = {_key(record.params, space) for record in done}
    while len(seen) < n_trials:
        number = len(seen)
        given = next((params for params in opening if _key(params, space) not in seen), None)
        trial, params = (None, given) if given is not None else _propose(study, sampler, space, seen, seed)
        record = scorer.records(number, [params])[0]
        _tell(study, trial, record, space, goals)
        seen.add(_key(params, space))
        yield record


def _propose(
    study: optuna.Study, sampler: SeededSampler, space: Space, seen: set[Key], seed: int
) -> tuple[Trial | None, Params]:
    """Propose the next unseen set, with Optuna's trial if Optuna proposed it."""
    if isinstance(sampler, CompiledSampler):
        # Proposed without an Optuna trial, which would cost more than the proposal: the finished trial is added.
        return None, sampler.propose(study, len(seen))
    for attempt in range(MAX_ATTEMPTS):
        sampler.reseed(len(seen), attempt)
        trial = study.ask()
        params = space.suggest(trial)
        if _key(params, space) not in seen:
            return trial, params
        study.tell(trial, state=TrialState.FAIL)
    return None, random_unseen(space, seen, seed=(seed, len(seen)))


def _tell(study: optuna.Study, trial: Trial | None, record: TrialRecord, space: Space, goals: Sequence[str]) -> None:
    if trial is None:
        add_finished(study, as_frozen_trial(record, space, goals))
    elif record.state == "fail":
        study.tell(trial, state=TrialState.FAIL)
    else:
        trial.set_constraint("feasible", record.violation)
        study.tell(trial, _objective_values(record, goals))


def _objective_values(record: TrialRecord, goals: Sequence[str]) -> list[float]:
    """Values reported to Optuna; the worst possible for an infeasible set without one."""
    if record.values:
        return list(record.values)
    if record.value is not None and len(goals) == 1:
        return [record.value]
    return [-math.inf if GOALS[goal].direction == "maximize" else math.inf for goal in goals]


def _key(params: Mapping[str, Value], space: Space) -> Key:
    return tuple(params[name] for name in space.names)
