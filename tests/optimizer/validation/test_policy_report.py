"""Report on policies found by reward: what is doubtful about them, and noise that is compared on equal terms."""

import numpy as np
import pytest

from optimizer.domain.bars import Bars
from optimizer.domain.results.learned_results import Doubt, Twin
from optimizer.domain.study_request import Costs, Narrowed, StudySpec, budget
from optimizer.domain.study_results import Verdict
from optimizer.engine.evaluator import Evaluator
from optimizer.learned.policy.policy_rows import N_NULLS
from optimizer.learned.policy.policy_schedule import FIRST_FIT, REFIT
from optimizer.learned.rows import UNWATCHED, TrainingStopped, Watch
from optimizer.search.loop import search
from optimizer.strategies.learning.rl import LEAST_BARS, RL
from optimizer.strategies.registry import space_of
from optimizer.validation.learned_evidence.policy_report import (
    MOST_SPREAD,
    beside_noise,
    doubts,
    policy_report,
    with_noise,
)
from optimizer.validation.summarize import summarize, window_rows
from optimizer.validation.window import WindowRows
from reports.text.learned_words import learned_sentences
from tests.bars import made_up_bars, sample_bars
from tests.optimizer.learned.policy_worlds import Planted, planted_world

GOOD = {
    "ours": 1.2,
    "seeds": (1.0, 1.1, 1.2, 1.3, 1.0 + MOST_SPREAD),
    "twins": (Twin(name="hold", sharpe=1.5), Twin(name="ridge", sharpe=1.1), Twin(name="momentum", sharpe=None)),
    "doubled": 0.3,
}
USUAL = RL.space.default


def evaluator_of(bars: Bars, *, allow_short: bool = False) -> Evaluator:
    return Evaluator(RL, bars, costs=Costs(), allow_short=allow_short)


def rows_of(bars: Bars) -> WindowRows:
    return WindowRows(start=LEAST_BARS - 2 * REFIT, stop=len(bars), holdout_start=len(bars))


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({}, []),  # holding the share is no twin: a policy may be better in other ways
        ({"seeds": (0.7, 0.7, 0.7, 0.7, 0.71 + MOST_SPREAD)}, [Doubt.SEEDS_DISAGREE]),
        ({"seeds": (-0.1, 0.1, 0.2, 0.2, 0.2)}, [Doubt.SEEDS_DISAGREE]),
        ({"seeds": (None, 0.1, 0.2, 0.2, 0.2)}, [Doubt.SEEDS_DISAGREE]),  # one never trades
        ({"twins": (Twin(name="ridge", sharpe=1.2),)}, [Doubt.TWIN_AS_GOOD]),
        ({"twins": (Twin(name="momentum", sharpe=1.3),)}, [Doubt.TWIN_AS_GOOD]),
        ({"doubled": 0.0}, [Doubt.COSTS_TURN_IT]),
        ({"doubled": None}, [Doubt.COSTS_TURN_IT]),
        ({"ours": -0.1, "doubled": -0.2, "twins": ()}, []),  # it lost without them
    ],
)
def test_each_doubt_has_its_reason(change: dict[str, object], found: list[Doubt]) -> None:
    assert list(doubts(**{**GOOD, **change})) == found


@pytest.mark.slow
@pytest.mark.parametrize("allow_short", [False, True])
def test_noise_has_the_numbers_that_no_search_chose(allow_short: bool) -> None:
    bars = sample_bars("AAPL").cut(0, LEAST_BARS + 1)
    rows = rows_of(bars)
    evaluator = evaluator_of(bars, allow_short=allow_short)
    report = policy_report(evaluator, {**USUAL, "memory": 504, "enter": 2, "leave": 0}, rows)
    assert report.nulls is None
    nulls = with_noise(report, evaluator, rows, USUAL, UNWATCHED).nulls
    vote, noise = beside_noise(evaluator_of(bars, allow_short=allow_short), USUAL, rows)

    assert nulls is not None
    assert nulls.vote == vote
    assert nulls.p == (1 + sum(one >= vote for one in noise)) / (1 + N_NULLS)


