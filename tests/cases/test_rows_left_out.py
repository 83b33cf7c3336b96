"""Days without a trade are no bars; the import says how many were left out."""

from pathlib import Path

import pytest

from optimizer.errors import BlockedBars
from optimizer.market.feed import Market
from optimizer.market.quality.sentinel import require_usable
from optimizer.market.warehouse.warehouse import Warehouse
from tests.cases.conftest import NOW, Import
from tests.refused import refused, worded


def test_suspended_days_are_left_out(bring: Import, warehouse: Warehouse) -> None:
    report = bring("suspended/263750.KQ.csv")

    assert warehouse.load("263750.KQ").close.tolist() == [65400, 67300, 67000]
    assert [worded(note) for note in report.notes] == ["263750.KQ: 3 days without a trade left out."]


@pytest.mark.parametrize("cells", ["0,0,0,10.5,0", "0,0,0,0,0", ",,,10.5,", "0,0,0,10.5,", ",,,,"])
def test_a_day_without_trade_is_left_out(bring: Import, warehouse: Warehouse, tmp_path: Path, cells: str) -> None:
    rows = [f"2024-02-0{day},{cells if day == 6 else '10,11,9,10.5,100'}" for day in (5, 6, 7)]
    lines = ["date,open,high,low,close,volume", *rows, ""]
    (tmp_path / "X.csv").write_text("\n".join(lines))

    report = bring(tmp_path / "X.csv")

    assert len(warehouse.load("X")) == 2
    assert [worded(note) for note in report.notes] == ["X: 1 day without a trade left out."]


def test_a_price_of_zero_on_a_day_with_trades_blocks_without_the_advice_to_force(
    bring: Import, warehouse: Warehouse, tmp_path: Path
) -> None:
    lines = ["date,open,high,low,close,volume", "2024-02-05,10,11,9,10.5,100", "2024-02-06,0,11,9,10.5,100", ""]
    (tmp_path / "X.csv").write_text("\n".join(lines))
    bring(tmp_path / "X.csv")

    _, report = Market(warehouse, []).checked_bars("X", now=NOW)

    with refused(BlockedBars, match=r"The open of 2024-02-06 is 0\. .*; fix the data\.$"):
        require_usable(report)
