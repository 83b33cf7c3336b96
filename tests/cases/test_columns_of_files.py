"""Columns are found among others: an index, an empty one, header lines, and a column that names the symbols."""

from pathlib import Path

import numpy as np
import pytest

from optimizer.errors import BadFile
from optimizer.market.warehouse.warehouse import Warehouse
from tests.cases.conftest import Import
from tests.refused import refused


@pytest.mark.parametrize("symbol", ["EURUSD", "GBPUSD"])
def test_a_date_is_found_beside_a_numbered_or_an_empty_column(bring: Import, warehouse: Warehouse, symbol: str) -> None:
    bring(f"extra_columns/{symbol}.csv")

    bars = warehouse.load(symbol)
    assert (len(bars), bars.timeframe, str(bars.time[0])[:10]) == (6, "1d", "2024-02-05")


HEADERS = [
    ("index,time,open,high,low,close", "{n},{day},{o}"),
    ("Unnamed: 0,Time,open,high,low,close", "{n},{day} 00:00:00,{o}"),
    ("open,high,low,close,time,", "{o},{day},"),
    ("date,time,open,high,low,close", "{day},00:00,{o}"),
    ("date,open,high,low,close,,", "{day},{o},,"),
]


@pytest.mark.parametrize(("header", "row"), HEADERS)
def test_dates_are_found_by_what_a_column_contains(
    bring: Import, warehouse: Warehouse, tmp_path: Path, header: str, row: str
) -> None:
    rows = [row.format(n=n, day=f"2024-02-0{5 + n}", o="10.5,12.5,9.5,11.5") for n in range(3)]
    (tmp_path / "X.csv").write_text("\n".join([header, *rows, ""]))

    bring(tmp_path / "X.csv")

    bars = warehouse.load("X")
    assert (bars.timeframe, [str(day)[:10] for day in bars.time]) == ("1d", [f"2024-02-0{day}" for day in (5, 6, 7)])


def test_letters_in_a_volume_are_thousands_millions_and_billions(bring: Import, warehouse: Warehouse) -> None:
    bring("letters/MSFT.csv")

    bars = warehouse.load("MSFT")
    assert bars.close.tolist() == [1400, 1401, 1402, 1403, 1404, 1405]
    volumes = [17_250_000, 860_400, 1_020_000_000, np.nan, 21_000_000, 19_750_000]
    np.testing.assert_array_equal(bars.volume, volumes)


def test_a_volume_that_is_no_number_is_refused_with_advice_for_every_line(bring: Import, tmp_path: Path) -> None:
    (tmp_path / "X.csv").write_text("date,open,high,low,close,volume\n2024-02-05,10.5,12,9,11,many\n")

    with refused(BadFile, match=r"`many` is not a number \(volume\)\. Fix the line, or delete that column\."):
        bring(tmp_path / "X.csv")


def test_three_header_lines_are_one_header(bring: Import, warehouse: Warehouse) -> None:
    bring("header_lines/TSLA.csv")

    bars = warehouse.load("TSLA")
    assert bars.close.tolist() == [200, 201, 202, 203, 204]
    assert bars.timeframe == "1d"


BY_TICKER = """Ticker,TSLA,TSLA,TSLA,TSLA
Price,Open,High,Low,Close
Date,,,,
2024-02-05,199,203,198,200
"""
WITHOUT_NAMES = BY_TICKER.replace("Ticker", "").replace("Price", "")
OTHER_ORDER = "Price,Open,High,Low,Close\nTicker,TSLA,TSLA,TSLA,TSLA\nDatetime,,,,\n2024-02-05,199,203,198,200\n"


@pytest.mark.parametrize("content", [BY_TICKER, WITHOUT_NAMES, OTHER_ORDER])
def test_the_symbol_of_three_header_lines_names_the_series(
    bring: Import, warehouse: Warehouse, tmp_path: Path, content: str
) -> None:
    (tmp_path / "download.csv").write_text(content)

    bring(tmp_path / "download.csv")

    assert warehouse.load("TSLA").close.tolist() == [200]


