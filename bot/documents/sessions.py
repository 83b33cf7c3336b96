"""Documents of access: home visits, page sessions, API keys, idempotent API requests."""

from datetime import date, datetime
from typing import Any, ClassVar

from beanie import Document
from pydantic import Field
from pymongo import ASCENDING, IndexModel

from bot.role import Role
from optimizer.storage.driver import DEFERRED
from reports.languages import Language

#: Dates travel as ISO text: BSON knows only moments.
_ENCODERS: dict[Any, Any] = {date: lambda day: day.isoformat(), datetime: lambda moment: moment}


#: Prefix of a key's name wherever people are named; no Slack id has a colon.
KEY_OWNER = "key:"


class HomeVisit(Document):
    """Last opening of the bot's home tab by a person; the tab is kept up to date for a day after."""

    model_config = DEFERRED

    user_id: str
    team: str = ""  # workspace of the tab; empty: the bot's own
    language: Language
    opened_at: datetime

    class Settings:
        """Collection and indexes."""

        name = "home_visits"
        indexes: ClassVar = [IndexModel([("user_id", ASCENDING)], unique=True)]


class UsedLink(Document):
    """Sign-in link that was used and cannot be used again. Deleted after its expiry."""

    model_config = DEFERRED

    nonce: str
    expires_at: datetime

    class Settings:
        """Collection and indexes."""

        name = "web_links"
        indexes: ClassVar = [
            IndexModel([("nonce", ASCENDING)], unique=True),
            IndexModel([("expires_at", ASCENDING)], expireAfterSeconds=0),
        ]


class WebSession(Document):
    """Signed-in person on the pages. Only a digest of their browser's secret is stored."""

    model_config = DEFERRED

    digest: str
    user_id: str
    team_id: str = ""
    language: Language
    created_at: datetime
    expires_at: datetime

    class Settings:
        """Collection and indexes."""

        name = "web_sessions"
        indexes: ClassVar = [
            IndexModel([("digest", ASCENDING)], unique=True),
            IndexModel([("expires_at", ASCENDING)], expireAfterSeconds=0),
        ]


class ApiKey(Document):
    """Program that may use the API. Only the key's digest is stored; a revoked key stays, for the audit."""

    model_config = DEFERRED

    key_name: str
    role_name: str  # a Role in small letters
    digest: str
    channels: list[str] = Field(default_factory=list)  # private ones that it may post in and see
    created_by: str
    created_at: datetime
    revoked_at: datetime | None = None

    class Settings:
        """Collection and indexes."""

        name = "api_keys"
        indexes: ClassVar = [
            IndexModel([("digest", ASCENDING)], unique=True),
            IndexModel(
                [("key_name", ASCENDING)], unique=True, partialFilterExpression={"revoked_at": {"$type": "null"}}
            ),
        ]

    @property
    def role(self) -> Role:
        """Role of the key."""
        return Role[self.role_name.upper()]


class ApiRequest(Document):
    """Request that must not be done twice: its key, its digest, and once it is done the answer."""

    model_config = DEFERRED

    key_name: str
    idempotency_key: str
    fingerprint: str  # of the body
    answer: dict[str, Any] | None = None
    created_at: datetime

    class Settings:
        """Collection and indexes."""

        name = "api_requests"
        indexes: ClassVar = [
            IndexModel([("key_name", ASCENDING), ("idempotency_key", ASCENDING)], unique=True),
            IndexModel([("created_at", ASCENDING)], expireAfterSeconds=24 * 3600),
        ]
