"""Columns of a table: found by the names that vendors and charting programs use for time, prices, volume and symbol."""

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

#: Names by meaning, as returned by `plain_name`; earlier names win when a file has several.
NAMES: Mapping[str, tuple[str, ...]] = {
    "time": (
        # Upbit's `timestamp` beside these is the last trade of the bar.
        *("candle_date_time_utc", "candle_date_time_kst"),
        *("datetime", "timestamp", "date", "day", "일자", "날짜", "일시"),
        *("unnamed_0", "index_level_0", "index", "dt", "date_time", "open_time", "trade_date", "unix"),
        *(
            "datum",
            "data",
            "fecha",
            "tanggal",
            "tarih",
            "дата",
            "日付",
            "日付け",
            "日期",
            "日_期",
            "交易日期",
            "交易日",
        ),
        *("gmt_time", "local_time", "time_utc", "time_gmt"),
        *("exchange_date", "dates", "tradedate", "traddt", "dtyyyymmdd", "start_at", "start_time", "starttime"),
        *("window_start", "ts_event", "begin", "체결시간", "영업일자", "ts", "t"),
    ),
    "clock": ("time", "시간", "시각"),
    "symbol": (
        *("symbol", "ticker", "code", "act_symbol", "tic"),
        *("ticker_symbol", "stock_symbol", "ts_code", "tckrsymb", "종목코드", "종목"),
    ),
    "name": (
        *("name", "stock", "company", "company_name", "stock_name", "instrument", "asset", "security", "issuer"),
        *("contract", "coin", "pair", "isin", "종목명", "회사명"),
    ),
    "open": (
        *("open", "o", "open_price", "opening", "시가", "eröffnung", "eröffn", "eröffnungskurs", "erster"),
        *("ouverture", "ouv", "apertura", "abertura", "otwarcie", "pembukaan", "始値", "开盘", "開盤"),
        *("开盘价", "開盤價", "opening_price", "openprice", "px_open", "opnpric"),
        *("öppning", "öppningskurs", "açılış", "открытие", "откр"),
    ),
    "high": (
        *("high", "h", "high_price", "max", "고가", "hoch", "tageshoch", "haut", "plus_haut", "máximo", "máxima"),
        *("massimo", "najwyzszy", "najwyższy", "tertinggi", "高値", "最高"),
        *("最高价", "最高價", "高", "highprice", "px_high", "hghpric"),
        *("högst", "högstakurs", "hoog", "yüksek", "максимум", "макс"),
    ),
    "low": (
        *("low", "l", "low_price", "min", "저가", "tief", "tagestief", "bas", "plus_bas", "mínimo", "mínima"),
        *("minimo", "najnizszy", "najniższy", "terendah", "安値", "最低"),
        *("最低价", "最低價", "低", "lowprice", "px_low", "lwpric"),
        *("lägst", "lägstakurs", "laag", "düşük", "минимум", "мин"),
    ),
    "close": (
        *("close", "c", "close_price", "close_last", "last", "price", "종가", "현재가", "schluss", "schlusskurs"),
        *("zuletzt", "dernier", "clôture", "cierre", "último", "ultimo", "chiusura", "fechamento", "zamkniecie"),
        *("zamknięcie", "terakhir", "終値", "收盘", "收盤", "收盘价", "收盤價", "closing_price", "stängning"),
        *("closeprice", "px_last", "clspric", "trade_price", "latest", "slutkurs"),
        *("slot", "slotkoers", "kapanış", "şimdi", "закрытие", "цена"),
    ),
    "adjusted": (
        *("adj_close", "adjclose", "adjusted_close", "adj_close_price", "close_adj", "close_adjusted", "수정종가"),
        *("adjusted", "調整後終値", "終値調整値"),
    ),
    "volume": (
        *("volume", "vol", "v", "volume_traded", "shares", "거래량", "stuecke", "stücke", "umsatz_in_stück", "volumen"),
        *("wolumen", "出来高", "成交量", "volym", "hacim", "hac", "объем", "объём", "total_volume"),
        *("total_traded_quantity", "tottrdqty", "ttl_trd_qnty", "ttltradgvol", "no_of_shares", "number_of_shares"),
        *(
            "px_volume",
            "candle_acc_trade_volume",
            "売買高",
            "売買高_株",
            "出来高_株",
            "成交股數",
            "成交張數",
            "成交仟股",
        ),
        *("交易量", "real_volume", "tickvol", "tick_volume"),
    ),
}
NEEDED = ("time", "open", "high", "low", "close")
PRICES = ("open", "high", "low", "close", "adjusted")
DELIMITERS = ",;\t|"
#: A header is looked for in so many first lines.
N_LINES = 40

_CLOCK = re.compile(r"(\d{1,2}(:\d{2}){1,2}(\.\d+)?(\s?[AaPp][Mm])?|\d{1,6})?\s*(Z|UTC|GMT|[+-]\d{2}:?\d{0,2})?")
#: A currency in brackets behind the name of a price; it is not a different price.
_CURRENCY = re.compile(r"\s*[(\[]\s*(?:[a-z]{3}|rs\.?|[$€£¥₩₹]|원)\s*[)\]]\s*$", re.IGNORECASE)

_JOINED = (
    re.compile(
        r"(?P<ticker>(?!(?:ADJ|BID|ASK|MID)\.)[A-Z0-9^][A-Z0-9.\-=^]*)\.(?P<name>Open|High|Low|Close|Volume|Adjusted)"
    ),
    re.compile(r"\('(?P<name>[A-Z][\w ]+)', '(?P<ticker>[A-Z0-9^][^']*)'\)"),
)
#: Zones that the name of a column of times may say.
_ZONES = {"utc": "UTC", "gmt": "UTC", "kst": "Asia/Seoul", "jst": "Asia/Tokyo"}
_ZONE = re.compile(rf"(?<![a-z])({'|'.join(_ZONES)})(?!\s*[a-z+\-\u2212])", re.IGNORECASE)

