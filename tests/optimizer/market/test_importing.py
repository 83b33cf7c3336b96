"""Files are imported whole, under any usual naming, or refused with file, line and remedy."""

import gzip
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pytest

from optimizer.domain.bars import Bars
from optimizer.errors import BadFile, NothingToImport, UnknownSymbol, UnknownTimeframe
from optimizer.market.importing import ImportReport, import_files
from optimizer.market.providers.file import Files, Reading
from optimizer.market.warehouse.warehouse import Warehouse
from tests.optimizer.market.conftest import NOW, walk
from tests.refused import refused, worded

HEADER = "Date,Open,High,Low,Close,Adj Close,Volume"
ROWS = [
    "2024-01-02,10,11,9,10.5,10.5,1000",
    "2024-01-03,10.5,12,10,11.5,11.5,1100",
    "2024-01-04,11.5,12,11,11.25,11.25,1200",
]
CLOSES = [10.5, 11.5, 11.25]
DAYS = ["2024-01-02", "2024-01-03", "2024-01-04"]


def text(*lines: str) -> str:
    """Lines of a file."""
    return "\n".join(lines) + "\n"


def days_of(bars: Bars) -> list[str]:
    """The dates of daily bars."""
    return [str(day) for day in bars.time.astype("datetime64[D]")]


@pytest.fixture
def bring(tmp_path: Path, warehouse: Warehouse) -> "Bring":
    return Bring(tmp_path, warehouse)


class Bring:
    """Writes a file and imports it."""

    def __init__(self, folder: Path, warehouse: Warehouse) -> None:
        self.folder = folder
        self.warehouse = warehouse

    def __call__(self, content: str, *, name: str = "ACME.csv", reading: Reading | None = None) -> ImportReport:
        path = self.folder / name
        path.write_text(content, encoding="utf-8")
        return import_files(path, self.warehouse, reading=reading, now=NOW)

    def refused(self, content: str, *, name: str = "ACME.csv", reading: Reading | None = None) -> dict[str, object]:
        """The facts of the refusal; nothing may have been stored."""
        with pytest.raises(BadFile) as error:
            self(content, name=name, reading=reading)
        assert self.warehouse.symbols() == []
        return error.value.facts


def recast(header: str, row: str) -> str:
    """The same bars under other column names; `row` takes date, open, high, low, close, adjusted, volume, epoch."""
    cells = [line.split(",") for line in ROWS]
    seconds = [int(datetime.fromisoformat(f"{cell[0]}T00:00+00:00").timestamp()) for cell in cells]
    return text(header, *(row.format(*cell, epoch) for cell, epoch in zip(cells, seconds, strict=True)))


def redated(pattern: str) -> str:
    """The same bars with their days written otherwise."""
    return text(HEADER, *(f"{date.fromisoformat(row[:10]):{pattern}}{row[10:]}" for row in ROWS))


WAYS = {
    "plain": text(HEADER, *ROWS),
    "newest first": text(HEADER, *reversed(ROWS)),
    "windows": text(HEADER.lower(), *ROWS).replace("\n", "\r\n"),
    "byte order mark": "\ufeff" + text(HEADER, *ROWS),
    "blank lines": text(HEADER, "", *ROWS, "", ""),
    "no last newline": text(HEADER, *ROWS).rstrip("\n"),
    "semicolons": text(HEADER, *ROWS).replace(",", ";"),
    "tabs": text(HEADER, *ROWS).replace(",", "\t"),
    "a holiday without prices": text(HEADER, "2024-01-01,,,,,,", *ROWS),
    "slashes": redated("%Y/%m/%d"),
    "digits": redated("%Y%m%d"),
    "month first": redated("%m/%d/%Y") + "01/31/2024,9,9,9,9,9,9\n",
    "day first": redated("%d/%m/%Y") + "31/01/2024,9,9,9,9,9,9\n",
    "dots": redated("%d.%m.%Y"),
    "month names": redated("%d-%b-%Y"),
    "long dates": redated('"%b %d, %Y"'),
    "midnight with offset": redated("%Y-%m-%d 00:00:00-05:00"),
    "dollar signs": recast("Date,Close/Last,Volume,Open,High,Low", "{0},${4},{6},${1},${2},${3}"),
    "numbered": recast("timestamp,1. open,2. high,3. low,4. close,5. volume", "{0},{1},{2},{3},{4},{6}"),
    "day and clock apart": recast(
        "<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>", "ACME,D,{0},000000,{1},{2},{3},{4},{6}"
    ).replace("2024-01-", "202401"),
    "korean": recast("일자,시가,고가,저가,종가,거래량", '{0},{1},{2},{3},{4},"{6}"').replace('"1000"', '"1,000"'),
    "nameless index": recast(",open,high,low,close,volume", "{0},{1},{2},{3},{4},{6}"),
    "symbol column": recast("symbol,date,open,high,low,close", "acme,{0},{1},{2},{3},{4}"),
    "epoch": recast("datetime,open,high,low,close", "{7},{1},{2},{3},{4}"),
}


