"""TPE search without Optuna: the trials learned, their ranks, and the next proposal.

A proposal is the candidate with the best ratio of densities among those that were never tried.
All its randomness comes from three numbers: the seed, the number of finished trials, the attempt.
"""

import math
from bisect import insort
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution

from optimizer.domain.space import Order
from optimizer.search.tpe.axes import axes_of
from optimizer.search.tpe.axis_proposals import AxisMixtures
from optimizer.search.tpe.grid_proposals import GridMixtures
from optimizer.search.tpe.parzen import CATEGORY, FloatArray
from optimizer.search.tpe.random_sets import (
    MAX_SOBOL_DIMENSIONS,
    Sobol,
    draw_unseen,
    next_sobol,
    seed_state,
    sobol_directions,
)

N_STARTUP_TRIALS = 10
N_CANDIDATES = 24
#: Points of the Sobol sequence to search for an unseen set.
_MAX_POINTS = 1 << 16

#: Sort key of trials from good to bad: class (feasible, pruned, infeasible), then two numbers, less is better.
Rank = tuple[int, float, float]
FEASIBLE, PRUNED, INFEASIBLE = 0, 1, 2


def n_good(n_finished: int) -> int:
    """Number of trials in the lower mixture: a tenth, at most 25 (Optuna's gamma)."""
    return min(math.ceil(0.1 * n_finished), 25)


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
        self._n_candidates = n_candidates
        self._is_multivariate = is_multivariate
        self._is_finite = all(axis.count for axis in self.axes)
        self._values = [(axis.name, axis.values) for axis in self.axes]
        self._indices = [(axis.name, axis.index_of) for axis in self.axes]
        self.forget()

    def forget(self) -> None:
        """Remove all trials."""
        self._mixtures = self._empty_mixtures()
        self._param_sets: list[Mapping[str, Any]] = []  # one per column
        self._column_of: dict[int, int] = {}
        self._ranking: list[tuple[Rank, int]] = []
        self._below = np.zeros(0, np.int64)

    def _empty_mixtures(self) -> GridMixtures | AxisMixtures:
        if self._is_multivariate and all(axis.kind <= CATEGORY for axis in self.axes):
            return GridMixtures(self.axes, self._order, self._n_candidates)
        return AxisMixtures(self.axes, self._order, self._n_candidates, is_multivariate=self._is_multivariate)

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
        return self._set_at(self._proposed((self._seed, n_finished, attempt)))

    def expect(self, number: int, params: Mapping[str, Any]) -> None:
        """Add a running trial; its number is higher than all before."""
        self._column_of[number] = self._add(params)

    def learn(self, number: int, params: Mapping[str, Any], rank: Rank | None) -> None:
        """Add a finished trial; without a rank it failed: its set is not proposed again, and otherwise ignored."""
        if self._column_of.get(number, -1) < 0:
            self.expect(number, params)
        column = self._column_of[number]
        if column >= 0 and self._param_sets[column] != params:
            self._replace(number, params)
        if rank is not None:
            self._place(rank, number)
        elif column >= 0:
            self._mixtures.drop(column)

    def ask_round(self, n_finished: int, first: int, count: int, *, per_fit: int = 1) -> list[dict[str, Any]]:
        """Propose and expect `count` sets under the numbers from `first` on, in one compiled call.

        Equal to alternating `ask(n_finished, number)` and `expect`; for joint proposals only. A `per_fit` above 1
        takes so many sets from one fit, which is most of the work: they are distinct, but not kept apart.
        """
        key, n = (self._seed, n_finished, first), len(self._param_sets)
        is_blind = self.n_finished < self._n_startup_trials
        found = self._mixtures.propose_round(self._below, key, count, is_blind=is_blind, per_fit=per_fit)
        param_sets = [self._set_at(point) for point in found]
        self._param_sets.extend(param_sets)
        self._column_of.update(zip(range(first, first + count), range(n, n + count), strict=True))
        return param_sets

    def learn_round(self, first: int, ranks: Sequence[Rank | None]) -> None:
        """Add the ranks of a round, whose numbers start at `first`; see `learn`."""
        for number, rank in enumerate(ranks, first):
            if rank is not None:
                insort(self._ranking, (rank, number))
            else:
                self._mixtures.drop(self._column_of[number])
        self._gather_good()

    def log_densities(self, param_sets: Sequence[Mapping[str, Any]]) -> tuple[FloatArray, FloatArray]:
        """Logarithms of both mixtures' densities (lower, upper) at some sets, (n_sets,) each."""
        points = [point for params in param_sets if (point := self._point(params)) is not None]
        lower, upper = np.log(self._mixtures.densities(self._below, points).reshape(-1, 2)).T
        return lower, upper

    def _proposed(self, key: tuple[int, int, int]) -> Sequence[float]:
        """Coordinates of the next proposal."""
        return self._mixtures.propose(self._below, key, is_blind=self.n_finished < self._n_startup_trials)

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
        if self._is_finite:
            return {name: values[int(x)] for (name, values), x in zip(self._values, point, strict=True)}
        return {axis.name: axis.value(x) for axis, x in zip(self.axes, point, strict=True)}

    def _point(self, params: Mapping[str, Any]) -> list[float] | None:
        """Coordinates of a set; None if it is not in this space."""
        if self._is_finite:
            try:
                return [index[params[name]] for name, index in self._indices]
            except KeyError:
                pass  # a number may lie between two steps
        fits = all(axis.name in params and axis.contains(params[axis.name]) for axis in self.axes)
        return [axis.coordinate(params[axis.name]) for axis in self.axes] if fits else None

    def _add(self, params: Mapping[str, Any]) -> int:
        """Append a set and return its column, or -1 if it is not in this space."""
        if (point := self._point(params)) is None:
            return -1
        self._param_sets.append(dict(params))
        return self._mixtures.add(point)

    def _replace(self, number: int, params: Mapping[str, Any]) -> None:
        """Replace the set of a trial that ran with another one than expected."""
        column = self._column_of[number]
        if (point := self._point(params)) is not None:
            self._mixtures.replace(column, point)
            self._param_sets[column] = dict(params)
        else:
            self._mixtures.drop(column)
            self._column_of[number] = -1


def warm() -> None:
    """Load or compile the functions of a search over a grid at a worker's start, so that no study waits for them."""
    _propose_a_few(IntDistribution(1, 9))


def warm_axes() -> None:
    """Load or compile those of a search with an axis that has no steps, or too many: few studies have one."""
    _propose_a_few(FloatDistribution(0.0, 1.0))


def _propose_a_few(axis: BaseDistribution) -> None:
    tpe = Tpe({"x": axis}, seed=0, n_startup_trials=1)
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

    def _proposed(self, key: tuple[int, int, int]) -> Sequence[float]:
        row, grid, seen = np.empty(len(self.axes), np.int64), self._mixtures.take_in(), self._mixtures.seen
        found = next_sobol(self._at, _MAX_POINTS, self._sobol, grid, seen, row)
        if found < 0:
            state = np.zeros(1, np.uint64)
            seed_state(state, *key)
            draw_unseen(state, grid, seen, row)
        else:
            self._at = found
        return row.tolist()
