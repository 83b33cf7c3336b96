"""TPE search without Optuna: the trials as arrays, and the next proposal.

A proposal is the candidate with the best ratio of densities among those that were never tried.
All its randomness comes from three numbers: the seed, the number of finished trials, the attempt.
"""

import math
from bisect import insort
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution, IntDistribution

from optimizer.compiled import compiled
from optimizer.domain.space import Order
from optimizer.search.tpe.axes import axes_of, empty_model, enlarged
from optimizer.search.tpe.candidates import best_along, densities, densities_along, draw_candidate, index_of, other_axes
from optimizer.search.tpe.parzen import (
    CATEGORY,
    CONTINUOUS,
    ROUNDED,
    STEPPED,
    UNUSED,
    FittedModel,
    FloatArray,
    Model,
    TrialHistory,
    fit,
)
from optimizer.search.tpe.random_sets import (
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

N_STARTUP_TRIALS = 10
N_CANDIDATES = 24
_MAX_ROUNDS = 8
_BLIND_STARTS = 64
_FIRST_CAPACITY = 256
#: Slots of the first hash table of seen sets; it grows at 16,384 sets, more than a study may try.
_FIRST_SLOTS = 1 << 15
#: Points of the Sobol sequence to search for an unseen set.
_MAX_POINTS = 1 << 16

#: Placeholder where no fit is needed.
NOTHING_FITTED = FittedModel(0, 0, 0, 0.0, -1, is_tabled=False)
#: Sort key of trials from good to bad: class (feasible, pruned, infeasible), then two numbers, less is better.
Rank = tuple[int, float, float]
FEASIBLE, PRUNED, INFEASIBLE = 0, 1, 2


def n_good(n_finished: int) -> int:
    """Number of trials in the lower mixture: a tenth, at most 25 (Optuna's gamma)."""
    return min(math.ceil(0.1 * n_finished), 25)


@compiled
def _append(history: TrialHistory, centres: FloatArray, n: int) -> None:
    """Append trial n: on every axis it is inserted after its equals."""
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


@compiled
def _draw_start(model: Model, seen: UintArray, state: UintArray, point: FloatArray, row: IntArray) -> bool:
    """Draw uniformly (in the logarithm on logarithmic axes) among unseen sets; returns whether the set is unseen."""
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


@compiled
def _draw_round(
    model: Model, below: IntArray, seen: UintArray, state: UintArray, points: FloatArray, rows: IntArray
) -> int:
    """Draw a round of candidates; the unseen and distinct ones come first in `points`, and their number is returned."""
    n_fresh = 0
    for _ in range(len(points)):
        point, row = points[n_fresh], rows[n_fresh]
        if draw_candidate(model, below, state, point, row) and not has(seen, row):
            n_fresh += not _is_repeat(points, n_fresh)
    return n_fresh


@compiled
def _is_repeat(points: FloatArray, at: int) -> bool:
    """True if candidate `at` is equal to one before it."""
    n_equal = 0
    for k in range(at):
        n_equal += np.array_equal(points[k], points[at])
    return n_equal > 0


@compiled
def _choose(
    model: Model, fitted: FittedModel, below: IntArray, seen: UintArray, state: UintArray, points: FloatArray
) -> None:
    """Write the best unseen candidate into `points[0]`, or a uniformly drawn set if all rounds have only seen ones."""
    others = other_axes(model.axes, fitted.leading)
    rows = np.empty(points.shape, np.int64)
    for _ in range(_MAX_ROUNDS):
        best, best_ratio = -1, -1.0
        for k in range(_draw_round(model, below, seen, state, points, rows)):
            lower, upper = densities(model, fitted, others, points[k])
            if lower / upper > best_ratio:
                best, best_ratio = k, lower / upper
        if best >= 0:
            points[0] = points[best]
            return
    _draw_start(model, seen, state, points[0], rows[0])


@compiled
def _propose(model: Model, below: IntArray, n: int, seen: UintArray, state: UintArray, points: FloatArray) -> None:
    """Fit and choose in one compiled call, because passing the model takes time; the result is in `points[0]`."""
    _choose(model, fit(model, below, n), below, seen, state, points)


@compiled
def _propose_by_axis(
    model: Model, below: IntArray, n: int, seen: UintArray, state: UintArray, points: FloatArray
) -> None:
    """Choose each coordinate of `points[0]` among candidates of its own; repeated while seen or out of order."""
    fitted = fit(model, below, n)
    row = np.empty(points.shape[1], np.int64)
    for _ in range(_MAX_ROUNDS):
        for d in range(points.shape[1]):
            points[0, d] = best_along(model, fitted, below, d, state, len(points))
        index_of(model.axes, points[0], row)
        if in_order(row, model.grid) and not has(seen, row):
            return
    _draw_start(model, seen, state, points[0], row)


@compiled
def _propose_first(model: Model, seen: UintArray, state: UintArray, points: FloatArray) -> None:
    """Write a uniformly drawn unseen set into `points[0]`."""
    _draw_start(model, seen, state, points[0], np.empty(points.shape[1], np.int64))


@compiled
def _propose_round(
    model: Model,
    below: IntArray,
    n: int,
    seen: UintArray,
    key: tuple[int, int, int],
    is_blind: bool,
    per_fit: int,
    points: FloatArray,
    found: FloatArray,
) -> None:
    """Write proposals into the rows of `found`, each added as an expected trial from column n on.

    The mixtures are fitted again after every `per_fit` proposals. `key` seeds the first: the seed, the number of
    finished trials, the attempt, which is counted up for the others.
    """
    axes, state, fitted = model.axes, np.zeros(1, np.uint64), NOTHING_FITTED
    row, centres = np.empty(points.shape[1], np.int64), np.empty(points.shape[1])
    for k in range(len(found)):
        seed_state(state, key[0], key[1], key[2] + k)
        if is_blind:
            _draw_start(model, seen, state, points[0], row)
        else:
            if k % per_fit == 0:
                fitted = fit(model, below, n + k)
            _choose(model, fitted, below, seen, state, points)
        found[k] = points[0]
        for d in range(len(row)):
            centres[d] = points[0, d]
            if axes.kind[d] == ROUNDED:
                real = axes.first[d] + axes.step[d] * points[0, d]
                centres[d] = math.log(real) if axes.is_log[d] else real
        _append(model.history, centres, n + k)
        if np.all(axes.n_values > 0):
            index_of(axes, points[0], row)
            add(seen, row)


class Tpe:
    """State of one search: the trials, their ranks, and the next proposal.

    `ask` for a set, `expect` it under its number, and `learn` its rank. A set that is expected but
    not learned yet counts as a bad trial, so that nothing is proposed near it (the constant liar of
    Ginsbourger, Le Riche, Carraro 2010).
    """

    def __init__(
        self,
        distributions: Mapping[str, BaseDistribution],
        *,
        seed: int,
        order: Order | None = None,
        n_startup_trials: int = N_STARTUP_TRIALS,
        n_candidates: int = N_CANDIDATES,
        is_multivariate: bool = True,
    ) -> None:
        self.axes = axes_of(distributions)
        self._seed = seed
        self._order = order
        self._n_startup_trials = n_startup_trials
        self._is_multivariate = is_multivariate
        self._is_finite = all(axis.count for axis in self.axes)
        self._is_rounded = any(axis.kind == ROUNDED for axis in self.axes)
        self._state = np.zeros(1, np.uint64)
        self._points = np.zeros((n_candidates, len(self.axes)))
        self.forget()

    def forget(self) -> None:
        """Remove all trials."""
        self._model = empty_model(self.axes, self._order, _FIRST_CAPACITY)
        self._seen = np.zeros(_FIRST_SLOTS, np.uint64)
        self._n_seen = 0
        self._param_sets: list[Mapping[str, Any]] = []  # one per column
        self._column_of: dict[int, int] = {}
        self._ranking: list[tuple[Rank, int]] = []
        self._below = np.zeros(0, np.int64)

    @property
    def n_finished(self) -> int:
        """Number of trials learned that did not fail."""
        return len(self._ranking)

    @property
    def good_numbers(self) -> list[int]:
        """Numbers of the trials that form the lower mixture, ascending."""
        return sorted(number for _, number in self._ranking[: n_good(self.n_finished)])

    def ask(self, n_finished: int, attempt: int = 0) -> dict[str, Any]:
        """Propose the next set, determined by the seed, these two numbers and the trials learned."""
        seed_state(self._state, self._seed, n_finished, attempt)
        self._draw()
        return self._set_at(self._points[0].tolist())

    def expect(self, number: int, params: Mapping[str, Any]) -> None:
        """Add a running trial; its number is higher than all before."""
        self._column_of[number] = self._add(params)

    def learn(self, number: int, params: Mapping[str, Any], rank: Rank | None) -> None:
        """Add a finished trial; without a rank it failed: its set is not proposed again, and otherwise ignored."""
        if self._column_of.get(number, -1) < 0:
            self.expect(number, params)
        column = self._column_of[number]
        if column >= 0 and self._param_sets[column] != params:
            self._replace(column, params)
        if rank is not None:
            self._place(rank, number)
        elif column >= 0:
            self._model.history.role[column] = UNUSED

    def ask_round(self, n_finished: int, first: int, count: int, *, per_fit: int = 1) -> list[dict[str, Any]]:
        """Propose and expect `count` sets under the numbers from `first` on, in one compiled call.

        Equal to alternating `ask(n_finished, number)` and `expect`; for joint proposals only. A `per_fit` above 1
        takes so many sets from one fit, which is most of the work: they are distinct, but not kept apart.
        """
        self._make_room(count)
        found, n = np.empty((count, len(self.axes))), len(self._param_sets)
        key, is_blind = (self._seed, n_finished, first), self.n_finished < self._n_startup_trials
        _propose_round(self._model, self._below, n, self._seen, key, is_blind, per_fit, self._points, found)
        param_sets = [self._set_at(point) for point in found.tolist()]
        self._param_sets.extend(param_sets)
        self._column_of.update(zip(range(first, first + count), range(n, n + count), strict=True))
        self._n_seen += count if self._is_finite else 0
        return param_sets

    def learn_round(self, first: int, ranks: Sequence[Rank | None]) -> None:
        """Add the ranks of a round, whose numbers start at `first`; see `learn`."""
        for number, rank in enumerate(ranks, first):
            if rank is not None:
                insort(self._ranking, (rank, number))
            else:
                self._model.history.role[self._column_of[number]] = UNUSED
        self._gather_good()

    def log_densities(self, param_sets: Sequence[Mapping[str, Any]]) -> tuple[FloatArray, FloatArray]:
        """Logarithms of both mixtures' densities (lower, upper) at some sets, (n_sets,) each."""
        fitted = fit(self._model, self._below, len(self._param_sets))
        points = [self._coordinates(params) for params in param_sets]
        if self._is_multivariate:
            others = other_axes(self._model.axes, fitted.leading)
            pairs = [densities(self._model, fitted, others, point) for point in points]
        else:
            lines = [[densities_along(self._model, fitted, d, x) for d, x in enumerate(point)] for point in points]
            pairs = [np.prod(line, axis=0) for line in lines]
        lower, upper = np.log(np.array(pairs).reshape(-1, 2)).T
        return lower, upper

    def _draw(self) -> None:
        """Write the coordinates of the next proposal into the first row of `_points`."""
        if self.n_finished < self._n_startup_trials:
            _propose_first(self._model, self._seen, self._state, self._points)
            return
        propose = _propose if self._is_multivariate else _propose_by_axis
        propose(self._model, self._below, len(self._param_sets), self._seen, self._state, self._points)

    def _place(self, rank: Rank, number: int) -> None:
        """Insert a trial into the ranking; the good ones are collected again if they changed."""
        n_before = n_good(self.n_finished)
        insort(self._ranking, (rank, number))
        n = n_good(self.n_finished)
        if n != n_before or (rank, number) <= self._ranking[n - 1]:
            self._gather_good()

    def _gather_good(self) -> None:
        columns = (self._column_of[good] for _, good in self._ranking[: n_good(self.n_finished)])
        self._below = np.array(sorted(column for column in columns if column >= 0), dtype=np.int64)

    def _set_at(self, point: Sequence[float]) -> dict[str, Any]:
        return {axis.name: axis.value(x) for axis, x in zip(self.axes, point, strict=True)}

    def _coordinates(self, params: Mapping[str, Any]) -> FloatArray:
        return np.array([axis.coordinate(params[axis.name]) for axis in self.axes])

    def _fits(self, params: Mapping[str, Any]) -> bool:
        """True if a set has every parameter, each within its axis."""
        return all(axis.name in params and axis.contains(params[axis.name]) for axis in self.axes)

    def _add(self, params: Mapping[str, Any]) -> int:
        """Append a set and return its column, or -1 if it is not in this space."""
        if not self._fits(params):
            return -1
        self._make_room(1)
        column = len(self._param_sets)
        point = self._coordinates(params)
        _append(self._model.history, self._centres(point), column)
        self._param_sets.append(dict(params))
        self._mark_seen(point)
        return column

    def _centres(self, point: FloatArray) -> FloatArray:
        """Centres of the kernels; only on rounded axes their units differ from those of candidates."""
        if not self._is_rounded:
            return point
        return np.array([axis.centre(x) for axis, x in zip(self.axes, point.tolist(), strict=True)])

    def _mark_seen(self, point: FloatArray) -> None:
        if self._is_finite:
            self._n_seen += add(self._seen, point.astype(np.int64))

    def _make_room(self, count: int) -> None:
        """Enlarge the memory until `count` more sets fit."""
        while len(self._param_sets) + count > len(self._model.history.role):
            self._model = enlarged(self._model)
        while 2 * (self._n_seen + count) > len(self._seen):
            self._seen = grown(self._seen)

    def _replace(self, column: int, params: Mapping[str, Any]) -> None:
        """Replace the set of a trial that ran with another one than expected."""
        history, n = self._model.history, len(self._param_sets)
        if self._fits(params):
            point = self._coordinates(params)
            history.value[:, column] = self._centres(point)
            self._model.kernels.sigma[:, column] = 0.0
            self._mark_seen(point)
        else:
            history.role[column] = UNUSED
        self._param_sets[column] = dict(params)
        history.order[:, :n] = np.argsort(history.value[:, :n], axis=1, kind="stable")


def warm() -> None:
    """Load or compile the functions of a search at a worker's start, so that no study waits for them."""
    tpe = Tpe({"x": IntDistribution(1, 9)}, seed=0, n_startup_trials=1)
    for number in range(3):
        tpe.learn(number, tpe.ask(number), (FEASIBLE, float(number), 0.0))
    tpe.ask_round(3, 3, 2)


class SobolSets(Tpe):
    """Search that proposes the next unseen set of a Sobol sequence, shifted at random by the seed."""

    max_axes = MAX_SOBOL_DIMENSIONS

    def __init__(self, distributions: Mapping[str, BaseDistribution], *, seed: int, order: Order | None = None) -> None:
        super().__init__(distributions, seed=seed, order=order)
        if not self._is_finite:
            raise ValueError("a Sobol search needs a step on every parameter")
        shift = np.random.default_rng(seed).integers(2**32, size=len(self.axes), dtype=np.uint64)
        self._sobol = Sobol(sobol_directions(len(self.axes)), shift)

    def forget(self) -> None:
        """Remove all trials and start the sequence again."""
        super().forget()
        self._at = 0

    def _draw(self) -> None:
        row = np.empty(len(self.axes), np.int64)
        found = next_sobol(self._at, _MAX_POINTS, self._sobol, self._model.grid, self._seen, row)
        if found < 0:
            draw_unseen(self._state, self._model.grid, self._seen, row)
        else:
            self._at = found
        self._points[0] = row
