"""The family of sets behind a verdict, on histories short and long."""

from dataclasses import replace

import numpy as np
import pytest

from optimizer.domain.study_request import StudySpec
from optimizer.engine.multi_symbol import evaluator_of
from optimizer.search.scoring import SetScorer
from optimizer.strategies.registry import space_of
from optimizer.validation.family import MOST_TESTED, affordable_sets, alpha_rows, batches_of, family, leaders_alpha
from tests.bars import made_up_bars


def scorer_of(n_bars: int, **spec: object) -> SetScorer:
    wanted = StudySpec(symbol="AAPL", strategy_name="sma", **spec)  # type: ignore[arg-type]
    bars = replace(made_up_bars(n_bars, seed=4), symbol="AAPL")
    return SetScorer(
        spec=wanted, space=space_of(wanted), evaluator=evaluator_of(wanted, [bars]), start=250, stop=n_bars
    )


@pytest.mark.parametrize(("n_bars", "n_sets"), [(2_000, 2_000), (25_000, 2_000), (50_000, 1_000), (500_000, 200)])
def test_long_histories_are_tested_on_fewer_sets(n_bars: int, n_sets: int) -> None:
    assert affordable_sets(MOST_TESTED, n_bars) == n_sets


@pytest.mark.parametrize(("n_bars", "largest"), [(2_000, 512), (500_000, 4), (20_000_000, 1)])
def test_returns_of_a_batch_fit_into_memory(n_bars: int, largest: int) -> None:
    sets = [{"period": number} for number in range(1_000)]

    batches = list(batches_of(sets, n_bars))

    assert max(map(len, batches)) == largest
    assert [each for batch in batches for each in batch] == sets


@pytest.fixture(scope="module")
def long_history() -> SetScorer:
    """A year of five-minute bars, of which few sets can be tested."""
    return scorer_of(300_000)


@pytest.mark.slow
def test_a_long_history_counts_for_the_sets_that_it_leaves_untested(long_history: SetScorer) -> None:
    short, long = family(scorer_of(1_500), []), family(long_history, [])

    assert short.untested_factor == 1.0
    assert len(long.alpha) <= 200
    assert long.untested_factor == pytest.approx((long.stands_for / len(long.alpha)) ** 0.2)
    assert 1.4 < long.untested_factor < 1.6


@pytest.mark.slow
def test_leaders_earn_the_same_in_batches_as_together(long_history: SetScorer) -> None:
    leaders = family(scorer_of(1_500), []).param_sets[:30]
    start, stop = long_history.start, long_history.stop
    evaluator = long_history.evaluator
    assert len(list(batches_of(leaders, stop - start))) > 1

    together = evaluator.timing_returns(leaders, start=start, stop=stop, market=(start, stop)).mean(axis=0)
    market = evaluator.buy_and_hold(start=start, stop=stop).returns

    np.testing.assert_allclose(
        leaders_alpha(evaluator, leaders, start=start, stop=stop, bars_per_row=60),
        alpha_rows(together[None], market, 60)[0],
        atol=1e-7,
    )