def test_a_fault_after_three_header_lines_has_its_own_line(bring: Import, tmp_path: Path) -> None:
    (tmp_path / "X.csv").write_text(BY_TICKER + "2024-02-06,199,203,low,200\n")

    with refused(BadFile, match=r"line 5: `low` is not a number"):
        bring(tmp_path / "X.csv")


def test_symbols_side_by_side_are_series_of_their_own(bring: Import, warehouse: Warehouse, tmp_path: Path) -> None:
    (tmp_path / "X.csv").write_text(
        "Price,Close,Close,High,High,Low,Low,Open,Open\nTicker,AAA,BBB,AAA,BBB,AAA,BBB,AAA,BBB\n"
        "Date,,,,,,,,\n2024-02-05,2,20,3,30,1,10,2,20\n2024-02-06,2.5,,3,,1,,2,\n"
    )

    assert bring(tmp_path / "X.csv").symbols == ("AAA", "BBB")
    assert warehouse.load("AAA").close.tolist() == [2, 2.5]
    assert warehouse.load("BBB").close.tolist() == [20]
    assert bring(tmp_path / "X.csv", symbol="bbb").symbols == ("BBB",)
    with refused(BadFile, match="it has several symbols: AAA, BBB. Name one of them with `--symbol`"):
        bring(tmp_path / "X.csv", symbol="CCC")


@pytest.mark.parametrize("name", ["stocks", "later"])
def test_a_column_called_name_or_stock_holds_the_symbols(bring: Import, warehouse: Warehouse, name: str) -> None:
    report = bring(f"several_symbols/{name}.csv")

    assert report.symbols == ("AAA", "BBB")
    assert warehouse.load("AAA").close.tolist() == [20.5, 21.5, 22.5, 23.5]
    assert warehouse.load("BBB").close.tolist() == [301, 302, 303, 304]


def test_one_of_several_symbols_may_be_named(bring: Import) -> None:
    assert bring("several_symbols/stocks.csv", symbol="bbb").symbols == ("BBB",)

    with refused(BadFile, match="it has several symbols: AAA, BBB. Name one of them with `--symbol`, or leave it out"):
        bring("several_symbols/stocks.csv", symbol="STOCKS")


def named(*names: str, column: str = "Company") -> str:
    """A file with two bars of each name."""
    rows = [f"2024-02-0{5 + 2 * place + day},10.5,12,9,11,{name}" for place, name in enumerate(names) for day in (0, 1)]
    return "\n".join([f"date,open,high,low,close,{column}", *rows, ""])


def test_one_name_for_all_bars_is_no_symbol(bring: Import, tmp_path: Path) -> None:
    (tmp_path / "X.csv").write_text(named("Apple Inc."))

    assert bring(tmp_path / "X.csv").symbols == ("X",)


def test_names_that_are_no_symbols_are_refused(bring: Import, tmp_path: Path) -> None:
    (tmp_path / "X.csv").write_text(named("Apple Inc.", "Microsoft"))

    sentence = (
        r"line 1: it seems to have several symbols \(column `Company`: Apple Inc\., Microsoft\)\. "
        r"Write their symbols in a column called `symbol`, or one file for each\."
    )
    with refused(BadFile, match=sentence):
        bring(tmp_path / "X.csv")


def test_a_second_bar_of_a_day_may_be_another_symbol(bring: Import, tmp_path: Path) -> None:
    lines = ["date,open,high,low,close,firm", *[f"2024-02-05,10.5,12,9,11,{firm}" for firm in "AB"]]
    (tmp_path / "X.csv").write_text("\n".join([*lines, ""]))

    with refused(BadFile, match="If the file has several symbols, call their column `symbol`"):
        bring(tmp_path / "X.csv")
