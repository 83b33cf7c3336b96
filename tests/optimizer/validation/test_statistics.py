"""The statistics against the papers' own figures, against slow reference code, and at their boundaries."""

import math
import time
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.domain.bars import FloatArray
from optimizer.domain.study_results import Degenerate, Measures
from optimizer.validation.statistics import cross_validation
from optimizer.validation.statistics.cross_validation import (
    BlockSums,
    block_sums,
    halves,
    joined,
    pbo_blocks,
    probability_of_overfitting,
    share_of_losses,
    warm,
)
from optimizer.validation.statistics.description import degenerate, plateau_share, stretches, thinned
from optimizer.validation.statistics.sharpe import (
    Moments,
    deflated_sharpe_ratio,
    expected_max_sharpe,
    long_run_ratio,
    market_sharpe_ratio,
    moments,
    probabilistic_sharpe_ratio,
    spread_without_skill,
)

# The worked example of "The Deflated Sharpe Ratio" (2014), section "A numerical example": five years of 250 days,
# annual Sharpe ratio 2.5, skew -3, kurtosis 10, the tries' annual Sharpe ratios have a variance of one half.
PAPER = Moments(n_bars=1250, sharpe=2.5 / math.sqrt(250), skew=-3.0, kurtosis=10.0)
PAPER_STD = math.sqrt(0.5 / 250)
KERNELS: tuple[Any, ...] = (cross_validation._count_below_median, cross_validation._count_losses)


def noise(n_sets: int, n_bars: int, seed: int = 1) -> FloatArray:
    return np.random.default_rng(seed).normal(0.0, 0.01, (n_sets, n_bars))


def test_the_papers_example_has_an_expected_maximum_of_0_1132() -> None:
    assert expected_max_sharpe(100, PAPER_STD) == pytest.approx(0.1132, abs=5e-5)


@pytest.mark.parametrize(("n_tried", "published"), [(100, 0.9004), (46, 0.9505)])
def test_the_papers_example_has_its_published_deflated_sharpe_ratios(n_tried: int, published: float) -> None:
    assert deflated_sharpe_ratio(PAPER, n_tried=n_tried, sharpe_std=PAPER_STD) == pytest.approx(published, abs=6e-5)


def test_with_normal_returns_the_papers_example_is_accepted_at_88_tries() -> None:
    normal = Moments(n_bars=1250, sharpe=PAPER.sharpe, skew=0.0, kurtosis=3.0)

    assert deflated_sharpe_ratio(normal, n_tried=88, sharpe_std=PAPER_STD) == pytest.approx(0.9505, abs=6e-5)


def test_the_expected_maximum_is_that_of_simulated_tries_without_skill() -> None:
    best = np.random.default_rng(5).normal(0.0, 0.3, (20_000, 200)).max(axis=1)

    assert expected_max_sharpe(200, 0.3) == pytest.approx(float(best.mean()), rel=0.01)


@pytest.mark.parametrize("n_tried", [0, 1])
def test_a_single_try_needs_no_correction(n_tried: int) -> None:
    assert expected_max_sharpe(n_tried, 0.5) == 0.0


def test_more_tries_deflate_more() -> None:
    ratios = [deflated_sharpe_ratio(PAPER, n_tried=n, sharpe_std=PAPER_STD) for n in (1, 2, 10, 100, 10_000)]

    assert ratios == sorted(ratios, reverse=True)


def test_a_record_equal_to_its_benchmark_is_a_coin_toss() -> None:
    assert probabilistic_sharpe_ratio(PAPER, PAPER.sharpe) == 0.5


def test_moments_are_those_of_a_two_pass_reference() -> None:
    returns = np.random.default_rng(2).gamma(2.0, 0.01, 5_000) - 0.015
    z = (returns - returns.mean()) / returns.std()

    found = moments(returns)

    assert found.sharpe == pytest.approx(returns.mean() / returns.std(ddof=1), rel=1e-12)
    assert found.skew == pytest.approx((z**3).mean())
    assert found.kurtosis == pytest.approx((z**4).mean())


@pytest.mark.parametrize("returns", [np.array([]), np.array([0.01]), np.zeros(50), np.full(50, 0.001)])
def test_a_series_that_never_moves_has_no_sharpe_ratio_and_no_probability(returns: FloatArray) -> None:
    found = moments(returns)

    assert math.isnan(found.sharpe)
    assert math.isnan(probabilistic_sharpe_ratio(found, 0.0))


