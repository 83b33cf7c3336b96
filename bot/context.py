"""What listeners work with, and what they hand back."""

import asyncio
from dataclasses import dataclass
from enum import StrEnum, auto

from slack_sdk.web.async_client import AsyncWebClient

from bot.access.people import People
from bot.access.roster import Access
from bot.delivery.groups import Groups
from bot.delivery.outbox import Outbox
from bot.delivery.replay_requests import ReplayRequests
from bot.delivery.thread import Conversations
from bot.delivery.unreachable_channel import UnreachableChannels
from bot.runtime.background import BackgroundTasks
from bot.runtime.services import Services
from bot.schedules.champions import Champions
from bot.schedules.schedules import Schedules
from optimizer.clock import Clock
from optimizer.errors import UserError
from reports.text.message import Message


@dataclass(frozen=True, kw_only=True)
class BotContext:
    """The desk with its Slack side."""

    services: Services
    client: AsyncWebClient
    outbox: Outbox
    conversations: Conversations
    groups: Groups
    people: People
    access: Access
    schedules: Schedules
    champions: Champions
    background: BackgroundTasks
    unreachable: UnreachableChannels
    replays: ReplayRequests
    clock: Clock
    starting: asyncio.Lock  # of two equal commands at once the second must see the first


class Audience(StrEnum):
    """Who is told."""

    USER = auto()
    THREAD = auto()  # the thread of a mention; of a slash command, which has no thread, the asker
    CHANNEL = auto()


@dataclass(frozen=True)
class Answer:
    """What is told, and to whom."""

    message: Message
    audience: Audience = Audience.USER
    is_refusal: bool = False
    error: UserError | None = None  # of a refusal, for doors that word it themselves


#: Nothing to tell: a form was opened instead.
NO_ANSWER = Answer(Message("", []))
