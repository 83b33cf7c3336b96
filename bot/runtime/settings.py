"""Settings: read once from the environment, frozen, refused when incomplete."""

import binascii
import json
import os
import re
import unicodedata
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from platformdirs import user_data_path
from pydantic import AliasChoices, BeforeValidator, Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from bot.runtime.secret_files import SecretFiles, Unreadable, is_secret, setting_name
from optimizer.errors import Phrase, UserError
from optimizer.market.providers.table_settings import TableSettings, require_table_names
from optimizer.strategies.plugins.plugin_files import FOLDER, PluginKinds
from reports.languages import Language


class MissingSetting(UserError):
    """Raised when a setting is missing that is needed. Facts: name, remedy."""


class NotWithSocket(UserError):
    """Raised when several workspaces may install the app and it would use Socket Mode. Facts: name."""


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


#: Beginnings and least number of characters of each secret of Slack's.
_FORMS: Mapping[str, tuple[tuple[str, ...], int]] = {
    "slack_bot_token": (("xoxb-", "xoxe.xoxb-"), 10),
    "slack_app_token": (("xapp-",), 10),
    "slack_signing_secret": (("",), 16),
    "slack_client_id": (("",), 3),
    "slack_client_secret": (("",), 16),
    "token_key": (("",), 44),
}
#: Bytes of a key that encrypts tokens.
_KEY_BYTES = 32
#: Kinds of brokers.
_BROKERS = ("redis", "rediss", "amqp", "amqps")
#: Settings that let further workspaces install the app, all of them or none.
_OF_INSTALLING = {
    "slack_client_id": "SLACK_CLIENT_ID",
    "slack_client_secret": "SLACK_CLIENT_SECRET",
    "token_key": "OPTIMIZE_BOT_TOKEN_KEY",
}
#: Keys of sources.
_KEYS = (
    "alphavantage_api_key",
    "alpaca_key_id",
    "alpaca_secret_key",
    "polygon_api_key",
    "stooq_api_key",
    "tiingo_api_key",
)
#: Settings that are missing when they are empty, and what they are then.
_EMPTY: Mapping[str | None, str | None] = {
    **dict.fromkeys((*_FORMS, *_KEYS, "backup_passphrase", "broker")),
    "public_url": "",
}


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
    log: Literal["text", "json"] = Field(default="text", validation_alias=_names("OPTIMIZE_BOT_LOG"))
    host: str = Field(default="127.0.0.1", validation_alias=_names("OPTIMIZE_BOT_HOST"))
    port: int = Field(default=3000, ge=0, le=65535, validation_alias=_names("OPTIMIZE_BOT_PORT"))
    public_url: str = Field(default="", validation_alias=_names("PUBLIC_URL"))

    mongodb_uri: SecretStr | None = Field(default=None, validation_alias=_names("MONGODB_URI"))

    remote_workers: bool = Field(default=True, validation_alias=_names("OPTIMIZE_BOT_REMOTE_WORKERS"))
    broker: SecretStr | None = Field(default=None, validation_alias=_names("OPTIMIZE_BOT_BROKER"))

    slack_bot_token: SecretStr | None = Field(default=None, validation_alias=_names("SLACK_BOT_TOKEN"))
    slack_app_token: SecretStr | None = Field(default=None, validation_alias=_names("SLACK_APP_TOKEN"))
    slack_signing_secret: SecretStr | None = Field(default=None, validation_alias=_names("SLACK_SIGNING_SECRET"))
    slack_client_id: SecretStr | None = Field(default=None, validation_alias=_names("SLACK_CLIENT_ID"))
    slack_client_secret: SecretStr | None = Field(default=None, validation_alias=_names("SLACK_CLIENT_SECRET"))
    token_key: SecretStr | None = Field(default=None, validation_alias=_names("OPTIMIZE_BOT_TOKEN_KEY"))
    slack_api_url: str = Field(default="https://slack.com/api/", validation_alias=_names("SLACK_API_URL"))

    sources: Annotated[tuple[str, ...], NoDecode] = Field(
        default=("file", "yahoo", "sample"), validation_alias=_names("OPTIMIZE_BOT_SOURCES")
    )
    refresh: Annotated[DailyTime | None, NoDecode, BeforeValidator(_daily)] = Field(
        default=DailyTime(22, 30, "UTC"), validation_alias=_names("OPTIMIZE_BOT_REFRESH")
    )
    alphavantage_api_key: SecretStr | None = Field(default=None, validation_alias=_names("ALPHAVANTAGE_API_KEY"))
    alpaca_key_id: SecretStr | None = Field(default=None, validation_alias=_names("ALPACA_KEY_ID"))
    alpaca_secret_key: SecretStr | None = Field(default=None, validation_alias=_names("ALPACA_SECRET_KEY"))
    polygon_api_key: SecretStr | None = Field(default=None, validation_alias=_names("POLYGON_API_KEY"))
    polygon_years: int = Field(default=2, ge=1, le=30, validation_alias=_names("POLYGON_YEARS"))
    polygon_per_minute: int = Field(default=5, ge=1, le=6000, validation_alias=_names("POLYGON_PER_MINUTE"))
    stooq_api_key: SecretStr | None = Field(default=None, validation_alias=_names("STOOQ_API_KEY"))
    tiingo_api_key: SecretStr | None = Field(default=None, validation_alias=_names("TIINGO_API_KEY"))
    tables: Annotated[Mapping[str, TableSettings], NoDecode] = Field(
        default={}, validation_alias=_names("OPTIMIZE_BOT_TABLES")
    )

    plugins: PluginKinds = Field(default=PluginKinds.OFF, validation_alias=_names("OPTIMIZE_BOT_PLUGINS"))

    admins: Ids = Field(default=(), validation_alias=_names("OPTIMIZE_BOT_ADMINS"))
    approvers: Ids = Field(default=(), validation_alias=_names("OPTIMIZE_BOT_APPROVERS"))
    runners: Ids = Field(default=(), validation_alias=_names("OPTIMIZE_BOT_RUNNERS"))
    viewers: Ids = Field(default=(), validation_alias=_names("OPTIMIZE_BOT_VIEWERS"))
    running_per_person: int = Field(default=2, ge=1, validation_alias=_names("OPTIMIZE_BOT_RUNNING_PER_PERSON"))
    waiting_per_person: int = Field(default=20, ge=1, validation_alias=_names("OPTIMIZE_BOT_WAITING_PER_PERSON"))
    waiting_in_all: int = Field(default=2_000, ge=1, validation_alias=_names("OPTIMIZE_BOT_WAITING_IN_ALL"))

    backup_passphrase: SecretStr | None = Field(default=None, validation_alias=_names("OPTIMIZE_BOT_BACKUP_PASSPHRASE"))

    # Days that are kept.
    keep_reports: int = Field(default=14, ge=0, le=36_500, validation_alias=_names("OPTIMIZE_BOT_KEEP_REPORTS"))
    keep_audit: int = Field(default=365, ge=1, le=36_500, validation_alias=_names("OPTIMIZE_BOT_KEEP_AUDIT"))
    keep_outbox: int = Field(default=90, ge=1, le=36_500, validation_alias=_names("OPTIMIZE_BOT_KEEP_OUTBOX"))

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read secrets also from the files that NAME_FILE names."""
        files = SecretFiles(settings_cls, env_settings, dotenv_settings)
        return init_settings, files, env_settings, dotenv_settings

    @field_validator("sources", "admins", "approvers", "runners", "viewers", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(word.strip() for word in value.split(",") if word.strip()) if isinstance(value, str) else value

    @field_validator("tables", mode="before")
    @classmethod
    def _as_json(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except ValueError:
            raise ValueError('write JSON, such as {"prices": {"at": "/data/prices"}}') from None

    @field_validator("tables")
    @classmethod
    def _require_table_names(cls, value: Mapping[str, TableSettings]) -> Mapping[str, TableSettings]:
        require_table_names(value)
        return value

    @field_validator("slack_bot_token", "slack_app_token", "slack_signing_secret", *_OF_INSTALLING)
    @classmethod
    def _require_form(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        """Refuse what Slack never gives out; a short secret could be guessed."""
        if value is None:
            return None
        text, (beginnings, least) = value.get_secret_value(), _FORMS[info.field_name or ""]
        if not text.startswith(beginnings):
            raise ValueError(f"it begins with {' or '.join(beginnings)}; this one does not")
        if len(text) < least:
            raise ValueError(f"it has {len(text)} characters, and at least {least} are needed; copy it again, whole")
        if not re.fullmatch(r"[!-~]+", text):
            raise ValueError("it contains a space or a character that no such secret has; copy it again, alone")
        return value

    @field_validator("token_key")
    @classmethod
    def _require_keys(cls, value: SecretStr | None) -> SecretStr | None:
        """Refuse what cannot encrypt: each key is 32 bytes as URL-safe base64."""
        for key in value.get_secret_value().split(",") if value else ():
            try:
                is_key = len(urlsafe_b64decode(key.encode())) == _KEY_BYTES
            except (binascii.Error, UnicodeEncodeError):
                is_key = False
            if not is_key:
                raise ValueError(
                    "each key, with commas between them, is 32 random bytes as URL-safe base64: make one with "
                    "head -c32 /dev/urandom | base64 | tr +/ -_"
                )
        return value

    @field_validator("broker")
    @classmethod
    def _require_broker(cls, value: SecretStr | None) -> SecretStr | None:
        """Refuse what would lose a message with the process that fetched it; the words never repeat the password."""
        if value is None:
            return None
        scheme = value.get_secret_value().partition(":")[0]
        if scheme.startswith("mongodb"):
            raise ValueError(
                "MongoDB is no broker: Celery deletes a message there when a worker fetches it, and a killed worker "
                "takes it along. `optimize-bot worker` without --celery needs no broker: it looks into MongoDB itself"
            )
        try:
            address = urlsplit(value.get_secret_value())
            is_whole = scheme in _BROKERS and bool(address.hostname) and address.port != 0
        except ValueError:  # a port that is none
            is_whole = False
        if not is_whole:
            raise ValueError(
                "write the whole address, such as redis://:PASSWORD@HOST:6379/0 or amqp://USER:PASSWORD@HOST"
            )
        return value

    @field_validator("host")
    @classmethod
    def _require_host(cls, value: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9._:-]+", value):
            raise ValueError("name an address of this machine, such as 127.0.0.1 or 0.0.0.0")
        return value

    @field_validator("sources")
    @classmethod
    def _require_sources(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise ValueError("name at least one source, such as file,sample")
        return value

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
        address = urlsplit(value)
        if address.scheme not in ("http", "https") or not address.hostname:
            raise ValueError("write the whole address, such as https://slack.com/api/")
        return value if value.endswith("/") else value + "/"

    # The last one declared is the first one called.
    @field_validator("*", mode="before")
    @classmethod
    def _require_text(cls, value: object, info: ValidationInfo) -> object:
        """Take an empty secret for a missing one, and refuse every other setting that is empty or no plain text."""
        if isinstance(value, Unreadable):
            raise ValueError(value.reason)
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        if not isinstance(text, str | Path):
            return value
        text = str(text)
        if not text.strip():
            if info.field_name not in _EMPTY:
                raise ValueError("it is set and empty: give it a value, or remove it")
            return _EMPTY[info.field_name]
        kinds = {unicodedata.category(character) for character in text}
        is_path = info.field_name == "home"  # which may contain a line break, as a file's name may
        if "\0" in text or "Cs" in kinds or ("Cc" in kinds and not is_path):
            raise ValueError("it contains a character that is no text, such as a line break; write it again, alone")
        return value

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
    def secrets(self) -> Mapping[str, str]:
        """Every secret that is set, by the name of its setting. Never to be logged."""
        found = {
            setting_name(field): getattr(self, name)
            for name, field in type(self).model_fields.items()
            if is_secret(field)
        }
        return {name: secret.get_secret_value() for name, secret in found.items() if secret is not None}

    @property
    def shares_snapshots(self) -> bool:
        """True if workers, or the bot that takes over, may be on other machines: bars are stored in MongoDB too."""
        return self.mongodb_uri is not None and (self.remote_workers or self.broker is not None)

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
    def strategies(self) -> Path:
        """Folder of the operator's own strategies."""
        return self.home / FOLDER

    @property
    def has_slack(self) -> bool:
        """True if any of Slack's tokens is set; `require_slack` checks that it is not the only one."""
        tokens = (self.slack_bot_token, self.slack_app_token, self.slack_signing_secret)
        return any(tokens) or self.has_installations

    @property
    def has_installations(self) -> bool:
        """True if further workspaces may install the app; `require_slack` checks that every setting for it is there."""
        return any(getattr(self, field) for field in _OF_INSTALLING)

    @property
    def token_keys(self) -> tuple[str, ...]:
        """Keys of stored tokens, the newest first; the others only decrypt."""
        return tuple(self.token_key.get_secret_value().split(",")) if self.token_key else ()

    def require_slack(self) -> None:
        """Raise MissingSetting for the first missing Slack setting, with where to find it, and NotWithSocket."""
        if self.has_installations:
            self._require_installing()
            return
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

    def _require_installing(self) -> None:
        """Raise for what is missing to let further workspaces install the app."""
        for field, name in _OF_INSTALLING.items():
            if getattr(self, field) is None:
                raise MissingSetting(name=name, remedy=Phrase("all_for_installing"))
        if self.slack_app_token is not None:
            raise NotWithSocket(name="SLACK_APP_TOKEN")
        if self.slack_signing_secret is None:
            raise MissingSetting(name="SLACK_SIGNING_SECRET", remedy=Phrase("copy_signing_secret"))
