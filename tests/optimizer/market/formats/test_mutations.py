"""A damaged file is never read wrong: it gives the same bars, or it is refused with its name and a line."""

import csv
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import numpy as np
import pytest

from optimizer.errors import BadFile
from optimizer.market.providers.file_series import Series
from tests.optimizer.market.formats.kinds import KINDS, Kind, Made
from tests.optimizer.market.formats.reads import read_kind, same_bars
from tests.refused import worded

#: How each kind that is text is encoded and delimited, and which of its cells are time and prices.
ENCODINGS = {"krx": "cp949", "european": "cp1252", "utf-16 with tabs": "utf-16"}
PACKED = {"binance, zipped", "lean, a day of minutes", "lean, days", "excel", "parquet", "parquet with a zone"}
TEXTS = [name for name in KINDS if name not in PACKED]
N_BARS = 60

Rows = list[list[str]]


@dataclass(frozen=True)
class Text:
    """A file as cells."""

    name: str
    rows: Rows
    n_header: int
    delimiter: str
    encoding: str

    def written(self, rows: Rows) -> bytes:
        """The file with these rows."""
        out = io.StringIO()
        csv.writer(out, delimiter=self.delimiter, lineterminator="\n").writerows(rows)
        return out.getvalue().encode(self.encoding)


def text_of(name: str, made: Made) -> Text:
    """The file of a kind as cells."""
    encoding = ENCODINGS.get(name, "utf-8-sig")
    text = KINDS[name].write(made).decode(encoding)
    lines = text.splitlines()
    delimiter = max(",;\t", key=lines[-1].count) if name != "investing in German" else ","
    rows = list(csv.reader(lines, delimiter=delimiter))
    return Text(name, rows, len(rows) - N_BARS, delimiter, encoding)


def rng_of(*words: str) -> np.random.Generator:
    """Random numbers of a test."""
    return np.random.default_rng(crc32(" ".join(words).encode()))


def read(folder: Path, kind: Kind, content: bytes) -> Series | BadFile:
    """The series, or the refusal, which names file and line."""
    try:
        return read_kind(folder, kind, content)
    except BadFile as refusal:
        named = refusal
    assert named.facts["file"] == Path(kind.file).name
    assert named.facts["line"] >= 1
    return named


def used(text: Text, folder: Path) -> list[int]:
    """Places of the cells that are read."""
    series = read_kind(folder, KINDS[text.name], text.written(text.rows))
    columns = series.understood.columns
    if text.n_header == 0:
        return [int(name[1:]) - 1 for name in columns.values()]
    header = text.rows[text.n_header - 1]
    header = text.rows[0] if text.name == "yfinance, three header lines" else header
    return [header.index(name) for meaning, name in columns.items() if meaning != "name" and name in header]


JUNK = ("x", "1_000", "10 USD", "nought", "12:3x", "--5", "1.2.3", "7 7 7")


def junk_for(name: str, further: int = 0) -> str:
    """The junk that a kind gets first, or one further on: over all kinds each junk comes as often."""
    return JUNK[(TEXTS.index(name) + further) % len(JUNK)]


@pytest.mark.parametrize("name", TEXTS)
def test_a_cell_that_is_no_value_is_refused_with_its_line(tmp_path: Path, name: str) -> None:
    _damage(tmp_path, name, junk_for(name))


@pytest.mark.slow
@pytest.mark.parametrize("further", [3, 6])
@pytest.mark.parametrize("name", TEXTS)
def test_other_cells_that_are_no_values_are_refused_with_their_line(tmp_path: Path, name: str, further: int) -> None:
    _damage(tmp_path, name, junk_for(name, further))


def _damage(folder: Path, name: str, junk: str) -> None:
    kind, rng = KINDS[name], rng_of(name, junk)
    text = text_of(name, kind.made(N_BARS))
    row = text.n_header + int(rng.integers(N_BARS))
    text.rows[row][int(rng.choice(used(text, folder)))] = junk

    found = read(folder, kind, text.written(text.rows))

    assert isinstance(found, BadFile), found.understood
    assert found.facts["line"] == row + 1, worded(found)


_DECIMAL = re.compile(r"[$]?[\d.,]*[.,]\d+")
Mutation = Callable[[Text, np.random.Generator], Rows]


def without_a_cell(text: Text, rng: np.random.Generator) -> Rows:
    """One row ends early."""
    row = text.n_header + int(rng.integers(N_BARS))
    return [*text.rows[:row], text.rows[row][:-1], *text.rows[row + 1 :]]


def with_a_cell(text: Text, rng: np.random.Generator) -> Rows:
    """One row has a value too many."""
    row = text.n_header + int(rng.integers(N_BARS))
    return [*text.rows[:row], [*text.rows[row], "7"], *text.rows[row + 1 :]]


def twice(text: Text, rng: np.random.Generator) -> Rows:
    """One row stands there twice."""
    row = text.n_header + int(rng.integers(N_BARS))
    return [*text.rows[: row + 1], *text.rows[row:]]


