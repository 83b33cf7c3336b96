"""Bars from a user's own files: CSV and Parquet, one file or a folder, one or several symbols per file.

A file is read whole or not at all. Times with an offset from UTC are taken as written; times without one are in the
exchange's time zone (or in the zone that is named); a daily bar belongs to its written date, or if it is a moment other
than midnight, to the date of that moment where the exchange is. Rows without any
price are holidays and left out. With an adjusted close the adjustment factor is adjusted over plain close.
"""

import re
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import numpy as np
from duckdb import DuckDBPyConnection

from optimizer.domain.bars import FloatArray, TimeArray
from optimizer.errors import BadFile, NothingToImport, Phrase, UnknownSymbol
from optimizer.market.calendars import DEFAULT, calendar_name, find_calendar
from optimizer.market.providers.parse import SYMBOL, parse_table
from optimizer.market.providers.table import CSV_NAMES, PARQUET_NAMES, bad_file, open_table, physical_line
from optimizer.market.providers.timestamps import days_in, in_utc
from optimizer.market.raw_bars import TIMEFRAMES, RawBars, find_timeframe, make_history

_NAMED = re.compile(r"(?P<symbol>.+?)(?:[_\- ](?P<timeframe>1m|5m|15m|30m|1h|1d))?")
_ENDINGS = CSV_NAMES + PARQUET_NAMES
_PRICES = ("open", "high", "low", "close")
_IDLE = ("open", "high", "low", "volume")
MEMORY_LIMIT = "256MB"

Columns = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Reading:
    """Options for reading files; each None is found from the file's name and content."""

    symbol: str | None = None
    timeframe: str | None = None
    zone: str | None = None  # of times without offset; None: the exchange's


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
                    return next(series).between(start, end)
        raise UnknownSymbol.of(symbol, self.symbols)

    def _files(self) -> list[Path]:
        return find_files(self._folder) if self._folder and self._folder.is_dir() else []


def find_files(path: Path) -> list[Path]:
    """List the file itself, or every CSV and Parquet file under a folder, sorted. Raises NothingToImport."""
    files = [path] if path.is_file() else sorted(found for found in path.rglob("*") if found.is_file())
    found = [one for one in files if one.name.lower().endswith(_ENDINGS) and not one.name.startswith(".")]
    if not found:
        raise NothingToImport(path=path, endings=", ".join(_ENDINGS))
    return found


def named(path: Path) -> tuple[str, str | None]:
    """Symbol and timeframe (None: not given) in a file's name: `AAPL.csv`, `005930.KS_1h.parquet`."""
    ending = next(end for end in sorted(_ENDINGS, key=len, reverse=True) if path.name.lower().endswith(end))
    match = _NAMED.fullmatch(path.name[: -len(ending)])
    return (match["symbol"].upper(), match["timeframe"]) if match else (path.stem.upper(), None)


def read_files(path: Path, reading: Reading = Reading()) -> Generator[RawBars, None, None]:
    """Yield every series in the files under a path. Raises BadFile, NothingToImport or UnknownTimeframe."""
    files = find_files(path)
    with TemporaryDirectory() as spill:
        config: dict[str, Any] = {"memory_limit": MEMORY_LIMIT, "threads": 1, "temp_directory": spill}
        with duckdb.connect(":memory:", config=config) as cursor:
            for file in files:
                yield from _read_file(cursor, file, reading)


def _read_file(cursor: DuckDBPyConnection, path: Path, reading: Reading) -> Iterator[RawBars]:
    table = parse_table(cursor, open_table(cursor, path))
    is_mixed = "symbol" in table.columns
    for text in _symbols(cursor, path, reading.symbol) if is_mixed else [""]:
        where = "WHERE symbol = ?" if is_mixed else ""
        query = f"SELECT * EXCLUDE (symbol) FROM parsed {where} ORDER BY line"  # noqa: S608 - constants
        yield _history(path, text, cursor.execute(query, [text] if is_mixed else []).fetchnumpy(), reading)


