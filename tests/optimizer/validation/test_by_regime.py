"""Table by regime: its rows add up, its bars are known before what they count, and what is rare is not annualized."""

import math
from functools import cache

import numpy as np
import pytest

from optimizer.domain.bars import Bars
from optimizer.domain.results.regime_results import LEAST_ANNUAL_BARS, LEAST_INTERVAL_BARS, RegimeReport
from optimizer.domain.study_request import StudySpec, budget
from optimizer.domain.study_results import StudySummary
from optimizer.engine.multi_symbol import AnyEvaluator, evaluator_of
from optimizer.learned.regime_rows import labels_of
from optimizer.search.loop import search
from optimizer.strategies.registry import longest_warm_up, space_of, strategy_of
from optimizer.validation.summarize import summarize, window_rows
from tests.optimizer.learned.regime_worlds import PLANTED, bars_of, planted

SHORT = {"symbol": "WALK", "strategy_name": "rsi", "n_trials": 20, "folds": 0}


def summary_of(spec: StudySpec, *many: Bars, evaluator: AnyEvaluator | None = None) -> StudySummary:
    """Search and summary of a request over made-up bars."""
    space, evaluator = space_of(spec), evaluator or evaluator_of(spec, many)
    rows = window_rows(spec, many[0], longest_warm_up(strategy_of(spec), space))
    trials = search(
        spec, space, evaluator, start=rows.start, stop=rows.holdout_start, n_trials=budget(spec, space), seed=spec.seed
    )
    return summarize(spec, space, evaluator, list(trials), window=rows)


@cache
def planted_bars(seed: int = 0) -> Bars:
    return planted(PLANTED[0], seed)[0]


@cache
def plain_summary() -> StudySummary:
    return summary_of(StudySpec.model_validate(SHORT), planted_bars())


def report_of(summary: StudySummary) -> RegimeReport:
    assert summary.by_regime is not None
    return summary.by_regime


@pytest.mark.parametrize("who", ["winner", "buy_and_hold"])
def test_log_returns_of_the_rows_add_up_to_the_whole(who: str) -> None:
    summary = plain_summary()
    scored = getattr(summary, who)
    whole = math.log1p(scored.in_sample.total_return) + math.log1p(scored.out_of_sample.total_return)
    assert math.fsum(getattr(row, who).log_return for row in report_of(summary).rows) == pytest.approx(whole, abs=1e-9)


def test_every_bar_is_in_one_row_by_the_label_of_the_close_before() -> None:
    summary, bars = plain_summary(), planted_bars()
    rows, window = report_of(summary).rows, summary.window
    assert sum(row.n_bars for row in rows) == window.n_bars
    assert math.fsum(row.share for row in rows) == pytest.approx(1.0)
    assert sum(row.n_held_out for row in rows) == window.n_holdout
    start = len(bars) - window.n_bars
    before = labels_of(bars)[start - 1 : -1]
    assert [row.n_bars for row in rows[:4]] == [int((before == kind).sum()) for kind in range(4)]
    assert sum(row.n_trades for row in rows) > 0


def test_rare_regimes_are_not_annualized() -> None:
    for row in report_of(plain_summary()).rows:
        assert (row.winner.annual_return is None) == (row.n_bars < LEAST_ANNUAL_BARS)
        if row.winner.sharpe_ratio is not None:
            assert (row.winner.low is None) == (row.n_bars < LEAST_INTERVAL_BARS)


def test_a_regime_that_never_occurs_has_an_empty_row() -> None:
    rising = bars_of(np.random.default_rng(5).normal(0.002, 0.006, 900))
    rows = report_of(summary_of(StudySpec.model_validate(SHORT | {"strategy_name": "momentum"}), rising)).rows
    empty = [row for row in rows if not row.n_bars]
    assert empty
    assert all(row.winner.sharpe_ratio is None and row.n_trades == 0 for row in empty)
    assert all(row.winner.log_return == 0.0 for row in empty)


def test_symbols_that_share_a_set_are_told_by_the_regimes_of_their_equal_parts() -> None:
    first, second = planted_bars(0), planted_bars(1)
    spec = StudySpec.model_validate(SHORT | {"partners": ("OTHER",)})
    summary = summary_of(spec, first, second)
    assert sum(row.n_bars for row in report_of(summary).rows) == summary.window.n_bars
    whole = math.log1p(summary.winner.in_sample.total_return or 0.0)
    whole += math.log1p(summary.winner.out_of_sample.total_return or 0.0) if summary.winner.out_of_sample else 0.0
    assert math.fsum(row.winner.log_return or 0.0 for row in report_of(summary).rows) == pytest.approx(whole, abs=1e-9)
