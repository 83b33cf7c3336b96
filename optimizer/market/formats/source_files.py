"""Files as they lie on a disk, unpacked and decoded: what follows reads UTF-8 text or Parquet.

What a file is, its first bytes say; its name only says whether it is looked at in a folder.
"""

import csv
import gzip
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from os import SEEK_END
from pathlib import Path, PurePath, PurePosixPath
from shutil import copyfile, copyfileobj
from typing import IO, cast

from optimizer.errors import BadFile, NothingToImport, Phrase
from optimizer.market.formats.columns import DELIMITERS, N_LINES, NEEDED, n_known_columns
from optimizer.market.formats.encodings import UTF8, Opener, decoded, encoding_of, find_encoding, is_written_in
from optimizer.market.formats.workbooks import DAMAGED, write_sheets

_TEXTS = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz")
_PARQUET = (".parquet", ".pq")
ENDINGS = (*_TEXTS, *_PARQUET, ".zip", ".xlsx")
EXCEL = "Excel"
_WORKBOOK = "xl/workbook.xml"
#: What the first bytes of a file are that has no table, and what it is.
_REFUSED = {
    rb"\xd0\xcf\x11\xe0": "old_workbook",
    rb"\s*<(!|\?|html|head|body|table)": "web_page_file",
    rb"\s*(\{|\[)": "json_file",
}
#: Notes are looked for in so many bytes at the end of a text; more lines than these are no notes.
_TAIL, _MOST_NOTES = 8192, 12
_UNREADABLE = (OSError, EOFError, zlib.error)


@dataclass(frozen=True, kw_only=True)
class SourceFile:
    """A file, or one inside an archive, as text or Parquet that can be read."""

    path: Path
    member: str = ""  # of an archive
    sheet: str = ""  # of a workbook
    text: Path
    encoding: str = UTF8
    is_parquet: bool = False
    n_below: int = 0  # lines of notes below the rows, which `text` lacks

    @property
    def name(self) -> str:
        """Name for people; that of a member or a sheet follows that of its file."""
        return "/".join(filter(None, (self.path.name, self.member, self.sheet)))

    @property
    def titled(self) -> PurePath:
        """Path whose name says the symbol."""
        return PurePath(self.member) if self.member else self.path

    def fault(self, line: int, reason: Phrase, remedy: Phrase) -> BadFile:
        """Build the error for a line of the file."""
        return BadFile(file=self.name, line=line, reason=reason, remedy=remedy)

    def lines(self) -> IO[str]:
        """Open the text."""
        if self.text.name.lower().endswith(".gz"):
            return gzip.open(self.text, "rt", encoding="utf-8-sig")
        return self.text.open(encoding="utf-8-sig")

    def line_of(self, row: int, n_above: int) -> int:
        """Line number of a row (from 1) below so many lines; blank lines have no row."""
        if self.is_parquet:
            return row
        with self.lines() as file:
            filled = (number for number, line in enumerate(file, start=1) if number > n_above and line.strip())
            return next(islice(filled, row - 1, None), n_above + row)


def find_files(path: Path) -> list[Path]:
    """List the file itself, or every file under a folder whose ending is known, sorted. Raises NothingToImport."""
    if path.is_file():
        return [path]
    found = [one for one in sorted(path.rglob("*")) if one.is_file() and _is_wanted(one)]
    if not found:
        raise NothingToImport(path=path, endings=", ".join(ENDINGS))
    return found


def passed_over(path: Path) -> list[Path]:
    """List the files under a folder that are not read, hidden ones left out."""
    files = [] if path.is_file() else [one for one in sorted(path.rglob("*")) if one.is_file()]
    return [one for one in files if not _is_wanted(one) and not one.name.startswith(".")]


def _is_wanted(path: Path) -> bool:
    return path.name.lower().endswith(ENDINGS) and not path.name.startswith(".")


def open_files(path: Path, spill: Path, encoding: str | None) -> Iterator[SourceFile]:
    """Yield the file, or those inside it. What is unpacked lies in `spill` until the next is asked for.

    Raises BadFile, UnknownEncoding or MissingExtra.
    """
    file = SourceFile(path=path, text=path)
    start = _start(file)
    if start.startswith(b"PAR1") or path.name.lower().endswith(_PARQUET):
        yield replace(file, is_parquet=True)
    elif start.startswith(b"PK"):
        yield from _inside(file, spill, encoding)
    else:
        yield _as_text(file, start, spill, encoding)


def _start(file: SourceFile) -> bytes:
    try:
        with file.path.open("rb") as opened:
            return opened.read(4)
    except OSError as error:
        raise _unreadable(file, error) from error


def _unreadable(file: SourceFile, error: Exception) -> BadFile:
    reason = Phrase("unreadable_because", cause=str(error))
    return file.fault(1, reason, Phrase("check_permissions"))


def _as_text(file: SourceFile, start: bytes, spill: Path, encoding: str | None) -> SourceFile:
    """The file as UTF-8 text, itself if it is that already."""
    is_packed = start.startswith(b"\x1f\x8b")
    opened: Opener = partial(_unzipped if is_packed else _plainly, file.path)
    return _decoded(file, opened, spill, encoding, keep=is_packed == file.path.name.lower().endswith(".gz"))


def _unzipped(path: Path) -> IO[bytes]:
    return cast("IO[bytes]", gzip.open(path, "rb"))


