"""Ask and tell without Optuna: the trials as the estimator keeps them, and the next proposal.

A proposal is the candidate with the best ratio of densities among those that were never tried.
All its randomness comes from three numbers: the seed, how many trials had finished, the attempt.
"""

import math
from bisect import insort
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numba import njit
from optuna.distributions import BaseDistribution

from optimizer.axes import axes_of, empty_model, enlarged
from optimizer.draws import (
    MAX_SOBOL_DIMENSIONS,
    IntArray,
    Sobol,
    UintArray,
    add,
    draw_unseen,
    grown,
    has,
    in_order,
    next_sobol,
    seed_state,
    sobol_directions,
    uniform,
)
from optimizer.parzen import (
    CATEGORY,
    CONTINUOUS,
    ROUNDED,
    STEPPED,
    UNUSED,
    FloatArray,
    History,
    Model,
    densities,
    draw_candidate,
    fit,
    index_of,
)
from optimizer.space import Order

N_STARTUP_TRIALS = 10
N_CANDIDATES = 24
_MAX_ROUNDS = 16
_BLIND_STARTS = 64
_FIRST_CAPACITY = 256
#: Points of the Sobol sequence to look through for an unseen set.
_MAX_POINTS = 1 << 16

#: What sorts trials from good to bad: class (feasible, pruned, infeasible), then two numbers, less is better.
Rank = tuple[int, float, float]
FEASIBLE, PRUNED, INFEASIBLE = 0, 1, 2


def n_good(n_finished: int) -> int:
    """How many trials form the lower mixture: a tenth, at most 25 (Optuna's gamma)."""
    return min(math.ceil(0.1 * n_finished), 25)


@njit(cache=True, nogil=True)
def _append(history: History, centres: FloatArray, n: int) -> None:
    """Add trial n, the youngest: on every axis it is sorted in behind its equals."""
    history.role[n] = 0
    for d in range(len(centres)):
        value, order = history.value[d], history.order[d]
        low, high = 0, n
        while low < high:
            middle = (low + high) // 2
            if value[order[middle]] <= centres[d]:
                low = middle + 1
            else:
                high = middle
        for k in range(n, low, -1):
            order[k] = order[k - 1]
        order[low] = n
        value[n] = centres[d]


@njit(cache=True, nogil=True)
def _draw_start(model: Model, seen: UintArray, state: UintArray, point: FloatArray, row: IntArray) -> bool:
    """Draw evenly (evenly in the logarithm on logarithmic axes) among unseen sets; whether it is unseen."""
    axes = model.axes
    for _ in range(_BLIND_STARTS):
        for d in range(len(point)):
            x = axes.low[d] + uniform(state) * (axes.high[d] - axes.low[d])
            if axes.kind[d] == ROUNDED:
                x = ((math.exp(x) if axes.is_log[d] else x) - axes.first[d]) / axes.step[d]
            if axes.kind[d] == STEPPED or axes.kind[d] == ROUNDED:
                x = min(max(np.rint(x), 0.0), axes.n_values[d] - 1.0)
            point[d] = np.floor(x) if axes.kind[d] == CATEGORY else x
        index_of(axes, point, row)
        if in_order(row, model.grid) and not has(seen, row):
            return True
    is_new = draw_unseen(state, model.grid, seen, row)
    for d in range(len(point)):
        if axes.kind[d] != CONTINUOUS:
            point[d] = row[d]
    return is_new


@njit(cache=True, nogil=True)
def _best_of_round(
    model: Model, below: IntArray, n: int, n_observed: IntArray, seen: UintArray, state: UintArray, n_candidates: int
) -> tuple[float, FloatArray]:
    """The best unseen of one round of candidates, with its ratio of densities; the ratio is -1 when all were seen."""
    n_axes = len(model.axes.kind)
    point, row, best = np.empty(n_axes), np.empty(n_axes, np.int64), np.zeros(n_axes)
    best_ratio = -1.0
    for _ in range(n_candidates):
        if not draw_candidate(model, below, state, point, row) or has(seen, row):
            continue
        lower, upper = densities(model, point, below, n, n_observed)
        if lower / upper > best_ratio:
            best_ratio = lower / upper
            best[:] = point
    return best_ratio, best


