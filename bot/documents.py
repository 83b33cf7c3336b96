"""What MongoDB keeps of the talk about studies."""

from datetime import datetime
from enum import StrEnum, auto
from typing import Any, ClassVar

from beanie import Document
from pydantic import Field
from pymongo import ASCENDING, IndexModel

from reports.render import Language


class Telling(StrEnum):
    """How far a conversation is."""

    FOLLOWING = auto()  # the study runs; its root message counts up
    DRAWING = auto()  # the result is told; charts are being made
    TOLD = auto()  # nothing more to say


class Conversation(Document):
    """One study's talk in Slack: where it is and how far."""

    study_name: str
    channel_id: str
    user_id: str
    team_id: str = ""
    language: Language
    command: str
    telling: Telling = Telling.FOLLOWING
    acted_by: str = ""
    acted_at: datetime | None = None
    created_at: datetime

    class Settings:
        name = "slack_conversations"
        indexes: ClassVar = [
            IndexModel([("study_name", ASCENDING)], unique=True),
            IndexModel([("telling", ASCENDING)]),
        ]


class Sending(StrEnum):
    """How far an outbox entry is."""

    WAITING = auto()
    SENDING = auto()  # Slack may or may not have it: look before sending again
    SENT = auto()
    REFUSED = auto()  # Slack will never take it


class Method(StrEnum):
    """How an entry is said."""

    POST = auto()
    EDIT = auto()
    UPLOAD = auto()


class OutboxEntry(Document):
    """One thing that must be said once. `key` names it; storing the same key again changes nothing."""

    key: str
    conversation: str  # entries of one conversation are sent in order
    channel_id: str
    method: Method = Method.POST
    under: str = ""  # key of the entry whose message this one replies to, or edits
    thread_ts: str = ""  # set where the thread was there before
    text: str = ""
    blocks: list[dict[str, Any]] = Field(default_factory=list)
    file: str = ""  # path of what is uploaded
    title: str = ""
    broadcast: bool = False
    sending: Sending = Sending.WAITING
    order: int = 0
    ts: str = ""
    attempts: int = 0
    error: str = ""
    created_at: datetime

    class Settings:
        name = "slack_outbox"
        indexes: ClassVar = [
            IndexModel([("key", ASCENDING)], unique=True),
            IndexModel([("sending", ASCENDING), ("order", ASCENDING)]),
            IndexModel([("conversation", ASCENDING)]),
        ]


DOCUMENTS: tuple[type[Document], ...] = (Conversation, OutboxEntry)
