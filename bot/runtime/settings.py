"""Settings: read once from the environment, frozen, refused when incomplete."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from platformdirs import user_data_path
from pydantic import AliasChoices, BeforeValidator, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from optimizer.errors import Phrase, UserError
from reports.languages import Language


class MissingSetting(UserError):
    """Raised when a setting is missing that Slack needs. Facts: name, remedy."""


#: Slack user ids (U…), user-group ids (S…) or `*` for everyone, with commas between them.
Ids = Annotated[tuple[str, ...], NoDecode]


#: Hosts that only this machine reaches; browsers treat them as secure without TLS.
LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class DailyTime:
    """Time of day in a time zone; prints as it is written in the settings."""

    hour: int
    minute: int
    time_zone: str

    def __str__(self) -> str:
        return f"{self.hour:02}:{self.minute:02} {self.time_zone}"


def _daily(value: object) -> object:
    """Read `22:30`, `07:00 Asia/Seoul`, or `off`."""
    if not isinstance(value, str) or value == "off":
        return None if value == "off" else value
    clock, _, zone = value.strip().partition(" ")
    if not re.fullmatch(r"([01]?[0-9]|2[0-3]):[0-5][0-9]", clock) or (zone or "UTC") not in available_timezones():
        raise ValueError("write a time of day and perhaps a time zone, like 22:30 or 07:00 Asia/Seoul; or off")
    return DailyTime(int(clock.partition(":")[0]), int(clock.partition(":")[2]), zone or "UTC")


def _names(name: str) -> AliasChoices:
    return AliasChoices(name, name.lower())


class Settings(BaseSettings):
    """Differences between deployments. Secrets never appear in its text."""

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
    refresh: Annotated[DailyTime | None, NoDecode, BeforeValidator(_daily)] = Field(
        default=DailyTime(22, 30, "UTC"), validation_alias=_names("OPTIMIZE_BOT_REFRESH")
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

    @field_validator("slack_bot_token", "slack_app_token", "slack_signing_secret", mode="before")
    @classmethod
    def _none_when_empty(cls, value: object) -> object:
        return None if isinstance(value, str) and not value.strip() else value

    @field_validator("public_url")
    @classmethod
    def _as_document(cls, value: str) -> str:
        if not value:
            return value
        address = urlsplit(value)
        rest = (address.path.strip("/"), address.query, address.fragment, address.username, address.password)
        if not address.hostname or any(rest):
            raise ValueError("name scheme, host and port and nothing else, such as https://optimizer.example.com")
        if address.scheme != "https" and (address.scheme != "http" or address.hostname not in LOOPBACK):
            raise ValueError("it must begin with https://, for signing in over plain http can be overheard")
        # As browsers write it, since it is compared with the origin that they send with a form.
        host = f"[{address.hostname}]" if ":" in address.hostname else address.hostname
        is_default = address.port in (None, {"https": 443, "http": 80}[address.scheme])
        return f"{address.scheme}://{host}" + ("" if is_default else f":{address.port}")

    @field_validator("slack_api_url")
    @classmethod
    def _with_slash(cls, value: str) -> str:
        return value if value.endswith("/") else value + "/"

    @property
    def web_address(self) -> str:
        """Address of the pages: PUBLIC_URL, else the port on this machine. Without a slash at the end."""
        host = self.host if self.host in LOOPBACK else "127.0.0.1"
        return self.public_url or f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def mongodb_address(self) -> str | None:
        """Address of the server with its password, or None for the embedded one. Never to be logged."""
        return self.mongodb_uri.get_secret_value() if self.mongodb_uri else None

    @property
    def snapshots(self) -> Path:
        """Folder of the immutable copies of the bars of studies."""
        return self.home / "snapshots"

    @property
    def warehouse(self) -> Path:
        """DuckDB file of prices and features."""
        return self.home / "market.duckdb"

    @property
    def reports(self) -> Path:
        """Folder of charts and HTML reports."""
        return self.home / "reports"

    @property
    def has_slack(self) -> bool:
        """True if any of Slack's tokens is set; `require_slack` checks that it is not the only one."""
        return any((self.slack_bot_token, self.slack_app_token, self.slack_signing_secret))

    def require_slack(self) -> None:
        """Raise for the first missing Slack setting, with where to find it."""
        if self.slack_bot_token is None:
            raise MissingSetting(
                name="SLACK_BOT_TOKEN",
                remedy=Phrase("copy_bot_token"),
            )
        if self.slack_app_token is None and self.slack_signing_secret is None:
            raise MissingSetting(
                name="SLACK_APP_TOKEN",
                remedy=Phrase("create_app_token"),
            )
