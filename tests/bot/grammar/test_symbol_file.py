"""Symbols of a text file, whatever shape people keep them in."""

from datetime import date

import pytest

from bot.grammar.symbol_file import MOST_SYMBOLS, BadStay, BadSymbolFile, NoSymbols, stays_of, symbols_of
from optimizer.domain.universe import Stay


@pytest.mark.parametrize(
    "text",
    [
        "AAPL\nMSFT\nBRK.B\n",
        "aapl, msft, brk.b",
        "AAPL MSFT\r\n\r\nBRK.B  # the class of the small people\r\n",
        "\ufeffSymbol,Name,Weight\nAAPL,Apple Inc.,7.1\nMSFT,Microsoft,6.2\nBRK.B,Berkshire,1.7\n",
        '"Ticker";"Sector"\n"AAPL";"IT"\n"MSFT";"IT"\n"BRK.B";"Financials"\n',
        "# tech\n\nsymbol\nAAPL\nMSFT\nBRK.B\nAAPL\n",
    ],
)
def test_each_symbol_is_found_once_in_its_order(text: str) -> None:
    assert symbols_of(text, "list.txt") == ["AAPL", "MSFT", "BRK.B"]


def test_a_line_that_is_no_symbol_is_named() -> None:
    with pytest.raises(BadSymbolFile) as raised:
        symbols_of("AAPL\n<script>\nMSFT", "list.txt")

    assert raised.value.facts == {"file": "list.txt", "line": 2, "word": "<script>"}


@pytest.mark.parametrize(
    "text", ["", "\n \n# nothing\n", "symbol\n", "\n".join(f"S{n}" for n in range(MOST_SYMBOLS + 1))]
)
def test_none_and_too_many_are_refused(text: str) -> None:
    with pytest.raises(NoSymbols):
        symbols_of(text, "list.txt")


HEAD = "symbol,from,to\n"


@pytest.mark.parametrize(
    "text",
    [
        "symbol,from,to\nAAPL,,\nGM,1996-01-02,2009-06-07\nGM,2013-04-01,\n",
        "\ufeffTicker;Name;Start Date;End_Date\nAAPL;Apple, Inc.;;\nGM;General Motors;1996-01-02;2009-06-07\n"
        "GM;General Motors;2013-04-01;\n",
        "from\tto\tsymbol\n\t\taapl\n# the old one\n1996-01-02\t2009-06-07\tGM\n2013-04-01\t\tGM # the new one\n",
        'symbol, from, to\n"AAPL"\n"GM", "1996-01-02", "2009-06-07"\n\nGM,2013-04-01\n',
        "종목코드,편입일,편출일\nAAPL,,\nGM,1996-01-02,2009-06-07\nGM,2013-04-01,\n",
    ],
)
def test_a_table_with_first_and_last_days_is_a_list_with_dates(text: str) -> None:
    assert stays_of(text, "idx.csv") == [
        Stay(symbol="AAPL"),
        Stay(symbol="GM", start=date(1996, 1, 2), end=date(2009, 6, 7)),
        Stay(symbol="GM", start=date(2013, 4, 1)),
    ]


@pytest.mark.parametrize(
    "text", ["AAPL\nMSFT\n", "symbol,weight\nAAPL,7\nMSFT,6\n", "Symbol,Date added\nAAPL,x\nMSFT,y"]
)
def test_any_other_file_is_a_list_without_dates(text: str) -> None:
    assert stays_of(text, "list.txt") == [Stay(symbol="AAPL"), Stay(symbol="MSFT")]


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        (HEAD + "AAPL,2010-01-04,2009-12-31\n", 2, "ends_before_it_starts start=2010-01-04 end=2009-12-31"),
        (HEAD + "AAPL,,\nIBM,01/02/2003,\n", 3, "no_iso_day word=01/02/2003"),
        (HEAD + "AAPL,,2010-02-30\n", 2, "no_iso_day word=2010-02-30"),
        (HEAD + "AAPL,20100104,\n", 2, "no_iso_day word=20100104"),
        (HEAD + "AAPL,2010-01-04,2011-01-03\nIBM,,\nAAPL,2011-01-03,\n", 4, "stays_overlap symbol=AAPL line=2"),
        (HEAD + "AAPL,2015-01-02,\nIBM,,\nAAPL,,\n", 4, "stays_overlap symbol=AAPL line=2"),
        (HEAD + "AAPL,,\nAAPL,,\n", 3, "stays_overlap symbol=AAPL line=2"),
        (HEAD + "AAPL,Inc.,2010-01-04,\n", 2, "too_many_values n=4 n_columns=3"),
        ("symbol from to\nAAPL 2010-01-04\n", 1, "cells_need_commas"),
    ],
)
def test_a_row_that_cannot_be_right_is_named(text: str, line: int, reason: str) -> None:
    with pytest.raises(BadStay) as raised:
        stays_of(text, "idx.csv")

    assert (raised.value.facts["file"], raised.value.facts["line"]) == ("idx.csv", line)
    assert str(raised.value.facts["reason"]) == reason


def test_a_row_of_a_list_with_dates_that_has_no_symbol_is_named() -> None:
    with pytest.raises(BadSymbolFile) as raised:
        stays_of(HEAD + "AAPL,,\n,2010-01-04,\n", "idx.csv")

    assert raised.value.facts == {"file": "idx.csv", "line": 3, "word": ""}


def test_a_list_with_dates_needs_a_member() -> None:
    with pytest.raises(NoSymbols):
        stays_of(HEAD, "idx.csv")
