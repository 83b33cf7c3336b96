"""Files of QuantConnect's Lean: one CSV without header in each archive, named by its day, symbol and kind.

Prices of equities are in ten thousandths, those of everything else are as they are. Which it is, the folders above say
(`equity/usa/minute/aapl`); without them the symbol does, because everything else that is traded there is a pair of
currencies, and its prices, because ten thousandths are whole numbers.
"""

import re
from datetime import date

from optimizer.market.formats.file_family import Adjustment, Family, Sample, is_bare

_MINUTES = re.compile(r"(?:.*/)?(?P<day>\d{8})_(?P<symbol>[a-z0-9.\-]+)_(?:second|minute)_trade\.csv", re.IGNORECASE)
_OTHER = {"crypto", "forex", "cfd", "future", "index", "option", "cryptofuture", "futureoption", "indexoption"}
_PAIR = re.compile(r"[a-z]{2,6}(usd|usdt|usdc|busd|eur|gbp|jpy|krw|btc|eth|chf|aud|cad|nzd)", re.IGNORECASE)
_PRICE = r"\d+(\.\d+)?"
_BARE_MINUTES = is_bare([r"\d{1,8}", *[_PRICE] * 4, r"\d+(\.\d+)?([eE][+-]?\d+)?"], ",")
_BARE_DAYS = is_bare([r"\d{8} \d{2}:\d{2}", *[_PRICE] * 4, r"\d+(\.\d+)?([eE][+-]?\d+)?"], ",")
_COLUMNS = ("time", "open", "high", "low", "close", "volume")
EQUITY_DIVISOR = 10_000


def divisor(sample: Sample) -> int:
    """What prices are divided by; 0 if it cannot be known."""
    folders = set(sample.path.lower().split("/")[:-1])
    if "equity" in folders:
        return EQUITY_DIVISOR
    if folders & _OTHER:
        return 1
    if any("." in cell for row in sample.rows for cell in row[1:5]):
        return 1
    return 0 if _PAIR.fullmatch(_symbol(sample)) else EQUITY_DIVISOR


def _symbol(sample: Sample) -> str:
    name = sample.path.rsplit("/", 1)[-1]
    found = _MINUTES.fullmatch(name)
    return found["symbol"] if found else name.partition(".")[0].partition("_")[0]


def since_midnight(sample: Sample, text: str) -> str:
    """SQL of the time from milliseconds since midnight; the day is in the file's name."""
    found = _MINUTES.fullmatch(sample.path)
    assert found is not None, "the family was recognised by it"
    day = date.fromisoformat(found["day"])
    is_one = f"regexp_full_match({text}, '\\d{{1,8}}') AND try_cast({text} AS BIGINT) < 86400000"
    return f"CASE WHEN {is_one} THEN TIMESTAMP '{day}' + to_milliseconds(try_cast({text} AS BIGINT)) END"


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _is_minutes(sample: Sample) -> bool:
    found = _MINUTES.fullmatch(sample.path)
    return found is not None and _is_day(found["day"]) and _BARE_MINUTES(sample)


LEAN_MINUTES = Family(
    name="lean",
    is_one=_is_minutes,
    columns=_COLUMNS,
    adjustment=Adjustment.UNADJUSTED,
    unit="shares",
    in_parts=True,
    divisor=divisor,
    time=since_midnight,
)
LEAN_DAYS = Family(
    name="lean",
    is_one=_BARE_DAYS,
    columns=_COLUMNS,
    adjustment=Adjustment.UNADJUSTED,
    unit="shares",
    divisor=divisor,
)
