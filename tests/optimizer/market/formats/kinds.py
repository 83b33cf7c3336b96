"""Files of each kind that people have, written from made-up bars: what a reader must get back is known."""

import csv
import io
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import numpy as np
import openpyxl
import pandas as pd

from optimizer.domain.bars import FloatArray, TimeArray
from optimizer.market.calendars import find_calendar
from tests.optimizer.market.conftest import prices

NEW_YORK = "America/New_York"


@dataclass(frozen=True, kw_only=True)
class Made:
    """Made-up bars: local times as a vendor writes them, prices as they read in its file."""

    local: TimeArray  # datetime64[s]
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray

    def rows(self) -> Iterable[tuple[datetime, float, float, float, float, float]]:
        """Bar by bar."""
        columns = (self.open, self.high, self.low, self.close, self.volume)
        return zip(self.local.tolist(), *(column.tolist() for column in columns), strict=True)


def made_up(n_bars: int, *, seed: int, times: TimeArray, digits: int, price: float = 1.0) -> Made:
    """Bars of a random walk at these times, rounded as a file of that many digits rounds them."""
    columns = prices(np.random.default_rng(seed), n_bars, 0.012)
    rounded = {name: np.round(columns[name] * price, digits) for name in ("open", "high", "low", "close")}
    return Made(local=times[:n_bars].astype("datetime64[s]"), volume=columns["volume"], **rounded)


def days(calendar: str = "XNYS") -> TimeArray:
    """Sessions from 2023 on."""
    sessions = find_calendar(calendar, datetime(2023, 1, 1).date(), datetime(2024, 12, 31).date()).sessions
    return sessions[sessions >= np.datetime64("2023-01-03")]


def every_day() -> TimeArray:
    """Days without a break."""
    return np.arange(np.datetime64("2023-01-03"), np.datetime64("2024-12-31"))


def minutes(start: str = "09:30", per_day: int = 390, step: int = 1) -> TimeArray:
    """Minutes of a session's hours on successive trading days."""
    first = np.datetime64(f"2000-01-01T{start}") - np.datetime64("2000-01-01")
    clock = first + step * np.arange(per_day).astype("timedelta64[m]")
    return (days()[:, None].astype("datetime64[m]") + clock[None, :]).ravel()


