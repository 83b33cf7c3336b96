"""`optimize-bot serve`: the bot as a running program, until it is stopped."""

import argparse
import asyncio
import gc
import logging
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial

from fastapi import FastAPI
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.access.local import LocalPeople
from bot.access.people import People
from bot.access.roster import Roster
from bot.cli.attach.terminal_server import answer_terminals
from bot.cli.composition import make_context, make_digests, make_scheduled_runs
from bot.cli.screen import Screen
from bot.cli.web import link_message, sign_in_url
from bot.context import BotContext
from bot.delivery import groups, thread, unreachable_channel
from bot.delivery.outbox import Outbox
from bot.delivery.told_at_once import run_and_tell
from bot.http_server import add_slack_route, build_web, listen
from bot.ops import retention
from bot.ops.ending import end_within
from bot.ops.lease import hold_lease
from bot.ops.retention import Retention
from bot.ops.watchdog import POLL_SECONDS as WATCH_SECONDS
from bot.ops.watchdog import Watchdog
from bot.pages.app import build_pages
from bot.runtime.installations import RELOAD_SECONDS, Installations
from bot.runtime.processes import ChildProcesses, identity_of
from bot.runtime.services import Services, open_services
from bot.runtime.settings import Settings
from bot.runtime.slack_account import RECHECK_SECONDS, SlackAccount
from bot.runtime.slack_client import WorkspacesClient, slack_client
from bot.schedules import bar_refresh, channel_digests, scheduled_runs, schedules
from bot.schedules.bar_refresh import BarRefresh
from bot.schedules.forecast_scoring import ForecastScoring, keep_of_study
from bot.schedules.scheduled_runs import ScheduledRuns
from bot.slack.app import SlackDoors, build_app
from bot.slack.home_tab import TICK_SECONDS as HOME_SECONDS
from bot.slack.home_tab import Home
from optimizer.clock import Clock, utc_now
from optimizer.market.providers.provider import Provider
from optimizer.storage.leases import release_pool
from optimizer.storage.outage import ends_process, patiently
from optimizer.studies.running.memory import bound_arenas, give_memory_back
from optimizer.studies.running.reaper import LOOK_SECONDS as REAPER_SECONDS
from optimizer.studies.running.reaper import Reaper
from optimizer.studies.scheduler import STUDY_KIND, Handler
from optimizer.supervisor import Step, Supervisor, begin
from reports.render import LANGUAGES, renderer_of

log = logging.getLogger(__name__)

#: Seconds that Slack has to answer the end of the socket.
_GOODBYE_SECONDS = 2.0
#: Seconds in which everything has closed, else the process ends without.
_CLOSING_SECONDS = 7.0
#: Seconds after which memory that a burst of requests needed is given back.
_MEMORY_SECONDS = 20.0


@asynccontextmanager
async def open_context(services: Services, client: AsyncWebClient, account: SlackAccount) -> AsyncIterator[BotContext]:
    """Open the Slack side: resume what an earlier run left, follow, and stop in reverse order."""
    supervisor, has_slack = services.supervisor, services.settings.has_slack
    async with AsyncExitStack() as stack:
        holder = identity_of(services.settings.home)
        lease = await stack.enter_async_context(hold_lease(holder, supervisor, on_lost=supervisor.end))
        if lease.predecessor:  # its heartbeat has stopped: what its workers held need not wait again
            await patiently(partial(release_pool, lease.predecessor), what="leases")
        outbox = Outbox(client, clock=services.clock, account=account, may_send=lambda: lease.is_held)
        if has_slack:
            await account.check_at_start()
            await stack.enter_async_context(supervisor.repeat("slack", account.check, every=RECHECK_SECONDS))
            await stack.enter_async_context(outbox.open(supervisor))
        for language in LANGUAGES:
            await asyncio.to_thread(renderer_of(language).warm)
        _warn_of_roles(services.settings)
        people = _people(services.settings, client)
        context = make_context(services, client, outbox, people, may_serve=lambda: lease.is_held)
        stack.push_async_callback(context.background.stop)
        weekly = make_scheduled_runs(context)
        await _resume(context)
        for stop in (context.conversations.stop, weekly.stop):
            stack.push_async_callback(stop)
        for name, (step, seconds) in _loops(context, weekly).items():
            await stack.enter_async_context(supervisor.repeat(name, _while_serving(context, step), every=seconds))
        yield context


def _loops(context: BotContext, weekly: ScheduledRuns) -> dict[str, tuple[Step, float]]:
    """Return the steps that follow what goes on, with the seconds between two of them, by name."""
    services = context.services
    watchdog = Watchdog(
        service=services.studies, pool=services.pool, jobs=services.jobs, conversations=context.conversations
    )
    reaper = Reaper(services.pool.identity, on_free=services.jobs.submit)
    always: dict[str, tuple[Step, float]] = {
        "reaper": (reaper.tick, REAPER_SECONDS),
        "machines": (services.machines.look, REAPER_SECONDS),
        "watchdog": (watchdog.tick, WATCH_SECONDS),
        "schedules": (weekly.tick, scheduled_runs.TICK_SECONDS),
        "retention": (Retention(services.settings, services.clock).tick, retention.TICK_SECONDS),
    }
    in_slack: dict[str, tuple[Step, float]] = {
        "conversations": (context.conversations.tick, thread.TICK_SECONDS),
        "groups": (context.groups.tick, groups.TICK_SECONDS),
        "digests": (make_digests(context).tick, channel_digests.TICK_SECONDS),
        "refused": (context.unreachable.look, unreachable_channel.TICK_SECONDS),
    }
    return always | (in_slack if services.settings.has_slack else {})


