"""Which rows are searched and which are held out."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from optimizer.domain.bars import Bars
from optimizer.domain.study_request import StudySpec
from optimizer.errors import TooFewBars
from optimizer.validation.window import WindowRows, day_of, days_of, is_short, least_bars, window_facts, window_rows
from tests.refused import refused


def daily_bars(first: str, last: str) -> Bars:
    """A bar each weekday."""
    days = np.arange(np.datetime64(first), np.datetime64(last) + 1)
    days = days[np.is_busday(days)]
    price = np.full(len(days), 10.0)
    time = days.astype("datetime64[ns]")
    return Bars(symbol="ABC", time=time, open=price, high=price, low=price, close=price, volume=price)


LONG = daily_bars("2000-01-03", "2013-03-01")


def spec(**changed: object) -> StudySpec:
    return StudySpec.model_validate({"symbol": "ABC", "strategy_name": "rsi"} | changed)


def test_the_window_is_the_last_ten_years_and_its_last_15_percent_are_held_out() -> None:
    rows = window_rows(spec(), LONG, 30)

    assert day_of(LONG, rows.start) == date(2003, 3, 3)
    assert rows.stop == len(LONG)
    assert (rows.stop - rows.holdout_start) == round(0.15 * (rows.stop - rows.start))
    assert rows.has_holdout


def test_typed_dates_belong_to_the_window() -> None:
    rows = window_rows(spec(start=date(2005, 1, 3), end=date(2009, 12, 31)), LONG, 30)

    assert (day_of(LONG, rows.start), day_of(LONG, rows.stop - 1)) == (date(2005, 1, 3), date(2009, 12, 31))


def test_years_count_back_from_the_typed_end() -> None:
    rows = window_rows(spec(years=3, end=date(2008, 2, 29)), LONG, 30)

    assert day_of(LONG, rows.start) == date(2005, 2, 28)


def test_the_window_starts_after_the_warm_up_where_two_years_remain() -> None:
    bars = daily_bars("2008-01-01", "2012-12-31")

    assert window_rows(spec(), bars, 250).start == 250


def test_the_warm_up_is_cut_where_it_would_leave_less_than_two_years() -> None:
    bars = daily_bars("2010-12-01", "2013-03-01")
    rows = window_rows(spec(), bars, 250)

    assert 0 < rows.start < 250
    assert rows.stop - rows.start == least_bars(bars) == 494


def test_less_than_two_years_are_refused_with_what_there_is_and_what_is_needed() -> None:
    bars = daily_bars("2012-05-18", "2013-03-01")

    with refused(TooFewBars, match=r"`ABC` has 206 bars in this window and the study needs 494: .*two years"):
        window_rows(spec(), bars, 30)


def test_a_space_whose_longest_indicator_never_fills_is_refused() -> None:
    bars = LONG.cut(0, 600)

    with refused(TooFewBars, match="needs 530 bars before its first signal"):
        window_rows(spec(), bars, 530)
    assert window_rows(spec(), bars, 500).holdout_start >= 502


def test_an_end_before_the_first_bar_leaves_nothing() -> None:
    with refused(TooFewBars, match="has 0 bars"):
        window_rows(spec(end=date(1999, 1, 1)), LONG, 30)


def test_nothing_is_held_out_when_nothing_should_be() -> None:
    rows = window_rows(spec(holdout=0.0), LONG, 30)

    assert rows.holdout_start == rows.stop
    assert not rows.has_holdout
    assert window_facts(rows, LONG).holdout_start is None


def test_a_holdout_too_short_for_a_measure_is_refused() -> None:
    with refused(TooFewBars, match=r"`holdout=0.005` leaves 13 bars unseen"):
        window_rows(spec(holdout=0.005), LONG, 30)


def test_facts_count_bars_and_name_days() -> None:
    rows = WindowRows(start=100, holdout_start=900, stop=1000)
    facts = window_facts(rows, LONG)

    assert (facts.n_bars, facts.n_holdout, facts.n_warm_up) == (900, 100, 100)
    assert (facts.start, facts.holdout_start, facts.end) == tuple(day_of(LONG, row) for row in (100, 900, 999))
    assert facts.periods_per_year == 252


def test_days_are_those_of_the_rows() -> None:
    assert days_of(LONG, 0, 6) == tuple(date(2000, 1, day) for day in (3, 4, 5, 6, 7, 10))


@pytest.mark.parametrize(
    ("first", "changed", "short"),
    [
        ("2000-01-03", {}, False),
        ("2003-03-10", {}, False),
        ("2003-04-01", {}, True),
        ("2008-01-02", {"years": 5}, False),
        ("2008-01-02", {"start": date(2009, 1, 2)}, False),
    ],
)
def test_a_window_is_short_when_the_data_hold_less_than_was_asked_for(
    first: str, changed: dict[str, object], short: bool
) -> None:
    bars = daily_bars(first, "2013-03-01")
    rows = window_rows(spec(**changed), bars, 0)

    assert is_short(spec(**changed), rows, bars) is short


def test_hourly_bars_need_as_many_bars_as_two_years_of_days() -> None:
    time = np.datetime64("2012-01-02", "ns") + np.arange(2_000) * np.timedelta64(1, "h")
    price = np.full(2_000, 10.0)
    bars = replace(LONG, time=time, timeframe="1h", open=price, high=price, low=price, close=price, volume=price)

    assert least_bars(bars) == 722
