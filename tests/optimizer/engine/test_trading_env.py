"""An account that is told bar by bar what to hold: the engine's to the last bit, and a proper environment."""

import warnings

import numpy as np
import pytest
from gymnasium.error import InvalidAction, ResetNeeded
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import SyncVectorEnv

from optimizer.domain.study_request import Account, Costs
from optimizer.engine.backtest import simulate
from optimizer.engine.trading_env import SIDES, TradingEnv, TradingVectorEnv
from optimizer.errors import TooFewBars
from optimizer.learned.policy.policy_features import N_BEFORE
from tests.bars import made_up_bars, sample_bars

ACCOUNTS = {
    "plain": (Costs(), Account()),
    "free": (Costs(commission_bps=0, slippage_bps=0), Account()),
    "financed": (Costs(borrow=0.05, tax_bps=20), Account(interest=0.03)),
    "in money": (Costs(per_share=0.01, least_fee=1), Account(capital=10_000, is_whole=True)),
    "too small": (Costs(per_share=0.01, least_fee=1, borrow=0.1), Account(capital=300, is_whole=True, interest=0.02)),
}
START = 150


def actions(n: int, seed: int) -> list[int]:
    """Actions that last some ten bars each."""
    rng = np.random.default_rng(seed)
    return np.repeat(rng.integers(0, 3, n), rng.integers(1, 20, n))[:n].tolist()


@pytest.mark.parametrize("name", ACCOUNTS)
def test_it_makes_what_the_engine_makes_of_the_same_positions(name: str) -> None:
    costs, account = ACCOUNTS[name]
    bars = sample_bars("AAPL")
    for seed in range(3):
        told = actions(len(bars), seed)
        target = np.array([SIDES[action] for action in told], dtype=np.float64)
        judged = simulate(bars, target, costs=costs, account=account, start=START)
        env = TradingEnv(bars, costs=costs, account=account, allow_short=True)
        env.reset(options={"row": START})
        equity, rewards, is_over = [env.equity], [], False
        while not is_over:
            view, reward, is_ruined, is_last, _ = env.step(np.int64(told[env.row]))
            is_over = is_ruined or is_last
            equity.append(env.equity)
            rewards.append(reward)
            assert np.array_equal(view[:-1], env.features[:, env.row].astype(np.float32))
        assert equity == judged.equity[: len(equity)].tolist()
        assert rewards == judged.returns[1 : len(equity)].tolist()
        assert is_ruined or env.row == len(bars) - 1


def test_a_short_position_may_use_up_the_account() -> None:
    bars = made_up_bars(400, seed=1, volatility=0.005, drift=0.02)
    env = TradingEnv(bars, allow_short=True)
    env.reset(options={"row": START})
    is_ruined = is_last = False
    while not (is_ruined or is_last):
        _, _, is_ruined, is_last, _ = env.step(np.int64(2))
    assert is_ruined
    assert env.equity == 0.0


@pytest.mark.parametrize("allow_short", [False, True])
def test_gymnasium_finds_nothing_wrong_with_it(allow_short: bool) -> None:
    env = TradingEnv(sample_bars("IBM"), allow_short=allow_short, n_bars=120)
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        check_env(env)
    assert not [w for w in found if "render modes" not in str(w.message)]  # it draws nothing


@pytest.mark.parametrize("allow_short", [False, True])
def test_many_accounts_are_as_many_alone(allow_short: bool) -> None:
    bars, more = made_up_bars(300, seed=1, volatility=0.02, drift=0.01), {"allow_short": allow_short, "n_bars": 60}
    together = TradingVectorEnv(bars, 8, **more)
    alone = SyncVectorEnv([lambda: TradingEnv(bars, **more)] * 8)
    (seen, _), (same, _) = together.reset(seed=5), alone.reset(seed=5)
    assert np.array_equal(seen, same)
    alone.action_space.seed(1)
    n_ended = 0
    for _ in range(200):
        wanted = alone.action_space.sample()
        *ours, told = together.step(wanted)
        *theirs, _ = alone.step(wanted)
        assert all(np.array_equal(one, other) for one, other in zip(ours, theirs, strict=True))
        assert all(one.dtype == other.dtype for one, other in zip(ours, theirs, strict=True))
        assert ours[0] in together.observation_space
        assert told == {}
        n_ended += int(ours[2].sum() + ours[3].sum())
    assert n_ended > 8  # each began anew


def test_many_accounts_begin_again_by_their_seeds() -> None:
    env = TradingVectorEnv(sample_bars("IBM"), 3, n_bars=100)
    first, _ = env.reset(seed=[4, 5, 6])
    moved, _ = env.reset()
    again, _ = env.reset(seed=4)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, moved)
    one, _ = env.reset(options={"row": 500})
    assert np.array_equal(one[0], one[2])


def test_what_is_no_action_and_no_row_is_refused() -> None:
    env, many = TradingEnv(sample_bars("IBM"), n_bars=3), TradingVectorEnv(sample_bars("IBM"), 2)
    env.reset(seed=1)
    many.reset(seed=1)
    for wrong in (-1, 2):
        with pytest.raises(InvalidAction):
            env.step(np.int64(wrong))
        with pytest.raises(InvalidAction):
            many.step(np.array([0, wrong]))
    with pytest.raises(InvalidAction):
        many.step(np.array([0]))
    for row in (0, N_BEFORE - 1, len(sample_bars("IBM")) - 1, 10**9):
        with pytest.raises(ValueError, match="begins at a row from 120"):
            env.reset(options={"row": row})
    env.step(np.int64(0))
    env.step(np.int64(0))
    with pytest.raises(ResetNeeded):  # beyond its last bar there is nothing to step to
        env.step(np.int64(0))


def test_what_is_seen_depends_on_no_later_bar() -> None:
    bars = sample_bars("MSFT").cut(0, 600)
    whole, cut = TradingEnv(bars), TradingEnv(bars.cut(0, 400))
    for env in (whole, cut):
        env.reset(options={"row": 300})
    for _ in range(99):
        (seen, *_), (same, *_) = whole.step(np.int64(1)), cut.step(np.int64(1))
        assert np.array_equal(seen, same)


def test_episodes_begin_anywhere_by_the_seed_and_too_few_bars_are_refused() -> None:
    env = TradingEnv(sample_bars("MSFT"), n_bars=50)
    rows = []
    for seed in (1, 2, 1):
        env.reset(seed=seed)
        rows.append(env.row)
    assert rows[0] == rows[2] != rows[1]
    with pytest.raises(TooFewBars):
        TradingEnv(made_up_bars(N_BEFORE + 10), n_bars=50)