def _plainly(path: Path) -> IO[bytes]:
    return path.open("rb")


def _decoded(file: SourceFile, opened: Opener, spill: Path, encoding: str | None, *, keep: bool) -> SourceFile:
    """Refuse what is no table; write the text in UTF-8 unless it may be kept."""
    try:
        with opened() as data:
            _refuse_others(file, data.read(64))
        name = _encoding(file, opened, encoding)
        if not keep or name != UTF8:
            text = spill / "text.csv"
            with opened() as data, decoded(data, name) as lines, text.open("w", encoding="utf-8") as out:
                copyfileobj(lines, out)
            file = replace(file, text=text, encoding=name)
        return _without_notes(file, spill)
    except _UNREADABLE as error:
        raise _unreadable(file, error) from error


def _without_notes(file: SourceFile, spill: Path) -> SourceFile:
    """The file without lines of notes below its rows, such as those of exchanges; packed ones are kept as they are."""
    if file.text.name.lower().endswith(".gz"):
        return file
    with file.text.open("rb") as opened:
        size = opened.seek(0, SEEK_END)
        opened.seek(max(size - _TAIL, 0))
        n_notes, n_bytes = _notes_in(opened.read())
    if not n_notes:
        return file
    text = spill / "text.csv"
    if file.text != text:
        copyfile(file.text, text)
    with text.open("r+b") as opened:
        opened.truncate(size - n_bytes)
    return replace(file, text=text, n_below=n_notes)


def _notes_in(tail: bytes) -> tuple[int, int]:
    """Number of lines of notes at the end of a text, and of their bytes; none without a row above them."""
    n_notes, n_bytes = 0, 0
    for line in reversed(tail.splitlines(keepends=True)[1:]):
        text = line.decode(errors="replace")
        if text.strip() and not _is_note(text):
            has_row = max(map(text.count, DELIMITERS)) >= len(NEEDED) - 1
            return (n_notes, n_bytes) if has_row and n_notes <= _MOST_NOTES else (0, 0)
        n_notes += bool(text.strip())
        n_bytes += len(line)
    return 0, 0


def _is_note(text: str) -> bool:
    """True for words in a single cell. A row that was cut off has no line end, and begins with a date or a symbol."""
    if any(
        sum(map(bool, map(str.strip, cells))) > 1 for mark in DELIMITERS for cells in csv.reader([text], delimiter=mark)
    ):
        return False
    words = text.strip().strip('"').strip()
    is_whole = text.endswith("\n") and (" " in words or "。" in words)
    return not words[:1].isdigit() and (is_whole or ":" in words or "：" in words)


def _refuse_others(file: SourceFile, start: bytes) -> None:
    for pattern, reason in _REFUSED.items():
        if re.match(pattern, start, re.IGNORECASE):
            raise file.fault(1, Phrase(reason), Phrase("save_as_utf8"))


def _encoding(file: SourceFile, opened: Opener, wanted: str | None) -> str:
    name = encoding_of(wanted) if wanted else find_encoding(opened)
    if name and is_written_in(opened, name):
        return name
    reason = Phrase("not_in_encoding", encoding=name) if name else Phrase("not_utf8")
    raise file.fault(1, reason, Phrase("name_encoding"))


def _inside(file: SourceFile, spill: Path, encoding: str | None) -> Iterator[SourceFile]:
    """Yield the tables of a workbook or an archive."""
    try:
        with zipfile.ZipFile(file.path) as archive:
            names = archive.namelist()
            if _WORKBOOK in names:
                yield from _sheets(file, spill)
                return
            wanted = [name for name in sorted(names) if _is_wanted(Path(name))]
            if not wanted:
                raise file.fault(1, Phrase("archive_without_tables"), Phrase("unpack_it"))
            for name in wanted:
                yield _member(replace(file, member=PurePosixPath(name).name), archive, name, spill, encoding)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:  # of a compression it lacks, of a password
        raise _unreadable(file, error) from error


def _member(file: SourceFile, archive: zipfile.ZipFile, name: str, spill: Path, encoding: str | None) -> SourceFile:
    """One file of an archive, unpacked."""
    if name.lower().endswith((*_PARQUET, ".zip", ".xlsx", ".gz")):
        raise file.fault(1, Phrase("packed_twice"), Phrase("unpack_it"))
    return _decoded(file, partial(archive.open, name), spill, encoding, keep=False)


def _sheets(file: SourceFile, spill: Path) -> Iterator[SourceFile]:
    """Yield the one sheet with bars. Raises BadFile for several."""
    try:
        sheets = [replace(file, sheet=name, text=text, encoding=EXCEL) for name, text in write_sheets(file.path, spill)]
    except DAMAGED as error:
        raise _unreadable(file, error) from error
    filled = [sheet for sheet in sheets if _has_bars(sheet)] or sheets[:1]
    if len(filled) != 1:
        reason = Phrase("several_sheets", sheets=", ".join(sheet.sheet for sheet in filled))
        raise file.fault(1, reason if filled else Phrase("file_empty"), Phrase("one_sheet"))
    yield filled[0]


def _has_bars(sheet: SourceFile) -> bool:
    with sheet.lines() as lines:
        return n_known_columns(list(islice(lines, N_LINES)), ",") >= len(NEEDED)
