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

from fastapi import FastAPI
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.access.local import LocalPeople
from bot.access.people import People
from bot.access.roster import Roster
from bot.cli.composition import make_context, make_scheduled_runs
from bot.cli.screen import Screen
from bot.cli.web import link_message, sign_in_url
from bot.context import BotContext
from bot.delivery.outbox import Outbox
from bot.http_server import add_slack_route, build_web, listen
from bot.ops.lease import hold_lease, identity_of
from bot.ops.watchdog import Watchdog
from bot.pages.app import build_pages
from bot.runtime.processes import ChildProcesses
from bot.runtime.services import Services, open_services
from bot.runtime.settings import Settings
from bot.runtime.slack_client import slack_client
from bot.schedules import bar_refresh, schedules
from bot.schedules.bar_refresh import BarRefresh
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
        outbox = Outbox(client, clock=services.clock)
        if services.settings.has_slack:
            await stack.enter_async_context(outbox.open())
        for language in LANGUAGES:
            await asyncio.to_thread(renderer_of(language).warm)
        _warn_of_roles(services.settings)
        context = make_context(services, client, outbox, _people(services.settings, client))
        stack.push_async_callback(context.background.stop)
        for following in await _resume(context):
            stack.push_async_callback(_cancel, asyncio.create_task(following()))
        yield context


def _people(settings: Settings, client: AsyncWebClient) -> People:
    return People(client) if settings.has_slack else LocalPeople(settings.language)


async def _resume(context: BotContext) -> list[Callable[[], Coroutine[Any, Any, None]]]:
    """Resume what an earlier run left; returns the loops that follow what goes on. What is for Slack waits for it."""
    services = context.services
    weekly = make_scheduled_runs(context)
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
    if services.settings.has_slack:
        await context.unreachable.recover()
    await context.replays.recover()
    await refresh.schedule(services.settings.refresh)
    await context.champions.write()
    log.info("ready recovered=%s", len(recovered))
    await services.chart_process.warm()
    in_slack = [context.conversations.follow, context.groups.follow] if services.settings.has_slack else []
    return [*in_slack, _watchdog(context).follow, weekly.follow]


def _watchdog(context: BotContext) -> Watchdog:
    services = context.services
    return Watchdog(
        service=services.studies, pool=services.pool, jobs=services.jobs, conversations=context.conversations
    )


def _warn_of_roles(settings: Settings) -> None:
    roster = Roster.of(settings)
    if roster.is_open:
        log.warning("open_to_everyone: anyone in the workspace may start studies; OPTIMIZE_BOT_RUNNERS names who may")
    if not roster.has_admin:
        log.warning("no_admin: nobody may configure or read the audit; OPTIMIZE_BOT_ADMINS names who may")


async def _cancel(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


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
    async with run_bot(settings, slack_client(settings), children) as bot:
        if not settings.has_slack:
            _print_link(settings, bot.port)
        gc.freeze()  # these objects stay: without this every full collection stops all conversations for 0.2 s
        await asyncio.Event().wait()


def _print_link(settings: Settings, port: int) -> None:
    """Print where the pages are, and a link that signs the person at this machine in."""
    address = settings.model_copy(update={"port": port}).web_address
    link = link_message(sign_in_url(settings, address), settings, renderer_of(settings.language))
    screen = Screen(as_json=False)
    screen.show(renderer_of(settings.language).notice("slack_off", address=address), link)


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
        web = build_web(context)
        if settings.has_slack:
            await stack.enter_async_context(_listen_to_slack(context, client, web))
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
async def _listen_to_slack(context: BotContext, client: AsyncWebClient, web: FastAPI) -> AsyncIterator[None]:
    """Take Slack's requests inside the block: from a socket, or at a route of `web`."""
    async with AsyncExitStack() as stack:
        settings, home = context.services.settings, Home(context)
        stack.push_async_callback(_cancel, asyncio.create_task(home.follow()))
        if settings.slack_app_token is not None:
            await stack.enter_async_context(_socket_mode(build_app(context, home, client, None), settings))
        else:
            assert settings.slack_signing_secret is not None
            secret = settings.slack_signing_secret.get_secret_value()
            add_slack_route(web, build_app(context, home, client, secret), secret)
        yield


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