@njit(cache=True, nogil=True)
def _propose(model: Model, below: IntArray, n: int, seen: UintArray, state: UintArray, n_candidates: int) -> FloatArray:
    """The best unseen candidate; an evenly drawn set when round after round brings only seen ones."""
    n_observed = np.zeros(2, np.int64)
    fit(model, below, n, n_observed)
    for _ in range(_MAX_ROUNDS):
        ratio, point = _best_of_round(model, below, n, n_observed, seen, state, n_candidates)
        if ratio >= 0.0:
            return point
    point = np.empty(len(model.axes.kind))
    _draw_start(model, seen, state, point, np.empty(len(point), np.int64))
    return point


@njit(cache=True, nogil=True)
def _propose_first(model: Model, seen: UintArray, state: UintArray) -> FloatArray:
    """An evenly drawn unseen set."""
    point = np.empty(len(model.axes.kind))
    _draw_start(model, seen, state, point, np.empty(len(point), np.int64))
    return point


class Tpe:
    """The state of one search: what was tried, how good it was, and the next proposal.

    `learn` may come in any order; a proposal that is not learned yet counts as a bad trial near
    which nothing is proposed (the constant liar of Ginsbourger, Le Riche, Carraro 2010).
    """

    def __init__(
        self,
        distributions: Mapping[str, BaseDistribution],
        *,
        seed: int,
        order: Order | None = None,
        n_startup_trials: int = N_STARTUP_TRIALS,
        n_candidates: int = N_CANDIDATES,
    ) -> None:
        self.axes = axes_of(distributions)
        self._seed = seed
        self._order = order
        self._n_startup_trials = n_startup_trials
        self._n_candidates = n_candidates
        self._is_finite = all(axis.count for axis in self.axes)
        self._state = np.zeros(1, np.uint64)
        self.forget()

    def forget(self) -> None:
        """Start again with no trials."""
        self._model = empty_model(self.axes, self._order, _FIRST_CAPACITY)
        self._seen = np.zeros(4 * _FIRST_CAPACITY, np.uint64)
        self._n_seen = 0
        self._column_of: dict[int, int] = {}
        self._n_columns = 0
        self._ranking: list[tuple[Rank, int]] = []

    @property
    def n_finished(self) -> int:
        """How many trials with a value were learned."""
        return len(self._ranking)

    def ask(self, n_finished: int, attempt: int = 0) -> dict[str, Any]:
        """The next set to try, decided by the seed, these two numbers and what was learned."""
        point = self._point(n_finished, attempt)
        return {axis.name: axis.value(x) for axis, x in zip(self.axes, point.tolist(), strict=True)}

    def expect(self, number: int, params: Mapping[str, Any]) -> None:
        """Note that trial `number` (higher than all before) is trying a set."""
        self._column_of[number] = self._add(params)

    def learn(self, number: int, params: Mapping[str, Any], rank: Rank | None) -> None:
        """Take in a finished trial; without a rank it failed: never tried again, and otherwise ignored."""
        column = self._column_of.get(number)
        if column is None:
            self.expect(number, params)
        elif column >= 0 and not self._holds(column, params):
            self._replace(column, params)
        if rank is not None:
            insort(self._ranking, (rank, number))
        elif self._column_of[number] >= 0:
            self._model.history.role[self._column_of[number]] = UNUSED

    def log_densities(self, sets: Sequence[Mapping[str, Any]]) -> tuple[FloatArray, FloatArray]:
        """Logarithms of both mixtures' densities (lower, upper) at some sets, each of shape (len(sets),)."""
        n_observed, below = np.zeros(2, np.int64), self._below()
        total = fit(self._model, below, self._n_columns, n_observed)
        pairs = [densities(self._model, self._coordinates(s), below, self._n_columns, n_observed) for s in sets]
        lower, upper = np.log(np.array(pairs).reshape(-1, 2)).T
        return lower, upper - math.log(total)

    def _point(self, n_finished: int, attempt: int) -> FloatArray:
        seed_state(self._state, self._seed, n_finished, attempt)
        if self.n_finished < self._n_startup_trials:
            return _propose_first(self._model, self._seen, self._state)
        return _propose(self._model, self._below(), self._n_columns, self._seen, self._state, self._n_candidates)

    def _below(self) -> IntArray:
        good = (self._column_of[number] for _, number in self._ranking[: n_good(self.n_finished)])
        return np.array(sorted(column for column in good if column >= 0), dtype=np.int64)

    def _coordinates(self, params: Mapping[str, Any]) -> FloatArray:
        return np.array([axis.coordinate(params[axis.name]) for axis in self.axes])

    def _centres(self, params: Mapping[str, Any]) -> list[float]:
        return [axis.centre(axis.coordinate(params[axis.name])) for axis in self.axes]

    def _fits(self, params: Mapping[str, Any]) -> bool:
        """Whether a set has every parameter, and within the axes' ends."""
        return all(
            axis.name in params and (not axis.count or 0 <= axis.coordinate(params[axis.name]) < axis.count)
            for axis in self.axes
        )

    def _holds(self, column: int, params: Mapping[str, Any]) -> bool:
        return self._fits(params) and self._model.history.value[:, column].tolist() == self._centres(params)

    def _add(self, params: Mapping[str, Any]) -> int:
        """The column a set was put into, or -1 when it is none of this space."""
        if not self._fits(params):
            return -1
        if self._n_columns == len(self._model.history.role):
            self._model = enlarged(self._model)
        column = self._n_columns
        _append(self._model.history, np.array(self._centres(params)), column)
        self._n_columns += 1
        self._mark_seen(params)
        return column

    def _mark_seen(self, params: Mapping[str, Any]) -> None:
        if self._is_finite:
            self._n_seen += add(self._seen, self._coordinates(params).astype(np.int64))
            if 2 * self._n_seen > len(self._seen):
                self._seen = grown(self._seen)

    def _replace(self, column: int, params: Mapping[str, Any]) -> None:
        """A trial ran with another set than was proposed."""
        history = self._model.history
        if self._fits(params):
            history.value[:, column] = self._centres(params)
            self._model.kernels.sigma[:, column] = 0.0
            self._mark_seen(params)
        else:
            history.role[column] = UNUSED
        n = self._n_columns
        history.order[:, :n] = np.argsort(history.value[:, :n], axis=1, kind="stable")


class SobolSets(Tpe):
    """Proposes the next unseen set of a Sobol sequence, shifted at random by the seed."""

    max_axes = MAX_SOBOL_DIMENSIONS

    def __init__(self, distributions: Mapping[str, BaseDistribution], *, seed: int, order: Order | None = None) -> None:
        super().__init__(distributions, seed=seed, order=order)
        if not self._is_finite:
            raise ValueError("a Sobol search needs a step on every parameter")
        shift = np.random.default_rng(seed).integers(2**32, size=len(self.axes), dtype=np.uint64)
        self._sobol = Sobol(sobol_directions(len(self.axes)), shift)

    def forget(self) -> None:
        super().forget()
        self._at = 0

    def _point(self, n_finished: int, attempt: int) -> FloatArray:
        row = np.empty(len(self.axes), np.int64)
        seed_state(self._state, self._seed, n_finished, attempt)
        found = next_sobol(self._at, _MAX_POINTS, self._sobol, self._model.grid, self._seen, row)
        if found < 0:
            draw_unseen(self._state, self._model.grid, self._seen, row)
        else:
            self._at = found
        return row.astype(np.float64)
