"""Tree-structured Parzen estimator, compiled: two mixtures of truncated normals and their ratio.

Bergstra, Bardenet, Bengio, Kégl 2011 ("Algorithms for hyper-parameter optimization") propose where
good sets are dense and bad ones are not; Falkner, Klein, Hutter 2018 (BOHB) make the kernels
multivariate; bandwidths, weights and clipping are those of Optuna 5 (described in Watanabe 2023,
"Tree-structured Parzen estimator: understanding its algorithm components", arXiv 2304.11127).

Every trial is the centre of one product kernel. On a stepped axis a kernel's mass at a value depends
on the distance in steps and the bandwidth only, and few bandwidths occur: tables of masses are kept
between trials and a density is a sum of products of looked-up numbers. Densities stay linear: the
prior kernel keeps every sum far above the smallest double (`log_prior_floor` says how far).
"""

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from optimizer.draws import Grid, IntArray, UintArray, in_order, normal, uniform

FloatArray = NDArray[np.float64]
ByteArray = NDArray[np.int8]

# Kinds of axes.
STEPPED = 0  # evenly spaced values, few enough for tables; a value is its index
CATEGORY = 1  # unordered; a value is its index
CONTINUOUS = 2  # a value is the number, or its logarithm on a logarithmic axis
ROUNDED = 3  # steps without tables: a logarithmic axis of whole numbers, or very many values

# Roles of a trial.
ABOVE = 0
BELOW = 1
UNUSED = 2

#: Candidates that break the order before a proposal does without one.
_MAX_REDRAWS = 64

#: Rows of the tables before those for gaps: the least bandwidths of the two mixtures.
N_FIXED_SLOTS = 2

_SQRT_HALF = math.sqrt(0.5)
_SQRT_TWO_PI = math.sqrt(2.0 * math.pi)
#: Optuna weighs the latest observations fully and older ones on a ramp.
_N_RECENT = 25


class Axes(NamedTuple):
    """The axes of a space in the model's units: steps, indices, numbers or logarithms."""

    kind: IntArray
    n_values: IntArray  # 0 when continuous
    low: FloatArray  # a kernel is cut off here …
    high: FloatArray  # … and here
    first: FloatArray  # lowest value and step in real units (rounded axes)
    step: FloatArray
    is_log: NDArray[np.bool_]
    prior: FloatArray  # (axes, values): masses of the prior kernel on stepped and category axes


class History(NamedTuple):
    """Trials in order of their numbers, one column each; `order` sorts them along each axis."""

    value: FloatArray  # (axes, capacity)
    order: IntArray  # (axes, capacity): columns by value, then number
    role: ByteArray  # (capacity,)


class Tables(NamedTuple):
    """Masses of kernels on stepped axes, valid for the bandwidth noted beside them."""

    n_values: IntArray  # (axes,)
    sigma: FloatArray  # (axes, rows)
    mass: FloatArray  # (axes, rows, steps away)
    scale: FloatArray  # (axes, rows, centre): what cutting off at the ends multiplies a mass by


class Kernels(NamedTuple):
    """The kernels of both mixtures as fitted for one proposal."""

    sigma: FloatArray  # (axes, capacity): bandwidths on numeric axes
    scale: FloatArray  # (axes, capacity): normalizers on continuous and rounded axes
    group: IntArray  # (axes, capacity): kernels of one group are alike along a stepped or category axis
    centre: IntArray  # (axes, groups)
    row: IntArray  # (axes, groups): of the tables
    n_groups: IntArray  # (axes,)
    weight: FloatArray  # (capacity,): of trials in the upper mixture, else 0
    column: FloatArray  # (axes, groups): masses at one candidate
    product: FloatArray  # (capacity,): the kernels' densities at one candidate


class Model(NamedTuple):
    """All that is kept between proposals."""

    axes: Axes
    grid: Grid
    history: History
    tables: Tables
    kernels: Kernels


@njit(cache=True, nogil=True)
def _tail(x: float) -> float:
    """Mass of the standard normal beyond x."""
    return 0.5 * math.erfc(x * _SQRT_HALF)


@njit(cache=True, nogil=True)
def _mass(left: float, right: float) -> float:
    """Mass of the standard normal between two points, accurate in both tails."""
    if left > 0.0:
        return _tail(left) - _tail(right)
    if right < 0.0:
        return _tail(-right) - _tail(-left)
    return 1.0 - _tail(-left) - _tail(right)


