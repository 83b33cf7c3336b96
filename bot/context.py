"""Context of the listeners, and their answers."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum, auto
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from bot.access.people import People
from bot.access.roster import Access
from bot.access.viewers import Viewers
from bot.delivery.groups import Groups
from bot.delivery.outbox import Outbox
from bot.delivery.replay_requests import ReplayRequests
from bot.delivery.thread import Conversations
from bot.delivery.unreachable_channel import UnreachableChannels
from bot.grammar.commands import Command
from bot.origin import Origin
from bot.runtime.background import BackgroundTasks
from bot.runtime.services import Services
from bot.schedules.champions import Champions
from bot.schedules.schedules import Schedules
from optimizer.clock import Clock
from optimizer.errors import UserError
from reports.text.message import Message


@dataclass(frozen=True, kw_only=True)
class BotContext:
    """Services and the Slack side of a running bot."""

    services: Services
    client: AsyncWebClient
    outbox: Outbox
    conversations: Conversations
    groups: Groups
    people: People
    access: Access
    viewers: Viewers
    schedules: Schedules
    champions: Champions
    background: BackgroundTasks
    unreachable: UnreachableChannels
    replays: ReplayRequests
    clock: Clock
    may_serve: Callable[[], bool]  # False when another bot may have the lease: then nothing is done
    starting: asyncio.Lock  # serialises starts, so that a duplicate command sees the first one's study
    claiming: asyncio.Lock  # serialises the API's requests with an Idempotency-Key


class Audience(StrEnum):
    """Readers of an answer."""

    USER = auto()
    THREAD = auto()  # the thread of a mention; the user of a slash command, which has no thread
    CHANNEL = auto()


@dataclass(frozen=True)
class Answer:
    """Message with its audience."""

    message: Message
    audience: Audience = Audience.USER
    is_refusal: bool = False
    error: UserError | None = None  # of a refusal, for entry points that word it themselves


#: Empty answer: a form was opened instead.
NO_ANSWER = Answer(Message("", []))


#: Functions that answer commands, by the kind of command; each takes its own kind.
Listeners = Mapping[type[Command], Callable[[Any, Origin, BotContext], Awaitable[Answer]]]
