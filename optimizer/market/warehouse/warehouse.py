"""Warehouse: every bar, in one DuckDB file that one process owns.

Any thread can read; a write takes a lock and one transaction, so that a crash, a `kill -9` or
an error in the middle leaves the previous content. Bars of a series (symbol, timeframe, source) are keyed
by their time; a second delivery of the same bars changes nothing, a different one replaces them and is reported.
"""

import re
import threading
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import duckdb
from duckdb import DuckDBPyConnection

from optimizer.clock import utc_now
from optimizer.domain.bars import Bars
from optimizer.errors import NoBars, Phrase, Unavailable, UnknownSymbol, WarehouseLocked
from optimizer.market.raw_bars import RawBars, SeriesKey, batches, bounds, find_timeframe
from optimizer.market.warehouse import change_log
from optimizer.market.warehouse.changes import BarChange, Changes
from optimizer.market.warehouse.damage import MEMORY, damaged, is_damage, is_short, noticed, require_whole
from optimizer.market.warehouse.merge import extend, merge, merge_files, replace_span
from optimizer.market.warehouse.result_arrays import fetch_arrays
from optimizer.market.warehouse.schema import migrate

#: Source of imported files; it is there before anything is imported.
IMPORTED = "file"
#: Order of preference when a study names no source and several have the symbol.
SOURCES = (IMPORTED, "yahoo", "alphavantage", "sample")
MEMORY_LIMIT = "512MB"
_BATCH_ROWS = 400_000
#: Time that calls of other threads have when the file is to be closed.
_LAST_CALLS_SECONDS = 10.0
_N_INTERRUPTS, _INTERRUPT_SECONDS = 100, 0.1
_REMEDY = Phrase("move_file_away")


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """Coverage of one stored series; `first` and `last` are the times of its first and last bar, UTC."""

    series_id: int
    symbol: str
    timeframe: str
    source: str
    first: datetime
    last: datetime
    n_bars: int
    loaded_at: datetime
    asked_from: datetime | None  # start of the bars requested from the source; None: never requested
    checked_at: datetime | None  # time of the last request for new bars

    @property
    def key(self) -> SeriesKey:
        """Key of this series."""
        return SeriesKey(self.symbol, self.timeframe, self.source)


_COVERAGE = (
    "SELECT series_id, symbol, timeframe, source, n_bars, first, last, loaded_at, asked_from, checked_at FROM series "
)


