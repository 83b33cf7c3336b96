"""Schedules: repeated searches, each one a recurring job in APScheduler's MongoDB store.

The job only triggers. The state is in the documents: a schedule records when it is due next, and a run claims
that time once. So a trigger that comes twice, or late after a stop, or never because the program died between the
store's update and the claim, leaves the same one run.
"""

import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import date, datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any

from pymongo.errors import DuplicateKeyError

from bot.documents.current_workspace import workspace
from bot.documents.recurring import RunState, Schedule, ScheduleRun
from bot.grammar.cadence import ScheduleWhen
from bot.origin import Origin
from bot.schedules.watchlists import UnknownWatchlist, list_named, specs_for
from optimizer.clock import Clock
from optimizer.domain.study_request import StudySpec
from optimizer.errors import Phrase, UnknownWord, UserError, nearest
from optimizer.storage.documents import WORKSPACE
from optimizer.storage.driver import collection_of
from optimizer.storage.short_names import ShortNames
from optimizer.storage.study_queries import EVERY, Query, both
from optimizer.studies.scheduler import StudyJobs, times_after

log = logging.getLogger(__name__)

#: Kind of the recurring jobs of schedules.
KIND = "schedule"
#: A run that begins later than this shows in its post when it was due.
LATE = timedelta(minutes=5)
#: Most schedules per person.
MAX_OWN = 20
_NAMES = ShortNames(prefix="sch-", n_bytes=(1, 1, 1, 2, 2, 4))
_OLD_INDEX = "schedule_name_1_due_at_-1"
#: Largest difference between two clocks when a job is triggered.
_GRACE = timedelta(seconds=1)


class UnknownSchedule(UnknownWord):
    """Raised for a word that identifies no schedule. Facts: word, nearest."""


class AlreadyScheduled(UserError):
    """Raised when the user has an equal schedule. Facts: schedule."""


class TooManySchedules(UserError):
    """Raised when the user has too many schedules. Facts: n, limit."""


class NothingUnseen(UserError):
    """Raised for a schedule without bars that no search has seen. Facts: what."""


class NoNewBars(UserError):
    """Raised for a schedule on bars that never change. Facts: symbol, source, end (the day of the last bar)."""


