"""Trading calendars: sessions with their opening and closing times, from `exchange_calendars`."""

import threading
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import lru_cache

import exchange_calendars
import numpy as np
import pandas as pd

from optimizer.domain.bars import TimeArray
from optimizer.domain.exchange_of_symbol import calendar_name
from optimizer.market.warehouse.deprecations import deprecations_ignored

_MAKING = threading.Lock()


@dataclass(frozen=True, kw_only=True)
class Calendar:
    """Sessions of one exchange over some years; opens and closes are datetime64[us] in UTC, (n_sessions,)."""

    name: str
    zone: str
    sessions: TimeArray  # datetime64[D]
    opens: TimeArray
    closes: TimeArray
    known_to: np.datetime64 | None = None  # last day whose holidays are known; later sessions are all weekdays

    def between(self, first: np.datetime64, last: np.datetime64) -> TimeArray:
        """Sessions from day `first` to day `last`, both included."""
        low, high = np.searchsorted(self.sessions, [first.astype("datetime64[D]"), last.astype("datetime64[D]") + 1])
        return self.sessions[low:high]

    def known_between(self, first: np.datetime64, last: np.datetime64) -> TimeArray:
        """Sessions from day `first` to day `last`, as far as the holidays are known."""
        return self.between(first, last if self.known_to is None else min(last, self.known_to))

    def nearest(self, time: TimeArray) -> np.ndarray:
        """Index of the session whose middle is nearest to each time; `time` is datetime64[us] in UTC."""
        middles = self.opens + (self.closes - self.opens) // 2
        borders = middles[:-1] + (middles[1:] - middles[:-1]) // 2
        # A time on the border is in the later session: around the clock one ends where the next begins.
        return np.searchsorted(borders, time, side="right")

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


def sessions_since(symbol: str, last: datetime, now: datetime) -> int:
    """Number of sessions of a symbol's exchange that closed after the day of its last bar."""
    calendar = find_calendar(calendar_name(symbol), last.date(), now.date())
    return calendar.n_closed(np.datetime64(last.date(), "D"), now)


def find_calendar(name: str, first: date, last: date) -> Calendar:
    """Calendar that covers at least the days first to last, from the first day on that its rules are known.

    Some exchanges announce their holidays a year ahead only: after the last known day every weekday is a session.
    """
    # One thread at a time: warnings that are silenced while one is made are silenced for the whole process.
    with _MAKING:
        return _calendar(name, first.year // 10 * 10, last.year)


@lru_cache(maxsize=32)
def _calendar(name: str, first_year: int, last_year: int) -> Calendar:
    rules = _rules(name)
    low, high = rules.bound_min(), rules.bound_max()
    start, end = date(first_year, 1, 1), date(last_year, 12, 31)
    start = start if low is None else max(start, low.date())
    known_to = end if high is None else min(end, high.date())
    # An exchange without rules for these years yet gets the last ones known.
    whole = _rules(name, start=min(start, known_to.replace(month=1, day=1)).isoformat(), end=known_to.isoformat())
    known = Calendar(
        name=name,
        zone=str(whole.tz),
        sessions=whole.sessions.to_numpy().astype("datetime64[D]"),
        opens=_plain(whole.opens),
        closes=_plain(whole.closes),
    )
    return known if known_to == end else _continued(known, np.datetime64(known_to), np.datetime64(end))


def _continued(known: Calendar, known_to: np.datetime64, end: np.datetime64) -> Calendar:
    """Calendar with every weekday after the last known day, at the hours of the last session."""
    days = np.arange(known_to + 1, end + 1)
    days = days[np.is_busday(days)]
    later = (days - known.sessions[-1]).astype("timedelta64[us]")
    return replace(
        known,
        sessions=np.append(known.sessions, days),
        opens=np.append(known.opens, known.opens[-1] + later),
        closes=np.append(known.closes, known.closes[-1] + later),
        known_to=known_to,
    )


def _rules(name: str, *, start: str | None = None, end: str | None = None) -> exchange_calendars.ExchangeCalendar:
    with deprecations_ignored():
        return exchange_calendars.get_calendar(name, start=start, end=end)


def _plain(times: pd.Series) -> TimeArray:
    return np.asarray(times.dt.tz_localize(None), dtype="datetime64[us]")


def as_moment(when: datetime) -> np.datetime64:
    """Convert an aware time to datetime64[us] in UTC."""
    return np.datetime64(when.astimezone(UTC).replace(tzinfo=None), "us")
