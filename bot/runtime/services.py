"""Opening of all services in one place; they close in reverse order."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field

from bot.documents.registry import DOCUMENTS as BOT_DOCUMENTS
from bot.runtime.chart_process import ChartProcess
from bot.runtime.processes import ChildProcesses
from bot.runtime.settings import Settings
from optimizer.clock import Clock, utc_now
from optimizer.market.feed import Market
from optimizer.market.providers.provider import Provider
from optimizer.market.providers.registry import ProviderSettings, make_providers
from optimizer.market.warehouse.warehouse import Warehouse
from optimizer.storage.documents import DOCUMENTS as STUDY_DOCUMENTS
from optimizer.storage.mongo import kept_ready, open_documents
from optimizer.studies.scheduler import StudyJobs
from optimizer.studies.service import OptimizationService
from optimizer.studies.worker_messages import Configure
from optimizer.studies.worker_pool import WorkerPool


@dataclass(frozen=True, kw_only=True)
class Services:
    """Services that Slack, the terminal and HTTP share."""

    settings: Settings
    mongodb_uri: str = field(repr=False)  # it holds the password
    market: Market
    pool: WorkerPool
    studies: OptimizationService
    jobs: StudyJobs
    chart_process: ChartProcess
    clock: Clock
    closing: asyncio.Event = field(default_factory=asyncio.Event)  # set when the bot stops, so that open streams end


@asynccontextmanager
async def open_services(
    settings: Settings, children: ChildProcesses, *, clock: Clock = utc_now, providers: Sequence[Provider] = ()
) -> AsyncIterator[Services]:
    """Connect to the processes, and open every service. Tests pass their own clock and providers."""
    async with AsyncExitStack() as stack:
        uri = settings.mongodb_address
        if children.mongod is not None:
            uri = await stack.enter_async_context(kept_ready(children.mongod))
        assert uri is not None, "there is an embedded server, or an address"
        await stack.enter_async_context(open_documents(uri, (*STUDY_DOCUMENTS, *BOT_DOCUMENTS)))
        children.pool.configure(Configure(mongodb_uri=uri, snapshots=settings.snapshots))
        market = stack.enter_context(open_market(settings, providers))
        service = OptimizationService(
            market=market,
            pool=children.pool,
            snapshots=settings.snapshots,
            clock=clock,
            running_per_person=settings.running_per_person,
        )
        jobs = StudyJobs(service, uri, clock=clock)
        stack.push_async_callback(jobs.stop)
        chart_process = ChartProcess(settings.reports, service.packed_trials)
        stack.push_async_callback(chart_process.stop)
        yield Services(
            settings=settings,
            mongodb_uri=uri,
            market=market,
            pool=children.pool,
            studies=service,
            jobs=jobs,
            chart_process=chart_process,
            clock=clock,
        )


@contextmanager
def open_market(settings: Settings, providers: Sequence[Provider] = ()) -> Iterator[Market]:
    """Open the warehouse with its sources: those given, else those that the settings name."""
    with Warehouse.open(settings.warehouse, sources=settings.sources) as warehouse:
        yield Market(warehouse, providers or _providers(settings), sources=settings.sources)


def _providers(settings: Settings) -> tuple[Provider, ...]:
    return make_providers(
        ProviderSettings(cache_folder=settings.home / "cache", alphavantage_key=settings.alphavantage_api_key)
    )
