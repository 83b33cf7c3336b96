"""Candidates, drawn from the lower mixture and ranked by the ratio of both mixtures' densities."""

import math

import numpy as np

from optimizer.compiled import compiled
from optimizer.search.tpe.parzen import (
    ABOVE,
    BELOW,
    CATEGORY,
    CONTINUOUS,
    STEPPED,
    Axes,
    ByteArray,
    FittedModel,
    FloatArray,
    Kernels,
    Model,
    normal_mass,
)
from optimizer.search.tpe.random_sets import IntArray, UintArray, in_order, normal, uniform

#: Draws to replace a candidate that breaks the order, before it is given up.
MAX_REDRAWS = 64
#: Kernels are skipped if together they change a density by less than this share of it.
NEGLIGIBLE = 1e-13
_SQRT_TWO_PI = math.sqrt(2.0 * math.pi)
_PRIOR_SHARE = math.erf(math.sqrt(0.125))  # mass of a normal within half its deviation


@compiled
def _fill_column(model: Model, d: int, x: int, n_below: int, n_above: int) -> None:
    """Write the mass of every group of kernels at value x of a stepped or category axis."""
    column, n_values = model.kernels.column[d], model.axes.n_values[d]
    if model.axes.kind[d] == STEPPED:
        centres, rows = model.kernels.centre[d], model.kernels.row[d]
        mass, scale = model.tables.mass[d], model.tables.scale[d]
        for group in range(model.kernels.n_groups[d]):
            centre, row = centres[group], rows[group]
            column[group] = mass[row, abs(x - centre)] * scale[row, centre]
        return
    for side, n_observed in enumerate((n_above, n_below)):
        share = 1.0 / (n_observed + 1.0)
        for choice in range(n_values):
            hit = 1.0 if choice == x else 0.0
            column[side * n_values + choice] = (share + hit) / (1.0 + share * n_values)


@compiled
def _times_continuous(x: float, value: FloatArray, sigma: FloatArray, scale: FloatArray, factor: FloatArray) -> None:
    """Multiply by the densities on a continuous axis; below 1e-300 they count as 0."""
    for k in range(len(factor)):
        if sigma[k] > 0.0:
            z = (x - value[k]) / sigma[k]
            half = 0.5 * z * z
            factor[k] *= math.exp(-half) * scale[k] / (sigma[k] * _SQRT_TWO_PI) if half < 690.0 else 0.0


@compiled
def _times_rounded(
    edges: tuple[float, float], value: FloatArray, sigma: FloatArray, scale: FloatArray, factor: FloatArray
) -> None:
    """Multiply by the masses between the two edges of a value."""
    left, right = edges
    for k in range(len(factor)):
        if sigma[k] > 0.0:
            factor[k] *= normal_mass((left - value[k]) / sigma[k], (right - value[k]) / sigma[k]) * scale[k]


@compiled
def _edges(axes: Axes, d: int, x: float) -> tuple[float, float]:
    """Edges half a step below and above the value with index x, in the model's units."""
    real, half = axes.first[d] + axes.step[d] * x, axes.step[d] / 2.0
    if axes.is_log[d]:
        return math.log(real - half), math.log(real + half)
    return real - half, real + half


@compiled
def _prior_factor(axes: Axes, d: int, x: float) -> float:
    """Density of the prior kernel along one axis: centred, with the axis' width as deviation."""
    if axes.kind[d] <= CATEGORY:
        return float(axes.prior[d, int(x)])
    width, centre = float(axes.high[d] - axes.low[d]), float(0.5 * (axes.low[d] + axes.high[d]))
    if axes.kind[d] == CONTINUOUS:
        z = (x - centre) / width
        return math.exp(-0.5 * z * z) / (_PRIOR_SHARE * width * _SQRT_TWO_PI)
    left, right = _edges(axes, d, x)
    return normal_mass((left - centre) / width, (right - centre) / width) / _PRIOR_SHARE


