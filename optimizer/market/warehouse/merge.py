"""Merge delivered bars into the stored ones, inside a transaction of the warehouse."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
from duckdb import DuckDBPyConnection

from optimizer.market.raw_bars import RawBars, join
from optimizer.market.warehouse.changes import TOLERANCE, ChangeKind, Changes, kind_of
from optimizer.market.warehouse.result_arrays import fetch_arrays

_PRICED = ("open", "high", "low", "close", "volume", "factor", "split")
# Sources recompute adjusted closes for each answer; the smallest dividend is far above this.
_TOLERANCES = {"factor": 2e-5}
# A volume that is missing in both has not changed.
_DIFFERS = " OR ".join(
    f"(old.{name} IS DISTINCT FROM new.{name} "
    f"AND NOT coalesce(abs(old.{name} - new.{name}) <= {_TOLERANCES.get(name, TOLERANCE)} * abs(old.{name}), false))"
    for name in _PRICED
)
_PAIRS = f"""
    SELECT new.series_id AS series_id, new.time AS time, new.close / old.close AS closes,
           new.factor / old.factor AS factors, ({_DIFFERS}) AS differs
    FROM bars AS old JOIN delivered AS new USING (series_id, time)
    WHERE old.series_id IN (SELECT DISTINCT series_id FROM delivered)
    ORDER BY series_id, time
"""  # noqa: S608 - only constants of this module


def merge(cursor: DuckDBPyConnection, histories: Sequence[RawBars], now: datetime) -> list[Changes]:
    """Store the histories (one per series) and return the changes. Runs in the caller's transaction."""
    moment = now.astimezone(UTC).replace(tzinfo=None)
    ids = [series_id(cursor, history) for history in histories]
    with _delivered(cursor, ids, histories):
        pairs = _compare(cursor)
        _store(cursor, pairs, moment)
    _update_coverage(cursor, ids, moment)
    return [_changes(history, _of_series(pairs, one)) for history, one in zip(histories, ids, strict=True)]


def merge_files(cursor: DuckDBPyConnection, histories: Sequence[RawBars], now: datetime) -> list[Changes]:
    """Merge exports: stored bars in their span that they lack are deleted, older ones follow a split or dividend."""
    ids = [series_id(cursor, history) for history in histories]
    with _delivered(cursor, ids, histories):
        pairs, gone = _compare(cursor), _drop_lacking(cursor)
        n_rescaled = [_follow(cursor, one, _of_series(pairs, one)) for one in ids]
    return [
        replace(
            changes,
            n_dropped=len(lost := _of_series(gone, one)["time"]),
            first_dropped=_aware(lost[0]) if len(lost) else None,
            n_rescaled=n,
        )
        for changes, one, n in zip(merge(cursor, histories, now), ids, n_rescaled, strict=True)
    ]


def _drop_lacking(cursor: DuckDBPyConnection) -> dict[str, np.ndarray]:
    """Delete the stored bars that a delivery lacks between its first and last one; returns their series and times."""
    gone = fetch_arrays(cursor.execute(_LACKING))
    if len(gone["time"]):
        cursor.register("changed", gone)
        cursor.execute(_DELETE)
        cursor.unregister("changed")
    return gone


def _follow(cursor: DuckDBPyConnection, series_id: int, pairs: dict[str, np.ndarray]) -> int:
    """Rescale the bars before a delivery that changed by a split or dividend; returns their number."""
    differs = pairs["differs"]
    kind, _ = kind_of(pairs["closes"][differs], pairs["factors"][differs])
    if kind not in (ChangeKind.SPLIT, ChangeKind.DIVIDEND) or not differs[0]:
        return 0
    first = cursor.execute(_FIRST, [series_id]).fetchall()[0][0]
    return _rescale(cursor, series_id, first)


def _rescale(cursor: DuckDBPyConnection, series_id: int, first: datetime) -> int:
    """Move the stored bars before `first` to the scale of the delivery; returns their number."""
    n = 0
    for scale, factor, split in cursor.execute(_SCALE, [series_id]).fetchall():
        change = [*[scale] * 4, scale, factor, split]
        n = int(cursor.execute(_RESCALE, [*change, series_id, first]).fetchall()[0][0])
    return n


