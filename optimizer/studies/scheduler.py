"""Background jobs in APScheduler with its MongoDB job store.

A job's function is importable and takes ids, because the store pickles both. Running jobs
reach the live objects of the process through `bind`, called once when the program is composed.
APScheduler deletes a one-off job from the store when it starts; `recover` finds interrupted studies by
their documents instead. The job store unpickles its content: only this program may write to it.
Jobs that name the function by the path it had in another version are deleted at the start without being
unpickled; their owners add them again.

The job store's client is synchronous, so the scheduler has a thread of its own and nothing here asks the store on the
event loop, where a silent MongoDB would hold up everything else. Jobs themselves run on the loop.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from apscheduler.executors.asyncio import AsyncIOExecutor
from apscheduler.job import Job
from apscheduler.jobstores.base import JobLookupError
from apscheduler.jobstores.mongodb import MongoDBJobStore
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.schedulers.base import STATE_PAUSED, STATE_RUNNING
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.cron import CronTrigger
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from optimizer.clock import Clock, utc_now
from optimizer.storage.mongo import DATABASE, DURABLE
from optimizer.storage.outage import name_of
from optimizer.studies.service import OptimizationService

log = logging.getLogger(__name__)

#: Kind of the jobs that run a study.
STUDY_KIND = "study"
_STUDY_PREFIX = f"{STUDY_KIND}:"
#: A job that is due again while its last run is being told would be dropped in silence with the default of one; whoever
#: must not run twice sees to it itself.
_INSTANCES = 100
#: Seconds that the scheduler has to end.
_GOODBYE_SECONDS = 2.0
Handler = Callable[[str], Awaitable[object]]
#: Fields of a cron trigger: hour, minute, and day_of_week or day where they matter.
Cron = Mapping[str, str | int]
#: Handlers of running jobs, by kind. A pickled job cannot contain live objects.
_handlers: dict[str, Handler] = {}


def bind(handlers: Mapping[str, Handler]) -> None:
    """Register the handlers of the kinds of job in this process."""
    _handlers.clear()
    _handlers.update(handlers)


async def run_job(kind: str, identifier: str) -> None:
    """Run a stored job: the function that every job refers to."""
    try:
        await _handlers[kind](identifier)
    except asyncio.CancelledError:  # by the end of the program alone; APScheduler would log it as a fault
        log.info("job_stopped kind=%s id=%s", kind, identifier)


#: Contained in the pickle of every job that this version can restore.
_REFERENCE = f"{run_job.__module__}:{run_job.__qualname__}".encode()


class WallClock(BaseTrigger):
    """Trigger at a time of day in a time zone, once on each day, also when the clocks change.

    APScheduler's own cron trigger omits a day when its time is in an hour skipped at midnight, and
    runs twice in a repeated hour. Here a skipped 02:30 runs when it would have without the change
    (as 03:30), and of a repeated hour the first counts.
    """

    def __init__(self, cron: Cron, time_zone: str) -> None:
        self._walls = CronTrigger(timezone=UTC, **cron)  # a zone without changes of the clock
        self._zone = ZoneInfo(time_zone)

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        """First time after the previous one, or from `now` on if there is none; in UTC."""
        after = previous_fire_time or now - timedelta(microseconds=1)
        wall = after.astimezone(self._zone).replace(tzinfo=UTC) - timedelta(days=1)
        while True:
            wall = self._walls.get_next_fire_time(None, wall)
            moment: datetime = wall.replace(tzinfo=self._zone).astimezone(UTC)
            if moment > after:
                return moment
            wall += timedelta(microseconds=1)


def times_after(cron: Cron, time_zone: str, moment: datetime) -> Iterator[datetime]:
    """Yield the times of a recurring job after `moment`, in UTC, without end."""
    trigger = WallClock(cron, time_zone)
    while True:
        moment = trigger.get_next_fire_time(moment, moment)
        yield moment


class _ClockZone(tzinfo):
    """UTC zone whose `datetime.now(zone)`, which APScheduler calls, is the clock's time.

    Only tests use a clock that is not the machine's. Pickled inside a job it becomes plain UTC.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def fromutc(self, moment: datetime) -> datetime:
        """Replace the present time by the clock's; any other time is unchanged."""
        present = datetime.now(UTC).replace(tzinfo=self)
        is_present = abs(present - moment) < timedelta(seconds=1)
        return self._clock().astimezone(UTC).replace(tzinfo=self) if is_present else moment

    def utcoffset(self, _moment: datetime | None) -> timedelta:
        """Zero."""
        return timedelta(0)

    def dst(self, _moment: datetime | None) -> timedelta:
        """Zero."""
        return timedelta(0)

    def tzname(self, _moment: datetime | None) -> str:
        """Name of the zone."""
        return "UTC"

    def __reduce__(self) -> tuple[object, ...]:
        return _utc, ()


def _utc() -> tzinfo:
    return UTC


class _LoopExecutor(AsyncIOExecutor):
    """APScheduler's executor for an event loop, handed its jobs from the scheduler's thread."""

    def shutdown(self, wait: bool = True) -> None:
        """Cancel the jobs that run; it never waits."""
        if not self._eventloop.is_closed():
            self._eventloop.call_soon_threadsafe(super().shutdown, wait)

    def _do_submit_job(self, job: Job, run_times: list[datetime]) -> None:
        self._eventloop.call_soon_threadsafe(super()._do_submit_job, job, run_times)