@pytest.mark.parametrize("content", WAYS.values(), ids=WAYS)
def test_the_usual_ways_to_write_daily_bars_mean_the_same(bring: Bring, content: str) -> None:
    bring(content)

    bars = bring.warehouse.load("ACME", end=date(2024, 1, 4))
    assert bars.close.tolist() == CLOSES
    assert days_of(bars) == DAYS
    assert (bars.timeframe, bars.source) == ("1d", "file")


def test_numbers_survive_to_the_last_bit(bring: Bring) -> None:
    history = walk(1000)
    columns = history.columns()
    names = ("open", "high", "low", "close", "volume")
    rows = [
        f"{day},{','.join(repr(float(columns[name][row])) for name in names)}"
        for row, day in enumerate(history.time.astype("datetime64[D]"))
    ]

    bring(text("date,open,high,low,close,volume", *rows), name="GBM.csv")

    assert bring.warehouse.load("GBM").data_hash == history.adjusted().data_hash


def test_an_adjusted_close_becomes_the_adjustment_factor(bring: Bring) -> None:
    bring(text(HEADER, "2024-01-02,10,11,9,10,5,1000", "2024-01-03,5,6,4,5,5,2000"))

    bars = bring.warehouse.load("ACME")
    assert bars.close.tolist() == [5.0, 5.0]
    assert bars.high.tolist() == [5.5, 6.0]
    assert bars.volume.tolist() == [2000.0, 2000.0]


def test_parquet_is_read_like_csv(bring: Bring) -> None:
    path = bring.folder / "ACME.parquet"
    duckdb.connect().execute(f"""
        COPY (
            SELECT DATE '2024-01-02' + i::INTEGER AS "Date", 10.0 + i AS "Open", 12.0 + i AS "High", 9.0 + i AS "Low",
                   11.0 + i AS "Close", 100 AS "Volume" FROM range(3) AS t(i)
        ) TO '{path}' (FORMAT parquet)
    """)

    import_files(path, bring.warehouse, now=NOW)

    assert bring.warehouse.load("ACME").close.tolist() == [11.0, 12.0, 13.0]


def test_compressed_csv_is_read(bring: Bring) -> None:
    path = bring.folder / "ACME.csv.gz"
    path.write_bytes(gzip.compress(text(HEADER, *ROWS).encode()))

    assert import_files(path, bring.warehouse, now=NOW).symbols == ("ACME",)


def test_a_folder_is_imported_with_all_its_symbols_and_timeframes(bring: Bring) -> None:
    (bring.folder / "deep").mkdir()
    (bring.folder / "AAA.csv").write_text(text(HEADER, *ROWS))
    (bring.folder / "deep" / "005930.KS_1d.csv").write_text(text(HEADER, *ROWS))
    (bring.folder / "notes.md").write_text("not bars")
    (bring.folder / ".hidden.csv").write_text("not bars")

    report = import_files(bring.folder, bring.warehouse, now=NOW)

    assert (report.n_files, report.n_bars, report.symbols) == (2, 6, ("005930.KS", "AAA"))


def test_one_file_may_hold_many_symbols(bring: Bring) -> None:
    rows = [f"{symbol},{row}" for row in ROWS for symbol in ("AAA", "BBB")]

    report = bring(text(f"Ticker,{HEADER}", *rows), name="everything.csv")

    assert report.symbols == ("AAA", "BBB")
    assert bring.warehouse.load("BBB").close.tolist() == CLOSES


