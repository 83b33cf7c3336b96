"""Numbers as people read them."""

import re
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.text import numbers

finite = st.floats(min_value=-1e6, max_value=1e6, allow_nan=False)


def read(text: str) -> float:
    """The number a text shows."""
    return float(text.replace(numbers.MINUS, "-").replace(",", "").replace("+", "").rstrip("%"))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.8377, "0.84"),
        (-0.2137, "−0.21"),
        (0.0, "0.00"),
        (-0.0, "0.00"),
        (-0.0004, "0.00"),
        (9.876, "9.88"),
        (12.34, "12.3"),
        (123.4, "123"),
        (1234.5, "1,234"),
        (None, "–"),
    ],
)
def test_a_ratio_has_two_decimals_and_at_most_three_digits(value: float | None, shown: str) -> None:
    assert numbers.ratio(value) == shown


@pytest.mark.parametrize(
    ("value", "other", "shown"),
    [
        (1.0943, 1.0939, "1.09"),
        (0.84, 0.85, "0.84"),
        (1.0943, 12.3, "1.1"),
        (1.0943, 123.0, "1"),
        (1.0, None, "1.00"),
    ],
)
def test_numbers_beside_each_other_have_the_same_decimals(value: float, other: float | None, shown: str) -> None:
    assert numbers.ratio(value, other) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.99973, ">99%"), (1.0, ">99%"), (0.0, "<1%"), (0.0004, "<1%"), (0.4713, "47%"), (0.994, "99%"), (0.006, "1%")],
)
def test_a_probability_is_a_whole_percentage_and_never_certain(value: float, shown: str) -> None:
    assert numbers.probability(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(5 / 6, "83%"), (1.0, "100%"), (0.998, "99.8%"), (0.9999, "99.9%"), (0.0, "0%"), (0.001, "<1%")],
)
def test_a_share_is_whole_only_when_it_is_exact(value: float, shown: str) -> None:
    assert numbers.share(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.2213, "+22.1%"), (-0.1129, "−11.3%"), (0.0, "0.0%"), (0.0001, "0.0%"), (None, "–"), (14.1731, "+1,417%")],
)
def test_a_return_shows_its_sign(value: float | None, shown: str) -> None:
    assert numbers.signed_percent(value) == shown


@pytest.mark.parametrize(
    ("n_bars", "per_year", "shown"),
    [
        (378, 252, ("18", "months")),
        (2142, 252, ("8.5", "years")),
        (504, 252, ("2", "years")),
        (30, 252, ("43", "days")),
        (1, 252, ("1", "day")),
        (4380, 8760, ("6", "months")),
    ],
)
def test_a_run_of_bars_is_read_as_time(n_bars: int, per_year: float, shown: tuple[str, str]) -> None:
    assert numbers.length_parts(n_bars, per_year) == shown


@pytest.mark.parametrize(
    ("value", "goal", "shown"), [(0.5, "sharpe", "0.50"), (-0.214, "maxdd", "−21.4%"), (None, "sqn", "–")]
)
def test_a_goal_is_read_as_its_measure_is(value: float | None, goal: str, shown: str) -> None:
    assert numbers.goal_value(value, goal) == shown


@given(finite)
def test_rounding_never_turns_a_sign(value: float) -> None:
    assert read(numbers.ratio(value)) * value >= 0


@given(finite, finite)
def test_rounding_never_turns_an_order(a: float, b: float) -> None:
    shown_a, shown_b = read(numbers.ratio(a, b)), read(numbers.ratio(b, a))

    assert shown_a <= shown_b if a < b else shown_a >= shown_b
    assert shown_a == shown_b if a == b else True


@given(finite)
def test_what_is_shown_is_the_number_rounded(value: float) -> None:
    assert read(numbers.percent(value)) == pytest.approx(value * 100, abs=0.0501, rel=0.005)


@pytest.mark.parametrize(
    ("seconds", "parts"),
    [
        (0.0, [("0.0", "s")]),
        (0.43, [("0.4", "s")]),
        (18.2, [("18", "s")]),
        (119.0, [("119", "s")]),
        (150, [("2", "min")]),
        (3600, [("1", "h")]),
        (3900, [("1", "h"), ("5", "min")]),
    ],
)
def test_a_duration_has_at_most_two_parts(seconds: float, parts: list[tuple[str, str]]) -> None:
    assert list(numbers.duration_parts(seconds)) == parts


@pytest.mark.parametrize(
    ("done", "total", "filled"), [(0, 200, 0), (1, 200, 1), (199, 200, 11), (200, 200, 12), (5, 0, 1)]
)
def test_the_bar_is_full_only_when_all_is_done(done: int, total: int, filled: int) -> None:
    bar = numbers.progress_bar(done, total)

    assert len(bar) == 12
    assert bar.count("▓") == filled


def test_parameters_are_written_as_they_are_typed() -> None:
    assert numbers.assignments({"period": 14, "width": 2.25, "mode": "revert"}) == "period=14 width=2.25 mode=revert"


@pytest.mark.parametrize("value", [date(2013, 2, 28), datetime(2013, 2, 28, 23, 59, tzinfo=UTC)])
def test_a_day_is_iso(value: date) -> None:
    assert numbers.day(value) == "2013-02-28"
    assert numbers.day(None) == numbers.MISSING


@pytest.mark.parametrize(
    ("name", "is_one"),
    [("U012AB3CD", True), ("W012AB3CD", True), ("alice", False), ("UX", False), ("U012ab3cd", False)],
)
def test_only_slack_ids_are_mentions(name: str, is_one: bool) -> None:
    assert numbers.is_slack_user(name) is is_one


def test_counts_have_thousands_apart() -> None:
    assert re.fullmatch(r"5,376", numbers.count(5376))