class Schedules:
    """Stores schedules and claims their due runs."""

    def __init__(self, jobs: StudyJobs, clock: Clock) -> None:
        self._jobs = jobs
        self._clock = clock

    async def add(
        self, spec: StudySpec, when: ScheduleWhen, time_zone: str, origin: Origin, audience: str = WORKSPACE
    ) -> Schedule:
        """Store a new schedule of the user. Raises NothingUnseen, AlreadyScheduled and TooManySchedules."""
        _require_unseen(spec)
        await self._require_new(spec, when, time_zone, origin)
        schedule = Schedule(
            schedule_name="",
            spec=spec,
            when=asdict(when),
            time_zone=time_zone,
            next_due=next(times_after(when.cron, time_zone, self._clock())),
            created_by=origin.user_id,
            channel_id=origin.channel_id,
            team_id=origin.team_id,
            team=workspace(),
            language=origin.public_language,
            audience=audience,
            created_at=self._clock(),
        )
        schedule = await _NAMES.give(partial(_insert, schedule))
        await self._jobs.add_cron(KIND, schedule.schedule_name, when.cron, time_zone)
        log.info("schedule_added schedule=%s next=%s", schedule.schedule_name, schedule.next_due.isoformat())
        return schedule

    async def remove(self, schedule: Schedule, by: str) -> None:
        """Remove a schedule; a run under way goes on to its end."""
        await self._jobs.remove_cron(KIND, schedule.schedule_name)
        await schedule.set({"removed_by": by, "removed_at": self._clock()})

    async def find(self, word: str, among: Query = EVERY) -> Schedule:
        """The schedule a person means: its name, with or without the prefix, or a unique beginning of it."""
        schedules = {schedule.schedule_name: schedule for schedule in await self.all(among)}
        if (name := _NAMES.meant(word, schedules)) is not None:
            return schedules[name]
        near = nearest(_NAMES.beginning(word), schedules)
        raise UnknownSchedule(word=word, nearest=near, known=", ".join(schedules))

    async def all(self, among: Query = EVERY) -> list[Schedule]:
        """Return every schedule of `among`, the next one first."""
        return await Schedule.find(both({"removed_at": None}, among)).sort("next_due", "schedule_name").to_list()

    def next_times(self, schedule: Schedule, n: int = 3) -> list[datetime]:
        """Return the times of its next runs, in UTC."""
        return list(islice(times_after(schedule.phrase.cron, schedule.time_zone, self._clock()), n))

    async def claim_due(self, name: str) -> list[ScheduleRun]:
        """Claim the due runs of a schedule: one run per symbol, however many times were missed."""
        schedule = await Schedule.find_one({"schedule_name": name, "removed_at": None})
        now = self._clock()
        if schedule is None or schedule.next_due > now + _GRACE:
            return []
        due_at, n_missed = schedule.next_due, 0
        for time in times_after(schedule.phrase.cron, schedule.time_zone, schedule.next_due):
            if time > now + _GRACE:
                break
            due_at, n_missed = time, n_missed + 1
        runs = await self._claim(schedule, due_at=due_at, started_at=now, n_missed=n_missed)
        await schedule.set({"next_due": time})
        return runs

    async def run_now(self, schedule: Schedule, by: str) -> list[ScheduleRun]:
        """Run a schedule out of turn; returns nothing when a run of it is under way."""
        if await ScheduleRun.find_one({"schedule_name": schedule.schedule_name, "state": {"$ne": str(RunState.TOLD)}}):
            return []
        now = self._clock().replace(microsecond=0)
        return await self._claim(schedule, due_at=now, started_at=now, asked_by=by)

    async def recover(self) -> None:
        """Restore jobs that the store has lost, and claim times whose trigger was lost."""
        await _drop_old_index()
        for schedule in await self.all():
            name = schedule.schedule_name
            if await self._jobs.next_run(KIND, name) is None:
                log.warning("schedule_without_job schedule=%s", name)
                await self._jobs.add_cron(KIND, name, schedule.phrase.cron, schedule.time_zone)
            await self.claim_due(name)

    async def _claim(self, schedule: Schedule, **facts: Any) -> list[ScheduleRun]:
        """Insert the runs of a time unless claimed before, one per member of a watch list."""
        name, found = schedule.schedule_name, []
        members = await _members(schedule.spec, facts["started_at"].date())
        for symbol in members:
            run = ScheduleRun(schedule_name=name, team=schedule.team, symbol=symbol, n_together=len(members), **facts)
            with suppress(DuplicateKeyError):
                found.append(await run.insert())
        log.info("schedule_run schedule=%s due=%s runs=%s", name, facts["due_at"].isoformat(), len(found))
        return found

    async def _require_new(self, spec: StudySpec, when: ScheduleWhen, time_zone: str, origin: Origin) -> None:
        mine = [schedule for schedule in await self.all() if schedule.created_by == origin.user_id]
        for schedule in mine:
            same = (schedule.spec, schedule.phrase, schedule.time_zone, schedule.channel_id)
            if same == (spec, when, time_zone, origin.channel_id):
                raise AlreadyScheduled(schedule=schedule.schedule_name)
        if len(mine) >= MAX_OWN:
            raise TooManySchedules(n=len(mine), limit=MAX_OWN)


async def _insert(schedule: Schedule, name: str) -> Schedule:
    schedule.schedule_name = name
    return await schedule.insert()


def spec_of(schedule: Schedule, run: ScheduleRun) -> StudySpec:
    """Return the spec of a run."""
    return schedule.spec.for_symbol(run.symbol) if run.symbol else schedule.spec


async def _members(spec: StudySpec, day: date) -> Sequence[str]:
    """Return the members of a watch list on a day; one run for a symbol, and for a deleted list to report it."""
    try:
        return [each.symbol for each in await specs_for(spec, day)] if list_named(spec) else [""]
    except UnknownWatchlist:
        return [""]


def is_late(run: ScheduleRun) -> bool:
    """Check whether a run began so late that its post mentions it."""
    return not run.asked_by and run.started_at - run.due_at > LATE


async def _drop_old_index() -> None:
    """Drop the index of versions in which each time had only one run."""
    collection = collection_of(ScheduleRun)
    if _OLD_INDEX in await collection.index_information():
        await collection.drop_index(_OLD_INDEX)


def _require_unseen(spec: StudySpec) -> None:
    if spec.holdout == 0:
        raise NothingUnseen(what=Phrase("holdout_of_zero"))
    if spec.end is not None:
        raise NothingUnseen(what=Phrase("fixed_last_day"))
