"""Who is signed in where: visits, page sessions, API keys, idempotent API requests."""

from datetime import date, datetime
from typing import Any, ClassVar

from beanie import Document
from pymongo import ASCENDING, IndexModel

from bot.role import Role
from reports.render import Language

#: Dates travel as ISO text: BSON knows only moments.
_ENCODERS: dict[Any, Any] = {date: lambda day: day.isoformat(), datetime: lambda moment: moment}


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
