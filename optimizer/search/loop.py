"""Search loop: propose a set, score it, learn; a generator of one record per trial.

Leaving the loop stops the search, and passing the records back as `done` resumes it with exactly the
sets that an uninterrupted run would have tried. For that, all randomness of a proposal comes from
(seed, number of finished trials, attempt), and a proposal that repeats an earlier set is dropped
without a trace and does not count towards the budget.
"""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, partial
from itertools import islice

import optuna
from optuna.trial import Trial

from optimizer.clock import Clock, utc_now
from optimizer.domain.metrics import GOALS
from optimizer.domain.space import Params, Space, Value
from optimizer.domain.study_request import SamplerKind, StudySpec, is_exhaustive
from optimizer.domain.study_results import TrialRecord, TrialState
from optimizer.engine.multi_symbol import AnyEvaluator
from optimizer.search.confidence import scored
from optimizer.search.samplers import CompiledSampler, SeededSampler, make_sampler, random_unseen
from optimizer.search.scoring import reason, uncapped_violation, violations
from optimizer.search.single_study_storage import LeanTrial, add_finished, fast_study, withdraw
from optimizer.search.tpe.estimator import FEASIBLE, INFEASIBLE, Rank

#: Proposals that may repeat earlier sets before a random unseen one is taken.
MAX_ATTEMPTS = 8
_BATCH = 512
#: Measures of every record.
_MEASURES = ("sharpe_ratio", "total_return", "max_drawdown", "n_trades")
_TOTAL_RETURN, _N_TRADES = _MEASURES.index("total_return"), _MEASURES.index("n_trades")

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


