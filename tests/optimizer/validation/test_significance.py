"""The family of sets, the tests of its significance, and the winner under stress."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from optimizer.domain.study_request import Costs, StudySpec
from optimizer.engine.evaluator import Evaluator
from optimizer.search.fold_search import refit
from optimizer.search.grid import even_sets, every_set, fits_whole, leading
from optimizer.search.scoring import SetScorer
from optimizer.strategies.registry import find_strategy, space_of
from optimizer.validation.family import BARS_PER_ROW, alpha_rows, family, t_value
from optimizer.validation.significance import SignificanceTests, combined, significance
from optimizer.validation.stress import stress
from optimizer.validation.verdict import PROMISING_P
from optimizer.validation.walk_forward import walk_forward
from optimizer.validation.window import WindowRows
from tests.bars import sample_bars
from tests.calibration.drifts import pull
from tests.calibration.worlds import Shocks, market
from tests.reports import facts

ROWS = WindowRows(start=260, holdout_start=1500, stop=1770)
WALK = market(Shocks.of(3, years=6))
SHOCKS = Shocks.of(4, years=6)
EDGE = market(SHOCKS, pull(SHOCKS, 0.9))
#: Searches after which this edge is not promising any more.
N_MANY = 10**8


def spec_of(**changed: object) -> StudySpec:
    return StudySpec.model_validate({"symbol": "WALK", "strategy_name": "bollinger"} | changed)


@cache
def scorer_of(name: str = "walk", start: int = ROWS.start, stop: int = ROWS.holdout_start) -> SetScorer:
    spec, bars = spec_of(), EDGE if name == "edge" else WALK
    evaluator = Evaluator(find_strategy(spec.strategy_name), bars, costs=spec.costs)
    return SetScorer(spec=spec, space=space_of(spec), evaluator=evaluator, start=start, stop=stop)


@cache
def examined(name: str = "walk") -> SignificanceTests:
    scorer = scorer_of(name)
    walk = walk_forward(scorer.spec, scorer.space, scorer.evaluator, start=scorer.start, stop=scorer.stop, refit=refit)
    unseen = replace(scorer, start=ROWS.holdout_start, stop=ROWS.stop)
    return SignificanceTests(scorer=scorer, unseen=unseen, family=family(scorer, []), walk=walk)


def test_the_family_is_the_feasible_part_of_the_grid_best_first() -> None:
    scorer = scorer_of()
    found = family(scorer, [])
    values = scorer.values(scorer.scores(found.param_sets))

    assert found.is_whole
    assert len(found.param_sets) == np.isfinite(scorer.values(scorer.scores(every_set(scorer.space)))).sum()
    assert (np.diff(values) <= 0).all()
    assert found.leaders == found.param_sets[: len(found.leaders)]


def test_alpha_has_no_share_in_the_market() -> None:
    market_returns = np.random.default_rng(1).normal(0.001, 0.01, 600)
    own = np.random.default_rng(2).normal(0.0, 0.005, 600)
    around = market_returns - market_returns.mean()
    rows = alpha_rows(np.array([0.7 * around + own, around]), market_returns)

    assert rows.shape == (2, 600 // BARS_PER_ROW)
    assert np.abs(rows[1]).max() < 1e-7
    assert rows[0].sum() == pytest.approx((own - _beta(own, market_returns) * around).sum(), abs=1e-5)


def test_whoever_is_long_for_a_year_and_out_for_the_next_has_no_alpha_in_a_steady_rise() -> None:
    market_returns = 0.001 + np.tile([0.01, -0.01], 300)
    held = np.repeat([1.0, 0.0], 300)
    rows = alpha_rows(np.array([held * (market_returns - market_returns.mean())]), market_returns)[0]

    # With the market taken out by beta alone, the long half would show 300 · 0.001 / 2 and the other half lose it.
    assert abs(rows[: len(rows) // 2].sum()) < 0.01
    assert abs(rows[len(rows) // 2 :].sum()) < 0.01


def _beta(own: np.ndarray, of: np.ndarray) -> float:
    return float(np.cov(own, of)[0, 1] / of.var(ddof=1))


def test_a_grid_that_is_too_large_has_an_even_sample_with_those_tried() -> None:
    spec = spec_of(overlays=("stop", "take", "trail"))
    evaluator = Evaluator(find_strategy("bollinger"), WALK, costs=spec.costs)
    scorer = SetScorer(spec=spec, space=space_of(spec), evaluator=evaluator, start=ROWS.start, stop=ROWS.holdout_start)
    tried = [scorer.space.default]
    found = family(scorer, tried)

    assert not fits_whole(scorer.space, ROWS.holdout_start - ROWS.start)
    assert not found.is_whole
    assert scorer.space.default in found.param_sets
    assert 1_000 < len(found.param_sets) <= 2_001


def test_even_sets_are_different_allowed_and_always_the_same() -> None:
    space = space_of(StudySpec(symbol="WALK", strategy_name="sma"))
    found = even_sets(space, 300)

    assert found == even_sets(space, 300)
    assert len({tuple(params.values()) for params in found}) == len(found) == 300
    assert all(space.contains(params) for params in found)


@pytest.mark.parametrize(("n_sets", "n_leaders"), [(3, 3), (100, 5), (2_000, 20), (20_000, 50)])
def test_leaders_are_a_hundredth_within_bounds(n_sets: int, n_leaders: int) -> None:
    assert len(leading([{"i": i} for i in range(n_sets)])) == n_leaders


def test_noise_is_insignificant_and_an_edge_is_not() -> None:
    noise, edge = (significance(examined(name), 1) for name in ("walk", "edge"))
    assert noise is not None
    assert edge is not None

    assert noise.p > 0.2
    assert edge.p < 0.001
    assert (edge.lost_halves or 0.0) < 0.05
    assert (edge.unseen_alpha or 0.0) > 0.5


def test_searches_of_the_same_bars_raise_p_and_change_nothing_else() -> None:
    one, many = (significance(examined("edge"), n) for n in (1, 33))
    assert one is not None
    assert many is not None

    assert many.p == pytest.approx(33 * one.p, rel=0.05)
    assert many.confidence == 1.0 - many.p
    assert many.model_copy(update={"p": one.p, "confidence": one.confidence, "n_searches": 1}) == one


def test_unseen_bars_are_those_of_the_folds_and_of_the_holdout() -> None:
    tests = examined("edge")
    assert tests.walk is not None
    assert tests.unseen_rows is not None
    assert tests.held_out is not None
    n_rows = len(tests.walk.leaders) // BARS_PER_ROW + (ROWS.stop - ROWS.holdout_start) // BARS_PER_ROW

    assert len(tests.unseen_rows) == n_rows
    assert replace(tests, walk=None).unseen_rows == pytest.approx(tests.held_out)
    assert replace(tests, walk=None, unseen=None).unseen_p is None
    assert combined(0.03, None, 1) == pytest.approx(0.03)


def test_nothing_feasible_is_not_tested() -> None:
    empty = replace(examined().family, param_sets=[])

    assert significance(replace(examined(), family=empty), 1) is None


def test_an_edge_that_dies_fades_and_ages() -> None:
    n_bars = len(SHOCKS.session)
    dead = np.where(np.arange(n_bars) < ROWS.holdout_start, 1.0, 0.0)
    spec = spec_of()
    evaluator = Evaluator(find_strategy("bollinger"), market(SHOCKS, dead * pull(SHOCKS, 0.9)), costs=spec.costs)
    scorer = replace(scorer_of("edge"), evaluator=evaluator)
    unseen = replace(scorer, start=ROWS.holdout_start, stop=ROWS.stop)
    tests = SignificanceTests(scorer=scorer, unseen=unseen, family=family(scorer, []), walk=None)

    assert (tests.fading or 0.0) > 1.8 > (examined("edge").fading or 0.0)
    assert (tests.aging or 0.0) > (examined("edge").aging or 0.0)


def test_the_bars_that_would_tell_are_more_than_there_are_and_enough() -> None:
    scorer = scorer_of("edge")
    tests = replace(examined("edge"), scorer=scorer)
    n_bars = scorer.stop - scorer.start

    assert tests.n_bars_needed(1) is None  # it is promising already
    needed = tests.n_bars_needed(N_MANY)
    assert needed is not None
    assert n_bars < needed <= 4 * n_bars
    assert tests._p_after(needed / n_bars, N_MANY) <= PROMISING_P
    assert examined("walk").n_bars_needed(1) is None  # no number would do


def test_what_to_expect_is_less_than_what_was_chosen_and_weighs_unseen_bars_by_their_length() -> None:
    tests, winner = examined("edge"), facts.summary().winner
    found = tests.expected(winner)
    assert found is not None
    assert found.sharpe is not None
    assert winner.out_of_sample is not None
    inside, outside = winner.in_sample.sharpe_ratio, winner.out_of_sample.sharpe_ratio
    assert inside is not None
    assert outside is not None
    share = (ROWS.stop - ROWS.holdout_start) / (ROWS.stop - ROWS.start)

    assert found.sharpe == pytest.approx((1 - share) * (inside - tests.optimism) + share * outside, abs=0.01)
    assert (found.low or 0.0) < found.sharpe < (found.high or 0.0)
    assert tests.optimism > 0


def test_t_values_of_rows() -> None:
    assert t_value(np.array([1.0, 2.0, 3.0, 4.0])) == pytest.approx(2.5 / 1.2909944 * 2)
    assert t_value(np.zeros(5)) == 0.0
    assert t_value(np.zeros(0)) == 0.0


def test_stress_makes_a_result_worse_and_finds_its_break_even() -> None:
    scorer = scorer_of("edge")
    best = examined("edge").family.param_sets[0]
    found = stress(scorer.evaluator, best, ROWS)
    assert found.sharpe is not None
    assert found.break_even_bps is not None

    backtest = scorer.evaluator.backtest(best, start=ROWS.start, stop=ROWS.stop)
    assert found.sharpe == pytest.approx(backtest.measures.sharpe_ratio, rel=1e-12)
    assert (found.doubled_costs or 0.0) < found.sharpe
    assert (found.without_best or 0.0) < found.sharpe
    ends = [_end(scorer, best, found.break_even_bps + more) for more in (-1.0, 1.0)]
    assert ends[0] > 1.0 >= ends[1]


def _end(scorer: SetScorer, params: dict[str, int | float | str], bps: float) -> float:
    costs = Costs(commission_bps=bps, slippage_bps=0.0)
    fresh = Evaluator(scorer.evaluator.strategy, EDGE, costs=costs)
    return float(fresh.backtest(params, start=ROWS.start, stop=ROWS.stop).equity[-1])


def test_other_costs_are_those_of_a_fresh_evaluator() -> None:
    bars, costs = sample_bars("MSFT"), Costs(commission_bps=30.0, slippage_bps=10.0)
    strategy = find_strategy("sma")
    ours = Evaluator(strategy, bars, costs=Costs()).stressed(strategy.space.default, start=300, stop=1300, costs=costs)
    theirs = Evaluator(strategy, bars, costs=costs).backtest(strategy.space.default, start=300, stop=1300)

    assert ours.equity.tolist() == theirs.equity.tolist()


def test_a_late_signal_is_acted_on_one_bar_later() -> None:
    bars = sample_bars("MSFT")
    strategy = find_strategy("sma")
    evaluator = Evaluator(strategy, bars, costs=Costs())
    usual = evaluator.backtest(strategy.space.default, start=300, stop=1300)
    late = evaluator.stressed(strategy.space.default, start=300, stop=1300, costs=Costs(), is_late=True)
    inside = [trade for trade in usual.trades if trade.is_closed and trade.entry_bar > 302]

    assert len(inside) > 3
    assert {trade.entry_bar + 1 for trade in inside} <= {trade.entry_bar for trade in late.trades}
