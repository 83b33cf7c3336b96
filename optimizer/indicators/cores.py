"""Batches of sets, distributed over the cores of the machine."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np

#: Sets times bars from which a batch is worth distributing.
_WORTH_THREADS = 500_000


def over_cores(work: Callable[[int, int], Any], n_sets: int, n_bars: int) -> None:
    """Call `work` for ranges of the sets [0, n_sets), on all cores when there is enough to do."""
    n_parts = min(_n_cores(), n_sets) if n_sets * n_bars >= _WORTH_THREADS else 1
    if n_parts < 2:
        work(0, n_sets)
        return
    # Several parts per core, because sets differ in their number of trades; whoever is free takes the next one.
    edges = np.linspace(0, n_sets, min(4 * n_parts, n_sets) + 1).astype(int).tolist()
    parts = pairwise(edges)
    others = [_threads().submit(_take, work, parts) for _ in range(n_parts - 1)]
    _take(work, parts)
    for other in others:
        if not other.cancel():  # on a busy machine this thread may have done it all
            other.result()


def _take(work: Callable[[int, int], Any], parts: Iterator[tuple[int, int]]) -> None:
    for first, last in parts:
        work(first, last)


@cache
def _threads() -> ThreadPoolExecutor:
    """Threads beside the calling one, kept because starting them for every batch takes longer than many a batch."""
    return ThreadPoolExecutor(max(_n_cores() - 1, 1))


def _n_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
