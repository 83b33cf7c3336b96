"""The warehouse keeps what it was given, tells what changed, and survives its process."""

import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from threading import Event, Thread
from typing import Any

import duckdb
import numpy as np
import pytest

from optimizer.errors import NoBars, Unavailable, UnknownSymbol, UnknownTimeframe, WarehouseLocked, WarehouseTooNew
from optimizer.market.raw_bars import RawBars, make_history
from optimizer.market.warehouse.changes import ChangeKind
from optimizer.market.warehouse.schema import MIGRATIONS
from optimizer.market.warehouse.warehouse import Warehouse
from tests.optimizer.market.conftest import NOW, walk
from tests.refused import refused


def edited(history: RawBars, row: int, **values: float) -> RawBars:
    """The history with some values of one row changed."""
    columns: dict[str, Any] = {name: column.copy() for name, column in history.columns().items()}
    for name, value in values.items():
        columns[name][row] = value
    return replace(history, **columns)


def test_bars_come_back_as_they_went_in(warehouse: Warehouse) -> None:
    history = walk()

    changes = warehouse.upsert(history, now=NOW)

    bars = warehouse.load("GBM")
    assert (changes.n_new, changes.n_changed, changes.kind) == (500, 0, ChangeKind.NONE)
    assert (bars.symbol, bars.timeframe, bars.source) == ("GBM", "1d", "file")
    np.testing.assert_array_equal(bars.close, history.close)
    np.testing.assert_array_equal(bars.volume, history.volume)
    np.testing.assert_array_equal(bars.time, history.time.astype("datetime64[ns]"))


def test_a_second_delivery_of_the_same_bars_changes_nothing(warehouse: Warehouse) -> None:
    warehouse.upsert(walk(), now=NOW)
    before = warehouse.load("GBM").data_hash

    changes = warehouse.upsert(walk(), now=NOW)

    assert (changes.n_new, changes.n_same, changes.n_changed) == (0, 500, 0)
    assert warehouse.load("GBM").data_hash == before


def test_a_missing_volume_delivered_twice_has_not_changed(warehouse: Warehouse) -> None:
    history = replace(walk(), volume=np.full(500, np.nan))
    warehouse.upsert(history, now=NOW)

    assert warehouse.upsert(history, now=NOW).n_changed == 0


def test_a_factor_that_a_source_rounds_otherwise_has_not_changed(warehouse: Warehouse) -> None:
    history = walk()
    warehouse.upsert(history, now=NOW)

    assert warehouse.upsert(replace(history, factor=history.factor * 1.00001), now=NOW).n_changed == 0


def test_overlapping_deliveries_join_without_doubling_a_bar(warehouse: Warehouse) -> None:
    history = walk()
    warehouse.upsert(history.take(slice(0, 300)), now=NOW)

    changes = warehouse.upsert(history.take(slice(290, 500)), now=NOW)

    assert (changes.n_new, changes.n_same) == (200, 10)
    np.testing.assert_array_equal(warehouse.load("GBM").close, history.close)


def test_a_corrected_bar_is_replaced_and_reported_with_its_date(warehouse: Warehouse) -> None:
    history = walk()
    warehouse.upsert(history, now=NOW)

    changes = warehouse.upsert(edited(history, 123, close=77.0), now=NOW)

    assert (changes.n_changed, changes.kind) == (1, ChangeKind.CORRECTION)
    assert changes.first_changed == history.time[123].item().replace(tzinfo=UTC)
    assert warehouse.load("GBM").close[123] == 77.0
    assert len(warehouse.load("GBM")) == 500


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"open": 0.5, "high": 0.5, "low": 0.5, "close": 0.5, "volume": 2.0}, ChangeKind.SPLIT),
        ({"factor": 0.5}, ChangeKind.SPLIT),
        ({"factor": 0.98}, ChangeKind.DIVIDEND),
        ({"volume": 1.5}, ChangeKind.CORRECTION),
    ],
)
def test_the_reason_of_a_changed_history_is_told(
    warehouse: Warehouse, change: dict[str, float], kind: ChangeKind
) -> None:
    history = walk()
    warehouse.upsert(history, now=NOW)
    changed: dict[str, Any] = {name: history.columns()[name] * by for name, by in change.items()}

    changes = warehouse.extend(replace(history, **changed), asked_from=None, now=NOW)

    assert changes.kind is kind
    assert changes.n_changed == 500
    assert warehouse.load("GBM").close[0] == history.close[0]


