"""One parameter set for several symbols: medians, their portfolio, and that nothing else changes."""

import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from optimizer.domain.bars import Bars, n_between, on_common_dates
from optimizer.domain.metrics import measures_of_returns
from optimizer.domain.space import Params
from optimizer.domain.study_request import Cap, StudySpec, budget
from optimizer.domain.study_results import Measures, StudySummary, TrialRecord
from optimizer.engine.evaluator import Evaluator
from optimizer.engine.multi_symbol import SharedEvaluator, evaluator_of
from optimizer.engine.portfolio import Portfolio, median, median_measures
from optimizer.errors import TooFewBars
from optimizer.search.loop import search
from optimizer.search.scoring import SetScorer
from optimizer.strategies.registry import longest_warm_up, space_of
from optimizer.validation.summarize import summarize
from optimizer.validation.window import WindowRows, window_rows
from tests.bars import made_up_bars, sample_bars

SYMBOLS = ("AAPL", "IBM", "MSFT")
SETS: list[Params] = [
    {"period": 14, "oversold": 30, "overbought": 70},
    {"period": 10, "oversold": 35, "overbought": 65},
    {"period": 30, "oversold": 20, "overbought": 80},  # never bought by some
]
ROWS = {"start": 1000, "stop": 2000}


def spec_of(**changed: object) -> StudySpec:
    fields = {"symbol": "AAPL", "strategy_name": "rsi", "n_trials": 30, "folds": 2}
    return StudySpec.model_validate(fields | changed).shared_with(SYMBOLS)


@cache
def parts() -> tuple[Evaluator, ...]:
    return shared().parts


@cache
def shared() -> SharedEvaluator:
    found = evaluator_of(spec_of(), [sample_bars(symbol) for symbol in SYMBOLS])
    assert isinstance(found, SharedEvaluator)
    return found


def rows_of(spec: StudySpec) -> WindowRows:
    return window_rows(spec, shared().bars, longest_warm_up(shared().strategy, space_of(spec)))


def trials_of(spec: StudySpec, done: list[TrialRecord] | None = None) -> list[TrialRecord]:
    rows, space = rows_of(spec), space_of(spec)
    span = {"start": rows.start, "stop": rows.holdout_start, "n_trials": budget(spec, space), "seed": spec.seed}
    return list(search(spec, space, shared(), done=done or (), **span))  # type: ignore[arg-type]


@cache
def summary() -> StudySummary:
    spec = spec_of()
    return summarize(spec, space_of(spec), shared(), trials_of(spec), window=rows_of(spec))


def test_a_set_is_scored_on_the_median_of_each_measure() -> None:
    own = [part.scores(SETS, **ROWS) for part in parts()]
    found = shared().scores(SETS, **ROWS)

    for name in ("sharpe_ratio", "total_return", "max_drawdown", "win_rate"):
        table = np.array([scores.column(name) for scores in own])
        known = ~np.isnan(table).any(axis=0)
        assert known[:2].all()
        np.testing.assert_array_equal(found.column(name)[known], np.median(table, axis=0)[known])


def test_a_symbol_without_a_measure_counts_as_the_worst() -> None:
    assert median([None, 1.0, 2.0]) == 1.0
    assert median([math.nan, 1.0, 2.0]) == 1.0
    assert median([1.0, 2.0, 3.0, None]) == 1.5
    assert median([None, None, 2.0]) is None
    assert median([None, 2.0]) is None


def test_a_set_that_half_of_the_symbols_do_not_trade_has_no_value() -> None:
    idle: Params = {"period": 30, "oversold": 20, "overbought": 80}
    n_trades = [int(part.scores([idle], **ROWS).n_trades[0]) for part in parts()]
    found = shared().scores([idle], **ROWS)

    assert sorted(n_trades)[1] == 0, "the set of this test trades too much"
    assert np.isnan(found.win_rate[0])
    assert found.n_trades[0] == 0


def test_medians_of_counts_are_rounded_down_for_caps_and_for_people() -> None:
    two = SharedEvaluator(parts()[:2])
    counts = [int(part.scores(SETS[:1], **ROWS).n_trades[0]) for part in parts()[:2]]

    assert two.scores(SETS[:1], **ROWS).column("n_trades")[0] == sum(counts) // 2
    assert two.backtest(SETS[0], **ROWS).medians.n_trades == sum(counts) // 2