def exchanged(text: Text, rng: np.random.Generator) -> Rows:
    """Two neighbours stand in each other's place."""
    row = text.n_header + int(rng.integers(N_BARS - 1))
    return [*text.rows[:row], text.rows[row + 1], text.rows[row], *text.rows[row + 2 :]]


def two_files(text: Text, rng: np.random.Generator) -> Rows:
    """The file stands behind itself."""
    return text.rows + text.rows


def other_decimal_sign(text: Text, rng: np.random.Generator) -> Rows:
    """One number has the other decimal sign."""
    signs = str.maketrans(".,", ",.")
    rows = [list(row) for row in text.rows]
    row = text.n_header + int(rng.integers(N_BARS))
    rows[row] = [cell.translate(signs) if _DECIMAL.fullmatch(cell) else cell for cell in rows[row]]
    return rows


MUTATIONS = (without_a_cell, with_a_cell, twice, exchanged, two_files, other_decimal_sign)


@pytest.mark.parametrize("mutate", MUTATIONS)
@pytest.mark.parametrize("name", TEXTS)
def test_a_damaged_file_is_refused_or_read_right(tmp_path: Path, name: str, mutate: Mutation) -> None:
    kind = KINDS[name]
    made = kind.made(N_BARS)
    text = text_of(name, made)

    found = read(tmp_path, kind, text.written(mutate(text, rng_of(name, mutate.__name__))))

    assert isinstance(found, BadFile) or same_bars(kind, made, found.bars), found


@pytest.mark.parametrize("name", TEXTS)
def test_other_order_of_columns_is_read_alike(tmp_path: Path, name: str) -> None:
    kind = KINDS[name]
    made = kind.made(N_BARS)
    text = text_of(name, made)
    if text.n_header == 0 or name == "tradingview, days":
        return
    n_cells = len(text.rows[-1])
    order = [0, *(1 + rng_of(name).permutation(n_cells - 1))]
    rows = [[row[place] for place in order] if len(row) == n_cells else row for row in text.rows]

    found = read(tmp_path, kind, text.written(rows))

    assert isinstance(found, BadFile) or same_bars(kind, made, found.bars), found


@pytest.mark.parametrize(
    "pair", [("Open", "High"), ("Open", "Low"), ("High", "Low"), ("High", "Close"), ("Low", "Close")]
)
def test_exchanged_names_of_columns_are_refused(tmp_path: Path, pair: tuple[str, str]) -> None:
    kind = KINDS["plain"]
    made = kind.made(N_BARS)
    text = text_of("plain", made)
    swap = {pair[0]: pair[1], pair[1]: pair[0]}
    text.rows[0] = [swap.get(name, name) for name in text.rows[0]]

    found = read(tmp_path, kind, text.written(text.rows))

    assert isinstance(found, BadFile)
    assert "a column is not what it is called" in worded(found)


def test_exchanged_open_and_close_are_told(tmp_path: Path) -> None:
    kind = KINDS["plain"]
    made = kind.made(N_BARS)
    text = text_of("plain", made)
    swap = {"Open": "Close", "Close": "Open"}
    text.rows[0] = [swap.get(name, name) for name in text.rows[0]]

    found = read(tmp_path, kind, text.written(text.rows))
    right = read(tmp_path, kind, kind.write(made))

    assert isinstance(found, Series)
    assert isinstance(right, Series)
    assert found.understood.seems_exchanged
    assert not right.understood.seems_exchanged


@pytest.mark.parametrize("form", ["%m/%d/%Y", "%d/%m/%Y", "%m-%d-%Y", "%d/%m/%y"])
@pytest.mark.parametrize("first", [0, 7, 30])
@pytest.mark.parametrize("n_bars", [3, 8, 12, 40])
def test_dates_with_two_orders_are_read_right_or_asked_for(tmp_path: Path, form: str, first: int, n_bars: int) -> None:
    kind = KINDS["plain"]
    made = kind.made(first + n_bars)
    lines = [
        f"{t:{form}},{o:.2f},{h:.2f},{low:.2f},{c:.2f},{v:.0f}" for t, o, h, low, c, v in list(made.rows())[first:]
    ]
    content = "\n".join(["Date,Open,High,Low,Close,Volume", *lines, ""]).encode()

    found = read(tmp_path, kind, content)
    said = read_kind(tmp_path, kind, content, day_first=form.startswith("%d"))

    days = made.local[first:].astype("datetime64[us]")
    assert isinstance(found, BadFile) or np.array_equal(found.bars.time, days)
    assert np.array_equal(said.bars.time, days)


@pytest.mark.parametrize("name", TEXTS)
def test_a_row_that_cannot_be_right_is_named(tmp_path: Path, name: str) -> None:
    kind = KINDS[name]
    made = kind.made(N_BARS)
    made.high[17] = made.low[17] * 0.5

    found = read(tmp_path, kind, kind.write(made))

    assert isinstance(found, Series)
    line = found.understood.doubtful_line
    assert found.understood.n_doubtful == 1
    text = text_of(name, made)
    row = text.rows[line - 1]
    assert line - text.n_header in (18, N_BARS - 17), row
