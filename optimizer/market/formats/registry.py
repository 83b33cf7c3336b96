"""Registry of the families; the first that recognises a file has it."""

from collections.abc import Sequence

from optimizer.market.formats.charting import (
    BARE,
    HISTDATA,
    METATRADER,
    METATRADER4,
    METATRADER_PYTHON,
    TRADINGVIEW,
)
from optimizer.market.formats.file_family import Family, Sample
from optimizer.market.formats.lean import LEAN_DAYS, LEAN_MINUTES
from optimizer.market.formats.vendors import (
    BINANCE,
    BINANCE_NAMED,
    BULK,
    CRYPTO_DATA_DOWNLOAD,
    DATABENTO,
    INVESTING,
    KRAKEN,
    KRX,
    NASDAQ,
    NSE,
    STOOQ,
    YAHOO,
    YFINANCE,
)

#: A table with a header that names time and prices, of whoever it is.
TABLE = Family(name="table", is_one=lambda sample: bool(sample.names))
FAMILIES: Sequence[Family] = (
    YFINANCE,
    YAHOO,
    METATRADER,
    BULK,
    STOOQ,
    NASDAQ,
    KRX,
    NSE,
    INVESTING,
    CRYPTO_DATA_DOWNLOAD,
    DATABENTO,
    BINANCE_NAMED,
    METATRADER_PYTHON,
    TRADINGVIEW,
    BINANCE,
    LEAN_MINUTES,
    LEAN_DAYS,
    METATRADER4,
    HISTDATA,
    KRAKEN,
    *BARE,
    TABLE,
)


def recognise(sample: Sample) -> Family | None:
    """Family of a file; None for one without header that no family has."""
    return next((family for family in FAMILIES if family.is_one(sample)), None)
