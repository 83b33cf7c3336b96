"""The study's tries against its winner."""

import math
from collections.abc import Sequence
from functools import cache

import numpy as np
import pytest

from optimizer.domain.bars import FloatArray
from optimizer.domain.space import Params
from optimizer.domain.study_request import StudySpec
from optimizer.domain.study_results import Luck, Significance
from optimizer.engine.evaluator import Evaluator
from optimizer.search.scoring import SetScorer
from optimizer.strategies.registry import find_strategy, space_of
from optimizer.validation.family import Family, family
from optimizer.validation.luck import luck
from optimizer.validation.statistics.max_t import best_of
from optimizer.validation.statistics.sharpe import (
    deflated_sharpe_ratio,
    expected_max_sharpe,
    market_sharpe_ratio,
    moments,
    probabilistic_sharpe_ratio,
)
from tests.calibration.worlds import Shocks, market
from tests.reports.facts import summary

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


@cache
def family_of(scorer: SetScorer) -> Family:
    return family(scorer, [])


def luck_of(
    param_sets: Sequence[Params] = SETS,
    *,
    ever: int = 0,
    scorer: SetScorer = GROUND,
    significance: Significance | None = None,
) -> Luck:
    return luck(
        scorer,
        param_sets,
        returns_of(param_sets[0], scorer) if param_sets else None,
        family=family_of(scorer),
        significance=significance,
        n_bars_needed=None,
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


def test_the_markets_share_is_what_it_gives_a_position_like_the_winners() -> None:
    winner, buy_and_hold = returns_of(SETS[0]), GROUND.evaluator.buy_and_hold(start=START, stop=STOP).returns

    assert luck_of().market_sharpe == pytest.approx(market_sharpe_ratio(winner, buy_and_hold) * math.sqrt(252))


def test_skill_is_the_confidence_from_the_searched_bars_after_every_search() -> None:
    tests = summary().significance
    assert tests is not None

    assert luck_of(significance=tests).skill == 1.0 - best_of(tests.searched_p, tests.n_searches)
    assert luck_of().skill is None


def test_tries_of_earlier_studies_deflate_further() -> None:
    alone, later = luck_of(), luck_of(ever=10_000)

    assert (later.n_tried, later.n_tried_ever) == (len(SETS), 10_000)
    assert (later.deflated_sharpe_ratio or 0.0) < (alone.deflated_sharpe_ratio or 0.0)
    assert later.pbo == alone.pbo


def test_a_single_try_is_only_tested_against_zero() -> None:
    found = luck_of(SETS[:1])

    assert found.expected_max_sharpe == 0.0
    assert found.deflated_sharpe_ratio == pytest.approx(probabilistic_sharpe_ratio(moments(returns_of(SETS[0])), 0.0))


def test_nothing_feasible_has_no_luck_to_measure() -> None:
    found = luck_of([], ever=9)

    assert (found.n_tried, found.n_tried_ever, found.n_blocks) == (0, 9, 0)
    assert (found.deflated_sharpe_ratio, found.pbo) == (None, None)


def test_a_window_too_short_for_blocks_has_no_pbo() -> None:
    found = luck_of(SETS[:20], scorer=ground_of(stop=START + 80))

    assert (found.pbo, found.n_blocks) == (None, 0)


def test_the_pbo_is_that_of_the_family_whatever_was_tried() -> None:
    assert luck_of(SETS[:5]).pbo == luck_of(SETS[5:]).pbo


def test_a_set_counts_alike_in_the_first_batch_and_in_a_later_one() -> None:
    param_sets = [params for params in GROUND.space.param_sets() if float(params["period"]) < 40]
    first, last = (luck_of([SETS[0], *part]) for part in (param_sets, param_sets[::-1]))

    assert len(param_sets) > 512
    assert first.expected_max_sharpe == pytest.approx(last.expected_max_sharpe, rel=1e-12)
