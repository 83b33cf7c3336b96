"""Tree-structured Parzen estimator, compiled: two mixtures of truncated normals and their ratio.

Bergstra, Bardenet, Bengio, Kégl 2011 ("Algorithms for hyper-parameter optimization") propose where
good sets are dense and bad ones are not; Falkner, Klein, Hutter 2018 (BOHB) make the kernels
multivariate; bandwidths, weights and clipping are those of Optuna 5 (described in Watanabe 2023,
"Tree-structured Parzen estimator: understanding its algorithm components", arXiv 2304.11127).

Every trial is the centre of one product kernel. On a stepped axis a kernel's mass at a value depends
on the distance in steps and the bandwidth only, and few bandwidths occur: tables of masses are kept
between trials and a density is a sum of products of looked-up numbers. Densities stay linear: the
prior kernel keeps every sum far above the smallest double (see `log_prior_floor`).
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from optimizer.compiled import compiled
from optimizer.search.tpe.random_sets import Grid, IntArray

FloatArray = NDArray[np.float64]
ByteArray = NDArray[np.int8]
BoolArray = NDArray[np.bool_]

# Kinds of axes.
STEPPED = 0  # evenly spaced values, few enough for tables; a value is its index
CATEGORY = 1  # unordered; a value is its index
CONTINUOUS = 2  # a value is the number, or its logarithm on a logarithmic axis
ROUNDED = 3  # steps without tables: a logarithmic axis of whole numbers, or very many values

# Roles of a trial.
ABOVE = 0
BELOW = 1
UNUSED = 2

#: Rows of the tables before those for gaps: the least bandwidths of the two mixtures.
N_FIXED_SLOTS = 2

_SQRT_HALF = math.sqrt(0.5)
#: Optuna weighs the latest observations fully and older ones on a ramp.
_N_RECENT = 25


class Axes(NamedTuple):
    """Axes of a space in the model's units: steps, indices, numbers or logarithms; (axes,) unless noted."""

    kind: IntArray
    n_values: IntArray  # 0 when continuous
    low: FloatArray  # lower truncation of the kernels
    high: FloatArray  # upper truncation
    first: FloatArray  # lowest value in real units (rounded axes)
    step: FloatArray  # in real units (rounded axes)
    is_log: NDArray[np.bool_]
    prior: FloatArray  # (axes, values): masses of the prior kernel on stepped and category axes


class TrialHistory(NamedTuple):
    """Trials in order of their numbers, one column each."""

    value: FloatArray  # (axes, capacity)
    order: IntArray  # (axes, capacity): columns by value, then number
    role: ByteArray  # (capacity,)


class Tables(NamedTuple):
    """Masses of kernels on stepped axes, each valid for its bandwidth in `sigma`."""

    n_values: IntArray  # (axes,)
    sigma: FloatArray  # (axes, rows)
    mass: FloatArray  # (axes, rows, distance in steps)
    scale: FloatArray  # (axes, rows, centre): normalizer for the truncation


class Kernels(NamedTuple):
    """Kernels of both mixtures as fitted for one proposal."""

    sigma: FloatArray  # (axes, capacity): bandwidths on numeric axes
    scale: FloatArray  # (axes, capacity): normalizers on continuous and rounded axes
    group: IntArray  # (axes, capacity): kernels of one group are equal along a stepped or category axis
    centre: IntArray  # (axes, groups)
    row: IntArray  # (axes, groups): of the tables
    n_groups: IntArray  # (axes,)
    weight: FloatArray  # (capacity,): before division by the mixture's total
    bin_start: IntArray  # (groups + 1,): first index in `bin_member` of each group of the leading axis
    bin_member: IntArray  # (capacity,): columns sorted by that group
    column: FloatArray  # (axes, groups): masses at one candidate
    factor: FloatArray  # (capacity,): densities at one candidate along the axes without tables


class FittedModel(NamedTuple):
    """Result of one fit besides the kernels."""

    n_columns: int
    n_above: int
    n_below: int
    weight_above: float  # total weight of the upper mixture with its prior kernel
    leading: int  # axis whose groups bin the kernels; -1: binned by mixture
    is_tabled: bool  # all axes are stepped or categories


class Model(NamedTuple):
    """State kept between proposals."""

    axes: Axes
    grid: Grid
    history: TrialHistory
    tables: Tables
    kernels: Kernels


@compiled
def _tail(x: float) -> float:
    """Mass of the standard normal beyond x."""
    return 0.5 * math.erfc(x * _SQRT_HALF)