def _while_serving(context: BotContext, step: Step) -> Step:
    """Return a step that does nothing while another bot may have the lease."""

    async def guarded() -> None:
        if context.may_serve():
            await step()

    return guarded


def _people(settings: Settings, client: AsyncWebClient) -> People:
    return People(client) if settings.has_slack else LocalPeople(settings.language)


async def _resume(context: BotContext) -> None:
    """Resume what an earlier run left. What is for Slack waits for it."""
    services = context.services
    refresh = BarRefresh(
        market=services.market,
        champions=context.champions,
        jobs=services.jobs,
        signals=services.signals,
        outbox=context.outbox,
        background=context.background,
        clock=context.clock,
        language=services.settings.language,
        forecasts=ForecastScoring(services),
    )
    handlers: dict[str, Handler] = {schedules.KIND: context.schedules.claim_due, bar_refresh.KIND: refresh.refresh_now}
    if services.settings.has_slack:
        told = run_and_tell(
            services.studies,
            context.conversations,
            context.groups,
            context.may_serve,
            keep=partial(keep_of_study, services=services),
        )
        handlers[STUDY_KIND] = services.metrics.timed(told)
    await services.jobs.start(handlers)
    await context.groups.recover()
    await context.conversations.recover()
    recovered = await services.jobs.recover()
    await context.schedules.recover()
    await context.replays.recover()
    await refresh.schedule(services.settings.refresh)
    await context.champions.write()
    log.info("ready recovered=%s", len(recovered))
    await services.chart_process.warm()


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
    """Run until SIGTERM or SIGINT; returns 1 when the bot cannot go on, so that what watches over it starts it anew."""
    assert children is not None, "the command line starts them for this verb"
    bound_arenas()
    stop, given_up = _stop_signal(), asyncio.Event()
    supervisor = Supervisor(on_end=given_up.set, is_fatal=ends_process)
    waiting = {begin(stop.wait()), begin(given_up.wait())}
    serving = begin(_serve(settings, children, supervisor))
    # Also while it still starts, or waits for another bot to end.
    await asyncio.wait({*waiting, serving}, return_when=asyncio.FIRST_COMPLETED)
    log.info("stopping")
    code = 1 if given_up.is_set() else 0
    end_within(_CLOSING_SECONDS, code)
    for task in waiting:
        task.cancel()
    await _cancel(serving)
    return code


async def _serve(settings: Settings, children: ChildProcesses, supervisor: Supervisor) -> None:
    async with run_bot(settings, slack_client(settings), children, supervisor=supervisor) as bot:
        if not settings.has_slack:
            _print_link(settings, bot.port)
        keep_objects()
        async with supervisor.repeat("memory", partial(asyncio.to_thread, give_memory_back), every=_MEMORY_SECONDS):
            await asyncio.Event().wait()


def keep_objects() -> None:
    """Leave out of collections what a ready bot has: each full one would stop all conversations for 0.2 s."""
    gc.unfreeze()
    gc.collect()  # what was left of imports and opening
    gc.freeze()


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
    supervisor: Supervisor | None = None,
    clock: Clock = utc_now,
    providers: Sequence[Provider] = (),
) -> AsyncIterator[RunningBot]:
    """Open the whole bot, which listens inside the block. Tests pass their own clock and providers."""
    opening = open_services(settings, children, supervisor=supervisor, clock=clock, providers=providers)
    async with AsyncExitStack() as stack:
        services = await stack.enter_async_context(opening)
        account = SlackAccount(client)
        installations = await stack.enter_async_context(_open_installations(services, client, account))
        context = await stack.enter_async_context(open_context(services, client, account))
        web = build_web(context, account)
        if settings.has_slack:
            doors = SlackDoors(client, account, installations)
            await stack.enter_async_context(_listen_to_slack(context, doors, web))
        web.mount("/", build_pages(context))  # last, since it answers every other path
        port = await stack.enter_async_context(listen(web, settings))
        await stack.enter_async_context(answer_terminals(context))
        stack.callback(services.closing.set)
        yield RunningBot(context=context, port=port)


def _stop_signal() -> asyncio.Event:
    stopped = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stopped.set)
    return stopped


@asynccontextmanager
async def _open_installations(
    services: Services, client: AsyncWebClient, account: SlackAccount
) -> AsyncIterator[Installations | None]:
    """Read the workspaces that installed the app, and again what changes; None where it is in one alone."""
    if not isinstance(client, WorkspacesClient):
        yield None
        return
    installations = Installations(
        services.settings.token_keys, client.tokens, clock=services.clock, home_team=lambda: account.who("team_id")
    )
    await installations.load()
    async with services.supervisor.repeat("installations", installations.reload, every=RELOAD_SECONDS):
        yield installations


@asynccontextmanager
async def _listen_to_slack(context: BotContext, doors: SlackDoors, web: FastAPI) -> AsyncIterator[None]:
    """Take Slack's requests inside the block: from a socket, or at a route of `web`."""
    async with AsyncExitStack() as stack:
        settings, home = context.services.settings, Home(context)
        updating = context.services.supervisor.repeat("home", _while_serving(context, home.tick), every=HOME_SECONDS)
        await stack.enter_async_context(updating)
        if settings.slack_app_token is not None:
            await stack.enter_async_context(_socket_mode(build_app(context, home, doors, None), settings))
        else:
            assert settings.slack_signing_secret is not None
            secret = settings.slack_signing_secret.get_secret_value()
            add_slack_route(web, build_app(context, home, doors, secret), secret)
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
        # A socket whose other side is silent would be waited for, and the process with it.
        with suppress(TimeoutError):
            await asyncio.wait_for(handler.close_async(), _GOODBYE_SECONDS)
