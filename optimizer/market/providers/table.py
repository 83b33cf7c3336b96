"""One CSV or Parquet file as DuckDB reads it: header, first values, and the parsed rows as a temporary table."""

import csv
import gzip
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO

import duckdb
import numpy as np
from duckdb import DuckDBPyConnection

from optimizer.errors import BadFile
from optimizer.market.providers.columns import find_columns, missing_columns
from optimizer.market.providers.moments import candidates, is_steady, local_sql, shift_sql

CSV_NAMES = (".csv", ".tsv", ".txt", ".csv.gz")
PARQUET_NAMES = (".parquet", ".pq")
MACROS = r"""
    CREATE OR REPLACE TEMP MACRO is_blank(t) AS
        t IS NULL OR lower(trim(t)) IN ('', 'nan', 'na', 'n/a', 'null', 'none', '-', '#n/a');
"""
_PRICES = ("open", "high", "low", "close", "adjusted", "volume")
_N_SAMPLE = 50
#: SQL of a text as a number: the quick way, and the one that bears currency signs and thousands separators.
_PLAIN = "nullif(try_cast({} AS DOUBLE), 'nan')"
_DECORATED = r"nullif(try_cast(regexp_replace({}, '[$₩€£,\s]', '', 'g') AS DOUBLE), 'nan')"


@dataclass(frozen=True, kw_only=True)
class Table:
    """A file with its columns found: SQL to read it from, SQL of each column as text, and some of its times."""

    path: Path
    rows: str
    columns: Mapping[str, str]
    times: Sequence[str]

    @property
    def moment(self) -> str:
        """SQL of the whole time as text."""
        if "clock" in self.columns:
            return f"trim({self.columns['time']}) || ' ' || trim({self.columns['clock']})"
        return f"trim({self.columns['time']})"


def bad_file(path: Path, line: int, reason: str, remedy: str) -> BadFile:
    """The error for one line of a file."""
    return BadFile(file=path.name, line=line, reason=reason, remedy=remedy)


def is_parquet(path: Path) -> bool:
    """Whether the name is one of a Parquet file."""
    return path.name.lower().endswith(PARQUET_NAMES)


def open_table(cursor: DuckDBPyConnection, path: Path) -> Table:
    """Find the columns of a file. BadFile when it is empty, damaged, or lacks a needed column."""
    return _open_parquet(cursor, path) if is_parquet(path) else _open_csv(path)


def _open_csv(path: Path) -> Table:
    lines = _first_lines(path)
    if not lines:
        raise bad_file(path, 1, "the file is empty", "Export it again.")
    delimiter = max(",;\t|", key=lines[0].count)
    header, *rows = csv.reader(lines, delimiter=delimiter)
    places = _places(path, header)
    typed = "{" + ", ".join(f"'c{place}': 'VARCHAR'" for place in range(len(header))) + "}"
    read = (
        f"read_csv({quoted(str(path))}, delim={quoted(delimiter)}, quote='\"', escape='\"', header=true, "
        f"auto_detect=false, columns={typed})"
    )
    times = _sampled(rows, places)
    return Table(path=path, rows=read, columns={name: f"c{place}" for name, place in places.items()}, times=times)


def _sampled(rows: Sequence[Sequence[str]], places: Mapping[str, int]) -> list[str]:
    """The first times; a clock of its own is joined with its day."""
    wanted = [places[name] for name in ("time", "clock") if name in places]
    return [" ".join(row[place].strip() for place in wanted) for row in rows if len(row) > max(wanted)]


def _first_lines(path: Path) -> list[str]:
    try:
        with _open_text(path) as file:
            return [line for line in islice(file, _N_SAMPLE) if line.strip()]
    except UnicodeDecodeError as error:
        raise bad_file(path, 1, "it is not UTF-8 text", "Save it as CSV in UTF-8.") from error
    except (OSError, EOFError) as error:
        raise bad_file(path, 1, f"it cannot be read ({error})", "Check the file and its permissions.") from error


def _open_text(path: Path) -> IO[str]:
    if path.name.lower().endswith(".gz"):
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


def _open_parquet(cursor: DuckDBPyConnection, path: Path) -> Table:
    read = f"read_parquet({quoted(str(path))})"
    try:
        header = [str(row[0]) for row in cursor.execute(f"DESCRIBE FROM {read}").fetchall()]
        places = _places(path, header)
        columns = {name: f"""CAST("{header[place].replace('"', '""')}" AS VARCHAR)""" for name, place in places.items()}
        table = Table(path=path, rows=read, columns=columns, times=())
        sample = cursor.execute(f"SELECT {table.moment} FROM {read} LIMIT {_N_SAMPLE}").fetchall()  # noqa: S608
    except duckdb.Error as error:
        reason = "it is not a whole Parquet file"
        raise bad_file(path, 1, reason, "Write it again; it may have been cut off.") from error
    return Table(path=path, rows=read, columns=columns, times=[row[0] for row in sample if row[0]])


def _places(path: Path, header: Sequence[str]) -> dict[str, int]:
    places = find_columns(header)
    if missing := missing_columns(places):
        found = ", ".join(header[:12])
        reason = f"no column for {', '.join(missing)} (found: {found})"
        raise bad_file(path, 1, reason, "Name the columns date, open, high, low, close, volume in the first line.")
    return places


