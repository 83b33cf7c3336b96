"""Copy of the warehouse's file while another process writes to it: what a crash at that moment would leave.

DuckDB never writes to blocks that the header on the disk refers to, or a crash would lose them. So a copy of the file
and of its log is whole if the headers, which every checkpoint changes, are the same after the copying as before.
"""

import shutil
import time
from pathlib import Path

from optimizer.errors import Phrase, Unavailable
from optimizer.market.warehouse.damage import HEADERS
from optimizer.market.warehouse.warehouse import Warehouse

#: How often it is tried, and the seconds between two tries.
_TRIES, _PAUSE = 20, 0.25


def copy_warehouse(source: Path, place: Path) -> None:
    """Copy the file, opened once so that its log is part of it. Raises Unavailable when it is written to all the time.

    To be called by a process that has not opened the file itself: closing it again would lose that one's lock.
    """
    for _ in range(_TRIES):
        before = _headers(source)
        for old in (place, _log_of(place)):
            old.unlink(missing_ok=True)
        shutil.copyfile(source, place)
        if _log_of(source).exists():
            shutil.copyfile(_log_of(source), _log_of(place))
        if _headers(source) == before:
            Warehouse.open(place).close()
            return
        time.sleep(_PAUSE)
    raise Unavailable(
        what=Phrase("data_file", file=source), reason=Phrase("written_always"), remedy=Phrase("try_again")
    )


def _headers(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(HEADERS)


def _log_of(file: Path) -> Path:
    return file.with_name(f"{file.name}.wal")
