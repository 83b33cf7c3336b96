"""One text or Parquet file as a DuckDB table: its columns, its first rows, and errors with line numbers."""

import csv
import glob
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import duckdb
from duckdb import DuckDBPyConnection

from optimizer.errors import BadFile, Phrase
from optimizer.market.formats.columns import (
    DELIMITERS,
    N_LINES,
    NAMES,
    Head,
    find_columns,
    find_head,
    find_twin,
    missing_columns,
    plain_name,
    zone_in,
)
from optimizer.market.formats.file_family import Family, Sample, places_of
from optimizer.market.formats.registry import TABLE, recognise
from optimizer.market.formats.source_files import SourceFile

_N_SAMPLE = 60
#: Text that a spreadsheet is to keep as text: `="0050"`.
_LITERAL = '^="(.*)"$'
#: A separator that no text has: a line is one cell then.
_NO_DELIMITER = "\x01"
_CITY = re.compile(r" ([A-Z]\w+/\w+(?:/\w+)?)$")


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
        """SQL of date and time as text, without the name of its zone."""
        time = f"trim({self.columns['time']})"
        if "clock" in self.columns:
            clock = f"trim({self.columns['clock']})"
            if width := self._width:
                digits = f"regexp_full_match({clock}, '\\d{{1,{width}}}')"
                clock = f"CASE WHEN {digits} THEN lpad({clock}, {width}, '0') ELSE {clock} END"
            time = f"{time} || ' ' || {clock}"
        return f"regexp_replace({time}, ' {self._city}$', '')" if self._city else time

    @property
    def times(self) -> Sequence[str]:
        """Texts of the first times; a separate time of day is joined with its date, a zone is left out."""
        city = f" {self._city}"
        return [time.removesuffix(city) if self._city else time for time in self._written]

    @property
    def zone(self) -> str:
        """Zone of the clock times that the file says: behind each, in the name of their column, or as its family."""
        named = "".join(self.names.get(name, "") + " " for name in ("clock", "time"))
        return self._city or zone_in(named) or self.family.zone or ""

    @property
    def _written(self) -> Sequence[str]:
        parts = [self.cells["time"]]
        if "clock" in self.cells:
            clocks = [cell.strip() for cell in self.cells["clock"]]
            parts.append([cell.zfill(self._width) if cell.isdecimal() else cell for cell in clocks])
        return [" ".join(cell.strip() for cell in cells) for cells in zip(*parts, strict=True)]

    @property
    def _width(self) -> int:
        """Digits of a time of day that is a number without its leading zeros, such as 901; else 0."""
        clocks = [cell.strip() for cell in self.cells.get("clock", ()) if cell.strip()]
        sizes = {len(cell) for cell in clocks}
        if not sizes or not all(cell.isdecimal() for cell in clocks) or sizes <= {4} or sizes <= {6} or max(sizes) > 6:
            return 0
        return 6 if max(sizes) > 4 else 4

    @property
    def _city(self) -> str:
        """Name of the zone that stands behind every time, such as `US/Eastern`; empty if none does."""
        found = {match[1] if (match := _CITY.search(text)) else "" for text in self._written if text}
        city = found.pop() if len(found) == 1 else ""
        try:
            return city and str(ZoneInfo(city))
        except (ZoneInfoNotFoundError, ValueError):
            return ""

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
    has_literals: bool = False  # cells such as `="0050"`


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
            n_above, below = list(lines)[head.n_above - 1], rows[head.n_above :]
            head = replace(head, names=_as_wide(head.names, below))
            literals = any('="' in line for line in lines.values())
            return _Layout(delimiter=delimiter, head=head, n_above=n_above, rows=below, has_literals=literals)
    return _find_spaced(lines)


def _as_wide(names: Sequence[str], rows: Sequence[Sequence[str]]) -> Sequence[str]:
    """Names of the columns, with a blank one more or less where only the header or only the rows end with a mark."""
    widths = {len(row) for row in rows}
    if widths == {len(names) + 1} and not any(row[-1].strip() for row in rows):
        return [*names, ""]
    return names[:-1] if widths == {len(names) - 1} and not names[-1].strip() else names


