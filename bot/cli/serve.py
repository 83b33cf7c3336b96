"""The bot as a running program: Slack on one side, the desk on the other, until someone stops it."""

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
from bot.context import Office
from bot.delivery import replay_requests, unreachable_channel
from bot.delivery.groups import Groups
from bot.delivery.outbox import Outbox
from bot.delivery.thread import Conversations
from bot.http_server import build_web, listening, take_slack
from bot.ops.lease import identity_of, leading
from bot.ops.watchdog import Watch
from bot.pages.app import build_pages
from bot.runtime.background import Errands
from bot.runtime.processes import Children
from bot.runtime.services import Desk, open_desk
from bot.runtime.settings import Settings
from bot.schedules import bar_refresh, schedules
from bot.schedules.bar_refresh import Daily
from bot.schedules.champions import Champions
from bot.schedules.scheduled_runs import Weekly
from bot.schedules.schedules import Schedules
from bot.slack.app import build_app
from bot.slack.home_tab import Home
from optimizer.clock import Clock, utc_now
from optimizer.market.providers.provider import Provider
from reports.render import LANGUAGES, renderer_of

log = logging.getLogger(__name__)


@asynccontextmanager
async def open_office(desk: Desk, client: AsyncWebClient) -> AsyncIterator[Office]:
    """The Slack side of a desk: carries on with what an earlier run left, follows, and stops in reverse."""
    async with AsyncExitStack() as stack:
        holder = identity_of(desk.settings.home)
        await stack.enter_async_context(leading(holder, on_lost=partial(signal.raise_signal, signal.SIGTERM)))
        outbox = await stack.enter_async_context(Outbox(client, clock=desk.clock).open())
        for language in LANGUAGES:
            await asyncio.to_thread(renderer_of(language).warm)
        office = _office(desk, client, outbox)
        stack.push_async_callback(office.errands.stop)
        follow = await _resume(office)
        for following in (office.conversations.follow, office.groups.follow, _watch(office).follow, follow):
            stack.push_async_callback(_ended, asyncio.create_task(following()))
        yield office


def _office(desk: Desk, client: AsyncWebClient, outbox: Outbox) -> Office:
    clock, people = desk.clock, People(client)
    return Office(
        desk=desk,
        client=client,
        outbox=outbox,
        conversations=Conversations(
            service=desk.service,
            outbox=outbox,
            client=client,
            reporter=desk.reporter,
            clock=clock,
            public_url=desk.settings.public_url,
        ),
        groups=Groups(outbox=outbox, client=client, clock=clock),
        people=people,
        access=_access(desk.settings, people),
        schedules=Schedules(desk.jobs, clock),
        champions=Champions(desk.settings.home, clock),
        errands=Errands(),
        clock=clock,
        starting=asyncio.Lock(),
    )


async def _resume(office: Office) -> Callable[[], Coroutine[Any, Any, None]]:
    """Carry on with what an earlier run left; returns what follows the runs of schedules."""
    desk = office.desk
    weekly = Weekly(
        schedules=office.schedules,
        champions=office.champions,
        service=desk.service,
        market=desk.market,
        jobs=desk.jobs,
        outbox=office.outbox,
        clock=office.clock,
    )
    refresh = Daily(
        market=desk.market,
        champions=office.champions,
        jobs=desk.jobs,
        outbox=office.outbox,
        errands=office.errands,
        clock=office.clock,
        language=desk.settings.language,
    )
    desk.jobs.start({schedules.KIND: office.schedules.ring, bar_refresh.KIND: refresh.ring})
    await office.conversations.recover()
    recovered = await desk.jobs.recover()
    await office.schedules.recover()
    await unreachable_channel.recover(office)
    await replay_requests.recover(office)
    await refresh.keep(desk.settings.refresh)
    await office.champions.write()
    log.info("ready recovered=%s", len(recovered))
    await desk.reporter.warm()
    return weekly.follow


def _watch(office: Office) -> Watch:
    desk = office.desk
    return Watch(service=desk.service, pool=desk.pool, jobs=desk.jobs, conversations=office.conversations)


def _access(settings: Settings, people: People) -> Access:
    roster = Roster.of(settings)
    if roster.is_open:
        log.warning("open_to_everyone: anyone in the workspace may start studies; OPTIMIZE_BOT_RUNNERS names who may")
    if not roster.has_admin:
        log.warning("no_admin: nobody may configure or read the audit; OPTIMIZE_BOT_ADMINS names who may")
    return Access(roster, people)


async def _ended(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def slack_client(settings: Settings) -> AsyncWebClient:
    """The Web API client with the bot's token."""
    settings.require_slack()
    assert settings.slack_bot_token is not None
    return AsyncWebClient(token=settings.slack_bot_token.get_secret_value(), base_url=settings.slack_api_url)


async def run(options: argparse.Namespace, settings: Settings, children: Children) -> int:
    """`optimize-bot serve`: run until SIGTERM or SIGINT."""
    stopped = asyncio.create_task(_stop_signal().wait())
    serving = asyncio.create_task(_serve(settings, children))
    # Also while it still starts, or waits for another bot to end.
    await asyncio.wait({stopped, serving}, return_when=asyncio.FIRST_COMPLETED)
    log.info("stopping")
    stopped.cancel()
    await _ended(serving)
    return 0


async def _serve(settings: Settings, children: Children) -> None:
    async with running(settings, slack_client(settings), children):
        gc.freeze()  # what is here now stays: without this every full collection stops all conversations for 0.2 s
        await asyncio.Event().wait()


@dataclass(frozen=True, kw_only=True)
class Running:
    """A bot that listens."""

    office: Office
    port: int  # of its HTTP side


@asynccontextmanager
async def running(
    settings: Settings,
    client: AsyncWebClient,
    children: Children,
    *,
    clock: Clock = utc_now,
    providers: Sequence[Provider] = (),
) -> AsyncIterator[Running]:
    """The whole bot, listening inside the block. Tests bring their own clock and providers."""
    async with AsyncExitStack() as stack:
        desk = await stack.enter_async_context(open_desk(settings, children, clock=clock, providers=providers))
        office = await stack.enter_async_context(open_office(desk, client))
        home = Home(office)
        stack.push_async_callback(_ended, asyncio.create_task(home.follow()))
        web = build_web(office)
        if settings.slack_app_token is not None:
            await stack.enter_async_context(_socket_mode(build_app(office, home, client, None), settings))
        else:
            assert settings.slack_signing_secret is not None
            secret = settings.slack_signing_secret.get_secret_value()
            take_slack(web, build_app(office, home, client, secret), secret)
        web.mount("/", build_pages(office))  # last, for it answers whatever is left
        port = await stack.enter_async_context(listening(web, settings))
        stack.callback(desk.closing.set)
        yield Running(office=office, port=port)


def _stop_signal() -> asyncio.Event:
    stopped = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stopped.set)
    return stopped


@asynccontextmanager
async def _socket_mode(app: AsyncApp, settings: Settings) -> AsyncIterator[None]:
    assert settings.slack_app_token is not None
    token = settings.slack_app_token.get_secret_value()
    # Its own client: the default one carries the bot's token, which may not open a socket.
    web_client = AsyncWebClient(token=token, base_url=settings.slack_api_url)
    handler = AsyncSocketModeHandler(app, token, web_client=web_client)
    await handler.connect_async()
    log.info("connected mode=socket")
    try:
        yield
    finally:
        await handler.close_async()