@njit(cache=True, nogil=True)
def fill_table(tables: Tables, d: int, row: int) -> None:
    """Masses of a kernel with the row's bandwidth on stepped axis d.

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


@njit(cache=True, nogil=True)
def _table_row(tables: Tables, d: int, sigma: float, side: int) -> int:
    """The row of a bandwidth's table, filled if need be: one for a mixture's least bandwidth, one for each gap.

    A gap is a whole number of steps, or of half steps for a mixture's only trial.
    """
    row = side if side != UNUSED else N_FIXED_SLOTS + round(2.0 * sigma)
    if tables.sigma[d, row] != sigma:
        tables.sigma[d, row] = sigma
        fill_table(tables, d, row)
    return row


@njit(cache=True, nogil=True)
def least_sigma(low: float, high: float, n_observed: int) -> float:
    """The magic clip: no bandwidth is less than the range over min(100, 2 + number of observations)."""
    return (high - low) / min(100.0, 2.0 + n_observed)


@njit(cache=True, nogil=True)
def _widest_gaps(order: IntArray, value: FloatArray, role: ByteArray, gaps: FloatArray) -> None:
    """The wider of each trial's gaps to its neighbours of the same mixture along one axis.

    The outermost trials look inwards only; a trial without neighbours has no gap (NaN).
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


@njit(cache=True, nogil=True)
def _clip_gaps(gaps: FloatArray, value: FloatArray, role: ByteArray, ends: FloatArray, least: FloatArray) -> None:
    """Turn gaps into bandwidths: within the clip, and from the farther end for a trial without neighbours."""
    low, high = ends
    for column in range(len(value)):
        if role[column] != UNUSED:
            gap = gaps[column]
            if math.isnan(gap):
                gap = max(value[column] - low, high - value[column])
            gaps[column] = min(max(gap, least[role[column]]), high - low)


@njit(cache=True, nogil=True)
def _fit_numeric(model: Model, d: int, n: int, least: FloatArray) -> None:
    """Bandwidths along a continuous or rounded axis, and what cutting off at the ends multiplies a kernel by."""
    value, role, kernels = model.history.value[d, :n], model.history.role[:n], model.kernels
    ends = np.array([model.axes.low[d], model.axes.high[d]])
    gaps, sigma, scale = kernels.product[:n], kernels.sigma[d], kernels.scale[d]
    _widest_gaps(model.history.order[d, :n], value, role, gaps)
    _clip_gaps(gaps, value, role, ends, least)
    for column in range(n):
        if role[column] != UNUSED and sigma[column] != gaps[column]:
            sigma[column] = gaps[column]
            left, right = (ends - value[column]) / sigma[column]
            scale[column] = 1.0 / _mass(left, right)


@njit(cache=True, nogil=True)
def _fit_stepped(model: Model, d: int, n: int, least: FloatArray) -> None:
    """Bandwidths along a stepped axis, and groups of trials that are alike: one value, one bandwidth."""
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
            row = _table_row(model.tables, d, sigma[column], side if is_narrow else UNUSED)
            group, n_groups = n_groups, n_groups + 1
            centre[group], row_of[group] = at, row
            if is_narrow:
                narrow[side] = group
        group_of[column] = group
    model.kernels.n_groups[d] = n_groups


@njit(cache=True, nogil=True)
def _fit_axis(model: Model, d: int, n: int, n_observed: IntArray) -> None:
    low, high = model.axes.low[d], model.axes.high[d]
    least = np.array([least_sigma(low, high, n_observed[side]) for side in range(2)])
    if model.axes.kind[d] == CATEGORY:
        _fit_category(model, d, n)
    elif model.axes.kind[d] == STEPPED:
        _fit_stepped(model, d, n, least)
    else:
        _fit_numeric(model, d, n, least)


@njit(cache=True, nogil=True)
def _fit_category(model: Model, d: int, n: int) -> None:
    """Kernels on one choice are alike within a mixture: group = mixture x choices + choice."""
    role, count = model.history.role, model.axes.n_values[d]
    for column in range(n):
        if role[column] != UNUSED:
            model.kernels.group[d, column] = role[column] * count + int(model.history.value[d, column])