#: A volume whose unit is named, as in `Volume BTC`; no average of volumes.
_UNIT = re.compile(r"volume_(?!avg|sma|ema|mean|prev|pct)[a-z]{3,5}")


def plain_name(name: str) -> str:
    """Name of a column in lower case, words joined by underscores, without numbering (`1. open` is `open`)."""
    words = re.sub(r"[^\w]+", "_", _CURRENCY.sub("", name).strip().lower())
    return re.sub(r"^\d+_+", "", words).strip("_")


def zone_in(name: str) -> str:
    """Zone that the name of a column of times says, such as `Time (UTC)`; empty if it says none."""
    found = _ZONE.search(name)
    return _ZONES[found[1].lower()] if found else ""


@dataclass(frozen=True, kw_only=True)
class Head:
    """Header of a table: the names of its columns, and where the rows begin."""

    names: Sequence[str]
    n_above: int  # rows of the table up to and with the header
    tickers: Sequence[str] = ()  # of each column, where a second header line names them

    @property
    def symbols(self) -> tuple[str, ...]:
        """Symbols that the header names, sorted."""
        return tuple(sorted({name for name in self.tickers if name}))


def find_head(rows: Sequence[Sequence[str]]) -> Head | None:
    """Header of a table: the first line that names time and prices, or the three that pandas writes for tickers."""
    for place, row in enumerate(rows):
        if three := _three_lines(rows[place : place + 3], place):
            return three
        if not missing_columns(find_columns(row, rows[place + 1 :])):
            return Head(names=row, n_above=place + 1)
        if joined := _joined_names(row, place):
            return joined
    return None


def _joined_names(row: Sequence[str], place: int) -> Head | None:
    """Header whose names have the ticker in them: `AAPL.Open`, as R writes it, or `('Open', 'AAPL')`, as pandas."""
    found = [next(filter(None, (shape.fullmatch(cell.strip()) for shape in _JOINED)), None) for cell in row]
    if sum(map(bool, found)) < len(PRICES) - 1:
        return None
    names = [one["name"] if one else cell for one, cell in zip(found, row, strict=True)]
    tickers = [one["ticker"] if one else "" for one in found]
    return Head(names=names, n_above=place + 1, tickers=tickers)


def _three_lines(rows: Sequence[Sequence[str]], place: int) -> Head | None:
    """Header of columns with a price and a ticker each."""
    if len(rows) < 3 or plain_name(rows[2][0]) not in NAMES["time"] or any(cell.strip() for cell in rows[2][1:]):
        return None
    prices, tickers = rows[1::-1] if "close" in find_columns(rows[1], ()) else rows[:2]
    names = [rows[2][0], *prices[1:]]
    return Head(names=names, n_above=place + 3, tickers=["", *(cell.strip() for cell in tickers[1:])])


def find_columns(header: Sequence[str], rows: Sequence[Sequence[str]]) -> dict[str, int]:
    """Index of each column by meaning, from its name and its first rows; missing columns are absent."""
    plain = [plain_name(name) for name in header]
    if plain:
        plain[0] = plain[0] or "unnamed_0"
    known = set(plain)
    places = {
        meaning: next(plain.index(name) for name in names if name in known)
        for meaning, names in NAMES.items()
        if not known.isdisjoint(names)
    }
    if "volume" in places:
        places["volume"] = _traded(plain, rows, places["volume"])
    if "volume" not in places and (units := [name for name in plain if _UNIT.fullmatch(name)]):
        places["volume"] = plain.index(units[0])
    # A time of day is separate only beside a date, and `time` may be the date beside a numbered index.
    if "clock" in places and ("time" not in places or not _are_clocks(rows, places["clock"])):
        places["time"] = places.pop("clock")
    return places


def _traded(plain: Sequence[str], rows: Sequence[Sequence[str]], first: int) -> int:
    """The first column of volumes that are not all zero: what is traded between banks has ticks only."""
    found = [place for place, name in enumerate(plain) if name in NAMES["volume"]]
    found.sort(key=lambda place: NAMES["volume"].index(plain[place]))
    return next((place for place in found if any(row[place : place + 1] != ["0"] for row in rows)), first)


def _are_clocks(rows: Sequence[Sequence[str]], place: int) -> bool:
    """True if a column has times of day, and no dates; one of many cells may be damaged."""
    cells = [row[place].strip() for row in rows if len(row) > place]
    return 2 * sum(_CLOCK.fullmatch(cell) is not None for cell in cells) >= len(cells)


def missing_columns(places: Mapping[str, int]) -> list[str]:
    """Names of the required columns that were not found."""
    return [name for name in NEEDED if name not in places]


def find_twin(header: Sequence[str], rows: Sequence[Sequence[str]], places: Mapping[str, int]) -> str | None:
    """Name of a column that a second one has, too, with other content; None if there is none."""
    plain = [plain_name(name) for name in header]
    for place in places.values():
        twins = [other for other, name in enumerate(plain) if name and name == plain[place]]
        if any(row[one : one + 1] != row[place : place + 1] for row in rows for one in twins):
            return header[place]
    return None


def n_known_columns(lines: Sequence[str], delimiters: str = DELIMITERS) -> int:
    """Number of columns whose names are known, in the best of the first lines."""
    tables = (csv.reader(lines, delimiter=mark) for mark in delimiters)
    try:
        return max((len(find_columns(row, ())) for rows in tables for row in rows), default=0)
    except csv.Error:
        return 0
