"""The day of a bar is that of its exchange, whatever the machine's time zone is and however its time is written."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from optimizer.errors import BadFile
from optimizer.market.warehouse.warehouse import Warehouse
from tests.cases.conftest import INPUTS, Import
from tests.refused import refused

pytestmark = pytest.mark.slow

FIRST_DAY = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from optimizer.market.importing import import_files
from optimizer.market.warehouse.warehouse import Warehouse

path, now = Path(sys.argv[1]), datetime(2026, 11, 29, tzinfo=UTC)
with Warehouse.open(":memory:", now=now) as warehouse:
    import_files(path, warehouse, now=now)
    print(warehouse.load(path.stem).time[0].astype("datetime64[m]"))
"""


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Seoul"])
@pytest.mark.parametrize("name", ["005930.KS", "BTC-USD"])
def test_zoned_parquet_means_the_same_on_every_machine(name: str, zone: str) -> None:
    command = [sys.executable, "-c", FIRST_DAY, str(INPUTS / "zones" / f"{name}.parquet")]

    ended = subprocess.run(command, env={**os.environ, "TZ": zone}, capture_output=True, text=True, check=True)

    assert ended.stdout.strip() == "2024-01-02T00:00"


def written(times: list[str], *, name: str = "time") -> str:
    """A file of bars at these times."""
    rows = [f"{time},{10 + row}.5,{12 + row}.5,{9 + row}.5,{11 + row}.5" for row, time in enumerate(times)]
    return "\n".join([f"{name},open,high,low,close", *rows, ""])


@pytest.mark.parametrize(
    ("symbol", "times"),
    [
        ("005930.KS", ["2024-01-01 15:00:00+00:00", "2024-01-02 15:00:00+00:00"]),
        ("005930.KS", ["2024-01-02 00:00:00+09:00", "2024-01-03 00:00:00+09:00"]),
        ("005930.KS", ["1704121200", "1704207600"]),  # seconds of midnight in Seoul
        ("CBA.AX", ["1704150000", "1704236400"]),  # seconds of the opening in Sydney, the evening before in UTC
        ("BTC-USD", ["1704153600000", "1704240000000"]),
        ("VOD.L", ["2024-01-02 00:00:00+00:00", "2024-01-03 00:00:00+00:00"]),
        ("AAPL", ["2024-01-02 00:00:00+00:00", "2024-01-03 00:00:00+00:00"]),
        ("AAPL", ["2024-01-02T05:00:00Z", "2024-01-03T05:00:00Z"]),
        ("AAPL", ["2024-01-02T21:00:00Z", "2024-01-03T21:00:00Z"]),
        ("AAPL", ["1704205800000000000", "1704292200000000000"]),
    ],
)
def test_a_daily_bar_belongs_to_the_day_of_its_exchange(
    bring: Import, warehouse: Warehouse, tmp_path: Path, symbol: str, times: list[str]
) -> None:
    (tmp_path / f"{symbol}.csv").write_text(written(times))

    bring(tmp_path / f"{symbol}.csv")

    assert warehouse.load(symbol).time.astype("datetime64[m]").tolist() == [
        np.datetime64(f"2024-01-0{day}T00:00").item() for day in (2, 3)
    ]


def test_midnights_of_london_in_summer_are_days_of_london(bring: Import, warehouse: Warehouse, tmp_path: Path) -> None:
    times = ["2024-03-28 00:00:00+00:00", "2024-04-01 23:00:00+00:00", "2024-04-02 23:00:00+00:00"]
    (tmp_path / "VOD.L.csv").write_text(written(times))

    bring(tmp_path / "VOD.L.csv", timeframe="1d")

    days = [str(day) for day in warehouse.load("VOD.L").time.astype("datetime64[D]")]
    assert days == ["2024-03-28", "2024-04-02", "2024-04-03"]


def test_seconds_before_2001_are_read(bring: Import, warehouse: Warehouse) -> None:
    bring("seconds/NVDA.csv")

    bars = warehouse.load("NVDA")
    assert [str(day) for day in bars.time[[0, -1]].astype("datetime64[D]")] == ["2001-08-30", "2001-09-10"]
    assert len(bars) == 7


