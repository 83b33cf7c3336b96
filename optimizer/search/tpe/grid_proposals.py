"""Proposals on a grid: candidates drawn from the lower mixture, and the best of those that were never tried."""

from collections.abc import Sequence

import numpy as np

from optimizer.compiled import compiled
from optimizer.domain.space import Order
from optimizer.search.tpe.axes import Axis
from optimizer.search.tpe.candidates import MAX_REDRAWS, NEGLIGIBLE, draw_category, draw_within
from optimizer.search.tpe.grid_kernels import (
    N_MEMBERS,
    N_PLACES,
    FittedGrid,
    GridModel,
    empty_grid_model,
    enlarged_grid,
    fit_grid,
    take_in,
    take_out,
)
from optimizer.search.tpe.parzen import CATEGORY, UNUSED, BoolArray, FloatArray
from optimizer.search.tpe.random_sets import (
    Grid,
    IntArray,
    UintArray,
    add_key,
    draw_unseen,
    grown,
    has,
    has_key,
    in_order,
    key_at,
    seed_state,
    uniform,
)

MAX_ROUNDS = 8
BLIND_STARTS = 64
#: Slots of the first hash table of seen sets; it grows at 16,384 sets, more than a study may try.
FIRST_SLOTS = 1 << 15
FIRST_CAPACITY = 256
#: Placeholder where no fit is needed.
NOTHING_FITTED = FittedGrid(0, 0, 0, 0, 0.0, 0.0, 0.0, 0)


@compiled
def _mass_of_choice(is_hit: bool, n_observed: int, n_values: int) -> float:
    """Mass that a kernel of a category axis has at its own choice, or at another."""
    share = 1.0 / (n_observed + 1.0)
    return (share + (1.0 if is_hit else 0.0)) / (1.0 + share * n_values)


@compiled
def _fill_columns(model: GridModel, rows: IntArray, n_above: int) -> None:
    """Write the masses that every group of the upper mixture has at the values of the candidates."""
    kind, members, row_of, column = model.kind, model.members, model.row, model.column
    n_values, mass, scale = model.tables.n_values, model.tables.mass, model.tables.scale
    for at in range(len(rows)):
        for d in range(len(kind)):
            x = rows[at, d]
            if model.is_filled[d, x]:
                continue
            model.is_filled[d, x] = True
            for v in range(n_values[d]):
                n = members[d, v, N_MEMBERS]
                if kind[d] == CATEGORY:
                    column[d, x, N_PLACES * v] = _mass_of_choice(v == x, n_above, n_values[d])
                elif n > 0:
                    for group in range(N_PLACES * v, N_PLACES * v + min(n, 2) + 1):
                        row = row_of[d, group]
                        column[d, x, group] = mass[d, row, abs(x - v)] * scale[d, row, v]


@compiled
def _prior(model: GridModel, rows: IntArray, sums: FloatArray) -> None:
    """Write the density of the prior kernel at each candidate."""
    prior = model.prior
    for at in range(len(rows)):
        product = 1.0
        for d in range(rows.shape[1]):
            product *= prior[d, rows[at, d]]
        sums[at] = product


@compiled
def _add_lower(model: GridModel, n_below: int, rows: IntArray, sums: FloatArray) -> None:
    """Add the densities of the lower mixture's kernels at each candidate."""
    kind, index, lower, table_row = model.kind, model.values, model.lower, model.lower_row
    n_values, mass, scale = model.tables.n_values, model.tables.mass, model.tables.scale
    for at in range(len(rows)):
        total = 0.0
        for j in range(n_below):
            product = 1.0
            for d in range(len(kind)):
                x, v = rows[at, d], index[lower[j], d]
                if kind[d] == CATEGORY:
                    product *= _mass_of_choice(v == x, n_below, n_values[d])
                else:
                    product *= mass[d, table_row[j, d], abs(x - v)] * scale[d, table_row[j, d], v]
            total += product
        sums[at] += total


