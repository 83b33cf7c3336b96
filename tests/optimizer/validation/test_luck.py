"""The study's tries against its winner."""

import math
from collections.abc import Sequence

import numpy as np
import pytest

from optimizer.domain.bars import FloatArray
from optimizer.domain.space import Params
from optimizer.domain.study_request import Narrowed, StudySpec
from optimizer.domain.study_results import Luck
from optimizer.engine.evaluator import Evaluator
from optimizer.search.scoring import SetScorer
from optimizer.strategies.registry import find_strategy, space_of
from optimizer.validation.luck import even_sets, luck
from optimizer.validation.statistics import (
    deflated_sharpe_ratio,
    expected_max_sharpe,
    market_sharpe_ratio,
    moments,
    probabilistic_sharpe_ratio,
)
from tests.calibration.worlds import Shocks, market

BARS = market(Shocks.of(3, years=5))
START, STOP = 260, 1500


def ground_of(strategy_name: str = "bollinger", stop: int = STOP, **changed: object) -> SetScorer:
    spec = StudySpec.model_validate({"symbol": "WALK", "strategy_name": strategy_name} | changed)
    evaluator = Evaluator(find_strategy(strategy_name), BARS, costs=spec.costs)
    return SetScorer(spec=spec, space=space_of(spec), evaluator=evaluator, start=START, stop=stop)


GROUND = ground_of()
SETS = [
    params for params in list(GROUND.space.param_sets())[::9] if not np.isnan(GROUND.values(GROUND.scores([params]))[0])
]


def returns_of(params: Params, scorer: SetScorer = GROUND) -> FloatArray:
    return np.asarray(scorer.evaluator.returns([params], start=scorer.start, stop=scorer.stop)[0])


def luck_of(param_sets: Sequence[Params] = SETS, *, ever: int = 0, scorer: SetScorer = GROUND) -> Luck:
    return luck(
        scorer,
        param_sets,
        returns_of(param_sets[0], scorer),
        n_tried=len(param_sets),
        n_tried_ever=ever or len(param_sets),
    )


def test_the_deflated_sharpe_ratio_is_that_of_the_winners_returns_and_the_tries_spread() -> None:
    sharpes = np.array([moments(returns_of(params)).sharpe for params in SETS])
    spread = min(float(sharpes.std(ddof=1)), 1 / math.sqrt(STOP - START - 1))
    found = luck_of()

    expected = expected_max_sharpe(len(SETS), spread)
    assert found.expected_max_sharpe == pytest.approx(expected * math.sqrt(252))
    assert found.deflated_sharpe_ratio == pytest.approx(
        deflated_sharpe_ratio(moments(returns_of(SETS[0])), n_tried=len(SETS), sharpe_std=spread)
    )


def test_skill_is_the_same_probability_with_the_market_taken_off_as_well() -> None:
    winner, buy_and_hold = returns_of(SETS[0]), GROUND.evaluator.buy_and_hold(start=START, stop=STOP).returns
    found = luck_of()
    benchmark = (found.expected_max_sharpe or 0.0) / math.sqrt(252) + market_sharpe_ratio(winner, buy_and_hold)

    assert found.market_sharpe == pytest.approx(market_sharpe_ratio(winner, buy_and_hold) * math.sqrt(252))
    assert found.skill == pytest.approx(probabilistic_sharpe_ratio(moments(winner), benchmark))
    assert (found.skill or 0.0) <= (found.deflated_sharpe_ratio or 0.0)


def test_tries_of_earlier_studies_deflate_further() -> None:
    alone, later = luck_of(), luck_of(ever=10_000)

    assert (later.n_tried, later.n_tried_ever) == (len(SETS), 10_000)
    assert (later.deflated_sharpe_ratio or 0.0) < (alone.deflated_sharpe_ratio or 0.0)
    assert later.pbo == alone.pbo


def test_a_single_try_is_only_tested_against_zero() -> None:
    found = luck_of(SETS[:1])

    assert found.expected_max_sharpe == 0.0
    assert found.deflated_sharpe_ratio == pytest.approx(probabilistic_sharpe_ratio(moments(returns_of(SETS[0])), 0.0))


@pytest.mark.parametrize(("above", "told"), [(-0.1, False), (0.3, True), (0.8, True), (0.9, False)])
def test_the_bars_that_would_prove_it_are_told_while_it_beats_luck_but_is_not_promising(
    above: float, told: bool
) -> None:
    """`above` is by how many standard errors the winner exceeds what luck shows; promising begins at 0.84."""
    n_bars = STOP - START
    noise = np.random.default_rng(4).normal(0.0, 0.01, n_bars)
    noise = (noise - noise.mean()) / noise.std(ddof=1)
    buy_and_hold = GROUND.evaluator.buy_and_hold(start=START, stop=STOP).returns
    expected = (luck_of().expected_max_sharpe or 0.0) / math.sqrt(252) + market_sharpe_ratio(noise, buy_and_hold)
    winner = noise + expected + above / math.sqrt(n_bars)
    found = luck(GROUND, SETS, winner, n_tried=len(SETS), n_tried_ever=len(SETS))

    assert (found.n_bars_needed is not None) == told
    assert found.n_bars_needed is None or found.n_bars_needed == pytest.approx(n_bars * (0.8416 / above) ** 2, rel=0.02)


def test_nothing_feasible_has_no_luck_to_measure() -> None:
    found = luck(GROUND, [], None, n_tried=7, n_tried_ever=9)

    assert (found.n_tried, found.n_tried_ever, found.n_blocks) == (7, 9, 0)
    assert (found.deflated_sharpe_ratio, found.pbo) == (None, None)


def test_a_window_too_short_for_blocks_has_no_pbo() -> None:
    short = ground_of(stop=START + 80)
    found = luck(short, SETS[:20], None, n_tried=20, n_tried_ever=20)

    assert (found.pbo, found.n_blocks) == (None, 0)


def test_even_sets_are_feasible_new_different_and_repeatable() -> None:
    param_sets = even_sets(GROUND, SETS)
    keys = {tuple(params.values()) for params in param_sets}

    assert len(keys) == len(param_sets) > len(SETS) / 2
    assert not keys & {tuple(params.values()) for params in SETS}
    assert all(GROUND.space.contains(params) for params in param_sets)
    assert not np.isnan(GROUND.values(GROUND.scores(param_sets))).any()
    assert param_sets == even_sets(GROUND, SETS)


def test_even_sets_keep_the_order_of_the_space() -> None:
    scorer = ground_of("sma")

    assert all(scorer.space.contains(params) for params in even_sets(scorer, list(scorer.space.param_sets())[:100]))


def test_there_are_no_even_sets_besides_a_whole_space() -> None:
    fixed = tuple(Narrowed(name=name, low=low, high=high) for name, low, high in (("period", 10, 14), ("width", 2, 2)))
    scorer = ground_of(narrowed=fixed)

    assert even_sets(scorer, list(scorer.space.param_sets())) == []


def test_a_set_counts_alike_in_the_first_batch_and_in_a_later_one() -> None:
    param_sets = [params for params in GROUND.space.param_sets() if float(params["period"]) < 40]
    first, last = (luck_of([SETS[0], *part]) for part in (param_sets, param_sets[::-1]))

    assert len(param_sets) > 512
    assert first.pbo == pytest.approx(last.pbo, abs=0.02)  # which of equals wins a half depends on their order
    assert first.expected_max_sharpe == pytest.approx(last.expected_max_sharpe, rel=1e-12)
