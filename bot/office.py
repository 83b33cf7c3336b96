"""What listeners work with, and what they hand back."""

import asyncio
from dataclasses import dataclass
from enum import StrEnum, auto

from slack_sdk.web.async_client import AsyncWebClient

from bot.access import Access
from bot.champions import Champions
from bot.composition import Desk
from bot.errands import Errands
from bot.groups import Groups
from bot.outbox import Outbox
from bot.people import People
from bot.schedules import Schedules
from bot.thread import Conversations
from optimizer.clock import Clock
from optimizer.errors import UserError
from reports.message import Message


@dataclass(frozen=True, kw_only=True)
class Office:
    """The desk with its Slack side."""

    desk: Desk
    client: AsyncWebClient
    outbox: Outbox
    conversations: Conversations
    groups: Groups
    people: People
    access: Access
    schedules: Schedules
    champions: Champions
    errands: Errands
    clock: Clock
    starting: asyncio.Lock  # of two equal commands at once the second must see the first


class Audience(StrEnum):
    """Who is told."""

    ASKER = auto()
    THERE = auto()  # the thread of a mention; of a slash command, which has no thread, the asker
    CHANNEL = auto()


@dataclass(frozen=True)
class Answer:
    """What is told, and to whom."""

    message: Message
    audience: Audience = Audience.ASKER
    is_refusal: bool = False
    error: UserError | None = None  # of a refusal, for doors that word it themselves


#: Nothing to tell: a form was opened instead.
NOTHING = Answer(Message("", []))
