"""Bars of one symbol as arrays: the only market type that the backtest and the search use."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import cached_property, reduce

import numpy as np
from numpy.typing import NDArray

from optimizer.errors import Phrase, TooFewBars, UnusableBars

FloatArray = NDArray[np.float64]
TimeArray = NDArray[np.datetime64]

_MONDAY = np.datetime64("1970-01-05", "ns")
_WEEK_NS, _WORKDAYS_NS = 604_800 * 10**9, 432_000 * 10**9
_COLUMNS = ("open", "high", "low", "close", "volume")


@dataclass(frozen=True, kw_only=True)
class Bars:
    """Adjusted bars in time order, (n_bars,) each.

    `time` is datetime64[ns] in UTC: midnight of the session for daily bars, the opening of the bar
    otherwise. Prices are float64, all four adjusted by the same factor; volume is in shares.
    """

    symbol: str
    timeframe: str = "1d"
    source: str = ""
    time: TimeArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray
    counts_weekdays: bool = True  # a year of currencies has 260 days; of early studies' bars 252

    def __len__(self) -> int:
        return len(self.close)

    def cut(self, start: int, stop: int) -> "Bars":
        """Bars of rows start to stop (stop excluded), as views of the same memory."""
        columns = {name: getattr(self, name)[start:stop] for name in ("time", *_COLUMNS)}
        return replace(self, **columns)

    def row_at(self, when: date | datetime) -> int:
        """First row at or after `when` (the number of bars if there is none)."""
        if isinstance(when, datetime):
            when = when.astimezone(UTC).replace(tzinfo=None) if when.tzinfo else when
        return int(np.searchsorted(self.time, np.datetime64(when, "ns")))

    @cached_property
    def n_at_weekends(self) -> int:
        """Number of bars on Saturdays and Sundays."""
        since_monday = (self.time - _MONDAY).view(np.int64)
        return int(np.count_nonzero(since_monday - since_monday // _WEEK_NS * _WEEK_NS >= _WORKDAYS_NS))

    @cached_property
    def data_hash(self) -> str:
        """SHA-256 over symbol, timeframe and every column."""
        digest = hashlib.sha256(f"{self.symbol}|{self.timeframe}|{len(self)}".encode())
        digest.update(np.ascontiguousarray(self.time.astype("datetime64[ns]")).tobytes())
        for name in _COLUMNS:
            digest.update(np.ascontiguousarray(getattr(self, name), dtype=np.float64).tobytes())
        return digest.hexdigest()


def require_prices(bars: Bars) -> None:
    """Raise UnusableBars at the first price that is not a positive number."""
    prices = np.array([bars.open, bars.high, bars.low, bars.close])
    wrong = np.argwhere(~((prices > 0.0) & (prices < np.inf)).T)
    if len(wrong):
        row, column = wrong[0]
        reason = Phrase("price_is", price=Phrase(_COLUMNS[column]), value=f"{prices[column, row]:g}")
        raise UnusableBars(symbol=bars.symbol, reason=reason, when=str(bars.time[row])[:10])


def on_common_dates(many: Sequence[Bars]) -> list[Bars]:
    """Bars of each symbol on the dates on which all of them have one. Raises TooFewBars when there is none.

    A symbol's price changes on other days are part of its next bar, as over a weekend.
    """
    times: TimeArray = reduce(np.intersect1d, [bars.time for bars in many])
    if not len(times):
        label = ",".join(bars.symbol for bars in many)
        raise TooFewBars(symbol=label, have=0, need=2, reason=Phrase("no_common_date"))
    return [_at(bars, np.isin(bars.time, times)) for bars in many]


def n_between(bars: Bars, common: Bars) -> int:
    """Number of a symbol's bars between the common ones, on dates that not all symbols have."""
    inside = (bars.time >= common.time[0]) & (bars.time <= common.time[-1])
    return int(inside.sum()) - len(common)


def _at(bars: Bars, rows: NDArray[np.bool_]) -> Bars:
    return bars if rows.all() else replace(bars, **{name: getattr(bars, name)[rows] for name in ("time", *_COLUMNS)})
