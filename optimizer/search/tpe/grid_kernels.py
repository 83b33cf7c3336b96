"""Both mixtures over a grid: spaces whose every axis is stepped or a category, as all declared ones are.

The mathematics are those of `parzen.py`; what is kept between proposals makes their price independent of the number
of trials. Equal observations are ordered by number, so that of the upper mixture's kernels at one value of an axis only
the first and the last have a gap beside them; the inner ones have the least bandwidth. Who is first and last is kept
up when a trial enters or leaves the mixture, and a fit looks at values instead of trials. A kernel's mass at a value is
looked up by its group, which is its value and its place there; and trials are chained by their values on the two
longest axes, so that a density only meets those that reach the candidate.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from optimizer.compiled import compiled
from optimizer.domain.space import Order
from optimizer.search.tpe.axes import Axis, empty_tables, grid_of, prior_masses
from optimizer.search.tpe.parzen import (
    ABOVE,
    BELOW,
    CATEGORY,
    N_FIXED_SLOTS,
    STEPPED,
    UNUSED,
    BoolArray,
    ByteArray,
    FloatArray,
    Tables,
    fill_table,
    least_sigma,
)
from optimizer.search.tpe.random_sets import Grid, IntArray, UintArray, add_key, key_at

#: Most trials of the lower mixture.
MOST_GOOD = 25
#: Kernels at one value of an axis: the inner ones, the first, and the last.
N_PLACES, FIRST, LAST = 3, 1, 2
#: Of `members`: their number, the first, the last.
N_MEMBERS = 0
#: Of `counters`: trials known, those of each mixture, and the wide ones.
KNOWN, N_UPPER, N_LOWER, N_WIDE = 0, 1, 2, 3
#: Optuna weighs the latest observations fully and older ones on a ramp.
N_RECENT = 25


class GridModel(NamedTuple):
    """State kept between proposals. A group of an axis is three times a value, plus 1 for its first kernel, 2 its last.

    The table row 0 is that of the least bandwidth of the upper mixture, 1 of the lower one.
    """

    grid: Grid
    kind: IntArray  # (axes,)
    prior: FloatArray  # (axes, values)
    tables: Tables
    values: IntArray  # (capacity, axes): of each trial, as indices
    group: IntArray  # (capacity, axes): its group, while it is in the upper mixture
    role: ByteArray  # (capacity,)
    rank: IntArray  # (capacity,): number of older trials in the upper mixture, while it is there
    is_near: BoolArray  # (capacity,): in the upper mixture, and of the least bandwidth on both long axes
    following: IntArray  # (capacity,): next older trial of the same cell, or -1
    cells: IntArray  # (values, values): latest trial of each pair of values on the long axes, or -1
    long_axes: IntArray  # (2,): the stepped axes with the most values
    members: IntArray  # (axes, values, 3): of the upper mixture: their number, the first, the last
    row: IntArray  # (axes, groups): of the tables
    column: FloatArray  # (axes, values, groups): mass of a group at a value
    is_filled: BoolArray  # (axes, values): whether that column belongs to the present fit
    lower: IntArray  # (MOST_GOOD,): trials of the lower mixture
    lower_sigma: FloatArray  # (MOST_GOOD, axes)
    lower_row: IntArray  # (MOST_GOOD, axes)
    meeting: (
        IntArray  # (capacity,): trials of the upper mixture that are wide on a long axis, then those near a candidate
    )
    counters: IntArray  # (4,)


class FittedGrid(NamedTuple):
    """Result of one fit besides the tables."""

    n_trials: int
    n_above: int
    n_below: int
    n_ramp: int  # trials of the upper mixture that weigh less than 1: those with a lower rank
    first_weight: float  # of the oldest
    slope: float  # by which the weight grows with the rank
    weight_above: float  # total weight of the upper mixture with its prior kernel
    n_wide: int


def empty_grid_model(axes: Sequence[Axis], order: Order | None, capacity: int) -> GridModel:
    """Build a model without trials, with memory for `capacity` of them."""
    n_axes, widest = len(axes), max(axis.count for axis in axes)
    long_axes = _long_axes(axes)
    shape = [axes[d].count for d in long_axes]
    return GridModel(
        grid=grid_of(axes, order),
        kind=np.array([axis.kind for axis in axes], dtype=np.int64),
        prior=prior_masses(axes),
        tables=empty_tables(axes),
        **_trial_memory(n_axes, capacity),
        cells=np.full(shape, -1, np.int64),
        long_axes=np.array(long_axes),
        members=np.zeros((n_axes, widest, 3), np.int64),
        row=np.zeros((n_axes, N_PLACES * widest), np.int64),
        column=np.zeros((n_axes, widest, N_PLACES * widest)),
        is_filled=np.zeros((n_axes, widest), np.bool_),
        lower=np.zeros(MOST_GOOD, np.int64),
        lower_sigma=np.zeros((MOST_GOOD, n_axes)),
        lower_row=np.zeros((MOST_GOOD, n_axes), np.int64),
        counters=np.zeros(4, np.int64),
    )


def enlarged_grid(model: GridModel) -> GridModel:
    """Copy of a model with memory for twice as many trials."""
    n, n_axes = model.values.shape
    memory = _trial_memory(n_axes, 2 * n)
    for name, array in memory.items():
        array[:n] = getattr(model, name)
    return model._replace(**memory)


def _trial_memory(n_axes: int, capacity: int) -> dict[str, Any]:
    return {
        "values": np.zeros((capacity, n_axes), np.int64),
        "group": np.zeros((capacity, n_axes), np.int64),
        "role": np.zeros(capacity, np.int8),
        "rank": np.zeros(capacity, np.int64),
        "is_near": np.zeros(capacity, np.bool_),
        "meeting": np.zeros(capacity, np.int64),
        "following": np.zeros(capacity, np.int64),
    }


def _long_axes(axes: Sequence[Axis]) -> tuple[int, int]:
    """Stepped axes with the most values, else categories; a space's only axis is both."""
    longest = sorted(range(len(axes)), key=lambda d: (axes[d].kind != STEPPED, -axes[d].count))
    return longest[0], longest[min(1, len(axes) - 1)]


