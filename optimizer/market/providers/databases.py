"""Rows of one symbol from files, a DuckDB file or PostgreSQL, read only."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time
from importlib import import_module
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from optimizer.domain.bars import FloatArray, TimeArray
from optimizer.errors import MissingExtra, Phrase
from optimizer.market.providers.online.retry import Trouble

MEMORY_LIMIT = "256MB"
_CHUNK = 50_000
_ENDINGS = {"parquet": "read_parquet", "csv": "read_csv"}
_SECONDS = 10
#: Sessions of PostgreSQL: nothing is written, nothing runs for more than a minute, and times are in UTC.
_SESSION = "-c default_transaction_read_only=on -c statement_timeout=60000 -c timezone=UTC"


@dataclass(frozen=True, kw_only=True)
class Query:
    """Bars of a symbol since a day: our names of the columns and theirs, `time` and `symbol` among them."""

    columns: Mapping[str, str]
    symbol: str
    since: date | None

    @property
    def numbers(self) -> list[str]:
        """Our names of the columns of numbers."""
        return [name for name in self.columns if name not in ("time", "symbol")]

    def sql(self, relation: str, *, mark: str, kind: str) -> str:
        """Select statement; `mark` stands for a parameter, and `kind` is the function that names a type."""
        moment = f"CAST({quoted(self.columns['time'])} AS TIMESTAMP)"
        has_zone = f"lower(CAST({kind}({quoted(self.columns['time'])}) AS VARCHAR)) = 'timestamp with time zone'"
        values = [f"CAST({quoted(self.columns[name])} AS FLOAT8)" for name in self.numbers]
        wanted = f"{quoted(self.columns['symbol'])} = {mark}" + (f" AND {moment} >= {mark}" if self.since else "")
        return f"SELECT {', '.join([moment, has_zone, *values])} FROM {relation} WHERE {wanted} ORDER BY 1"  # noqa: S608 - quoted

    @property
    def parameters(self) -> list[object]:
        """Values of the marks."""
        return [self.symbol, *([datetime.combine(self.since, time())] if self.since else [])]


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Answer to a query: times (in UTC if they have a zone) and the numbers by name; a missing one is NaN."""

    time: TimeArray
    has_zone: bool
    numbers: Mapping[str, FloatArray]


def read_files(at: str, query: Query) -> Rows:
    """Rows of a file, a folder of files, or the files of a pattern. Raises Trouble."""
    path = Path(at)
    kind = next((end for end in _ENDINGS if at.endswith(end) or (path.is_dir() and any(path.rglob(f"*.{end}")))), None)
    if kind is None:
        raise Trouble(Phrase("no_such_table", table=at), is_passing=False)
    pattern = f"{at}/**/*.{kind}" if path.is_dir() else at
    with _duckdb() as cursor:
        return _read(cursor, query, f"{_ENDINGS[kind]}({_text(pattern)}, union_by_name = true)")


def read_duckdb(at: str, table: str, query: Query) -> Rows:
    """Rows of a table in a DuckDB file, which another process may have open to read. Raises Trouble."""
    if not Path(at).is_file():
        raise Trouble(Phrase("no_such_table", table=at), is_passing=False)
    with _duckdb() as cursor:
        cursor.execute(f"ATTACH {_text(at)} AS firm (READ_ONLY)")
        return _read(cursor, query, f"firm.{_relation(table)}")


def read_postgres(at: str, table: str, query: Query, *, source: str) -> Rows:
    """Rows of a table in PostgreSQL. Raises Trouble or MissingExtra."""
    try:
        psycopg = import_module("psycopg")
    except ModuleNotFoundError as error:
        raise MissingExtra(source=source, extra="postgres") from error
    try:
        with psycopg.connect(at, connect_timeout=_SECONDS, options=_SESSION) as connection:
            cursor = connection.cursor()
            sql = query.sql(_relation(table).replace("%", "%%"), mark="%s", kind="pg_typeof")
            return _rows(cursor.execute(sql, query.parameters), query)
    except psycopg.Error as error:
        # The message of a failed connection may contain the address.
        text = error.diag.message_primary or type(error).__name__
        raise Trouble(Phrase("table_refused", text=text), is_passing=False) from None


@contextmanager
def _duckdb() -> Iterator[Any]:
    try:
        with duckdb.connect(":memory:", config={"memory_limit": MEMORY_LIMIT, "threads": 1}) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            yield connection
    except duckdb.Error as error:
        raise Trouble(Phrase("table_refused", text=str(error).splitlines()[0]), is_passing=False) from None


def _read(cursor: Any, query: Query, relation: str) -> Rows:
    return _rows(cursor.execute(query.sql(relation, mark="?", kind="typeof"), query.parameters), query)


def _rows(cursor: Any, query: Query) -> Rows:
    """Fetch in chunks, so that a long history never lies in memory row by row."""
    times, tables, has_zone = [np.zeros(0, "datetime64[us]")], [np.zeros((0, len(query.numbers)))], False
    while chunk := cursor.fetchmany(_CHUNK):
        has_zone = bool(chunk[0][1])
        times.append(np.array([row[0] for row in chunk], dtype="datetime64[us]"))
        tables.append(np.array([row[2:] for row in chunk], dtype=np.float64))
    numbers = dict(zip(query.numbers, np.concatenate(tables).T, strict=True))
    return Rows(time=np.concatenate(times), has_zone=has_zone, numbers=numbers)


def quoted(name: str) -> str:
    """Name of a column as SQL."""
    return '"' + name.replace('"', '""') + '"'


def _relation(table: str) -> str:
    """Name of a table, perhaps with its schema."""
    return ".".join(map(quoted, table.split(".")))


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
