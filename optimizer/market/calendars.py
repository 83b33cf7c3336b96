"""Trading calendars: sessions with their opening and closing times, from `exchange_calendars`.

The suffix of a symbol, as Yahoo writes it, names its exchange; without one it is New York's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache

import exchange_calendars
import numpy as np
import pandas as pd

from optimizer.domain.bars import TimeArray
from optimizer.market.warehouse.deprecations import deprecations_ignored

DEFAULT = "XNYS"
ALWAYS = "24/7"
#: Calendar by the suffix of a symbol.
SUFFIXES: Mapping[str, str] = {
    ".KS": "XKRX",
    ".KQ": "XKRX",
    ".T": "XTKS",
    ".HK": "XHKG",
    ".SS": "XSHG",
    ".SZ": "XSHG",
    ".TW": "XTAI",
    ".SI": "XSES",
    ".NS": "XBOM",
    ".BO": "XBOM",
    ".AX": "XASX",
    ".L": "XLON",
    ".DE": "XETR",
    ".F": "XFRA",
    ".PA": "XPAR",
    ".AS": "XAMS",
    ".BR": "XBRU",
    ".MI": "XMIL",
    ".MC": "XMAD",
    ".SW": "XSWX",
    ".ST": "XSTO",
    ".CO": "XCSE",
    ".HE": "XHEL",
    ".OL": "XOSL",
    ".TO": "XTSE",
    ".SA": "BVMF",
    ".MX": "XMEX",
    "-USD": ALWAYS,
    "-EUR": ALWAYS,
    "-KRW": ALWAYS,
    "-BTC": ALWAYS,
    "=X": "24/5",
}


@dataclass(frozen=True, kw_only=True)
class Calendar:
    """Sessions of one exchange over some years; opens and closes are datetime64[us] in UTC, (n_sessions,)."""

    name: str
    zone: str
    sessions: TimeArray  # datetime64[D]
    opens: TimeArray
    closes: TimeArray

    def between(self, first: np.datetime64, last: np.datetime64) -> TimeArray:
        """Sessions from day `first` to day `last`, both included."""
        low, high = np.searchsorted(self.sessions, [first.astype("datetime64[D]"), last.astype("datetime64[D]") + 1])
        return self.sessions[low:high]

    def last_close(self, now: datetime) -> datetime:
        """Latest close of a session at or before `now`."""
        row = int(np.searchsorted(self.closes, as_moment(now), side="right")) - 1
        close: datetime = self.closes[row].item()
        return close.replace(tzinfo=UTC)

    def n_closed(self, day: np.datetime64, until: datetime) -> int:
        """Number of sessions after `day` that closed before `until`."""
        return int(((self.sessions > day) & (self.closes <= as_moment(until))).sum())

    def is_open(self, now: datetime) -> bool:
        """True if a session is open at `now`."""
        moment = as_moment(now)
        return bool(((self.opens <= moment) & (moment < self.closes)).any())


def calendar_name(symbol: str) -> str:
    """Name of the calendar that a symbol trades by."""
    for suffix, name in SUFFIXES.items():
        if symbol.endswith(suffix):
            return name
    return DEFAULT


def sessions_since(symbol: str, last: datetime, now: datetime) -> int:
    """Number of sessions of a symbol's exchange that closed after the day of its last bar."""
    calendar = find_calendar(calendar_name(symbol), last.date(), now.date())
    return calendar.n_closed(np.datetime64(last.date(), "D"), now)


def find_calendar(name: str, first: date, last: date) -> Calendar:
    """Calendar that covers at least the days first to last, as far as its rules are known."""
    return _calendar(name, first.year // 10 * 10, last.year)


@lru_cache(maxsize=32)
def _calendar(name: str, first_year: int, last_year: int) -> Calendar:
    known = _rules(name)
    low, high = known.bound_min(), known.bound_max()
    start, end = date(first_year, 1, 1), date(last_year, 12, 31)
    start = start if low is None else max(start, low.date())
    end = end if high is None else min(end, high.date())
    whole = _rules(name, start=start.isoformat(), end=end.isoformat())
    return Calendar(
        name=name,
        zone=str(whole.tz),
        sessions=whole.sessions.to_numpy().astype("datetime64[D]"),
        opens=_plain(whole.opens),
        closes=_plain(whole.closes),
    )


def _rules(name: str, *, start: str | None = None, end: str | None = None) -> exchange_calendars.ExchangeCalendar:
    with deprecations_ignored():
        return exchange_calendars.get_calendar(name, start=start, end=end)


def _plain(times: pd.Series) -> TimeArray:
    return np.asarray(times.dt.tz_localize(None), dtype="datetime64[us]")


def as_moment(when: datetime) -> np.datetime64:
    """Convert an aware time to datetime64[us] in UTC."""
    return np.datetime64(when.astimezone(UTC).replace(tzinfo=None), "us")
