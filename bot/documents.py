"""What MongoDB keeps of the talk about studies."""

from datetime import date, datetime
from enum import StrEnum, auto
from typing import Any, ClassVar

from beanie import Document
from pydantic import Field
from pymongo import ASCENDING, DESCENDING, IndexModel

from bot.grammar import Role
from bot.grammar.schedule import Cadence, ScheduleWhen
from optimizer.market.history import SeriesKey
from optimizer.rivals import Challenge, Decision
from optimizer.space import Value
from optimizer.spec import StudySpec, Verdict
from reports.render import Language

#: Dates travel as ISO text: BSON knows only moments.
_ENCODERS: dict[Any, Any] = {date: lambda day: day.isoformat(), datetime: lambda moment: moment}


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
    group: str = ""  # the name of the group whose root it stands under
    is_quiet: bool = False  # no progress, only the result
    is_broadcast: bool = False  # the result is also shown in the channel
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
    alt_text: str = ""  # what an uploaded picture shows
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


class StudyGroup(Document):
    """Several symbols asked for at once: one root message with a table, one study each in its thread."""

    group_name: str
    channel_id: str
    user_id: str
    language: Language
    command: str
    studies: list[str]
    is_told: bool = False
    created_at: datetime

    class Settings:
        name = "slack_groups"
        indexes: ClassVar = [IndexModel([("group_name", ASCENDING)], unique=True), IndexModel([("is_told", ASCENDING)])]


class ReplayRequest(Document):
    """A replay that someone asked for and nobody was told of yet."""

    study_name: str
    code_version: str  # of the study
    channel_id: str  # where it was asked for
    thread_ts: str = ""
    language: Language
    asked_at: datetime
    attempts: int = 0

    class Settings:
        name = "replay_requests"


class ChannelSettings(Document):
    """What `config` says of a channel; None where it follows the bot's own settings."""

    channel_id: str
    language: Language | None = None
    broadcast: bool | None = None  # whether results are also shown in the channel
    changed_by: str = ""
    changed_at: datetime | None = None

    class Settings:
        name = "channel_settings"
        indexes: ClassVar = [IndexModel([("channel_id", ASCENDING)], unique=True)]


class Watchlist(Document):
    """Symbols under a name: `/optimize @name RSI 200`."""

    name: str
    symbols: list[str]
    changed_by: str
    changed_at: datetime

    class Settings:
        indexes: ClassVar = [IndexModel([("name", ASCENDING)], unique=True)]
        name = "watchlists"


class Outcome(StrEnum):
    """What became of what someone asked for."""

    DONE = auto()
    REFUSED = auto()  # it could not be done as asked: a wrong word, a study that has ended
    DENIED = auto()  # the asker may not
    BROKE = auto()  # a fault of ours; the log has the reference


class AuditEntry(Document):
    """One command, click or denial; never changed, never deleted by the bot."""

    at: datetime
    door: str  # command, button, mention, message …
    user_id: str
    channel_id: str
    team_id: str = ""
    said: str  # the words, or the button
    verb: str = ""
    study: str = ""
    outcome: Outcome
    reason: str = ""  # in English
    error: dict[str, Any] | None = None  # the same for errors.error_of, to be told in the reader's language
    reference: str = ""

    class Settings:
        name = "audit_log"
        indexes: ClassVar = [IndexModel([("at", DESCENDING)]), IndexModel([("outcome", ASCENDING), ("at", DESCENDING)])]


class Schedule(Document):
    """A study that is searched again and again. One that was removed stays, for the runs that name it."""

    schedule_name: str
    spec: StudySpec
    when: dict[str, Any]  # the fields of a ScheduleWhen
    time_zone: str  # an IANA name
    next_due: datetime
    created_by: str
    channel_id: str
    team_id: str = ""
    language: Language
    created_at: datetime
    removed_by: str = ""
    removed_at: datetime | None = None

    class Settings:
        name = "schedules"
        bson_encoders = _ENCODERS
        indexes: ClassVar = [IndexModel([("schedule_name", ASCENDING)], unique=True)]

    @property
    def phrase(self) -> ScheduleWhen:
        """When it runs."""
        fields = {"cadence": Cadence(self.when["cadence"]), "days": tuple(self.when["days"])}
        return ScheduleWhen(**self.when | fields)


class RunState(StrEnum):
    """How far a run of a schedule is."""

    DUE = auto()  # claimed; the data are being refreshed and the study prepared
    SEARCHING = auto()  # the study runs
    TOLD = auto()  # its post is in the outbox


class ScheduleRun(Document):
    """One run of a schedule, or of one member of its watch list. A time can be claimed once, whoever notices first
    that it has come."""

    schedule_name: str
    due_at: datetime  # when it should have begun
    symbol: str = ""  # the member of a watch list that this run is for; empty: the schedule's own symbol
    started_at: datetime
    n_missed: int = 0  # earlier times that were missed and are covered by this run
    asked_by: str = ""  # who asked for it out of turn
    state: RunState = RunState.DUE
    study_name: str = ""
    stale: dict[str, Any] | None = None  # why the data could not be refreshed
    failure: dict[str, Any] | None = None  # why there is no result
    champion: str = ""  # the study whose winner was champion at the time; empty: the textbook set stood in
    params: dict[str, Value] = Field(default_factory=dict)  # of the challenger
    verdict: Verdict | None = None
    challenge: Challenge | None = None

    class Settings:
        name = "schedule_runs"
        bson_encoders = _ENCODERS
        indexes: ClassVar = [
            IndexModel([("schedule_name", ASCENDING), ("due_at", DESCENDING), ("symbol", ASCENDING)], unique=True),
            IndexModel([("state", ASCENDING)]),
        ]

    @property
    def key(self) -> str:
        """Names the run in the outbox and as a request."""
        member = f":{self.symbol}" if self.symbol else ""
        return f"{self.schedule_name}:{int(self.due_at.timestamp())}{member}"

    @property
    def decision(self) -> Decision | None:
        """What came of it."""
        return self.challenge.decision if self.challenge else None


