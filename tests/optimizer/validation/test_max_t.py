"""The test of the best of many sets: against `arch`'s own reality check and on noise whose answer is known."""

import math

import numpy as np
import pytest
from arch.bootstrap import SPA
from scipy import stats

from optimizer.domain.bars import FloatArray
from optimizer.validation.statistics.max_t import (
    best_of,
    fisher,
    max_t,
    one_sided_p,
    resample_counts,
    tail,
)


def noise(n_sets: int, n_rows: int, seed: int) -> FloatArray:
    return np.random.default_rng(seed).normal(0.0, 0.01, (n_sets, n_rows))


def p_of(rows: FloatArray) -> float:
    return max_t(rows.astype(np.float32)).p


def test_p_values_of_noise_are_even() -> None:
    ps = [p_of(noise(40, 120, seed)) for seed in range(300)]

    assert stats.kstest(ps, "uniform").pvalue > 0.01


def test_copies_of_one_set_count_as_one() -> None:
    one = noise(1, 300, 3) + 0.0012
    copies = one + 1e-5 * noise(200, 300, 4)

    assert p_of(copies) == pytest.approx(p_of(one), abs=0.01)
    assert p_of(np.concatenate([one, noise(199, 300, 5)])) > 5 * p_of(one)


def test_sets_with_the_same_returns_change_nothing() -> None:
    rows = np.random.default_rng(4).normal(0.0, 0.01, (40, 200)).astype(np.float32)
    several = np.repeat(rows, np.arange(40) % 4 + 1, axis=0)[np.random.default_rng(5).permutation(100)]
    alone, together = max_t(rows), max_t(several)

    np.testing.assert_allclose(together.maxima, alone.maxima, rtol=1e-5)
    assert together.optimism == pytest.approx(alone.optimism, rel=1e-5)
    assert len(together.t) == 100


@pytest.mark.parametrize("edge", [0.0, 0.0008, 0.0015])
def test_it_agrees_with_hansens_test_of_the_same_returns(edge: float) -> None:
    """Hansen's SPA by `arch`; its upper p value recentres nothing, as the reality check does."""
    rows = noise(25, 250, 11)
    rows[7] += edge
    theirs = SPA(np.zeros(250), -rows.T, reps=1000, block_size=2, studentize=True, seed=5)
    theirs.compute()

    assert p_of(rows) == pytest.approx(theirs.pvalues["upper"], abs=0.06)


def test_a_lone_edge_is_found_among_many_sets_without() -> None:
    rows = noise(500, 430, 7)
    rows[99] += 0.005
    found = max_t(rows.astype(np.float32))

    assert int(found.t.argmax()) == 99
    assert found.p < 0.001


def test_optimism_is_what_the_best_of_noise_shows_and_a_great_edge_hardly_has_any() -> None:
    among_noise = np.mean([max_t(noise(50, 200, seed).astype(np.float32)).optimism for seed in range(10)])
    rows = noise(50, 200, 3)
    rows[0] += 0.02

    assert among_noise > 1.0
    assert abs(max_t(rows.astype(np.float32)).optimism) < 0.2


def test_sets_that_never_move_cannot_win_and_nothing_is_proved_without_others() -> None:
    rows = noise(3, 100, 1) - 0.01
    rows[1] = 0.0
    found = max_t(rows.astype(np.float32))

    assert found.t[1] == -math.inf
    assert max_t(np.zeros((4, 50), dtype=np.float32)).p == 1.0
    assert max_t(np.zeros((0, 50), dtype=np.float32)).p == 1.0


def test_the_test_is_a_function_of_the_returns_alone() -> None:
    resample_counts.cache_clear()
    first = p_of(noise(20, 100, 1))
    resample_counts.cache_clear()

    assert p_of(noise(20, 100, 1)) == first


def test_resamples_draw_as_many_rows_as_there_are_in_runs_of_the_mean_length() -> None:
    counts = resample_counts(200, 300, 4.0)

    assert set(counts.sum(axis=1).tolist()) == {200.0}
    assert counts.mean() == 1.0
    neighbours = np.mean([np.corrcoef(row[1:], row[:-1])[0, 1] for row in counts])
    assert neighbours == pytest.approx(0.75, abs=0.05)  # a row's follower is drawn with it unless the run ends


def test_the_tail_counts_where_it_can_and_follows_gumbel_beyond() -> None:
    maxima = np.sort(np.random.default_rng(2).gumbel(2.0, 0.4, 500))

    assert tail(maxima, float(maxima[-50])) == pytest.approx(51 / 501)
    assert tail(maxima, 6.0) == pytest.approx(math.exp(-(6.0 - 2.0) / 0.4), rel=0.5)
    assert tail(maxima, 3.0) > tail(maxima, 4.0) > tail(maxima, 5.0) > 0
    assert tail(np.zeros(0), 3.0) == 1.0
    assert tail(np.ones(50), 3.0) == 1 / 51


@pytest.mark.parametrize(("first", "second"), [(0.03, 0.4), (1.0, 1.0), (1e-6, 0.9), (0.2, 0.2)])
def test_fishers_method_is_scipys(first: float, second: float) -> None:
    assert fisher(first, second) == pytest.approx(stats.combine_pvalues([first, second]).pvalue, rel=1e-9)


def test_the_best_of_many_searches_is_worth_less() -> None:
    assert best_of(0.01, 1) == pytest.approx(0.01)
    assert best_of(0.01, 33) == pytest.approx(1 - 0.99**33)
    assert best_of(1.0, 3) == 1.0
    assert best_of(0.0, 3) == 0.0


def test_one_sided_p_values_are_those_of_a_normal() -> None:
    assert one_sided_p(1.6449) == pytest.approx(0.05, abs=1e-4)
    assert fisher(one_sided_p(40.0), 0.5) == 0.0