def test_every_count_is_rounded_down_also_one_that_may_be_missing() -> None:
    one, other, unknown = Measures(n_trades=1, n_open=0), Measures(n_trades=4, n_open=1), Measures()

    assert (median_measures([one, other]).n_trades, median_measures([one, other]).n_open) == (2, 0)
    assert median_measures([one, unknown]).n_open is None


def test_caps_and_the_least_number_of_trades_are_held_against_medians() -> None:
    counts = sorted(int(part.scores(SETS[:1], **ROWS).n_trades[0]) for part in parts())
    assert counts[0] < counts[1], "the symbols of this test trade alike"

    def broken(**changed: object) -> float:
        spec = spec_of(**changed)
        scorer = SetScorer(spec=spec, space=space_of(spec), evaluator=shared(), **ROWS)
        return float(scorer.violations(scorer.scores(SETS[:1]))[0])

    assert broken(min_trades=counts[1]) == 0
    assert broken(min_trades=counts[1] + 1) == 1
    assert broken(caps=(Cap(goal="trades", is_upper=False, bound=counts[1]),)) > 0


def test_the_portfolio_earns_the_mean_of_its_symbols_returns() -> None:
    own = [part.backtest(SETS[1], **ROWS) for part in parts()]
    portfolio = shared().backtest(SETS[1], **ROWS)
    mean = np.mean([played.returns for played in own], axis=0)

    np.testing.assert_allclose(portfolio.returns, mean, rtol=0, atol=1e-15)
    np.testing.assert_allclose(portfolio.equity, np.cumprod(1 + mean), rtol=1e-12)
    np.testing.assert_allclose(shared().returns(SETS, **ROWS)[1], mean, rtol=0, atol=1e-12)
    assert portfolio.measures.n_trades == sum(played.measures.n_trades for played in own)
    assert portfolio.measures.sharpe_ratio == measures_of_returns(mean, periods_per_year=252).sharpe_ratio
    assert portfolio.measures.exposure == pytest.approx(np.mean([played.measures.exposure for played in own]))
    assert portfolio.measures.turnover == pytest.approx(np.mean([played.measures.turnover for played in own]))


def test_timing_is_the_mean_of_what_every_symbol_shows_against_its_own_market() -> None:
    market = ROWS["start"], ROWS["stop"]
    own = np.mean([part.timing_returns(SETS, **ROWS, market=market) for part in parts()], axis=0)

    np.testing.assert_allclose(shared().timing_returns(SETS, **ROWS, market=market), own, rtol=0, atol=1e-15)


def test_the_portfolio_is_set_against_holding_all_symbols() -> None:
    buy_and_hold = shared().buy_and_hold(**ROWS)
    held = [part.buy_and_hold(**ROWS).returns for part in parts()]

    np.testing.assert_allclose(buy_and_hold.returns, np.mean(held, axis=0), rtol=0, atol=1e-15)
    np.testing.assert_array_equal(shared().backtest(SETS[0], **ROWS).benchmark, buy_and_hold.returns)


def test_several_times_the_same_symbol_is_that_symbol() -> None:
    twice = SharedEvaluator([parts()[0], parts()[0]])
    alone, together = parts()[0].backtest(SETS[0], **ROWS), twice.backtest(SETS[0], **ROWS)

    np.testing.assert_array_equal(twice.scores(SETS, **ROWS).sharpe_ratio, parts()[0].scores(SETS, **ROWS).sharpe_ratio)
    assert together.measures.sharpe_ratio == alone.measures.sharpe_ratio
    assert together.measures.exposure == alone.measures.exposure
    assert together.measures.turnover == pytest.approx(alone.measures.turnover)


def test_only_dates_on_which_all_have_a_bar_count() -> None:
    first, second = made_up_bars(500, seed=1), made_up_bars(500, seed=2)
    early, late = first.cut(0, 400), _without(second.cut(100, 500), 7)
    ours, theirs = on_common_dates([early, late])

    np.testing.assert_array_equal(ours.time, theirs.time)
    assert len(ours) == 299
    assert np.isin(ours.close, early.close).all()
    assert [n_between(bars, ours) for bars in (early, late)] == [1, 0]


def test_bars_of_the_same_dates_are_left_as_they_are() -> None:
    many = [sample_bars(symbol) for symbol in SYMBOLS]

    assert all(after is before for after, before in zip(on_common_dates(many), many, strict=True))