def around_the_clock(step: int = 1) -> TimeArray:
    """Minutes without a break."""
    return np.datetime64("2024-03-01T00:00") + step * np.arange(20_000).astype("timedelta64[m]")


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of file."""

    write: Callable[[Made], bytes]
    file: str
    symbol: str
    times: Callable[[], TimeArray] = days
    timeframe: str = "1d"
    zone: str = "UTC"  # of the local times
    digits: int = 2
    price: float = 1.0
    has_volume: bool = True
    reading: Mapping[str, Any] = field(default_factory=dict)
    family: str = "table"

    def made(self, n_bars: int, seed: int = 0) -> Made:
        """Made-up bars that this kind can hold."""
        return made_up(n_bars, seed=seed, times=self.times(), digits=self.digits, price=self.price)

    def moments(self, made: Made) -> TimeArray:
        """Times of the bars as they must be read, in UTC; the days of daily bars."""
        if self.timeframe == "1d":
            return made.local.astype("datetime64[D]").astype("datetime64[us]")
        aware = pd.DatetimeIndex(made.local).tz_localize(self.zone).tz_convert("UTC")
        return aware.tz_localize(None).to_numpy().astype("datetime64[us]")


Cells = Callable[[datetime, float, float, float, float, float], Sequence[object]]


def table(
    made: Made,
    *,
    head: Sequence[str],
    cells: Cells,
    newest_first: bool = False,
    delimiter: str = ",",
    quoting: int = csv.QUOTE_MINIMAL,
    encoding: str = "utf-8",
    above: Sequence[str] = (),
) -> bytes:
    """Write a table with lines above its header, if it has any."""
    out = io.StringIO()
    out.writelines(f"{line}\n" for line in above)
    writer = csv.writer(out, delimiter=delimiter, quoting=quoting, lineterminator="\n")
    if head:
        writer.writerow(head)
    rows = [cells(*row) for row in made.rows()]
    writer.writerows(reversed(rows) if newest_first else rows)
    return out.getvalue().encode(encoding)


def simple(head: str, pattern: str, **how: Any) -> Callable[[Made], bytes]:
    """Write a table whose cells are formatted: `t` is the time, `o h l c v` are the numbers."""
    patterns = pattern.split("|")

    def cells(*row: Any) -> list[str]:
        values = dict(zip("tohlcv", row, strict=True))
        return [one.format(**values) for one in patterns]

    return partial(table, head=head.split("|") if head else [], cells=cells, **how)


def _comma(number: float, digits: int = 2) -> str:
    """A number with a decimal comma and dots between thousands."""
    return f"{number:,.{digits}f}".translate(str.maketrans(",.", ".,"))


def _indian(number: float) -> str:
    """A number with groups of two digits before the last three."""
    whole, _, fraction = f"{number:.2f}".partition(".")
    head, tail = whole[:-3], whole[-3:]
    groups = [head[max(end - 2, 0) : end] for end in range(len(head), 0, -2)][::-1]
    return ",".join([*groups, tail]) + f".{fraction}"


def european(made: Made) -> bytes:
    """Semicolons, decimal commas, days first with dots."""
    return table(
        made,
        head=["Datum", "Eröffnung", "Hoch", "Tief", "Schluss", "Volumen"],
        cells=lambda t, o, h, low, c, v: [f"{t:%d.%m.%Y}", *map(_comma, (o, h, low, c)), _comma(v, 0)],
        delimiter=";",
        encoding="cp1252",
    )


def german_investing(made: Made) -> bytes:
    """Decimal commas between commas, quoted, the newest bar first."""
    return table(
        made,
        head=["Datum", "Zuletzt", "Eröffn.", "Hoch", "Tief", "Vol.", "+/- %"],
        cells=lambda t, o, h, low, c, v: [
            f"{t:%d.%m.%Y}", *map(_comma, (c, o, h, low)), f"{_comma(v / 1e6, 6)}M", "0,07%",
        ],
        newest_first=True,
        quoting=csv.QUOTE_ALL,
        encoding="utf-8-sig",
    )  # fmt: skip


def nse(made: Made) -> bytes:
    """Names with spaces, everything quoted, Indian groups, the newest bar first."""
    return table(
        made,
        head=["Date ", "series ", "OPEN ", "HIGH ", "LOW ", "PREV. CLOSE ", "ltp ", "close ", "vwap ", "52W H ",
              "52W L ", "VOLUME ", "VALUE ", "No of trades "],
        cells=lambda t, o, h, low, c, v: [
            f"{t:%d-%b-%Y}", "EQ", *map(_indian, (o, h, low, o, c + 0.05, c, c, h, low)), _indian(v)[:-3], "1.00", "7",
        ],
        newest_first=True,
        quoting=csv.QUOTE_ALL,
        encoding="utf-8-sig",
    )  # fmt: skip


def nse_old(made: Made) -> bytes:
    """The names that the older page of the exchange writes."""
    return table(
        made,
        head=["Symbol", "Series", "Date", "Prev Close", "Open Price", "High Price", "Low Price", "Last Price",
              "Close Price", "Average Price", "Total Traded Quantity", "Turnover", "No. of Trades"],
        cells=lambda t, o, h, low, c, v: [
            "INFY", "EQ", f"{t:%d-%b-%Y}", f"{o:.2f}", f"{o:.2f}", f"{h:.2f}", f"{low:.2f}", f"{c + 0.05:.2f}",
            f"{c:.2f}", f"{c:.2f}", f"{v:.0f}", "1.00", "7",
        ],
        quoting=csv.QUOTE_ALL,
    )  # fmt: skip


def yfinance_head(made: Made, columns: str = "Close High Low Open Volume", ticker: str = "TSLA") -> bytes:
    """Three header lines: prices, tickers, and the name of the index."""
    names = columns.split()
    lines = [["Price", *names], ["Ticker", *[ticker] * len(names)], ["Date", *[""] * len(names)]]
    for t, o, h, low, c, v in made.rows():
        values = {"Open": o, "High": h, "Low": low, "Close": c, "Volume": int(v)}
        lines.append([f"{t:%Y-%m-%d}", *(repr(values[name]) for name in names)])
    return "\n".join(map(",".join, lines)).encode()


def history_frame(made: Made) -> bytes:
    """What pandas writes of an index with a zone, in the columns of `Ticker.history`."""
    index = pd.DatetimeIndex(made.local).tz_localize(NEW_YORK).rename("Date")
    columns = {"Open": made.open, "High": made.high, "Low": made.low, "Close": made.close, "Volume": made.volume}
    frame = pd.DataFrame({**columns, "Dividends": 0.0, "Stock Splits": 0.0}, index=index)
    return bytes(frame.to_csv().encode())


def binance(made: Made, *, unit: int) -> bytes:
    """Twelve columns without a header; `unit` is the length of a second in the times."""
    times = [int(t) * unit for t in made.local.astype("datetime64[s]").astype(np.int64)]
    step = (times[1] - times[0]) if len(times) > 1 else 60 * unit
    rows = [
        [start, *(f"{x:.8f}" for x in (o, h, low, c, v)), start + step - 1, "1.0", 7, "1.0", "1.0", 0]
        for start, (_, o, h, low, c, v) in zip(times, made.rows(), strict=True)
    ]
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue().encode()


def zipped(write: Callable[[Made], bytes], member: str) -> Callable[[Made], bytes]:
    """Put a file into an archive of its own."""

    def written(made: Made) -> bytes:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(member, write(made))
        return out.getvalue()

    return written


def lean_minutes(made: Made) -> bytes:
    """Milliseconds since midnight, ten thousandths of a dollar."""
    rows = [
        f"{(t.hour * 60 + t.minute) * 60_000},{','.join(f'{x * 10_000:.0f}' for x in (o, h, low, c))},{v:.0f}"
        for t, o, h, low, c, v in made.rows()
    ]
    return "\n".join([*rows, ""]).encode()


def workbook(made: Made) -> bytes:
    """A sheet with two lines above the header, dates as dates and numbers as numbers."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in [["Prices of ACME"], [], ["Date", "Open", "High", "Low", "Close", "Volume"], *made.rows()]:
        sheet.append(list(row))
    book.create_sheet("Notes").append(["made up"])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def parquet(made: Made, *, zone: str | None) -> bytes:
    """A table of times, with a zone or none."""
    with TemporaryDirectory() as folder, duckdb.connect() as cursor:
        path = Path(folder) / "bars.parquet"
        when = pd.DatetimeIndex(made.local).tz_localize(zone)
        columns = {"Open": made.open, "High": made.high, "Low": made.low, "Close": made.close, "Volume": made.volume}
        cursor.register("bars", pd.DataFrame({"Date": when, **columns}))
        cursor.execute(f"COPY bars TO '{path}' (FORMAT parquet)")
        return path.read_bytes()


