"""Composition: what listeners use, put together for the bot and for a terminal."""

import asyncio
from collections.abc import Callable

from slack_sdk.web.async_client import AsyncWebClient

from bot.access.local import local_user
from bot.access.people import People
from bot.access.roster import Access, Roster
from bot.access.viewers import Viewers
from bot.context import BotContext
from bot.delivery.groups import Groups
from bot.delivery.outbox import Outbox
from bot.delivery.replay_requests import ReplayRequests
from bot.delivery.thread import Conversations
from bot.delivery.unreachable_channel import UnreachableChannels
from bot.runtime.background import BackgroundTasks
from bot.runtime.services import Services
from bot.schedules.champions import Champions
from bot.schedules.channel_digests import Digests
from bot.schedules.scheduled_runs import ScheduledRuns
from bot.schedules.schedules import Schedules


def make_context(
    services: Services,
    client: AsyncWebClient,
    outbox: Outbox,
    people: People,
    *,
    may_serve: Callable[[], bool] = lambda: True,
) -> BotContext:
    """Put together what listeners use; opens nothing and sends nothing."""
    clock, background = services.clock, BackgroundTasks()
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
        groups=Groups(outbox=outbox, client=client, folder=services.settings.reports, clock=clock),
        people=people,
        access=Access(Roster.of(services.settings), people, local_user=local_user()),
        viewers=Viewers(people, local_user=local_user()),
        schedules=Schedules(services.jobs, clock),
        champions=Champions(services.settings.home, clock),
        background=background,
        unreachable=UnreachableChannels(client=client, outbox=outbox, people=people, clock=clock),
        replays=ReplayRequests(
            service=services.studies, conversations=conversations, outbox=outbox, background=background, clock=clock
        ),
        clock=clock,
        starting=asyncio.Lock(),
        claiming=asyncio.Lock(),
        may_serve=may_serve,
    )


def make_digests(context: BotContext) -> Digests:
    """Put together what posts the digests."""
    return Digests(
        schedules=context.schedules,
        outbox=context.outbox,
        clock=context.clock,
        language=context.services.settings.language,
    )


def make_scheduled_runs(context: BotContext) -> ScheduledRuns:
    """Put together what advances the runs of schedules."""
    services = context.services
    return ScheduledRuns(
        schedules=context.schedules,
        champions=context.champions,
        service=services.studies,
        market=services.market,
        jobs=services.jobs,
        outbox=context.outbox,
        clock=context.clock,
    )
