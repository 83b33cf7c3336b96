"""The file that was named is read, whatever its name contains and whatever is beside it."""

import shutil
from pathlib import Path

import pytest

from optimizer.domain.bars import Bars
from optimizer.market import snapshots
from optimizer.market.providers.file import Files
from optimizer.market.warehouse.warehouse import Warehouse
from tests.cases.conftest import INPUTS, NOW, Import

CLOSES = [10.5, 11.5, 11.25, 11]


def test_brackets_in_a_name_are_letters(bring: Import, warehouse: Warehouse) -> None:
    bring("brackets/AAPL[1].csv", symbol="AAPL")

    assert warehouse.load("AAPL").close.tolist() == CLOSES


@pytest.mark.parametrize(("named", "beside"), [("d[12]", "d1"), ("d?", "d1"), ("d*", "d1"), ("d[[]", "d[")])
def test_brackets_and_stars_in_a_folder_are_letters(
    bring: Import, warehouse: Warehouse, tmp_path: Path, named: str, beside: str
) -> None:
    for folder, name in ((named, "AAPL[1].csv"), (beside, "AAPL1.csv")):
        (tmp_path / folder).mkdir()
        shutil.copy(INPUTS / "brackets" / name, tmp_path / folder / "AAPL.csv")

    bring(tmp_path / named)

    assert warehouse.load("AAPL").close.tolist() == CLOSES
    fetched = Files(tmp_path / named).fetch("AAPL", timeframe="1d", start=None, end=None, now=NOW)
    assert fetched.close.tolist() == CLOSES


def test_a_snapshot_in_a_folder_with_brackets_is_found(bring: Import, warehouse: Warehouse, tmp_path: Path) -> None:
    bring("brackets/AAPL1.csv")
    bars: Bars = warehouse.load("AAPL1")

    snapshots.write_snapshot(bars, tmp_path / "home[1]")

    assert snapshots.read_snapshot(bars.data_hash, tmp_path / "home[1]").close.tolist() == bars.close.tolist()