@pytest.mark.parametrize(
    ("seconds", "first"),
    [
        (["-252322200", "-252235800", "-251976600"], "1962-01-02"),
        (["94743000", "94829400", "100000000"], "1973-01-01"),
        (["999181800000", "999268200000", "1000132200000"], "2001-08-30"),
    ],
)
def test_seconds_are_read_back_to_the_first_exchange_data(
    bring: Import, warehouse: Warehouse, tmp_path: Path, seconds: list[str], first: str
) -> None:
    (tmp_path / "IBM.csv").write_text(written(seconds))

    bring(tmp_path / "IBM.csv", timeframe="1d")

    assert str(warehouse.load("IBM").time[0].astype("datetime64[D]")) == first


def test_seconds_within_a_day_are_in_utc(bring: Import, warehouse: Warehouse, tmp_path: Path) -> None:
    (tmp_path / "AAPL.csv").write_text(written(["1704205800", "1704205860", "1704205920"]))

    bring(tmp_path / "AAPL.csv")

    assert warehouse.load("AAPL", timeframe="1m").time[0] == np.datetime64("2024-01-02T14:30", "ns")


@pytest.mark.parametrize("times", [["0", "1", "2"], ["31012024", "01022024"], ["2023", "2024"], ["240102", "240103"]])
def test_numbers_that_are_no_times_are_refused(bring: Import, tmp_path: Path, times: list[str]) -> None:
    (tmp_path / "X.csv").write_text(written(times))

    with refused(BadFile, match=f"`{times[0]}` is not a date that can be read. Write dates as 2024-01-31."):
        bring(tmp_path / "X.csv")


def dated(*days: str) -> str:
    """A file of bars on days of the form that some countries read otherwise."""
    return written([f"{day}/2024" for day in days])


def test_days_and_months_are_told_apart_by_the_weekends_left_out(
    bring: Import, warehouse: Warehouse, tmp_path: Path
) -> None:
    for symbol, days in (("US", ["02/08", "02/09", "02/12"]), ("UK", ["08/02", "09/02", "12/02"])):
        (tmp_path / f"{symbol}.csv").write_text(dated(*days))
        bring(tmp_path / f"{symbol}.csv")

        bars = warehouse.load(symbol)
        assert [str(day)[:10] for day in bars.time] == ["2024-02-08", "2024-02-09", "2024-02-12"]


@pytest.mark.parametrize(
    "days", [["02/05", "02/06", "02/07"], ["01/01", "01/02", "01/03", "01/04", "01/05"], ["01/02", "02/03"]]
)
def test_days_that_may_be_months_are_refused(bring: Import, tmp_path: Path, days: list[str]) -> None:
    (tmp_path / "X.csv").write_text(dated(*days))

    with refused(BadFile, match="may be day/month or month/day. Set `--day-first` or `--month-first`"):
        bring(tmp_path / "X.csv")


SKIPPED = r"line 52: `2025-03-09 02:00:00` does not exist in America/New_York, or exists twice\. Name the zone"


def test_the_line_whose_clock_time_cannot_be_is_named(bring: Import) -> None:
    with refused(BadFile, match=SKIPPED):
        bring("clock_times/BTCUSDT_1h.csv")


def test_clock_times_are_of_the_zone_that_is_named(bring: Import, warehouse: Warehouse) -> None:
    bring("clock_times/BTCUSDT_1h.csv", zone="UTC")

    bars = warehouse.load("BTCUSDT", timeframe="1h")
    assert bars.time[0] == np.datetime64("2025-03-07T00:00", "ns")
    assert set(np.diff(bars.time).tolist()) == {3_600_000_000_000}


def test_new_york_is_no_guess_for_bars_on_a_saturday(bring: Import, warehouse: Warehouse, tmp_path: Path) -> None:
    times = [f"2025-03-{day:02} {hour:02}:00" for day in (7, 8) for hour in range(12)]
    (tmp_path / "BTCUSDT.csv").write_text(written(times))

    with refused(
        BadFile,
        match=r"line 14: `2025-03-08 00:00:00` has no time zone, and bars on a Saturday rule out America/New_York",
    ):
        bring(tmp_path / "BTCUSDT.csv", timeframe="1h")

    (tmp_path / "BTCUSDT.csv").write_text(written([f"{time}:00+00:00" for time in times]))
    bring(tmp_path / "BTCUSDT.csv", timeframe="1h")
    assert warehouse.load("BTCUSDT", timeframe="1h").time[0] == np.datetime64("2025-03-07T00:00", "ns")