def test_prices_are_adjusted_to_the_last_bar_of_the_window(warehouse: Warehouse) -> None:
    factor = np.concatenate([np.full(100, 0.25), np.full(200, 0.5), np.full(200, 1.0)])
    history = make_history("GBM", source="file", columns=walk().columns() | {}, factor=factor)
    history = replace(history, split=np.where(factor < 1, factor, 1.0))
    warehouse.upsert(history, now=NOW)

    whole = warehouse.load("GBM")
    early = warehouse.load("GBM", end=history.time[250].item().date())

    np.testing.assert_allclose(whole.close, history.close * factor)
    np.testing.assert_allclose(whole.volume, history.volume / factor)
    np.testing.assert_allclose(early.close, history.close[:251] * np.minimum(factor[:251] * 2, 1))
    assert early.close[-1] == history.close[250]


def test_a_split_after_the_window_changes_nothing_in_it(warehouse: Warehouse) -> None:
    history = walk()
    warehouse.upsert(history, now=NOW)
    end = history.time[300].item().date()
    before = warehouse.load("GBM", end=end).data_hash

    warehouse.upsert(replace(history, factor=np.where(np.arange(500) < 400, 0.5, 1.0)), now=NOW)

    assert warehouse.load("GBM", end=end).data_hash == before
    assert warehouse.load("GBM").close[0] == history.close[0] / 2


def test_start_and_end_days_are_both_included(warehouse: Warehouse) -> None:
    history = walk()
    warehouse.upsert(history, now=NOW)
    first, last = history.time[10].item().date(), history.time[20].item().date()

    assert len(warehouse.load("GBM", start=first, end=last)) == 11


def test_a_whole_re_read_drops_vanished_bars_and_rescales_older_ones(warehouse: Warehouse) -> None:
    history = walk()
    warehouse.upsert(history, now=NOW)
    halved = replace(history, **{name: getattr(history, name) / 2 for name in ("open", "high", "low", "close")}).take(
        np.delete(np.arange(100, 500), 50)
    )

    changes = warehouse.replace(halved, now=NOW)

    bars = warehouse.load("GBM")
    assert (changes.kind, changes.n_dropped, round(changes.ratio, 6)) == (ChangeKind.SPLIT, 1, 0.5)
    np.testing.assert_allclose(bars.close, np.delete(history.close, 150) / 2)
    np.testing.assert_allclose(bars.volume[:100], history.volume[:100] * 2)


def test_the_preferred_source_answers_when_none_is_named(warehouse: Warehouse) -> None:
    warehouse.upsert(walk(300, source="sample"), now=NOW)
    warehouse.upsert(walk(200, seed=1, source="yahoo"), now=NOW)

    assert warehouse.load("GBM").source == "yahoo"
    assert warehouse.load("GBM", source="sample").source == "sample"
    assert [(row.source, row.n_bars) for row in warehouse.symbols()] == [("sample", 300), ("yahoo", 200)]


def test_coverage_tells_the_outer_bars_and_when_they_were_loaded(warehouse: Warehouse) -> None:
    history = walk()
    warehouse.upsert(history, now=NOW)

    (row,) = warehouse.symbols()

    assert row.first == history.time[0].item().replace(tzinfo=UTC)
    assert row.last == history.time[-1].item().replace(tzinfo=UTC)
    assert row.loaded_at == NOW


