"""One text or Parquet file as a DuckDB table: its columns, its first rows, and errors with line numbers."""

import csv
import glob
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import duckdb
from duckdb import DuckDBPyConnection

from optimizer.errors import BadFile, Phrase
from optimizer.market.formats.columns import (
    DELIMITERS,
    N_LINES,
    Head,
    find_columns,
    find_head,
    find_twin,
    missing_columns,
    plain_name,
)
from optimizer.market.formats.file_family import Family, Sample, places_of
from optimizer.market.formats.registry import TABLE, recognise
from optimizer.market.formats.source_files import SourceFile

_N_SAMPLE = 60


@dataclass(frozen=True, kw_only=True)
class Table:
    """File whose columns were found, or those of one symbol in it."""

    file: SourceFile
    family: Family
    rows: str  # SQL of the table
    columns: Mapping[str, str]  # SQL of each column as text, by meaning
    names: Mapping[str, str]  # of the columns in the file, by meaning
    unused: tuple[str, ...] = ()  # names of the other columns
    texts: frozenset[str]  # meanings of the columns that the file has as text
    delimiter: str = ""
    n_above: int = 0  # lines above the first row
    cells: Mapping[str, Sequence[str]]  # the first ones of each column, by meaning
    time: str = ""  # SQL of the time, where the family has its own
    divisor: int = 1  # of the prices
    symbol: str = ""  # that the header names

    @property
    def line(self) -> str:
        """SQL of a row's number, from 1; blank lines have none."""
        return "row_number() OVER ()"

    @property
    def moment(self) -> str:
        """SQL of date and time as text."""
        if "clock" in self.columns:
            return f"trim({self.columns['time']}) || ' ' || trim({self.columns['clock']})"
        return f"trim({self.columns['time']})"

    @property
    def times(self) -> Sequence[str]:
        """Texts of the first times; a separate time of day is joined with its date."""
        parts = [self.cells[name] for name in ("time", "clock") if name in self.cells]
        return [" ".join(cell.strip() for cell in cells) for cells in zip(*parts, strict=True)]

    def fault(self, reason: Phrase, remedy: Phrase, *, row: int = 1) -> BadFile:
        """Build the error for a row of the table."""
        return self.file.fault(self.file.line_of(row, self.n_above), reason, remedy)


def open_tables(cursor: DuckDBPyConnection, file: SourceFile) -> list[Table]:
    """Find the columns of a file, for each symbol that its header names.

    Raises BadFile when it is empty, damaged, or lacks a needed column.
    """
    return [_open_parquet(cursor, file)] if file.is_parquet else _open_text(file)


@dataclass(frozen=True, kw_only=True)
class _Layout:
    """Text as cells."""

    delimiter: str
    head: Head
    n_above: int  # lines
    rows: Sequence[Sequence[str]]  # the first ones below the header


def _open_text(file: SourceFile) -> list[Table]:
    lines = _first_lines(file)
    if not lines:
        raise file.fault(1, Phrase("file_empty"), Phrase("export_again"))
    layout = _find_layout(lines)
    if layout is None:
        return [_open_bare(file, lines)]
    symbols = layout.head.symbols
    return [_table(file, layout, symbol) for symbol in symbols] if symbols else [_table(file, layout, "")]


def _find_layout(lines: Mapping[int, str]) -> _Layout | None:
    """The delimiter that makes a header readable, that of most cells first; None if none does."""
    first = max(lines.values(), key=lambda line: max(map(line.count, DELIMITERS)))
    for delimiter in sorted(DELIMITERS, key=first.count, reverse=True):
        rows = _cells(lines, delimiter)
        if head := find_head(rows[:N_LINES]):
            n_above = list(lines)[head.n_above - 1]
            return _Layout(delimiter=delimiter, head=head, n_above=n_above, rows=rows[head.n_above :])
    return None


def _cells(lines: Mapping[int, str], delimiter: str) -> list[list[str]]:
    try:
        return list(csv.reader(lines.values(), delimiter=delimiter))
    except csv.Error:  # a cell of more than 131,072 characters
        return []


def _table(file: SourceFile, layout: _Layout, symbol: str) -> Table:
    """The table of a file with a header, or its columns of one symbol."""
    head = layout.head
    names = [name if not symbol or own in ("", symbol) else "" for name, own in _owned(head)]
    places = find_columns(names, layout.rows)
    if missing := missing_columns(places):
        raise _no_column(file, missing, names)
    _refuse_twins(file, layout, names, places)
    sample = _sample(file, layout, head.n_above if head.tickers else 1, names)
    family = recognise(sample) or TABLE
    table = _text_table(file, family, places, names, layout.delimiter, layout.n_above, layout.rows)
    if symbol:
        table = replace(table, symbol=symbol, columns={**table.columns, "symbol": quoted(symbol)})
    return _of_family(table, sample)


def _refuse_twins(file: SourceFile, layout: _Layout, names: Sequence[str], places: Mapping[str, int]) -> None:
    if twin := find_twin(names, layout.rows, places):
        raise file.fault(max(layout.n_above, 1), Phrase("two_columns", name=twin), Phrase("delete_one_column"))


def _owned(head: Head) -> Iterator[tuple[str, str]]:
    """Names of the columns, each with the symbol it belongs to."""
    return zip(head.names, head.tickers or [""] * len(head.names), strict=False)