@njit(cache=True, nogil=True)
def _fit_weights(model: Model, n: int, n_above: int) -> float:
    """Weights of the upper mixture, summed with the prior's: the latest 25 count 1, older ones ramp up from 1/n."""
    role, weight = model.history.role, model.kernels.weight
    n_ramp = max(n_above - _N_RECENT, 0)
    slope = (1.0 - 1.0 / n_above) / (n_ramp - 1) if n_ramp > 1 else 0.0
    rank, total = 0, 1.0
    for column in range(n):
        weight[column] = 0.0
        if role[column] == ABOVE:
            weight[column] = 1.0 / n_above + rank * slope if rank < n_ramp else 1.0
            total += weight[column]
            rank += 1
    return total


@njit(cache=True, nogil=True)
def _assign_roles(model: Model, below: IntArray, n: int, n_observed: IntArray) -> None:
    role = model.history.role
    n_observed[:] = 0
    for column in range(n):
        if role[column] == BELOW:
            role[column] = ABOVE
    for column in below:
        role[column] = BELOW
    for column in range(n):
        if role[column] != UNUSED:
            n_observed[role[column]] += 1


@njit(cache=True, nogil=True)
def fit(model: Model, below: IntArray, n: int, n_observed: IntArray) -> float:
    """Fit both mixtures to the first n trials, those in `below` (columns) being the good ones.

    Fills `n_observed` (above, below); returns the total weight of the upper mixture.
    """
    _assign_roles(model, below, n, n_observed)
    for d in range(len(model.axes.kind)):
        _fit_axis(model, d, n, n_observed)
    return _fit_weights(model, n, n_observed[ABOVE])


@njit(cache=True, nogil=True)
def _fill_column(model: Model, d: int, x: int, n_observed: IntArray) -> None:
    """The mass of every group of kernels at value x of a stepped or category axis."""
    axes, tables, kernels = model.axes, model.tables, model.kernels
    column, count = kernels.column[d], axes.n_values[d]
    if axes.kind[d] == STEPPED:
        for group in range(kernels.n_groups[d]):
            centre, row = kernels.centre[d, group], kernels.row[d, group]
            column[group] = tables.mass[d, row, abs(x - centre)] * tables.scale[d, row, centre]
        return
    for side in range(2):
        share = 1.0 / (n_observed[side] + 1.0)
        for choice in range(count):
            hit = 1.0 if choice == x else 0.0
            column[side * count + choice] = (share + hit) / (1.0 + share * count)


@njit(cache=True, nogil=True)
def _times_looked_up(model: Model, d: int, n: int) -> None:
    product, group, column = model.kernels.product, model.kernels.group[d], model.kernels.column[d]
    for k in range(n):
        product[k] *= column[group[k]]


@njit(cache=True, nogil=True)
def _times_continuous(model: Model, d: int, n: int, x: float) -> None:
    """Multiply by the densities on a continuous axis; what is below 1e-300 counts as nothing."""
    kernels, value, role = model.kernels, model.history.value[d], model.history.role
    for k in range(n):
        if role[k] == UNUSED:
            continue
        z = (x - value[k]) / kernels.sigma[d, k]
        half = 0.5 * z * z
        density = math.exp(-half) * kernels.scale[d, k] / (kernels.sigma[d, k] * _SQRT_TWO_PI) if half < 690.0 else 0.0
        kernels.product[k] *= density


@njit(cache=True, nogil=True)
def _times_rounded(model: Model, d: int, n: int, left: float, right: float) -> None:
    """Multiply by the masses between a value's two edges."""
    kernels, value, role = model.kernels, model.history.value[d], model.history.role
    for k in range(n):
        if role[k] != UNUSED:
            sigma = kernels.sigma[d, k]
            kernels.product[k] *= _mass((left - value[k]) / sigma, (right - value[k]) / sigma) * kernels.scale[d, k]


@njit(cache=True, nogil=True)
def _edge(axes: Axes, d: int, x: float, side: float) -> float:
    """Half a step beyond x, in the model's units."""
    edge = x + side * axes.step[d] / 2.0
    return math.log(edge) if axes.is_log[d] else edge


@njit(cache=True, nogil=True)
def _prior_factor(axes: Axes, d: int, x: float) -> float:
    """The prior kernel along one axis: centred, as wide as the axis."""
    if axes.kind[d] <= CATEGORY:
        return float(axes.prior[d, int(x)])
    width = float(axes.high[d] - axes.low[d])
    centre, share = 0.5 * (axes.low[d] + axes.high[d]), _mass(-0.5, 0.5)
    if axes.kind[d] == CONTINUOUS:
        z = (x - centre) / width
        return math.exp(-0.5 * z * z) / (share * width * _SQRT_TWO_PI)
    real = axes.first[d] + axes.step[d] * x
    return _mass((_edge(axes, d, real, -1.0) - centre) / width, (_edge(axes, d, real, 1.0) - centre) / width) / share


