"""Schedule phrases, and that the scheduler understands what they become."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from apscheduler.triggers.cron import CronTrigger

from bot.grammar.cadence import Cadence, ScheduleWhen, find_time_zone, read_clock
from bot.grammar.commands import AddSchedule
from bot.grammar.errors import (
    MissingCadence,
    MissingDay,
    MissingStart,
    MissingTime,
    NotATime,
    UnknownOption,
    UnknownTimeZone,
)
from bot.grammar.formatting import schedule_text
from bot.grammar.parsing import parse
from optimizer.errors import OutOfRange, UnknownStrategy, UserError

SEOUL = ZoneInfo("Asia/Seoul")


def scheduled(text: str, study: str | None = None) -> AddSchedule:
    command = parse(text, study=study)
    assert isinstance(command, AddSchedule)
    return command


def refused(text: str) -> UserError:
    with pytest.raises(UserError) as caught:
        parse(text)
    return caught.value


@pytest.mark.parametrize(
    ("phrase", "text"),
    [
        ("daily 07:00", "daily 07:00"),
        ("DAILY 7:05", "daily 07:05"),
        ("weekdays 23:59", "weekdays 23:59"),
        ("weekly mon 07:00", "weekly mon 07:00"),
        ("weekly Friday 0:00", "weekly fri 00:00"),
        ("weekly fri,Mon 07:00", "weekly mon,fri 07:00"),
        ("07:00 weekly tues", "weekly tue 07:00"),
        ("monthly 1 07:00", "monthly 1 07:00"),
        ("monthly 28th 07:00", "monthly 28 07:00"),
        ("매주 월 07:00", "weekly mon 07:00"),
        ("매주 월요일 7시", "weekly mon 07:00"),
        ("매주 월,목 7시30분", "weekly mon,thu 07:30"),
        ("매일 07:00", "daily 07:00"),
        ("평일 07:00", "weekdays 07:00"),
        ("매월 15일 07:00", "monthly 15 07:00"),
        ("daily 7am", "daily 07:00"),
        ("daily 12:30am", "daily 00:30"),
        ("daily 12pm", "daily 12:00"),
    ],
)
def test_a_phrase_is_read_wherever_it_stands(phrase: str, text: str) -> None:
    assert scheduled(f"schedule AAPL RSI 200 {phrase}").when.text == text
    assert scheduled(f"schedule {phrase} AAPL RSI 200 goal=sharpe") == scheduled(f"일정 AAPL RSI {phrase} 200")


def test_the_search_of_a_schedule_is_an_ordinary_start() -> None:
    command = scheduled("schedule AAPL,MSFT RSI 500 stop weekly mon 07:00 tz=asia/seoul quiet")

    assert command.start == parse("AAPL,MSFT RSI 500 stop quiet")
    assert command.time_zone == "Asia/Seoul"
    assert scheduled("schedule AAPL RSI daily 07:00").time_zone is None


def test_in_a_studys_thread_the_phrase_alone_is_enough() -> None:
    command = scheduled("schedule weekly mon 07:00", study="opt-7f3a")

    assert (command.start, command.study) == (None, "opt-7f3a")
    assert isinstance(refused("schedule weekly mon 07:00"), MissingStart)


@pytest.mark.parametrize(
    ("typed", "kind", "corrected"),
    [
        ("AAPL RSI 200", MissingCadence, "AAPL RSI 200 weekly mon 07:00"),
        ("AAPL RSI 200 07:00", MissingCadence, "AAPL RSI 200 07:00 weekly mon"),
        ("AAPL RSI 200 weekly 07:00", MissingDay, "AAPL RSI 200 weekly mon 07:00"),
        ("AAPL RSI 200 monthly 07:00", MissingDay, "AAPL RSI 200 monthly 1 07:00"),
        ("AAPL RSI 200 weekly", MissingDay, "AAPL RSI 200 weekly mon 07:00"),
        ("AAPL RSI 200 weekly mon", MissingTime, "AAPL RSI 200 weekly mon 07:00"),
        ("AAPL RSI weekly mno 07:00", UnknownOption, "AAPL RSI weekly mon 07:00"),
        ("AAPL RSI monthly 31 07:00", OutOfRange, "AAPL RSI monthly 28 07:00"),
        ("AAPL RSI monthly 0 07:00", OutOfRange, "AAPL RSI monthly 1 07:00"),
        ("AAPL RSI daily 24:00", NotATime, ""),
        ("AAPL RSI daily 7:60", NotATime, ""),
        ("AAPL RSI daily 13pm", NotATime, ""),
        ("AAPL RSI daily 07:00 tz=Asia/Soul", UnknownTimeZone, "AAPL RSI daily 07:00 tz=Asia/Seoul"),
        ("AAPL RSI daily 07:00 tz=tokyo", UnknownTimeZone, "AAPL RSI daily 07:00 tz=Asia/Tokyo"),
        ("AAPL RSI daily 07:00 tz=../../etc/passwd", UnknownTimeZone, ""),
        ("AAPL RSII daily 07:00", UnknownStrategy, "AAPL rsi daily 07:00"),
        ("AAPL RSI daily 07:00 weekly mon", UnknownOption, ""),
        ("AAPL RSI daily 07:00 08:00", UnknownOption, ""),
    ],
)
def test_a_wrong_phrase_is_refused_and_corrected(typed: str, kind: type[UserError], corrected: str) -> None:
    error = refused(f"schedule {typed}")

    assert type(error) is kind
    assert error.command == (f"/optimize schedule {corrected}" if corrected else "")


@pytest.mark.parametrize(
    ("when", "cron"),
    [
        (ScheduleWhen(cadence=Cadence.DAILY, hour=7, minute=5), {"hour": 7, "minute": 5}),
        (ScheduleWhen(cadence=Cadence.WEEKDAYS, hour=7, minute=0), {"day_of_week": "mon-fri", "hour": 7, "minute": 0}),
        (
            ScheduleWhen(cadence=Cadence.WEEKLY, hour=7, minute=0, days=("mon", "fri")),
            {"day_of_week": "mon,fri", "hour": 7, "minute": 0},
        ),
        (ScheduleWhen(cadence=Cadence.MONTHLY, hour=0, minute=0, day=28), {"day": 28, "hour": 0, "minute": 0}),
    ],
)
def test_a_phrase_becomes_the_fields_of_a_cron_trigger(when: ScheduleWhen, cron: dict[str, str | int]) -> None:
    assert when.cron == cron


@pytest.mark.parametrize(
    ("phrase", "expected"),
    [
        ("daily 07:00", datetime(2026, 3, 5, 7, 0, tzinfo=SEOUL)),
        ("weekly mon 07:00", datetime(2026, 3, 9, 7, 0, tzinfo=SEOUL)),
        ("weekly mon,sat 07:00", datetime(2026, 3, 7, 7, 0, tzinfo=SEOUL)),
        ("weekdays 06:00", datetime(2026, 3, 5, 6, 0, tzinfo=SEOUL)),
        ("monthly 1 07:00", datetime(2026, 4, 1, 7, 0, tzinfo=SEOUL)),
    ],
)
def test_the_scheduler_fires_when_the_phrase_says(phrase: str, expected: datetime) -> None:
    cron = scheduled(f"schedule AAPL RSI {phrase}").when.cron
    trigger = CronTrigger(timezone=SEOUL, **cron)  # type: ignore[no-untyped-call]

    after = datetime(2026, 3, 4, 12, 0, tzinfo=SEOUL)  # a Wednesday
    assert trigger.get_next_fire_time(None, after) == expected  # type: ignore[no-untyped-call]


@pytest.mark.parametrize(
    ("typed", "zone"),
    [
        ("Asia/Seoul", "Asia/Seoul"),
        ("asia/seoul", "Asia/Seoul"),
        ("KST", "Asia/Seoul"),
        ("utc", "UTC"),
        ("서울", "Asia/Seoul"),
    ],
)
def test_a_time_zone_is_found_in_any_case(typed: str, zone: str) -> None:
    assert find_time_zone(typed) == zone


@pytest.mark.parametrize("text", ["7", "7:0", "007:00", "7:00:00", "0am", "1시2", ""])
def test_what_is_no_time_of_day_is_refused(text: str) -> None:
    with pytest.raises(NotATime):
        read_clock(text)


@pytest.mark.parametrize(
    "text",
    [
        "/optimize schedule AAPL rsi 200 weekly mon,fri 07:00 tz=Asia/Seoul",
        "/optimize schedule AAPL,MSFT rsi 200 mode=shared quiet monthly 28 00:05",
    ],
)
def test_a_schedule_is_printed_as_the_command_that_makes_it(text: str) -> None:
    assert schedule_text(scheduled(text)) == text
