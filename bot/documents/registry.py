"""All document classes of the bot, for the call that opens the database."""

from beanie import Document

from bot.documents.audit_log import AuditEntry
from bot.documents.conversations import Conversation, OutboxEntry, ReplayRequest, StudyGroup
from bot.documents.installed import OAuthState, SlackInstallation
from bot.documents.lease_record import Lease
from bot.documents.market_regimes import MarketRegime
from bot.documents.migrations import SchemaVersion
from bot.documents.preferences import ChannelSettings, PersonSettings, Watchlist
from bot.documents.recurring import Champion, FailingSeries, Refresh, Schedule, ScheduleRun
from bot.documents.saved_rules import SavedRule
from bot.documents.sessions import ApiKey, ApiRequest, HomeVisit, UsedLink, WebSession
from bot.documents.sweeps import Sweep
from bot.documents.workspace_blocks import WorkspaceBlocks

DOCUMENTS: tuple[type[Document], ...] = (
    Lease,
    SchemaVersion,
    SlackInstallation,
    OAuthState,
    Conversation,
    OutboxEntry,
    StudyGroup,
    ReplayRequest,
    ChannelSettings,
    PersonSettings,
    Watchlist,
    SavedRule,
    AuditEntry,
    Schedule,
    ScheduleRun,
    Champion,
    Refresh,
    FailingSeries,
    MarketRegime,
    HomeVisit,
    ApiKey,
    ApiRequest,
    UsedLink,
    WebSession,
    Sweep,
    WorkspaceBlocks,
)
