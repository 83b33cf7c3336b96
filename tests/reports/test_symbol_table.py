"""The table of a shared set: a row a symbol, the median, the portfolio; and what is said of one symbol's data."""

import pytest

from optimizer.market.quality.data_findings import DataNote
from reports.charts.gallery import pictures
from reports.render import renderer_of
from reports.tables.symbol_table import symbol_rows
from tests.reports import facts


def test_a_row_a_symbol_then_the_median_then_the_portfolio() -> None:
    summary = facts.SUMMARIES["shared"]
    rows = symbol_rows(summary, "sharpe")

    assert [row.kind for row in rows] == ["symbol"] * 3 + ["median", "portfolio"]
    assert [row.symbol for row in rows] == ["AAPL", "IBM", "MSFT", "", ""]
    assert rows[3].value == summary.winner.value
    assert rows[4].value == summary.winner.in_sample.sharpe_ratio
    assert rows[4].measures == summary.winner.out_of_sample


def test_without_a_holdout_the_rows_are_of_the_searched_bars() -> None:
    found = facts.SUMMARIES["shared"]
    winner, buy_and_hold = (
        one.model_copy(update={"out_of_sample": None}) for one in (found.winner, found.buy_and_hold)
    )
    bare = found.model_copy(update={"winner": winner, "buy_and_hold": buy_and_hold})

    assert symbol_rows(bare, "sharpe")[4].measures == winner.in_sample
    text = str(renderer_of("en").result(facts.finished("shared", summary=bare))[1].blocks)
    assert "nothing was held out, so these are the searched bars" in text


def test_a_study_of_one_symbol_has_no_such_table() -> None:
    assert symbol_rows(facts.SUMMARIES["promising"], "sharpe") == ()
    said = {name: str(renderer_of("en").details(facts.finished(name))[0].blocks) for name in ("promising", "shared")}
    assert "The shared set on each symbol" in said["shared"]
    assert "The shared set on each symbol" not in said["promising"]


@pytest.mark.slow
def test_the_report_has_the_table_and_no_line_of_luck_among_medians() -> None:
    study, trials = facts.finished("shared"), facts.trials(30)
    alone = facts.finished("promising")

    assert 'id="symbols"' in renderer_of("ko").report(study, trials, {})
    assert 'id="symbols"' not in renderer_of("ko").report(alone, trials, {})
    assert pictures(study, trials)["history"] != pictures(alone, trials)["history"]


def test_what_is_said_of_one_symbols_data_is_said_in_korean() -> None:
    note = DataNote(kind="left_out", symbol="IBM", facts={"n": 5})
    plan = renderer_of("ko").plan(facts.SPEC, facts.plan(findings=(note,)))

    assert "IBM – 일부 종목에만 있는 날짜의 봉 5개는 제외했습니다." in str(plan.blocks)