def parse_table(cursor: DuckDBPyConnection, table: Table) -> None:
    """Fill the temporary table `parsed` with line, symbol, local, shift, prices. BadFile names the first bad line."""
    cursor.execute(MACROS)
    ways = _ways(table)
    for number in (_PLAIN, _DECORATED):
        faults = [_parse(cursor, table, way, number) for way in ways]
        good = [way for way, fault in zip(ways, faults, strict=True) if fault is None]
        if good:
            break
    else:
        raise faults[0] or AssertionError
    if len(ways) > 1:
        _parse(cursor, table, good[0] if len(good) == 1 else _only_steady(cursor, table, good, number), number)


def _ways(table: Table) -> list[str]:
    if ways := candidates(table.times):
        return ways
    example = next(iter(table.times), "")
    if not example:
        raise bad_file(table.path, 1, "there are no bars in it", "Export it again.")
    raise bad_file(table.path, 2, f"`{example}` is no date I can read", "Write dates as 2024-01-31.")


def _parse(cursor: DuckDBPyConnection, table: Table, way: str, number: str) -> BadFile | None:
    """Parse with one way to read times and one to read numbers; returns the first fault."""
    prices = {name: table.columns.get(name, "NULL") for name in _PRICES}
    numbers = ", ".join(f"{number.format(text)} AS {name}" for name, text in prices.items())
    wrong = " ".join(
        f"WHEN ({name} IS NULL AND NOT is_blank({text})) OR isinf({name}) THEN '{name}'"
        for name, text in prices.items()
    )
    symbol = f"upper(trim({table.columns['symbol']}))" if "symbol" in table.columns else "''"
    order = "ORDER BY symbol, line" if "symbol" in table.columns else ""
    try:
        cursor.execute(f"""
            CREATE OR REPLACE TEMP TABLE parsed AS
            SELECT row_number() OVER () AS line, {symbol} AS symbol, {_times(table, way)}, {numbers},
                   CASE WHEN local IS NULL THEN 'time' {wrong} END AS fault
            FROM {table.rows} {order}
        """)  # noqa: S608 - names of columns are ours (CSV) or quoted (Parquet)
    except duckdb.Error as error:
        raise _damaged(table.path, str(error)) from error
    return _first_fault(cursor, table)


def _times(table: Table, way: str) -> str:
    moment = table.moment
    if not any(":" in text for text in table.times):
        return f"{way.format(moment)} AS local, CAST(NULL AS INTEGER) AS shift"
    return f"{way.format(local_sql(moment))} AS local, {shift_sql(moment)} AS shift"


def _first_fault(cursor: DuckDBPyConnection, table: Table) -> BadFile | None:
    rows = cursor.execute("SELECT line, fault FROM parsed WHERE fault IS NOT NULL ORDER BY line LIMIT 1").fetchall()
    if not rows:
        return None
    line, name = rows[0]
    text = cursor.execute(
        f"SELECT {table.moment if name == 'time' else table.columns[name]} FROM {table.rows} LIMIT 1 OFFSET {line - 1}"  # noqa: S608
    ).fetchall()[0][0]
    what = "a date I can read" if name == "time" else f"a number ({name})"
    reason = f"`{text}` is not {what}"
    return bad_file(table.path, physical_line(table.path, line), reason, "Mend or delete the line.")


def _only_steady(cursor: DuckDBPyConnection, table: Table, ways: Sequence[str], number: str) -> str:
    """Of several ways to read the dates, the one that puts them in order. BadFile when that is not one."""
    steady = []
    for way in ways:
        _parse(cursor, table, way, number)
        local = cursor.execute("SELECT local FROM parsed ORDER BY symbol, line").fetchnumpy()["local"]
        if is_steady(np.asarray(local)):
            steady.append(way)
    if len(steady) != 1:
        reason = f"`{table.times[0]}` may be day/month or month/day"
        raise bad_file(table.path, 2, reason, "Write dates as 2024-01-31.")
    return steady[0]


def _damaged(path: Path, text: str) -> BadFile:
    """DuckDB's report on a line that is cut off or has too many values."""
    line = re.search(r"CSV Error on Line: (\d+)", text)
    counts = re.search(r"Expected Number of Columns: (\d+) Found: (\d+)", text)
    if counts:
        reason = f"{counts[2]} values where the header names {counts[1]}"
    elif "unicode" in text.lower():
        reason = "it is not UTF-8 text"
    else:
        reason = "the line cannot be read"
    remedy = "The file may be half-written: export it again, or mend the line."
    return bad_file(path, int(line[1]) if line else 1, reason, remedy)


def physical_line(path: Path, row: int) -> int:
    """The line of the `row`-th row (from 1) in a CSV file, blank lines counted; the row itself for Parquet."""
    if is_parquet(path):
        return row
    with _open_text(path) as file:
        filled = (number for number, line in enumerate(file, start=1) if line.strip())
        return next(islice(filled, row, None), row + 1)


def quoted(text: str) -> str:
    """A text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"
