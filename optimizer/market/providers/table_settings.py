"""Settings of a firm's own tables. Light to import, as all settings are."""

import re
from collections.abc import Mapping
from typing import Literal, Self
from zoneinfo import available_timezones

from pydantic import BaseModel, ConfigDict, SecretStr, field_validator, model_validator

#: Beginning of the names of these sources.
PREFIX = "table:"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,23}")
_NEEDED = ("time", "symbol", "open", "high", "low", "close")
_OPTIONAL = ("volume", "adjusted", "split")
_DATABASES = (".duckdb", ".db")
_POSTGRES = ("postgresql://", "postgres://")


class TableSettings(BaseModel):
    """Place and shape of one table. The place may contain a password."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    at: SecretStr  # a file, a folder, a pattern of files, a DuckDB file, or the address of PostgreSQL
    table: str = ""  # in a database: TABLE or SCHEMA.TABLE
    columns: Mapping[str, str] = {}  # their names of columns by ours; empty for a volume that is not there
    timeframe: Literal["1m", "5m", "15m", "30m", "1h", "1d"] = "1d"
    zone: str | None = None  # of times without one; None: the exchange's

    @field_validator("zone")
    @classmethod
    def _require_zone(cls, value: str | None) -> str | None:
        if value is not None and value not in available_timezones():
            raise ValueError("name a time zone, such as America/New_York")
        return value

    @field_validator("columns")
    @classmethod
    def _require_columns(cls, value: Mapping[str, str]) -> Mapping[str, str]:
        if unknown := sorted(set(value) - {*_NEEDED, *_OPTIONAL}):
            raise ValueError(f"there is no column {unknown[0]}; name {', '.join((*_NEEDED, *_OPTIONAL))}")
        if missing := [name for name in _NEEDED if value.get(name, name) == ""]:
            raise ValueError(f"the column {missing[0]} is needed")
        return value

    @model_validator(mode="after")
    def _require_table(self) -> Self:
        if self.is_database and not self.table:
            raise ValueError("name the table in the database: table")
        return self

    @property
    def is_postgres(self) -> bool:
        """True if the table is in PostgreSQL."""
        return self.at.get_secret_value().startswith(_POSTGRES)

    @property
    def is_database(self) -> bool:
        """True if the table is in a database and not in files."""
        return self.is_postgres or self.at.get_secret_value().endswith(_DATABASES)

    @property
    def names(self) -> dict[str, str]:
        """Their name of each column by ours; of the optional ones the volume, and those that `columns` names."""
        ours = [*_NEEDED, "volume", *(name for name in _OPTIONAL if name in self.columns and name != "volume")]
        named = {name: self.columns.get(name, name) for name in ours}
        return {name: theirs for name, theirs in named.items() if theirs}


def require_table_names(tables: Mapping[str, TableSettings]) -> None:
    """Raise ValueError for a name that cannot be typed as a source."""
    for name in tables:
        if not _NAME.fullmatch(name):
            raise ValueError(f"a table is named with small letters, digits and _, at most 24; {name} is not")
