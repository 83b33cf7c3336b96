"""`optimize-bot serve`: the bot as a running program, until it is stopped."""

import argparse
import asyncio
import gc
import logging
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.access.people import People
from bot.access.roster import Access, Roster
from bot.context import BotContext
from bot.delivery.groups import Groups
from bot.delivery.outbox import Outbox
from bot.delivery.replay_requests import ReplayRequests
from bot.delivery.thread import Conversations
from bot.delivery.unreachable_channel import UnreachableChannels
from bot.http_server import add_slack_route, build_web, listen
from bot.ops.lease import hold_lease, identity_of
from bot.ops.watchdog import Watchdog
from bot.pages.app import build_pages
from bot.runtime.background import BackgroundTasks
from bot.runtime.processes import ChildProcesses
from bot.runtime.services import Services, open_services
from bot.runtime.settings import Settings
from bot.schedules import bar_refresh, schedules
from bot.schedules.bar_refresh import BarRefresh
from bot.schedules.champions import Champions
from bot.schedules.scheduled_runs import ScheduledRuns
from bot.schedules.schedules import Schedules
from bot.slack.app import build_app
from bot.slack.home_tab import Home
from optimizer.clock import Clock, utc_now
from optimizer.market.providers.provider import Provider
from reports.render import LANGUAGES, renderer_of

log = logging.getLogger(__name__)


@asynccontextmanager
async def open_context(services: Services, client: AsyncWebClient) -> AsyncIterator[BotContext]:
    """Open the Slack side: resume what an earlier run left, follow, and stop in reverse order."""
    async with AsyncExitStack() as stack:
        holder = identity_of(services.settings.home)
        await stack.enter_async_context(hold_lease(holder, on_lost=partial(signal.raise_signal, signal.SIGTERM)))
        outbox = await stack.enter_async_context(Outbox(client, clock=services.clock).open())
        for language in LANGUAGES:
            await asyncio.to_thread(renderer_of(language).warm)
        context = _context(services, client, outbox)
        stack.push_async_callback(context.background.stop)
        follow = await _resume(context)
        for following in (context.conversations.follow, context.groups.follow, _watchdog(context).follow, follow):
            stack.push_async_callback(_cancel, asyncio.create_task(following()))
        yield context


def _context(services: Services, client: AsyncWebClient, outbox: Outbox) -> BotContext:
    clock, people, background = services.clock, People(client), BackgroundTasks()
    conversations = Conversations(
        service=services.studies,
        outbox=outbox,
        client=client,
        chart_process=services.chart_process,
        clock=clock,
        public_url=services.settings.public_url,
    )
    return BotContext(
        services=services,
        client=client,
        outbox=outbox,
        conversations=conversations,
        groups=Groups(outbox=outbox, client=client, clock=clock),
        people=people,
        access=_access(services.settings, people),
        schedules=Schedules(services.jobs, clock),
        champions=Champions(services.settings.home, clock),
        background=background,
        unreachable=UnreachableChannels(client=client, outbox=outbox, people=people, background=background),
        replays=ReplayRequests(
            service=services.studies, conversations=conversations, outbox=outbox, background=background, clock=clock
        ),
        clock=clock,
        starting=asyncio.Lock(),
    )


async def _resume(context: BotContext) -> Callable[[], Coroutine[Any, Any, None]]:
    """Resume what an earlier run left; returns the loop that follows scheduled runs."""
    services = context.services
    weekly = ScheduledRuns(
        schedules=context.schedules,
        champions=context.champions,
        service=services.studies,
        market=services.market,
        jobs=services.jobs,
        outbox=context.outbox,
        clock=context.clock,
    )
    refresh = BarRefresh(
        market=services.market,
        champions=context.champions,
        jobs=services.jobs,
        outbox=context.outbox,
        background=context.background,
        clock=context.clock,
        language=services.settings.language,
    )
    services.jobs.start({schedules.KIND: context.schedules.claim_due, bar_refresh.KIND: refresh.refresh_now})
    await context.conversations.recover()
    recovered = await services.jobs.recover()
    await context.schedules.recover()
    await context.unreachable.recover()
    await context.replays.recover()
    await refresh.schedule(services.settings.refresh)
    await context.champions.write()
    log.info("ready recovered=%s", len(recovered))
    await services.chart_process.warm()
    return weekly.follow


