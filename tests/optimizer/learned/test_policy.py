"""Policies found by reward: what they reckon with, that they never look ahead, and that they learn what is there."""

import threading

import numpy as np
import pytest

from optimizer.domain.bars import Bars
from optimizer.domain.study_request import Costs, cost_factors
from optimizer.engine.backtest import simulate
from optimizer.learned.policy.policy_features import FEATURES, N_BEFORE, Feature, features
from optimizer.learned.policy.policy_schedule import FIRST_FIT, REFIT
from optimizer.learned.policy.policy_search import (
    N_WEIGHTS,
    PATIENCE,
    THRESHOLD,
    fill_outcomes,
    fill_rewards,
    follow,
    reward,
    search,
)
from optimizer.learned.policy.policy_walk import Votes, walk, warm
from optimizer.learned.policy.ridge_twin import ridge_positions
from optimizer.learned.policy.shuffled_bars import shuffled_bars
from optimizer.learned.rows import UNWATCHED, TrainingStopped, Watch
from tests.bars import bars_of, made_up_bars, sample_bars
from tests.optimizer.learned.policy_worlds import Planted, planted_world

COSTS = Costs()


def walk_of(bars: Bars, memory: int = 504, **more: int) -> Votes:
    return walk(bars, COSTS, UNWATCHED, memory, 1.0, **more)


def short_bars(n: int = FIRST_FIT + REFIT + 30) -> Bars:
    return sample_bars("AAPL").cut(0, n)


def test_five_bars_of_outcomes_by_hand() -> None:
    opened, close = np.array([100.0, 101.0, 104.0, 102.0, 99.0]), np.array([100.0, 103.0, 102.0, 101.0, 100.0])
    buy, sell, short = cost_factors(Costs(commission_bps=10, slippage_bps=5))
    out = np.empty((5, 4))
    fill_outcomes(opened, close, np.array([buy, sell, short]), 1, np.zeros(5), out)

    assert out[0].tolist() == pytest.approx([0.0, 103 / (101 * buy) - 1, 101 * sell / 100 - 1, 0.03])
    assert out[1].tolist() == pytest.approx([0.0, 102 / (104 * buy) - 1, 104 * sell / 103 - 1, 102 / 103 - 1])
    assert not out[4].any()  # nothing is known of the bar after the last

    fill_outcomes(opened, close, np.array([buy, sell, short]), -1, np.full(5, 0.001), out)
    assert out[1, 1] == pytest.approx((sell - 102 / 104 * 1.001) / short)
    assert out[1, 2:].tolist() == pytest.approx([1 - 104 * buy / 103, 1 - 102 / 103 * 1.001])


def test_a_policy_enters_above_nothing_and_leaves_only_beyond_its_patience() -> None:
    weights = np.zeros(N_WEIGHTS)
    weights[0], weights[THRESHOLD], weights[PATIENCE] = 1.0, -0.5, -1.0  # patience counts without its sign
    seen = np.zeros((len(FEATURES), 6))
    seen[0] = [0.4, 0.6, 0.0, -0.5, -0.6, 0.4]  # scores -0.1, 0.1, -0.5, -1.0, -1.1, -0.1
    position = np.empty(6)

    assert not follow(seen, weights, False, 0, 6, position)
    assert position.tolist() == [0, 1, 1, 1, 0, 0]


def test_the_reward_is_of_four_blocks_net_of_costs_and_of_large_weights() -> None:
    rng = np.random.default_rng(4)
    seen, weights = rng.normal(size=(len(FEATURES), 400)), rng.normal(size=N_WEIGHTS)
    outcomes = rng.normal(0.001, 0.01, (400, 4))
    outcomes[:, 0] = 0.0
    position = np.empty(400)
    follow(seen, weights, False, 0, 400, position)
    before = np.concatenate([[0.0], position[:-1]])
    earned = outcomes[np.arange(400), (2 * before + position).astype(int)].reshape(4, 100)
    sharpes = earned.mean(axis=1) / earned.std(axis=1) * np.sqrt(252)

    by_hand = sharpes.mean() - 0.5 * sharpes.std() - 0.02 * (weights[: len(FEATURES)] ** 2).sum()
    assert reward(seen, outcomes, weights, 252.0) == pytest.approx(by_hand)