@compiled
def _fill_factors(model: Model, fitted: FittedModel, point: FloatArray) -> float:
    """Fill columns and factors for one candidate; returns the prior kernel's density there."""
    axes, kernels, value = model.axes, model.kernels, model.history.value
    n, prior = fitted.n_columns, 1.0
    factor = kernels.factor[:n]
    if not fitted.is_tabled:
        factor[:] = 1.0
    for d in range(len(point)):
        x = point[d]
        prior *= _prior_factor(axes, d, x)
        if axes.kind[d] <= CATEGORY:
            _fill_column(model, d, int(x), fitted.n_below, fitted.n_above)
        elif axes.kind[d] == CONTINUOUS:
            _times_continuous(x, value[d], kernels.sigma[d], kernels.scale[d], factor)
        else:
            _times_rounded(_edges(axes, d, x), value[d], kernels.sigma[d], kernels.scale[d], factor)
    return prior


@compiled
def _sum_bins(
    kernels: Kernels, role: ByteArray, others: IntArray, masses: FloatArray, least: float
) -> tuple[float, float]:
    """Sum the weighted densities of the kernels of both mixtures over the bins of the leading axis.

    `masses`: of each bin along that axis; bins with at most `least` are skipped.
    """
    group, column, weight, factor = kernels.group, kernels.column, kernels.weight, kernels.factor
    start, member = kernels.bin_start, kernels.bin_member
    lower, upper = 0.0, 0.0
    for at in range(len(masses)):
        if masses[at] <= least or start[at] == start[at + 1]:
            continue
        total = 0.0
        for place in range(start[at], start[at + 1]):
            k = member[place]
            product = weight[k] * factor[k]
            for d in others:
                product *= column[d, group[d, k]]
            total += product
        if role[member[start[at]]] == BELOW:
            lower += masses[at] * total
        else:
            upper += masses[at] * total
    return lower, upper


@compiled
def densities(model: Model, fitted: FittedModel, others: IntArray, point: FloatArray) -> tuple[float, float]:
    """Densities of the lower and the upper mixture at one candidate.

    `others`: the stepped and category axes except the leading one. Bins far from the candidate along the
    leading axis are skipped: together they weigh less than 1e-13 of the prior kernel.
    """
    kernels, leading = model.kernels, fitted.leading
    prior = _fill_factors(model, fitted, point)
    # The bound on the skipped bins is valid for masses; densities on a continuous axis may exceed 1.
    least = NEGLIGIBLE * prior / fitted.n_columns if fitted.is_tabled else 0.0
    masses = kernels.column[leading, : kernels.n_groups[leading]] if leading >= 0 else np.ones(2)
    lower, upper = _sum_bins(kernels, model.history.role, others, masses, least)
    return (prior + lower) / (fitted.n_below + 1.0), (prior + upper) / fitted.weight_above


@compiled
def _sum_line(group: IntArray, column: FloatArray, kernels: Kernels, role: ByteArray) -> tuple[float, float]:
    """Sum the weighted densities of the kernels of both mixtures along one axis with tables."""
    lower, upper = 0.0, 0.0
    for k in range(len(role)):
        if role[k] == BELOW:
            lower += column[group[k]]
        elif role[k] == ABOVE:
            upper += kernels.weight[k] * column[group[k]]
    return lower, upper


@compiled
def densities_along(model: Model, fitted: FittedModel, d: int, x: float) -> tuple[float, float]:
    """Densities of the lower and the upper mixture at a coordinate of one axis, ignoring the others."""
    axes, kernels, role = model.axes, model.kernels, model.history.role[: fitted.n_columns]
    prior, group, column = _prior_factor(axes, d, x), kernels.group[d], kernels.column[d]
    if axes.kind[d] <= CATEGORY:
        _fill_column(model, d, int(x), fitted.n_below, fitted.n_above)
    else:
        group, column = kernels.bin_member, kernels.factor
        for k in range(fitted.n_columns):
            group[k], column[k] = k, 1.0
        value, sigma, scale = model.history.value[d], kernels.sigma[d], kernels.scale[d]
        if axes.kind[d] == CONTINUOUS:
            _times_continuous(x, value, sigma, scale, column[: fitted.n_columns])
        else:
            _times_rounded(_edges(axes, d, x), value, sigma, scale, column[: fitted.n_columns])
    lower, upper = _sum_line(group, column, kernels, role)
    return (prior + lower) / (fitted.n_below + 1.0), (prior + upper) / fitted.weight_above