def test_an_unknown_symbol_names_the_nearest_known_one(warehouse: Warehouse) -> None:
    warehouse.upsert(walk(symbol="AAPL"), now=NOW)

    with refused(UnknownSymbol, match="Did you mean `AAPL`"):
        warehouse.load("APPL")


def test_an_empty_window_says_what_there_is(warehouse: Warehouse) -> None:
    warehouse.upsert(walk(), now=NOW)

    with refused(NoBars, match="to 2023-12-29"):
        warehouse.load("GBM", start=date(2024, 1, 1))


def test_an_unknown_timeframe_is_an_error(warehouse: Warehouse) -> None:
    with pytest.raises(UnknownTimeframe):
        warehouse.load("GBM", timeframe="2d")


def test_an_error_half_way_through_leaves_everything_as_it_was(warehouse: Warehouse) -> None:
    warehouse.upsert(walk(), now=NOW)

    def broken() -> object:
        yield walk(seed=5)
        yield walk(seed=6, symbol="OTHER")
        raise OSError("the disk went away")

    with pytest.raises(OSError, match="disk"):
        warehouse.upsert_all(broken(), now=NOW)  # type: ignore[arg-type]

    assert [row.symbol for row in warehouse.symbols()] == ["GBM"]
    np.testing.assert_array_equal(warehouse.load("GBM").close, walk().close)


def test_threads_may_read_and_write_at_once(warehouse: Warehouse) -> None:
    histories = [walk(200, seed=seed, symbol=f"S{seed}") for seed in range(8)]
    lengths: list[int] = []

    def work(history: RawBars) -> None:
        warehouse.upsert(history, now=NOW)
        lengths.append(len(warehouse.load(history.symbol)))

    threads = [Thread(target=work, args=(history,)) for history in histories]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert lengths == [200] * 8
    assert len(warehouse.symbols()) == 8


def test_bars_survive_closing_and_opening(tmp_path: Path) -> None:
    with Warehouse.open(tmp_path / "bars.duckdb", now=NOW) as first:
        first.upsert(walk(), now=NOW)

    with Warehouse.open(tmp_path / "bars.duckdb", now=NOW) as second:
        assert len(second.load("GBM")) == 500


def test_a_file_of_a_newer_schema_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bars.duckdb"
    Warehouse.open(path, now=NOW).close()
    with duckdb.connect(str(path)) as connection:
        connection.execute("INSERT INTO schema_versions VALUES (99, now())")

    with refused(WarehouseTooNew, match="schema 99"):
        Warehouse.open(path, now=NOW)


def test_a_file_of_an_older_schema_is_brought_forward_with_its_bars(tmp_path: Path) -> None:
    path = tmp_path / "bars.duckdb"
    with duckdb.connect(str(path)) as old:
        old.execute("CREATE TABLE schema_versions (version INTEGER, applied_at TIMESTAMP)")
        old.execute(MIGRATIONS[0])
        old.execute("INSERT INTO schema_versions VALUES (1, now())")
        old.execute(
            "INSERT INTO series VALUES (1, 'OLD', '1d', 'file', '2020-01-02', '2020-01-02', 1, now(), NULL, NULL)"
        )
        old.execute("INSERT INTO bars VALUES (1, '2020-01-02', 1, 2, 0.5, 1.5, 10, 1, 1, now())")

    with Warehouse.open(path, now=NOW) as warehouse:
        assert warehouse.load("OLD").close.tolist() == [1.5]
        with warehouse.reading() as cursor:
            assert cursor.execute("SELECT count(*) FROM features").fetchall() == [(0,)]


def test_a_file_that_is_no_warehouse_is_named(tmp_path: Path) -> None:
    path = tmp_path / "bars.duckdb"
    path.write_text("Date,Open\n" * 1000)

    with refused(Unavailable, match=r"bars\.duckdb"):
        Warehouse.open(path, now=NOW)


