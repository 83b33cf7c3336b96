"""The calibration in short: its markets are what they claim, and the verdict keeps its promise on a few of them."""

from pathlib import Path

import numpy as np
import pytest

from optimizer.domain.study_request import Costs
from optimizer.engine.evaluator import Evaluator
from optimizer.strategies.registry import STRATEGIES
from tests.calibration import people
from tests.calibration.__main__ import read, tasks_of, write
from tests.calibration.drifts import hidden_trend, pull
from tests.calibration.studies import (
    DYING,
    EDGES,
    NOISE,
    WORLDS,
    Outcome,
    Task,
    World,
    bars_of,
    favourable_share,
    outcome,
)
from tests.calibration.table import rendered
from tests.calibration.worlds import SESSIONS, VOLATILITY, WARM_UP, Shocks, market, planted_set, with_edge
from tests.fixed_rules import FIXED_RULES

pytestmark = pytest.mark.slow

FEW = ("rsi", "ema", "momentum", "zscore")


#: Annual Sharpe ratio that is planted.
EDGE_SHARPE = 2.0


def made_in(world: str, *strategy_names: str) -> list[Outcome]:
    return [outcome(Task(world=world, strategy_name=name, seed=11)) for name in strategy_names]


def test_noise_is_seldom_called_promising() -> None:
    made = [found for world in ("walk", "rising") for found in made_in(world, *FEW)]

    assert favourable_share(made) <= 1 / 8


def test_planted_edges_are_mostly_called_promising_or_strong() -> None:
    assert favourable_share(made_in("planted 2.0", *FEW)) >= 3 / 4


def test_an_edge_that_died_is_not_praised_and_the_same_alive_is() -> None:
    alive, dead = (made_in(world, "bollinger", "zscore") for world in ("revert 1.9", "revert 1.9, dead"))

    assert favourable_share(alive) == 1
    assert favourable_share(dead) == 0
    assert all((found.true_sharpe or 0) > 1.5 for found in alive)


def test_an_outcome_is_repeatable() -> None:
    task = Task(world="two years", strategy_name="ema", seed=4)

    assert outcome(task) == outcome(task)


def test_the_verdict_on_a_pair_does_not_depend_on_the_seed() -> None:
    searches = people.searches_of(("pairs", "GOOG sma"))

    assert len(searches) == people.N_SEEDS
    assert len({search.verdict for search in searches}) == 1


def test_what_people_searched_is_counted_by_noise_and_by_pair() -> None:
    evidence = made_in("walk", "sma")[0].evidence
    assert evidence is not None
    good = evidence | {"obstacle": None, "degenerate": None, "any_gained": True, "in_sample": 1.0, "out_of_sample": 1.0}
    good |= {"walk_forward": 1.0, "confidence": 1.0, "fading": 0.0, "aging": 0.0, "lost_halves": 0.0, "low": 0.5}
    parts = (("33 searches", "0", evidence), ("33 searches", "0", good), ("33 searches", "1", evidence))
    pairs = [("pairs", "IBM rsi", found) for found in (good, good, evidence)]
    made = [
        people.Search(part=part, what=what, number=i, evidence=found)
        for i, (part, what, found) in enumerate([*parts, *pairs])
    ]

    text = people.rendered(made)
    assert "| 33 searches | 2 | **50.0%** | 33.3% |" in text
    assert "| **all** | 3 studies | **33.3%** |" in text


def test_a_pull_brings_the_price_back_and_a_trend_lasts() -> None:
    shocks = Shocks.of(5, years=40)
    news = shocks.overnight + shocks.session
    back = np.corrcoef(pull(shocks, 0.8)[1:], news[:-1])[0, 1]
    trend = hidden_trend(shocks, 5, 0.2)

    assert back < -0.4
    assert np.corrcoef(trend[40:], trend[:-40])[0, 1] == pytest.approx(0.5, abs=0.12)
    assert trend.std() == pytest.approx(0.2 * shocks.deviation, rel=0.2)


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


@pytest.mark.parametrize("name", sorted(FIXED_RULES))
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


@pytest.mark.parametrize("world", WORLDS.values(), ids=WORLDS)
def test_prices_stay_within_their_bars(world: World) -> None:
    bars = bars_of(world, world.strategies[0], 3)
    assert bars is not None

    assert (bars.low <= np.minimum(bars.open, bars.close) * (1 + 1e-12)).all()
    assert (bars.high >= np.maximum(bars.open, bars.close) * (1 - 1e-12)).all()
    assert (np.diff(bars.time) > np.timedelta64(0)).all()


def test_a_stopped_run_has_a_bit_of_everything() -> None:
    tasks = tasks_of(3)
    n_pairs = sum(len(world.strategies) for world in WORLDS.values())

    assert len(tasks) == len({task.key for task in tasks}) == 3 * n_pairs
    assert {task.world for task in tasks[: 2 * n_pairs]} == {world.name for world in (*NOISE, *EDGES, *DYING)}


def test_the_table_counts_verdicts_and_replaces_the_one_before(tmp_path: Path) -> None:
    evidence = made_in("walk", "sma")[0].evidence
    assert evidence is not None
    lost = evidence | {"obstacle": None, "degenerate": None, "any_gained": True, "in_sample": 1.0, "lost_halves": 0.9}
    lost |= {"out_of_sample": -1.0, "is_held_out": True}
    made = [
        Outcome(world="walk", strategy_name="rsi", seed=seed, evidence=found, figures={"p": 0.04})
        for seed, found in enumerate([lost, lost, evidence | {"obstacle": "cap"}, None])
    ]
    document = tmp_path / "calibration.md"
    document.write_text("before\n<!-- table -->\nthe last one\n<!-- end of table -->\nafter\n")

    write(rendered(made), document)

    text = document.read_text()
    assert "| walk | 3 | – | 0.0% | 0.0% | 33.3% | 0.0% | 66.7% | **0.0%** | 0.0%–56.2% |" in text
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "the last one" not in text


def test_a_run_that_never_was_has_no_outcomes(tmp_path: Path) -> None:
    assert read(tmp_path / "none.jsonl") == []
