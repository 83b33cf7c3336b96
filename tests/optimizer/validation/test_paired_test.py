"""Champion against challenger: what a paired bootstrap of daily differences decides, and when it refuses to."""

from datetime import date
from functools import partial
from itertools import islice

import numpy as np
import pytest

from optimizer.domain.bars import FloatArray
from optimizer.domain.space import Params
from optimizer.domain.study_request import Costs, StudySpec
from optimizer.domain.study_results import TrialRecord
from optimizer.engine.evaluator import Evaluator
from optimizer.search.loop import search
from optimizer.strategies.registry import STRATEGIES
from optimizer.validation.champions.challenge import Challenge, Decision, DecisionReason
from optimizer.validation.champions.paired_test import (
    LEAST_BARS,
    MOST_BARS_NEEDED,
    SWITCH_PROBABILITY,
    ChampionBacktests,
    challenge,
    judge,
    too_few_bars,
)
from tests.bars import made_up_bars

pytestmark = pytest.mark.slow

RSI = STRATEGIES["rsi"]


def noise(n: int, *, mean: float = 0.0, seed: int = 3) -> FloatArray:
    """Daily differences with exactly this mean and a deviation of about 1 %."""
    drawn = np.random.default_rng(seed).normal(0.0, 0.01, n)
    centred: FloatArray = drawn - drawn.mean() + mean
    return centred


def test_a_clear_and_lasting_lead_is_a_reason_to_switch() -> None:
    found = judge(noise(378, mean=0.002), seed=1)

    assert (found.decision, found.reason) == (Decision.SWITCH, DecisionReason.AHEAD)
    assert found.probability >= SWITCH_PROBABILITY
    assert 0 < found.low < found.mean < found.high
    assert found.n_bars_needed is None


def test_a_small_lead_may_be_luck_and_says_how_many_bars_would_tell() -> None:
    found = judge(noise(378, mean=0.0007), seed=1)

    assert (found.decision, found.reason) == (Decision.CANT_TELL, DecisionReason.MAYBE_LUCK)
    assert found.low < 0 < found.high
    # 0.07 % of 1 % daily noise: z = 1.36 after 378 bars, 2.33 after 378 · (2.33 / 1.36)² = 1,104.
    assert found.n_bars_needed == pytest.approx(1104 - 378, rel=0.15)


def test_a_lead_that_no_ten_years_would_prove_promises_none() -> None:
    found = judge(noise(378, mean=0.0001), seed=1)

    assert found.decision is Decision.CANT_TELL
    assert found.n_bars_needed is None
    assert MOST_BARS_NEEDED == 2520


@pytest.mark.parametrize("mean", [0.0, -0.0001, -0.002])
def test_a_challenger_that_is_not_ahead_changes_nothing(mean: float) -> None:
    found = judge(noise(378, mean=mean), seed=1)

    assert (found.decision, found.reason) == (Decision.KEEP, DecisionReason.BEHIND)


def test_sets_that_act_alike_are_one_set() -> None:
    found = judge(np.zeros(378), seed=1)

    assert (found.decision, found.reason) == (Decision.KEEP, DecisionReason.SAME)


@pytest.mark.parametrize("n", [0, 1, LEAST_BARS - 1])
def test_too_few_common_unseen_bars_decide_nothing(n: int) -> None:
    found = judge(noise(n, mean=0.05) if n else np.zeros(0), seed=1)

    assert (found.decision, found.reason) == (Decision.CANT_TELL, DecisionReason.TOO_FEW_BARS)
    assert found.n_bars_needed == LEAST_BARS - n


def test_the_least_number_of_bars_is_enough() -> None:
    assert judge(noise(LEAST_BARS, mean=0.02), seed=1).decision is Decision.SWITCH


def test_the_same_seed_gives_the_same_judgement_and_another_nearly_the_same() -> None:
    differences = noise(378, mean=0.0007)

    assert judge(differences, seed=1) == judge(differences, seed=1)
    assert judge(differences, seed=2) != judge(differences, seed=1)
    assert judge(differences, seed=2).probability == pytest.approx(judge(differences, seed=1).probability, abs=0.03)


def test_without_a_difference_a_switch_is_called_about_once_in_a_hundred_looks() -> None:
    rng = np.random.default_rng(7)
    looks = [judge(rng.normal(0.0, 0.01, 378), seed=1, n_resamples=500).decision for _ in range(300)]

    assert looks.count(Decision.SWITCH) <= 9
    assert looks.count(Decision.KEEP) == pytest.approx(150, abs=35)


def test_runs_of_alike_days_count_as_fewer_days() -> None:
    steady = judge(noise(378, mean=0.0012), seed=1)
    in_runs = judge(np.repeat(noise(38, mean=0.0012), 10)[:378], seed=1)

    assert in_runs.high - in_runs.low > 1.5 * (steady.high - steady.low)


def test_a_contest_tells_the_measures_and_the_yearly_difference() -> None:
    evaluator = Evaluator(RSI, made_up_bars(900), costs=Costs())
    param_sets: list[Params] = [RSI.space.default, {"period": 10, "oversold": 35, "overbought": 65}]
    champion, challenger = (evaluator.backtest(params, start=500, stop=900) for params in param_sets)
    backtests = ChampionBacktests(
        champion=champion,
        challenger=challenger,
        buy_and_hold=evaluator.buy_and_hold(start=500, stop=900),
        start=date(2002, 12, 2),
        end=date(2004, 6, 11),
    )
    found = challenge(backtests, seed=7)

    assert found.n_bars == 400
    assert found.champion == champion.measures
    assert found.buy_and_hold.n_trades == backtests.buy_and_hold.measures.n_trades
    wanted = (challenger.returns - champion.returns).mean() * champion.periods_per_year
    assert found.difference == pytest.approx(wanted)
    assert Challenge.model_validate(found.model_dump(mode="json")) == found


def test_no_contest_is_told_as_one_and_stays_storable() -> None:
    found = too_few_bars(1)

    assert found.decision is Decision.CANT_TELL
    assert found.n_bars_needed == LEAST_BARS - 1
    assert Challenge.model_validate(found.model_dump(mode="json")) == found


def tried(first: list[Params], done: int = 0) -> list[Params]:
    """The sets of a small search, carried on after `done` of them."""
    spec = StudySpec(symbol="TEST", strategy_name="rsi", n_trials=12)
    evaluator = Evaluator(RSI, made_up_bars(700), costs=spec.costs)

    def run(before: list[TrialRecord]) -> list[TrialRecord]:
        asked = partial(search, spec, RSI.space, evaluator, start=100, stop=600, n_trials=12, seed=7)
        return list(asked(done=before, first=first))

    whole = run([])
    return [record.params for record in (whole[:done] + run(whole[:done]) if done else whole)]


CHAMPION: Params = {"period": 21, "oversold": 25, "overbought": 75}


def test_the_champion_is_tried_right_after_the_textbook_set() -> None:
    params = tried([CHAMPION])

    assert params[:2] == [RSI.space.default, CHAMPION]
    assert len({tuple(p.values()) for p in params}) == 12


@pytest.mark.parametrize("done", [1, 2, 7])
def test_a_resumed_search_with_a_champion_tries_the_same_sets(done: int) -> None:
    assert tried([CHAMPION], done) == tried([CHAMPION])


def test_a_champion_outside_the_space_is_not_tried() -> None:
    assert tried([{**CHAMPION, "stop": 5}, dict(RSI.space.default)]) == tried([])
    assert all(len(p) == 3 for p in islice(tried([{**CHAMPION, "stop": 5}]), 12))
