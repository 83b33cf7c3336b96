"""Bars from a user's own files, of any kind in `optimizer/market/formats`: a file or a folder, one or several symbols.

A file is read whole or not at all.
"""

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date, datetime
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
from duckdb import DuckDBPyConnection

from optimizer.errors import BadFile, Phrase, UnknownSymbol
from optimizer.market.formats.file_names import named
from optimizer.market.formats.parse import parse_table
from optimizer.market.formats.source_files import find_files, open_files
from optimizer.market.formats.table import Table, open_tables
from optimizer.market.formats.understood import Reading
from optimizer.market.providers.file_series import Series, make_series
from optimizer.market.raw_bars import RawBars, join

MEMORY_LIMIT = "256MB"


class Files:
    """Source `file`: files in one folder, named by their symbols."""

    name = "file"
    is_live = False

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder

    @property
    def symbols(self) -> tuple[str, ...]:
        """Symbols of the file names, sorted."""
        return tuple(sorted({named(path)[0] for path in self._files()}))

    def fetch(self, symbol: str, *, timeframe: str, start: date | None, end: date | None, now: datetime) -> RawBars:
        """Bars of the file named by the symbol. Raises UnknownSymbol or BadFile."""
        for path in self._files():
            if named(path)[0] == symbol and named(path)[1] in (None, timeframe):
                with closing(read_files(path, Reading(symbol=symbol, timeframe=timeframe))) as series:
                    return next(series).bars.between(start, end)
        raise UnknownSymbol.of(symbol, self.symbols)

    def _files(self) -> list[Path]:
        return find_files(self._folder) if self._folder and self._folder.is_dir() else []


def read_files(path: Path, reading: Reading | None = None) -> Generator[Series, None, None]:
    """Yield every series in the files under a path, parts of one that follow each other as one.

    Raises BadFile, NothingToImport, UnknownTimeframe, UnknownEncoding or MissingExtra.
    """
    files = find_files(path)
    with TemporaryDirectory() as spill:
        config: dict[str, Any] = {"memory_limit": MEMORY_LIMIT, "threads": 1, "temp_directory": spill}
        with duckdb.connect(":memory:", config=config) as cursor:
            yield from _joined(
                one for file in files for one in _read_file(cursor, file, Path(spill), reading or Reading())
            )


def _read_file(cursor: DuckDBPyConnection, path: Path, spill: Path, reading: Reading) -> Iterator[Series]:
    for file in open_files(path, spill, reading.encoding):
        for table in _wanted(open_tables(cursor, file), reading.symbol):
            yield from _read_table(cursor, table, reading)


def _wanted(tables: list[Table], symbol: str | None) -> list[Table]:
    """Tables of a file, of several symbols side by side only the wanted one. Raises BadFile if it is not among them."""
    if symbol is None or len(tables) == 1:
        return tables
    found = [table for table in tables if table.symbol.upper() == symbol.upper()]
    if not found:
        reason = Phrase("several_symbols", symbols=", ".join(table.symbol for table in tables[:12]))
        raise tables[0].file.fault(1, reason, Phrase("name_one_symbol"))
    return found


def _read_table(cursor: DuckDBPyConnection, table: Table, reading: Reading) -> Iterator[Series]:
    parsed = parse_table(cursor, table, reading)
    is_mixed = "symbol" in parsed.table.columns
    for text in _symbols(cursor, parsed.table, reading.symbol) if is_mixed else [""]:
        where = "WHERE symbol = ?" if is_mixed else ""
        query = f"SELECT * EXCLUDE (symbol) FROM parsed {where} ORDER BY line"  # noqa: S608 - constants
        yield make_series(parsed, text, cursor.execute(query, [text] if is_mixed else []).fetchnumpy(), reading)


def _symbols(cursor: DuckDBPyConnection, table: Table, wanted: str | None) -> list[str]:
    """Symbols in a file, of several only the wanted one. Raises BadFile if it is not among them."""
    found = [row[0] for row in cursor.execute("SELECT DISTINCT symbol FROM parsed ORDER BY symbol").fetchall()]
    if wanted is None or len(found) == 1:
        return found
    if wanted.upper() in found:
        return [wanted.upper()]
    reason = Phrase("several_symbols", symbols=", ".join(map(str, found[:12])))
    raise table.file.fault(1, reason, Phrase("name_one_symbol"))


def _joined(series: Iterator[Series]) -> Iterator[Series]:
    """Join parts of one series that follow each other."""
    held: list[Series] = []
    for one in series:
        if held and not (one.is_part and one.bars.key == held[0].bars.key):
            yield _join(held)
            held = []
        held.append(one)
    if held:
        yield _join(held)


def _join(parts: list[Series]) -> Series:
    """One series of its parts in order of time. Raises BadFile when two have the same times."""
    if len(parts) == 1:
        return parts[0]
    parts = sorted(parts, key=lambda part: part.understood.first)
    understood = parts[0].understood
    for before, after in pairwise(parts):
        if after.understood.first <= before.understood.last:
            reason = Phrase("parts_overlap", file=before.understood.file, symbol=after.bars.symbol)
            raise BadFile(file=after.understood.file, line=1, reason=reason, remedy=Phrase("keep_one"))
        understood = understood.joined(after.understood)
    columns: dict[str, Any] = join([part.bars for part in parts])
    bars = replace(parts[0].bars, n_left_out=understood.n_left_out, **columns)
    return Series(bars=bars, understood=understood)
