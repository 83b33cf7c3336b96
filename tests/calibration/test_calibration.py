"""The calibration in short: its markets are what they claim, and the verdict keeps its promise on a few of them."""

from pathlib import Path

import numpy as np
import pytest

from optimizer.domain.study_request import Costs
from optimizer.domain.study_results import Verdict
from optimizer.engine.evaluator import Evaluator
from optimizer.strategies.registry import STRATEGIES
from tests.calibration.__main__ import read, tasks_of, write
from tests.calibration.studies import EDGE_SHARPE, Outcome, Task, World, bars_of, favourable_share, outcome
from tests.calibration.table import rendered
from tests.calibration.worlds import SESSIONS, VOLATILITY, WARM_UP, Shocks, market, planted_set, with_edge

pytestmark = pytest.mark.slow

FEW = ("rsi", "ema", "momentum", "zscore")


def short(world: World, strategy_name: str, seed: int) -> Task:
    return Task(world=world, strategy_name=strategy_name, seed=seed, n_trials=100)


def test_random_walks_are_seldom_called_promising() -> None:
    made = [outcome(short(world, name, 11)) for world in (World.WALK, World.RISING) for name in FEW]

    assert favourable_share(made) <= 1 / 8


def test_planted_edges_are_mostly_called_promising_or_strong() -> None:
    made = [outcome(short(World.EDGE, name, 11)) for name in FEW]

    assert favourable_share(made) >= 3 / 4


def test_an_outcome_is_repeatable() -> None:
    task = Task(world=World.EDGE, strategy_name="ema", seed=4, years=4, n_trials=20)

    assert outcome(task) == outcome(task)


def test_walks_have_the_volatility_they_claim_and_no_drift() -> None:
    ends, deviations = [], []
    for seed in range(60):
        close = market(Shocks.of(seed, years=5)).close
        returns = close[1:] / close[:-1] - 1
        ends.append(returns.mean())
        deviations.append(returns.std() * np.sqrt(SESSIONS))

    standard_error = VOLATILITY / SESSIONS**0.5 / np.sqrt(60 * (5 * SESSIONS + WARM_UP))
    assert abs(np.mean(ends)) < 3 * standard_error
    assert np.mean(deviations) == pytest.approx(VOLATILITY, rel=0.01)


@pytest.mark.parametrize("name", sorted(STRATEGIES))
def test_a_planted_set_earns_about_its_sharpe_ratio_and_hold_does_not(name: str) -> None:
    strategy = STRATEGIES[name]
    ours, buy_and_hold = [], []
    for seed in range(3):
        shocks = Shocks.of(seed, years=10)
        params = planted_set(strategy, shocks, seed)
        assert params is not None
        bars = with_edge(strategy, params, shocks, sharpe=EDGE_SHARPE)
        assert bars is not None
        evaluator = Evaluator(strategy, bars, costs=Costs())
        ours.append(evaluator.backtest(params, start=WARM_UP, stop=len(bars)).measures.sharpe_ratio or 0.0)
        buy_and_hold.append(evaluator.buy_and_hold(start=WARM_UP, stop=len(bars)).measures.sharpe_ratio or 0.0)

    # One record of ten years has a standard error of 0.32, the mean of three 0.18.
    assert np.mean(ours) == pytest.approx(EDGE_SHARPE, abs=0.6)
    assert np.mean(buy_and_hold) < 0.8


def test_prices_stay_within_their_bars() -> None:
    bars = bars_of(short(World.RISING, "rsi", 3))
    assert bars is not None

    assert (bars.low <= np.minimum(bars.open, bars.close)).all()
    assert (bars.high >= np.maximum(bars.open, bars.close)).all()
    assert (np.diff(bars.time) > np.timedelta64(0)).all()


def test_a_stopped_run_has_a_bit_of_everything() -> None:
    tasks = tasks_of({World.WALK: 3, World.RISING: 1, World.EDGE: 2})

    assert len(tasks) == len({task.key for task in tasks}) == 6 * len(STRATEGIES)
    assert {task.world for task in tasks[: 3 * len(STRATEGIES)]} == set(World)


def test_the_table_counts_verdicts_and_replaces_the_one_before(tmp_path: Path) -> None:
    made = [
        Outcome(world="walk", strategy_name="rsi", seed=seed, verdict=verdict, pbo=0.5)
        for seed, verdict in enumerate([Verdict.STRONG, Verdict.UNPROVEN, Verdict.UNPROVEN, Verdict.OVERFIT])
    ]
    document = tmp_path / "calibration.md"
    document.write_text("before\n<!-- table -->\nthe last one\n<!-- end of table -->\nafter\n")

    write(rendered(made), document)

    text = document.read_text()
    assert "| random walk | rsi | 4 | 25.0% | 0.0% | 50.0% | 0.0% | 25.0% | 25.0% | – | – | 0.50 | – | – | – |" in text
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "the last one" not in text


def test_a_run_that_never_was_has_no_outcomes(tmp_path: Path) -> None:
    assert read(tmp_path / "none.jsonl") == []