HOLD = """
    import sys, time
    from optimizer.market.warehouse.warehouse import Warehouse
    warehouse = Warehouse.open(sys.argv[1])
    sys.stdout.write("open\\n")
    sys.stdout.flush()
    time.sleep(60)
"""


def start_child(script: str, *arguments: str) -> "subprocess.Popen[str]":
    """A Python process that runs the script, its first line of output already read."""
    command = [sys.executable, "-c", textwrap.dedent(script), *arguments]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3])
    assert child.stdout is not None
    assert child.stdout.readline()
    return child


def end_child(child: "subprocess.Popen[str]") -> None:
    """Kill it as a crash would."""
    os.kill(child.pid, signal.SIGKILL)
    child.communicate()


def test_a_second_process_is_told_who_holds_the_file(tmp_path: Path) -> None:
    path = tmp_path / "bars.duckdb"
    child = start_child(HOLD, str(path))
    try:
        with refused(WarehouseLocked, match=f"process {child.pid}"):
            Warehouse.open(path, now=NOW)
    finally:
        end_child(child)


#: Takes about a second, and never ends.
LONG, ENDLESS = (f"SELECT sum(n % 7) FROM range({n}) t(n)" for n in (100_000_000, 10**15))


def test_a_file_is_closed_when_what_another_thread_reads_is_through(warehouse: Warehouse) -> None:
    read: list[Any] = []
    thread = _reading(warehouse, LONG, read)

    warehouse.close(patience=300)  # how long it takes is the machine's affair
    thread.join()

    assert read == [[(299_999_995,)]]


def test_a_read_that_does_not_end_is_broken_off_when_the_file_is_closed(warehouse: Warehouse) -> None:
    read: list[Any] = []
    thread = _reading(warehouse, ENDLESS, read)

    warehouse.close(patience=0.05)
    thread.join()

    assert [type(one) for one in read] == [duckdb.InterruptException]
    with pytest.raises(duckdb.ConnectionException):
        warehouse.symbols()


def _reading(warehouse: Warehouse, query: str, read: list[Any]) -> Thread:
    """Return a thread that has begun to read, and adds what it read or the error."""
    begun = Event()

    def read_it() -> None:
        try:
            with warehouse.reading() as cursor:
                begun.set()
                read.append(cursor.execute(query).fetchall())
        except duckdb.Error as error:
            read.append(error)

    thread = Thread(target=read_it)
    thread.start()
    begun.wait()
    return thread


LOAD = """
    import sys
    from datetime import UTC, datetime
    from optimizer.market.warehouse.warehouse import Warehouse
    from tests.optimizer.market.conftest import walk

    def histories():
        for number in range(120):
            if number == int(sys.argv[2]):
                sys.stdout.write("half way\\n")
                sys.stdout.flush()
            yield walk(4000, seed=number, symbol=f"S{number}")

    with Warehouse.open(sys.argv[1]) as warehouse:
        warehouse.upsert_all(histories(), now=datetime.now(UTC))
"""


@pytest.mark.slow
@pytest.mark.parametrize("number", [1, 60, 119])
def test_a_process_killed_while_loading_leaves_the_old_bars(tmp_path: Path, number: int) -> None:
    path = tmp_path / "bars.duckdb"
    with Warehouse.open(path, now=NOW) as warehouse:
        warehouse.upsert(walk(), now=NOW)

    end_child(start_child(LOAD, str(path), str(number)))

    with Warehouse.open(path, now=datetime(2024, 6, 4, tzinfo=UTC)) as warehouse:
        assert [row.symbol for row in warehouse.symbols()] == ["GBM"]
        np.testing.assert_array_equal(warehouse.load("GBM").close, walk().close)
        warehouse.upsert(walk(seed=9, symbol="NEXT"), now=NOW)
        assert len(warehouse.load("NEXT")) == 500
