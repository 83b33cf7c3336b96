"""Samplers for Optuna's ask and tell, whose proposals are repeatable to the last bit.

The compiled sampler keeps its trials in arrays between proposals (`tpe/estimator.py`) and learns each
in `after_trial`; it reads a study's history only when it has not followed it, as after a resume.
Where its assumptions are not met, Optuna's own sampler is used and `handed_over` is the reason.
"""

import abc
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, NSGAIISampler, TPESampler
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from optimizer.domain.space import Params, Space, Value
from optimizer.domain.study_request import SamplerKind
from optimizer.errors import EmptySpace, Phrase, UnknownSampler
from optimizer.search.tpe.axes import axes_of, log_prior_floor
from optimizer.search.tpe.estimator import FEASIBLE, INFEASIBLE, N_STARTUP_TRIALS, PRUNED, Rank, SobolSets, Tpe

#: Below this the prior kernel's density comes near the smallest double.
_LEAST_LOG_PRIOR = -600.0
#: Draws before the untried sets are listed.
_BLIND_DRAWS = 64


class SeededSampler(BaseSampler):
    """Sampler whose next proposal is determined by a seed, the number of finished trials and an attempt."""

    #: Reason why Optuna's own sampler is used; empty otherwise.
    handed_over: str = ""

    @abc.abstractmethod
    def reseed(self, n_finished: int, attempt: int) -> None:
        """Seed the next proposal with (seed, n_finished, attempt)."""