@compiled
def _enter(kind: IntArray, index: IntArray, group: IntArray, members: IntArray, k: int) -> None:
    """Add trial k to the upper mixture on every axis."""
    for d in range(len(kind)):
        v = index[k, d]
        inner, n, first, last = N_PLACES * v, members[d, v, N_MEMBERS], members[d, v, FIRST], members[d, v, LAST]
        members[d, v, N_MEMBERS] = n + 1
        group[k, d] = inner
        if kind[d] == CATEGORY:
            continue
        if n == 0 or k < first:
            members[d, v, FIRST], group[k, d] = k, inner + FIRST
            if n > 0:
                group[first, d] = inner + LAST if n == 1 else inner
        if n == 0 or k > last:
            members[d, v, LAST] = k
            if n > 0:
                group[k, d] = inner + LAST
                if n > 1:
                    group[last, d] = inner


@compiled
def _leave(kind: IntArray, index: IntArray, group: IntArray, role: ByteArray, members: IntArray, k: int) -> None:
    """Remove trial k, whose role is another one already, from the upper mixture on every axis."""
    for d in range(len(kind)):
        v = index[k, d]
        members[d, v, N_MEMBERS] -= 1
        if kind[d] == CATEGORY or members[d, v, N_MEMBERS] == 0:
            continue
        first, last = members[d, v, FIRST], members[d, v, LAST]
        if k == first:
            first += 1
            while role[first] != ABOVE or index[first, d] != v:
                first += 1
            members[d, v, FIRST], group[first, d] = first, N_PLACES * v + FIRST
        elif k == last:
            last -= 1
            while role[last] != ABOVE or index[last, d] != v:
                last -= 1
            members[d, v, LAST] = last
            group[last, d] = N_PLACES * v + (FIRST if last == first else LAST)


@compiled
def take_in(model: GridModel, seen: UintArray, n: int) -> None:
    """Add the trials up to number n that are not known yet to the upper mixture, and to the sets that were seen."""
    counters = model.counters
    for k in range(counters[KNOWN], n):
        model.role[k], model.is_near[k], model.rank[k] = ABOVE, True, counters[N_UPPER]
        _enter(model.kind, model.values, model.group, model.members, k)
        x, y = model.values[k, model.long_axes[0]], model.values[k, model.long_axes[1]]
        model.following[k] = model.cells[x, y]
        model.cells[x, y] = k
        add_key(seen, key_at(model.values, k))
        counters[N_UPPER] += 1
    counters[KNOWN] = max(counters[KNOWN], n)


@compiled
def take_out(model: GridModel, seen: UintArray, k: int, n: int) -> None:
    """Remove one of n trials from its mixture: its set remains seen."""
    take_in(model, seen, n)
    if model.role[k] == BELOW:
        share_out(model, model.lower[:0])
    if model.role[k] == ABOVE:
        _move(model, k, UNUSED)


@compiled
def _move(model: GridModel, k: int, role: int) -> None:
    """Move trial k into the upper mixture, or out of it."""
    model.role[k], model.is_near[k] = role, role == ABOVE
    later = model.rank[k + 1 : model.counters[KNOWN]]
    if role == ABOVE:
        model.rank[k] = 0
        for older in range(k - 1, -1, -1):
            if model.role[older] == ABOVE:
                model.rank[k] = model.rank[older] + 1
                break
        later += 1
        model.counters[N_UPPER] += 1
        _enter(model.kind, model.values, model.group, model.members, k)
    else:
        later -= 1
        model.counters[N_UPPER] -= 1
        _leave(model.kind, model.values, model.group, model.role, model.members, k)


@compiled
def share_out(model: GridModel, below: IntArray) -> None:
    """Move trials between the mixtures until the lower one consists of `below`, in ascending order."""
    role, lower, counters = model.role, model.lower, model.counters
    n_before, at = counters[N_LOWER], 0
    for before in range(n_before):
        k = lower[before]
        while at < len(below) and below[at] < k:
            at += 1
        if at == len(below) or below[at] != k:
            _move(model, k, ABOVE)
    for k in below:
        if role[k] == ABOVE:
            _move(model, k, BELOW)
    for at in range(len(below)):
        lower[at] = below[at]
    counters[N_LOWER] = len(below)


