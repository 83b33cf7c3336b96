"""Excel workbooks as text: each sheet a table whose lines are the sheet's rows."""

import csv
from collections.abc import Iterator
from datetime import date, datetime, time
from pathlib import Path
from typing import IO, TYPE_CHECKING
from zipfile import BadZipFile

from optimizer.errors import MissingExtra
from optimizer.lazy import LazyModule

if TYPE_CHECKING:
    import openpyxl
else:
    openpyxl = LazyModule("openpyxl")

#: What reading a damaged workbook raises.
DAMAGED = (BadZipFile, KeyError, ValueError, OSError)


def write_sheets(path: Path, folder: Path) -> Iterator[tuple[str, Path]]:
    """Write each sheet that is not empty as CSV in UTF-8; yields its name and the file. Raises MissingExtra."""
    with path.open("rb") as opened:
        for number, sheet in enumerate(_load(opened).worksheets):
            rows = [[_text(value) for value in row] for row in sheet.iter_rows(values_only=True)]
            if any(any(row) for row in rows):
                file = folder / f"sheet{number}.csv"
                with file.open("w", encoding="utf-8", newline="") as out:
                    csv.writer(out, lineterminator="\n").writerows(row if any(row) else [] for row in rows)
                yield sheet.title, file


def _load(opened: IO[bytes]) -> "openpyxl.Workbook":
    try:
        book: openpyxl.Workbook = openpyxl.load_workbook(opened, read_only=True, data_only=True)
    except ModuleNotFoundError as error:
        raise MissingExtra(source="Excel", extra="excel") from error
    return book


def _text(value: object) -> str:
    """A cell as text on one line; a date without a clock time is a day."""
    if isinstance(value, datetime):
        return str(value.date() if value.time() == time() else value)
    if isinstance(value, float):
        return repr(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, date | time):
        return str(value)
    return "" if value is None else " ".join(str(value).split())
