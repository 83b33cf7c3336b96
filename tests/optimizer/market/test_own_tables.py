"""A firm's own tables: files, DuckDB and a real PostgreSQL."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from pydantic import SecretStr, ValidationError

from optimizer.errors import NoTimeframe, ProviderDown, UnknownAtSource
from optimizer.market.feed import Market
from optimizer.market.providers.own_tables import OwnTable
from optimizer.market.providers.table_settings import TableSettings, require_table_names
from optimizer.market.raw_bars import RawBars
from optimizer.market.warehouse.warehouse import Warehouse
from tests.optimizer.market.postgres_server import serve_postgres
from tests.refused import refused

NOW = datetime(2024, 6, 3, 23, tzinfo=UTC)
NAMES = {"symbol": "ticker", "time": "day", "close": "px last", "adjusted": "px_adj"}
SHAPE = 'ticker VARCHAR, day DATE, open FLOAT8, high FLOAT8, low FLOAT8, "px last" FLOAT8, px_adj FLOAT8, volume BIGINT'
DAYS = """
    ('ACME', DATE '2024-05-29', 99, 102, 98, 100, 9.8, 1000), ('ACME', DATE '2024-05-31', 10, 11, 9, 10.5, 10.5, 11000),
    ('ACME', DATE '2024-05-30', 9, 11, 9, 10, 9.8, NULL), ('OTHER', DATE '2024-05-31', 5, 5, 5, 5, 5, 50),
    ('ACME', DATE '2024-05-28', 9, 9, 9, NULL, NULL, 1)
