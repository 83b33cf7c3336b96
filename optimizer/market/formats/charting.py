"""Files of charting and trading programs."""

import re

from optimizer.market.formats.file_family import Family, Sample, has, is_bare

_PRICE = r"\d+(\.\d+)?"
_COUNT = re.compile(r"-?\d{6,11}")


def _is_tradingview(sample: Sample) -> bool:
    """Seconds since 1970 in a column that is called `time`, then the four prices in lower case."""
    starts = list(sample.names[:5]) == ["time", "open", "high", "low", "close"]
    return starts and bool(sample.rows) and bool(_COUNT.fullmatch(sample.rows[0][0].strip()))


TRADINGVIEW = Family(name="tradingview", is_one=_is_tradingview)
#: Clock times of MetaTrader are those of the broker's server.
METATRADER = Family(
    name="metatrader",
    is_one=lambda sample: "<DATE>" in sample.names and has("date", "open", "tickvol")(sample),
    must_name_zone=True,
)
METATRADER4 = Family(
    name="metatrader4",
    is_one=is_bare([r"\d{4}\.\d{2}\.\d{2}", r"\d{2}:\d{2}", *[_PRICE] * 4, r"\d+"]),
    columns=("time", "clock", "open", "high", "low", "close", "volume"),
    must_name_zone=True,
    unit="ticks",
)
HISTDATA = Family(
    name="histdata",
    is_one=is_bare([r"\d{8} \d{6}", *[_PRICE] * 4, r"\d+"], ";"),
    columns=("time", "open", "high", "low", "close", "volume"),
    must_name_zone=True,
    unit="ticks",
)