def test_policies_side_by_side_have_the_rewards_that_each_has_alone() -> None:
    rng = np.random.default_rng(5)
    seen, outcomes = rng.normal(size=(len(FEATURES), 333)), rng.normal(0.0, 0.01, (333, 4))
    weights, together = rng.normal(size=(N_WEIGHTS, 64)), np.empty(64)
    fill_rewards(seen, outcomes, weights, 252.0, together)

    alone = [reward(seen, outcomes, np.ascontiguousarray(weights[:, i]), 252.0) for i in range(64)]
    assert together.tolist() == alone


def test_where_nothing_pays_the_policy_stays_out() -> None:
    seen, weights = np.random.default_rng(6).normal(size=(len(FEATURES), 400)), np.ones(N_WEIGHTS)
    outcomes = np.zeros((400, 4))
    outcomes[:, 1:] = -0.001
    draws = np.random.default_rng(7).standard_normal((5, 64, N_WEIGHTS))

    assert search(seen, outcomes, draws, 252.0, weights) == 0.0
    assert not weights.any()


def test_votes_depend_on_no_later_bar() -> None:
    bars = sample_bars("MSFT").cut(0, FIRST_FIT + 2 * REFIT + 40)
    whole, twin, rng = walk_of(bars), ridge_positions(bars, COSTS, 504), np.random.default_rng(8)
    stops = [FIRST_FIT + 1, FIRST_FIT + REFIT, FIRST_FIT + REFIT + 1, *rng.integers(FIRST_FIT, len(bars), 37).tolist()]
    for stop in stops:
        cut = walk_of(bars.cut(0, stop))
        assert np.array_equal(cut.row, whole.row[:stop], equal_nan=True)
        assert np.array_equal(ridge_positions(bars.cut(0, stop), COSTS, 504), twin[:stop])


def test_what_the_features_see_is_over_at_their_bar() -> None:
    bars = sample_bars("IBM").cut(0, 700)
    whole = features(bars)
    for stop in np.random.default_rng(9).integers(1, 700, 40).tolist():
        assert np.array_equal(features(bars.cut(0, stop)), whole[:, :stop])
    assert not whole[:, :N_BEFORE].any()
    assert np.abs(whole).max() <= 3.0
    assert (np.abs(whole[:, N_BEFORE:]).sum(axis=1) > 0).all()


def test_prices_may_be_in_any_unit_and_a_still_price_has_no_features() -> None:
    bars = sample_bars("IBM").cut(0, 400)
    scaled = bars_of(*(getattr(bars, name) * 1024.0 for name in ("open", "high", "low", "close")))
    assert features(scaled) == pytest.approx(features(bars), abs=1e-9)
    still = np.full(300, 50.0)
    assert not features(bars_of(still, still, still, still)).any()


