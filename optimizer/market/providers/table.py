"""One CSV or Parquet file as a DuckDB table: its columns, its first times, and errors with line numbers."""

import csv
import glob
import gzip
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO

import duckdb
from duckdb import DuckDBPyConnection

from optimizer.errors import BadFile, Phrase
from optimizer.market.providers.columns import Head, find_columns, find_head, missing_columns

CSV_NAMES = (".csv", ".tsv", ".txt", ".csv.gz")
PARQUET_NAMES = (".parquet", ".pq")
_N_SAMPLE = 50


@dataclass(frozen=True, kw_only=True)
class Table:
    """File whose columns were found."""

    path: Path
    rows: str  # SQL of the table
    columns: Mapping[str, str]  # SQL of each column as text, by meaning
    names: Mapping[str, str]  # of the columns in the file, by meaning
    texts: frozenset[str]  # meanings of the columns that the file has as text
    delimiter: str = ","
    n_header: int = 1  # lines above the first row
    times: Sequence[str]  # the first ones, as written

    @property
    def line(self) -> str:
        """SQL of a row's number; blank lines are not counted."""
        return f"row_number() OVER () + {self.n_header - 1}"

    @property
    def moment(self) -> str:
        """SQL of date and time as text."""
        if "clock" in self.columns:
            return f"trim({self.columns['time']}) || ' ' || trim({self.columns['clock']})"
        return f"trim({self.columns['time']})"


def bad_file(path: Path, line: int, reason: Phrase, remedy: Phrase) -> BadFile:
    """Build the error for one line of a file."""
    return BadFile(file=path.name, line=line, reason=reason, remedy=remedy)


def is_parquet(path: Path) -> bool:
    """True if the file's name ends like that of a Parquet file."""
    return path.name.lower().endswith(PARQUET_NAMES)


def open_table(cursor: DuckDBPyConnection, path: Path) -> Table:
    """Find the columns of a file. Raises BadFile when it is empty, damaged, or lacks a needed column."""
    return _open_parquet(cursor, path) if is_parquet(path) else _open_csv(path)


def _open_csv(path: Path) -> Table:
    lines = _first_lines(path)
    if not lines:
        raise bad_file(path, 1, Phrase("file_empty"), Phrase("export_again"))
    delimiter = max(",;\t|", key=lines[0].count)
    lines_of_cells = list(csv.reader(lines, delimiter=delimiter))
    head = find_head(lines_of_cells)
    rows = lines_of_cells[head.n_lines :]
    places = _places(path, head.names, rows)
    typed = "{" + ", ".join(f"'c{place}': 'VARCHAR'" for place in range(len(head.names))) + "}"
    read = (
        f"read_csv({_named(path)}, delim={quoted(delimiter)}, quote='\"', escape='\"', header=true, "
        f"skip={head.n_lines - 1}, auto_detect=false, columns={typed})"
    )
    return Table(
        path=path,
        rows=read,
        columns={name: f"c{place}" for name, place in places.items()} | _symbol_above(path, head),
        names={name: head.names[place] for name, place in places.items()},
        texts=frozenset(places),
        times=_sampled(rows, places),
        delimiter=delimiter,
        n_header=head.n_lines,
    )


def _symbol_above(path: Path, head: Head) -> dict[str, str]:
    """Column of the symbol that stands above the columns, if one does. Raises BadFile for several."""
    if len(head.symbols) > 1:
        reason = Phrase("symbols_side_by_side", symbols=", ".join(head.symbols[:12]))
        raise bad_file(path, 1, reason, Phrase("one_file_each"))
    return {"symbol": quoted(head.symbols[0])} if head.symbols else {}


def _named(path: Path) -> str:
    """SQL of a path: brackets, `*` and `?` in its name are letters, and no pattern for other files."""
    return quoted(glob.escape(str(path)))


def _sampled(rows: Sequence[Sequence[str]], places: Mapping[str, int]) -> list[str]:
    """Texts of the first times; a separate time of day is joined with its date."""
    wanted = [places[name] for name in ("time", "clock") if name in places]
    return [" ".join(row[place].strip() for place in wanted) for row in rows if len(row) > max(wanted)]


def _first_lines(path: Path) -> list[str]:
    try:
        with _open_text(path) as file:
            return [line for line in islice(file, _N_SAMPLE) if line.strip()]
    except UnicodeDecodeError as error:
        raise bad_file(path, 1, Phrase("not_utf8"), Phrase("save_as_utf8")) from error
    except (OSError, EOFError) as error:
        raise bad_file(path, 1, Phrase("unreadable_because", cause=str(error)), Phrase("check_permissions")) from error


def _open_text(path: Path) -> IO[str]:
    if path.name.lower().endswith(".gz"):
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


def _open_parquet(cursor: DuckDBPyConnection, path: Path) -> Table:
    read = f"read_parquet({_named(path)})"
    try:
        described = cursor.execute(f"DESCRIBE FROM {read}").fetchall()
        texts = [_as_text(str(name), kind) for name, kind, *_ in described]
        cells = cursor.execute(f"SELECT {', '.join(texts)} FROM {read} LIMIT {_N_SAMPLE}").fetchall()  # noqa: S608
    except duckdb.Error as error:
        reason = Phrase("not_whole_parquet")
        raise bad_file(path, 1, reason, Phrase("write_again")) from error
    header, rows = [str(row[0]) for row in described], [[cell or "" for cell in row] for row in cells]
    places = _places(path, header, rows)
    return Table(
        path=path,
        rows=read,
        columns={name: texts[place] for name, place in places.items()},
        names={name: header[place] for name, place in places.items()},
        texts=frozenset(name for name, place in places.items() if described[place][1] == "VARCHAR"),
        times=_sampled(rows, places),
    )


def _as_text(name: str, kind: str) -> str:
    """SQL of a column as text; moments in UTC, which would otherwise be in the machine's time zone."""
    column = '"' + name.replace('"', '""') + '"'
    if kind == "TIMESTAMP WITH TIME ZONE":
        return f"CAST(make_timestamp(epoch_us({column})) AS VARCHAR) || '+00'"
    return f"CAST({column} AS VARCHAR)"


def _places(path: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> dict[str, int]:
    places = find_columns(header, rows)
    if missing := missing_columns(places):
        found = ", ".join(header[:12])
        reason = Phrase("no_column", missing=", ".join(missing), found=found)
        raise bad_file(path, 1, reason, Phrase("name_columns"))
    return places


def physical_line(path: Path, row: int) -> int:
    """Line number of a row (from 1) in a CSV file, blank lines counted; the row itself for Parquet."""
    if is_parquet(path):
        return row
    with _open_text(path) as file:
        filled = (number for number, line in enumerate(file, start=1) if line.strip())
        return next(islice(filled, row, None), row + 1)


def quoted(text: str) -> str:
    """Quote a text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"
