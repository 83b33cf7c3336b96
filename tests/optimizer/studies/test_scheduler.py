"""When recurring jobs come: across changes of the clock, short months and time zones, and under a clock of our own."""

import pickle
from datetime import UTC, datetime
from itertools import islice, pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.grammar.cadence import Cadence, ScheduleWhen
from optimizer.studies.scheduler import WallClock, times_after


def local(cron: Any, zone: str, after: datetime, n: int) -> list[str]:
    """The next `n` times on the clocks of the zone, with their offset from UTC."""
    times = islice(times_after(cron, zone, after), n)
    return [time.astimezone(ZoneInfo(zone)).strftime("%a %m-%d %H:%M %z") for time in times]


def moment(*parts: int) -> datetime:
    """A moment in UTC."""
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]


def test_a_weekly_time_stays_the_same_on_the_wall_when_clocks_change() -> None:
    cron = ScheduleWhen(cadence=Cadence.WEEKLY, days=("mon",), hour=7, minute=0).cron

    assert local(cron, "Europe/London", moment(2026, 10, 18), 3) == [
        "Mon 10-19 07:00 +0100",
        "Mon 10-26 07:00 +0000",
        "Mon 11-02 07:00 +0000",
    ]
    assert local(cron, "Asia/Seoul", moment(2026, 10, 18), 2) == ["Mon 10-19 07:00 +0900", "Mon 10-26 07:00 +0900"]


def test_a_time_that_is_skipped_comes_an_hour_later_on_the_wall_and_only_that_day() -> None:
    assert local({"hour": 2, "minute": 30}, "America/New_York", moment(2026, 3, 7, 12), 2) == [
        "Sun 03-08 03:30 -0400",
        "Mon 03-09 02:30 -0400",
    ]


def test_a_time_that_comes_twice_counts_once() -> None:
    assert local({"hour": 1, "minute": 30}, "America/New_York", moment(2026, 10, 31), 3) == [
        "Sat 10-31 01:30 -0400",
        "Sun 11-01 01:30 -0400",
        "Mon 11-02 01:30 -0500",
    ]


def test_a_day_whose_midnight_is_skipped_is_not_left_out() -> None:
    assert local({"hour": 0, "minute": 30}, "America/Sao_Paulo", moment(2018, 11, 3, 12), 2) == [
        "Sun 11-04 01:30 -0200",
        "Mon 11-05 00:30 -0200",
    ]


def test_between_the_two_it_is_the_next_days_turn() -> None:
    between = moment(2026, 11, 1, 6)  # after the first 01:30, before the second

    assert local({"hour": 1, "minute": 30}, "America/New_York", between, 1) == ["Mon 11-02 01:30 -0500"]


@pytest.mark.parametrize("year", [2026, 2028])
def test_a_monthly_time_comes_in_every_month(year: int) -> None:
    cron = ScheduleWhen(cadence=Cadence.MONTHLY, day=28, hour=6, minute=15).cron
    days = local(cron, "Asia/Seoul", moment(year, 1, 1), 12)

    assert [day[4:9] for day in days] == [f"{month:02}-28" for month in range(1, 13)]


def test_weekdays_leave_the_weekend_out_where_the_schedule_is() -> None:
    cron = ScheduleWhen(cadence=Cadence.WEEKDAYS, hour=7, minute=0).cron
    days = local(cron, "Asia/Seoul", moment(2026, 11, 19, 12), 3)

    # Monday morning in Seoul is Sunday evening in UTC.
    assert [day[:3] for day in days] == ["Fri", "Mon", "Tue"]


def test_zones_with_odd_offsets_and_the_date_line_are_kept() -> None:
    cron = {"hour": 7, "minute": 0, "day_of_week": "mon"}

    assert local(cron, "Asia/Kathmandu", moment(2026, 11, 20), 1) == ["Mon 11-23 07:00 +0545"]
    assert local(cron, "Pacific/Kiritimati", moment(2026, 11, 20), 1) == ["Mon 11-23 07:00 +1400"]
    assert local(cron, "Australia/Lord_Howe", moment(2026, 3, 31), 2) == [
        "Mon 04-06 07:00 +1030",
        "Mon 04-13 07:00 +1030",
    ]


@pytest.mark.slow
@pytest.mark.parametrize("zone", ["America/New_York", "Europe/London", "Asia/Seoul", "America/Sao_Paulo", "UTC"])
def test_a_daily_time_comes_once_on_each_day_of_ten_years(zone: str) -> None:
    times = list(islice(times_after({"hour": 2, "minute": 15}, zone, moment(2015, 1, 1, 12)), 3653))
    days = [time.astimezone(ZoneInfo(zone)).date() for time in times]

    assert all((later - earlier).days == 1 for earlier, later in pairwise(days))
    assert times == sorted(times)


def test_a_time_is_never_before_or_at_the_moment_asked_from() -> None:
    due = moment(2026, 11, 23, 7)

    assert next(times_after({"hour": 7, "minute": 0}, "UTC", due)) == moment(2026, 11, 24, 7)
    # A new job may begin at once; a job that ran goes on with the next time, however late it ran.
    trigger = WallClock({"hour": 7, "minute": 0}, "UTC")
    assert trigger.get_next_fire_time(None, due) == due
    assert trigger.get_next_fire_time(due, moment(2026, 11, 30)) == moment(2026, 11, 24, 7)


def test_a_stored_trigger_is_the_same_trigger() -> None:
    trigger = WallClock({"hour": 7, "minute": 0, "day_of_week": "mon"}, "Asia/Seoul")
    stored = pickle.loads(pickle.dumps(trigger))

    assert stored.get_next_fire_time(None, moment(2026, 11, 20)) == moment(2026, 11, 22, 22)