@compiled
def normal_mass(left: float, right: float) -> float:
    """Mass of the standard normal between two points, accurate in both tails."""
    if left > 0.0:
        return _tail(left) - _tail(right)
    if right < 0.0:
        return _tail(-right) - _tail(-left)
    return 1.0 - _tail(-left) - _tail(right)


@compiled
def fill_table(tables: Tables, d: int, row: int) -> None:
    """Fill the masses of a kernel with the row's bandwidth on stepped axis d.

    With t(k) the mass beyond k + 1/2 steps: a value j steps away has t(j-1) - t(j), and a centre v
    steps from the low end keeps 1 - t(v) - t(count-1-v) of its mass between the ends.
    """
    mass, scale, sigma, count = tables.mass[d, row], tables.scale[d, row], tables.sigma[d, row], tables.n_values[d]
    for k in range(count):
        mass[k] = _tail((k + 0.5) / sigma)
    for v in range(count):
        scale[v] = 1.0 / (1.0 - mass[v] - mass[count - 1 - v])
    for j in range(count - 1, 0, -1):
        mass[j] = mass[j - 1] - mass[j]
    mass[0] = 1.0 - 2.0 * mass[0]


@compiled
def table_row(tables: Tables, d: int, sigma: float, side: int) -> int:
    """Row of the table of a bandwidth, filled if needed: one for a mixture's least bandwidth, one for each gap.

    A gap is a whole number of steps, or of half steps for a mixture's only trial.
    """
    row = side if side != UNUSED else N_FIXED_SLOTS + round(2.0 * sigma)
    if tables.sigma[d, row] != sigma:
        tables.sigma[d, row] = sigma
        fill_table(tables, d, row)
    return row


@compiled
def least_sigma(low: float, high: float, n_observed: int) -> float:
    """Least bandwidth (magic clip): the range over min(100, 2 + number of observations)."""
    return (high - low) / min(100.0, 2.0 + n_observed)


@compiled
def _widest_gaps(order: IntArray, value: FloatArray, role: ByteArray, gaps: FloatArray) -> None:
    """Write the wider of each trial's gaps to its neighbours of the same mixture along one axis.

    The outermost trials have one neighbour; the gap of a trial without neighbours is NaN.
    """
    last_above, last_below = -1, -1
    for column in order:
        side = role[column]
        if side == UNUSED:
            continue
        last = last_above if side == ABOVE else last_below
        gaps[column] = np.nan
        if last >= 0:
            gap = value[column] - value[last]
            gaps[column] = gap
            if not gaps[last] >= gap:
                gaps[last] = gap
        if side == ABOVE:
            last_above = column
        else:
            last_below = column


@compiled
def _clip_gaps(gaps: FloatArray, value: FloatArray, role: ByteArray, ends: FloatArray, least: FloatArray) -> None:
    """Clip gaps to bandwidths; a trial without neighbours takes its distance from the farther end."""
    low, high = ends
    for column in range(len(value)):
        if role[column] != UNUSED:
            gap = gaps[column]
            if math.isnan(gap):
                gap = max(value[column] - low, high - value[column])
            gaps[column] = min(max(gap, least[role[column]]), high - low)


@compiled
def _fit_numeric(model: Model, d: int, n: int, least: FloatArray) -> None:
    """Fit bandwidths and truncation normalizers along a continuous or rounded axis."""
    value, role, kernels = model.history.value[d, :n], model.history.role[:n], model.kernels
    ends = np.array([model.axes.low[d], model.axes.high[d]])
    gaps, sigma, scale = kernels.factor[:n], kernels.sigma[d], kernels.scale[d]
    _widest_gaps(model.history.order[d, :n], value, role, gaps)
    _clip_gaps(gaps, value, role, ends, least)
    for column in range(n):
        if role[column] != UNUSED and sigma[column] != gaps[column]:
            sigma[column] = gaps[column]
            left, right = (ends - value[column]) / sigma[column]
            scale[column] = 1.0 / normal_mass(left, right)


@compiled
def _fit_stepped(model: Model, d: int, n: int, least: FloatArray) -> None:
    """Fit bandwidths along a stepped axis, and group the trials with equal value and bandwidth."""
    order, value, role = model.history.order[d, :n], model.history.value[d, :n], model.history.role[:n]
    sigma, ends = model.kernels.sigma[d], np.array([model.axes.low[d], model.axes.high[d]])
    _widest_gaps(order, value, role, sigma)
    _clip_gaps(sigma[:n], value, role, ends, least)
    group_of, centre, row_of = model.kernels.group[d], model.kernels.centre[d], model.kernels.row[d]
    n_groups, narrow = 0, np.full(2, -1)
    for column in order:
        side = role[column]
        if side == UNUSED:
            continue
        is_narrow, at = sigma[column] == least[side], int(value[column])
        group = narrow[side]
        if not is_narrow or group < 0 or centre[group] != at:
            row = table_row(model.tables, d, sigma[column], side if is_narrow else UNUSED)
            group, n_groups = n_groups, n_groups + 1
            centre[group], row_of[group] = at, row
            if is_narrow:
                narrow[side] = group
        group_of[column] = group
    model.kernels.n_groups[d] = n_groups


