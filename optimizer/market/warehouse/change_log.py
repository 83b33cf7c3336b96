"""Record of what deliveries changed in bars that were stored before, written in their transaction."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import astuple, fields
from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np
from duckdb import DuckDBPyConnection

from optimizer.domain.bars import TimeArray
from optimizer.market.raw_bars import RawBars, SeriesKey
from optimizer.market.warehouse.changed_parts import parts_of
from optimizer.market.warehouse.changes import BarChange, ChangeKind, as_utc

_COLUMNS = ", ".join(field.name for field in fields(BarChange))
_INSERT = f"INSERT INTO bar_changes ({_COLUMNS}) VALUES ({', '.join('?' for _ in fields(BarChange))})"  # noqa: S608
_SELECT = f"SELECT {_COLUMNS} FROM bar_changes "  # noqa: S608 - only names of this module
_SPANS = "SELECT series_id, first, last FROM series WHERE n_bars > 0 AND series_id IN (SELECT unnest(?))"
_CLAIM = """
    UPDATE bar_changes SET report = $report
    WHERE report = '' AND NOT EXISTS (SELECT 1 FROM bar_changes WHERE report = $report)
"""


class Span(NamedTuple):
    """Times of the first and last stored bar of a series."""

    first: np.datetime64
    last: np.datetime64


def stored_spans(cursor: DuckDBPyConnection, ids: Sequence[int]) -> dict[int, Span]:
    """Spans of the series that have bars, by their ids."""
    rows = cursor.execute(_SPANS, [list(ids)]).fetchall()
    return {series_id: Span(np.datetime64(first, "us"), np.datetime64(last, "us")) for series_id, first, last in rows}


def changes_of(
    history: RawBars, pairs: Mapping[str, np.ndarray], span: Span, *, follows: bool, found_at: datetime
) -> Iterator[BarChange]:
    """Yield what a delivery changes in stored bars, one entry per kind.

    `pairs` are the common bars as `parts_of` takes them, with their `time`; `follows` is True if stored bars before
    the delivery move with its first.
    """
    if not len(history):
        return
    for part in parts_of(pairs, follows=follows or bool(history.time[0] <= span.first)):
        facts = {"largest": part.largest, "changes_returns": part.changes_returns}
        yield _change(history.key, part.kind, pairs["time"][part.rows], found_at, **facts)
    if len(history) > len(pairs["time"]):
        times = history.time[(history.time > span.first) & (history.time < span.last)]
        added = np.setdiff1d(times, pairs["time"])
        if len(added):
            yield _change(history.key, ChangeKind.ADDED, added, found_at)


def removal(key: SeriesKey, times: TimeArray, found_at: datetime) -> Iterator[BarChange]:
    """Yield the entry of bars that were taken away, if there are any; `times` are theirs, in order."""
    if len(times):
        yield _change(key, ChangeKind.REMOVED, times, found_at)


def _change(key: SeriesKey, kind: ChangeKind, times: TimeArray, found_at: datetime, **facts: Any) -> BarChange:
    return BarChange(
        **key._asdict(),
        found_at=found_at,
        kind=kind,
        first=as_utc(times[0]),
        last=as_utc(times[-1]),
        n_bars=len(times),
        **{"changes_returns": True, **facts},
    )


def write_changes(cursor: DuckDBPyConnection, changes: Sequence[BarChange]) -> None:
    """Record changes, in the transaction that makes them."""
    if changes:
        cursor.executemany(_INSERT, [[_plain(value) for value in astuple(change)] for change in changes])


def read_changes(cursor: DuckDBPyConnection, keys: Collection[SeriesKey]) -> list[BarChange]:
    """Changes of the series, the last found first."""
    texts = ["/".join(key) for key in keys]
    query = "WHERE list_contains(?, symbol || '/' || timeframe || '/' || source) ORDER BY found_at DESC, first, kind"
    return [_read(*row) for row in cursor.execute(_SELECT + query, [texts]).fetchall()]


def claim_changes(cursor: DuckDBPyConnection, report: str) -> list[BarChange]:
    """Claim for a report what no other one has, unless it has claimed before; returns what it has."""
    cursor.execute(_CLAIM, {"report": report})
    rows = cursor.execute(_SELECT + "WHERE report = ? ORDER BY symbol, timeframe, source, first, kind", [report])
    return [_read(*row) for row in rows.fetchall()]


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None)
    return value.value if isinstance(value, ChangeKind) else value


def _read(*row: Any) -> BarChange:
    values = dict(zip((field.name for field in fields(BarChange)), row, strict=True))
    times = {name: values[name].replace(tzinfo=UTC) for name in ("found_at", "first", "last")}
    return BarChange(**values | times | {"kind": ChangeKind(values["kind"])})