@njit(cache=True, nogil=True)
def _fill_products(model: Model, point: FloatArray, n: int, n_observed: IntArray) -> float:
    """Every kernel's density at a candidate into `product`; the prior kernel's is returned."""
    axes, prior = model.axes, 1.0
    model.kernels.product[:n] = 1.0
    for d in range(len(point)):
        x = point[d]
        prior *= _prior_factor(axes, d, x)
        if axes.kind[d] <= CATEGORY:
            _fill_column(model, d, int(x), n_observed)
            _times_looked_up(model, d, n)
        elif axes.kind[d] == CONTINUOUS:
            _times_continuous(model, d, n, x)
        else:
            real = axes.first[d] + axes.step[d] * x
            _times_rounded(model, d, n, _edge(axes, d, real, -1.0), _edge(axes, d, real, 1.0))
    return prior


@njit(cache=True, nogil=True)
def densities(model: Model, point: FloatArray, below: IntArray, n: int, n_observed: IntArray) -> tuple[float, float]:
    """The lower mixture's density at a candidate, and the upper one's without its total weight."""
    prior = _fill_products(model, point, n, n_observed)
    product, weight = model.kernels.product, model.kernels.weight
    lower, upper = prior, prior
    for column in below:
        lower += product[column]
    for k in range(n):
        upper += weight[k] * product[k]
    return lower / (len(below) + 1.0), upper


@njit(cache=True, nogil=True)
def _draw_numeric(axes: Axes, d: int, centre: float, sigma: float, state: UintArray) -> float:
    """A normal number cut off at the axis' ends; at least a third of the draws fall between them."""
    while True:
        x = centre + sigma * normal(state)
        if axes.low[d] <= x < axes.high[d]:
            break
    if axes.kind[d] == CONTINUOUS:
        return x
    if axes.kind[d] == STEPPED:
        return float(min(max(np.rint(x), 0.0), axes.n_values[d] - 1.0))
    real = math.exp(x) if axes.is_log[d] else x
    return float(min(max(np.rint((real - axes.first[d]) / axes.step[d]), 0.0), axes.n_values[d] - 1.0))


@njit(cache=True, nogil=True)
def _draw_category(count: int, choice: int, n_below: int, state: UintArray) -> float:
    """The kernel's own choice with its extra weight, else any."""
    if uniform(state) * (1.0 + count / (n_below + 1.0)) < 1.0 and choice >= 0:
        return float(choice)
    return float(int(uniform(state) * count))


@njit(cache=True, nogil=True)
def _draw_from(model: Model, column: int, n_below: int, state: UintArray, point: FloatArray) -> None:
    """Draw a candidate from the kernel of a trial (or the prior's, column -1)."""
    axes = model.axes
    for d in range(len(point)):
        if axes.kind[d] == CATEGORY:
            choice = int(model.history.value[d, column]) if column >= 0 else -1
            point[d] = _draw_category(axes.n_values[d], choice, n_below, state)
        elif column < 0:
            centre = 0.5 * (axes.low[d] + axes.high[d])
            point[d] = _draw_numeric(axes, d, centre, axes.high[d] - axes.low[d], state)
        else:
            point[d] = _draw_numeric(axes, d, model.history.value[d, column], model.kernels.sigma[d, column], state)


@njit(cache=True, nogil=True)
def draw_candidate(model: Model, below: IntArray, state: UintArray, point: FloatArray, row: IntArray) -> bool:
    """Draw a candidate that keeps the order into `point` and `row`; False when none came up."""
    for _ in range(_MAX_REDRAWS):
        pick = int(uniform(state) * (len(below) + 1))
        _draw_from(model, below[pick] if pick < len(below) else -1, len(below), state, point)
        index_of(model.axes, point, row)
        if in_order(row, model.grid):
            return True
    return False


@njit(cache=True, nogil=True)
def index_of(axes: Axes, point: FloatArray, row: IntArray) -> None:
    """A candidate's indices; 0 on continuous axes."""
    for d in range(len(point)):
        row[d] = int(point[d]) if axes.kind[d] != CONTINUOUS else 0