@compiled
def _reaching(members: IntArray, masses: FloatArray, least: float, values: IntArray) -> int:
    """Write the values of an axis whose inner kernels have a mass above `least` at a candidate; returns their number.

    `members` and `masses` are those of the axis.
    """
    n = 0
    for v in range(len(values)):
        if members[v, N_MEMBERS] > 0 and masses[N_PLACES * v] > least:
            values[n] = v
            n += 1
    return n


@compiled
def _meet(
    cells: IntArray, following: IntArray, is_near: BoolArray, values: IntArray, others: IntArray, meeting: IntArray
) -> int:
    """Write the kernels that are at these values of the long axes; returns their number."""
    n = 0
    for v in values:
        for w in others:
            k = cells[v, w]
            while k >= 0:
                if is_near[k]:
                    meeting[n] = k
                    n += 1
                k = following[k]
    return n


@compiled
def _add_upper(model: GridModel, fitted: FittedGrid, rows: IntArray, sums: FloatArray) -> None:
    """Add the weighted densities of the upper mixture's kernels at each candidate, where `sums` has the prior kernel's.

    Kernels that weigh nothing there along a long axis are passed over.
    """
    group, column, rank, cells, meeting = model.group, model.column, model.rank, model.cells, model.meeting
    n_ramp, first, slope, n_wide = fitted.n_ramp, fitted.first_weight, fitted.slope, fitted.n_wide
    values, others = np.empty(cells.shape[0], np.int64), np.empty(cells.shape[1], np.int64)
    products, behind = np.empty(fitted.n_trials), meeting[n_wide:]
    a, b = model.long_axes
    for at in range(len(rows)):
        least = NEGLIGIBLE * sums[at] / fitted.n_trials
        n_a = _reaching(model.members[a], column[a, rows[at, a]], least, values)
        n_b = _reaching(model.members[b], column[b, rows[at, b]], least, others)
        n = n_wide + _meet(cells, model.following, model.is_near, values[:n_a], others[:n_b], behind)
        for i in range(n):
            k = meeting[i]
            products[i] = first + rank[k] * slope if rank[k] < n_ramp else 1.0
        for d in range(rows.shape[1]):
            masses = column[d, rows[at, d]]
            for i in range(n):
                products[i] *= masses[group[meeting[i], d]]
        sums[at] += products[:n].sum()


@compiled
def grid_densities(model: GridModel, fitted: FittedGrid, rows: IntArray, lower: FloatArray, upper: FloatArray) -> None:
    """Write the densities of the lower and the upper mixture at each candidate."""
    _prior(model, rows, lower)
    for at in range(len(rows)):
        upper[at] = lower[at]
    _fill_columns(model, rows, fitted.n_above)
    _add_lower(model, fitted.n_below, rows, lower)
    _add_upper(model, fitted, rows, upper)
    lower /= fitted.n_below + 1.0
    upper /= fitted.weight_above


@compiled
def _draw_stepped(n_values: int, own: int, sigma: float, state: UintArray) -> int:
    """Draw a value of a stepped axis from a kernel around its own value, or without one (-1) from the prior kernel."""
    low, high = -0.5, n_values - 0.5
    if own >= 0:
        x = draw_within(low, high, float(own), sigma, state)
    else:
        x = draw_within(low, high, 0.5 * (low + high), high - low, state)
    return int(min(max(np.rint(x), 0.0), n_values - 1.0))


@compiled
def _keeps_order(grid: Grid, rows: IntArray, at: int) -> bool:
    """`in_order` of one of several sets, without a view of it."""
    lesser, greater = grid.pair
    return bool(lesser < 0 or rows[at, greater] >= grid.bounds[rows[at, lesser]])