class Warehouse:
    """Warehouse of bars in one DuckDB file, which only this process may open."""

    def __init__(self, connection: DuckDBPyConnection, path: str, *, sources: Sequence[str] = SOURCES) -> None:
        self._connection = connection
        self._path = path
        self._sources = tuple(sources)
        self._writing = threading.RLock()
        self._cursors: set[DuckDBPyConnection] = set()
        self._one_less = threading.Condition()

    @classmethod
    def open(cls, path: Path | str, *, sources: Sequence[str] = SOURCES, now: datetime | None = None) -> "Warehouse":
        """Open or create the file, or `:memory:`.

        Raises WarehouseLocked, WarehouseTooNew, DamagedWarehouse or Unavailable.
        """
        with ExitStack() as undo:
            is_suspect = is_short(str(path))
            connection = _connect(str(path))
            undo.callback(connection.close)
            with noticed(str(path)):
                require_whole(connection, str(path), is_suspect=is_suspect)
                migrate(connection, now or utc_now())
            undo.pop_all()
        return cls(connection, str(path), sources=sources)

    def close(self, *, patience: float = _LAST_CALLS_SECONDS) -> None:
        """Flush and close the file once the calls of other threads are through; those of more seconds are broken off.

        DuckDB itself refuses to close a file of which another thread has a call running.
        """
        with self._one_less:
            is_free = self._one_less.wait_for(lambda: not self._cursors, patience)
            for _ in range(0 if is_free else _N_INTERRUPTS):
                for cursor in self._cursors:
                    cursor.interrupt()
                # A cursor between two calls is not interrupted: it is when it has begun its next.
                if self._one_less.wait_for(lambda: not self._cursors, _INTERRUPT_SECONDS):
                    break
            self._connection.close()

    def __enter__(self) -> "Warehouse":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @contextmanager
    def reading(self) -> Iterator[DuckDBPyConnection]:
        """Open a cursor for the calling thread. Raises DamagedWarehouse for what cannot be read."""
        with noticed(self._path), self._cursor() as cursor:
            yield cursor

    @contextmanager
    def writing(self) -> Iterator[DuckDBPyConnection]:
        """Open a cursor inside one transaction: committed at the end, rolled back by any error."""
        with noticed(self._path), self._writing, self._cursor() as cursor, ExitStack() as undo:
            cursor.execute("BEGIN")
            undo.callback(cursor.execute, "ROLLBACK")
            yield cursor
            undo.pop_all()
            cursor.execute("COMMIT")

    @contextmanager
    def _cursor(self) -> Iterator[DuckDBPyConnection]:
        with self._one_less:
            cursor = self._connection.cursor()
            self._cursors.add(cursor)
        try:
            with cursor:
                yield cursor
        finally:
            with self._one_less:
                self._cursors.remove(cursor)
                self._one_less.notify_all()

    def symbols(self) -> list[Coverage]:
        """Coverage of every stored series, sorted by symbol, timeframe and source."""
        with self.reading() as cursor:
            rows = cursor.execute(_COVERAGE + "WHERE n_bars > 0 ORDER BY symbol, timeframe, source").fetchall()
        return [_coverage(*row) for row in rows]

    def coverage(self, symbol: str, *, timeframe: str = "1d", source: str | None = None) -> Coverage | None:
        """Coverage of a symbol's series; without a source, of the first in the settings. None if not stored."""
        names = list(self._sources) if source is None else [source]
        with self.reading() as cursor:
            rows = cursor.execute(
                _COVERAGE + "WHERE n_bars > 0 AND symbol = ? AND timeframe = ? AND list_contains(?, source)",
                [symbol, find_timeframe(timeframe), names],
            ).fetchall()
        found = sorted((_coverage(*row) for row in rows), key=lambda one: names.index(one.source))
        return found[0] if found else None

    def history(
        self,
        symbol: str,
        *,
        timeframe: str = "1d",
        source: str | None = None,
        start: date | None = None,
        end: date | None = None,
    ) -> RawBars:
        """Bars as traded, with their factors, of days start to end (both included). Raises UnknownSymbol."""
        stored = self.coverage(symbol, timeframe=timeframe, source=source)
        if stored is None:
            raise UnknownSymbol.of(symbol, {one.symbol for one in self.symbols() if source in (None, one.source)})
        return self._history(stored, start, end)

    def _history(self, stored: Coverage, start: date | None, end: date | None) -> RawBars:
        low, high = bounds(start, end)
        with self.reading() as cursor:
            cursor.execute(
                "SELECT time, open, high, low, close, volume, factor, split FROM bars "
                "WHERE series_id = ? AND time >= ? AND time < ? ORDER BY time",
                [stored.series_id, low.item(), high.item()],
            )
            columns: dict[str, Any] = fetch_arrays(cursor)
        return RawBars(symbol=stored.symbol, timeframe=stored.timeframe, source=stored.source, **columns)

    def covered(self, stored: Coverage, *, start: date | None = None, end: date | None = None) -> RawBars:
        """Return the `history` of a stored series, which is not looked up again. Raises NoBars."""
        return self._with_bars(self._history(stored, start, end), start, end)

    def _with_bars(self, history: RawBars, start: date | None, end: date | None) -> RawBars:
        if not len(history):
            stored = self.coverage(history.symbol, timeframe=history.timeframe, source=history.source)
            raise _no_bars(history, stored, start, end)
        return history

    def load(
        self,
        symbol: str,
        *,
        timeframe: str = "1d",
        source: str | None = None,
        start: date | None = None,
        end: date | None = None,
    ) -> Bars:
        """Adjusted bars of days start to end (both included; None: all).

        Raises UnknownSymbol, NoBars or UnknownTimeframe.
        """
        return self.traded(symbol, timeframe=timeframe, source=source, start=start, end=end).adjusted()

    def traded(
        self,
        symbol: str,
        *,
        timeframe: str = "1d",
        source: str | None = None,
        start: date | None = None,
        end: date | None = None,
    ) -> RawBars:
        """Return a `history` that has bars. Raises UnknownSymbol, NoBars or UnknownTimeframe."""
        return self._with_bars(
            self.history(symbol, timeframe=timeframe, source=source, start=start, end=end), start, end
        )

    def upsert(self, history: RawBars, *, now: datetime | None = None) -> Changes:
        """Store bars in one transaction; stored bars that differ are replaced and reported."""
        return self.upsert_all([history], now=now)[0]

    def upsert_all(self, histories: Iterable[RawBars], *, now: datetime | None = None) -> list[Changes]:
        """Store many series in one transaction; an error in the iterable leaves everything as it was."""
        moment = now or utc_now()
        with self.writing() as cursor:
            return [change for batch in batches(histories, _BATCH_ROWS) for change in merge(cursor, batch, moment)]

    def import_all(self, histories: Iterable[RawBars], *, now: datetime) -> list[Changes]:
        """Store exports in one transaction: each counts whole within its span, and bars before it follow a split."""
        with self.writing() as cursor:
            return [one for batch in batches(histories, _BATCH_ROWS) for one in merge_files(cursor, batch, now)]

    def extend(self, history: RawBars, *, asked_from: date | None, now: datetime) -> Changes:
        """Store an answer with the bars from a day on, and note it as `note_check` does, in one transaction.

        One that changes stored bars is only compared: the caller reads the whole history again.
        """
        with self.writing() as cursor:
            changes = extend(cursor, history, now)
            if not changes.is_history_changed:
                _note_check(cursor, history.key, asked_from, now)
            return changes

    def replace(self, history: RawBars, *, now: datetime | None = None) -> Changes:
        """Store a full re-read: stored bars in its span that it lacks are deleted, older ones are rescaled to it."""
        with self.writing() as cursor:
            return replace_span(cursor, history, now or utc_now())

    def changes(self, keys: Collection[SeriesKey]) -> list[BarChange]:
        """What deliveries changed in stored bars of these series, the last found first."""
        with self.reading() as cursor:
            return change_log.read_changes(cursor, keys)

    def claim_changes(self, report: str) -> list[BarChange]:
        """Changes for a report: those that it has claimed before, else all that no other report has."""
        with self.writing() as cursor:
            return change_log.claim_changes(cursor, report)

    def note_check(self, key: SeriesKey, *, asked_from: date | None, checked_at: datetime) -> None:
        """Record that the source was queried for all bars from `asked_from` (None: from the first) to `checked_at`."""
        with self.writing() as cursor:
            _note_check(cursor, key, asked_from, checked_at)


