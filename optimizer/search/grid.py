"""Whole grids: the spaces that are small enough to score every set, and even samples of the others."""

from collections.abc import Sequence
from functools import lru_cache
from typing import TypeVar

import numpy as np

from optimizer.domain.space import Params, Space, Value

Ranked = TypeVar("Ranked")

#: A grid is scored whole up to this size: sets, and sets times bars.
MOST_SETS, MOST_WORK = 20_000, 40_000_000
#: Draws per set of an even sample, because some repeat or break the order of the parameters.
_DRAWS_PER_SET = 2
#: Even samples are the same for every study: whatever is measured on them depends on bars and request alone.
_SEED = 4
#: Leaders are the best hundredth of ranked sets, within these bounds.
_LEADING_SHARE, LEAST_LEADERS, MOST_LEADERS = 0.01, 5, 50


def fits_whole(space: Space, n_bars: int) -> bool:
    """True if every set can be scored over so many bars (times symbols) in well under a second."""
    return space.size <= MOST_SETS and space.size * n_bars <= MOST_WORK


@lru_cache(maxsize=4)
def every_set(space: Space) -> tuple[Params, ...]:
    """Every set of a small space, cached because most studies have one of a few spaces.

    An evaluator keeps what it reads of the same tuple for the next window.
    """
    return tuple(space.param_sets())


def even_sets(space: Space, count: int) -> list[Params]:
    """At most `count` different sets, drawn uniformly from the space; the same at each call."""
    rng, n_draws = np.random.default_rng(_SEED), _DRAWS_PER_SET * count
    columns = [[p.values[i] for i in rng.integers(len(p.values), size=n_draws)] for p in space.parameters]
    drawn = dict.fromkeys(zip(*columns, strict=True))
    return [params for row in drawn if _is_allowed(space, params := _named(space, row))][:count]


def leading(ranked: Sequence[Ranked]) -> list[Ranked]:
    """First hundredth of ranked sets, or of their numbers, at least 5 and at most 50 of them."""
    return list(ranked[: min(max(LEAST_LEADERS, round(_LEADING_SHARE * len(ranked))), MOST_LEADERS)])


def _named(space: Space, row: tuple[Value, ...]) -> Params:
    return dict(zip(space.names, row, strict=True))


def _is_allowed(space: Space, params: Params) -> bool:
    return space.order is None or space.order.allows(params)