def _no_column(file: SourceFile, missing: Sequence[str], names: Sequence[str]) -> BadFile:
    reason = Phrase("no_column", missing=", ".join(missing), found=", ".join(names[:12]))
    return file.fault(1, reason, Phrase("name_columns"))


def _open_bare(file: SourceFile, lines: Mapping[int, str]) -> Table:
    """The table of a file without header, which its family must know."""
    first = next(iter(lines.values()))
    for delimiter in sorted(DELIMITERS, key=first.count, reverse=True):
        rows = _cells(lines, delimiter)
        if not rows:
            raise file.fault(1, Phrase("line_unreadable"), Phrase("export_again"))
        layout = _Layout(delimiter=delimiter, head=Head(names=[], n_above=0), n_above=0, rows=rows)
        sample = _sample(file, layout, 0, [])
        if family := recognise(sample):
            names = [f"#{place}" for place in range(1, len(rows[0]) + 1)]
            return _of_family(_text_table(file, family, places_of(family), names, delimiter, 0, rows), sample)
    delimiter = max(DELIMITERS, key=first.count)
    names = _cells(lines, delimiter)[0]
    raise _no_column(file, missing_columns(find_columns(names, ())), names)


def _sample(file: SourceFile, layout: _Layout, n_header: int, names: Sequence[str]) -> Sample:
    path = (file.path / file.member if file.member else file.path).as_posix()
    plain = frozenset(map(plain_name, names))
    return Sample(
        path=path, names=names, plain=plain, n_header=n_header, rows=layout.rows[:20], delimiter=layout.delimiter
    )


def _text_table(
    file: SourceFile,
    family: Family,
    places: Mapping[str, int],
    names: Sequence[str],
    delimiter: str,
    n_above: int,
    rows: Sequence[Sequence[str]],
) -> Table:
    typed = "{" + ", ".join(f"'c{place}': 'VARCHAR'" for place in range(len(names))) + "}"
    read = (
        f"read_csv({_named(file)}, delim={quoted(delimiter)}, quote='\"', escape='\"', header=false, "
        f"skip={n_above}, auto_detect=false, columns={typed})"
    )
    whole = [row for row in rows if len(row) > max(places.values())]
    return Table(
        file=file,
        family=family,
        rows=read,
        columns={name: f"c{place}" for name, place in places.items()},
        names={name: names[place] for name, place in places.items()},
        unused=tuple(name for place, name in enumerate(names) if name and place not in places.values()),
        texts=frozenset(places),
        delimiter=delimiter,
        n_above=n_above,
        cells={name: [row[place] for row in whole] for name, place in places.items()},
    )


def _of_family(table: Table, sample: Sample) -> Table:
    """Read times and prices as the family does. Raises BadFile when it cannot be known how."""
    family = table.family
    divisor = family.divisor(sample) if family.divisor else 1
    if divisor == 0:
        raise table.file.fault(1, Phrase("unknown_scale"), Phrase("keep_folders"))
    time = family.time(sample, table.columns["time"]) if family.time else ""
    return replace(table, time=time, divisor=divisor)


def _named(file: SourceFile) -> str:
    """SQL of a path: brackets, `*` and `?` in its name are letters, and no pattern for other files."""
    return quoted(glob.escape(str(file.text)))


def _first_lines(file: SourceFile) -> dict[int, str]:
    """The first lines that are not blank, by their numbers."""
    with file.lines() as opened:
        return {number: line for number, line in enumerate(islice(opened, _N_SAMPLE), start=1) if line.strip()}


def _open_parquet(cursor: DuckDBPyConnection, file: SourceFile) -> Table:
    read = f"read_parquet({_named(file)})"
    try:
        described = cursor.execute(f"DESCRIBE FROM {read}").fetchall()
        texts = [_as_text(str(name), kind) for name, kind, *_ in described]
        cells = cursor.execute(f"SELECT {', '.join(texts)} FROM {read} LIMIT {_N_SAMPLE}").fetchall()  # noqa: S608
    except duckdb.Error as error:
        raise file.fault(1, Phrase("not_whole_parquet"), Phrase("write_again")) from error
    header, rows = [str(row[0]) for row in described], [[cell or "" for cell in row] for row in cells]
    places = find_columns(header, rows)
    if missing := missing_columns(places):
        raise _no_column(file, missing, header)
    layout = _Layout(delimiter="", head=Head(names=header, n_above=0), n_above=0, rows=rows)
    _refuse_twins(file, layout, header, places)
    return Table(
        file=file,
        family=recognise(_sample(file, layout, 1, header)) or TABLE,
        rows=read,
        columns={name: texts[place] for name, place in places.items()},
        names={name: header[place] for name, place in places.items()},
        unused=tuple(name for place, name in enumerate(header) if place not in places.values()),
        texts=frozenset(name for name, place in places.items() if described[place][1] == "VARCHAR"),
        cells={name: [row[place] for row in rows] for name, place in places.items()},
    )


def _as_text(name: str, kind: str) -> str:
    """SQL of a column as text; moments in UTC, which would otherwise be in the machine's time zone."""
    column = '"' + name.replace('"', '""') + '"'
    if kind == "TIMESTAMP WITH TIME ZONE":
        return f"CAST(make_timestamp(epoch_us({column})) AS VARCHAR) || '+00'"
    return f"CAST({column} AS VARCHAR)"


def quoted(text: str) -> str:
    """Quote a text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"