def _symbols(cursor: DuckDBPyConnection, path: Path, wanted: str | None) -> list[str]:
    """Symbols in a file, of several only the wanted one. Raises BadFile if it is not among them."""
    found = [row[0] for row in cursor.execute("SELECT DISTINCT symbol FROM parsed ORDER BY symbol").fetchall()]
    if wanted is None or len(found) == 1:
        return found
    if wanted.upper() in found:
        return [wanted.upper()]
    reason = Phrase("several_symbols", symbols=", ".join(map(str, found[:12])))
    raise bad_file(path, 1, reason, Phrase("name_one_symbol"))


def _history(path: Path, text: str, columns: Columns, reading: Reading) -> RawBars:
    symbol = _symbol(path, text, reading)
    listed = np.asarray(columns["local"])
    timeframe = find_timeframe(reading.timeframe) if reading.timeframe else _timeframe(path, listed)
    columns = _with_prices(path, columns)
    lines = columns["line"]
    times = _times(path, columns, timeframe, symbol=symbol, zone=reading.zone)
    order = _order(path, times, lines)
    volume = np.ma.filled(np.ma.asarray(columns["volume"]), np.nan)
    arrays = {"time": times, "volume": volume, **{name: np.asarray(columns[name]) for name in _PRICES}}
    ordered = {name: column[order] for name, column in arrays.items()}
    factor = _factor(path, columns)[order]
    history = make_history(symbol, timeframe=timeframe, source="file", columns=ordered, factor=factor)
    return replace(history, n_left_out=len(listed) - len(history))


def _symbol(path: Path, text: str, reading: Reading) -> str:
    symbol = (reading.symbol or text or named(path)[0]).upper()
    if SYMBOL.fullmatch(symbol):
        return symbol
    remedy = Phrase("name_by_symbol")
    raise bad_file(path, 1, Phrase("no_symbol", text=symbol), remedy)


def _zone_of(symbol: str) -> str:
    today = date(2020, 1, 2)  # any day: the zone of an exchange does not change
    return find_calendar(calendar_name(symbol), today, today).zone


def _with_prices(path: Path, columns: Columns) -> Columns:
    """Drop the days without a trade. Raises BadFile when only some of the four prices of another day are missing."""
    blank = np.array([np.ma.getmaskarray(np.ma.asarray(columns[name])) for name in _PRICES])
    keep = ~(blank.all(axis=0) | _is_idle(columns))
    partly = blank.any(axis=0) & keep
    if partly.any():
        row = int(np.argmax(partly))
        name = _PRICES[int(np.argmax(blank[:, row]))]
        raise _bad_row(path, columns["line"][row], Phrase("no_price", column=Phrase(name)), Phrase("mend_line"))
    if not keep.any():
        raise bad_file(path, 2, Phrase("no_line_with_price"), Phrase("export_again"))
    return {name: column[keep] for name, column in columns.items()}


def _is_idle(columns: Columns) -> np.ndarray:
    """True for days without open, high, low and volume, for which some exchanges list the close before."""
    empty = np.array([np.ma.filled(np.ma.asarray(columns[name]), 0) == 0 for name in _IDLE])
    return np.asarray(empty.all(axis=0))


def _timeframe(path: Path, local: TimeArray) -> str:
    """Timeframe in a file's name, or else the median distance of its bars."""
    if timeframe := named(path)[1]:
        return timeframe
    steps = np.abs(np.diff(local.astype("datetime64[s]").astype(np.int64)))
    seconds = int(np.median(steps[steps > 0])) if steps.any() else 86_400
    if 86_400 <= seconds < 3 * 86_400:
        return "1d"
    for word, size in TIMEFRAMES.items():
        if size == seconds:
            return word
    remedy = Phrase("usable_timeframes", timeframes=", ".join(TIMEFRAMES))
    raise bad_file(path, 2, Phrase("bars_apart", distance=_spoken(seconds)), remedy)


