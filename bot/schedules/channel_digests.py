"""The digest of a channel: once a day what was finished, what schedules found, and what runs next, in one message.

It also brings what the quiet hours held: those posts follow in its thread. Its key has the moment at which it was due,
and what it tells ends at that moment, so that a bot that is killed in the middle posts it once and loses nothing.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from bot.delivery.facts import study_facts
from bot.delivery.outbox import Outbox
from bot.delivery.quiet_hours import digest_due, digest_time
from bot.documents.conversations import Conversation, OutboxEntry, Sending
from bot.documents.current_workspace import in_workspace
from bot.documents.preferences import ChannelSettings
from bot.documents.recurring import RunState, Schedule, ScheduleRun
from bot.schedules.schedules import Schedules, spec_of
from optimizer.clock import Clock
from optimizer.domain.study_request import StudySpec
from optimizer.domain.study_results import StudyState
from optimizer.storage.outage import patiently
from optimizer.storage.study_queries import studies_named
from reports.facts import StudyFacts
from reports.render import Language, renderer_of

log = logging.getLogger(__name__)

#: Seconds between two looks for a digest that is due.
TICK_SECONDS = 5.0
#: Ends of studies that a digest tells: not those that somebody wanted.
_TOLD = (StudyState.COMPLETE, StudyState.FAILED)
#: Schedules that run within this time are named.
_AHEAD = timedelta(days=1)
#: Most lines of each kind; the others are counted.
SHOWN = 12


@dataclass(frozen=True, kw_only=True)
class DigestRun:
    """Run of a schedule that has ended."""

    schedule_name: str
    spec: StudySpec
    run: ScheduleRun


@dataclass(frozen=True, kw_only=True)
class UpcomingRun:
    """Next run of a schedule, in the channel's time zone."""

    schedule_name: str
    spec: StudySpec
    at: datetime


@dataclass(frozen=True, kw_only=True)
class DigestFacts:
    """What a digest tells."""

    since: datetime  # in the channel's time zone, like `until`
    until: datetime
    studies: Sequence[StudyFacts]
    runs: Sequence[DigestRun]
    upcoming: Sequence[UpcomingRun]
    n_held: int  # posts that waited, and follow in its thread

    @property
    def has_news(self) -> bool:
        """True if anything happened; runs to come are no reason for a message."""
        return bool(self.studies or self.runs or self.n_held)


class Digests:
    """Posts the digests of the channels that want one."""

    def __init__(self, *, schedules: Schedules, outbox: Outbox, clock: Clock, language: Language) -> None:
        self._schedules = schedules
        self._outbox = outbox
        self._clock = clock
        self._language = language

    async def tick(self) -> None:
        """Post every digest that is due, waiting out an outage of MongoDB."""
        await patiently(self._post_due, what="digests")

    async def _post_due(self) -> None:
        for channel in await ChannelSettings.find({"digested_at": {"$ne": None}}).to_list():
            with in_workspace(channel.team):
                await self._post_in(channel)

    async def _post_in(self, channel: ChannelSettings) -> None:
        assert channel.digested_at is not None, "the query asks for it"
        if (due := digest_due(channel, self._clock())) is not None:
            await self._post(channel, due)
        is_off = digest_time(channel) is None
        before = self._clock() if is_off else channel.digested_at
        await self._outbox.release(channel.channel_id, before=before, under=_key(channel, channel.digested_at))

    async def _post(self, channel: ChannelSettings, due: datetime) -> None:
        facts, key = await self._facts(channel, due), _key(channel, due)
        if facts.has_news:
            message = renderer_of(channel.language or self._language).render("digest", digest=facts, shown=SHOWN)
            await self._outbox.post(key, key, channel.channel_id, message)
            log.info("digest_posted n_studies=%s n_runs=%s", len(facts.studies), len(facts.runs))
        await channel.set({"digested_at": due})

    async def _facts(self, channel: ChannelSettings, due: datetime) -> DigestFacts:
        assert channel.digested_at is not None, "only channels with a digest are asked for"
        zone, within = ZoneInfo(channel.time_zone or "UTC"), {"$gt": channel.digested_at, "$lte": due}
        schedules = await Schedule.find({"channel_id": channel.channel_id}).to_list()
        held = {"channel_id": channel.channel_id, "sending": str(Sending.HELD), "created_at": {"$lte": due}}
        return DigestFacts(
            since=channel.digested_at.astimezone(zone),
            until=due.astimezone(zone),
            studies=await self._finished(channel.channel_id, within),
            runs=await _told_runs(schedules, within),
            upcoming=self._upcoming([each for each in schedules if each.removed_at is None], due, zone),
            n_held=await OutboxEntry.find(held).count(),
        )

    async def _finished(self, channel_id: str, within: dict[str, datetime]) -> list[StudyFacts]:
        ended = Conversation.find({"channel_id": channel_id, "ended_at": within}).sort("ended_at")
        studies = await studies_named([each.study_name for each in await ended.to_list()])
        return [study_facts(study, now=self._clock()) for study in studies if study.status in _TOLD]

    def _upcoming(self, schedules: Sequence[Schedule], due: datetime, zone: ZoneInfo) -> list[UpcomingRun]:
        nexts = [
            UpcomingRun(
                schedule_name=each.schedule_name,
                spec=each.spec,
                at=self._schedules.next_times(each, 1)[0].astimezone(zone),
            )
            for each in schedules
        ]
        return sorted((each for each in nexts if each.at <= due + _AHEAD), key=lambda each: each.at)


def _key(channel: ChannelSettings, due: datetime) -> str:
    """Return the digest's key in the outbox."""
    return f"digest:{channel.channel_id}:{int(due.timestamp())}"


async def _told_runs(schedules: Sequence[Schedule], within: dict[str, datetime]) -> list[DigestRun]:
    by_name = {schedule.schedule_name: schedule for schedule in schedules}
    query = {"schedule_name": {"$in": list(by_name)}, "state": str(RunState.TOLD), "told_at": within}
    runs = await ScheduleRun.find(query).sort("told_at").to_list()
    return [
        DigestRun(schedule_name=run.schedule_name, spec=spec_of(by_name[run.schedule_name], run), run=run)
        for run in runs
    ]
