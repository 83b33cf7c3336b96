"""A damaged data file is recognised, set aside, and made anew from the snapshots of studies."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from optimizer.errors import DamagedWarehouse, Unavailable
from optimizer.market.rebuilding import open_or_rebuild
from optimizer.market.snapshots import snapshot_path, write_snapshot
from optimizer.market.warehouse.damage import files_set_aside
from optimizer.market.warehouse.warehouse import Warehouse
from tests.optimizer.market.conftest import NOW, walk
from tests.refused import refused


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A data file of three series, its newest blocks in front of older ones."""
    path = tmp_path / "market.duckdb"
    for symbols in ("AB", "CD", "C"):
        with Warehouse.open(path, now=NOW) as warehouse:
            warehouse.upsert_all([walk(2000, symbol=symbol, seed=ord(symbol)) for symbol in symbols], now=NOW)
            with warehouse.writing() as cursor:
                cursor.execute("CREATE OR REPLACE TABLE notes AS SELECT random() AS note FROM range(60000)")
    return path


def _cut(fraction: float) -> Callable[[Path], None]:
    return lambda path: os.truncate(path, int(path.stat().st_size * fraction))


def _reopened(path: Path, snapshots: Path, fetched: set[str] | None = None) -> Warehouse:
    return open_or_rebuild(path, snapshots=snapshots, fetched=fetched or set(), now=NOW)


@pytest.mark.parametrize("fraction", [0.0005, 0.1, 0.3, 0.5, 0.7, 0.9, 0.999])
def test_a_file_that_is_cut_off_is_recognised_when_opened(file: Path, fraction: float) -> None:
    _cut(fraction)(file)

    with refused(DamagedWarehouse, match=r"The data file .*market.duckdb` is damaged. Start the bot again"):
        Warehouse.open(file, now=NOW)


def test_a_whole_file_is_opened_as_it_is(file: Path, tmp_path: Path) -> None:
    with _reopened(file, tmp_path) as warehouse:
        assert [one.symbol for one in warehouse.symbols()] == list("ABCD")
    assert files_set_aside(file) == []


KILLED = """
import os, sys
from optimizer.market.warehouse.warehouse import Warehouse
from tests.optimizer.market.conftest import NOW, walk
warehouse = Warehouse.open(sys.argv[1], now=NOW)
warehouse.upsert_all([walk(2000, symbol=f"K{number}", seed=number) for number in range(30)], now=NOW)
os._exit(9)
"""


@pytest.mark.slow
def test_what_a_killed_process_left_in_its_log_is_no_damage(file: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    for _ in range(2):
        killed = subprocess.run([sys.executable, "-c", KILLED, str(file)], env=environment, check=False)
        assert killed.returncode == 9
        with _reopened(file, tmp_path) as warehouse:
            assert len(warehouse.symbols()) == 4 + 30
            with _reopened(file, tmp_path) as again:  # a second handle of this process, over what is not written yet
                assert len(again.symbols()) == 4 + 30
    assert files_set_aside(file) == []


def test_a_damaged_file_is_set_aside_and_bars_of_files_come_back(file: Path, tmp_path: Path) -> None:
    snapshots = tmp_path / "snapshots"
    with Warehouse.open(file, now=NOW) as warehouse:
        studied, older = warehouse.load("A"), warehouse.load("A").cut(0, 1000)
    sourced = replace(studied, symbol="Y", source="yahoo")
    for bars in (older, studied, sourced):
        write_snapshot(bars, snapshots)
    snapshot_path(write_snapshot(walk(seed=9, symbol="Z").adjusted(), snapshots), snapshots).write_bytes(b"PAR1")
    _cut(0.5)(file)
    damaged = file.read_bytes()

    with _reopened(file, snapshots, fetched={"yahoo"}) as warehouse:
        back = warehouse.load("A")
        assert [one.symbol for one in warehouse.symbols()] == ["A"]

    assert back.data_hash == studied.data_hash
    [aside] = files_set_aside(file)
    assert aside.read_bytes() == damaged
    with _reopened(file, snapshots) as warehouse:
        assert len(files_set_aside(file)) == 1


def test_a_block_that_cannot_be_read_is_told_and_the_file_made_anew_at_the_next_start(
    file: Path, tmp_path: Path
) -> None:
    size = file.stat().st_size
    with file.open("r+b") as stream:
        for place in range(4 * 262_144, size, 262_144):
            stream.seek(place + 100_000)
            stream.write(b"\x55" * 4096)

    with Warehouse.open(file, now=NOW) as warehouse, pytest.raises(DamagedWarehouse):
        [warehouse.load(symbol) for symbol in "ABCD"]
    with _reopened(file, tmp_path) as warehouse:
        assert warehouse.symbols() == []
    assert len(files_set_aside(file)) == 1


def test_a_mark_of_damage_on_a_file_that_can_be_read_is_taken_away(file: Path, tmp_path: Path) -> None:
    mark = file.with_name("market.duckdb.unread")
    mark.touch()

    with _reopened(file, tmp_path) as warehouse:
        assert len(warehouse.symbols()) == 4
    assert not mark.exists()
    assert files_set_aside(file) == []


def test_what_is_no_data_file_is_refused_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "market.duckdb"
    path.write_bytes(np.random.default_rng(0).bytes(20_000))

    with refused(Unavailable, match="it is not a DuckDB file"):
        _reopened(path, tmp_path)
    assert path.stat().st_size == 20_000
