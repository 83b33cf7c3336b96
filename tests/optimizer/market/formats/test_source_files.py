"""Files are what their bytes say: archives and workbooks are opened, parts joined, and what is no table refused."""

import gzip
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import openpyxl
import pytest

from optimizer.errors import BadFile, NothingToImport
from optimizer.market.importing import read_only
from optimizer.market.providers.file import read_files
from tests.optimizer.market.formats.kinds import KINDS, Made
from tests.optimizer.market.formats.reads import read, same_bars
from tests.refused import refused

PLAIN = KINDS["plain"]


def packed(**members: bytes) -> bytes:
    """An archive."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/").replace("_csv", ".csv").replace("_md", ".md"), content)
    return out.getvalue()


def sheets(**rows: list[list[object]]) -> bytes:
    """A workbook."""
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for title, cells in rows.items():
        sheet = book.create_sheet(title)
        for row in cells:
            sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


HEAD: list[object] = ["Date", "Open", "High", "Low", "Close"]
ROW: list[object] = ["2024-02-05", 10, 12, 9, 11]


@pytest.mark.parametrize("file", ["prices.dat", "ACME", "ACME.csv", "ACME.csv.gz", "ACME.zip"])
@pytest.mark.parametrize("pack", [lambda content: content, gzip.compress, lambda content: packed(ACME_csv=content)])
def test_a_name_does_not_say_what_is_inside(tmp_path: Path, file: str, pack: Callable[[bytes], bytes]) -> None:
    made = PLAIN.made(20)

    (series,) = read(tmp_path, file, pack(PLAIN.write(made)), symbol="ACME")

    assert same_bars(PLAIN, made, series.bars)


def test_each_file_of_an_archive_is_read(tmp_path: Path) -> None:
    content = PLAIN.write(PLAIN.made(20))

    series = read(tmp_path, "all.zip", packed(data__AAA_csv=content, data__BBB_csv=content, read_md=b"not bars"))

    assert [(one.bars.symbol, one.understood.file) for one in series] == [
        ("AAA", "all.zip/AAA.csv"),
        ("BBB", "all.zip/BBB.csv"),
    ]


def test_a_fault_in_an_archive_names_archive_file_and_line(tmp_path: Path) -> None:
    with refused(BadFile, match=r"`all.zip/AAA.csv`, line 3: `x` is not a number \(low\)"):
        read(tmp_path, "all.zip", packed(AAA_csv=b"date,open,high,low,close\n2024-02-05,1,1,1,1\n2024-02-06,1,1,x,1\n"))


WORD = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (WORD, "an Excel workbook of the old kind"),
        (b"<!DOCTYPE html><html></html>", "it is a web page"),
        (b"\n <table><tr><td>1</td></tr></table>", "it is a web page"),
        (b'{"chart": []}', "it is JSON"),
        (b"[[1, 2]]", "it is JSON"),
        (packed(read_md=b""), "no table in the archive"),
        (packed(AAA_csv=b""), "the file is empty"),
        (b"PK\x03\x04 and then nothing", "cannot be read"),
        (b"\x1f\x8b\x08 and then nothing", "cannot be read"),
        (sheets(AAA=[HEAD, ROW], BBB=[HEAD, ROW]), "several sheets have bars: AAA, BBB"),
        (sheets(AAA=[["nothing"]]), "no column for time"),
        (sheets(AAA=[]), "the file is empty"),
        (b"1;2;3\n4;5;6\n", "no column for time, open, high, low, close"),
        (b"\x00\x01\x02\x03", "no column for"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    with refused(BadFile, match=reason):
        read(tmp_path, "ACME.csv", content)


def test_the_one_sheet_with_bars_is_read(tmp_path: Path) -> None:
    content = sheets(Notes=[["made up"]], Prices=[["title"], [], HEAD, ROW, ["2024-02-06", 10, 12, 9, "x"]])

    with refused(BadFile, match=r"`ACME.xlsx/Prices`, line 5: `x` is not a number \(close\)"):
        read(tmp_path, "ACME.xlsx", content)


def halves(made: Made) -> tuple[Made, Made]:
    """The first and the second half of made-up bars."""
    half = len(made.close) // 2
    columns = made.__dict__.items()
    return Made(**{name: column[:half] for name, column in columns}), Made(
        **{name: column[half:] for name, column in columns}
    )


@pytest.mark.parametrize("names", [("2024-03", "2024-04"), ("2024-04", "2024-03")])
def test_months_of_one_series_are_joined(tmp_path: Path, names: tuple[str, str]) -> None:
    kind = KINDS["binance, ms"]
    made = kind.made(90)
    for name, part in zip(names, halves(made), strict=True):
        (tmp_path / f"BTCUSDT-1m-{name}.csv").write_bytes(kind.write(part))

    (series,) = read_files(tmp_path)

    assert same_bars(kind, made, series.bars)
    assert series.understood.n_files == 2


def test_parts_with_the_same_times_are_refused(tmp_path: Path) -> None:
    kind = KINDS["binance, ms"]
    for name in ("2024-03", "2024-04"):
        (tmp_path / f"BTCUSDT-1m-{name}.csv").write_bytes(kind.write(kind.made(50)))

    with refused(BadFile, match=r"`BTCUSDT-1m-2024-04.csv`, line 1: it has times of BTCUSDT that `BTCUSDT-1m-2024-03"):
        read_only(tmp_path)


def test_files_that_are_passed_over_are_told(tmp_path: Path) -> None:
    (tmp_path / "ACME.csv").write_bytes(PLAIN.write(PLAIN.made(20)))
    (tmp_path / "notes.md").write_text("not bars")

    report = read_only(tmp_path)

    assert [path.name for path in report.passed_over] == ["notes.md"]
    assert (report.n_files, report.n_bars, report.symbols) == (1, 20, ("ACME",))


def test_a_folder_of_nothing_but_notes_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("not bars")

    with refused(NothingToImport, match=r"\.xlsx"):
        read_only(tmp_path)


def test_a_dates_column_of_a_workbook_is_of_days(tmp_path: Path) -> None:
    kind = KINDS["excel"]
    made = kind.made(30)

    (series,) = read(tmp_path, kind.file, kind.write(made))

    assert np.array_equal(series.bars.time, kind.moments(made))
    assert (series.understood.encoding, series.understood.n_header) == ("Excel", 3)
