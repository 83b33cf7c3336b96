"""The numbers of Slack's own charts keep to its limits, whatever the study, and are those of the study."""

from datetime import date, timedelta

import pytest

from optimizer.domain.study_results import Curve, StudySummary
from reports.text.chart_points import MAX_NAME, MAX_POINTS, ChartPoints, equity_points, fold_points, short_name
from tests.reports import facts

FIRST = date(2003, 10, 24)


def with_curve(n: int, *, bars_a_day: int = 1) -> StudySummary:
    """A study whose equity grows by one each bar."""
    dates = tuple(FIRST + timedelta(days=row // bars_a_day) for row in range(n))
    winner = tuple(1.0 + row for row in range(n))
    curve = Curve(dates=dates, winner=winner, buy_and_hold=winner)
    return facts.SUMMARIES["promising"].model_copy(update={"curve": curve})


def kept(points: ChartPoints) -> None:
    assert 2 <= len(points.labels) <= MAX_POINTS
    assert len(points.labels) == len(points.first) == len(points.second) == len(set(points.labels))
    assert all(len(label) <= 20 for label in points.labels)


@pytest.mark.parametrize("n", [2, 3, 19, 20, 21, 400, 10_000])
def test_growth_has_its_ends_and_at_most_twenty_dates(n: int) -> None:
    summary = with_curve(n)
    points = equity_points(summary)

    assert points is not None
    kept(points)
    assert (points.first[0], points.first[-1]) == (1.0, float(n))
    start, days = summary.window.holdout_start, summary.curve.dates
    assert start is not None
    if start <= days[-1]:
        assert f"{start:%Y-%m-%d}" in points.labels


def test_bars_of_one_day_share_a_label_and_the_last_one_counts() -> None:
    points = equity_points(with_curve(12, bars_a_day=4))

    assert points is not None
    assert points.first == (4.0, 8.0, 12.0)


def test_a_curve_of_one_date_is_no_chart() -> None:
    assert equity_points(with_curve(1)) is None
    assert equity_points(with_curve(4, bars_a_day=4)) is None


def test_folds_without_a_value_are_left_out() -> None:
    summary = facts.SUMMARIES["unproven"]
    assert summary.walk_forward is not None
    first, *others = summary.walk_forward.folds
    without = summary.walk_forward.model_copy(
        update={"folds": (first.model_copy(update={"out_of_sample": None}), *others)}
    )

    every, fewer = (
        fold_points(summary, "sharpe"),
        fold_points(summary.model_copy(update={"walk_forward": without}), "sharpe"),
    )
    assert every is not None
    assert fewer is not None
    kept(every)
    assert fewer.labels == every.labels[1:]
    assert fewer.second == tuple(fold.out_of_sample for fold in others)


def test_percentages_are_drawn_as_such() -> None:
    plain, percent = (fold_points(facts.SUMMARIES["unproven"], goal) for goal in ("sharpe", "return"))

    assert plain is not None
    assert percent is not None
    assert percent.first == tuple(value * 100 for value in plain.first)


def test_a_long_name_is_cut_to_the_title() -> None:
    spec = facts.SPEC.model_copy(update={"partners": tuple(f"SYMBOL-{n}" for n in range(3))})

    assert len(short_name(spec)) == MAX_NAME
    assert short_name(facts.SPEC) == "AAPL RSI"
