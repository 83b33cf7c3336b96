"""Column names of files: those that vendors and charting programs use for time, prices, volume and symbol."""

import re
from collections.abc import Mapping, Sequence

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
    ),
    "clock": ("time", "시간", "시각"),
    "symbol": ("symbol", "ticker", "code", "act_symbol", "종목코드", "종목"),
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


def plain_name(name: str) -> str:
    """Name of a column in lower case, words joined by underscores, without numbering (`1. open` is `open`)."""
    words = re.sub(r"[^\w]+", "_", name.strip().lower())
    return re.sub(r"^\d+_+", "", words).strip("_")


def find_columns(header: Sequence[str]) -> dict[str, int]:
    """Index of each column by meaning; missing columns are absent."""
    plain = [plain_name(name) or "unnamed_0" for name in header]
    places = {
        meaning: next(plain.index(name) for name in names if name in plain)
        for meaning, names in NAMES.items()
        if any(name in plain for name in names)
    }
    if "time" not in places and "clock" in places:
        places["time"] = places.pop("clock")
    # A time of day is separate only beside a date.
    return places


def missing_columns(places: Mapping[str, int]) -> list[str]:
    """Names of the required columns that were not found."""
    return [name for name in NEEDED if name not in places]
