"""The examples of docs/data.md are read, and headers in the languages that it promises."""

import re
from pathlib import Path, PurePath
from typing import Any

import pytest

from optimizer.errors import BadFile
from optimizer.market.formats.file_names import named
from tests.optimizer.market.formats.kinds import KINDS, zipped
from tests.optimizer.market.formats.reads import read
from tests.refused import refused

PAGE = Path(__file__).parents[4] / "docs" / "data.md"
#: File name and options of each example, in the order of the page.
FILES: list[tuple[str, dict[str, Any], str]] = [
    ("ACME.csv", {}, "yahoo"),
    ("download.csv", {}, "yfinance"),
    ("aapl.us.txt", {}, "bulk"),
    ("MSFT Historical Data.csv", {}, "investing"),
    ("ACME.csv", {}, "nasdaq"),
    ("NASDAQ_AAPL, 1D.csv", {}, "tradingview"),
    ("EURUSD_M1_202401020000_202401312359.csv", {"zone": "Europe/Athens"}, "metatrader"),
    ("EURUSD60.csv", {"zone": "UTC"}, "metatrader4"),
    ("DAT_ASCII_EURUSD_M1_2024.csv", {"zone": "Etc/GMT+5"}, "histdata"),
    ("BTCUSDT-1m-2024-01.csv", {}, "binance"),
    ("XBTUSD_60.csv", {}, "kraken"),
    ("bars.csv", {}, "databento"),
    ("Binance_BTCUSDT_1h.csv", {"symbol": "BTC-USDT", "zone": "UTC"}, "cryptodatadownload"),
    ("005930.KS.csv", {}, "krx"),
    ("2330.TW.csv", {}, "table"),
    ("RELIANCE.NS.csv", {}, "nse"),
    ("BMW.DE.csv", {}, "table"),
    ("20240102_trade.zip", {}, "lean"),
    ("all_stocks.csv", {}, "table"),
    ("ACME.txt", {}, "bare"),
    ("ACME.txt", {}, "table"),
    ("ACME_1h.csv", {}, "table"),
]
EXAMPLES = re.findall(r"```\n(.*?)```", PAGE.read_text(encoding="utf-8").split("### Kinds")[1], re.DOTALL)


def test_each_example_has_a_file() -> None:
    assert len(EXAMPLES) == len(FILES)
    assert {family for _, _, family in FILES} >= {kind.family for kind in KINDS.values()} - {"stooq"}


@pytest.mark.parametrize(("place", "file"), list(enumerate(FILES)), ids=[file for file, _, _ in FILES])
def test_an_example_is_read_as_the_page_says(tmp_path: Path, place: int, file: tuple[str, dict[str, Any], str]) -> None:
    name, options, family = file
    content = EXAMPLES[place].encode()
    if family == "lean":
        content = zipped(lambda _: EXAMPLES[place].encode(), "20240102_aapl_minute_trade.csv")(KINDS["plain"].made(1))

    (series,) = read(tmp_path, name, content, **options)

    assert (series.understood.family, series.understood.n_doubtful) == (family, 0)


HEADERS = {
    "French": "Date;Dernier;Ouv.; Plus Haut;Plus Bas;Vol.",
    "Spanish": "Fecha;Último;Apertura;Máximo;Mínimo;Vol.",
    "Italian": "Data;Ultimo;Apertura;Massimo;Minimo;Vol.",
    "Portuguese": "Data;Último;Abertura;Máxima;Mínima;Vol.",
    "Polish": "Data;Zamknięcie;Otwarcie;Najwyższy;Najniższy;Wolumen",
    "Indonesian": "Tanggal;Terakhir;Pembukaan;Tertinggi;Terendah;Vol.",
    "German": "Datum;Schluss;Eröffnung;Hoch;Tief;Volumen",
    "English": "Date;Close;Open;High;Low;Volume",
    "Korean": "날짜;종가;시가;고가;저가;거래량",
    "Japanese": "日付;終値;始値;高値;安値;出来高",
    "Chinese": "日期;收盘;开盘;最高;最低;成交量",
    "Russian": "Дата;Закрытие;Открытие;Максимум;Минимум;Объём",
    "Turkish": "Tarih;Kapanış;Açılış;Yüksek;Düşük;Hacim",
    "Swedish": "Datum;Stängning;Öppning;Högst;Lägst;Volym",
    "Dutch": "Datum;Slot;Open;Hoog;Laag;Volume",
}
ENCODINGS = {"Polish": "cp1250", "Korean": "cp949", "Japanese": "shift_jis", "Chinese": "gb18030", "German": "cp1252"}
ENCODINGS |= {"Russian": "cp1251", "Turkish": "cp1254", "Swedish": "cp1252"}


