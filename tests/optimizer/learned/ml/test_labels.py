"""Outcomes, told again in plain loops, and the statistics over them."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer.domain.study_request import Costs
from optimizer.learned.ml.calibrate import LEAST_CALLS, sigmoid, slope_of
from optimizer.learned.ml.labels import barrier_labels, gain_labels, reach_of
from optimizer.learned.ml.quality import auc_of, ranks, reliability, shifted_auc
from tests.optimizer.learned.ml.signal_worlds import noise

BARS = noise(3, 300)


@pytest.mark.parametrize("horizon", [1, 2, 5, 10])
def test_a_gain_is_from_the_next_open_to_the_one_after_the_horizon_less_a_round_trip(horizon: int) -> None:
    costs, labels = (
        Costs(commission_bps=30, slippage_bps=10),
        gain_labels(BARS, horizon, Costs(commission_bps=30, slippage_bps=10)),
    )
    for t in range(len(BARS)):
        if t + reach_of(horizon) >= len(BARS):
            assert math.isnan(labels[t])
            continue
        paid = BARS.open[t + 1] / (1.0 - costs.per_side) ** 2
        assert labels[t] == float(BARS.open[t + 1 + horizon] > paid)


@pytest.mark.parametrize("horizon", [2, 5, 10])
def test_the_barrier_that_is_touched_first_decides_and_the_lower_one_in_doubt(horizon: int) -> None:
    labels = barrier_labels(BARS, horizon)
    log_close = np.log(BARS.close)
    for t in range(len(BARS)):
        if t < 20 or t + reach_of(horizon) >= len(BARS):
            assert math.isnan(labels[t])
            continue
        width = 1.5 * math.sqrt(horizon) * float(np.diff(log_close[t - 20 : t + 1]).std())
        entry = BARS.open[t + 1]
        expected = float(BARS.open[t + 1 + horizon] > entry)
        for bar in range(t + 1, t + 1 + horizon):
            if BARS.low[bar] <= entry * math.exp(-width):
                expected = 0.0
                break
            if BARS.high[bar] >= entry * math.exp(width):
                expected = 1.0
                break
        assert labels[t] == expected


@given(st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=4, max_size=40))
def test_an_auc_is_the_share_of_pairs_in_the_right_order(calls: list[tuple[int, bool]]) -> None:
    values, outcomes = np.array([float(value) for value, _ in calls]), np.array([float(true) for _, true in calls])
    if not 0.0 < outcomes.mean() < 1.0:
        return
    pairs = [(a > b) + 0.5 * (a == b) for a in values[outcomes > 0.5] for b in values[outcomes < 0.5]]
    assert auc_of(ranks(values), outcomes) == pytest.approx(np.mean(pairs))


def test_calls_that_know_the_outcome_have_the_least_p_and_idle_ones_none() -> None:
    outcomes = (np.random.default_rng(5).random(600) < 0.5).astype(float)
    assert shifted_auc(outcomes, outcomes) == (1.0, pytest.approx(1 / 200))
    assert shifted_auc(np.zeros(600), outcomes) == (0.5, 1.0)


def test_a_slope_finds_the_truth_less_its_error_and_is_0_of_noise_and_of_few_calls() -> None:
    rng = np.random.default_rng(11)
    offsets, base = rng.normal(0.0, 0.5, 4_000), np.full(4_000, 0.1)
    outcomes = (rng.random(4_000) < sigmoid(base + 0.8 * offsets)).astype(float)
    assert slope_of(offsets, base, outcomes, 1.0) == pytest.approx(0.73, abs=0.12)
    assert slope_of(offsets, base, outcomes[::-1].copy(), 1.0) < 0.1
    few = LEAST_CALLS - 1
    assert slope_of(offsets[:few], base[:few], outcomes[:few], 1.0) == 0.0
    against = (rng.random(4_000) < sigmoid(base - 0.8 * offsets)).astype(float)
    assert slope_of(offsets, base, against, 1.0) == 0.0


def test_bins_hold_every_call_once_and_equal_ones_together() -> None:
    chances = np.repeat([0.4, 0.5, 0.6], [700, 200, 100])
    outcomes = np.tile([1.0, 0.0], 500)
    bins = reliability(chances, outcomes)
    assert sum(one.n for one in bins) == 1_000
    assert [one.predicted for one in bins] == pytest.approx([0.4, 0.5, 0.6])
    assert all(one.realised == 0.5 for one in bins)
