"""Who was a member when, and which days of a study that leaves."""

from datetime import date

import pytest

from optimizer.domain.study_request import StudySpec, common_request
from optimizer.domain.universe import Member, Stay, members_between, spec_of_member, universe_of, window_of

SPEC = StudySpec(symbol="@idx", strategy_name="rsi")
START, END = date(2005, 1, 3), date(2012, 12, 28)
STAYS = (
    Stay(symbol="ALWAYS"),
    Stay(symbol="LEFT", end=date(2008, 6, 30)),
    Stay(symbol="JOINED", start=date(2010, 1, 4)),
    Stay(symbol="BEFORE", end=date(2004, 12, 31)),
    Stay(symbol="AFTER", start=date(2013, 1, 2)),
    Stay(symbol="TWICE", start=date(1999, 1, 4), end=date(2007, 1, 3)),
    Stay(symbol="TWICE", start=date(2012, 1, 3)),
)


def members() -> dict[str, Member]:
    """Members of the window by symbol."""
    return {member.symbol: member for member in members_between(STAYS, START, END)}


def test_whoever_was_a_member_at_some_time_of_the_window_counts_once_in_the_order_of_the_list() -> None:
    assert list(members()) == ["ALWAYS", "LEFT", "JOINED", "TWICE"]


def test_stays_are_cut_to_the_window() -> None:
    assert members()["ALWAYS"].stay == Stay(symbol="ALWAYS", start=START, end=END)
    assert members()["LEFT"].stay == Stay(symbol="LEFT", start=START, end=date(2008, 6, 30))


def test_of_several_stays_the_longest_within_the_window_counts_and_a_return_is_no_leaving() -> None:
    twice = members()["TWICE"]

    assert twice.stay == Stay(symbol="TWICE", start=START, end=date(2007, 1, 3))
    assert (twice.has_several, twice.has_left) == (True, False)
    assert (members()["LEFT"].has_several, members()["LEFT"].has_left) == (False, True)


def test_both_ends_of_a_stay_are_its_days() -> None:
    stay = Stay(symbol="X", start=date(2010, 1, 4), end=date(2010, 2, 1))

    assert [stay.has(date(2010, 1, day)) for day in (3, 4)] == [False, True]
    assert [stay.has(date(2010, 2, day)) for day in (1, 2)] == [True, False]


@pytest.mark.parametrize(
    ("spec", "window"),
    [
        (SPEC, (date(2002, 12, 28), date(2012, 12, 28))),
        (SPEC.model_copy(update={"years": 3}), (date(2009, 12, 28), date(2012, 12, 28))),
        (SPEC.model_copy(update={"end": date(2008, 2, 29)}), (date(1998, 2, 28), date(2008, 2, 29))),
        (SPEC.model_copy(update={"start": START}), (START, date(2012, 12, 28))),
    ],
)
def test_a_window_ends_with_the_newest_bar_unless_a_day_was_typed(spec: StudySpec, window: tuple[date, date]) -> None:
    assert window_of(spec, date(2012, 12, 28)) == window


def test_a_member_is_studied_over_its_stay_and_an_open_end_stays_open() -> None:
    spec = SPEC.model_copy(update={"years": 8})
    found = {name: spec_of_member(spec, member, END) for name, member in members().items()}

    assert [(one.symbol, one.start, one.end) for one in found.values()] == [
        ("ALWAYS", START, None),
        ("LEFT", START, date(2008, 6, 30)),
        ("JOINED", date(2010, 1, 4), None),
        ("TWICE", START, date(2007, 1, 3)),
    ]
    assert {one.years for one in found.values()} == {10}, "a typed start leaves no years to be typed"


def test_what_a_list_knows_is_kept() -> None:
    found = universe_of("idx", STAYS, list(members().values()), (START, END))

    assert (found.has_leavers, found.first, found.last) == (True, date(1999, 1, 4), date(2013, 1, 2))
    assert (found.n_members, found.n_former, found.longest_of_several) == (4, 1, ("TWICE",))


def test_a_list_in_which_no_stay_ends_knows_of_nobody_that_left() -> None:
    stays = (Stay(symbol="A", start=START), Stay(symbol="B"))

    assert not universe_of("idx", stays, members_between(stays, START, END), (START, END)).has_leavers


def test_the_request_of_several_symbols_is_what_they_have_in_common() -> None:
    one = SPEC.model_copy(update={"start": START})
    other = SPEC.model_copy(update={"start": START, "end": END})

    assert common_request([one, one]) == one
    assert common_request([one, other]) == one
    assert common_request([other, SPEC]) == SPEC