@pytest.mark.parametrize("language", HEADERS)
@pytest.mark.parametrize("is_old", [False, True])
def test_names_of_columns_are_known_in_fifteen_languages(tmp_path: Path, language: str, is_old: bool) -> None:
    encoding = ENCODINGS.get(language, "utf-8-sig") if is_old else "utf-8"
    content = "\n".join([HEADERS[language], "2024-02-05;11,5;10,5;12;9,25;100", "2024-02-06;11;10;12;9;100"])

    (series,) = read(tmp_path, "X.csv", content.encode(encoding))

    bars = series.bars
    assert [bars.open[0], bars.high[0], bars.low[0], bars.close[0], bars.volume[0]] == [10.5, 12, 9.25, 11.5, 100]
    assert series.understood.encoding == (encoding if is_old and language in ENCODINGS else "UTF-8")


def test_a_line_that_names_the_delimiter_and_words_of_prices_are_passed_over(tmp_path: Path) -> None:
    head = "sep=;\nDate;Opening price;High price;Low price;Closing price;Total volume"
    (series,) = read(tmp_path, "ERIC-B.ST.csv", f"{head}\n2024-02-05;10.5;12.5;9.5;11.5;100\n")

    assert (series.bars.open[0], series.bars.close[0], series.bars.volume[0]) == (10.5, 11.5, 100)
    assert series.understood.n_header == 2


@pytest.mark.parametrize(
    ("name", "symbol", "timeframe"),
    [
        ("EURUSD1", "EURUSD", "1m"), ("USDCAD1", "USDCAD", "1m"), ("XAUUSD60", "XAUUSD", "1h"),
        ("EURUSD1440", "EURUSD", "1d"), ("EURUSDM1", "EURUSD", "1m"), ("EURUSD_D1", "EURUSD", "1d"),
        ("GOOGLD1", "GOOGL", "1d"), ("AAPL_D1", "AAPL", "1d"),
    ],
)  # fmt: skip
def test_charting_programs_name_symbol_and_length_of_bars(name: str, symbol: str, timeframe: str) -> None:
    assert named(PurePath(f"{name}.csv")) == (symbol, timeframe)


@pytest.mark.parametrize("day", ["2024年02月05日", "2024년 02월 05일", "2024. 2. 5", "2024. 02. 05.", "5-Feb-24"])
def test_more_shapes_of_dates_are_known(tmp_path: Path, day: str) -> None:
    (series,) = read(tmp_path, "X.csv", f"date;open;high;low;close\n{day};10.5;12.5;9.5;11.5\n")

    assert str(series.bars.time[0])[:10] == "2024-02-05"


def test_years_of_two_digits_are_told_by_the_order_of_the_days(tmp_path: Path) -> None:
    rows = [f"24/02/{day};10.5;12.5;9.5;11.5" for day in (13, 14, 15)]
    with refused(BadFile, match="`24/02/13` may be day/month or month/day"):
        read(tmp_path, "X.csv", "\n".join(["date;open;high;low;close", rows[0]]))

    (series,) = read(tmp_path, "X.csv", "\n".join(["date;open;high;low;close", *rows]))

    assert str(series.bars.time[0])[:10] == "2024-02-13"
