"""Immutable snapshots: the bars of a study as one Parquet file named by the hash of its content.

A worker reads a snapshot without accessing the warehouse. The file is written under another name and renamed, so
that a half-written one never has its name; it is checked when read, so that a damaged one is never used, and when it
would be written, so that a damaged one is replaced.
Two sources that deliver the same bars share a file, which names the first source.
"""

import glob
import os
import re
import threading
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb
from duckdb import DuckDBPyConnection

from optimizer.domain.bars import Bars
from optimizer.errors import DamagedSnapshot, NoSnapshot, Phrase
from optimizer.market.warehouse.result_arrays import fetch_arrays

_COLUMNS = ("time", "open", "high", "low", "close", "volume")
_REMEDY = Phrase("start_again")
#: Name of a file that is being written: the snapshot's, with a process and a thread.
_DRAFT = re.compile(r"\.[0-9a-f]{64}\.parquet\.\d+\.\d+")


def snapshot_path(data_hash: str, folder: Path) -> Path:
    """Path of the snapshot with that hash."""
    return folder / f"{data_hash}.parquet"


def write_snapshot(bars: Bars, folder: Path) -> str:
    """Store bars under the hash of their content, unless they are there undamaged; returns the hash."""
    if not is_whole(bars.data_hash, folder):
        folder.mkdir(parents=True, exist_ok=True)
        place = snapshot_path(bars.data_hash, folder)
        # Two writers of the same content may race: each writes its own draft, and the last rename wins.
        draft = place.with_name(f".{place.name}.{os.getpid()}.{threading.get_ident()}")
        try:
            _write(bars, draft)
            draft.replace(place)
        finally:
            draft.unlink(missing_ok=True)
    return bars.data_hash


def is_whole(data_hash: str, folder: Path) -> bool:
    """True if the snapshot with that hash is there and contains what its name says."""
    try:
        read_snapshot(data_hash, folder)
    except (NoSnapshot, DamagedSnapshot):
        return False
    return True


def sweep_drafts(folder: Path) -> int:
    """Delete what killed writers left; returns the number of files. For when nobody writes."""
    drafts = [place for place in folder.glob(".*") if _DRAFT.fullmatch(place.name)]
    for draft in drafts:
        draft.unlink(missing_ok=True)
    return len(drafts)


def read_snapshot(data_hash: str, folder: Path) -> Bars:
    """Read and check the bars with that hash. Raises NoSnapshot or DamagedSnapshot."""
    place = snapshot_path(data_hash, folder)
    if not place.exists():
        raise NoSnapshot(data_hash=data_hash, folder=folder, remedy=_REMEDY)
    try:
        bars = _read(place)
    except (duckdb.Error, KeyError) as error:
        raise DamagedSnapshot(data_hash=data_hash, reason=Phrase("unreadable"), remedy=_REMEDY) from error
    if bars.data_hash != data_hash:
        raise DamagedSnapshot(data_hash=data_hash, reason=Phrase("another_hash"), remedy=_REMEDY)
    return bars


def drop_snapshots(folder: Path, *, keep: set[str], before: datetime) -> int:
    """Delete snapshots older than `before` whose hash is not in `keep`; returns their number."""
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
        named = glob.escape(str(place))  # brackets in a folder's name are no pattern
        columns = fetch_arrays(cursor.execute("SELECT * FROM read_parquet(?)", [named]))
        notes = cursor.execute("SELECT key, value FROM parquet_kv_metadata(?)", [named]).fetchall()
    facts = {bytes(key).decode(): bytes(value).decode() for key, value in notes}
    arrays: dict[str, Any] = {name: columns[name] for name in _COLUMNS}
    return Bars(symbol=facts["symbol"], timeframe=facts["timeframe"], source=facts["source"], **arrays)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


@lru_cache(maxsize=1)
def _memory(process_id: int) -> DuckDBPyConnection:
    """In-memory connection of this process, cached because opening one takes longer than reading a snapshot."""
    return duckdb.connect(":memory:", config={"threads": 1, "memory_limit": "256MB"})