"""

#: Makes a table of statements, and returns its place and its name there.
Fill = Callable[[str], tuple[str, str]]


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """Address of a server for all tests."""
    with serve_postgres() as address:
        yield address


@pytest.fixture
def in_duckdb(tmp_path: Path) -> Fill:
    def fill(sql: str) -> tuple[str, str]:
        with duckdb.connect(str(tmp_path / "firm.duckdb")) as connection:
            connection.execute("CREATE SCHEMA market")
            connection.execute(sql)
        return str(tmp_path / "firm.duckdb"), "market.bars"

    return fill


@pytest.fixture
def in_postgres(postgres: str) -> Iterator[Fill]:
    psycopg = import_module("psycopg")

    def fill(sql: str) -> tuple[str, str]:
        with psycopg.connect(postgres) as connection:
            connection.execute("CREATE SCHEMA market")
            connection.execute(sql)
        return postgres, "market.bars"

    yield fill
    with psycopg.connect(postgres) as connection:
        connection.execute("DROP SCHEMA IF EXISTS market CASCADE")


@pytest.fixture(params=["duckdb", pytest.param("postgres", marks=pytest.mark.extra)])
def fill(request: pytest.FixtureRequest) -> Fill:
    made: Fill = request.getfixturevalue(f"in_{request.param}")
    return made


def table(at: str, name: str = "", **options: Any) -> OwnTable:
    return OwnTable("prices", TableSettings(at=SecretStr(at), table=name, **options))


def fetch(own: OwnTable, symbol: str = "ACME", *, timeframe: str = "1d", start: date | None = None) -> RawBars:
    return own.fetch(symbol, timeframe=timeframe, start=start, end=None, now=NOW)


def require_days(history: RawBars) -> None:
    assert (history.symbol, history.source) == ("ACME", "table:prices")
    assert history.time.tolist() == [datetime(2024, 5, day) for day in (29, 30, 31)]
    assert history.close.tolist() == [100.0, 10.0, 10.5]
    np.testing.assert_array_equal(history.volume, [1000.0, np.nan, 11000.0])
    np.testing.assert_allclose(history.factor, [0.098, 0.98, 1.0])
    np.testing.assert_allclose(history.split, [0.1, 1.0, 1.0])


def test_days_of_a_database_are_read_with_the_columns_that_the_settings_name(fill: Fill) -> None:
    at, name = fill(f"CREATE TABLE market.bars ({SHAPE}); INSERT INTO market.bars VALUES {DAYS}")

    require_days(fetch(table(at, name, columns=NAMES)))


def test_only_the_wanted_days_are_read(fill: Fill) -> None:
    at, name = fill(f"CREATE TABLE market.bars ({SHAPE}); INSERT INTO market.bars VALUES {DAYS}")

    assert fetch(table(at, name, columns=NAMES), start=date(2024, 5, 31)).close.tolist() == [10.5]


@pytest.mark.parametrize("ending", ["parquet", "csv"])
@pytest.mark.parametrize("place", ["file", "folder", "pattern"])
def test_days_of_files_are_read_with_the_columns_that_the_settings_name(
    tmp_path: Path, ending: str, place: str
) -> None:
    (tmp_path / "2024's").mkdir()
    with duckdb.connect(":memory:") as connection:
        connection.execute(f"CREATE TABLE bars ({SHAPE}); INSERT INTO bars VALUES {DAYS}")
        for symbol in ("ACME", "OTHER"):
            target = str(tmp_path / "2024's" / f"{symbol}.{ending}").replace("'", "''")
            connection.execute(f"COPY (FROM bars WHERE ticker = '{symbol}') TO '{target}'")
    at = {"file": f"2024's/ACME.{ending}", "folder": "", "pattern": f"*/*.{ending}"}[place]

    require_days(fetch(table(str(tmp_path / at), columns=NAMES)))


def bars_at(kind: str, *times: str) -> str:
    """Statements for a table of times of a kind."""
    rows = ", ".join(f"('ACME', CAST('{when}' AS {kind}), 1, 2, 1, 2, 5)" for when in times)
    shape = f"symbol VARCHAR, time {kind}, open FLOAT8, high FLOAT8, low FLOAT8, close FLOAT8, volume FLOAT8"
    return f"CREATE TABLE market.bars ({shape}); INSERT INTO market.bars VALUES {rows}"


@pytest.mark.parametrize(
    ("kind", "times", "zone"),
    [
        ("TIMESTAMPTZ", ("2024-05-31 13:30:00+00", "2024-05-31 09:31:00-04"), None),
        ("TIMESTAMP", ("2024-05-31 09:30:00", "2024-05-31 09:31:00"), None),
        ("TIMESTAMP", ("2024-05-31 22:30:00", "2024-05-31 22:31:00"), "Asia/Seoul"),
        ("TIMESTAMP", ("2024-05-31 13:30:00", "2024-05-31 13:31:00"), "UTC"),
    ],
)
def test_minutes_are_taken_to_utc_from_their_own_zone_else_from_that_of_the_settings(
    fill: Fill, kind: str, times: tuple[str, ...], zone: str | None
) -> None:
    at, name = fill(bars_at(kind, *times))

    history = fetch(table(at, name, timeframe="1m", zone=zone), timeframe="1m")

    assert history.time.tolist() == [datetime(2024, 5, 31, 13, 30), datetime(2024, 5, 31, 13, 31)]
    assert (history.factor.tolist(), history.split.tolist()) == ([1, 1], [1, 1])


def test_a_day_with_a_zone_belongs_to_its_date_at_the_exchange(fill: Fill) -> None:
    at, name = fill(bars_at("TIMESTAMPTZ", "2024-05-31 04:00:00+00", "2024-05-29 00:00:00-04"))

    assert fetch(table(at, name)).time.tolist() == [datetime(2024, 5, 29), datetime(2024, 5, 31)]


def test_a_time_that_its_zone_does_not_have_is_named(fill: Fill) -> None:
    at, name = fill(bars_at("TIMESTAMP", "2024-03-10 02:30:00"))

    with refused(ProviderDown, match="`2024-03-10 02:30:00` does not exist in America/New_York, or exists twice"):
        fetch(table(at, name, timeframe="1m"), timeframe="1m")


def test_clock_times_without_an_exchange_need_a_zone(fill: Fill) -> None:
    at, name = fill(bars_at("TIMESTAMP", "2024-03-11 02:30:00").replace("ACME", "EURUSD=X"))

    with refused(ProviderDown, match="clock times without a zone, and `EURUSD=X` has no exchange"):
        fetch(table(at, name, timeframe="1m"), "EURUSD=X", timeframe="1m")
    said = fetch(table(at, name, timeframe="1m", zone="Asia/Seoul"), "EURUSD=X", timeframe="1m")
    assert said.time.tolist() == [datetime(2024, 3, 10, 17, 30)]


def test_another_timeframe_than_that_of_the_table_is_refused(tmp_path: Path) -> None:
    with refused(NoTimeframe, match="`ACME` has hourly bars only"):
        fetch(table(str(tmp_path), timeframe="1h"))


@pytest.mark.parametrize(
    ("name", "columns", "reason"),
    [("market.bars", {"close": "nowhere"}, "nowhere"), ("market.gone", {}, "gone"), ("gone.bars", {}, "gone")],
)
def test_what_the_database_says_is_told_with_the_setting_to_check(
    fill: Fill, name: str, columns: Mapping[str, str], reason: str
) -> None:
    at, _ = fill(bars_at("DATE", "2024-05-31"))

    with refused(ProviderDown, match=f"the database answers “.*{reason}.* Check `table:prices` in OPTIMIZE_BOT_TABLES"):
        fetch(table(at, name, columns=columns))


def test_the_rows_of_a_symbol_are_found_whatever_it_is_called(fill: Fill, warehouse: Warehouse) -> None:
    at, name = fill(bars_at("DATE", "2024-05-31"))
    market = Market(warehouse, [table(at, name)], sources=("table:prices",))

    with refused(UnknownAtSource, match="`table:prices` does not know"):
        market.get_bars("' OR 1=1", source="table:prices", now=NOW)
    assert market.get_bars("ACME", now=NOW).close.tolist() == [2.0]


def test_a_table_in_postgres_is_read_only(in_postgres: Fill) -> None:
    at, name = in_postgres(
        bars_at("DATE", "2024-05-31")
        + "; CREATE SEQUENCE market.n"
        + "; CREATE VIEW market.writing AS SELECT *, nextval('market.n') AS n FROM market.bars"
    )

    assert len(fetch(table(at, name))) == 1
    with refused(ProviderDown, match="read-only transaction"):
        fetch(table(at, "market.writing", columns={"volume": "n"}))


def test_a_password_is_in_no_error_and_no_text(in_postgres: Fill) -> None:
    own = table("postgresql://postgres:sesame@127.0.0.1:1/postgres", "bars")

    with refused(ProviderDown, match="OperationalError") as error:
        fetch(own)

    assert "sesame" not in f"{error.value} {error.value.facts} {vars(own)}"


def test_a_duckdb_file_is_left_as_it_is_and_its_writer_keeps_it(in_duckdb: Fill) -> None:
    at, name = in_duckdb(bars_at("DATE", "2024-05-31"))
    before = Path(at).read_bytes()

    fetch(table(at, name))

    assert Path(at).read_bytes() == before
    with duckdb.connect(at), refused(ProviderDown, match="the database answers"):
        fetch(table(at, name))


@pytest.mark.parametrize(("at", "name"), [("nowhere", ""), ("nowhere.duckdb", "bars"), ("empty", "")])
def test_a_place_without_a_table_is_named(tmp_path: Path, at: str, name: str) -> None:
    (tmp_path / "empty").mkdir()

    with refused(ProviderDown, match=f"nothing to read at `{tmp_path / at}`"):
        fetch(table(str(tmp_path / at), name))


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"at": "firm.duckdb"}, "name the table in the database"),
        ({"at": "postgresql://db/prices"}, "name the table in the database"),
        ({"at": "bars", "timeframe": "2w"}, "Input should be '1m', '5m'"),
        ({"at": "bars", "columns": {"close": ""}}, "the column close is needed"),
        ({"at": "bars", "zone": "Mars"}, "name a time zone"),
        ({"at": "bars", "columns": {"clsoe": "x"}}, "there is no column clsoe"),
        ({"at": "bars", "colunms": {}}, "Extra inputs"),
    ],
)
def test_settings_of_a_table_are_checked_at_the_start(settings: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        TableSettings.model_validate(settings)


@pytest.mark.parametrize("name", ["Prices", "my-table", "", "a" * 25])
def test_a_name_that_cannot_be_typed_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="a table is named with small letters"):
        require_table_names({name: TableSettings(at=SecretStr("bars"))})
