"""Column names of files: those that vendors and charting programs use for time, prices, volume and symbol."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

#: Names by meaning, as returned by `plain_name`; earlier names win when a file has several.
NAMES: Mapping[str, tuple[str, ...]] = {
    "time": (
        "datetime",
        "timestamp",
        "date",
        "day",
        "일자",
        "날짜",
        "일시",
        "unnamed_0",
        "index_level_0",
        "index",
        "dt",
        "date_time",
        "open_time",
        "trade_date",
    ),
    "clock": ("time", "시간", "시각"),
    "symbol": ("symbol", "ticker", "code", "act_symbol", "tic", "ticker_symbol", "stock_symbol", "종목코드", "종목"),
    "name": (
        "name",
        "stock",
        "company",
        "company_name",
        "stock_name",
        "instrument",
        "asset",
        "security",
        "issuer",
        "contract",
        "coin",
        "pair",
        "isin",
        "종목명",
        "회사명",
    ),
    "open": ("open", "o", "open_price", "opening", "시가"),
    "high": ("high", "h", "high_price", "max", "고가"),
    "low": ("low", "l", "low_price", "min", "저가"),
    "close": ("close", "c", "close_price", "close_last", "last", "price", "종가", "현재가"),
    "adjusted": (
        "adj_close",
        "adjclose",
        "adjusted_close",
        "adj_close_price",
        "close_adj",
        "close_adjusted",
        "수정종가",
    ),
    "volume": ("volume", "vol", "v", "volume_traded", "shares", "거래량"),
}
NEEDED = ("time", "open", "high", "low", "close")


_CLOCK = re.compile(r"(\d{1,2}(:\d{2}){1,2}(\.\d+)?|\d{1,6})?\s*(Z|UTC|GMT|[+-]\d{2}:?\d{0,2})?")


def plain_name(name: str) -> str:
    """Name of a column in lower case, words joined by underscores, without numbering (`1. open` is `open`)."""
    words = re.sub(r"[^\w]+", "_", name.strip().lower())
    return re.sub(r"^\d+_+", "", words).strip("_")


@dataclass(frozen=True, kw_only=True)
class Head:
    """Header of a file: the names of its columns, its lines, and the symbols that it names above the columns."""

    names: Sequence[str]
    n_lines: int = 1
    symbols: Sequence[str] = ()


def find_head(rows: Sequence[Sequence[str]]) -> Head:
    """Header of a file: one line, or the three that pandas writes for columns with a price and a ticker each."""
    if len(rows) < 3 or plain_name(rows[2][0]) not in NAMES["time"] or any(cell.strip() for cell in rows[2][1:]):
        return Head(names=rows[0])
    prices, tickers = rows[1::-1] if "close" in find_columns(rows[1], ()) else rows[:2]
    symbols = sorted({cell.strip() for cell in tickers[1:] if cell.strip()})
    return Head(names=[rows[2][0], *prices[1:]], n_lines=3, symbols=symbols)


def find_columns(header: Sequence[str], rows: Sequence[Sequence[str]]) -> dict[str, int]:
    """Index of each column by meaning, from its name and its first rows; missing columns are absent."""
    plain = [plain_name(name) for name in header]
    plain[0] = plain[0] or "unnamed_0"
    places = {
        meaning: next(plain.index(name) for name in names if name in plain)
        for meaning, names in NAMES.items()
        if any(name in plain for name in names)
    }
    # A time of day is separate only beside a date, and `time` may be the date beside a numbered index.
    if "clock" in places and ("time" not in places or not _are_clocks(rows, places["clock"])):
        places["time"] = places.pop("clock")
    return places


def _are_clocks(rows: Sequence[Sequence[str]], place: int) -> bool:
    """True if a column has times of day, and no dates."""
    return all(_CLOCK.fullmatch(row[place].strip()) for row in rows if len(row) > place)


def missing_columns(places: Mapping[str, int]) -> list[str]:
    """Names of the required columns that were not found."""
    return [name for name in NEEDED if name not in places]
