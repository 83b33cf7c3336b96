"""Documents of conversations in Slack: roots, groups, the outbox, requested replays."""

from datetime import date, datetime
from enum import IntEnum, StrEnum, auto
from typing import Any, ClassVar

from beanie import Document
from pydantic import Field
from pymongo import ASCENDING, IndexModel

from optimizer.storage.driver import DEFERRED
from reports.languages import Language

#: Dates travel as ISO text: BSON knows only moments.
_ENCODERS: dict[Any, Any] = {date: lambda day: day.isoformat(), datetime: lambda moment: moment}


class Telling(StrEnum):
    """Stage of a conversation."""

    FOLLOWING = auto()  # the study runs; its root message counts up
    DRAWING = auto()  # the result is posted; charts are being drawn
    TOLD = auto()  # everything is posted


class Conversation(Document):
    """Conversation about one study in Slack: where it is and its stage."""

    model_config = DEFERRED

    study_name: str
    channel_id: str
    user_id: str
    team_id: str = ""
    team: str = ""  # workspace that it is in; empty: the bot's own
    language: Language
    command: str
    group: str = ""  # the name of the group whose root it is posted under
    is_quiet: bool = False  # no progress, only the result
    is_broadcast: bool = False  # the result is also shown in the channel
    is_brief: bool = True  # of a result, what follows the decision and its chart is posted when somebody asks for it
    detailed_end: int = 0  # key of the end of which somebody asked for everything
    telling: Telling = Telling.FOLLOWING
    acted_by: str = ""
    acted_at: datetime | None = None
    ended_at: datetime | None = None  # when the bot saw the study's last end
    created_at: datetime

    class Settings:
        """Collection and indexes."""

        name = "slack_conversations"
        indexes: ClassVar = [
            IndexModel([("study_name", ASCENDING)], unique=True),
            IndexModel([("telling", ASCENDING)]),
            IndexModel([("channel_id", ASCENDING), ("ended_at", ASCENDING)]),
        ]


class Sending(StrEnum):
    """Stage of an outbox entry."""

    WAITING = auto()
    HELD = auto()  # the channel has quiet hours, and nobody waits for it; its digest lets it go
    SENDING = auto()  # Slack may or may not have it: search before sending again
    SENT = auto()
    REFUSED = auto()  # Slack will never accept it


class Method(StrEnum):
    """Slack method of an entry."""

    POST = auto()
    EDIT = auto()
    UPLOAD = auto()


class Precedence(IntEnum):
    """What is sent first where several messages wait for one channel."""

    ROOT = -1  # roots of studies: they show that a request was heard
    ANSWER = 0  # answers, and the first message of a result
    MEMBER = 1  # what a group's studies say one by one, and the last edit of a root
    REST = 2  # the story of a result, and its charts


def lane_of(team: str, channel_id: str) -> str:
    """Return the name of a channel's queue: of a further workspace with its id in front, as channels can be shared."""
    return f"{team}/{channel_id}" if team else channel_id


class OutboxEntry(Document):
    """Message to be sent once. `key` identifies it; storing the same key again changes nothing."""

    model_config = DEFERRED

    key: str
    conversation: str  # entries of one conversation are sent in order
    channel_id: str
    team: str = ""  # workspace that it is sent to; empty: the bot's own
    method: Method = Method.POST
    under: str = ""  # key of the entry whose message this one replies to, or edits
    thread_ts: str = ""  # set where the thread existed before
    text: str = ""
    blocks: list[dict[str, Any]] = Field(default_factory=list)
    file: str = ""  # path of what is uploaded
    title: str = ""
    alt_text: str = ""  # what an uploaded picture shows
    broadcast: bool = False
    is_unasked: bool = False  # of a schedule, or about the bot itself: nobody waits for it
    sending: Sending = Sending.WAITING
    precedence: int = Precedence.ANSWER
    order: int = 0  # among those of the same precedence
    ts: str = ""
    attempts: int = 0
    error: str = ""
    created_at: datetime

    @property
    def lane(self) -> str:
        """Name of its queue."""
        return lane_of(self.team, self.channel_id)

    class Settings:
        """Collection and indexes."""

        name = "slack_outbox"
        indexes: ClassVar = [
            IndexModel([("key", ASCENDING)], unique=True),
            IndexModel([("sending", ASCENDING), ("order", ASCENDING)]),
            IndexModel(
                [("channel_id", ASCENDING), ("sending", ASCENDING), ("precedence", ASCENDING), ("order", ASCENDING)]
            ),
            IndexModel([("conversation", ASCENDING)]),
        ]


#: Studies of a group that speak for themselves in its thread; more of them are in the table and the file only.
MOST_IN_THREAD = 10


class StudyGroup(Document):
    """Studies of several symbols: one root message with a table, and in its thread each study, or a file of them."""

    model_config = DEFERRED

    group_name: str
    channel_id: str
    team: str = ""  # workspace that it is in; empty: the bot's own
    user_id: str
    language: Language
    command: str
    studies: list[str]
    is_told: bool = False
    created_at: datetime

    @property
    def is_large(self) -> bool:
        """True if the table and its file are all that is said of the studies."""
        return len(self.studies) > MOST_IN_THREAD

    class Settings:
        """Collection and indexes."""

        name = "slack_groups"
        indexes: ClassVar = [IndexModel([("group_name", ASCENDING)], unique=True), IndexModel([("is_told", ASCENDING)])]


class ReplayRequest(Document):
    """Requested replay whose result was not posted yet."""

    model_config = DEFERRED

    study_name: str
    code_version: str  # of the study
    channel_id: str  # where it was requested
    team: str = ""  # workspace of the channel; empty: the bot's own
    thread_ts: str = ""
    language: Language
    asked_at: datetime
    attempts: int = 0

    class Settings:
        """Collection and indexes."""

        name = "replay_requests"
