"""Everything that happens in the background goes through APScheduler and its MongoDB job store.

A job's function is importable and takes ids, because the store keeps a pickle of both. Running jobs
reach the live objects of the process through `bind`, called once by whoever composes the program.
APScheduler drops a one-off job from the store when it starts; `recover` finds interrupted studies by
their documents instead. The job store unpickles what it reads: only this program may write to it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any

from apscheduler.executors.asyncio import AsyncIOExecutor
from apscheduler.jobstores.base import JobLookupError
from apscheduler.jobstores.mongodb import MongoDBJobStore
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.cron import CronTrigger
from pymongo import MongoClient

from optimizer.mongo import DATABASE
from optimizer.service import OptimizationService

log = logging.getLogger(__name__)

_STUDY_PREFIX = "study:"
_Handler = Callable[[str], Awaitable[object]]
#: What a running job calls, by the kind of job. A pickled job can carry no live object.
_handlers: dict[str, _Handler] = {}


def bind(handlers: Mapping[str, _Handler]) -> None:
    """Connect the kinds of job to the live objects of this process."""
    _handlers.clear()
    _handlers.update(handlers)


async def run_job(kind: str, identifier: str) -> None:
    """The one function that every stored job calls."""
    await _handlers[kind](identifier)


class StudyJobs:
    """Submits studies and keeps recurring jobs; the only user of APScheduler."""

    def __init__(self, service: OptimizationService, mongodb_uri: str) -> None:
        self._service = service
        # Short time-outs: the job store's client is synchronous and runs on the event loop.
        self._client: MongoClient[dict[str, Any]] = MongoClient(
            mongodb_uri, serverSelectionTimeoutMS=2000, connectTimeoutMS=2000, socketTimeoutMS=5000, tz_aware=True
        )
        database = self._client.get_default_database(DATABASE).name
        self._scheduler = AsyncIOScheduler(
            jobstores={"default": MongoDBJobStore(database=database, collection="scheduled_jobs", client=self._client)},
            executors={"default": AsyncIOExecutor()},
            timezone="UTC",
        )

    def start(self, handlers: Mapping[str, _Handler] | None = None) -> None:
        """Begin to run jobs; further kinds than `study` are handled by `handlers`."""
        bind({"study": self._service.run_study, **(handlers or {})})
        self._scheduler.start()

    def submit(self, study_name: str) -> None:
        """Run a study as soon as a worker is free."""
        # Late is fine: with the default grace of 1 s a busy loop would silently drop the study.
        self._scheduler.add_job(
            run_job,
            args=["study", study_name],
            id=_STUDY_PREFIX + study_name,
            misfire_grace_time=None,
            replace_existing=True,
        )

    async def recover(self) -> list[str]:
        """Submit every study that a stop interrupted; returns their names."""
        names = [study.study_name for study in await self._service.unfinished()]
        for name in names:
            self.submit(name)
        return names

    def add_cron(self, kind: str, identifier: str, trigger: CronTrigger) -> datetime | None:
        """Keep a recurring job; returns its next time. One missed while down runs once at the next start."""
        job = self._scheduler.add_job(
            run_job,
            trigger,
            args=[kind, identifier],
            id=f"{kind}:{identifier}",
            misfire_grace_time=None,
            coalesce=True,
            replace_existing=True,
        )
        next_run: datetime | None = job.next_run_time
        return next_run

    def remove_cron(self, kind: str, identifier: str) -> None:
        """Forget a recurring job; one that is not there is no error."""
        try:
            self._scheduler.remove_job(f"{kind}:{identifier}")
        except JobLookupError:
            log.info("job_not_found kind=%s id=%s", kind, identifier)

    def next_run(self, kind: str, identifier: str) -> datetime | None:
        """When a recurring job runs next."""
        job = self._scheduler.get_job(f"{kind}:{identifier}")
        return job.next_run_time if job else None

    async def stop(self) -> None:
        """Run nothing more; jobs under way are cancelled, their studies found again at the next start."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
            await asyncio.sleep(0)
        self._client.close()
