"""Settings: read once from the environment, frozen, refused when incomplete."""

import os
from pathlib import Path
from typing import Annotated, Literal

from platformdirs import user_data_path
from pydantic import AliasChoices, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from optimizer.errors import UserError

Language = Literal["en", "ko"]


class MissingSetting(UserError):
    """A setting without which the bot cannot talk to Slack."""

    sentence = "{name} is not set. {remedy}"


#: Slack user ids (U…), user-group ids (S…) or `*` for everyone, with commas between them.
Ids = Annotated[tuple[str, ...], NoDecode]


def _names(name: str) -> AliasChoices:
    return AliasChoices(name, name.lower())


class Settings(BaseSettings):
    """What differs between deployments. Secrets never show in its text."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_file=".env", env_file_encoding="utf-8")

    home: Path = Field(
        default_factory=lambda: user_data_path("optimize-bot", appauthor=False),
        validation_alias=_names("OPTIMIZE_BOT_HOME"),
    )
    language: Language = Field(default="en", validation_alias=_names("OPTIMIZE_BOT_LANGUAGE"))
    workers: int = Field(
        default_factory=lambda: os.cpu_count() or 1, ge=1, validation_alias=_names("OPTIMIZE_BOT_WORKERS")
    )
    host: str = Field(default="127.0.0.1", validation_alias=_names("OPTIMIZE_BOT_HOST"))
    port: int = Field(default=3000, ge=0, le=65535, validation_alias=_names("OPTIMIZE_BOT_PORT"))
    public_url: str = Field(default="", validation_alias=_names("PUBLIC_URL"))

    mongodb_uri: SecretStr | None = Field(default=None, validation_alias=_names("MONGODB_URI"))

    slack_bot_token: SecretStr | None = Field(default=None, validation_alias=_names("SLACK_BOT_TOKEN"))
    slack_app_token: SecretStr | None = Field(default=None, validation_alias=_names("SLACK_APP_TOKEN"))
    slack_signing_secret: SecretStr | None = Field(default=None, validation_alias=_names("SLACK_SIGNING_SECRET"))
    slack_api_url: str = Field(default="https://slack.com/api/", validation_alias=_names("SLACK_API_URL"))

    sources: Annotated[tuple[str, ...], NoDecode] = Field(
        default=("file", "sample"), validation_alias=_names("OPTIMIZE_BOT_SOURCES")
    )
    alphavantage_api_key: SecretStr | None = Field(default=None, validation_alias=_names("ALPHAVANTAGE_API_KEY"))

    admins: Ids = Field(default=(), validation_alias=_names("OPTIMIZE_BOT_ADMINS"))
    approvers: Ids = Field(default=(), validation_alias=_names("OPTIMIZE_BOT_APPROVERS"))
    runners: Ids = Field(default=(), validation_alias=_names("OPTIMIZE_BOT_RUNNERS"))
    viewers: Ids = Field(default=(), validation_alias=_names("OPTIMIZE_BOT_VIEWERS"))
    running_per_person: int = Field(default=2, ge=1, validation_alias=_names("OPTIMIZE_BOT_RUNNING_PER_PERSON"))
    waiting_per_person: int = Field(default=20, ge=1, validation_alias=_names("OPTIMIZE_BOT_WAITING_PER_PERSON"))
    waiting_in_all: int = Field(default=200, ge=1, validation_alias=_names("OPTIMIZE_BOT_WAITING_IN_ALL"))

    @field_validator("sources", "admins", "approvers", "runners", "viewers", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(word.strip() for word in value.split(",") if word.strip()) if isinstance(value, str) else value

    @field_validator("slack_api_url")
    @classmethod
    def _with_slash(cls, value: str) -> str:
        return value if value.endswith("/") else value + "/"

    @property
    def mongodb_address(self) -> str | None:
        """The server's address with its password, or None for the embedded one. Never to be logged."""
        return self.mongodb_uri.get_secret_value() if self.mongodb_uri else None

    @property
    def snapshots(self) -> Path:
        """Where immutable copies of the bars of studies are."""
        return self.home / "snapshots"

    @property
    def warehouse(self) -> Path:
        """The DuckDB file of prices and features."""
        return self.home / "market.duckdb"

    @property
    def reports(self) -> Path:
        """Where charts and HTML reports are written."""
        return self.home / "reports"

    def require_slack(self) -> None:
        """Raise for the first Slack setting that is missing, saying where to find it."""
        if self.slack_bot_token is None:
            raise MissingSetting(
                name="SLACK_BOT_TOKEN",
                remedy="Copy it from your app's page: OAuth & Permissions, Bot User OAuth Token.",
            )
        if self.slack_app_token is None and self.slack_signing_secret is None:
            raise MissingSetting(
                name="SLACK_APP_TOKEN",
                remedy="Create it under Basic Information, App-Level Tokens, scope connections:write (Socket Mode); "
                "or set SLACK_SIGNING_SECRET to serve HTTP instead.",
            )
