"""Proposals over any axes, continuous ones too: the trials as arrays, the candidates, and the best of them."""

import math
from collections.abc import Sequence

import numpy as np

from optimizer.compiled import compiled
from optimizer.domain.space import Order
from optimizer.search.tpe.axes import Axis, empty_model, enlarged
from optimizer.search.tpe.candidates import best_along, densities, densities_along, draw_candidate, index_of, other_axes
from optimizer.search.tpe.grid_proposals import BLIND_STARTS, FIRST_CAPACITY, FIRST_SLOTS, MAX_ROUNDS
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
    Grid,
    IntArray,
    UintArray,
    add,
    draw_unseen,
    grown,
    has,
    in_order,
    seed_state,
    uniform,
)

#: Placeholder where no fit is needed.
NOTHING_FITTED = FittedModel(0, 0, 0, 0.0, -1, is_tabled=False)


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
    for _ in range(BLIND_STARTS):
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
    for _ in range(MAX_ROUNDS):
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
    for _ in range(MAX_ROUNDS):
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


class AxisMixtures:
    """Both mixtures over any axes, and the sets that were seen where there are only so many."""

    def __init__(self, axes: Sequence[Axis], order: Order | None, n_candidates: int, *, is_multivariate: bool) -> None:
        self._axes = axes
        self._is_multivariate = is_multivariate
        self._is_finite = all(axis.count for axis in axes)
        self._model = empty_model(axes, order, FIRST_CAPACITY)
        self.seen = np.zeros(FIRST_SLOTS, np.uint64)
        self._n = 0
        self._state = np.zeros(1, np.uint64)
        self._points = np.zeros((n_candidates, len(axes)))

    def add(self, point: Sequence[float]) -> int:
        """Add a trial; returns its column."""
        self._make_room(1)
        _append(self._model.history, self._centres(point), self._n)
        self._mark_seen(point)
        self._n += 1
        return self._n - 1

    def drop(self, column: int) -> None:
        """Remove a trial from the mixtures; its set remains seen."""
        self._model.history.role[column] = UNUSED

    def replace(self, column: int, point: Sequence[float]) -> None:
        """Replace the set of a trial; both remain seen."""
        history, n = self._model.history, self._n
        history.value[:, column] = self._centres(point)
        self._model.kernels.sigma[:, column] = 0.0
        self._mark_seen(point)
        history.order[:, :n] = np.argsort(history.value[:, :n], axis=1, kind="stable")

    def take_in(self) -> Grid:
        """Note every trial's set as seen; returns the grid."""
        return self._model.grid

    def propose(self, below: IntArray, key: tuple[int, int, int], *, is_blind: bool) -> list[float]:
        """Propose a set; `key` is the seed, the number of finished trials, and the attempt."""
        seed_state(self._state, *key)
        if is_blind:
            _propose_first(self._model, self.seen, self._state, self._points)
        else:
            propose = _propose if self._is_multivariate else _propose_by_axis
            propose(self._model, below, self._n, self.seen, self._state, self._points)
        point: list[float] = self._points[0].tolist()
        return point

    def propose_round(
        self, below: IntArray, key: tuple[int, int, int], count: int, *, is_blind: bool, per_fit: int
    ) -> list[list[float]]:
        """Propose and add several sets in one call, with a fit for every `per_fit` of them."""
        self._make_room(count)
        found = np.empty((count, len(self._axes)))
        _propose_round(self._model, below, self._n, self.seen, key, is_blind, per_fit, self._points, found)
        self._n += count
        points: list[list[float]] = found.tolist()
        return points

    def densities(self, below: IntArray, points: Sequence[Sequence[float]]) -> FloatArray:
        """(n_points, 2) densities of the lower and the upper mixture."""
        model, fitted = self._model, fit(self._model, below, self._n)
        if self._is_multivariate:
            others = other_axes(model.axes, fitted.leading)
            return np.array([densities(model, fitted, others, np.array(point)) for point in points])
        lines = [[densities_along(model, fitted, d, x) for d, x in enumerate(point)] for point in points]
        return np.array([np.prod(line, axis=0) for line in lines])

    def _centres(self, point: Sequence[float]) -> FloatArray:
        """Centres of the kernels; only on rounded axes their units differ from those of candidates."""
        return np.array([axis.centre(x) for axis, x in zip(self._axes, point, strict=True)])

    def _mark_seen(self, point: Sequence[float]) -> None:
        if self._is_finite:
            add(self.seen, np.array(point).astype(np.int64))

    def _make_room(self, count: int) -> None:
        """Enlarge the memory until `count` more trials fit."""
        while self._n + count > len(self._model.history.role):
            self._model = enlarged(self._model)
        while 2 * (self._n + count) > len(self.seen):
            self.seen = grown(self.seen)
