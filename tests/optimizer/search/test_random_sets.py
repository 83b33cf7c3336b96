"""Random numbers, remembered sets and Sobol points."""

import itertools

import numpy as np
import pytest
from scipy.stats import kstest, qmc  # type: ignore[import-untyped]

from optimizer.search.tpe.random_sets import (
    MAX_SOBOL_DIMENSIONS,
    Grid,
    Sobol,
    add,
    draw_uniform,
    draw_unseen,
    grown,
    has,
    next_sobol,
    normal,
    seed_state,
    sobol_directions,
    sobol_point,
    uniform,
)

NO_ORDER = (np.array([-1, -1]), np.zeros(1, np.int64))


def grid(*counts: int) -> Grid:
    return Grid(np.array(counts), *NO_ORDER)


def ordered_grid() -> Grid:
    """Five by five, the second index above the first."""
    return Grid(np.array([5, 5]), np.array([0, 1]), np.arange(1, 6))


def state_of(seed: int, n_finished: int = 0, attempt: int = 0) -> np.ndarray:
    state = np.zeros(1, np.uint64)
    seed_state(state, seed, n_finished, attempt)
    return state


def test_each_of_the_three_seeds_matters() -> None:
    states = {int(state_of(*seeds)[0]) for seeds in itertools.product((0, 1, 7), (0, 1, 200), (0, 1, 2))}

    assert len(states) == 27


def test_uniform_numbers_are_uniform_and_normal_ones_normal() -> None:
    state = state_of(3)

    assert kstest([uniform(state) for _ in range(4000)], "uniform").pvalue > 0.01
    assert kstest([normal(state) for _ in range(4000)], "norm").pvalue > 0.01


def test_first_numbers_of_neighbouring_seeds_are_independent() -> None:
    firsts = [uniform(state_of(1, number)) for number in range(4000)]

    assert kstest(firsts, "uniform").pvalue > 0.01
    assert abs(np.corrcoef(firsts[:-1], firsts[1:])[0, 1]) < 0.05


def test_a_table_holds_what_was_added_also_after_it_grew() -> None:
    table = np.zeros(64, np.uint64)
    rows = [np.array(row) for row in itertools.product(range(5), range(6))]

    assert all(add(table, row) for row in rows)
    assert not any(add(table, row) for row in rows)
    larger = grown(table)
    assert len(larger) == 128
    assert all(has(larger, row) for row in rows)
    assert not any(has(larger, np.array(row)) for row in itertools.product(range(5), range(6, 12)))


def test_uniform_sets_keep_the_order_and_reach_every_one() -> None:
    state, row = state_of(1), np.zeros(2, np.int64)
    drawn = set()
    for _ in range(400):
        draw_uniform(state, ordered_grid(), row)
        drawn.add(tuple(row.tolist()))

    assert drawn == {(a, b) for a in range(5) for b in range(5) if a < b}


def test_the_last_unseen_set_is_found_and_then_there_is_none() -> None:
    table, row, every = np.zeros(4096, np.uint64), np.zeros(3, np.int64), grid(9, 9, 9)
    for cell in itertools.product(range(9), repeat=3):
        if cell != (3, 8, 5):
            add(table, np.array(cell))

    assert draw_unseen(state_of(1), every, table, row)
    assert row.tolist() == [3, 8, 5]
    add(table, row)
    assert not draw_unseen(state_of(1), every, table, row)


def test_unseen_sets_are_drawn_evenly_when_few_are_left() -> None:
    table, row, every = np.zeros(4096, np.uint64), np.zeros(2, np.int64), grid(40, 40)
    left = [(0, 0), (17, 30), (39, 39), (20, 1)]
    for cell in itertools.product(range(40), repeat=2):
        if cell not in left:
            add(table, np.array(cell))
    drawn = []
    for seed in range(400):
        draw_unseen(state_of(seed), every, table, row)
        drawn.append(tuple(row.tolist()))

    assert all(60 < drawn.count(cell) < 140 for cell in left)


def test_sobol_points_are_scipys() -> None:
    n, counts = MAX_SOBOL_DIMENSIONS, np.full(MAX_SOBOL_DIMENSIONS, 2**20)
    sobol = Sobol(sobol_directions(n), np.zeros(n, np.uint64))
    row = np.zeros(n, np.int64)
    points = []
    for index in range(256):
        sobol_point(index, sobol, counts, row)
        points.append(row / 2**20)

    np.testing.assert_allclose(points, qmc.Sobol(n, scramble=False).random(256), atol=2**-20)


def test_shifted_sobol_points_fill_a_grid_evenly() -> None:
    counts = np.array([4, 8, 2])
    sobol = Sobol(sobol_directions(3), np.random.default_rng(5).integers(2**32, size=3, dtype=np.uint64))
    table, row, cells = np.zeros(1024, np.uint64), np.zeros(3, np.int64), []
    for index in range(256):
        sobol_point(index, sobol, counts, row)
        cells.append(tuple(row.tolist()))

    assert {cells.count(cell) for cell in set(cells)} == {4}
    assert next_sobol(0, 256, sobol, Grid(counts, *NO_ORDER), table, row) == 0
    for cell in set(cells):
        add(table, np.array(cell))
    assert next_sobol(0, 256, sobol, Grid(counts, *NO_ORDER), table, row) == -1


def test_more_dimensions_than_direction_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="at most 21"):
        sobol_directions(22)