def test_nothing_is_proved_without_a_spread_of_the_estimate() -> None:
    assert math.isnan(probabilistic_sharpe_ratio(Moments(n_bars=1, sharpe=0.1, skew=0.0, kurtosis=3.0), 0.0))


def test_half_of_the_market_has_the_sharpe_ratio_that_the_market_gives_it() -> None:
    rng = np.random.default_rng(3)
    market = rng.normal(0.0005, 0.01, 20_000)
    held = np.where(rng.random(20_000) < 0.5, market, 0.0)  # at random: no skill

    assert market_sharpe_ratio(held, market) == pytest.approx(moments(held).sharpe, abs=0.01)
    assert market_sharpe_ratio(market, market) == pytest.approx(moments(market).sharpe)


def test_a_falling_market_and_a_flat_position_take_nothing_off() -> None:
    market = np.random.default_rng(3).normal(-0.001, 0.01, 500)

    assert market_sharpe_ratio(market * 0.5, market) == 0.0
    assert market_sharpe_ratio(np.zeros(500), -market) == 0.0
    assert market_sharpe_ratio(market, np.zeros(500)) == 0.0


# PBO


def slow_pbo(returns: FloatArray, n_blocks: int) -> float:
    """The paper's procedure word for word: every split, Sharpe ratios from the bars themselves."""
    bars = returns.shape[1] // n_blocks
    blocks = returns[:, -bars * n_blocks :].reshape(len(returns), n_blocks, bars)
    below = []
    for chosen in combinations(range(n_blocks), n_blocks // 2):
        others = [block for block in range(n_blocks) if block not in chosen]
        here, there = (blocks[:, part].reshape(len(returns), -1) for part in (list(chosen), others))
        best = int((here.mean(axis=1) / here.std(axis=1)).argmax())
        out = there.mean(axis=1) / there.std(axis=1)
        rank = (out < out[best]).sum() + ((out == out[best]).sum() + 1) / 2
        relative = rank / (len(returns) + 1)
        below.append(math.log(relative / (1 - relative)) <= 0)
    return float(np.mean(below))


@pytest.mark.parametrize(("n_sets", "n_blocks"), [(2, 6), (7, 8), (30, 10), (31, 10)])
def test_pbo_is_what_the_papers_procedure_gives(n_sets: int, n_blocks: int) -> None:
    returns = noise(n_sets, 400) + np.linspace(0, 0.0005, n_sets)[:, None]

    assert probability_of_overfitting(block_sums(returns, n_blocks)) == slow_pbo(returns, n_blocks)


def test_sets_with_the_same_trades_count_as_many_as_they_are() -> None:
    returns = np.repeat(noise(9, 400), [1, 5, 2, 1, 1, 7, 1, 3, 2], axis=0)[np.random.default_rng(2).permutation(23)]

    assert probability_of_overfitting(block_sums(returns, 8)) == slow_pbo(returns, 8)


def test_the_best_of_pure_noise_is_below_the_middle_about_half_of_the_time() -> None:
    found = [probability_of_overfitting(block_sums(noise(100, 1200, seed), 12)) for seed in range(20)]

    assert 0.42 < np.mean(found) < 0.62


def test_a_set_that_is_truly_better_has_hardly_any_probability_of_overfitting() -> None:
    returns = noise(100, 1600)
    returns[37] += 0.003

    assert probability_of_overfitting(block_sums(returns, 16)) < 0.01


def test_sets_that_shone_in_one_block_each_are_overfit() -> None:
    returns = noise(16, 1600) - 0.001
    for number, row in enumerate(returns):
        row[number * 100 : (number + 1) * 100] += 0.01

    assert probability_of_overfitting(block_sums(returns, 16)) > 0.95


def test_clones_share_the_middle_rank() -> None:
    returns = np.tile(noise(1, 600), (10, 1))

    assert probability_of_overfitting(block_sums(returns, 6)) == 1.0


def test_sets_that_never_move_are_not_ranked() -> None:
    returns = noise(12, 600)
    padded = np.vstack([returns, np.zeros((40, 600))])

    assert probability_of_overfitting(block_sums(padded, 6)) == probability_of_overfitting(block_sums(returns, 6))


@pytest.mark.parametrize("n_moving", [0, 1])
def test_fewer_than_two_moving_sets_have_no_pbo(n_moving: int) -> None:
    returns = np.vstack([noise(n_moving, 600), np.zeros((3, 600))])

    assert math.isnan(probability_of_overfitting(block_sums(returns, 6)))


def test_a_split_that_nothing_can_win_counts_against_the_search() -> None:
    sums = np.array([[0.0, 0.2], [0.0, 0.1]])
    blocks = BlockSums(sums=sums, squares=np.array([[0.0, 0.01], [0.0, 0.01]]), bars=20)

    assert probability_of_overfitting(blocks) == 1.0


@pytest.mark.parametrize("n_blocks", [2, 6, 8, 16])
def test_half_of_all_splits_are_listed_and_their_complements_are_the_rest(n_blocks: int) -> None:
    listed = {int(early + (late << n_blocks // 2)) for early, late in halves(n_blocks)}
    complements = {(1 << n_blocks) - 1 - mask for mask in listed}

    assert len(listed) + len(complements) == len(listed | complements) == math.comb(n_blocks, n_blocks // 2)
    assert {mask.bit_count() for mask in listed} == {n_blocks // 2}


def test_block_sums_leave_out_the_oldest_odd_bars() -> None:
    returns = np.arange(1.0, 14.0)[None, :]

    found = block_sums(returns, 4)

    assert found.bars == 3
    assert found.sums.tolist() == [[9.0, 18.0, 27.0, 36.0]]
    assert found.squares[0, 0] == 2**2 + 3**2 + 4**2


def test_batches_of_sets_join_to_the_block_sums_of_all() -> None:
    returns = noise(9, 120)

    whole, parts = block_sums(returns, 6), joined([block_sums(returns[:4], 6), block_sums(returns[4:], 6)])

    assert (whole.sums == parts.sums).all()
    assert (whole.squares == parts.squares).all()
    assert whole.bars == parts.bars


@pytest.mark.parametrize(("n_bars", "expected"), [(2142, 16), (240, 16), (239, 14), (90, 6), (89, 0), (0, 0)])
def test_the_number_of_blocks_shrinks_with_the_window(n_bars: int, expected: int) -> None:
    assert pbo_blocks(n_bars) == expected


# Plateau, degenerate winners, stretches


def losses_by_hand(returns: FloatArray, n_blocks: int) -> float:
    """Share of losses as its definition says, a half at a time."""
    bars = returns.shape[1] // n_blocks
    blocks = returns[:, returns.shape[1] - bars * n_blocks :].reshape(len(returns), n_blocks, bars)
    lost = []
    for half in combinations(range(n_blocks), n_blocks // 2):
        other = [block for block in range(n_blocks) if block not in half]
        here = blocks[:, list(half)].reshape(len(returns), -1)
        best = int((here.mean(axis=1) / here.std(axis=1)).argmax())
        lost.append(blocks[best, other].sum() <= 0)
    return float(np.mean(lost))


@pytest.mark.parametrize("n_blocks", [4, 6, 8])
def test_the_share_of_losses_is_what_its_definition_gives(n_blocks: int) -> None:
    returns = noise(9, 200, seed=n_blocks) + 0.0003

    assert share_of_losses(returns, n_blocks) == pytest.approx(losses_by_hand(returns, n_blocks), abs=1e-12)


def test_sets_that_all_earn_alike_hardly_lose_though_their_ranking_is_noise() -> None:
    """What the PBO calls overfit and nobody loses by."""
    alike = noise(1, 2000) + 0.002 + 0.1 * noise(30, 2000, seed=2)

    assert share_of_losses(alike) == 0.0
    assert probability_of_overfitting(block_sums(alike, 16)) > 0.3


def test_a_choice_among_noise_loses_about_every_other_time() -> None:
    assert np.mean([share_of_losses(noise(50, 600, seed)) for seed in range(20)]) == pytest.approx(0.5, abs=0.1)


def test_there_is_no_share_of_losses_without_movement_or_enough_rows() -> None:
    assert math.isnan(share_of_losses(np.zeros((3, 200))))
    assert math.isnan(share_of_losses(noise(3, 20)))


def test_the_long_run_variance_of_a_moving_average_is_the_one_of_the_textbook() -> None:
    """Of e(t) + e(t−1) the variance is 2, the long-run variance 4."""
    shocks = np.random.default_rng(3).normal(size=20_001)

    assert long_run_ratio(shocks[1:] + shocks[:-1], 40) == pytest.approx(2.0, rel=0.1)
    assert long_run_ratio(shocks, 40) == pytest.approx(1.0, rel=0.15)
    assert long_run_ratio(shocks[1:] - shocks[:-1], 40) == 0.25  # the bound: the true one is 0


def test_few_or_flat_returns_have_no_long_run_of_their_own() -> None:
    assert long_run_ratio(np.arange(39.0), 20) == 1.0
    assert long_run_ratio(np.zeros(100), 20) == 1.0
    assert long_run_ratio(np.zeros(0), 20) == 1.0


def test_neighbours_stand_on_the_plateau_down_to_exactly_80_percent() -> None:
    assert plateau_share(1.0, np.array([0.8, 0.79, 1.2, math.nan])) == 0.5


@pytest.mark.parametrize(("value", "neighbours"), [(0.0, [0.1]), (-0.5, [-0.5]), (math.nan, [1.0]), (1.0, [])])
def test_there_is_no_plateau_without_a_positive_value_and_neighbours(value: float, neighbours: list[float]) -> None:
    assert math.isnan(plateau_share(value, np.array(neighbours)))


def test_a_drawdown_may_be_a_quarter_deeper_on_the_plateau() -> None:
    assert plateau_share(-0.2, np.array([-0.1, -0.25, -0.26]), may_be_negative=True) == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("measures", "expected"),
    [
        (Measures(exposure=0.0), Degenerate.NEVER_TRADES),
        (Measures(), Degenerate.NEVER_TRADES),
        (Measures(exposure=0.91, correlation=0.951), Degenerate.HOLD_IN_DISGUISE),
        (Measures(exposure=0.9, correlation=0.99), None),
        (Measures(exposure=0.99, correlation=0.95), None),
    ],
)
def test_a_winner_that_is_no_strategy_is_named(measures: Measures, expected: Degenerate | None) -> None:
    assert degenerate(measures) == expected


def test_stretches_are_the_best_and_the_worst_of_one_length() -> None:
    equity = np.array([1.0, 1.1, 1.3, 1.2, 0.9, 0.8, 1.0])

    assert stretches(equity, 2) == (0, 3)
    assert stretches(equity, 7) is None


def test_the_spread_of_sharpe_ratios_leaves_out_sets_without_one() -> None:
    assert spread_without_skill(np.array([0.01, 0.03, math.nan]), 1250) == pytest.approx(math.sqrt(2) / 100)
    assert spread_without_skill(np.array([0.01, math.nan]), 401) == 0.05


def test_luck_spreads_sharpe_ratios_by_no_more_than_their_standard_error() -> None:
    assert spread_without_skill(np.array([-1.0, 1.0]), 401) == 0.05


@given(st.lists(st.floats(-5, 5), max_size=60), st.integers(2, 20))
@settings(max_examples=60)
def test_a_thinned_sample_is_sorted_keeps_its_ends_and_its_bound(sample: list[float], n_points: int) -> None:
    found = thinned(np.array(sample), n_points).tolist()

    assert found == sorted(found)
    assert len(found) == min(len(sample), n_points)
    assert not sample or (found[0], found[-1]) == (min(sample), max(sample))


def test_warming_up_leaves_nothing_to_compile() -> None:
    warm()
    signatures = [len(kernel.signatures) for kernel in KERNELS]

    probability_of_overfitting(block_sums(noise(5, 300), 16))
    share_of_losses(noise(5, 300))

    assert [len(kernel.signatures) for kernel in KERNELS] == signatures


def test_pbo_of_two_hundred_sets_in_sixteen_blocks_takes_less_than_half_a_second() -> None:
    warm()
    blocks = block_sums(noise(200, 2142), 16)
    halves(16)
    took = []
    for _ in range(3):
        began = time.process_time()
        probability_of_overfitting(blocks)
        took.append(time.process_time() - began)

    assert min(took) < 0.5
