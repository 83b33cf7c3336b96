"""How fast policies learn and are trained: a fit, a walk, a study of `rl`, and steps of the environment.

    python -m tests.benchmarks environment [--rounds 5] [--study]

Times are of the processor: `--study` also searches and judges 240 sets over 2,518 bars of AAPL, with all twenty rows.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np

from optimizer.domain.study_request import Costs, StudySpec, budget
from optimizer.engine import stepping
from optimizer.engine.multi_symbol import evaluator_of
from optimizer.engine.trading_env import SIDES, TradingEnv, TradingVectorEnv
from optimizer.learned.policy.policy_schedule import FIRST_FIT, N_POLICIES
from optimizer.learned.policy.policy_walk import walk
from optimizer.learned.rows import UNWATCHED, Training
from optimizer.search.loop import search
from optimizer.strategies.registry import space_of, strategy_of
from optimizer.validation.summarize import summarize, window_rows
from tests.bars import sample_bars

N_BARS, N_ACCOUNTS, N_STEPS = 2518, 1024, 200


def main(arguments: list[str] | None = None) -> None:
    """Print every figure beside its bar."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks environment", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--study", action="store_true")
    options = parser.parse_args(arguments)
    bars = sample_bars("AAPL").cut(0, N_BARS)
    n_fits = len(walk(bars, Costs(), UNWATCHED, 1260, 1.0).fits)
    seconds = _least(lambda: walk(bars, Costs(), UNWATCHED, 1260, 1.0), options.rounds)
    print(f"a fit, up to 1,260 rows: {1e3 * seconds / n_fits / N_POLICIES:.1f} ms  ≤ 60 ms")
    print(f"a walk, {n_fits} × {N_POLICIES} fits over {N_BARS:,} bars: {seconds:.2f} s  ≤ 0.8 s")
    compiled, together, alone = steps_per_second(options.rounds)
    print(f"steps a second, {N_ACCOUNTS:,} accounts in one compiled call: {compiled:,.0f}  ≥ 1,000,000")
    print(f"steps a second, {N_ACCOUNTS:,} accounts through Gymnasium's vector interface: {together:,.0f}")
    print(f"steps a second, one by one through Gymnasium: {alone:,.0f}  ≥ 50,000")
    if options.study:
        print(f"a study of 240 sets over {N_BARS:,} bars: {_study():.1f} s  ≤ 20 s")


def steps_per_second(n_rounds: int) -> tuple[float, float, float]:
    """Steps a second of the processor: (many accounts in compiled calls, many and one through Gymnasium)."""
    bars, rng = sample_bars("AAPL"), np.random.default_rng(1)
    env, many = TradingEnv(bars, allow_short=True), TradingVectorEnv(bars, N_ACCOUNTS, allow_short=True, n_bars=252)
    accounts, views = np.zeros((N_ACCOUNTS, stepping.N_COLUMNS)), np.zeros((N_ACCOUNTS, 8), np.float32)
    actions, rewards = rng.integers(0, 3, (N_STEPS, N_ACCOUNTS)), np.empty(N_ACCOUNTS)
    sides, waits = np.array(SIDES)[actions], np.zeros(N_ACCOUNTS, np.bool_)

    def compiled() -> None:
        for account in accounts:
            stepping.open_account(env.prices, env.terms, account, 150)
        for wanted in sides:
            stepping.step_accounts(env.prices, env.terms, env.features, accounts, waits, wanted, rewards, views)

    def together() -> None:
        many.reset()
        for wanted in actions:
            many.step(wanted)

    def alone() -> None:
        env.reset(options={"row": 150})
        for action in actions[:, :15].ravel():
            env.step(action)

    n_steps = {compiled: actions.size, together: actions.size, alone: N_STEPS * 15}
    found = [n / _least(work, n_rounds) for work, n in n_steps.items()]
    return found[0], found[1], found[2]


def _least(work: Callable[[], object], n_rounds: int) -> float:
    """Least processor time of a few rounds, after one that compiles."""
    work()
    spent = []
    for _ in range(n_rounds):
        began = time.process_time()
        work()
        spent.append(time.process_time() - began)
    return min(spent)


def _study() -> float:
    bars, spec = sample_bars("AAPL").cut(0, N_BARS), StudySpec(symbol="AAPL", strategy_name="rl")
    strategy, space = strategy_of(spec), space_of(spec)
    rows = window_rows(spec, bars, FIRST_FIT, strategy.least_bars)
    began = time.process_time()
    evaluator = evaluator_of(spec, [bars])
    evaluator.train(space, Training(n_rows=20, tell=lambda row, n_rows: None, is_stopped=lambda: False))
    n_trials = budget(spec, space)
    window = {"start": rows.start, "stop": rows.holdout_start}
    trials = list(search(spec, space, evaluator, n_trials=n_trials, seed=1, **window))
    summarize(spec, space, evaluator, trials, window=rows)
    return time.process_time() - began
