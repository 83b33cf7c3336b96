"""Files of websites, data vendors and exchanges."""

import re

from optimizer.market.formats.columns import plain_name
from optimizer.market.formats.file_family import Adjustment, Family, Sample, has, is_bare

_PANDAS_HEAD = 3  # lines


def _is_download(sample: Sample) -> bool:
    return sample.n_header == _PANDAS_HEAD and "adj_close" not in sample.plain


def _is_history(sample: Sample) -> bool:
    return {"dividends", "stock_splits"} <= sample.plain and "adj_close" not in sample.plain


def _is_investing(sample: Sample) -> bool:
    """Its tables end with a change in percent, in every language."""
    if not sample.rows or not sample.rows[0]:
        return False
    last = sample.rows[0][-1].strip()
    return 6 <= len(sample.names) <= 7 and sample.names[-1].strip().endswith("%") and last.endswith("%")


YAHOO = Family(
    name="yahoo",
    is_one=has("date", "open", "high", "low", "close", "adj_close", "volume"),
    adjustment=Adjustment.COLUMN,
    unit="shares",
)
#: yfinance since 0.2.51: adjusted unless it is told otherwise, and then it writes `Adj Close`.
YFINANCE = Family(
    name="yfinance",
    is_one=lambda sample: _is_download(sample) or _is_history(sample),
    adjustment=Adjustment.ADJUSTED,
    unit="shares",
)
STOOQ = Family(
    name="stooq",
    is_one=has("data", "otwarcie", "zamkniecie"),
    unit="shares",
)
#: Stooq's database in bulk, and Finam's: one symbol or several, times of the vendor's city.
BULK = Family(
    name="bulk",
    is_one=has("ticker", "per", "date", "open", "high", "low", "close"),
    must_name_zone=True,
)
INVESTING = Family(name="investing", is_one=_is_investing)
NASDAQ = Family(name="nasdaq", is_one=has("date", "close_last", "open", "high", "low"), day_first=False, unit="shares")
CRYPTO_DATA_DOWNLOAD = Family(
    name="cryptodatadownload", is_one=has("unix", "date", "symbol"), must_name_zone=True, unit="column"
)
_COUNT = r"\d{13}|\d{16}"
_NUMBER = r"-?\d+(\.\d+)?([eE][+-]?\d+)?"
BINANCE_NAMED = Family(
    name="binance",
    is_one=lambda sample: {"open_time", "close_time"} <= sample.plain,
    adjustment=Adjustment.UNADJUSTED,
    unit="base",
    in_parts=True,
)
BINANCE = Family(
    name="binance",
    is_one=is_bare([_COUNT, *[_NUMBER] * 5, _COUNT, *[_NUMBER] * 5], ","),
    columns=("time", "open", "high", "low", "close", "volume"),
    adjustment=Adjustment.UNADJUSTED,
    unit="base",
    in_parts=True,
)
#: Kraken's history: the last column counts trades.
KRAKEN = Family(
    name="kraken",
    is_one=is_bare([r"\d{9,10}", *[_NUMBER] * 5, r"\d+"], ","),
    columns=("time", "open", "high", "low", "close", "volume"),
    adjustment=Adjustment.UNADJUSTED,
    unit="base",
)
_FIXED_POINT = re.compile(r"-?\d+")
_PER_UNIT = 1_000_000_000


def _databento_divisor(sample: Sample) -> int:
    """Prices are whole billionths unless they were asked for with their point."""
    place = [plain_name(name) for name in sample.names].index("open")
    cells = [row[place].strip() for row in sample.rows if len(row) > place]
    return _PER_UNIT if all(map(_FIXED_POINT.fullmatch, cells)) else 1


DATABENTO = Family(
    name="databento",
    is_one=has("ts_event", "rtype", "instrument_id", "open"),
    adjustment=Adjustment.UNADJUSTED,
    divisor=_databento_divisor,
)
_NSE_NAMES = {"ltp", "prev_close", "prevclose", "total_traded_quantity", "tottrdqty"}
KRX = Family(name="krx", is_one=has("일자", "종가", "대비", "시가", "고가", "저가"), unit="shares")
NSE = Family(
    name="nse",
    is_one=lambda sample: "series" in sample.plain and not sample.plain.isdisjoint(_NSE_NAMES),
    adjustment=Adjustment.UNADJUSTED,
    unit="shares",
)
