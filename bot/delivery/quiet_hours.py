"""Quiet hours and manners: when a channel is told nothing that nobody waits for, and how somebody's studies are told.

What nobody waits for is held, not lost: posts of schedules wait in the outbox for the channel's digest, and the end of
a study that was asked for long ago waits in its documents until the quiet hours are over.
"""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from bot.documents.conversations import Conversation
from bot.documents.preferences import ChannelSettings, settings_of
from bot.grammar.clock_settings import OFF
from optimizer.studies.scheduler import times_after

#: Somebody still waits for a study that was requested, or acted on, within this time.
AWAITED = timedelta(minutes=30)


@dataclass(frozen=True, kw_only=True)
class Manner:
    """How the end of a study is told."""

    is_held: bool  # until the quiet hours are over
    is_muted: bool  # by its root message alone
    is_broadcast: bool  # also outside its thread


async def manner_of(conversation: Conversation, now: datetime) -> Manner:
    """Return how the end of a conversation's study is told now."""
    channel, person = await channel_settings(conversation.channel_id), await settings_of(conversation.user_id)
    asked_at = max(filter(None, (conversation.created_at, conversation.acted_at)))
    return Manner(
        is_held=is_held(channel, asked_at, now),
        is_muted=person.is_muted,
        is_broadcast=conversation.is_broadcast and not is_quiet(channel, now),
    )


def is_held(channel: ChannelSettings | None, asked_at: datetime, now: datetime) -> bool:
    """Return whether what was requested at `asked_at` waits for the end of a channel's quiet hours."""
    return is_quiet(channel, now) and now - asked_at > AWAITED


async def channel_settings(channel_id: str) -> ChannelSettings | None:
    """Return the settings of a channel; None where nobody made any."""
    return await ChannelSettings.find_one(ChannelSettings.channel_id == channel_id)


def is_quiet(channel: ChannelSettings | None, now: datetime) -> bool:
    """Return whether a channel has quiet hours at a moment; a digest within them ends them."""
    hours = quiet_hours(channel)
    if channel is None or hours is None:
        return False
    (start, end), moment = hours, now.astimezone(_zone(channel)).time()
    digest = digest_time(channel)
    if digest is not None and _is_within(digest, start, end):
        end = digest
    return _is_within(moment, start, end)


def quiet_hours(channel: ChannelSettings | None) -> tuple[time, time] | None:
    """Return the first moment of a channel's quiet hours and the first one after them, on the wall; None without."""
    text = (channel.quiet if channel else None) or OFF
    if text == OFF:
        return None
    start, _, end = text.partition("-")
    return time.fromisoformat(start), time.fromisoformat(end)


def digest_time(channel: ChannelSettings) -> time | None:
    """Return the time of a channel's digest: its own, else the end of its quiet hours; None without either."""
    if (channel.digest or OFF) != OFF:
        return time.fromisoformat(str(channel.digest))
    hours = quiet_hours(channel)
    return hours[1] if hours else None


def digest_due(channel: ChannelSettings, now: datetime) -> datetime | None:
    """Return the last moment up to now at which a digest was due and none was posted since; None if none is."""
    at, since = digest_time(channel), channel.digested_at
    if at is None or since is None:
        return None
    due = None
    for moment in times_after({"hour": at.hour, "minute": at.minute}, _zone(channel).key, since):
        if moment > now:
            return due
        due = moment
    return due


def _zone(channel: ChannelSettings) -> ZoneInfo:
    return ZoneInfo(channel.time_zone or "UTC")


def _is_within(moment: time, start: time, end: time) -> bool:
    return start <= moment < end if start < end else moment >= start or moment < end
