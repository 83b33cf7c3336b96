"""Numbers are read as their file writes them, or refused: decimal commas, thousands, letters."""

from pathlib import Path

import pytest

from optimizer.errors import BadFile
from optimizer.market.warehouse.warehouse import Warehouse
from tests.cases.conftest import Import
from tests.refused import refused

SAP = [992, 998.5, 1010, 1018, 996, 1000, 1003.5]
BMW = [99, 100.05, 99.9, 98.25]


@pytest.mark.parametrize(("symbol", "closes"), [("SAP.DE", SAP), ("BMW.DE", BMW)])
def test_decimal_commas_are_read(bring: Import, warehouse: Warehouse, symbol: str, closes: list[float]) -> None:
    bring(f"decimal_comma/{symbol}.csv")

    assert warehouse.load(symbol).close.tolist() == closes


def written(delimiter: str, closes: str) -> str:
    """A file of daily bars whose four prices are the same words."""
    rows = [
        delimiter.join([f"2024-02-{5 + row:02}", *[f'"{word}"' if delimiter in word else word] * 4])
        for row, word in enumerate(closes.split(" "))
    ]
    return "\n".join([delimiter.join(["Date", "Open", "High", "Low", "Close"]), *rows, ""])


READ = [
    (";", "1,072 1,073 1,071", [1.072, 1.073, 1.071]),  # the delimiter tells
    (",", "1,072 1,073 1,071", [1072, 1073, 1071]),
    (",", "1.072 1.073 1.071", [1.072, 1.073, 1.071]),
    ("\t", "1.072 1.073 1.071", [1.072, 1.073, 1.071]),
    ("\t", "1.072 1.07 1071", [1.072, 1.07, 1071]),
    ("\t", "1,072 1,073.5 1,071", [1072, 1073.5, 1071]),  # the other rows tell
    ("\t", "1.072 1.073,5 1.071", [1072, 1073.5, 1071]),
    (";", "1.072.000 1.073 1.071", [1_072_000, 1073, 1071]),
    (";", "0,072 0,073 0,071", [0.072, 0.073, 0.071]),
    (";", "10.5 11 1.072", [10.5, 11, 1.072]),
    (",", "1,01,250.00 99,250.50 98,000", [101_250, 99_250.5, 98_000]),
    (";", "1'072.50 1'073 999", [1072.5, 1073, 999]),
    (";", "1\u00a0072,50 1\u202f073 999", [1072.5, 1073, 999]),
    (";", "€1.072,50 1.073€ 999", [1072.5, 1073, 999]),
    (";", "1,5E3 1501 1502", [1500, 1501, 1502]),
]


@pytest.mark.parametrize(("delimiter", "closes", "right"), READ)
def test_the_delimiter_and_the_other_rows_tell_the_mark(
    bring: Import, warehouse: Warehouse, tmp_path: Path, delimiter: str, closes: str, right: list[float]
) -> None:
    (tmp_path / "X.csv").write_text(written(delimiter, closes))

    bring(tmp_path / "X.csv")

    assert warehouse.load("X").close.tolist() == right


@pytest.mark.parametrize(
    ("delimiter", "closes", "sentence"),
    [
        (";", "1.072 1.073 1.071", r"line 2: `1\.072` may be 1072 or 1\.072\. Write it as 1072 or 1\.0720"),
        ("\t", "992 1.010 1.018", r"line 3: `1\.010` may be 1010 or 1\.010\. Write it as 1010 or 1\.0100"),
        ("\t", "1,072 1,073 1,071", r"line 2: `1,072` may be 1072 or 1\.072"),
        (";", "998,5 999,5 1000.5", r"line 4: `1000\.5` has a decimal point, `998,5` a decimal comma"),
        (";", "998,5 1,072,5 1000", r"line 3: `1,072,5` is not a number \(\w+\)\. Write prices as plain numbers"),
        (";", "1 2 1 2", None),
    ],
)
def test_what_may_be_two_numbers_is_refused(
    bring: Import, warehouse: Warehouse, tmp_path: Path, delimiter: str, closes: str, sentence: str | None
) -> None:
    (tmp_path / "X.csv").write_text(written(delimiter, closes))
    if sentence is None:
        assert bring(tmp_path / "X.csv").n_bars == len(closes.split(" "))
        return

    with refused(BadFile, match=sentence):
        bring(tmp_path / "X.csv")

    assert warehouse.symbols() == []


@pytest.mark.parametrize("word", ["1072", "1.0720"])
def test_the_advice_for_an_unclear_number_works(bring: Import, warehouse: Warehouse, tmp_path: Path, word: str) -> None:
    (tmp_path / "X.csv").write_text(written(";", f"{word} {word} {word}"))

    bring(tmp_path / "X.csv")

    assert warehouse.load("X").close[0] == float(word)


def test_a_mark_that_is_clear_only_far_down_counts_from_the_first_line(
    bring: Import, warehouse: Warehouse, tmp_path: Path
) -> None:
    head, *rows = written(";", "1.072 1.073 1.071,5").splitlines()
    days = [f"2023-{month:02}-{day:02};1.070;1.070;1.070;1.070" for month in (1, 2, 3) for day in range(1, 29)]
    (tmp_path / "X.csv").write_text("\n".join([head, *days, *rows, ""]))

    bring(tmp_path / "X.csv")

    assert set(warehouse.load("X").close.tolist()) == {1070, 1072, 1073, 1071.5}