def minutes(n: int, *, offset: str = "", start: str = "2024-03-08T09:30") -> list[str]:
    """Rows of 1-minute bars."""
    first = datetime.fromisoformat(start)
    times = [first + timedelta(minutes=place) for place in range(n)]
    return [f"{time:%Y-%m-%d %H:%M:%S}{offset},10,11,9,10,5" for time in times]


def test_clock_times_are_those_of_the_exchange(bring: Bring) -> None:
    bring(text(INTRADAY, *minutes(5)))

    bars = bring.warehouse.load("ACME", timeframe="1m")
    assert bars.time[0] == np.datetime64("2024-03-08T14:30", "ns")


def test_a_named_zone_overrides_the_exchange(bring: Bring) -> None:
    bring(text(INTRADAY, *minutes(5)), reading=Reading(zone="Asia/Seoul"))

    assert bring.warehouse.load("ACME", timeframe="1m").time[0] == np.datetime64("2024-03-08T00:30", "ns")


def test_offsets_of_summer_and_winter_time_are_kept(bring: Bring) -> None:
    rows = minutes(5, offset="-05:00") + minutes(5, offset="-0400", start="2024-03-11T09:30")

    bring(text(INTRADAY, *rows))

    times = bring.warehouse.load("ACME", timeframe="1m").time
    assert times[[0, 5]].tolist() == [
        np.datetime64("2024-03-08T14:30", "ns").item(),
        np.datetime64("2024-03-11T13:30", "ns").item(),
    ]


INTRADAY = "datetime,open,high,low,close,volume"
MIXED_OFFSETS = text(INTRADAY, *minutes(3), *minutes(3, offset="Z", start="2024-03-08T09:33"))
MIXED_ZONES = text(INTRADAY, *minutes(3, offset="Z"), *minutes(3, offset="+09:00", start="2024-03-09T09:33"))


@pytest.mark.parametrize(
    ("content", "line", "reason"),
    [
        ("", 1, "empty"),
        (text(HEADER), 1, "no bars"),
        (text("x,y,z", "1,2,3"), 1, "no column for time, open, high, low, close"),
        (text("Date,Open,High,Close", "2024-01-02,1,2,1"), 1, "no column for low"),
        (text(*ROWS), 1, "no column"),
        (text(HEADER, *ROWS[:2], "2024-01-0"), 4, "1 values where the header names 7"),
        (text(HEADER, *ROWS[:2], "2024-01-04,11.5,12"), 4, "3 values"),
        (text(HEADER, ROWS[0], ROWS[1] + ",7", ROWS[2]), 3, "8 values"),
        (text(HEADER, ROWS[0], "", "2024-01-03,10.5,12,ten,11.5,11.5,1100"), 4, "`ten` is not a number (low)"),
        (text(HEADER, ROWS[0], "2024-01-03,10.5,12,inf,11.5,11.5,1100"), 3, "`inf` is not a number (low)"),
        (text(HEADER, ROWS[0], "2024-13-45,10,11,9,10.5,10.5,1"), 3, "`2024-13-45` is not a date"),
        (text(HEADER, "yesterday,10,11,9,10.5,10.5,1"), 2, "`yesterday` is not a date"),
        (text(HEADER, ROWS[0], "2024-01-03,10.5,12,10,,11.5,1100"), 3, "no close price"),
        (text(HEADER, ROWS[0], ROWS[2], ROWS[1], "2024-01-05,1,2,1,2,2,1"), 4, "not in order"),
        (text(HEADER, ROWS[0], ROWS[1], ROWS[1]), 4, "second bar"),
        (text(HEADER, ROWS[0], "2024-01-03,10.5,12,10,11.5,0,1100"), 3, "adjusted close"),
        (text(HEADER, "2024-01-02,10,11,9,10,10,1", "2024-01-09,10,11,9,10,10,1"), 2, "7 days apart"),
        (text(HEADER, "01/02/2024,10,11,9,10,10,1", "02/03/2024,10,11,9,10,10,1"), 2, "day/month"),
        (text(HEADER, '2024-01-02,10,11,9,10,10,"1'), 2, "cannot be read"),
        (MIXED_OFFSETS, 5, "offset"),
        (MIXED_ZONES, 5, "different zones"),
    ],
)  # fmt: skip
def test_a_bad_file_is_refused_with_its_line_and_reason(bring: Bring, content: str, line: int, reason: str) -> None:
    facts = bring.refused(content)

    assert facts["file"] == "ACME.csv"
    assert facts["line"] == line
    assert reason in worded(facts["reason"])
    assert facts["remedy"]