@compiled
def _fit_category(group: IntArray, value: FloatArray, role: ByteArray, n_values: int) -> None:
    """Group kernels by choice within a mixture, where they are equal: group = mixture x choices + choice."""
    for column in range(len(value)):
        group[column] = (role[column] % 2) * n_values + int(value[column])


@compiled
def _fit_axis(model: Model, d: int, n: int, n_observed: tuple[int, int]) -> None:
    low, high = model.axes.low[d], model.axes.high[d]
    least = np.array([least_sigma(low, high, n_observed[0]), least_sigma(low, high, n_observed[1])])
    if model.axes.kind[d] == CATEGORY:
        history, n_values = model.history, model.axes.n_values[d]
        _fit_category(model.kernels.group[d], history.value[d, :n], history.role, n_values)
        model.kernels.n_groups[d] = 2 * n_values
    elif model.axes.kind[d] == STEPPED:
        _fit_stepped(model, d, n, least)
    else:
        _fit_numeric(model, d, n, least)


@compiled
def fill_weights(role: ByteArray, weight: FloatArray, n_above: int) -> float:
    """Fit the weights of all kernels; returns the upper mixture's sum with its prior kernel.

    The latest 25 have weight 1, older ones a ramp that begins at 1/n. In the lower mixture, of 25 at most, all have 1.
    """
    n_ramp = max(n_above - _N_RECENT, 0)
    slope = (1.0 - 1.0 / n_above) / (n_ramp - 1) if n_ramp > 1 else 0.0
    rank, total = 0, 1.0
    for column in range(len(role)):
        weight[column] = 1.0 if role[column] == BELOW else 0.0
        if role[column] == ABOVE:
            weight[column] = 1.0 / n_above + rank * slope if rank < n_ramp else 1.0
            total += weight[column]
            rank += 1
    return total


@compiled
def _assign_roles(role: ByteArray, below: IntArray) -> int:
    """Assign each trial to a mixture, `below` to the lower one; returns the size of the upper one."""
    n_above = 0
    for column in range(len(role)):
        if role[column] != UNUSED:
            role[column] = ABOVE
            n_above += 1
    for column in below:
        role[column] = BELOW
    return n_above - len(below)


@compiled
def _leading_axis(axes: Axes, n_groups: IntArray) -> int:
    """Stepped or category axis with the most groups; -1 without one."""
    leading = -1
    for d in range(len(n_groups)):
        if axes.kind[d] <= CATEGORY and (leading < 0 or n_groups[d] > n_groups[leading]):
            leading = d
    return leading


@compiled
def _fill_bins(group: IntArray | ByteArray, role: ByteArray, start: IntArray, member: IntArray) -> None:
    """Sort kernels by group with a stable counting sort."""
    start[:] = 0
    for column in range(len(role)):
        if role[column] != UNUSED:
            start[group[column] + 1] += 1
    for at in range(1, len(start)):
        start[at] += start[at - 1]
    for column in range(len(role)):
        if role[column] != UNUSED:
            member[start[group[column]]] = column
            start[group[column]] += 1
    for at in range(len(start) - 1, 0, -1):
        start[at] = start[at - 1]
    start[0] = 0


@compiled
def fit(model: Model, below: IntArray, n: int) -> FittedModel:
    """Fit both mixtures to the first n trials; `below` are the columns of the good ones."""
    role, kernels = model.history.role[:n], model.kernels
    n_above = _assign_roles(role, below)
    for d in range(len(model.axes.kind)):
        _fit_axis(model, d, n, (n_above, len(below)))
    leading = _leading_axis(model.axes, kernels.n_groups)
    if leading >= 0:
        start = kernels.bin_start[: kernels.n_groups[leading] + 1]
        _fill_bins(kernels.group[leading], role, start, kernels.bin_member)
    else:
        _fill_bins(role, role, kernels.bin_start[:3], kernels.bin_member)
    is_tabled = bool(np.all(model.axes.kind <= CATEGORY))
    return FittedModel(n, n_above, len(below), fill_weights(role, kernels.weight, n_above), leading, is_tabled)
