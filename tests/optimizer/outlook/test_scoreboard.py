"""The scoreboard: what counts, what overlaps, and when a champion did outside what was expected."""

from datetime import timedelta
from typing import Any

import pytest

from optimizer.domain.results.forecast_results import ForecastMeasure, ForecastOf
from optimizer.outlook.scoreboard import is_outside_expected, scoreboard
from tests.reports.forecasts import TARGET, scored


def returns(*values: float, **changes: Any) -> list[Any]:
    """Forecasts one after the other, with what became of each."""
    return [scored(place, value=value, **changes) for place, value in enumerate(values)]


def test_nothing_is_judged_below_ten() -> None:
    nine, ten = scoreboard(returns(*[0.04] * 9)).headline, scoreboard(returns(*[0.04] * 10)).headline

    assert nine is not None
    assert ten is not None
    assert (nine.n, nine.is_judged, ten.n, ten.is_judged) == (9, False, 10, True)
    assert ten.luck_90[0] <= 9 <= ten.luck_90[1]


def test_horizons_that_overlap_count_once_of_each_symbol() -> None:
    same = [scored(0), scored(0, forecast_id="b", study_name="opt-1c2d"), scored(0, forecast_id="c", horizon_bars=63)]
    board = scoreboard([*same, scored(0, forecast_id="d", symbols=("MSFT",))])

    assert board.headline is not None
    assert (board.headline.n, board.headline.n_scored) == (2, 4)


def test_a_forecast_of_bars_that_were_known_does_not_count() -> None:
    board = scoreboard([scored(0), scored(1, made_at=scored(1).made_at + timedelta(days=40))])

    assert board.headline is not None
    assert (board.headline.n, board.n_hindsight, len(board.last)) == (1, 1, 1)


def test_what_waits_and_what_was_closed_is_counted_by_horizon() -> None:
    waiting = [scored(0, value=None), scored(0, value=None, measure=ForecastMeasure.MAX_DRAWDOWN)]
    board = scoreboard([*waiting, scored(1, value=None, closed="unknowable")])

    assert (board.n_open, board.n_unknowable, board.next_day) == (1, 1, TARGET)
    assert board.headline is None


def test_skill_is_against_the_naive_twin_and_hold_has_a_line_of_its_own() -> None:
    hold = returns(0.04, kind=ForecastOf.HOLD, crps=0.0125)
    own, beside = scoreboard([*returns(0.04, 0.05), *hold]).lines

    assert (own.is_hold, beside.is_hold) == (False, True)
    assert own.skill == pytest.approx(0.2)
    assert beside.skill == pytest.approx(0.0)


@pytest.mark.parametrize(("pit", "is_too_high"), [(0.5, False), (0.2, True), (0.8, False)])
def test_a_vanished_edge_shows_in_the_levels_before_it_leaves_the_band(pit: float, is_too_high: bool) -> None:
    line = scoreboard(returns(*[0.04] * 12, pit=pit)).headline

    assert line is not None
    assert (line.is_too_high, line.is_off) == (is_too_high, False)


def test_a_set_that_made_less_than_it_said_first_is_named() -> None:
    lost = returns(*[-0.04] * 20, symbols=("MSFT",))
    board = scoreboard([*lost, *returns(*[0.04] * 20)])

    assert [one.symbols for one in board.below] == [("MSFT",)]
    assert len(board.followed) == 2


def drawdown(place: int, value: float) -> Any:
    return scored(place, measure=ForecastMeasure.MAX_DRAWDOWN, low=-0.15, high=-0.01, least=-0.2, value=value)


@pytest.mark.parametrize(
    ("rows", "is_outside"),
    [
        (returns(0.04, -0.2), False),
        (returns(0.04, -0.2, -0.2), True),
        (returns(-0.2, -0.2, 0.04), False),
        (returns(0.3, -0.2), True),
        ([*returns(-0.2), scored(0, value=-0.2, forecast_id="b", horizon_bars=63)], False),  # they overlap
        (returns(-0.2, -0.2, kind=ForecastOf.HOLD), False),
        ([drawdown(0, -0.19)], False),
        ([drawdown(0, -0.21)], True),
        ([], False),
    ],
)
def test_a_champion_outside_its_forecasts_is_named(rows: list[Any], is_outside: bool) -> None:
    assert is_outside_expected(rows) is is_outside