def test_noise_is_asked_vote_by_vote_and_stops_between_two_when_nobody_wants_it() -> None:
    class Impatient(Watch):
        def __init__(self) -> None:
            self.begun: list[tuple[int, int]] = []

        def begin(self, row: int, n_rows: int) -> None:
            self.begun.append((row, n_rows))

        def next_fit(self) -> None:
            if len(self.begun) == 3:
                raise TrainingStopped

    bars, watch = sample_bars("AAPL").cut(0, LEAST_BARS + 1), Impatient()
    evaluator, rows = evaluator_of(bars), rows_of(bars)
    with pytest.raises(TrainingStopped):
        with_noise(policy_report(evaluator, USUAL, rows), evaluator, rows, USUAL, watch)
    assert watch.begun == [(1, N_NULLS), (2, N_NULLS), (3, N_NULLS)]


@pytest.mark.slow
def test_where_there_is_nothing_to_learn_noise_does_as_well_in_half_of_the_markets() -> None:
    """A vote is then one of twenty equals: of its places, from 0 to 1, the mean is one half, give or take 0.07."""
    places = []
    for seed in range(16):
        bars = made_up_bars(LEAST_BARS + REFIT, seed=seed, volatility=0.02, drift=0.0)
        vote, noise = beside_noise(evaluator_of(bars), USUAL, rows_of(bars))
        n_asked = next((n for n, one in enumerate(noise, start=1) if one >= vote), N_NULLS)
        places.append((1 / n_asked + 1 / (n_asked + 1)) / 2)

    assert 0.35 < np.mean(places) < 0.65


@pytest.mark.slow
def test_what_is_planted_is_better_than_noise() -> None:
    bars = planted_world(Planted.MOMENTUM, 3).cut(0, 1_800)
    vote, noise = beside_noise(evaluator_of(bars), USUAL, rows_of(bars))

    assert vote > max(next(noise) for _ in range(6))


def test_a_price_that_stands_still_is_reported_as_never_traded() -> None:
    still = made_up_bars(LEAST_BARS, volatility=0.0, drift=0.0)
    report = policy_report(evaluator_of(still), USUAL, rows_of(still))

    assert report.seeds == (None,) * 5
    assert report.weights == ()
    assert Doubt.NULLS_AS_GOOD in with_noise(report, evaluator_of(still), rows_of(still), USUAL, UNWATCHED).doubts


def test_a_study_of_a_price_that_stands_still_says_that_it_never_trades() -> None:
    still = made_up_bars(LEAST_BARS + 200, volatility=0.0, drift=0.0)
    spec = StudySpec(
        symbol="TEST", strategy_name="rl", folds=0, narrowed=(Narrowed(name="memory", low=504.0, high=504.0),)
    )
    space, rows, evaluator = space_of(spec), window_rows(spec, still, FIRST_FIT, LEAST_BARS), evaluator_of(still)
    window = {"start": rows.start, "stop": rows.holdout_start}
    trials = list(search(spec, space, evaluator, n_trials=budget(spec, space), seed=1, **window))
    found = summarize(spec, space, evaluator, trials, window=rows)

    assert found.verdict is Verdict.UNPROVEN
    assert "policies_never_in" in dict(learned_sentences(found.learned))


def test_a_set_has_the_same_bits_alone_and_among_others() -> None:
    bars = sample_bars("AAPL").cut(0, LEAST_BARS)
    sets = [{**USUAL, "memory": 504, "enter": enter, "leave": leave} for enter in (2, 3, 5) for leave in (0, 2)]
    together = evaluator_of(bars, allow_short=True).returns(sets, start=FIRST_FIT, stop=len(bars))
    alone = [evaluator_of(bars, allow_short=True).returns([one], start=FIRST_FIT, stop=len(bars))[0] for one in sets]

    assert np.array_equal(together, np.array(alone))