class CompiledSampler(SeededSampler):
    """Optuna's view of a `Tpe` (or a `SobolSets`): proposes whole sets, learns from every finished trial."""

    def __init__(self, search: Tpe) -> None:
        self.search = search
        self._distributions = {axis.name: axis.distribution for axis in search.axes}
        self._relative = {name: dist for name, dist in self._distributions.items() if not dist.single()}
        self._draw: tuple[int, int] | None = None
        self._study: Study | None = None
        self._n_followed = 0  # trials of the study that are learned or running
        self._running: set[int] = set()
        self._sign = 1.0

    @property
    def good_numbers(self) -> list[int]:
        """Numbers of the trials that form the good mixture, ascending."""
        return self.search.good_numbers

    def reseed(self, n_finished: int, attempt: int) -> None:
        self._draw = (n_finished, attempt)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Return the whole space: nothing is inferred from the trials."""
        return self._relative

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Propose a set; without a preceding `reseed` it is seeded with the trial's number."""
        if not search_space:
            return {}
        if study is not self._study or trial.number != self._n_followed:
            self._follow(study, trial.number)
        params = self.search.ask(*(self._draw or (trial.number, 0)))
        self._draw = None
        self.search.expect(trial.number, params)
        self._running.add(trial.number)
        self._n_followed = max(self._n_followed, trial.number + 1)
        return {name: params[name] for name in search_space}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Raise ValueError: a set is proposed as a whole, and a parameter outside the declared space is a mistake."""
        raise ValueError(f"`{param_name}` as {param_distribution} is not in the space this sampler was made for")

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        """Learn a finished trial; one that was not proposed here is found by the next proposal."""
        if study is self._study and trial.number < self._n_followed:
            self._learn(trial, state, values)

    def _follow(self, study: Study, current: int = -1) -> None:
        """Learn the trials of the study since the last call; all of them if it is another study."""
        trials = study.get_trials(deepcopy=False)
        if study is not self._study or len(trials) < self._n_followed:
            self.search.forget()
            self._study, self._n_followed, self._running = study, 0, set()
            self._sign = -1.0 if study.directions[0] is StudyDirection.MAXIMIZE else 1.0
        for trial in [*(trials[number] for number in sorted(self._running)), *trials[self._n_followed :]]:
            if trial.state.is_finished():
                self._learn(trial, trial.state, trial.values)
            elif trial.number != current and trial.number not in self._running:
                self.search.expect(trial.number, trial.params)
                self._running.add(trial.number)
        self._n_followed = len(trials)

    def _learn(self, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        self._running.discard(trial.number)
        self.search.learn(trial.number, trial.params, _rank(trial, state, values, self._sign))


class OptunaSampler(SeededSampler):
    """Adapter of one of Optuna's samplers, reseeded before every proposal, over a fixed space."""

    def __init__(
        self, inner: TPESampler | NSGAIISampler, distributions: Mapping[str, BaseDistribution], *, seed: int
    ) -> None:
        self._inner = inner
        self._seed = seed
        self._relative = {name: dist for name, dist in distributions.items() if not dist.single()}

    def reseed(self, n_finished: int, attempt: int) -> None:
        # Optuna offers no public way to seed a sampler again; a new sampler would forget what it caches.
        for stream, owner in enumerate((self._inner, self._inner._random_sampler)):
            owner._rng.rng.seed([self._seed, n_finished, attempt, stream])

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Return the whole space for joint proposals; an ordered range would otherwise be missing from it."""
        inferred = self._inner.infer_relative_search_space(study, trial)
        return self._relative if inferred or len(study.directions) == 1 else inferred

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return self._inner.sample_relative(study, trial, search_space)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        return self._inner.sample_independent(study, trial, param_name, param_distribution)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        self._inner.before_trial(study, trial)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        self._inner.after_trial(study, trial, state, values)


class _CountedGenerations(NSGAIISampler):
    """NSGA-II whose generations are counted from the completed trials, so that a rebuilt study has the same ones."""

    def get_trial_generation(self, study: Study, trial: FrozenTrial) -> int:
        return len(_completed(study)) // (self.population_size or 1)

    def get_population(self, study: Study, generation: int) -> list[FrozenTrial]:
        size = self.population_size or 1
        return _completed(study)[generation * size : (generation + 1) * size]


def make_sampler(kind: SamplerKind, space: Space, *, seed: int, n_goals: int = 1) -> SeededSampler:
    """Build a sampler over a space, for a study with `n_goals` directions.

    Raises UnknownSampler for `grid`, which needs no sampler. Where the compiled sampler cannot be used,
    Optuna's own is returned and its `handed_over` is not empty.
    """
    if kind is SamplerKind.NSGA2:
        return OptunaSampler(_CountedGenerations(seed=seed), space.distributions, seed=seed)
    if kind is SamplerKind.OPTUNA:
        return OptunaSampler(TPESampler(seed=seed), space.distributions, seed=seed)
    if kind not in (SamplerKind.TPE, SamplerKind.RANDOM, SamplerKind.SOBOL):
        raise UnknownSampler.of(kind, [k for k in SamplerKind if k is not SamplerKind.GRID])
    if reason := _obstacle(kind, space, n_goals):
        sampler = OptunaSampler(TPESampler(seed=seed), space.distributions, seed=seed)
        sampler.handed_over = reason
        return sampler
    return CompiledSampler(_search_of(kind, space, seed))


def random_unseen(space: Space, seen: Collection[tuple[Value, ...]], *, seed: Sequence[int]) -> Params:
    """Draw a set uniformly from those whose values (in the order of `space.names`) are not in `seen`.

    Raises EmptySpace when every set was tried.
    """
    rng = np.random.default_rng(list(seed))
    values = [parameter.values for parameter in space.parameters]
    for _ in range(_BLIND_DRAWS):
        row = tuple(column[i] for column, i in zip(values, rng.integers([len(v) for v in values]), strict=True))
        params = dict(zip(space.names, row, strict=True))
        if row not in seen and (space.order is None or space.order.allows(params)):
            return params
    unseen = [params for params in space.param_sets() if tuple(params.values()) not in seen]
    if not unseen:
        raise EmptySpace(reason=Phrase("all_tried"))
    return unseen[int(rng.integers(len(unseen)))]


def _search_of(kind: SamplerKind, space: Space, seed: int) -> Tpe:
    if kind is SamplerKind.SOBOL:
        return SobolSets(space.distributions, seed=seed, order=space.order)
    n_startup_trials = N_STARTUP_TRIALS if kind is SamplerKind.TPE else 2**62
    return Tpe(space.distributions, seed=seed, order=space.order, n_startup_trials=n_startup_trials)


def _obstacle(kind: SamplerKind, space: Space, n_goals: int) -> str:
    """Reason why the compiled sampler cannot be used, or an empty string."""
    if kind is SamplerKind.RANDOM:
        return ""
    if n_goals > 1:
        return "several goals"
    axes = axes_of(space.distributions)
    if kind is SamplerKind.SOBOL:
        return "" if len(axes) <= SobolSets.max_axes else f"more than {SobolSets.max_axes} parameters"
    return "" if log_prior_floor(axes) > _LEAST_LOG_PRIOR else "too many parameters"


def _rank(trial: FrozenTrial, state: TrialState, values: Sequence[float] | None, sign: float) -> Rank | None:
    """Rank of a trial as in Optuna's split of good and bad; None for a failed one."""
    if state is TrialState.FAIL:
        return None
    violation = sum(v for v in trial.constraints.values() if v > 0)
    if violation > 0:
        return INFEASIBLE, violation, 0.0
    if state is TrialState.COMPLETE and values is not None:
        return FEASIBLE, sign * values[0], 0.0
    return PRUNED, *_progress(trial, sign)


def _progress(trial: FrozenTrial, sign: float) -> tuple[float, float]:
    """Rank of a pruned trial among its kind: the later its last step the better, then by its value there."""
    if not trial.intermediate_values:
        return 1.0, 0.0
    step, value = max(trial.intermediate_values.items())
    return -float(step), float("inf") if value != value else sign * value


def _completed(study: Study) -> list[FrozenTrial]:
    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
