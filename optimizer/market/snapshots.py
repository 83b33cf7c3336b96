"""Immutable snapshots: the bars a study ran on, as one Parquet file named by the hash of its content.

A worker reads a snapshot without touching the warehouse. The file is written beside its place and renamed, so
a half-written one is never found under its name; it is checked when read, so a damaged one is never used.
Two sources that deliver the same bars share a file, which then names the first source.
"""

import os
import threading
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

import duckdb
from duckdb import DuckDBPyConnection

from optimizer.domain.bars import Bars
from optimizer.errors import DamagedSnapshot, NoSnapshot
from optimizer.market.warehouse.result_arrays import fetch_arrays

_COLUMNS = ("time", "open", "high", "low", "close", "volume")
_REMEDY = "Start the study again to take the bars from the warehouse."


def snapshot_path(data_hash: str, folder: Path) -> Path:
    """Where the snapshot of that content is."""
    return folder / f"{data_hash}.parquet"


def write_snapshot(bars: Bars, folder: Path) -> str:
    """Keep bars under the hash of their content, once; returns the hash."""
    place = snapshot_path(bars.data_hash, folder)
    if not place.exists():
        folder.mkdir(parents=True, exist_ok=True)
        # Two writers of the same content may race: each has its own draft, and the last rename wins.
        draft = place.with_name(f".{place.name}.{os.getpid()}.{threading.get_ident()}")
        _write(bars, draft)
        draft.replace(place)
    return bars.data_hash


def read_snapshot(data_hash: str, folder: Path) -> Bars:
    """The bars of that hash, checked. NoSnapshot, DamagedSnapshot."""
    place = snapshot_path(data_hash, folder)
    if not place.exists():
        raise NoSnapshot(data_hash=data_hash, folder=folder, remedy=_REMEDY)
    try:
        bars = _read(place)
    except (duckdb.Error, KeyError) as error:
        raise DamagedSnapshot(data_hash=data_hash, reason="it cannot be read", remedy=_REMEDY) from error
    if bars.data_hash != data_hash:
        raise DamagedSnapshot(data_hash=data_hash, reason="its content has another hash", remedy=_REMEDY)
    return bars


def drop_snapshots(folder: Path, *, keep: set[str], before: datetime) -> int:
    """Delete snapshots older than `before` whose hash no study keeps; returns how many.

    Nothing in the product prunes snapshots yet: this is for the operations that will.
    """
    old = [
        place
        for place in sorted(folder.glob("*.parquet"))
        if place.stem not in keep and datetime.fromtimestamp(place.stat().st_mtime, UTC) < before
    ]
    for place in old:
        place.unlink()
    return len(old)


def _write(bars: Bars, place: Path) -> None:
    with _memory(os.getpid()).cursor() as cursor:
        cursor.register("bars", {name: getattr(bars, name) for name in _COLUMNS})
        facts = {name: _quoted(getattr(bars, name)) for name in ("symbol", "timeframe", "source")}
        notes = ", ".join(f"{name}: {fact}" for name, fact in facts.items())
        cursor.execute(f"COPY bars TO {_quoted(str(place))} (FORMAT parquet, KV_METADATA {{{notes}}})")


def _read(place: Path) -> Bars:
    with _memory(os.getpid()).cursor() as cursor:
        columns = fetch_arrays(cursor.execute("SELECT * FROM read_parquet(?)", [str(place)]))
        notes = cursor.execute("SELECT key, value FROM parquet_kv_metadata(?)", [str(place)]).fetchall()
    facts = {bytes(key).decode(): bytes(value).decode() for key, value in notes}
    arrays = {name: columns[name] for name in _COLUMNS}
    return Bars(symbol=facts["symbol"], timeframe=facts["timeframe"], source=facts["source"], **arrays)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


@lru_cache(maxsize=1)
def _memory(process_id: int) -> DuckDBPyConnection:
    """An in-memory connection of this process: opening one takes longer than reading a snapshot."""
    return duckdb.connect(":memory:", config={"threads": 1, "memory_limit": "256MB"})
