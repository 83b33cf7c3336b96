"""Axes of the estimator from Optuna's distributions, and its empty model."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution

from optimizer.domain.space import Order
from optimizer.search.tpe.parzen import (
    CATEGORY,
    CONTINUOUS,
    N_FIXED_SLOTS,
    ROUNDED,
    STEPPED,
    Axes,
    FloatArray,
    Kernels,
    Model,
    Tables,
    TrialHistory,
)
from optimizer.search.tpe.random_sets import Grid

#: A stepped axis with more values than this has no tables.
MAX_TABLE_VALUES = 256


@dataclass(frozen=True)
class Axis:
    """One parameter in the model's units."""

    name: str
    distribution: BaseDistribution

    @cached_property
    def kind(self) -> int:
        """Kind of axis of the distribution: STEPPED, CATEGORY, CONTINUOUS or ROUNDED."""
        dist = self.distribution
        if isinstance(dist, CategoricalDistribution):
            return CATEGORY
        if self.step == 0.0:
            return CONTINUOUS
        return ROUNDED if self.is_log or self.count > MAX_TABLE_VALUES else STEPPED

    @cached_property
    def is_log(self) -> bool:
        """True if the axis is logarithmic."""
        return bool(getattr(self.distribution, "log", False))

    @cached_property
    def step(self) -> float:
        """Distance between two values; 0 when continuous."""
        return float(getattr(self.distribution, "step", None) or 0.0)

    @cached_property
    def count(self) -> int:
        """Number of values; 0 when continuous."""
        if isinstance(self.distribution, CategoricalDistribution):
            return len(self.distribution.choices)
        if self.step == 0.0:
            return 0
        return round((self._high - self._low) / self.step) + 1

    @cached_property
    def bounds(self) -> tuple[float, float]:
        """Truncation of the kernels, in the model's units."""
        if self.kind == STEPPED:
            return -0.5, self.count - 0.5
        if self.kind == CATEGORY:
            return 0.0, float(self.count)
        low, high = self._low - self.step / 2, self._high + self.step / 2
        return (math.log(low), math.log(high)) if self.is_log else (low, high)

    @cached_property
    def first(self) -> float:
        """Lowest value."""
        return 0.0 if isinstance(self.distribution, CategoricalDistribution) else self._low

    @cached_property
    def values(self) -> tuple[Any, ...]:
        """Every value; empty when continuous. Steps are rounded as in a space."""
        dist = self.distribution
        if isinstance(dist, CategoricalDistribution):
            return dist.choices
        if isinstance(dist, IntDistribution):
            return tuple(range(dist.low, dist.high + 1, dist.step))
        steps = (self._low + self.step * i for i in range(self.count))
        return tuple(round(value, 10) if self.step > 1e-6 else value for value in steps)

    @cached_property
    def index_of(self) -> dict[Any, float]:
        """Coordinates of the values."""
        return {value: float(index) for index, value in enumerate(self.values)}

    def contains(self, value: Any) -> bool:
        """True if a parameter's value is on the axis."""
        if not self.count or value in self.index_of:
            return True
        is_choice = isinstance(self.distribution, CategoricalDistribution)
        return not is_choice and 0 <= self.coordinate(value) < self.count

    def coordinate(self, value: Any) -> float:
        """Coordinate of a parameter's value: its index, or the model's number on a continuous axis."""
        if value in self.index_of:
            return self.index_of[value]
        if isinstance(self.distribution, CategoricalDistribution):
            return float(self.distribution.to_internal_repr(value))
        if not self.count:
            return math.log(value) if self.is_log else float(value)
        return float(round((value - self._low) / self.step))

    def centre(self, coordinate: float) -> float:
        """Centre of the kernel of an observed coordinate, in the model's units."""
        if self.kind != ROUNDED:
            return coordinate
        real = self._low + self.step * coordinate
        return math.log(real) if self.is_log else real

    def value(self, coordinate: float) -> Any:
        """Value of the parameter at a coordinate."""
        if self.count:
            return self.values[int(coordinate)]
        return min(max(math.exp(coordinate) if self.is_log else coordinate, self._low), self._high)

    @cached_property
    def _low(self) -> float:
        return float(self.distribution.low)  # type: ignore[attr-defined]

    @cached_property
    def _high(self) -> float:
        return float(self.distribution.high)  # type: ignore[attr-defined]


def axes_of(distributions: Mapping[str, BaseDistribution]) -> list[Axis]:
    """Axes of the distributions, in the same order."""
    return [Axis(name, distribution) for name, distribution in distributions.items()]


def log_prior_floor(axes: Sequence[Axis]) -> float:
    """Logarithm of the prior kernel's least density; linear sums need it above -600."""
    widths = [axis.count if axis.count else axis.bounds[1] - axis.bounds[0] for axis in axes]
    return -sum(math.log(width) + 0.2 for width in widths)


