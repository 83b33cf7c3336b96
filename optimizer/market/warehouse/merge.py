"""Merge delivered bars into the stored ones, inside a transaction of the warehouse."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
from duckdb import DuckDBPyConnection

from optimizer.market.raw_bars import RawBars, join
from optimizer.market.warehouse.change_log import changes_of, removal, stored_spans, write_changes
from optimizer.market.warehouse.changes import FACTOR_TOLERANCE, TOLERANCE, ChangeKind, Changes, as_utc, kind_of
from optimizer.market.warehouse.result_arrays import fetch_arrays

#: Columns of bars by name, (n_bars,) each.
Columns = Mapping[str, np.ndarray]

_PRICED = ("open", "high", "low", "close", "volume", "factor", "split")
_TOLERANCES = {"factor": FACTOR_TOLERANCE}
# A volume that is missing in both has not changed.
_DIFFERS = " OR ".join(
    f"(old.{name} IS DISTINCT FROM new.{name} "
    f"AND NOT coalesce(abs(old.{name} - new.{name}) <= {_TOLERANCES.get(name, TOLERANCE)} * abs(old.{name}), false))"
    for name in _PRICED
)
_BENT = ", ".join(f"abs(new.{name} * old.close / (old.{name} * new.close) - 1)" for name in ("open", "high", "low"))
_PAIRS = f"""
    SELECT new.series_id AS series_id, new.time AS time, new.close / old.close AS closes,
           new.factor / old.factor AS factors, greatest({_BENT}) AS bent, ({_DIFFERS}) AS differs
    FROM bars AS old JOIN delivered AS new USING (series_id, time)
    WHERE old.series_id IN (SELECT DISTINCT series_id FROM delivered)
    ORDER BY series_id, time
"""  # noqa: S608 - only constants of this module


def merge(
    cursor: DuckDBPyConnection, histories: Sequence[RawBars], now: datetime, *, rescaled: Collection[int] = ()
) -> list[Changes]:
    """Store the histories (one per series), record and return the changes. Runs in the caller's transaction.

    `rescaled` are the series whose bars before the delivery were moved to its scale.
    """
    moment = now.astimezone(UTC).replace(tzinfo=None)
    ids = [series_id(cursor, history) for history in histories]
    spans = stored_spans(cursor, ids)
    delivered = _rows(ids, histories)
    pairs = _compare(cursor, delivered)
    _store(cursor, delivered, pairs, moment)
    _update_coverage(cursor, ids, moment)
    by_series = {one: _of_series(pairs, one) for one in ids}
    for history, one in zip(histories, ids, strict=True):
        if one in spans:
            changes = changes_of(history, by_series[one], spans[one], follows=one in rescaled, found_at=now)
            write_changes(cursor, [*changes])
    return [_changes(history, by_series[one]) for history, one in zip(histories, ids, strict=True)]


def merge_files(cursor: DuckDBPyConnection, histories: Sequence[RawBars], now: datetime) -> list[Changes]:
    """Merge exports: stored bars in their span that they lack are deleted, older ones follow a split or dividend."""
    ids = [series_id(cursor, history) for history in histories]
    delivered = _rows(ids, histories)
    pairs, gone = _compare(cursor, delivered), _drop_lacking(cursor, delivered, ids, histories, now)
    n_rescaled = {one: _follow(cursor, delivered, one, _of_series(pairs, one)) for one in ids}
    merged = merge(cursor, histories, now, rescaled=[one for one, n in n_rescaled.items() if n])
    return [
        replace(_with_dropped(changes, gone[one]), n_rescaled=n_rescaled[one])
        for changes, one in zip(merged, ids, strict=True)
    ]


def _drop_lacking(
    cursor: DuckDBPyConnection, delivered: Columns, ids: Sequence[int], histories: Sequence[RawBars], now: datetime
) -> dict[int, np.ndarray]:
    """Delete and record the stored bars that a delivery lacks between its first and last; returns their times."""
    gone = fetch_arrays(_execute(cursor, _LACKING, delivered))
    if len(gone["time"]):
        _execute(cursor, _DELETE, gone)
    times = {one: _of_series(gone, one)["time"] for one in ids}
    for history, one in zip(histories, ids, strict=True):
        write_changes(cursor, [*removal(history.key, times[one], now)])
    return times


def _with_dropped(changes: Changes, times: np.ndarray) -> Changes:
    return replace(changes, n_dropped=len(times), first_dropped=as_utc(times[0]) if len(times) else None)


def _follow(cursor: DuckDBPyConnection, delivered: Columns, series_id: int, pairs: Columns) -> int:
    """Rescale the bars before a delivery that changed by a split or dividend; returns their number."""
    differs = pairs["differs"]
    kind, _ = kind_of(pairs["closes"][differs], pairs["factors"][differs])
    if kind not in (ChangeKind.SPLIT, ChangeKind.DIVIDEND) or not differs[0]:
        return 0
    first = _execute(cursor, _FIRST, delivered, [series_id]).fetchall()[0][0]
    return _rescale(cursor, delivered, series_id, first)


def _rescale(cursor: DuckDBPyConnection, delivered: Columns, series_id: int, first: datetime) -> int:
    """Move the stored bars before `first` to the scale of the delivery; returns their number."""
    n = 0
    for scale, factor, split in _execute(cursor, _SCALE, delivered, [series_id]).fetchall():
        change = [*[scale] * 4, scale, factor, split]
        n = int(cursor.execute(_RESCALE, [*change, series_id, first]).fetchall()[0][0])
    return n


def extend(cursor: DuckDBPyConnection, history: RawBars, now: datetime) -> Changes:
    """Store the bars of a delivery that are new, unless it changes stored ones: then only return those changes."""
    key = series_id(cursor, history)
    delivered = _rows([key], [history])
    changes = _changes(history, pairs := _compare(cursor, delivered))
    if changes.is_history_changed:
        return changes
    spans = stored_spans(cursor, [key])
    moment = now.astimezone(UTC).replace(tzinfo=None)
    _store(cursor, delivered, pairs, moment)
    _update_coverage(cursor, [key], moment)
    if key in spans:
        write_changes(cursor, [*changes_of(history, pairs, spans[key], follows=False, found_at=now)])
    return changes


def replace_span(cursor: DuckDBPyConnection, history: RawBars, now: datetime) -> Changes:
    """Merge a full re-read: stored bars in its span that it lacks are deleted, older ones are rescaled to it."""
    key = series_id(cursor, history)
    delivered = _rows([key], [history])
    gone = _drop_lacking(cursor, delivered, [key], [history], now)
    _rescale(cursor, delivered, key, history.time[0].item())
    [changes] = merge(cursor, [history], now, rescaled=[key])
    return _with_dropped(changes, gone[key])


def _rows(ids: Sequence[int], histories: Sequence[RawBars]) -> Columns:
    assert all((np.diff(history.time) > np.timedelta64(0)).all() for history in histories), "bars out of order"
    lengths = [len(history) for history in histories]
    return {"series_id": np.repeat(np.array(ids, dtype=np.int32), lengths), **join(histories)}


def _execute(
    cursor: DuckDBPyConnection,
    query: str,
    delivered: Columns,
    parameters: Sequence[Any] = (),
) -> DuckDBPyConnection:
    """Run a query over these rows, which DuckDB finds here as the table `delivered`.

    A registered table would stay in memory until the transaction ends: an import of five million bars took 0.8 GB.
    """
    return cursor.execute(query, parameters)


def _compare(cursor: DuckDBPyConnection, delivered: Columns) -> Columns:
    return fetch_arrays(_execute(cursor, _PAIRS, delivered))


_SERIES = "SELECT series_id FROM series WHERE symbol = ? AND timeframe = ? AND source = ?"
_NEW_SERIES = "INSERT INTO series (symbol, timeframe, source) VALUES (?, ?, ?) RETURNING series_id"
_DELETE = """
    DELETE FROM bars USING delivered AS changed
    WHERE bars.series_id = changed.series_id AND bars.time = changed.time