def _find_spaced(lines: Mapping[int, str]) -> _Layout | None:
    """The layout of columns with spaces between them, or None."""
    numbers = list(lines)
    for place, number in enumerate(numbers[:N_LINES]):
        rows = [lines[later].split() for later in numbers[place + 1 :]]
        for names in (re.split(r"\s{2,}", lines[number].strip()), lines[number].split()):
            wide = _beside(names, rows)
            if (
                rows
                and not missing_columns(find_columns(wide, rows))
                and all(len(row) == len(wide) for row in rows[:3])
            ):
                return _Layout(delimiter=" ", head=Head(names=wide, n_above=place + 1), n_above=number, rows=rows)
    return None


def _beside(names: Sequence[str], rows: Sequence[Sequence[str]]) -> Sequence[str]:
    """Names of the columns, with one for numbers of rows or for a time of day that stands beside its date."""
    if not rows or len(rows[0]) != len(names) + 1:
        return names
    known = {*NAMES["time"], *NAMES["clock"]}
    time = next((place for place, name in enumerate(names) if plain_name(name) in known), None)
    if time is not None and ":" in rows[0][time + 1]:
        return [*names[:time], "date", "time", *names[time + 1 :]]
    return ["", *names] if rows[0][0].isdecimal() else names


def _cells(lines: Mapping[int, str], delimiter: str) -> list[list[str]]:
    try:
        return [
            [re.sub(_LITERAL, r"\1", cell) for cell in row] for row in csv.reader(lines.values(), delimiter=delimiter)
        ]
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
    table = _text_table(file, family, places, replace(layout, head=replace(head, names=names)))
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
            layout = replace(layout, head=Head(names=names, n_above=0))
            return _of_family(_text_table(file, family, places_of(family), layout), sample)
    delimiter = max(DELIMITERS, key=first.count)
    names = _cells(lines, delimiter)[0]
    raise _no_column(file, missing_columns(find_columns(names, ())), names)


def _sample(file: SourceFile, layout: _Layout, n_header: int, names: Sequence[str]) -> Sample:
    path = (file.path / file.member if file.member else file.path).as_posix()
    plain = frozenset(map(plain_name, names))
    return Sample(
        path=path, names=names, plain=plain, n_header=n_header, rows=layout.rows[:20], delimiter=layout.delimiter
    )


def _text_table(file: SourceFile, family: Family, places: Mapping[str, int], layout: _Layout) -> Table:
    names = layout.head.names
    literal = f"regexp_replace({{}}, {quoted(_LITERAL)}, '\\1')" if layout.has_literals else "{}"
    whole = [row for row in layout.rows if len(row) > max(places.values())]
    return Table(
        file=file,
        family=family,
        rows=_spaced_sql(file, layout) if layout.delimiter == " " else _read_sql(file, layout, layout.delimiter),
        columns={name: literal.format(f"c{place}") for name, place in places.items()},
        names={name: names[place] for name, place in places.items()},
        unused=tuple(name for place, name in enumerate(names) if name and place not in places.values()),
        texts=frozenset(places),
        delimiter=layout.delimiter,
        n_above=layout.n_above,
        cells={name: [row[place] for row in whole] for name, place in places.items()},
    )


def _read_sql(file: SourceFile, layout: _Layout, delimiter: str) -> str:
    """SQL of the rows of a text with a mark between the columns."""
    n_columns = 1 if delimiter == _NO_DELIMITER else len(layout.head.names)
    typed = "{" + ", ".join(f"'c{place}': 'VARCHAR'" for place in range(n_columns)) + "}"
    quote = "" if delimiter == _NO_DELIMITER else '"'
    return (
        f"read_csv({_named(file)}, delim={quoted(delimiter)}, quote='{quote}', escape='{quote}', header=false, "
        f"skip={layout.n_above}, auto_detect=false, columns={typed})"
    )


def _spaced_sql(file: SourceFile, layout: _Layout) -> str:
    """SQL of the rows of a text with spaces between the columns; one of another length is a bad cell in each."""
    n_columns = len(layout.head.names)
    cells = ", ".join(
        f"CASE WHEN len(cells) = {n_columns} THEN cells[{place + 1}] ELSE text END AS c{place}"
        for place in range(n_columns)
    )
    lines = _read_sql(file, layout, _NO_DELIMITER)
    split = (
        f"SELECT trim(c0) AS text, regexp_split_to_array(trim(c0), '\\s+') AS cells FROM {lines} WHERE trim(c0) <> ''"  # noqa: S608
    )
    return f"(SELECT {cells} FROM ({split}))"  # noqa: S608 - quoted


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
