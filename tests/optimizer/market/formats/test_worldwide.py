"""Files of brokers, exchanges and terminals of the world, by their documented columns, with made-up numbers."""

import gzip
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from optimizer.errors import BadFile
from tests.optimizer.market.formats.reads import read
from tests.refused import refused


@dataclass(frozen=True, kw_only=True)
class Case:
    """A file, and what its bars are."""

    file: str
    head: str  # the lines down to the header; empty: none
    rows: tuple[str, ...]
    symbol: str
    first: str = "2020-01-02"
    prices: tuple[float, float, float, float] = (1230.5, 1242.25, 1219.0, 1233.75)
    volume: float = 1500
    encoding: str = "utf-8"
    below: str = ""
    family: str = "table"
    said: Mapping[str, Any] = field(default_factory=dict)

    @property
    def content(self) -> bytes:
        """The file."""
        return "\n".join(filter(None, [self.head, *self.rows, self.below, " "])).strip(" ").encode(self.encoding)


def two(pattern: str, *times: str) -> tuple[str, ...]:
    """Two rows that differ in their time, `@`."""
    return tuple(pattern.replace("@", time) for time in times)


PLAIN = "date,open,high,low,close,volume"
POINTS = "1230.5,1242.25,1219.0,1233.75,1500"
TAIWAN = '"日期","成交股數","成交金額","開盤價","最高價","最低價","收盤價","漲跌價差","成交筆數",'
TAIWANESE = '"@","1,500","1,850,000","1,230.50","1,242.25","1,219.00","1,233.75","+0.25","12",'
EURO = "Datum;Eröffnung;Hoch;Tief;Schluss;Volumen"
CASES: Mapping[str, Case] = {
    "seconds with decimals": Case(
        file="BTC-USD.csv", symbol="BTC-USD", head=PLAIN, rows=two(f"@,{POINTS}", "1577923200.0", "1578009600.0")
    ),
    "seconds with fractions": Case(
        file="BTC-USD_1m.csv",
        symbol="BTC-USD",
        first="2020-01-02T00:00:00.250",
        head=PLAIN,
        rows=two(f"@,{POINTS}", "1577923200.25", "1577923260.25"),
    ),
    "moments in digits": Case(
        file="BTC-USD_1h.csv",
        symbol="BTC-USD",
        first="2020-01-02T09:00",
        head=PLAIN.replace("date", "체결시간"),
        rows=two(f"@,{POINTS}", "202001020900", "202001021000"),
    ),
    "aligned with spaces": Case(
        file="AAPL.txt",
        symbol="AAPL",
        head="   Date       Open     High      Low    Close  Adj Close  Volume",
        rows=two("@  1230.50  1242.25  1219.00  1233.75    1233.75    1500", "2020-01-02", "2020-01-03"),
        family="yahoo",
    ),
    "aligned, numbered, with clock times": Case(
        file="BTC-USD_1m.txt",
        symbol="BTC-USD",
        first="2020-01-02T15:00",
        head="Datetime  Open  High  Low  Close  Volume",
        rows=two(f"@ {POINTS.replace(',', '  ')}", "2020-01-02 15:00:00", "2020-01-02 15:01:00"),
    ),
    "TWSE": Case(
        file="STOCK_DAY_2330_202001.csv",
        symbol="2330.TW",
        head=f'"109年01月 2330 台積電           各日成交資訊"\n{TAIWAN}',
        rows=two(TAIWANESE, "109/01/02", "109/01/03"),
        below='"說明:"\n"符號說明:+/-/X表示漲/跌/不比價"\n"當日統計資訊含一般、零股、盤後定價。"',
        encoding="cp950",
        said={"symbol": "2330.TW"},
    ),
    "TWSE before 2011": Case(
        file="2330.TW.csv",
        symbol="2330.TW",
        first="2009-01-05",
        head=TAIWAN,
        rows=two(TAIWANESE, "98/01/05", "98/01/06"),
        said={"republic": True},
    ),
    "Taiwan in common years": Case(
        file="2330.TW.csv",
        symbol="2330.TW",
        first="2020-01-15",
        head=TAIWAN,
        rows=two(TAIWANESE, "20/01/15", "20/01/16"),
        said={"republic": False},
    ),
    "years of the Republic in words": Case(
        file="0050.TW.csv", symbol="0050.TW", head=PLAIN, rows=two(f"@,{POINTS}", "民國109年1月2日", "民國109年1月3日")
    ),
    "years of the Republic in digits": Case(
        file="0050.TW.csv", symbol="0050.TW", head=PLAIN, rows=two(f"@,{POINTS}", "1090102", "1090103")
    ),
    "cells that a spreadsheet keeps as text": Case(
        file="X.csv",
        symbol="X",
        head=PLAIN,
        rows=two('="@",="1230.5",="1242.25",="1219.0",="1233.75",="1500"', "2020-01-02", "2020-01-03"),
    ),
    "euros before": Case(
        file="SAP.DE.csv",
        symbol="SAP.DE",
        head=EURO,
        rows=two("@;€ 1.230,50;€ 1.242,25;€ 1.219,00;€ 1.233,75;1.500 Stk.", "02.01.20", "03.01.20"),
    ),
    "euros behind": Case(
        file="SAP.DE.csv",
        symbol="SAP.DE",
        head=EURO,
        rows=two("@;1.230,50 €;1.242,25 €;1.219,00 €;1.233,75 €;1.500", "02.01.2020", "03.01.2020"),
    ),
    "a code of a currency": Case(
        file="SAP.DE.csv",
        symbol="SAP.DE",
        head=EURO,
        rows=two("@;1.230,50 EUR;1.242,25 EUR;1.219,00 EUR;1.233,75 EUR;1500", "02.01.2020", "03.01.2020"),
    ),
    "reais": Case(
        file="PETR4.SA.csv",
        symbol="PETR4.SA",
        head="Data;Abertura;Máxima;Mínima;Fechamento;Volume",
        rows=two("@;R$ 1.230,50;R$ 1.242,25;R$ 1.219,00;R$ 1.233,75;1500", "2020-01-02", "2020-01-03"),
    ),
    "won": Case(
        file="005930.KS.csv",
        symbol="005930.KS",
        prices=(12305, 12422, 12190, 12337),
        head="일자,시가,고가,저가,종가,거래량",
        rows=two('@,"12,305원","12,422원","12,190원","12,337원","1,500주"', "2020/01/02", "2020/01/03"),
    ),
    "Interactive Brokers": Case(
        file="AAPL_1m.csv",
        symbol="AAPL",
        first="2020-01-02T14:30",
        head="date,open,high,low,close,volume,average,barCount",
        rows=two(f"@,{POINTS},1,1", "20200102 09:30:00 US/Eastern", "20200102 09:31:00 US/Eastern"),
    ),
    "MetaTrader's package": Case(
        file="EURUSD_M1.csv",
        symbol="EURUSD",
        first="2020-01-01T22:00",
        head="time,open,high,low,close,tick_volume,spread,real_volume",
        rows=two(f"@,{POINTS},5,0", "1577923200", "1577923260"),
        family="metatrader",
        said={"zone": "Europe/Athens"},
    ),
    "Dukascopy": Case(
        file="EURUSD_Candlestick_1_M_BID_02.01.2020-03.01.2020.csv",
        symbol="EURUSD",
        first="2020-01-02T14:00",
        head="Local time,Open,High,Low,Close,Volume",
        rows=two(f"@,{POINTS}", "02.01.2020 15:00:00.000 GMT+0100", "02.01.2020 15:01:00.000 GMT+0100"),
    ),
    "a column that says UTC": Case(
        file="EURUSD_1m.csv",
        symbol="EURUSD",
        first="2020-01-02T15:00",
        head="Time (UTC),Open,High,Low,Close,Volume",
        rows=two(f"@,{POINTS}", "2020.01.02 15:00:00", "2020.01.02 15:01:00"),
    ),
    "Upbit": Case(
        file="BTC-KRW_1m.csv",
        symbol="BTC-KRW",
        first="2020-01-02T15:00",
        head="candle_date_time_utc,candle_date_time_kst,opening_price,high_price,low_price,trade_price,timestamp,"
        "candle_acc_trade_volume",
        rows=two(
            "@,2020-01-03T00:00:00,1230.5,1242.25,1219.0,1233.75,1577977259123,1500",
            "2020-01-02T15:00:00",
            "2020-01-02T15:01:00",
        ),
    ),
    "Kraken": Case(
        file="XBTUSD_1.csv",
        symbol="XBTUSD",
        head="",
        rows=two(f"@,{POINTS},37", "1577923200", "1577923260"),
        family="kraken",
    ),
    "Databento": Case(
        file="bars.csv",
        symbol="ESH0",
        head="ts_event,rtype,publisher_id,instrument_id,open,high,low,close,volume,symbol",
        rows=two(
            "@,35,1,100,1230500000000,1242250000000,1219000000000,1233750000000,1500,ESH0",
            "2020-01-02T00:00:00.000000000Z",
            "2020-01-03T00:00:00.000000000Z",
        ),
        family="databento",
    ),
    "Bloomberg": Case(
        file="AAPL.csv",
        symbol="AAPL",
        head="AAPL US Equity,,,,,\nDates,PX_OPEN,PX_HIGH,PX_LOW,PX_LAST,PX_VOLUME",
        rows=two(f"@,{POINTS}", "1/13/2020", "1/14/2020"),
        first="2020-01-13",
    ),
    "R": Case(
        file="prices.csv",
        symbol="AAPL",
        head='"","AAPL.Open","AAPL.High","AAPL.Low","AAPL.Close","AAPL.Volume","AAPL.Adjusted"',
        rows=two(f'"@",{POINTS},1233.75', "2020-01-02", "2020-01-03"),
    ),
    "Barchart": Case(
        file="aapl_daily_historical-data-01-15-2020.csv",
        symbol="AAPL",
        head="Symbol,Time,Open,High,Low,Last,Change,%Chg,Volume",
        rows=two("AAPL,@,1230.5,1242.25,1219.0,1233.75,1,0.1%,1500", "01/14/2020", "01/15/2020"),
        first="2020-01-14",
        below='"Downloaded from Barchart.com as of 01-15-2020 05:11pm CST"',
    ),
    "BSE of India": Case(
        file="500325.BO.csv",
        symbol="500325.BO",
        head="Date,Open Price,High Price,Low Price,Close Price,WAP,No.of Shares,No. of Trades",
        rows=two("@,1230.5,1242.25,1219.0,1233.75,1,1500,7,", "2-January-2020", "3-January-2020"),
    ),
    "ariva": Case(
        file="SAP.DE.csv",
        symbol="SAP.DE",
        head="Datum;Erster;Hoch;Tief;Schlusskurs;Stuecke;Volumen",
        rows=two("@;1.230,50;1.242,25;1.219,00;1.233,75;1.500;1.850.000", "2020-01-02", "2020-01-03"),
    ),
    "Tushare": Case(
        file="000001.csv",
        symbol="000001.SZ",
        head="ts_code,trade_date,open,high,low,close,vol",
        rows=two(f"000001.SZ,@,{POINTS}", "20200102", "20200103"),
    ),
    "Daishin": Case(
        file="BTC-USD.csv",
        symbol="BTC-USD",
        first="2020-01-02T09:58",
        head="날짜,시간,시가,고가,저가,종가,거래량",
        rows=two(f"20200102,@,{POINTS}", "958", "959", "1000"),
        encoding="cp949",
    ),
    "no header": Case(
        file="IBM.txt",
        symbol="IBM",
        head="",
        first="2020-01-13",
        rows=two(f"@,{POINTS}", "01/13/2020", "01/14/2020"),
        family="bare",
    ),
    "ASX": Case(
        file="X.txt", symbol="BHP", head="", rows=two(f"BHP,@,{POINTS}", "20200102", "20200103"), family="bare"
    ),
    "UTF-32": Case(
        file="X.csv", symbol="X", head=PLAIN, rows=two(f"@,{POINTS}", "2020-01-02", "2020-01-03"), encoding="utf-32"
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_files_of_the_world(tmp_path: Path, name: str) -> None:
    case = CASES[name]

    (series,) = read(tmp_path, case.file, case.content, **case.said)

    bars, understood = series.bars, series.understood
    assert (bars.symbol, understood.family, len(bars)) == (case.symbol, case.family, len(case.rows))
    assert bars.time[0] == np.datetime64(case.first)
    assert (bars.open[0], bars.high[0], bars.low[0], bars.close[0], bars.volume[0]) == (*case.prices, case.volume)
    assert understood.n_below == len(case.below.splitlines())


REFUSED: Mapping[str, tuple[str, str, str]] = {
    "short years of Taiwan": (
        "2330.TW.csv",
        f"{TAIWAN}\n{TAIWANESE.replace('@', '98/01/05')}\n",
        "line 2: the year of `98/01/05` may be one of the Republic of China .* Set `--roc-years` or `--common-years`",
    ),
    "a day that no calendar has": (
        "2330.TW.csv",
        f"{PLAIN}\n109/02/30,{POINTS}\n",
        "line 2: `109/02/30` is not a date",
    ),
    "counts in few digits": ("X.csv", f"{PLAIN}\n1.57792E+12,{POINTS}\n", "line 2: `1.57792E.12` is not a date"),
    "two currencies": (
        "X.csv",
        f"{PLAIN}\n2020-01-02,$1.50,$1.50,$1.50,$1.50,1\n2020-01-06,$1.50,$1.50,$1.50,$1.50,1\n2020-01-03,€1.50,€1.50,€1.50,€1.50,1\n",
        "line 4: `\\$1.50` and `€1.50` do not have the same currency",
    ),
    "pence": ("VOD.L.csv", f"{PLAIN}\n2020-01-02,12.5p,12.5p,12.5p,12.5p,1\n", "line 2: `12.5p` is not a number"),
    "percent": ("X.csv", f"{PLAIN}\n2020-01-02,1.5%,1.5%,1.5%,1.5%,1\n", "line 2: `1.5%` is not a number"),
    "a short row between spaces": (
        "X.txt",
        "\n".join(
            [PLAIN.replace(",", " "), *(f"2020-01-0{day} 1 2 1 2 9" for day in (2, 3, 6)), "2020-01-07 1 2 1 9", ""]
        ),
        "line 5: `2020-01-07 1 2 1 9` is not a date",
    ),
    "a row that was cut off below others": (
        "X.csv",
        f"{PLAIN},name\n2020-01-02,{POINTS},A B\n2020-01-03,{POINTS},A B\nApple In",
        "line 4: 1 values where the header names 7",
    ),
    "another zone in one row": (
        "AAPL_1m.csv",
        f"{PLAIN}\n20200102 09:30:00 US/Eastern,{POINTS}\n"
        + "".join(f"20200102 09:{minute}:00 US/Eastern,{POINTS}\n" for minute in range(31, 60))
        + "".join(f"20200102 10:{minute}:00 US/Eastern,{POINTS}\n" for minute in range(10, 60))
        + f"20200102 11:00:00 US/Central,{POINTS}\n",
        "line 82: `20200102 11:00:00 US/Central` is not a date",
    ),
    "columns in another order": (
        "X.csv",
        "2020-01-02,1230.5,1233.75,1242.25,1219.0,1500\n2020-01-03,1230.5,1233.75,1242.25,1219.0,1500\n",
        "open or close is not between low and high in 2 of 2 rows",
    ),
    "clock times of MetaTrader's server": (
        "EURUSD_M1.csv",
        f"time,open,high,low,close,tick_volume,spread,real_volume\n1577923200,{POINTS},5,0\n1577923260,{POINTS},5,0\n",
        "MetaTrader 5 writes clock times without saying in which zone",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_may_be_two_things_is_refused(tmp_path: Path, name: str) -> None:
    file, content, match = REFUSED[name]
    with refused(BadFile, match=match):
        read(tmp_path, file, content)


def test_notes_below_are_told_with_their_number(tmp_path: Path) -> None:
    case = CASES["TWSE"]
    (series,) = read(tmp_path, case.file, case.content, **case.said)

    assert ("read_below", {"n": 3}) in [(line.key, line.facts) for line in series.understood.lines()]


@pytest.mark.parametrize(
    ("file", "symbol"),
    [
        ("TWSE_2330, 1D.csv", "2330.TW"),
        ("HKEX_700, 1D.csv", "0700.HK"),
        ("XETR_SAP, 1D_1a2b3.csv", "SAP.DE"),
        ("UPBIT_BTCKRW, 1D.csv", "BTCKRW"),
        ("daily_IBM.csv", "IBM"),
        ("Download Data - STOCK_US_XNAS_AAPL.csv", "AAPL"),
        ("AAPL_1day.csv", "AAPL"),
    ],
)
def test_names_of_files_tell_the_symbol_as_it_is_typed(tmp_path: Path, file: str, symbol: str) -> None:
    (series,) = read(tmp_path, file, f"{PLAIN}\n2020-01-02,{POINTS}\n2020-01-03,{POINTS}\n")

    assert (series.bars.symbol, series.bars.timeframe) == (symbol, "1d")


def test_packed_files_keep_their_notes_and_are_refused_for_them(tmp_path: Path) -> None:
    case = CASES["Barchart"]
    with refused(BadFile, match="line 4: 1 values where the header names 9"):
        read(tmp_path, f"{case.file}.gz", gzip.compress(case.content))