def test_no_number_of_threads_changes_a_bit() -> None:
    bars, found = short_bars(), list[Votes]()
    threads = [threading.Thread(target=lambda: found.append(walk_of(bars))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    alone = walk_of(bars)
    assert len(found) == 3
    assert all(np.array_equal(one.weights, alone.weights) for one in found)


def test_a_walk_that_nobody_wants_ends_between_two_fits() -> None:
    class Impatient(Watch):
        n_fits = 0

        def next_fit(self) -> None:
            self.n_fits += 1
            if self.n_fits == 2:
                raise TrainingStopped

    watch = Impatient()
    with pytest.raises(TrainingStopped):
        walk(sample_bars("AAPL").cut(0, 1500), COSTS, watch, 504, 1.0)
    assert watch.n_fits == 2


def test_constant_prices_are_never_bought() -> None:
    still = np.full(FIRST_FIT + 200, 20.0)
    votes = walk_of(bars_of(still, still, still, still))

    assert np.isnan(votes.row[:FIRST_FIT]).all()
    assert not votes.row[FIRST_FIT:].any()


def test_a_halt_has_no_features_and_what_follows_is_learned_as_before() -> None:
    moving = sample_bars("IBM").cut(0, FIRST_FIT + REFIT)
    close = moving.close.copy()
    close[400:600] = close[400]
    halted = bars_of(close, close, close, close)
    seen, votes = features(halted), walk_of(halted)

    assert not seen[:, 421:600].any()  # 20 bars after the last move its short deviation is gone
    assert np.isfinite(seen).all()
    assert np.abs(seen[:, 720:]).sum() > 0
    assert np.isfinite(votes.weights).all()
    assert np.isfinite(votes.row[FIRST_FIT:]).all()


def test_warming_compiles_all_that_a_walk_calls() -> None:
    warm()
    called = (fill_outcomes, follow, search)
    before = [len(function.signatures) for function in called]
    walk_of(short_bars(), 1260, side=-1)

    assert [len(function.signatures) for function in called] == before


@pytest.mark.parametrize("planted", Planted)
def test_what_is_planted_is_found_and_its_sign_is_right(planted: Planted) -> None:
    bars = planted_world(planted, 3)
    votes = walk_of(bars, 1260)
    followed = np.nan_to_num(votes.row) >= 3
    feature = Feature.MONTH if planted is Planted.MOMENTUM else Feature.WEEK

    assert simulate(bars, followed.astype(float), costs=COSTS, start=FIRST_FIT).measures.sharpe_ratio >= 0.75
    assert planted.sign * votes.weights[:, :, FEATURES.index(feature)].mean() > 0.5


def test_bars_in_another_order_teach_nothing() -> None:
    bars = shuffled_bars(planted_world(Planted.MOMENTUM, 3), FIRST_FIT, 1)
    followed = np.nan_to_num(walk_of(bars, 1260).row) >= 3

    assert (simulate(bars, followed.astype(float), costs=COSTS, start=FIRST_FIT).measures.sharpe_ratio or 0.0) < 0.5


def test_bars_in_another_order_are_the_same_bars_before_the_window_and_in_it() -> None:
    bars, start = sample_bars("AAPL").cut(0, 1_500), FIRST_FIT
    others = shuffled_bars(bars, start, 3)
    for part in (slice(0, start), slice(start, None)):
        moves = [np.sort(np.diff(np.log(one.close), prepend=np.log(one.close[0]))[part]) for one in (bars, others)]
        assert moves[1] == pytest.approx(moves[0], abs=1e-9)
    assert others.close[[0, start - 1, -1]] == pytest.approx(bars.close[[0, start - 1, -1]])
    assert np.array_equal(others.time, bars.time)
    assert np.array_equal(np.sort(others.volume), np.sort(bars.volume))
    assert (others.high >= np.maximum(others.open, others.close)).all()
    assert (others.low <= np.minimum(others.open, others.close)).all()
    assert not np.array_equal(shuffled_bars(bars, start, 4).close, others.close)


def test_the_short_side_learns_falls() -> None:
    falling = made_up_bars(FIRST_FIT + 3 * REFIT, seed=2, volatility=0.01, drift=-0.002)

    assert np.nanmean(walk_of(falling, side=-1).row) > 4.0
    assert np.nanmean(walk_of(falling).row) < 1.0


def test_the_ridge_twin_finds_what_is_planted_too() -> None:
    bars = planted_world(Planted.REVERSAL, 1, sharpe=3.0)
    twin = simulate(bars, ridge_positions(bars, COSTS, 1260).astype(float), costs=COSTS)

    assert (twin.measures.sharpe_ratio or 0.0) > 0.5
