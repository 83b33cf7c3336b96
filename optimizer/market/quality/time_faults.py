"""Faults in time: each function takes bars and a calendar and returns its findings."""

from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from optimizer.domain.bars import Bars, TimeArray
from optimizer.market.calendars import Calendar, as_moment
from optimizer.market.quality.data_findings import DataFinding, Facts, Severity
from optimizer.market.quality.price_faults import moment, runs
from optimizer.market.raw_bars import TIMEFRAMES

#: More sessions than this since the last bar make it old, whatever its source.
OLD = 5
_DAY = np.timedelta64(1, "D")
#: Share of bars on closed days above which the calendar rather than the bars is in doubt.
_OTHER_CALENDAR = 0.05
#: Least share of sessions that must have bars.
_SPARSE = 0.7


def days_of(bars: Bars) -> TimeArray:
    """Day of each bar in UTC, datetime64[D], (n_bars,)."""
    return bars.time.astype("datetime64[D]")


def order(bars: Bars) -> list[DataFinding]:
    """Find bars that come after a later one."""
    rows = np.flatnonzero(np.diff(bars.time.astype(np.int64)) < 0) + 1
    return [DataFinding(kind="order", severity=Severity.CRITICAL, when=moment(bars, int(row))) for row in rows]


def duplicates(bars: Bars) -> list[DataFinding]:
    """Find several bars for one session, or intraday for one time."""
    keys = days_of(bars) if bars.timeframe == "1d" else bars.time
    values, first, counts = np.unique(keys, return_index=True, return_counts=True)
    return [
        DataFinding(
            kind="duplicate",
            severity=Severity.CRITICAL,
            when=moment(bars, int(first[place])),
            value=float(counts[place]),
            facts={"n": int(counts[place])},
        )
        for place in np.flatnonzero(counts > 1)
        if values.size
    ]


def future(bars: Bars, now: datetime) -> list[DataFinding]:
    """Find bars that begin after `now`; a daily bar may be dated a day ahead in zones east of UTC."""
    slack = _DAY if bars.timeframe == "1d" else np.timedelta64(0, "D")
    rows = np.flatnonzero(bars.time > as_moment(now) + slack)
    if not len(rows):
        return []
    n = len(rows)
    when = moment(bars, int(rows[0]))
    until = moment(bars, int(rows[-1]))
    facts: Facts = {"n": n}
    return [DataFinding(kind="future", severity=Severity.CRITICAL, when=when, until=until, value=float(n), facts=facts)]


def off_midnight(bars: Bars) -> list[DataFinding]:
    """Find daily bars with a time of day: a sign of mixed time zones."""
    hours = (bars.time - days_of(bars)).astype("timedelta64[s]").astype(np.float64) / 3600
    hours = np.where(hours > 12, hours - 24, hours)
    return [
        DataFinding(
            kind="clock",
            severity=Severity.HIGH,
            when=moment(bars, row),
            until=moment(bars, row + n - 1),
            value=float(hours[row]),
            facts={"hours": float(hours[row]), "n": n},
        )
        for row, n in runs(hours != 0, 1)
    ]


def closed_days(bars: Bars, calendar: Calendar) -> list[DataFinding]:
    """Find daily bars on days without a session: shifted dates, another calendar, or single bars."""
    days = days_of(bars)
    is_known = (days >= calendar.sessions[0]) & (days <= calendar.sessions[-1])
    is_closed = is_known & ~_is_in(days, calendar.sessions)
    if is_closed.mean() <= _OTHER_CALENDAR:
        return [
            DataFinding(
                kind="no_session",
                severity=Severity.MEDIUM,
                when=moment(bars, int(row)),
                facts={"calendar": calendar.name},
            )
            for row in np.flatnonzero(is_closed)
        ]
    first, n = int(np.argmax(is_closed)), int(is_closed.sum())
    for step in (1, -1):
        is_better = _is_in(days[is_closed] + step * _DAY, calendar.sessions).mean() > 0.8
        if is_better and _is_in(days[first:] + step * _DAY, calendar.sessions).mean() > 0.97:
            facts: Facts = {"calendar": calendar.name, "days": -step, "n": len(days) - first}
            kind = "shift_days"
            return [_at(bars, first, kind, Severity.HIGH, value=float(-step), facts=facts, last=-1)]
    facts, last = {"calendar": calendar.name, "n": n}, int(np.flatnonzero(is_closed)[-1])
    return [_at(bars, first, "other_calendar", Severity.MEDIUM, value=float(n), facts=facts, last=last)]


def _at(
    bars: Bars, row: int, kind: str, severity: Severity, *, value: float, facts: Facts, last: int | None = None
) -> DataFinding:
    until = None if last is None else moment(bars, last)
    return DataFinding(kind=kind, severity=severity, when=moment(bars, row), until=until, value=value, facts=facts)