"""
# The change at the oldest common bar is the scale of the bars before it.
_SCALE = """
    SELECT new.close / old.close, new.factor / old.factor, new.split / old.split
    FROM bars AS old JOIN delivered AS new USING (series_id, time)
    WHERE old.series_id = ? ORDER BY time LIMIT 1
"""
_RESCALE = """
    UPDATE bars SET open = open * ?, high = high * ?, low = low * ?, close = close * ?, volume = volume / ?,
        factor = factor * ?, split = split * ?
    WHERE series_id = ? AND time < ?
"""
_FIRST = "SELECT min(time) FROM delivered WHERE series_id = ?"
_LACKING = """
    SELECT series_id, time FROM bars
    JOIN (SELECT series_id, min(time) AS first, max(time) AS last FROM delivered GROUP BY series_id) USING (series_id)
    ANTI JOIN delivered USING (series_id, time)
    WHERE time BETWEEN first AND last ORDER BY series_id, time
"""
_INSERT = "INSERT INTO bars SELECT series_id, time, open, high, low, close, volume, factor, split, ? FROM "


def series_id(cursor: DuckDBPyConnection, history: RawBars) -> int:
    """Id of a series, created if it is new."""
    key = list(history.key)
    rows = cursor.execute(_SERIES, key).fetchall() or cursor.execute(_NEW_SERIES, key).fetchall()
    return int(rows[0][0])


def _store(cursor: DuckDBPyConnection, delivered: Columns, pairs: Columns, moment: datetime) -> None:
    """Delete the bars that differ, then insert those that are missing."""
    where = "delivered"
    if len(pairs["time"]):
        _execute(cursor, _DELETE, {name: pairs[name][pairs["differs"]] for name in ("series_id", "time")})
        where += " ANTI JOIN bars USING (series_id, time)"
    _execute(cursor, _INSERT + where, delivered, [moment])


def _update_coverage(cursor: DuckDBPyConnection, ids: Sequence[int], moment: datetime) -> None:
    cursor.execute(
        "UPDATE series SET first = found.first, last = found.last, n_bars = found.n_bars, loaded_at = ? FROM ("
        "SELECT series_id, min(time) AS first, max(time) AS last, count(*) AS n_bars FROM bars "
        "WHERE series_id IN (SELECT unnest(?)) GROUP BY series_id) AS found WHERE series.series_id = found.series_id",
        [moment, list(ids)],
    )


def _of_series(pairs: Columns, series_id: int) -> Columns:
    low, high = np.searchsorted(pairs["series_id"], [series_id, series_id + 1])
    return {name: column[low:high] for name, column in pairs.items()}


def _changes(history: RawBars, pairs: Columns) -> Changes:
    differs = pairs["differs"]
    kind, ratio = kind_of(pairs["closes"][differs], pairs["factors"][differs])
    times = pairs["time"][differs]
    return Changes(
        symbol=history.symbol,
        timeframe=history.timeframe,
        source=history.source,
        n_new=len(history) - len(differs),
        n_same=int((~differs).sum()),
        n_changed=int(differs.sum()),
        n_left_out=history.n_left_out,
        kind=kind,
        ratio=ratio,
        first_changed=as_utc(times[0]) if len(times) else None,
        last_changed=as_utc(times[-1]) if len(times) else None,
    )
