"""An account that is told bar by bar what to hold: the engine's to the last bit, and a proper environment."""

import warnings

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from optimizer.domain.study_request import Account, Costs
from optimizer.engine import stepping
from optimizer.engine.backtest import simulate
from optimizer.engine.trading_env import SIDES, TradingEnv
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


def test_many_accounts_step_as_each_alone() -> None:
    bars = sample_bars("IBM")
    env, told = TradingEnv(bars, allow_short=True), np.random.default_rng(3).integers(-1, 2, (200, 8))
    accounts, rewards = np.empty((8, stepping.N_COLUMNS)), np.empty((200, 8))
    views = np.empty((8, len(env.features) + 1), dtype=np.float32)
    for account, row in zip(accounts, range(START, START + 8), strict=True):
        stepping.open_account(env.prices, env.terms, account, row)
    for sides, earned in zip(told, rewards, strict=True):
        stepping.step_accounts(env.prices, env.terms, env.features, accounts, sides, earned, views)

    for i in range(8):
        env.reset(options={"row": START + i})
        alone = [env.step(np.int64(side % 3)) for side in told[:, i]]
        assert [one[1] for one in alone] == rewards[:, i].tolist()
        assert np.array_equal(alone[-1][0], views[i])


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