def as_frozen_trial(record: TrialRecord, space: Space, goals: Sequence[str], *, number: int | None = None) -> LeanTrial:
    """Convert a finished record to Optuna's trial, with its own number or another."""
    return LeanTrial.finished(
        record.number if number is None else number,
        None if record.state is TrialState.FAIL else _objective_values(record, goals),
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

    @cached_property
    def _columns(self) -> tuple[str, ...]:
        """Columns of the scores that a record needs: the measures of every record, then the goals."""
        return (*_MEASURES, *(GOALS[goal].column for goal in self.spec.goals))

    def records(self, first: int, param_sets: Sequence[Params]) -> list[TrialRecord]:
        """Score sets in one call; their numbers start at `first`."""
        started_at = self.clock()
        began = time.perf_counter()
        scores = scored(self.spec, self.evaluator, param_sets, start=self.start, stop=self.stop)
        each = (time.perf_counter() - began) / len(param_sets)
        broken = violations(self.spec, scores).tolist()
        measured = list(zip(*[scores.column(name).tolist() for name in self._columns], strict=True))
        return [
            self._record(
                first + row,
                params,
                measured[row],
                violation,
                partial(reason, self.spec, scores, row),
                started_at,
                each,
            )
            for row, (params, violation) in enumerate(zip(param_sets, broken, strict=True))
        ]

    def record(self, number: int, params: Params) -> TrialRecord:
        """Score a single set, as `records` does, but in numbers where arrays of one would cost more than the trial."""
        if self.spec.caps:
            return self.records(number, [params])[0]
        started_at = self.clock()
        began = time.perf_counter()
        scores = scored(self.spec, self.evaluator, [params], start=self.start, stop=self.stop)
        duration = time.perf_counter() - began
        measured = [float(scores.column(name)[0]) for name in self._columns]
        violation, why = uncapped_violation(self.spec, measured[_N_TRADES], measured[_TOTAL_RETURN])
        return self._record(number, params, measured, violation, lambda: why, started_at, duration)

    def _record(
        self,
        number: int,
        params: Params,
        measured: Sequence[float],
        violation: float,
        why: Callable[[], str],
        started_at: datetime,
        duration: float,
    ) -> TrialRecord:
        sharpe_ratio, total_return, max_drawdown, n_trades, *values = measured
        has_gap = any(map(math.isnan, values))
        failed = violation <= 0 and has_gap
        return TrialRecord.measured(
            number=number,
            params=params,
            value=values[0],
            values=tuple(values) if len(values) > 1 and not has_gap else (),
            violation=violation,
            reason=why() if violation > 0 else self._missing(values) if failed else "",
            state=TrialState.FAIL if failed else TrialState.COMPLETE,
            sharpe_ratio=sharpe_ratio,
            total_return=total_return,
            max_drawdown=max_drawdown,
            n_trades=int(n_trades),
            started_at=started_at,
            duration=duration,
        )

    def _missing(self, values: Sequence[float]) -> str:
        missing = (goal for goal, value in zip(self.spec.goals, values, strict=True) if math.isnan(value))
        return next((f"no {goal}" for goal in missing), "")


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
    sampler = make_sampler(scorer.spec.sampler, space, seed=seed, n_goals=len(scorer.spec.goals))
    learner = _Direct(sampler) if isinstance(sampler, CompiledSampler) else _ByStudy(sampler, scorer.spec, space, seed)
    for number, record in enumerate(done):
        learner.learn(number, record)
    seen, waiting = {_key(record.params, space) for record in done}, iter(opening)
    while len(seen) < n_trials:
        given = next((params for params in waiting if _key(params, space) not in seen), None)
        params = learner.propose(seen) if given is None else given
        record = scorer.record(len(seen), params)
        learner.learn(len(seen), record)
        seen.add(_key(params, space))
        yield record


class _Direct:
    """The compiled search, which learns from records: a study of Optuna's would cost more than its proposals."""

    def __init__(self, sampler: CompiledSampler) -> None:
        self._search = sampler.search

    def propose(self, seen: AbstractSet[Key]) -> Params:
        """Propose an unseen set."""
        return self._search.ask(len(seen))

    def learn(self, number: int, record: TrialRecord) -> None:
        """Learn from a record under its number."""
        self._search.learn(number, record.params, _rank(record))


class _ByStudy:
    """A sampler of Optuna's with its study."""

    def __init__(self, sampler: SeededSampler, spec: StudySpec, space: Space, seed: int) -> None:
        self._sampler, self._space, self._goals, self._seed = sampler, space, spec.goals, seed
        self._study = rebuild_study(space, spec.goals, (), sampler)
        self._trial: Trial | None = None

    def propose(self, seen: AbstractSet[Key]) -> Params:
        """Propose an unseen set: drawn evenly if the sampler repeats itself."""
        for attempt in range(MAX_ATTEMPTS):
            self._sampler.reseed(len(seen), attempt)
            self._trial = self._study.ask()
            params = self._space.suggest(self._trial)
            if _key(params, self._space) not in seen:
                return params
            withdraw(self._study, self._trial)
        self._trial = None
        return random_unseen(self._space, seen, seed=(self._seed, len(seen)))

    def learn(self, number: int, record: TrialRecord) -> None:
        """Tell the study of a record, as the trial that was proposed or as another one."""
        trial, self._trial = self._trial, None
        if trial is None:
            add_finished(self._study, as_frozen_trial(record, self._space, self._goals, number=number))
        elif record.state is TrialState.FAIL:
            self._study.tell(trial, state=optuna.trial.TrialState.FAIL)
        else:
            trial.set_constraint("feasible", record.violation)
            self._study.tell(trial, _objective_values(record, self._goals))


def _rank(record: TrialRecord) -> Rank | None:
    """Rank of a record in the compiled search, which has one goal, or none to care for; None for a failed one."""
    if record.state is TrialState.FAIL:
        return None
    if record.violation > 0:
        return INFEASIBLE, record.violation, 0.0
    return FEASIBLE, math.inf if record.value is None else -record.value, 0.0


def _objective_values(record: TrialRecord, goals: Sequence[str]) -> list[float]:
    """Values reported to Optuna; the worst possible for an infeasible set without one."""
    if record.values:
        return list(record.values)
    if record.value is not None and len(goals) == 1:
        return [record.value]
    return [-math.inf if GOALS[goal].direction == "maximize" else math.inf for goal in goals]


def _key(params: Mapping[str, Value], space: Space) -> Key:
    return tuple(params[name] for name in space.names)