def compare(cursor: DuckDBPyConnection, history: RawBars) -> Changes:
    """Changes that `merge` would make, without making them."""
    rows = cursor.execute(_SERIES, list(history.key)).fetchall()
    with _delivered(cursor, [rows[0][0] if rows else -1], [history]):
        return _changes(history, _compare(cursor))


def replace_span(cursor: DuckDBPyConnection, history: RawBars, now: datetime) -> Changes:
    """Merge a full re-read: stored bars in its span that it lacks are deleted, older ones are rescaled to it."""
    key, span = series_id(cursor, history), [history.time[0].item(), history.time[-1].item()]
    with _delivered(cursor, [key], [history]):
        gone = cursor.execute(_DROP, [key, *span]).fetchall()
        _rescale(cursor, key, span[0])
    return replace(merge(cursor, [history], now)[0], n_dropped=int(gone[0][0]))


@contextmanager
def _delivered(cursor: DuckDBPyConnection, ids: Sequence[int], histories: Sequence[RawBars]) -> Iterator[None]:
    assert all((np.diff(history.time) > np.timedelta64(0)).all() for history in histories), "bars out of order"
    lengths = [len(history) for history in histories]
    columns = {"series_id": np.repeat(np.array(ids, dtype=np.int32), lengths), **join(histories)}
    cursor.register("delivered", columns)
    yield
    cursor.unregister("delivered")


def _compare(cursor: DuckDBPyConnection) -> dict[str, np.ndarray]:
    return fetch_arrays(cursor.execute(_PAIRS))


_SERIES = "SELECT series_id FROM series WHERE symbol = ? AND timeframe = ? AND source = ?"
_NEW_SERIES = "INSERT INTO series (symbol, timeframe, source) VALUES (?, ?, ?) RETURNING series_id"
_DELETE = "DELETE FROM bars USING changed WHERE bars.series_id = changed.series_id AND bars.time = changed.time"
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
_DROP = """
    DELETE FROM bars WHERE series_id = ? AND time BETWEEN ? AND ? AND time NOT IN (SELECT time FROM delivered)
"""
_INSERT = "INSERT INTO bars SELECT series_id, time, open, high, low, close, volume, factor, split, ? FROM "


def series_id(cursor: DuckDBPyConnection, history: RawBars) -> int:
    """Id of a series, created if it is new."""
    key = list(history.key)
    rows = cursor.execute(_SERIES, key).fetchall() or cursor.execute(_NEW_SERIES, key).fetchall()
    return int(rows[0][0])


def _store(cursor: DuckDBPyConnection, pairs: dict[str, np.ndarray], moment: datetime) -> None:
    """Delete the bars that differ, then insert those that are missing."""
    where = "delivered"
    if len(pairs["time"]):
        cursor.register("changed", {name: pairs[name][pairs["differs"]] for name in ("series_id", "time")})
        cursor.execute(_DELETE)
        cursor.unregister("changed")
        where += " ANTI JOIN bars USING (series_id, time)"
    cursor.execute(_INSERT + where, [moment])


def _update_coverage(cursor: DuckDBPyConnection, ids: Sequence[int], moment: datetime) -> None:
    cursor.execute(
        "UPDATE series SET first = found.first, last = found.last, n_bars = found.n_bars, loaded_at = ? FROM ("
        "SELECT series_id, min(time) AS first, max(time) AS last, count(*) AS n_bars FROM bars "
        "WHERE series_id IN (SELECT unnest(?)) GROUP BY series_id) AS found WHERE series.series_id = found.series_id",
        [moment, list(ids)],
    )


def _of_series(pairs: dict[str, np.ndarray], series_id: int) -> dict[str, np.ndarray]:
    low, high = np.searchsorted(pairs["series_id"], [series_id, series_id + 1])
    return {name: column[low:high] for name, column in pairs.items()}


def _changes(history: RawBars, pairs: dict[str, np.ndarray]) -> Changes:
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
        first_changed=_aware(times[0]) if len(times) else None,
        last_changed=_aware(times[-1]) if len(times) else None,
    )


def _aware(time: np.datetime64) -> datetime:
    moment: datetime = time.astype("datetime64[us]").item()
    return moment.replace(tzinfo=UTC)