@compiled
def _draw_round(
    model: GridModel, n_below: int, seen: UintArray, state: UintArray, rows: IntArray, keys: UintArray
) -> int:
    """Draw a round of candidates; the unseen and distinct ones come first in `rows`, and their number is returned."""
    kind, n_values, index = model.kind, model.tables.n_values, model.values
    lower, sigma, grid, n_fresh = model.lower, model.lower_sigma, model.grid, 0
    for _ in range(len(rows)):
        for _ in range(MAX_REDRAWS):
            pick = int(uniform(state) * (n_below + 1))  # the last one is the prior kernel
            for d in range(rows.shape[1]):
                own = index[lower[pick], d] if pick < n_below else -1
                if kind[d] == CATEGORY:
                    rows[n_fresh, d] = int(draw_category(n_values[d], own, n_below, state))
                else:
                    rows[n_fresh, d] = _draw_stepped(n_values[d], own, sigma[pick, d] if own >= 0 else 0.0, state)
            if _keeps_order(grid, rows, n_fresh):
                keys[n_fresh] = key_at(rows, n_fresh)
                n_fresh += _is_fresh(seen, keys, n_fresh)
                break
    return n_fresh


@compiled
def _is_fresh(seen: UintArray, keys: UintArray, at: int) -> bool:
    """True if candidate `at` was not seen, nor is it one of those before it."""
    is_new = True
    for earlier in range(at):
        is_new = is_new and keys[earlier] != keys[at]
    return is_new and not has_key(seen, keys[at])


@compiled
def _draw_start(model: GridModel, seen: UintArray, state: UintArray, row: IntArray) -> bool:
    """Draw uniformly among unseen sets; returns whether the set is unseen."""
    for _ in range(BLIND_STARTS):
        for d in range(len(row)):
            n_values = model.tables.n_values[d]
            if model.kind[d] == CATEGORY:
                row[d] = int(uniform(state) * n_values)
            else:
                x = -0.5 + uniform(state) * ((n_values - 0.5) - -0.5)
                row[d] = int(min(max(np.rint(x), 0.0), n_values - 1.0))
        if in_order(row, model.grid) and not has(seen, row):
            return True
    return draw_unseen(state, model.grid, seen, row)


@compiled
def _copy_row(rows: IntArray, at: int, into: IntArray, place: int) -> None:
    """Copy a row of values: an assignment of rows is compiled with an error about their lengths, which takes long."""
    for d in range(rows.shape[1]):
        into[place, d] = rows[at, d]


@compiled
def _choose(model: GridModel, fitted: FittedGrid, seen: UintArray, state: UintArray, rows: IntArray) -> None:
    """Write the best unseen candidate into `rows[0]`, or a uniformly drawn set if all rounds have only seen ones."""
    keys, lower, upper = np.empty(len(rows), np.uint64), np.empty(len(rows)), np.empty(len(rows))
    for _ in range(MAX_ROUNDS):
        n_fresh = _draw_round(model, fitted.n_below, seen, state, rows, keys)
        if n_fresh > 0:
            grid_densities(model, fitted, rows[:n_fresh], lower[:n_fresh], upper[:n_fresh])
            _copy_row(rows, int(np.argmax(lower[:n_fresh] / upper[:n_fresh])), rows, 0)
            return
    _draw_start(model, seen, state, rows[0])


@compiled
def _propose(
    model: GridModel,
    below: IntArray,
    n: int,
    seen: UintArray,
    key: tuple[int, int, int],
    is_blind: bool,
    rows: IntArray,
) -> None:
    """Propose one set in `rows[0]`, in one compiled call because passing the model takes time."""
    state = np.zeros(1, np.uint64)
    seed_state(state, key[0], key[1], key[2])
    if is_blind:
        take_in(model, seen, n)
        _draw_start(model, seen, state, rows[0])
    else:
        _choose(model, fit_grid(model, below, n, seen), seen, state, rows)


