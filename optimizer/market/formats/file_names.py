"""What the name of a file says: the symbol, and sometimes the timeframe."""

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePath

from optimizer.market.formats.source_files import ENDINGS

SYMBOL = re.compile(r"[A-Z0-9^][A-Z0-9.\-=^]{0,19}")
_ENDING = re.compile("|".join(re.escape(ending) for ending in sorted(ENDINGS, key=len, reverse=True)) + "$")
#: Exchanges whose symbols need no suffix.
_PREFIXES = (
    "NASDAQ|NYSE|AMEX|BATS|CBOE|OTC|ARCA|BINANCE|COINBASE|KRAKEN|BITSTAMP|BYBIT|OKX|UPBIT|BITHUMB|FX(?:_IDC)?|OANDA"
)
#: Endings of symbols by TradingView's names of exchanges; KRX is not among them, since it stands for two endings.
_ENDINGS_BY_EXCHANGE: Mapping[str, str] = {
    "TWSE": ".TW",
    "TPEX": ".TWO",
    "TSE": ".T",
    "HKEX": ".HK",
    "SSE": ".SS",
    "SZSE": ".SZ",
    "NSE": ".NS",
    "BSE": ".BO",
    "LSE": ".L",
    "XETR": ".DE",
    "FWB": ".F",
    "SIX": ".SW",
    "MIL": ".MI",
    "BME": ".MC",
    "WSE": ".WA",
    "ASX": ".AX",
    "TSX": ".TO",
    "BMFBOVESPA": ".SA",
    "OMXSTO": ".ST",
    "OMXCOP": ".CO",
    "OMXHEX": ".HE",
    "OSL": ".OL",
}
#: Yahoo's codes of Hong Kong have four digits.
_HONG_KONG = 4
#: Names that programs and websites give; the last one fits any.
_NAMES: Sequence[re.Pattern[str]] = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"\d{8}_(?P<symbol>[a-z0-9.\-]+)_(?P<timeframe>minute)_trade",  # Lean
        rf"(?:{_PREFIXES})_(?P<symbol>[a-z0-9.]+), ?(?P<timeframe>\w+?)(?:_\w{{5}})?",  # TradingView
        rf"(?P<exchange>{'|'.join(_ENDINGS_BY_EXCHANGE)})_(?P<symbol>[a-z0-9.\-]+), ?(?P<timeframe>\w+?)(?:_\w{{5}})?",
        r"(?P<symbol>[a-z]{6})_Candlestick_(?P<timeframe>1_M|5_M|15_M|30_M|1_Hour|1_D)_.*",  # Dukascopy
        r"(?:daily|daily_adjusted)_(?P<symbol>[a-z0-9.\-]+)",  # Alpha Vantage
        r"intraday_(?P<timeframe>1min|5min|15min|30min|60min)_(?P<symbol>[a-z0-9.\-]+)",
        r"Download Data - (?:STOCK|FUND)_US_X[A-Z]{3}_(?P<symbol>[a-z.]+)",  # MarketWatch
        r"(?P<symbol>[a-z0-9.\-]+)_(?:daily|intraday-\w+)_historical-data-.*",  # Barchart
        r"(?P<symbol>[a-z0-9.\-]+)_(?P<timeframe>1min|5min|30min|1hour|1day)(?:_.*)?",  # FirstRate
        r"(?P<symbol>[A-Z0-9]{2,7}(?:USD|EUR|GBP|XBT|ETH))_(?P<timeframe>1|5|15|30|60|1440)",  # Kraken
        r"(?P<symbol>[a-z0-9]+)-(?P<timeframe>1m|5m|15m|30m|1h|1d)-\d{4}-\d{2}(?:-\d{2})?",  # Binance
        r"(?P<symbol>[A-Z]{3}(?:USD|CAD|AUD|NZD|SGD|HKD))(?P<timeframe>1)",  # MetaTrader 4: not the days of EURUS
        r"(?P<symbol>[a-z0-9.#]+?)_?(?P<timeframe>M1|M5|M15|M30|H1|Daily|D1)(?:_\d{8,12}){0,2}",  # MetaTrader
        r"DAT_(?:ASCII|MT|XLSX?)_(?P<symbol>[a-z]+)_(?P<timeframe>M1)_\d{4,6}",  # HistData
        r"(?P<symbol>[A-Z]{6})(?P<timeframe>1|5|15|30|60|1440)",  # MetaTrader 4
        r"(?P<symbol>[a-z0-9\-]+)_us_(?P<timeframe>d)",  # Stooq
        r"Quote-Equity-(?P<symbol>[A-Z0-9&\-]+?)-EQ-.*",  # NSE
        r"(?P<symbol>[a-z0-9.\-]+) Historical Data",  # Investing.com
        r"(?P<symbol>.+?)(?:[_\- ](?P<timeframe>1m|5m|15m|30m|1h|1d))?",
    )
)
_TIMEFRAMES: Mapping[str, str] = {
    **{word: word for word in ("1m", "5m", "15m", "30m", "1h", "1d")},
    "m1": "1m",
    "m5": "5m",
    "m15": "15m",
    "m30": "30m",
    "h1": "1h",
    "d1": "1d",
    "daily": "1d",
    "d": "1d",
    "1": "1m",
    "5": "5m",
    "15": "15m",
    "30": "30m",
    "60": "1h",
    "1440": "1d",
    **{f"{n}min": f"{n}m" for n in (1, 5, 15, 30)},
    **{f"{n}_m": f"{n}m" for n in (1, 5, 15, 30)},
    "60min": "1h",
    "1hour": "1h",
    "1_hour": "1h",
    "1day": "1d",
    "1_d": "1d",
    "minute": "1m",
}


def named(path: PurePath) -> tuple[str, str | None]:
    """Symbol and timeframe (None: not given) in a file's name: `AAPL.csv`, `005930.KS_1h.parquet`."""
    name = path.name
    if ending := _ENDING.search(name.lower()):
        name = name[: ending.start()]
    match = next(found for pattern in _NAMES if (found := pattern.fullmatch(name)))
    groups = match.groupdict()
    symbol = groups["symbol"].upper()
    if suffix := _ENDINGS_BY_EXCHANGE.get((groups.get("exchange") or "").upper()):
        symbol = (symbol.zfill(_HONG_KONG) if suffix == ".HK" else symbol.replace(".", "-")) + suffix
    return symbol, _TIMEFRAMES.get((groups.get("timeframe") or "").lower())
