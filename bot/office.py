"""What listeners work with, and what they hand back."""

import asyncio
from dataclasses import dataclass

from bot.composition import Desk
from bot.outbox import Outbox
from bot.thread import Conversations
from optimizer.study import Clock
from reports.message import Message


@dataclass(frozen=True, kw_only=True)
class Office:
    """The desk with its Slack side."""

    desk: Desk
    outbox: Outbox
    conversations: Conversations
    clock: Clock
    starting: asyncio.Lock  # of two equal commands at once the second must see the first


@dataclass(frozen=True)
class Answer:
    """What the asker is told; others see it only when `is_public`."""

    message: Message
    is_public: bool = False
