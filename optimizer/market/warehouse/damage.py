"""Damaged DuckDB files: recognised when opened or read, and set aside.

DuckDB opens a file that was cut off and finds out when it reads past the end; the number of blocks in its header makes
it suspect before that. A block that does not match its checksum is found when it is read: a mark beside the file then
makes the next start read everything.
"""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import duckdb
from duckdb import DuckDBPyConnection

from optimizer.errors import DamagedWarehouse

#: What DuckDB says of a file that is cut off or was written to by something else.
_MARKS = ("Could not read enough bytes", "Corrupt database file", "checksum", "Failed to deserialize")
#: Bytes of a DuckDB file in front of its blocks.
HEADERS = 3 * 4096
#: Iteration, number of blocks and their size in one of the two headers.
_HEADER = struct.Struct("<8xQ16xQQ")
MEMORY = ":memory:"


def is_damage(error: duckdb.Error) -> bool:
    """True if an error of DuckDB says that the file is damaged."""
    return any(mark in str(error) for mark in _MARKS)


def damaged(path: str) -> DamagedWarehouse:
    """Build the error for a damaged file."""
    return DamagedWarehouse(file=path)


@contextmanager
def noticed(path: str) -> Iterator[None]:
    """Turn damage found in the block into DamagedWarehouse, and mark the file for the next start."""
    try:
        yield
    except duckdb.Error as error:
        if path == MEMORY or not is_damage(error):
            raise
        _mark_of(path).touch()
        raise damaged(path) from error


def is_short(path: str) -> bool:
    """True if a file is shorter than its own header says: cut off, or its last blocks are free and were never written.

    To be asked before the file is opened: then its log is replayed, into blocks that are not written yet.
    """
    if path == MEMORY or not Path(path).exists():
        return False
    with Path(path).open("rb") as file:
        header = file.read(HEADERS)
    return Path(path).stat().st_size < _least_size(header)


def require_whole(connection: DuckDBPyConnection, path: str, *, is_suspect: bool) -> None:
    """Read everything of a suspect or marked file; raises DamagedWarehouse."""
    mark = _mark_of(path)
    if path == MEMORY or not (is_suspect or mark.exists()):
        return
    with noticed(path):
        _read_all(connection)
    mark.unlink(missing_ok=True)


def set_aside(path: Path, now: datetime) -> Path:
    """Rename a damaged file and its log; returns the new path of the file."""
    aside = path.with_name(f"{path.name}.damaged-{now:%Y%m%dT%H%M%S}")
    path.rename(aside)
    if (log := _beside(path, "wal")).exists():
        log.rename(_beside(aside, "wal"))
    _mark_of(str(path)).unlink(missing_ok=True)
    return aside


def files_set_aside(path: Path) -> list[Path]:
    """Files that were set aside, the oldest first."""
    return sorted(each for each in path.parent.glob(f"{path.name}.damaged-*") if each.suffix != ".wal")


def _least_size(header: bytes) -> int:
    """Bytes that a file has by the newer of its two headers; 0 where there is none, which DuckDB refuses in words.

    A header is at 4,096 and one at 8,192: checksum, iteration, two places of metadata, number and size of the blocks
    (DuckDB's `storage/storage_info.hpp`).
    """
    if len(header) < HEADERS or header[8:12] != b"DUCK":
        return 0
    _, n_blocks, block_size = max(_HEADER.unpack_from(header, at) for at in (HEADERS // 3, HEADERS * 2 // 3))
    return HEADERS + int(n_blocks) * int(block_size)


def _read_all(connection: DuckDBPyConnection) -> None:
    """Read every column of every table, which compares each block with its checksum."""
    for (table,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall():
        connection.execute(f'SELECT bit_xor(hash(t)) FROM "{table}" t').fetchall()  # noqa: S608


def _mark_of(path: str) -> Path:
    return _beside(Path(path), "unread")


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(f"{path.name}.{ending}")
