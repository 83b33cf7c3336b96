"""Documents of the workspaces that installed the app, and of installations under way."""

from datetime import datetime
from typing import ClassVar

from beanie import Document
from pydantic import Field
from pymongo import ASCENDING, IndexModel

from optimizer.storage.driver import DEFERRED


class SlackInstallation(Document):
    """Workspace that installed the app. Its token is stored encrypted only, and deleted when the app is removed."""

    model_config = DEFERRED

    team_id: str
    team_name: str = ""
    app_id: str = ""
    bot_id: str = ""
    bot_user_id: str = ""
    scopes: list[str] = Field(default_factory=list)
    sealed_token: str = Field(repr=False)
    installed_by: str = ""
    installed_at: datetime

    class Settings:
        """Collection and indexes."""

        name = "slack_installations"
        indexes: ClassVar = [IndexModel([("team_id", ASCENDING)], unique=True)]


class OAuthState(Document):
    """Installation that was begun in a browser, as the digest of its state; used once, deleted after its expiry."""

    model_config = DEFERRED

    digest: str
    expires_at: datetime

    class Settings:
        """Collection and indexes."""

        name = "slack_oauth_states"
        indexes: ClassVar = [
            IndexModel([("digest", ASCENDING)], unique=True),
            IndexModel([("expires_at", ASCENDING)], expireAfterSeconds=0),
        ]