def _is_in(days: TimeArray, among: TimeArray) -> NDArray[np.bool_]:
    """Which days are among others: as numbers, of which NumPy makes a table instead of sorting them."""
    numbers, of_others = (each.astype("datetime64[D]").astype(np.int64) for each in (days, among))
    return np.isin(numbers, of_others)


def missing_days(bars: Bars, calendar: Calendar) -> TimeArray:
    """Sessions between the first and the last bar that have no bar."""
    days = days_of(bars)
    expected = calendar.known_between(days.min(), days.max())
    return expected[~_is_in(expected, days)]


def missing(bars: Bars, calendar: Calendar) -> list[DataFinding]:
    """Find runs of missing sessions; too small a share of sessions is critical."""
    days = days_of(bars)
    expected = calendar.known_between(days.min(), days.max())
    is_missing = ~_is_in(expected, days)
    found = [_gap(expected[row : row + n], calendar) for row, n in runs(is_missing, 1)]
    share = 1 - float(is_missing.mean()) if len(expected) else 1.0
    if share < _SPARSE:
        facts: Facts = {"calendar": calendar.name, "share": share}
        found.append(_at(bars, 0, "sparse", Severity.CRITICAL, value=share, facts=facts, last=-1))
    return found


def _gap(days: TimeArray, calendar: Calendar) -> DataFinding:
    n = len(days)
    facts: Facts = {"calendar": calendar.name, "n": n, "end": str(days[-1])}
    when, until = (datetime.combine(day.item(), datetime.min.time(), UTC) for day in (days[0], days[-1]))
    severity = Severity.HIGH if n > 5 else Severity.MEDIUM
    kind = "missing_run" if n > 1 else "missing"
    return DataFinding(kind=kind, severity=severity, when=when, until=until, value=float(n), facts=facts)


def session_hours(bars: Bars, calendar: Calendar) -> list[DataFinding]:
    """Find intraday bars that do not fit their session: shifted hours, bars outside, sessions with few bars."""
    place = calendar.nearest(bars.time.astype("datetime64[us]"))
    rows, first, counts = np.unique(place, return_index=True, return_counts=True)
    last = np.append(first[1:], len(bars)) - 1
    size = np.timedelta64(TIMEFRAMES[bars.timeframe], "s")
    early = (bars.time[first] - calendar.opens[rows]).astype("timedelta64[s]").astype(np.int64)
    late = (bars.time[last] + size - calendar.closes[rows]).astype("timedelta64[s]").astype(np.int64)
    is_shifted = (np.abs(early) >= 1800) & (np.abs(early - late) < 2 * TIMEFRAMES[bars.timeframe]) & (early % 1800 == 0)
    found = [
        _shift(bars, int(first[row]), calendar, hours=early[row] / 3600, n=n, last=int(last[row + n - 1]))
        for row, n in runs(is_shifted, 1)
    ]
    return (
        found
        + _outside_hours(bars, calendar, place, is_shifted[np.searchsorted(rows, place)])
        + [
            _thin(bars, int(first[row]), int(counts[row]), int(full))
            for row, full in enumerate((calendar.closes[rows] - calendar.opens[rows]) // size)
            if counts[row] < 0.8 * full
        ]
    )


def _shift(bars: Bars, row: int, calendar: Calendar, *, hours: float, n: int, last: int) -> DataFinding:
    facts: Facts = {"calendar": calendar.name, "hours": float(hours), "n": n}
    return _at(bars, row, "shift_hours", Severity.HIGH, value=float(hours), facts=facts, last=last)


def _outside_hours(bars: Bars, calendar: Calendar, place: np.ndarray, is_shifted: np.ndarray) -> list[DataFinding]:
    is_out = ((bars.time < calendar.opens[place]) | (bars.time >= calendar.closes[place])) & ~is_shifted
    n = int(is_out.sum())
    facts: Facts = {"calendar": calendar.name, "n": n}
    if not n:
        return []
    rows = np.flatnonzero(is_out)
    first, last = int(rows[0]), int(rows[-1])
    return [_at(bars, first, "outside_hours", Severity.LOW, value=float(n), facts=facts, last=last)]


def _thin(bars: Bars, row: int, n: int, expected: int) -> DataFinding:
    return _at(bars, row, "thin_session", Severity.LOW, value=float(n), facts={"n": n, "expected": expected})


def stale_end(bars: Bars, calendar: Calendar, until: datetime, *, may_lack: int) -> list[DataFinding]:
    """Find more than `may_lack` sessions that closed after the last bar and before `until`."""
    n = calendar.n_closed(days_of(bars)[-1], until)
    if n <= may_lack:
        return []
    severity = Severity.HIGH if n > OLD else Severity.MEDIUM if n > 1 else Severity.LOW
    return [_at(bars, len(bars) - 1, "stale_end", severity, value=float(n), facts={"n": n})]