def grid_of(axes: Sequence[Axis], order: Order | None) -> Grid:
    """Grid of the stepped and category axes; a continuous axis counts as one cell."""
    counts = np.array([max(axis.count, 1) for axis in axes], dtype=np.int64)
    names = [axis.name for axis in axes]
    if order is None:
        return Grid(counts, np.array([-1, -1]), np.zeros(1, np.int64))
    lesser, greater = names.index(order.lesser), names.index(order.greater)
    if not (axes[lesser].count and axes[greater].count):
        raise ValueError("an order needs a step on both of its parameters")
    above = [axes[greater].value(i) for i in range(counts[greater])]
    bounds = [
        next(
            (i for i, value in enumerate(above) if order.allows({order.lesser: low, order.greater: value})), len(above)
        )
        for low in (axes[lesser].value(i) for i in range(counts[lesser]))
    ]
    return Grid(counts, np.array([lesser, greater]), np.array(bounds, dtype=np.int64))


def _compiled_axes(axes: Sequence[Axis]) -> Axes:
    low, high = np.array([axis.bounds for axis in axes], dtype=np.float64).reshape(-1, 2).T.copy()
    return Axes(
        kind=np.array([axis.kind for axis in axes], dtype=np.int64),
        n_values=np.array([axis.count for axis in axes], dtype=np.int64),
        low=low,
        high=high,
        first=np.array([axis.first for axis in axes], dtype=np.float64),
        step=np.array([axis.step for axis in axes], dtype=np.float64),
        is_log=np.array([axis.is_log for axis in axes], dtype=np.bool_),
        prior=prior_masses(axes),
    )


def prior_masses(axes: Sequence[Axis]) -> FloatArray:
    """Mass of the prior kernel at every value of the stepped and category axes, zero elsewhere."""
    masses = np.zeros((len(axes), _widest(axes)))
    for row, axis in zip(masses, axes, strict=True):
        if axis.kind == CATEGORY:
            row[: axis.count] = 1.0 / axis.count
        elif axis.kind == STEPPED:
            edges = (np.arange(axis.count + 1) - axis.count / 2) / axis.count
            reached = np.array([0.5 * math.erfc(-edge / math.sqrt(2.0)) for edge in edges])
            row[: axis.count] = np.diff(reached) / (reached[-1] - reached[0])
    return masses


def _widest(axes: Sequence[Axis]) -> int:
    return max((axis.count for axis in axes if axis.kind in (STEPPED, CATEGORY)), default=1)


def empty_model(axes: Sequence[Axis], order: Order | None, capacity: int) -> Model:
    """Build a model without trials, with memory for `capacity` of them."""
    n_axes, groups = len(axes), 6 * _widest(axes) + 2
    return Model(
        axes=_compiled_axes(axes),
        grid=grid_of(axes, order),
        history=_empty_history(n_axes, capacity),
        tables=empty_tables(axes),
        kernels=_empty_kernels(n_axes, groups, capacity),
    )


def empty_tables(axes: Sequence[Axis]) -> Tables:
    """Build the tables of the stepped axes, without a bandwidth yet."""
    n_axes, widest = len(axes), _widest(axes)
    rows = 2 * widest + 1 + N_FIXED_SLOTS
    return Tables(
        n_values=np.array([axis.count for axis in axes], dtype=np.int64),
        sigma=np.zeros((n_axes, rows)),
        mass=np.zeros((n_axes, rows, widest)),
        scale=np.zeros((n_axes, rows, widest)),
    )


def _empty_history(n_axes: int, capacity: int) -> TrialHistory:
    return TrialHistory(
        value=np.zeros((n_axes, capacity)),
        order=np.zeros((n_axes, capacity), np.int64),
        role=np.zeros(capacity, np.int8),
    )


def _empty_kernels(n_axes: int, groups: int, capacity: int) -> Kernels:
    return Kernels(
        sigma=np.zeros((n_axes, capacity)),
        scale=np.zeros((n_axes, capacity)),
        group=np.zeros((n_axes, capacity), np.int64),
        centre=np.zeros((n_axes, groups), np.int64),
        row=np.zeros((n_axes, groups), np.int64),
        n_groups=np.zeros(n_axes, np.int64),
        weight=np.zeros(capacity),
        bin_start=np.zeros(groups + 1, np.int64),
        bin_member=np.zeros(capacity, np.int64),
        column=np.zeros((n_axes, groups)),
        factor=np.ones(capacity),
    )


def enlarged(model: Model) -> Model:
    """Copy of a model with memory for twice as many trials."""
    n_axes, n = model.history.value.shape
    history = _empty_history(n_axes, 2 * n)
    history.value[:, :n], history.order[:, :n], history.role[:n] = model.history
    kernels = _empty_kernels(n_axes, model.kernels.column.shape[1], 2 * n)
    return model._replace(history=history, kernels=kernels)
