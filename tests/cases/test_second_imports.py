"""A file that is imported again counts: lines taken out of it, splits since, corrections."""

from pathlib import Path

from optimizer.market.importing import ImportReport
from optimizer.market.warehouse.warehouse import Warehouse
from tests.cases.conftest import Import
from tests.refused import worded


def notes_of(report: ImportReport) -> list[str]:
    """What the import says, in English."""
    return [worded(note) for note in report.notes]


def test_a_line_that_was_taken_out_is_deleted_and_said(bring: Import, warehouse: Warehouse) -> None:
    assert notes_of(bring("line_taken_out/first/TICK.csv")) == []

    report = bring("line_taken_out/second/TICK.csv")

    days = [str(day)[:10] for day in warehouse.load("TICK").time]
    assert days == ["2024-02-05", "2024-02-06", "2024-02-08", "2024-02-09"]
    assert notes_of(report) == ["TICK: 1 stored bar deleted that the file does not have, the first of 2024-02-07."]
    assert [one.n_bars for one in warehouse.symbols()] == [4]


def test_bars_outside_the_span_of_a_file_stay(bring: Import, warehouse: Warehouse, tmp_path: Path) -> None:
    bring("line_taken_out/first/TICK.csv")
    head, *rows = Path(__file__).with_name("inputs").joinpath("line_taken_out/first/TICK.csv").read_text().splitlines()
    (tmp_path / "TICK.csv").write_text("\n".join([head, *rows[1:2], *rows[3:4], ""]))

    bring(tmp_path / "TICK.csv")

    assert [str(day)[8:10] for day in warehouse.load("TICK").time] == ["05", "06", "08", "09"]


def test_a_split_between_two_imports_moves_the_older_bars(bring: Import, warehouse: Warehouse) -> None:
    bring("split/first/SPLT.csv")

    report = bring("split/second/SPLT.csv")

    bars = warehouse.load("SPLT")
    assert bars.close.tolist() == [100.5, 100.75, 101, 101.25, 101.5, 101.75, 102, 102.25, 102.5, 102.75]
    assert set(bars.volume.tolist()) == {4000}
    assert notes_of(report) == [
        "SPLT: 3 stored bars from 2024-02-12 on changed by 1:4, as after a split.",
        "SPLT: 5 older bars rescaled alike.",
    ]


def test_a_dividend_between_two_imports_moves_the_older_adjustment(
    bring: Import, warehouse: Warehouse, tmp_path: Path
) -> None:
    place = tmp_path / "DIV.csv"
    head, row = "Date,Open,High,Low,Close,Adj Close", "2024-02-{:02},100,101,99,100.5,{}"
    place.write_text("\n".join([head, *[row.format(day, 100.5) for day in (5, 6, 7, 8, 9)], ""]))
    bring(place)
    place.write_text("\n".join([head, *[row.format(day, 98.49) for day in (8, 9)], row.format(12, 100.5), ""]))

    report = bring(place)

    assert warehouse.load("DIV").close.round(2).tolist() == [98.49] * 5 + [100.5]
    assert notes_of(report) == [
        "DIV: the adjustment of 2 stored bars from 2024-02-08 on changed, as after a dividend.",
        "DIV: 3 older bars rescaled alike.",
    ]


def test_a_correction_is_said_and_moves_nothing_else(bring: Import, warehouse: Warehouse, tmp_path: Path) -> None:
    bring("line_taken_out/first/TICK.csv")
    (tmp_path / "TICK.csv").write_text("Date,Open,High,Low,Close,Volume\n2024-02-07,50.75,52,50.5,51,100\n")

    report = bring(tmp_path / "TICK.csv")

    assert warehouse.load("TICK").close.tolist() == [50.5, 50.75, 51, 51.25, 51.5]
    assert notes_of(report) == ["TICK: 1 stored bar corrected, the first of 2024-02-07."]
