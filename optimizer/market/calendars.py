"""Trading calendars: sessions with their opening and closing times, from `exchange_calendars`."""

import os
import threading
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import BadZipFile

import numpy as np

from optimizer.domain.bars import TimeArray
from optimizer.domain.exchange_of_symbol import calendar_name
from optimizer.lazy import LazyModule
from optimizer.market.warehouse.deprecations import deprecations_ignored

if TYPE_CHECKING:
    import exchange_calendars
    import pandas as pd
else:
    # It imports for half a second, with pandas, and around the clock there are no sessions to look up.
    exchange_calendars = LazyModule("exchange_calendars")

_MAKING = threading.Lock()
#: Calendars that were made before, beside the compiled code: to make one anew takes half a second, most of it imports.
_KEPT = Path(__file__).parent / "__pycache__"


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
    return kept_calendar(name, first_year, last_year, _KEPT)


def kept_calendar(name: str, first_year: int, last_year: int, folder: Path) -> Calendar:
    """Calendar of whole years, from a folder if it was made before; else it is made, and put there."""
    version = metadata.version("exchange_calendars")
    kept = folder / f"{name.replace('/', '_')}-{first_year}-{last_year}-{version}.npz"
    found = _read(kept, name)
    if found is None:
        found = _make(name, first_year, last_year)
        with suppress(OSError):  # where the program's folder is read-only, calendars are made each time
            _keep(found, kept)
    return found


def _make(name: str, first_year: int, last_year: int) -> Calendar:
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


def _read(kept: Path, name: str) -> Calendar | None:
    """Read a kept calendar; None if it is not there or not whole."""
    try:
        with kept.open("rb") as file, np.load(file) as found:
            known_to = found["known_to"][0]
            return Calendar(
                name=name,
                zone=str(found["zone"][0]),
                sessions=found["sessions"],
                opens=found["opens"],
                closes=found["closes"],
                known_to=None if np.isnat(known_to) else known_to,
            )
    except (OSError, ValueError, KeyError, BadZipFile):
        return None


def _keep(calendar: Calendar, kept: Path) -> None:
    """Write a calendar where the next process finds it; a reader sees all of it or nothing."""
    kept.parent.mkdir(exist_ok=True)
    draft = kept.with_suffix(f".{os.getpid()}.draft")
    with draft.open("wb") as file:
        np.savez(
            file,
            zone=np.array([calendar.zone]),
            sessions=calendar.sessions,
            opens=calendar.opens,
            closes=calendar.closes,
            known_to=np.array([calendar.known_to or np.datetime64("NaT")], dtype="datetime64[D]"),
        )
    draft.replace(kept)


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


def _rules(name: str, *, start: str | None = None, end: str | None = None) -> "exchange_calendars.ExchangeCalendar":
    with deprecations_ignored():
        return exchange_calendars.get_calendar(name, start=start, end=end)


def _plain(times: "pd.Series") -> TimeArray:
    return np.asarray(times.dt.tz_localize(None), dtype="datetime64[us]")


def as_moment(when: datetime) -> np.datetime64:
    """Convert an aware time to datetime64[us] in UTC."""
    return np.datetime64(when.astimezone(UTC).replace(tzinfo=None), "us")
