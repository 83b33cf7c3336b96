"""Opening of all services in one place; they close in reverse order."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field

from bot.documents.migrations import migrate
from bot.documents.registry import DOCUMENTS as BOT_DOCUMENTS
from bot.runtime.chart_process import ChartProcess
from bot.runtime.own_strategies import load_own_strategies
from bot.runtime.process_metrics import ProcessMetrics
from bot.runtime.processes import ChildProcesses, identity_of
from bot.runtime.settings import Settings
from optimizer.clock import Clock, utc_now
from optimizer.market.feed import Market
from optimizer.market.providers.provider import Provider
from optimizer.market.providers.registry import ProviderSettings, make_providers
from optimizer.market.rebuilding import open_or_rebuild
from optimizer.market.snapshots import sweep_drafts
from optimizer.outlook.signal_service import SignalService
from optimizer.storage.documents import DOCUMENTS as STUDY_DOCUMENTS
from optimizer.storage.leases import give_back
from optimizer.storage.mongo import kept_ready, open_documents
from optimizer.storage.outage import ends_process
from optimizer.studies.running.broker import BrokerBell
from optimizer.studies.running.machines import Machines
from optimizer.studies.scheduler import StudyJobs
from optimizer.studies.service import OptimizationService
from optimizer.studies.worker_messages import Configure
from optimizer.studies.worker_pool import WorkerPool
from optimizer.supervisor import Supervisor


@dataclass(frozen=True, kw_only=True)
class Services:
    """Services that Slack, the terminal and HTTP share."""

    settings: Settings
    mongodb_uri: str = field(repr=False)  # it holds the password
    market: Market
    pool: WorkerPool
    studies: OptimizationService
    signals: SignalService
    jobs: StudyJobs
    chart_process: ChartProcess
    machines: Machines
    supervisor: Supervisor
    clock: Clock
    metrics: ProcessMetrics = field(default_factory=ProcessMetrics)
    closing: asyncio.Event = field(default_factory=asyncio.Event)  # set when the bot stops, so that open streams end


@asynccontextmanager
async def open_services(
    settings: Settings,
    children: ChildProcesses,
    *,
    supervisor: Supervisor | None = None,
    clock: Clock = utc_now,
    providers: Sequence[Provider] = (),
) -> AsyncIterator[Services]:
    """Connect to the processes, and open every service. Tests pass their own clock and providers."""
    supervisor = supervisor or Supervisor(is_fatal=ends_process)
    async with AsyncExitStack() as stack:
        # Before MongoDB is waited for, whose server takes a second to start.
        market = stack.enter_context(open_market(settings, providers))
        uri = settings.mongodb_address
        if children.mongod is not None:
            uri = await stack.enter_async_context(kept_ready(children.mongod, supervisor))
        assert uri is not None, "there is an embedded server, or an address"
        await stack.enter_async_context(open_documents(uri, (*STUDY_DOCUMENTS, *BOT_DOCUMENTS)))
        await migrate()
        own = load_own_strategies(settings).sources
        pool = identity_of(settings.home)
        stack.push_async_callback(give_back, pool)  # the studies may go on elsewhere
        stack.push_async_callback(children.pool.stop)  # before the server that they speak to, which they would miss
        children.pool.configure(Configure(mongodb_uri=uri, snapshots=settings.snapshots, pool=pool, own=own))
        service = OptimizationService(
            market=market,
            pool=children.pool,
            snapshots=settings.snapshots,
            clock=clock,
            running_per_person=settings.running_per_person,
            shares_snapshots=settings.shares_snapshots,
            ring=_bell(settings, stack),
        )
        jobs = StudyJobs(service, uri, clock=clock)
        stack.push_async_callback(jobs.stop)
        chart_process = ChartProcess(settings.reports, service.packed_trials, child=children.drawing)
        stack.push_async_callback(chart_process.stop)
        yield Services(
            settings=settings,
            mongodb_uri=uri,
            market=market,
            pool=children.pool,
            studies=service,
            signals=SignalService(market, clock),
            jobs=jobs,
            chart_process=chart_process,
            machines=Machines(),
            supervisor=supervisor,
            clock=clock,
        )


def _bell(settings: Settings, stack: AsyncExitStack) -> Callable[[str], None]:
    """Return what rings for a study at the broker of the settings; nothing without one."""
    if settings.broker is None:
        return lambda _: None
    bell = BrokerBell(settings.broker.get_secret_value())
    stack.callback(bell.stop)
    return bell.ring


@contextmanager
def open_market(settings: Settings, providers: Sequence[Provider] = ()) -> Iterator[Market]:
    """Open the warehouse with its sources: those given, else those of the settings.

    A damaged one is made anew. Raises UnknownSource and MissingKey.
    """
    providers = providers or make_providers(provider_settings(settings))
    sweep_drafts(settings.snapshots)  # whoever has the data directory is the only one that writes there
    warehouse = open_or_rebuild(
        settings.warehouse,
        snapshots=settings.snapshots,
        fetched={provider.name for provider in providers},
        now=utc_now(),
        sources=settings.sources,
    )
    with warehouse:
        market = Market(warehouse, providers, sources=settings.sources)
        market.require_sources()
        yield market


def provider_settings(settings: Settings) -> ProviderSettings:
    """Settings of the sources."""
    return ProviderSettings(
        cache_folder=settings.home / "cache",
        alphavantage_key=settings.alphavantage_api_key,
        alpaca_key_id=settings.alpaca_key_id,
        alpaca_secret_key=settings.alpaca_secret_key,
        polygon_key=settings.polygon_api_key,
        polygon_years=settings.polygon_years,
        polygon_per_minute=settings.polygon_per_minute,
        stooq_key=settings.stooq_api_key,
        tiingo_key=settings.tiingo_api_key,
        tables=settings.tables,
    )