def test_text_in_an_older_encoding_is_read_when_its_header_is_understood(bring: Bring) -> None:
    path = bring.folder / "ACME.csv"
    path.write_bytes("일자,시가,고가,저가,종가\n2024-01-02,1,2,1,2\n".encode("cp949"))

    (understood,) = import_files(path, bring.warehouse, now=NOW).understood

    assert understood.encoding == "cp949"


def test_half_a_parquet_file_is_refused(bring: Bring) -> None:
    path = bring.folder / "ACME.parquet"
    path.write_bytes(b"PAR1 and then nothing")

    with refused(BadFile, match="Parquet"):
        import_files(path, bring.warehouse, now=NOW)


def test_half_a_compressed_file_is_refused(bring: Bring) -> None:
    path = bring.folder / "ACME.csv.gz"
    path.write_bytes(gzip.compress(text(HEADER, *ROWS).encode())[:40])

    with pytest.raises(BadFile):
        import_files(path, bring.warehouse, now=NOW)


def test_a_bad_file_among_good_ones_leaves_everything_as_it_was(bring: Bring) -> None:
    bring(text(HEADER, *ROWS))
    (bring.folder / "BBB.csv").write_text(text(HEADER, *ROWS))
    (bring.folder / "CCC.csv").write_text(text(HEADER, ROWS[0], "2024-01-0"))

    with refused(BadFile, match=r"CCC\.csv"):
        import_files(bring.folder, bring.warehouse, now=NOW)

    assert [row.symbol for row in bring.warehouse.symbols()] == ["ACME"]


def test_the_same_series_in_two_files_is_refused(bring: Bring) -> None:
    (bring.folder / "ACME.csv").write_text(text(HEADER, *ROWS))
    (bring.folder / "ACME.txt").write_text(text(HEADER, *ROWS))

    with refused(BadFile, match="two files"):
        import_files(bring.folder, bring.warehouse, now=NOW)


def test_a_name_that_is_no_symbol_asks_for_one(bring: Bring) -> None:
    assert "not a symbol" in worded(bring.refused(text(HEADER, *ROWS), name="my bars (1).csv")["reason"])

    bring(text(HEADER, *ROWS), name="my bars (1).csv", reading=Reading(symbol="acme"))

    assert len(bring.warehouse.load("ACME")) == 3


def test_nothing_to_import_says_which_endings_count(bring: Bring) -> None:
    with refused(NothingToImport, match=r"\.parquet"):
        import_files(bring.folder, bring.warehouse, now=NOW)


def test_an_unknown_timeframe_is_an_error(bring: Bring) -> None:
    with pytest.raises(UnknownTimeframe):
        bring(text(HEADER, *ROWS), reading=Reading(timeframe="3d"))


def test_a_second_import_reports_what_it_changed(bring: Bring) -> None:
    bring(text(HEADER, *ROWS))

    (change,) = bring(text(HEADER, *ROWS[:2], ROWS[2].replace("11.25", "11.3"), "2024-01-05,1,2,1,2,2,1")).changes

    assert (change.n_new, change.n_same, change.n_changed) == (1, 2, 1)
    assert change.first_changed == datetime(2024, 1, 4, tzinfo=UTC)


def test_the_file_source_reads_its_folder_by_symbol(tmp_path: Path) -> None:
    (tmp_path / "ACME.csv").write_text(text(HEADER, *ROWS))
    files = Files(tmp_path)

    history = files.fetch("ACME", timeframe="1d", start=date(2024, 1, 3), end=None, now=NOW)

    assert files.symbols == ("ACME",)
    assert history.close.tolist() == CLOSES[1:]
    with refused(UnknownSymbol, match="ACME"):
        files.fetch("ACMF", timeframe="1d", start=None, end=None, now=NOW)