def _spoken(seconds: int) -> Phrase:
    return Phrase("days", n=seconds // 86_400) if seconds >= 86_400 else Phrase("seconds", n=seconds)


def _times(path: Path, columns: Columns, timeframe: str, *, symbol: str, zone: str | None) -> TimeArray:
    """Times of the bars in UTC; for daily bars midnight of the written date, or of the date where the exchange is."""
    local, lines = np.asarray(columns["local"]).astype("datetime64[us]"), columns["line"]
    shift = np.ma.asarray(columns["shift"])
    naive = np.ma.getmaskarray(shift)
    if naive.any() and not naive.all():
        row = int(np.argmax(naive != naive[0]))
        raise _bad_row(path, lines[row], Phrase("mixed_offsets"), _ONE_ZONE)
    if not naive.any() and (apart := np.abs(shift - shift[0]) > 60).any():
        row = int(np.argmax(apart))
        raise _bad_row(path, lines[row], Phrase("mixed_zones"), _ONE_ZONE)
    days = local.astype("datetime64[D]").astype("datetime64[us]")
    if timeframe == "1d" and (naive.all() or (days == local).all()):
        return days
    if naive.all():
        is_guess = zone is None and calendar_name(symbol) == DEFAULT
        return _from_zone(path, local, lines, zone or _zone_of(symbol), is_guess=is_guess)
    moments = local - np.asarray(shift).astype("timedelta64[m]")
    return days_in(zone or _zone_of(symbol), moments).astype("datetime64[us]") if timeframe == "1d" else moments


_ONE_ZONE = Phrase("one_zone")


def _from_zone(path: Path, local: TimeArray, lines: FloatArray, zone: str, *, is_guess: bool) -> TimeArray:
    """Convert times of a zone to UTC. Raises BadFile for one that it skips or has twice, and for a bad guess."""
    times = in_utc(local, zone)
    is_saturday = (local.astype("datetime64[D]").astype(np.int64) + 3) % 7 == 5
    for unfit, key in ((np.isnat(times), "unclear_time"), (is_saturday & is_guess, "no_zone_on_saturday")):
        if unfit.any():
            row = int(np.argmax(unfit))
            text = str(local[row].astype("datetime64[s]")).replace("T", " ")
            raise _bad_row(path, lines[row], Phrase(key, text=text, zone=zone), Phrase("name_zone"))
    return times


def _order(path: Path, times: TimeArray, lines: FloatArray) -> slice:
    """Slice that puts rows in time order: unchanged or reversed. Raises BadFile for any other order."""
    steps = np.diff(times.astype(np.int64))
    if (steps > 0).all():
        return slice(None)
    if (steps < 0).all():
        return slice(None, None, -1)
    if (steps == 0).any():
        row = int(np.argmax(steps == 0)) + 1
        raise _bad_row(path, lines[row], Phrase("second_bar"), Phrase("delete_one"))
    falls = steps < 0
    row = int(np.argmax(falls if falls.sum() <= len(steps) / 2 else ~falls)) + 1
    raise _bad_row(path, lines[row], Phrase("not_in_order"), Phrase("sort_by_date"))


def _factor(path: Path, columns: Columns) -> FloatArray:
    close, adjusted = np.asarray(columns["close"]), np.ma.asarray(columns["adjusted"])
    if np.ma.getmaskarray(adjusted).all():
        return np.ones(len(close))
    factor = np.ma.filled(adjusted / close, np.nan)
    if not (bad := ~(factor > 0)).any():
        return np.asarray(factor, dtype=np.float64)
    reason = Phrase("adjusted_missing")
    raise _bad_row(path, columns["line"][int(np.argmax(bad))], reason, Phrase("mend_line_or_column"))


def _bad_row(path: Path, line: float, reason: Phrase, remedy: Phrase) -> BadFile:
    return bad_file(path, physical_line(path, int(line)), reason, remedy)