class _Scheduler(BackgroundScheduler):
    """Scheduler that goes on after MongoDB failed while a due job was stored; APScheduler's thread would end."""

    _eventloop: asyncio.AbstractEventLoop  # where the executor looks for its loop

    def run_on(self, loop: asyncio.AbstractEventLoop) -> None:
        """Run jobs on this loop; called before the start."""
        self._eventloop = loop
        self.add_executor(_LoopExecutor())

    def _process_jobs(self) -> float | None:
        """Run the due jobs; returns the seconds until the next one."""
        if not self.running:  # its thread looks once more after the end
            return None
        try:
            wait: float | None = super()._process_jobs()
        except JobLookupError:
            if self.running:
                raise
            return None  # stopped meanwhile, it finds no job to delete; what was handed out is due again at the start
        except PyMongoError as error:
            log.warning("jobs_not_stored error=%s", name_of(error))
            wait = float(self.jobstore_retry_interval)
        return wait


class StudyJobs:
    """Queue of studies and recurring jobs; the only user of APScheduler."""

    def __init__(self, service: OptimizationService, mongodb_uri: str, *, clock: Clock = utc_now) -> None:
        self._service = service
        # Short time-outs: whoever submits a study waits while the scheduler asks for what is due.
        self._client: MongoClient[dict[str, Any]] = MongoClient(
            mongodb_uri,
            serverSelectionTimeoutMS=2000,
            connectTimeoutMS=2000,
            socketTimeoutMS=5000,
            tz_aware=True,
            **DURABLE,
        )
        self._stored = self._client.get_default_database(DATABASE)["scheduled_jobs"]
        store = MongoDBJobStore(self._stored.database.name, self._stored.name, client=self._client)
        self._due: dict[str, datetime] = {}  # next run of each deleted job, until it is added again
        self._scheduler = _Scheduler(
            jobstores={"default": store},
            timezone=UTC if clock is utc_now else _ClockZone(clock),
        )

    async def start(self, handlers: Mapping[str, Handler] | None = None) -> None:
        """Start to run jobs; `handlers` are for the other kinds, and may do more than run a study."""
        bind({STUDY_KIND: self._service.run_study, **(handlers or {})})
        await self.open()
        await asyncio.to_thread(self._scheduler.resume)

    async def open(self) -> None:
        """Open the store without running anything: for a program that is not the bot."""
        self._scheduler.run_on(asyncio.get_running_loop())
        await asyncio.to_thread(self._drop_foreign)
        await asyncio.to_thread(self._scheduler.start, paused=True)

    @property
    def is_running(self) -> bool:
        """True in the bot, which runs jobs; False in a program that only opened the store, or not even that."""
        return bool(self._scheduler.state == STATE_RUNNING)

    async def submit(self, study_name: str) -> None:
        """Queue a study for the next free worker; a program that only opened the store runs its studies itself."""
        if self._scheduler.state == STATE_PAUSED:
            return
        # Late is fine: with the default grace of 1 s a busy loop would silently drop the study.
        await asyncio.to_thread(
            self._scheduler.add_job,
            run_job,
            args=[STUDY_KIND, study_name],
            id=_STUDY_PREFIX + study_name,
            misfire_grace_time=None,
            replace_existing=True,
            max_instances=_INSTANCES,
        )

    async def recover(self) -> list[str]:
        """Submit every study that a stop interrupted; returns their names."""
        names = [study.study_name for study in await self._service.unfinished()]
        for name in names:
            await self.submit(name)
        return names

    async def add_cron(self, kind: str, identifier: str, cron: Cron, time_zone: str) -> datetime:
        """Store a recurring job and return its next time; runs missed while down become one at the next start."""
        name = f"{kind}:{identifier}"
        job = await asyncio.to_thread(
            self._scheduler.add_job,
            run_job,
            WallClock(cron, time_zone),
            args=[kind, identifier],
            id=name,
            misfire_grace_time=None,
            coalesce=True,
            replace_existing=True,
            max_instances=_INSTANCES,
            **({"next_run_time": self._due.pop(name)} if name in self._due else {}),
        )
        next_run: datetime = job.next_run_time
        return next_run.astimezone(UTC)

    def wake(self) -> None:
        """Check at once for due jobs, after a jump of the clock."""
        self._scheduler.wakeup()

    async def remove_cron(self, kind: str, identifier: str) -> None:
        """Remove a recurring job, if it exists."""
        try:
            await asyncio.to_thread(self._scheduler.remove_job, f"{kind}:{identifier}")
        except JobLookupError:
            log.info("job_not_found kind=%s id=%s", kind, identifier)

    async def kept(self, kind: str) -> list[str]:
        """Names of the recurring jobs of a kind."""
        names = [job.id for job in await asyncio.to_thread(self._scheduler.get_jobs)]
        return [name.removeprefix(f"{kind}:") for name in names if name.startswith(f"{kind}:")]

    async def next_run(self, kind: str, identifier: str) -> datetime | None:
        """Next time of a recurring job, or None."""
        job = await asyncio.to_thread(self._scheduler.get_job, f"{kind}:{identifier}")
        return job.next_run_time if job else None

    def _drop_foreign(self) -> None:
        """Delete jobs that cannot be restored: APScheduler raises when it looks one up, or logs a traceback."""
        for job in self._stored.find({}, ["next_run_time", "job_state"]):
            if _REFERENCE not in job["job_state"]:
                log.info("job_of_another_version id=%s", job["_id"])
                self._due[job["_id"]] = datetime.fromtimestamp(job["next_run_time"], UTC)
                self._stored.delete_one({"_id": job["_id"]})

    async def stop(self) -> None:
        """Stop; running jobs are cancelled, and their studies resumed at the next start."""
        if self._scheduler.running:
            # Its thread may be waiting for a MongoDB that is silent.
            with suppress(TimeoutError):
                await asyncio.wait_for(asyncio.to_thread(self._scheduler.shutdown, wait=False), _GOODBYE_SECONDS)
            await asyncio.sleep(0)
        await asyncio.to_thread(self._client.close)