@compiled
def _propose_round(
    model: GridModel,
    below: IntArray,
    n: int,
    seen: UintArray,
    key: tuple[int, int, int],
    is_blind: bool,
    per_fit: int,
    rows: IntArray,
    count: int,
) -> None:
    """Propose `count` sets as the trials from number n on.

    The mixtures are fitted again after every `per_fit` proposals. `key` seeds the first: the seed, the number of
    finished trials, the attempt, which is counted up for the others.
    """
    state = np.zeros(1, np.uint64)
    take_in(model, seen, n)
    fitted = NOTHING_FITTED
    for k in range(count):
        seed_state(state, key[0], key[1], key[2] + k)
        if is_blind:
            _draw_start(model, seen, state, rows[0])
        else:
            if k % per_fit == 0:
                fitted = fit_grid(model, below, n + k, seen)
            _choose(model, fitted, seen, state, rows)
        _copy_row(rows, 0, model.values, n + k)
        add_key(seen, key_at(model.values, n + k))  # the mixtures take it in when they are fitted again


class GridMixtures:
    """Both mixtures over a grid, and the sets that were seen."""

    def __init__(self, axes: Sequence[Axis], order: Order | None, n_candidates: int) -> None:
        self._model = empty_grid_model(axes, order, FIRST_CAPACITY)
        self.seen = np.zeros(FIRST_SLOTS, np.uint64)
        self._n = 0
        self._rows = np.zeros((n_candidates, len(axes)), np.int64)

    def add(self, point: Sequence[float]) -> int:
        """Add a trial; returns its column."""
        self._make_room(1)
        self._model.values[self._n] = point
        self._n += 1
        return self._n - 1

    def drop(self, column: int) -> None:
        """Remove a trial from the mixtures; its set remains seen."""
        take_out(self._model, self.seen, column, self._n)

    def replace(self, column: int, point: Sequence[float]) -> None:
        """Replace the set of a trial; both remain seen."""
        model, n = self._model, self._n
        take_in(model, self.seen, n)
        dropped = np.flatnonzero(model.role[:n] == UNUSED).tolist()
        for array, value in ((model.members, 0), (model.counters, 0), (model.cells, -1)):
            array[...] = value
        model.values[column] = point
        for other in dropped:
            self.drop(other)

    def take_in(self) -> Grid:
        """Note every trial's set as seen; returns the grid."""
        take_in(self._model, self.seen, self._n)
        return self._model.grid

    def propose(self, below: IntArray, key: tuple[int, int, int], *, is_blind: bool) -> list[int]:
        """Propose a set; `key` is the seed, the number of finished trials, and the attempt."""
        _propose(self._model, below, self._n, self.seen, key, is_blind, self._rows)
        row: list[int] = self._rows[0].tolist()
        return row

    def propose_round(
        self, below: IntArray, key: tuple[int, int, int], count: int, *, is_blind: bool, per_fit: int
    ) -> list[list[int]]:
        """Propose and add several sets in one call, with a fit for every `per_fit` of them."""
        self._make_room(count)
        first = self._n
        _propose_round(self._model, below, first, self.seen, key, is_blind, per_fit, self._rows, count)
        self._n += count
        rows: list[list[int]] = self._model.values[first : self._n].tolist()
        return rows

    def densities(self, below: IntArray, points: Sequence[Sequence[float]]) -> FloatArray:
        """(n_points, 2) densities of the lower and the upper mixture."""
        fitted = fit_grid(self._model, below, self._n, self.seen)
        rows = np.array(points, dtype=np.int64)
        lower, upper = np.empty(len(rows)), np.empty(len(rows))
        grid_densities(self._model, fitted, rows, lower, upper)
        return np.column_stack([lower, upper])

    def _make_room(self, count: int) -> None:
        """Enlarge the memory until `count` more trials fit."""
        while self._n + count > len(self._model.role):
            self._model = enlarged_grid(self._model)
        while 2 * (self._n + count) > len(self.seen):
            self.seen = grown(self.seen)
