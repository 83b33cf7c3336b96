"""The one place that opens things; they close in reverse order."""

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.documents import DOCUMENTS as BOT_DOCUMENTS
from bot.reporter import Reporter
from bot.settings import Settings
from optimizer.documents import DOCUMENTS as STUDY_DOCUMENTS
from optimizer.errors import Unavailable
from optimizer.jobs import StudyJobs
from optimizer.market.bars import Warehouse
from optimizer.market.feed import Market
from optimizer.market.providers import Provider
from optimizer.market.providers.sample import Sample
from optimizer.mongo import mongo_uri, open_documents
from optimizer.pool import WorkerConfig, WorkerPool
from optimizer.service import OptimizationService


class HomeInUse(Unavailable):
    """One process owns a data directory."""

    sentence = (
        "Another optimize-bot is using {home}. Stop it first, ask it in Slack instead, "
        "or set OPTIMIZE_BOT_HOME to another folder."
    )


@dataclass(frozen=True, kw_only=True)
class Desk:
    """What every door of the program uses: Slack, the terminal and HTTP."""

    settings: Settings
    mongodb_uri: str
    market: Market
    pool: WorkerPool
    service: OptimizationService
    jobs: StudyJobs
    reporter: Reporter


@contextmanager
def claimed(home: Path) -> Iterator[None]:
    """Own the data directory; the claim ends with the process, however it ends."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(home / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as failure:
        os.close(descriptor)
        raise HomeInUse(home=home) from failure
    try:
        yield
    finally:
        os.close(descriptor)


@asynccontextmanager
async def open_desk(settings: Settings, *, n_workers: int | None = None) -> AsyncIterator[Desk]:
    """Start the workers, MongoDB and everything on top of them."""
    async with AsyncExitStack() as stack:
        stack.enter_context(claimed(settings.home))
        pool = WorkerPool(n_workers or settings.workers)
        stack.push_async_callback(pool.stop)
        reporter = Reporter(settings.reports)
        stack.push_async_callback(reporter.stop)
        await asyncio.gather(pool.prepare(), reporter.prepare())
        uri = await stack.enter_async_context(mongo_uri(settings.mongodb_address, settings.home, os.environ))
        await stack.enter_async_context(open_documents(uri, (*STUDY_DOCUMENTS, *BOT_DOCUMENTS)))
        pool.configure(WorkerConfig(mongodb_uri=uri, snapshots=settings.snapshots))
        market = stack.enter_context(open_market(settings))
        service = OptimizationService(
            market=market,
            pool=pool,
            snapshots=settings.snapshots,
            running_per_person=settings.running_per_person,
        )
        jobs = StudyJobs(service, uri)
        stack.push_async_callback(jobs.stop)
        yield Desk(
            settings=settings, mongodb_uri=uri, market=market, pool=pool, service=service, jobs=jobs, reporter=reporter
        )


@contextmanager
def open_market(settings: Settings) -> Iterator[Market]:
    """The warehouse with the sources that fill it."""
    with Warehouse.open(settings.warehouse) as warehouse:
        yield Market(warehouse, _providers(settings))


def _providers(settings: Settings) -> list[Provider]:
    return [Sample()]
