"""Scores: those of a library for the same quantiles, exact intervals, and able to see a bad forecast."""

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import stats

from optimizer.domain.results.forecast_results import LEVELS
from optimizer.lazy import LazyModule
from optimizer.outlook.scores import (
    coverage,
    crps,
    is_inside,
    lean,
    luck_range,
    non_overlapping,
    pinball,
    pit,
    skill,
)

if TYPE_CHECKING:
    import scoringrules
else:
    # It compiles for seconds when it is imported, which each process that only lists the tests would wait for.
    scoringrules = LazyModule("scoringrules")

NORMAL = stats.norm.ppf(LEVELS)
CAME = np.random.default_rng(3).normal(size=2000)


def test_quantile_losses_are_those_of_the_library() -> None:
    for realised in CAME[:100]:
        ours = [pinball(quantile, level, realised) for quantile, level in zip(NORMAL, LEVELS, strict=True)]
        assert ours == pytest.approx(scoringrules.quantile_score(realised, NORMAL, np.array(LEVELS)), abs=1e-9)


def test_crps_weighs_the_librarys_losses_by_the_levels_they_stand_for() -> None:
    edges = np.concatenate([[0.0], (np.array(LEVELS)[1:] + np.array(LEVELS)[:-1]) / 2, [1.0]])
    for realised in CAME[:100]:
        losses = scoringrules.quantile_score(realised, NORMAL, np.array(LEVELS))
        assert crps(NORMAL.tolist(), realised) == pytest.approx(2.0 * np.sum(np.diff(edges) * losses), abs=1e-9)


def test_crps_of_23_quantiles_is_nearly_the_exact_one() -> None:
    exact = scoringrules.crps_normal(CAME, 0.0, 1.0)
    ours = np.array([crps(NORMAL.tolist(), realised) for realised in CAME])

    assert ours.mean() == pytest.approx(exact.mean(), rel=0.005)
    assert np.abs(ours / exact - 1.0).max() < 0.03


def test_levels_of_values_from_the_forecast_are_uniform() -> None:
    levels = [pit(NORMAL.tolist(), realised) for realised in CAME]

    assert stats.kstest(levels, "uniform").pvalue > 0.01
    assert pit(NORMAL.tolist(), -9.0) == 0.005
    assert pit(NORMAL.tolist(), 9.0) == 0.995
    assert pit(NORMAL.tolist(), float(NORMAL[4])) == LEVELS[4]
    assert pit([-1.0] * 11 + [0.0] * 12, 0.0) == (LEVELS[11] + LEVELS[22]) / 2


def test_bands_hold_their_ends() -> None:
    assert is_inside(NORMAL.tolist(), float(NORMAL[2]), 0.9)
    assert not is_inside(NORMAL.tolist(), float(NORMAL[2]) - 1e-9, 0.9)
    assert is_inside(NORMAL.tolist(), float(NORMAL[16]), 0.5)
    assert not is_inside(NORMAL.tolist(), float(NORMAL[17]), 0.5)
    assert np.mean([is_inside(NORMAL.tolist(), one, 0.9) for one in CAME]) == pytest.approx(0.9, abs=0.02)


@pytest.mark.parametrize(("hits", "n"), [(0, 5), (5, 5), (9, 10), (31, 40), (900, 1000)])
def test_interval_of_a_coverage_is_clopper_and_pearsons(hits: int, n: int) -> None:
    found = coverage([True] * hits + [False] * (n - hits))

    assert (found.n, found.n_inside) == (n, hits)
    assert found.low == pytest.approx(stats.beta.ppf(0.025, hits, n - hits + 1) if hits else 0.0, abs=1e-9)
    assert found.high == pytest.approx(stats.beta.ppf(0.975, hits + 1, n - hits) if hits < n else 1.0, abs=1e-9)


@pytest.mark.parametrize("n", [1, 10, 20, 137])
def test_luck_allows_what_the_binomial_distribution_does(n: int) -> None:
    low, high = luck_range(n, 0.9)

    assert (low, high) == tuple(stats.binom.ppf([0.025, 0.975], n, 0.9))


def test_spans_that_overlap_are_counted_once() -> None:
    spans = [(0, 62), (21, 83), (63, 125), (100, 162), (126, 188)]

    assert non_overlapping(spans) == [0, 2, 4]
    assert non_overlapping([]) == []


def test_a_forecast_that_promises_too_much_leans_and_has_no_skill() -> None:
    worse = CAME[:40] - 1.0
    levels = [pit(NORMAL.tolist(), realised) for realised in worse]
    ours, shifted = ([crps((NORMAL + by).tolist(), realised) for realised in worse] for by in (0.0, -1.0))

    assert lean(levels) < -1.96
    assert abs(lean([pit(NORMAL.tolist(), realised) for realised in CAME[:40]])) < 1.96
    assert skill(np.array(ours), np.array(shifted)) < 0.0 < skill(np.array(shifted), np.array(ours))
    assert np.isnan(skill(np.zeros(3), np.zeros(3)))