def _watchdog(context: BotContext) -> Watchdog:
    services = context.services
    return Watchdog(
        service=services.studies, pool=services.pool, jobs=services.jobs, conversations=context.conversations
    )


def _access(settings: Settings, people: People) -> Access:
    roster = Roster.of(settings)
    if roster.is_open:
        log.warning("open_to_everyone: anyone in the workspace may start studies; OPTIMIZE_BOT_RUNNERS names who may")
    if not roster.has_admin:
        log.warning("no_admin: nobody may configure or read the audit; OPTIMIZE_BOT_ADMINS names who may")
    return Access(roster, people)


async def _cancel(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def slack_client(settings: Settings) -> AsyncWebClient:
    """Build the Web API client with the bot's token."""
    settings.require_slack()
    assert settings.slack_bot_token is not None
    return AsyncWebClient(token=settings.slack_bot_token.get_secret_value(), base_url=settings.slack_api_url)


async def run(options: argparse.Namespace, settings: Settings, children: ChildProcesses | None) -> int:
    """Run until SIGTERM or SIGINT."""
    assert children is not None, "the command line starts them for this verb"
    stopped = asyncio.create_task(_stop_signal().wait())
    serving = asyncio.create_task(_serve(settings, children))
    # Also while it still starts, or waits for another bot to end.
    await asyncio.wait({stopped, serving}, return_when=asyncio.FIRST_COMPLETED)
    log.info("stopping")
    stopped.cancel()
    await _cancel(serving)
    return 0


async def _serve(settings: Settings, children: ChildProcesses) -> None:
    async with run_bot(settings, slack_client(settings), children):
        gc.freeze()  # these objects stay: without this every full collection stops all conversations for 0.2 s
        await asyncio.Event().wait()


@dataclass(frozen=True, kw_only=True)
class RunningBot:
    """Bot that listens."""

    context: BotContext
    port: int  # of its HTTP side


@asynccontextmanager
async def run_bot(
    settings: Settings,
    client: AsyncWebClient,
    children: ChildProcesses,
    *,
    clock: Clock = utc_now,
    providers: Sequence[Provider] = (),
) -> AsyncIterator[RunningBot]:
    """Open the whole bot, which listens inside the block. Tests pass their own clock and providers."""
    async with AsyncExitStack() as stack:
        services = await stack.enter_async_context(open_services(settings, children, clock=clock, providers=providers))
        context = await stack.enter_async_context(open_context(services, client))
        home = Home(context)
        stack.push_async_callback(_cancel, asyncio.create_task(home.follow()))
        web = build_web(context)
        if settings.slack_app_token is not None:
            await stack.enter_async_context(_socket_mode(build_app(context, home, client, None), settings))
        else:
            assert settings.slack_signing_secret is not None
            secret = settings.slack_signing_secret.get_secret_value()
            add_slack_route(web, build_app(context, home, client, secret), secret)
        web.mount("/", build_pages(context))  # last, since it answers every other path
        port = await stack.enter_async_context(listen(web, settings))
        stack.callback(services.closing.set)
        yield RunningBot(context=context, port=port)


def _stop_signal() -> asyncio.Event:
    stopped = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stopped.set)
    return stopped


@asynccontextmanager
async def _socket_mode(app: AsyncApp, settings: Settings) -> AsyncIterator[None]:
    assert settings.slack_app_token is not None
    token = settings.slack_app_token.get_secret_value()
    # A client of its own: the default one has the bot's token, which may not open a socket.
    web_client = AsyncWebClient(token=token, base_url=settings.slack_api_url)
    handler = AsyncSocketModeHandler(app, token, web_client=web_client)
    await handler.connect_async()
    log.info("connected mode=socket")
    try:
        yield
    finally:
        await handler.close_async()