@compiled
def _row_of(sigma: float, least: float, narrow: int) -> int:
    """Row of the table of a bandwidth: `narrow` for the mixture's least one, else that of the gap."""
    return narrow if sigma == least else N_FIXED_SLOTS + int(2.0 * sigma + 0.5)


@compiled
def _fill(tables: Tables, d: int, row: int, sigma: float) -> None:
    """Fill a row of the table for a bandwidth."""
    tables.sigma[d, row] = sigma
    fill_table(tables, d, row)


@compiled
def _fit_upper(tables: Tables, members: IntArray, row: IntArray, d: int, least: float) -> None:
    """Fit the bandwidths of the groups of a stepped axis to the gaps between the values that have trials."""
    n_values, sigmas, before = tables.n_values[d], tables.sigma, -1
    if sigmas[d, ABOVE] != least:
        _fill(tables, d, ABOVE, least)
    for v in range(n_values):
        n = members[d, v, N_MEMBERS]
        if n == 0:
            continue
        after = v + 1
        while after < n_values and members[d, after, N_MEMBERS] == 0:
            after += 1
        left, right = v - before if before >= 0 else 0, after - v if after < n_values else 0
        gap = float(left)
        if n == 1:
            gap = float(max(left, right))
            if gap == 0.0:  # the mixture's only trial
                gap = max(v + 0.5, n_values - 0.5 - v)
        for place, beside in ((FIRST, gap), (LAST, float(right))):
            sigma = min(max(beside, least), float(n_values))
            at = _row_of(sigma, least, ABOVE)
            row[d, N_PLACES * v + place] = at
            if sigmas[d, at] != sigma:
                _fill(tables, d, at, sigma)
        before = v


@compiled
def _fit_lower(model: GridModel, below: IntArray, d: int, least: float, order: IntArray) -> None:
    """Fit the bandwidths of the lower mixture's kernels along a stepped axis; `order` is scratch memory."""
    index, tables, sigma, n = model.values, model.tables, model.lower_sigma, len(below)
    n_values, sigmas, row = tables.n_values[d], tables.sigma, model.lower_row
    for j in range(n):
        at = j
        while at > 0 and index[below[order[at - 1]], d] > index[below[j], d]:
            order[at] = order[at - 1]
            at -= 1
        order[at] = j
    for at in range(n):
        j, v = order[at], index[below[order[at]], d]
        left = v - index[below[order[at - 1]], d] if at > 0 else 0
        right = index[below[order[at + 1]], d] - v if at + 1 < n else 0
        gap = float(max(left, right)) if n > 1 else max(v + 0.5, n_values - 0.5 - v)
        sigma[j, d] = min(max(gap, least), float(n_values))
        row[j, d] = _row_of(sigma[j, d], least, BELOW)
        if sigmas[d, row[j, d]] != sigma[j, d]:
            _fill(tables, d, row[j, d], sigma[j, d])


@compiled
def _gather_wide(model: GridModel) -> int:
    """Gather the upper mixture's kernels that are wider than the least along a long axis; returns their number."""
    is_near, meeting = model.is_near, model.meeting
    group, row, members, n_values = model.group, model.row, model.members, model.tables.n_values
    n_wide = 0
    a, b = model.long_axes
    for d in model.long_axes[: 1 + (a != b)]:
        for v in range(n_values[d]):
            for place in range(FIRST, min(members[d, v, N_MEMBERS], 2) + 1):
                k = members[d, v, place]
                if row[d, group[k, d]] != ABOVE and is_near[k]:
                    is_near[k], meeting[n_wide] = False, k
                    n_wide += 1
    model.counters[N_WIDE] = n_wide
    return n_wide


@compiled
def fit_grid(model: GridModel, below: IntArray, n: int, seen: UintArray) -> FittedGrid:
    """Fit both mixtures to the first n trials; `below` are the good ones, ascending."""
    for k in model.meeting[: model.counters[N_WIDE]]:
        model.is_near[k] = model.role[k] == ABOVE
    take_in(model, seen, n)
    share_out(model, below)
    n_above, order = model.counters[N_UPPER], np.empty(MOST_GOOD, np.int64)
    for d in range(len(model.kind)):
        if model.kind[d] == STEPPED:
            width = float(model.tables.n_values[d])
            _fit_upper(model.tables, model.members, model.row, d, least_sigma(0.0, width, n_above))
            _fit_lower(model, below, d, least_sigma(0.0, width, len(below)), order)
    model.is_filled[:] = False
    n_wide, n_ramp = _gather_wide(model), max(n_above - N_RECENT, 0)
    first_weight = 1.0 / max(n_above, 1)
    slope = (1.0 - first_weight) / (n_ramp - 1) if n_ramp > 1 else 0.0
    weight_above = 1.0 + (n_above - n_ramp) + n_ramp * (first_weight + slope * 0.5 * (n_ramp - 1))
    return FittedGrid(n, n_above, len(below), n_ramp, first_weight, slope, weight_above, n_wide)