@compiled
def best_along(
    model: Model, fitted: FittedModel, below: IntArray, d: int, state: UintArray, n_candidates: int
) -> float:
    """Best of some candidates along one axis, ignoring the others."""
    best, best_ratio = 0.0, -1.0
    for _ in range(n_candidates):
        pick = int(uniform(state) * (len(below) + 1))
        x = _draw_on_axis(model, d, below[pick] if pick < len(below) else -1, len(below), state)
        lower, upper = densities_along(model, fitted, d, x)
        if lower / upper > best_ratio:
            best, best_ratio = x, lower / upper
    return best


@compiled
def other_axes(axes: Axes, leading: int) -> IntArray:
    """Stepped and category axes except the leading one."""
    is_other = axes.kind <= CATEGORY
    if leading >= 0:
        is_other[leading] = False
    return np.flatnonzero(is_other)


@compiled
def draw_within(low: float, high: float, centre: float, sigma: float, state: UintArray) -> float:
    """Draw from a truncated normal by rejection; at least a third of the draws are accepted."""
    while True:
        x = centre + sigma * normal(state)
        if low <= x < high:
            return x


@compiled
def draw_category(n_values: int, choice: int, n_below: int, state: UintArray) -> float:
    """Draw the kernel's own choice with its extra weight, else any (choice -1: the prior kernel)."""
    if uniform(state) * (1.0 + n_values / (n_below + 1.0)) < 1.0 and choice >= 0:
        return float(choice)
    return float(int(uniform(state) * n_values))


@compiled
def _draw_on_axis(model: Model, d: int, k: int, n_below: int, state: UintArray) -> float:
    """Draw a coordinate from the kernel of trial k along one axis (k = -1: the prior kernel)."""
    axes = model.axes
    if axes.kind[d] == CATEGORY:
        return draw_category(axes.n_values[d], int(model.history.value[d, k]) if k >= 0 else -1, n_below, state)
    low, high = axes.low[d], axes.high[d]
    if k >= 0:
        x = draw_within(low, high, model.history.value[d, k], model.kernels.sigma[d, k], state)
    else:
        x = draw_within(low, high, 0.5 * (low + high), high - low, state)
    if axes.kind[d] == CONTINUOUS:
        return x
    if axes.kind[d] != STEPPED:
        x = ((math.exp(x) if axes.is_log[d] else x) - axes.first[d]) / axes.step[d]
    return float(min(max(np.rint(x), 0.0), axes.n_values[d] - 1.0))


@compiled
def draw_candidate(model: Model, below: IntArray, state: UintArray, point: FloatArray, row: IntArray) -> bool:
    """Draw a candidate that keeps the order into `point` and `row`; returns False when none was found."""
    for _ in range(MAX_REDRAWS):
        pick = int(uniform(state) * (len(below) + 1))
        k = below[pick] if pick < len(below) else -1
        for d in range(len(point)):
            point[d] = _draw_on_axis(model, d, k, len(below), state)
        index_of(model.axes, point, row)
        if in_order(row, model.grid):
            return True
    return False


@compiled
def index_of(axes: Axes, point: FloatArray, row: IntArray) -> None:
    """Write the indices of a candidate into `row`; 0 on continuous axes."""
    for d in range(len(point)):
        row[d] = int(point[d]) if axes.kind[d] != CONTINUOUS else 0