OHLCV = "Date|Open|High|Low|Close|Volume"
ISO = "{t:%Y-%m-%d}|{o:.2f}|{h:.2f}|{l:.2f}|{c:.2f}|{v:.0f}"
METATRADER = "<DATE>|<TIME>|<OPEN>|<HIGH>|<LOW>|<CLOSE>|<TICKVOL>|<VOL>|<SPREAD>"
BULK = "<TICKER>|<PER>|<DATE>|<TIME>|<OPEN>|<HIGH>|<LOW>|<CLOSE>|<VOL>|<OPENINT>"

KINDS: Mapping[str, Kind] = {
    "plain": Kind(file="ACME.csv", symbol="ACME", write=simple(OHLCV, ISO)),
    "yahoo": Kind(
        file="ACME.csv",
        symbol="ACME",
        family="yahoo",
        digits=6,
        write=simple(
            "Date|Open|High|Low|Close|Adj Close|Volume",
            "{t:%Y-%m-%d}|{o:.6f}|{h:.6f}|{l:.6f}|{c:.6f}|{c:.6f}|{v:.0f}",
        ),
    ),
    "yfinance, three header lines": Kind(file="download.csv", symbol="TSLA", family="yfinance", write=yfinance_head),
    "yfinance, history": Kind(file="ACME.csv", symbol="ACME", family="yfinance", write=history_frame),
    "stooq": Kind(file="aapl_us_d.csv", symbol="AAPL", write=simple(OHLCV, ISO)),
    "stooq in Polish": Kind(
        file="KGH.csv",
        symbol="KGH",
        family="stooq",
        write=simple("Data|Otwarcie|Najwyzszy|Najnizszy|Zamkniecie|Wolumen", ISO),
    ),
    "stooq in bulk": Kind(
        file="aapl.us.txt",
        symbol="AAPL.US",
        family="bulk",
        write=simple(BULK, "AAPL.US|D|{t:%Y%m%d}|000000|{o:.2f}|{h:.2f}|{l:.2f}|{c:.2f}|{v:.0f}|0"),
    ),
    "investing": Kind(
        file="MSFT Historical Data.csv",
        symbol="MSFT",
        family="investing",
        price=100,
        write=simple(
            "Date|Price|Open|High|Low|Vol.|Change %",
            "{t:%m/%d/%Y}|{c:,.2f}|{o:,.2f}|{h:,.2f}|{l:,.2f}|{v:.0f}|0.07%",
            newest_first=True,
            quoting=csv.QUOTE_ALL,
            encoding="utf-8-sig",
        ),
    ),
    "investing in German": Kind(
        file="SAP.DE.csv", symbol="SAP.DE", family="investing", price=20, write=german_investing
    ),
    "investing in Korean": Kind(
        file="005930.KS.csv",
        symbol="005930.KS",
        family="investing",
        digits=0,
        price=700,
        times=lambda: days("XKRX"),
        write=simple(
            "날짜|종가|시가|고가|저가|거래량|변동 %",
            "{t:%Y- %m- %d}|{c:,.0f}|{o:,.0f}|{h:,.0f}|{l:,.0f}|{v:.0f}|0.07%",
            newest_first=True,
            quoting=csv.QUOTE_ALL,
        ),
    ),
    "nasdaq": Kind(
        file="ACME.csv",
        symbol="ACME",
        family="nasdaq",
        write=simple(
            "Date|Close/Last|Volume|Open|High|Low", "{t:%m/%d/%Y}|${c:.2f}|{v:.0f}|${o:.2f}|${h:.2f}|${l:.2f}",
            newest_first=True,
        ),
    ),
    "tradingview, days": Kind(
        file="NASDAQ_AAPL, 1D.csv",
        symbol="AAPL",
        family="tradingview",
        write=lambda made: simple("time|open|high|low|close|Volume|Volume MA", "{t}|{o}|{h}|{l}|{c}|{v:.0f}|1")(
            _seconds(made, NEW_YORK, "09:30")
        ),
    ),
    "tradingview, hours": Kind(
        file="BATS_SPY, 60.csv",
        symbol="SPY",
        family="tradingview",
        timeframe="1h",
        zone=NEW_YORK,
        times=lambda: minutes(per_day=7, step=60),
        write=lambda made: simple("time|open|high|low|close|Volume", "{t}|{o}|{h}|{l}|{c}|{v:.0f}")(
            _seconds(made, NEW_YORK)
        ),
    ),
    "metatrader, minutes": Kind(
        file="EURUSD_M1_202401020000_202401312359.csv",
        symbol="EURUSD",
        family="metatrader",
        timeframe="1m",
        zone="Europe/Athens",
        digits=5,
        price=0.01,
        times=around_the_clock,
        reading={"zone": "Europe/Athens"},
        write=simple(
            METATRADER,
            "{t:%Y.%m.%d}|{t:%H:%M:%S}|{o:.5f}|{h:.5f}|{l:.5f}|{c:.5f}|{v:.0f}|0|3",
            delimiter="\t",
        ),
    ),
    "metatrader, days": Kind(
        file="EURUSD_Daily.csv",
        symbol="EURUSD",
        family="metatrader",
        digits=5,
        price=0.01,
        write=simple(
            METATRADER.replace("<TIME>|", ""),
            "{t:%Y.%m.%d}|{o:.5f}|{h:.5f}|{l:.5f}|{c:.5f}|{v:.0f}|0|3",
            delimiter="\t",
        ),
    ),
    "metatrader 4": Kind(
        file="EURUSD60.csv",
        symbol="EURUSD",
        family="metatrader4",
        timeframe="1h",
        zone="UTC",
        digits=5,
        price=0.01,
        times=lambda: around_the_clock(60),
        reading={"zone": "UTC"},
        write=simple("", "{t:%Y.%m.%d}|{t:%H:%M}|{o:.5f}|{h:.5f}|{l:.5f}|{c:.5f}|{v:.0f}"),
    ),
    "histdata": Kind(
        file="DAT_ASCII_EURUSD_M1_2024.csv",
        symbol="EURUSD",
        family="histdata",
        timeframe="1m",
        zone="Etc/GMT+5",
        digits=6,
        price=0.01,
        times=around_the_clock,
        reading={"zone": "Etc/GMT+5"},
        write=simple("", "{t:%Y%m%d %H%M%S}|{o:.6f}|{h:.6f}|{l:.6f}|{c:.6f}|{v:.0f}", delimiter=";"),
    ),
    "binance, ms": Kind(
        file="BTCUSDT-1m-2024-03.csv",
        symbol="BTCUSDT",
        family="binance",
        timeframe="1m",
        price=600,
        times=around_the_clock,
        write=partial(binance, unit=1000),
    ),
    "binance, µs": Kind(
        file="BTCUSDT-1d-2024-03.csv",
        symbol="BTCUSDT",
        family="binance",
        price=600,
        times=every_day,
        write=partial(binance, unit=1_000_000),
    ),
    "binance, zipped": Kind(
        file="ETHUSDT-1h-2024-03.zip",
        symbol="ETHUSDT",
        family="binance",
        timeframe="1h",
        times=lambda: around_the_clock(60),
        write=zipped(partial(binance, unit=1000), "ETHUSDT-1h-2024-03.csv"),
    ),
    "kraken": Kind(
        file="XBTUSD_60.csv",
        symbol="XBTUSD",
        family="kraken",
        timeframe="1h",
        price=600,
        times=lambda: around_the_clock(60),
        write=lambda made: simple("", "{t}|{o:.2f}|{h:.2f}|{l:.2f}|{c:.2f}|{v:.0f}|7")(_seconds(made, "UTC")),
    ),
    "databento": Kind(
        file="bars.csv",
        symbol="ESH0",
        family="databento",
        write=simple(
            "ts_event|rtype|publisher_id|instrument_id|open|high|low|close|volume|symbol",
            "{t:%Y-%m-%d}T00:00:00.000000000Z|35|1|7|{o:.9f}|{h:.9f}|{l:.9f}|{c:.9f}|{v:.0f}|ESH0",
        ),
    ),
    "no header": Kind(file="ACME.txt", symbol="ACME", family="bare", write=simple("", ISO)),
    "krx": Kind(
        file="005930.KS.csv",
        symbol="005930.KS",
        family="krx",
        digits=0,
        price=700,
        times=lambda: days("XKRX"),
        write=simple(
            "일자|종가|대비|등락률|시가|고가|저가|거래량|거래대금|시가총액|상장주식수",
            '{t:%Y/%m/%d}|{c:.0f}|0|0.00|{o:.0f}|{h:.0f}|{l:.0f}|{v:.0f}|1|1|1',
            newest_first=True,
            quoting=csv.QUOTE_ALL,
            encoding="cp949",
        ),
    ),
    "nse": Kind(file="RELIANCE.NS.csv", symbol="RELIANCE.NS", family="nse", price=25, write=nse),
    "nse, older": Kind(file="anything here.csv", symbol="INFY", family="nse", price=25, write=nse_old),
    "european": Kind(file="BMW.DE.csv", symbol="BMW.DE", price=11, write=european),
    "lean, a day of minutes": Kind(
        file="equity/usa/minute/aapl/20230103_trade.zip",
        symbol="AAPL",
        family="lean",
        timeframe="1m",
        zone=NEW_YORK,
        digits=4,
        times=minutes,
        write=zipped(lean_minutes, "20230103_aapl_minute_trade.csv"),
    ),
    "lean, days": Kind(
        file="equity/usa/daily/aapl.zip",
        symbol="AAPL",
        family="lean",
        digits=4,
        write=zipped(
            lambda made: b"".join(
                f"{t:%Y%m%d} 00:00,{o * 1e4:.0f},{h * 1e4:.0f},{low * 1e4:.0f},{c * 1e4:.0f},{v:.0f}\n".encode()
                for t, o, h, low, c, v in made.rows()
            ),
            "aapl.csv",
        ),
    ),
    "kaggle, a column Name": Kind(
        file="all_stocks_5yr.csv",
        symbol="AAL",
        write=simple("date|open|high|low|close|volume|Name", ISO + "|AAL"),
    ),
    "kaggle, the name in the file's": Kind(
        file="AAPL_data.csv", symbol="AAPL", write=simple(OHLCV + "|Name", ISO + "|AAPL")
    ),
    "cryptodatadownload": Kind(
        file="Binance_BTCUSDT_1h.csv",
        symbol="BTC-USDT",
        family="cryptodatadownload",
        timeframe="1h",
        price=600,
        times=lambda: around_the_clock(60),
        reading={"zone": "UTC", "symbol": "BTC-USDT"},
        write=simple(
            "Unix|Date|Symbol|Open|High|Low|Close|Volume BTC|Volume USDT|tradecount",
            "1|{t:%Y-%m-%d %H:%M:%S}|BTC/USDT|{o:.2f}|{h:.2f}|{l:.2f}|{c:.2f}|{v:.0f}|1|1",
            newest_first=True,
            above=["https://www.example.com"],
        ),
    ),
    "excel": Kind(file="ACME.xlsx", symbol="ACME", write=workbook),
    "index with a zone": Kind(
        file="ACME_1h.csv",
        symbol="ACME",
        timeframe="1h",
        zone=NEW_YORK,
        digits=12,
        times=lambda: minutes(per_day=7, step=60),
        write=lambda made: _framed(made).to_csv().encode(),
    ),
    "words for morning and afternoon": Kind(
        file="ACME.csv",
        symbol="ACME",
        timeframe="30m",
        zone=NEW_YORK,
        times=lambda: minutes(per_day=13, step=30),
        write=simple(
            "Time|Open|High|Low|Last|Volume", "{t:%m/%d/%Y %I:%M %p}|{o:.2f}|{h:.2f}|{l:.2f}|{c:.2f}|{v:.0f}"
        ),
    ),
    "spreadsheet of google": Kind(
        file="ACME.csv", symbol="ACME", write=simple(OHLCV, "{t:%m/%d/%Y} 16:00:00|{o}|{h}|{l}|{c}|{v:.0f}")
    ),
    "utf-16 with tabs": Kind(
        file="ACME.txt", symbol="ACME", write=simple(OHLCV, ISO, delimiter="\t", encoding="utf-16")
    ),
    "parquet": Kind(file="ACME.parquet", symbol="ACME", digits=12, write=partial(parquet, zone=None)),
    "parquet with a zone": Kind(
        file="ACME_1h.parquet",
        symbol="ACME",
        timeframe="1h",
        zone=NEW_YORK,
        digits=12,
        times=lambda: minutes(per_day=7, step=60),
        write=partial(parquet, zone=NEW_YORK),
    ),
}  # fmt: skip


def _seconds(made: Made, zone: str, clock: str = "00:00") -> Any:
    """The same bars with times in seconds since 1970, at a clock time of each day."""
    at = np.datetime64(f"2000-01-01T{clock}") - np.datetime64("2000-01-01T00:00")
    aware = pd.DatetimeIndex(made.local + at).tz_localize(zone)
    return Made(**{**made.__dict__, "local": aware.as_unit("s").asi8})


def _framed(made: Made) -> pd.DataFrame:
    index = pd.DatetimeIndex(made.local).tz_localize(NEW_YORK).rename("Datetime")
    columns = {"Open": made.open, "High": made.high, "Low": made.low, "Close": made.close, "Volume": made.volume}
    return pd.DataFrame(columns, index=index)
