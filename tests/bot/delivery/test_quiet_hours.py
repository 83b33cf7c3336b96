"""Quiet hours and digests on the wall clock of a channel's time zone."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.delivery.quiet_hours import digest_due, is_quiet
from bot.documents.preferences import ChannelSettings

MONDAY = datetime(2026, 11, 30, tzinfo=UTC)


def channel(**settings: object) -> ChannelSettings:
    """A channel in Seoul, nine hours ahead."""
    defaults = {"channel_id": "C1", "quiet": None, "digest": None, "time_zone": "Asia/Seoul", "digested_at": MONDAY}
    return ChannelSettings.model_construct(**defaults | settings)


@pytest.mark.parametrize(
    ("hour", "minute", "expected"),
    [(12, 59, False), (13, 0, True), (15, 0, True), (21, 59, True), (22, 0, False)],
)
def test_quiet_hours_run_over_midnight_in_the_zone_of_the_channel(hour: int, minute: int, expected: bool) -> None:
    assert is_quiet(channel(quiet="22:00-07:00"), MONDAY.replace(hour=hour, minute=minute)) is expected


def test_quiet_hours_within_a_day() -> None:
    lunch = channel(quiet="12:00-13:00", time_zone="UTC")
    assert [is_quiet(lunch, MONDAY.replace(hour=hour)) for hour in (11, 12, 13)] == [False, True, False]


def test_a_digest_within_quiet_hours_ends_them() -> None:
    early = channel(quiet="22:00-09:00", digest="08:00", time_zone="UTC")
    assert [is_quiet(early, MONDAY.replace(hour=hour)) for hour in (7, 8)] == [True, False]


@pytest.mark.parametrize("settings", [None, channel(), channel(quiet="off"), channel(digest="08:00")])
def test_without_quiet_hours_nothing_is_quiet(settings: ChannelSettings | None) -> None:
    assert not any(is_quiet(settings, MONDAY + timedelta(hours=hour)) for hour in range(24))


def test_a_digest_is_due_at_its_time_and_once() -> None:
    found = channel(digest="08:00")  # 23:00 of the day before in UTC
    due = MONDAY.replace(hour=23)
    assert digest_due(found, due - timedelta(seconds=1)) is None
    assert digest_due(found, due + timedelta(minutes=3)) == due
    assert digest_due(channel(digest="08:00", digested_at=due), due + timedelta(hours=23)) is None


def test_after_days_of_rest_one_digest_is_due_for_all_of_them() -> None:
    assert digest_due(channel(digest="08:00"), MONDAY + timedelta(days=3)) == MONDAY + timedelta(days=2, hours=23)


def test_quiet_hours_without_a_digest_end_with_one() -> None:
    assert digest_due(channel(quiet="22:00-07:00"), MONDAY + timedelta(days=1)) == MONDAY.replace(hour=22)


@pytest.mark.parametrize("settings", [{}, {"quiet": "off", "digest": "off"}, {"digest": "08:00", "digested_at": None}])
def test_without_either_no_digest_is_ever_due(settings: dict[str, object]) -> None:
    assert digest_due(channel(**settings), MONDAY + timedelta(days=9)) is None