def _note_check(cursor: DuckDBPyConnection, key: SeriesKey, asked_from: date | None, checked_at: datetime) -> None:
    low, _ = bounds(asked_from, None)
    cursor.execute(
        "UPDATE series SET checked_at = ?, asked_from = least(coalesce(asked_from, ?), ?) "
        "WHERE symbol = ? AND timeframe = ? AND source = ?",
        [checked_at.astimezone(UTC).replace(tzinfo=None), low.item(), low.item(), *key],
    )


def _connect(path: str) -> DuckDBPyConnection:
    if path != MEMORY:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    try:
        return duckdb.connect(path, config={"memory_limit": MEMORY_LIMIT})
    except duckdb.Error as error:
        raise _unopened(path, error) from error


def _unopened(path: str, error: duckdb.Error) -> Unavailable:
    text = str(error)
    if "not a valid DuckDB" not in text and (is_damage(error) or not isinstance(error, duckdb.IOException)):
        return damaged(path)
    if "lock" in text:
        holder = re.search(r"PID (\d+)", text)
        return WarehouseLocked(file=path, holder=Phrase("process", number=holder[1]) if holder else Phrase("unknown"))
    reason = Phrase("not_duckdb") if "not a valid DuckDB" in text else text.splitlines()[0]
    return Unavailable(what=Phrase("data_file", file=path), reason=reason, remedy=_REMEDY)


def _coverage(series_id: int, symbol: str, timeframe: str, source: str, *more: Any) -> Coverage:
    n_bars, *times = more
    first, last, loaded_at, asked_from, checked_at = (time and time.replace(tzinfo=UTC) for time in times)
    assert first is not None
    assert last is not None
    assert loaded_at is not None
    return Coverage(
        series_id=series_id,
        symbol=symbol,
        timeframe=timeframe,
        source=source,
        n_bars=n_bars,
        first=first,
        last=last,
        loaded_at=loaded_at,
        asked_from=asked_from,
        checked_at=checked_at,
    )


def _no_bars(history: RawBars, stored: Coverage | None, start: date | None, end: date | None) -> NoBars:
    have = Phrase("it_has", first=f"{stored.first:%Y-%m-%d}", last=f"{stored.last:%Y-%m-%d}") if stored else ""
    return NoBars(
        symbol=history.symbol,
        timeframe=history.timeframe,
        source=history.source,
        start=start or Phrase("the_beginning"),
        end=end or Phrase("now"),
        remedy=have,
    )