class Champion(Document):
    """Parameters in use, with who adopted them and why. The newest of a symbol, strategy and timeframe counts;
    entries are only ever added, so the rest is the history."""

    symbol: str
    strategy_name: str
    timeframe: str
    params: dict[str, Value]
    study_name: str
    spec: StudySpec
    unseen_from: date  # the first day that its search did not see
    verdict: Verdict
    out_of_sample: float | None  # its Sharpe ratio there
    adopted_by: str
    adopted_at: datetime
    why: str = ""
    channel_id: str = ""
    replaced: str = ""  # the study of the champion before

    class Settings:
        name = "champions"
        bson_encoders = _ENCODERS
        indexes: ClassVar = [
            IndexModel(
                [
                    ("symbol", ASCENDING),
                    ("strategy_name", ASCENDING),
                    ("timeframe", ASCENDING),
                    ("adopted_at", DESCENDING),
                ]
            )
        ]


class Refresh(Document):
    """One daily refresh of the bars in use."""

    started_at: datetime
    ended_at: datetime | None = None  # None: under way, or cut off by a stop
    n_series: int = 0
    n_failed: int = 0

    class Settings:
        name = "refreshes"
        indexes: ClassVar = [IndexModel([("started_at", DESCENDING)], unique=True)]

    @property
    def key(self) -> str:
        """Names the refresh in the outbox."""
        return str(int(self.started_at.timestamp()))


class FailingSeries(Document):
    """A series that could not be brought up to date the last time; gone as soon as it can."""

    symbol: str
    timeframe: str
    source: str
    failure: dict[str, Any]  # errors.error_of reads it
    since: datetime
    told: list[str] = Field(default_factory=list)  # the channels that know of it

    class Settings:
        name = "failing_series"
        indexes: ClassVar = [
            IndexModel([("symbol", ASCENDING), ("timeframe", ASCENDING), ("source", ASCENDING)], unique=True)
        ]

    @property
    def key(self) -> SeriesKey:
        """The series."""
        return SeriesKey(self.symbol, self.timeframe, self.source)


class HomeVisit(Document):
    """Someone who looks at the bot's home tab, which is kept up to date for a day after."""

    user_id: str
    language: Language
    opened_at: datetime

    class Settings:
        name = "home_visits"
        indexes: ClassVar = [IndexModel([("user_id", ASCENDING)], unique=True)]


class UsedLink(Document):
    """A link to the pages that has signed someone in; none does so twice. Forgotten when it is out of date anyway."""

    nonce: str
    expires_at: datetime

    class Settings:
        name = "web_links"
        indexes: ClassVar = [
            IndexModel([("nonce", ASCENDING)], unique=True),
            IndexModel([("expires_at", ASCENDING)], expireAfterSeconds=0),
        ]


class WebSession(Document):
    """Someone who is signed in to the pages. Only a digest is kept of what their browser shows."""

    digest: str
    user_id: str
    team_id: str = ""
    language: Language
    created_at: datetime
    expires_at: datetime

    class Settings:
        name = "web_sessions"
        indexes: ClassVar = [
            IndexModel([("digest", ASCENDING)], unique=True),
            IndexModel([("expires_at", ASCENDING)], expireAfterSeconds=0),
        ]


class ApiKey(Document):
    """A program that may use the API. Only a digest is kept of the key; one that was revoked stays, for the audit."""

    key_name: str
    role_name: str  # a Role in small letters
    digest: str
    created_by: str
    created_at: datetime
    revoked_at: datetime | None = None

    class Settings:
        name = "api_keys"
        indexes: ClassVar = [
            IndexModel([("digest", ASCENDING)], unique=True),
            IndexModel(
                [("key_name", ASCENDING)], unique=True, partialFilterExpression={"revoked_at": {"$type": "null"}}
            ),
        ]

    @property
    def role(self) -> Role:
        """What it may do."""
        return Role[self.role_name.upper()]


class ApiRequest(Document):
    """A request that must not be done twice: its key, what it asked for, and once it is done the answer."""

    key_name: str
    idempotency_key: str
    fingerprint: str  # of the body
    answer: dict[str, Any] | None = None
    created_at: datetime

    class Settings:
        name = "api_requests"
        indexes: ClassVar = [
            IndexModel([("key_name", ASCENDING), ("idempotency_key", ASCENDING)], unique=True),
            IndexModel([("created_at", ASCENDING)], expireAfterSeconds=24 * 3600),
        ]


class Lease(Document):
    """Who works on this database: the holder raises the count while it lives."""

    lease_name: str
    holder: str
    beats: int = 0

    class Settings:
        name = "leases"
        indexes: ClassVar = [IndexModel([("lease_name", ASCENDING)], unique=True)]


DOCUMENTS: tuple[type[Document], ...] = (
    Lease,
    Conversation,
    OutboxEntry,
    StudyGroup,
    ReplayRequest,
    ChannelSettings,
    Watchlist,
    AuditEntry,
    Schedule,
    ScheduleRun,
    Champion,
    Refresh,
    FailingSeries,
    HomeVisit,
    ApiKey,
    ApiRequest,
    UsedLink,
    WebSession,
)
