"""Files of charting and trading programs."""

import re

from optimizer.market.formats.file_family import Family, Sample, has, is_bare

_PRICE = r"\d+(\.\d+)?"
_OHLCV = ("open", "high", "low", "close", "volume")
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
#: What the Python package of MetaTrader delivers: its counts of seconds are clock times of the broker's server, too.
METATRADER_PYTHON = Family(
    name="metatrader", is_one=has("time", "tick_volume", "spread", "real_volume"), must_name_zone=True
)
METATRADER4 = Family(
    name="metatrader4",
    is_one=is_bare([r"\d{4}\.\d{2}\.\d{2}", r"\d{2}:\d{2}", *[_PRICE] * 4, r"\d+"]),
    columns=("time", "clock", "open", "high", "low", "close", "volume"),
    must_name_zone=True,
    unit="ticks",
)
_DAY = r"\d{4}-\d{2}-\d{2}|\d{1,2}/\d{1,2}/\d{4}|\d{8}"
_CLOCK = r"\d{1,2}:\d{2}(:\d{2})?"
#: Tables without a header, in the one order that programs write: open, high, low, close. Rows that contradict it are
#: told, or refused when they are many.
BARE = tuple(
    Family(name="bare", is_one=is_bare([*first, *[_PRICE] * 4, r"\d+(\.\d+)?"]), columns=(*names, *_OHLCV))
    for first, names in (
        ([_DAY], ("time",)),
        ([rf"({_DAY}) {_CLOCK}"], ("time",)),
        ([_DAY, _CLOCK], ("time", "clock")),
        ([r"[A-Z0-9.]{1,12}", r"\d{8}"], ("symbol", "time")),
    )
)
HISTDATA = Family(
    name="histdata",
    is_one=is_bare([r"\d{8} \d{6}", *[_PRICE] * 4, r"\d+"], ";"),
    columns=("time", "open", "high", "low", "close", "volume"),
    must_name_zone=True,
    unit="ticks",
)