def test_symbols_without_a_common_date_are_refused_by_name() -> None:
    bars = made_up_bars(500)

    with pytest.raises(TooFewBars) as refusal:
        on_common_dates([replace(bars.cut(0, 200), symbol="OLD"), replace(bars.cut(200, 500), symbol="NEW")])

    assert refusal.value.facts["symbol"] == "OLD,NEW"


def _without(bars: Bars, row: int) -> Bars:
    kept = np.arange(len(bars)) != row
    names = ("time", "open", "high", "low", "close", "volume")
    return replace(bars, **{name: getattr(bars, name)[kept] for name in names})


def test_the_order_in_which_symbols_are_typed_makes_no_other_study() -> None:
    assert spec_of().shared_with(["MSFT", "IBM", "AAPL"]) == spec_of()
    assert spec_of().label == "AAPL,IBM,MSFT"


def test_a_stopped_search_goes_on_with_the_sets_of_an_undisturbed_one() -> None:
    whole = trials_of(spec_of())
    rest = trials_of(spec_of(), whole[:11])

    assert [trial.params for trial in whole[:11] + rest] == [trial.params for trial in whole]
    assert [trial.value for trial in rest] == [trial.value for trial in whole[11:]]


def test_winner_textbook_and_hold_are_portfolios_valued_by_the_median() -> None:
    found = summary()
    assert found.shared is not None
    own = [part.winner.in_sample.sharpe_ratio or 0.0 for part in found.shared.by_symbol]
    rows = rows_of(spec_of())
    portfolio = shared().backtest(found.winner.params, start=rows.holdout_start, stop=rows.stop)

    assert found.winner.value == pytest.approx(np.median(own))
    assert found.shared.winner.value == pytest.approx(found.winner.value)
    assert found.winner.out_of_sample == portfolio.measures
    assert found.winner.in_sample.sharpe_ratio != found.winner.value
    assert found.top[1].in_sample.n_trades > 0
    assert found.default.value is not None


def test_each_symbols_part_is_what_the_set_does_on_it_alone() -> None:
    found, rows = summary(), rows_of(spec_of())
    assert found.shared is not None

    for part, evaluator in zip(found.shared.by_symbol, parts(), strict=True):
        alone = evaluator.backtest(found.winner.params, start=rows.holdout_start, stop=rows.stop)
        held = evaluator.buy_and_hold(start=rows.holdout_start, stop=rows.stop)
        assert part.symbol == evaluator.bars.symbol
        assert part.winner.out_of_sample == alone.measures
        assert part.buy_and_hold.out_of_sample == held.measures
    gaining = [part.winner.out_of_sample for part in found.shared.by_symbol]
    assert found.shared.n_gaining == sum((m.total_return or 0) > 0 for m in gaining if m)


def test_the_statistics_of_luck_are_about_the_portfolio() -> None:
    found, rows = summary(), rows_of(spec_of())
    returns = shared().backtest(found.winner.params, start=rows.start, stop=rows.holdout_start).returns
    annual = measures_of_returns(returns, periods_per_year=252).sharpe_ratio

    assert found.winner.in_sample.sharpe_ratio == annual
    assert found.walk_forward is not None
    assert len(found.walk_forward.returns) == len(found.walk_forward.dates)
    assert len(found.curve.winner) == rows.stop - rows.start


def test_changing_held_out_prices_changes_no_trial() -> None:
    rows = rows_of(spec_of())
    poisoned = [_poisoned(sample_bars(symbol), rows.holdout_start) for symbol in SYMBOLS]
    evaluator = evaluator_of(spec_of(), poisoned)
    before = shared().scores(SETS, start=rows.start, stop=rows.holdout_start)
    after = evaluator.scores(SETS, start=rows.start, stop=rows.holdout_start)

    np.testing.assert_array_equal(before.table, after.table)


def _poisoned(bars: Bars, row: int) -> Bars:
    factor = np.where(np.arange(len(bars)) < row, 1.0, 3.0)
    return replace(bars, **{name: getattr(bars, name) * factor for name in ("open", "high", "low", "close")})


def test_a_study_of_one_symbol_has_no_shared_part() -> None:
    spec = spec_of().for_symbol("IBM")
    evaluator = evaluator_of(spec, [sample_bars("IBM")])

    assert isinstance(evaluator, Evaluator)
    assert not isinstance(evaluator.backtest(SETS[0], **ROWS), Portfolio)
    assert not spec.is_shared
    assert spec.label == "IBM"
