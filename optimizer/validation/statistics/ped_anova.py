"""Importance of parameters for reaching the best tenth of the trials: PED-ANOVA on declared grids.

Watanabe, Bansal and Hutter, "PED-ANOVA: Efficiently Quantifying Hyperparameter Importance in Arbitrary Subspaces"
(2023). Per parameter two densities over its grid are compared, that of the best trials and that of all, each a sum of
kernels with the bandwidth of Scott (1992). The numbers are Optuna's, against which the tests hold them to nine digits;
its trials, studies and estimators take ten times as long as what is computed.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optimizer.domain.bars import FloatArray
from optimizer.domain.space import Choice, Parameter, Value

#: Share of the trials that count as the best ones.
_BEST_SHARE = 0.1
#: Most steps of a grid; a longer range is divided into so many.
_MOST_STEPS = 50
#: Weight of an even density beside one observation, and what is added to a density that may be 0.
_PRIOR_WEIGHT, _LEAST_DENSITY = 1.0, 1e-12
#: Least deviation of a kernel in steps: nine tenths of it are within its own step.
_LEAST_SPREAD = 0.5 / 1.64
_SCOTT, _QUARTILES = 1.059, 1.34

Ints = NDArray[np.int64]


def divergences(parameters: Sequence[Parameter], columns: Sequence[Sequence[Value]], values: FloatArray) -> FloatArray:
    """Pearson divergence of the best tenth from all trials, (n_parameters,), 0 where they are the same.

    `columns` has the trials' values of each parameter, `values` (n_trials,) what they reached: the greater the better.
    """
    n_best = math.ceil(_BEST_SHARE * len(values))
    is_best = values >= np.partition(values, len(values) - n_best)[len(values) - n_best]
    return np.array([_divergence(*each, is_best) for each in zip(parameters, columns, strict=True)])


def _divergence(parameter: Parameter, column: Sequence[Value], is_best: NDArray[np.bool_]) -> float:
    steps, n_steps = _steps(parameter, column)
    density = _of_choices if isinstance(parameter, Choice) else _of_range
    best = density(np.bincount(steps[is_best], minlength=n_steps)) + _LEAST_DENSITY
    every = density(np.bincount(steps, minlength=n_steps)) + _LEAST_DENSITY
    return float(every @ ((best / every - 1.0) ** 2))


def _steps(parameter: Parameter, column: Sequence[Value]) -> tuple[Ints, int]:
    """Step of each trial on the parameter's grid, and the number of steps; halfway between two it is the lower one."""
    known = parameter.values
    if isinstance(parameter, Choice):
        return np.array([known.index(value) for value in column]), len(known)
    low, high, n_steps = float(known[0]), float(known[-1]), min(len(known), _MOST_STEPS)
    size = (high - low) / (n_steps - 1)
    found = np.ceil((np.asarray(column, dtype=np.float64) - low) / size - 0.5).astype(np.int64)
    return np.clip(found, 0, n_steps - 1), n_steps


def _of_choices(counts: Ints) -> FloatArray:
    """Density over choices, (n_choices,)."""
    seen = np.flatnonzero(counts)
    kernels = np.full((len(seen) + 1, len(counts)), _PRIOR_WEIGHT / (len(seen) + 1))
    kernels[np.arange(len(seen)), seen] += 1.0
    return _mixed(counts[seen], kernels / kernels.sum(axis=1, keepdims=True))


def _of_range(counts: Ints) -> FloatArray:
    """Density over the steps of a range, (n_steps,): normals cut off at both ends, their mass on each step."""
    n_steps, seen = len(counts), np.flatnonzero(counts)
    # Seen and edges are whole and half steps, so that one row of the distribution function serves all kernels.
    below = _normal((np.arange(-n_steps, n_steps + 1) - 0.5) / _spread(seen, counts[seen]))
    edges = below[np.arange(n_steps + 1)[None] - seen[:, None] + n_steps]
    even = _normal((np.arange(n_steps + 1) - 0.5 * n_steps) / n_steps)
    edges = np.vstack([edges, even])
    return _mixed(counts[seen], np.diff(edges, axis=1) / (edges[:, -1:] - edges[:, :1]))


def _mixed(weights: Ints, kernels: FloatArray) -> FloatArray:
    """Sum of the observed kernels with their weights and, last, of the even one."""
    shares = np.append(weights, _PRIOR_WEIGHT)
    return np.asarray(shares / shares.sum() @ kernels)


def _spread(seen: Ints, weights: Ints) -> float:
    """Deviation of each kernel in steps, by Scott's rule."""
    until, total = np.cumsum(weights), int(weights.sum())
    mean = float(seen @ weights) / total
    deviation = math.sqrt(float((seen - mean) ** 2 @ weights) / max(1, total - 1))
    first, last = int(np.searchsorted(until, total // 4)), int(np.searchsorted(until, total * 3 // 4, side="right"))
    between = float(seen[min(len(seen) - 1, last)] - seen[first])
    return max(_SCOTT * min(between / _QUARTILES, deviation) * float(total) ** -0.2, _LEAST_SPREAD)


def _normal(values: NDArray[np.floating[Any]]) -> FloatArray:
    """Distribution function of the standard normal."""
    return np.array([0.5 * math.erfc(-value * math.sqrt(0.5)) for value in values.tolist()])
