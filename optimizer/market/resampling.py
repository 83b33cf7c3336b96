"""Bars of any length, made of stored ones: hours of minutes, weeks of days.

Bars within a session begin with it: four hours of New York are 9:30 to 13:30 and 13:30 to the close. The last bar of a
session is as short as the session leaves it. A series that is open around the clock begins at midnight UTC. A bar that
is not complete, at the beginning or at the end of what is stored, is left out, so that no bar changes later; whether it
is complete is told by the calendar and by the bars themselves, not by the clock.
"""

from datetime import date

import numpy as np

from optimizer.domain.bars import Bars, TimeArray
from optimizer.domain.exchange_of_symbol import ALWAYS, calendar_name
from optimizer.domain.timeframes import TIMEFRAMES, Timeframe, parse_timeframe
from optimizer.errors import NoBars, NoTimeframe, Phrase
from optimizer.market.calendars import Calendar, find_calendar
from optimizer.market.warehouse.warehouse import Coverage, Warehouse

#: Share of bars outside the hours of a calendar above which the series follows none.
_OTHER_HOURS = 0.2
#: Share of weekends with bars above which a series never closes.
_NEVER_CLOSED = 0.5


def load_bars(
    warehouse: Warehouse,
    symbol: str,
    *,
    timeframe: str = "1d",
    source: str | None = None,
    start: date | None = None,
    end: date | None = None,
) -> Bars:
    """Return adjusted bars of any length, of days start to end (both included; None: all), from stored ones.

    Raises UnknownSymbol, NoBars, UnknownTimeframe, and NoTimeframe where no stored series can be made into these.
    """
    wanted = parse_timeframe(timeframe)
    stored = stored_base(warehouse, symbol, wanted, source)
    base = stored.timeframe if stored else wanted.bases[0]
    name = stored.source if stored else source
    return resample(warehouse.load(symbol, timeframe=base, source=name, start=start, end=end), wanted.word)


def stored_base(warehouse: Warehouse, symbol: str, wanted: Timeframe, source: str | None) -> Coverage | None:
    """Return the stored series of which a symbol's bars are made: that of the longest bars."""
    found = (warehouse.coverage(symbol, timeframe=base, source=source) for base in wanted.bases)
    return next((one for one in found if one is not None), None)


def resample(bars: Bars, timeframe: str) -> Bars:
    """Return the complete bars of a longer timeframe; the same bars for their own.

    Raises NoTimeframe for a length that is no multiple of theirs, and NoBars where none is complete.
    """
    wanted = parse_timeframe(timeframe)
    if wanted.word == bars.timeframe:
        return bars
    if bars.timeframe not in wanted.bases:
        raise NoTimeframe.of_symbol(bars.symbol, wanted.word, [bars.timeframe])
    calendar = calendar_of(bars)
    labels, starts, ends = (_within_sessions if wanted.is_intraday else _of_sessions)(bars, wanted, calendar)
    first = np.flatnonzero(np.append(True, labels[1:] != labels[:-1]))
    size = np.timedelta64(TIMEFRAMES[bars.timeframe], "s").astype("timedelta64[us]")
    time = bars.time.astype("datetime64[us]")
    low = int(time[0] > starts[0])
    high = len(first) - int(time[-1] + size < ends[-1])
    if low >= high:
        have = Phrase("it_has", first=str(time[0])[:10], last=str(time[-1])[:10])
        where = {"start": Phrase("the_beginning"), "end": Phrase("now"), "remedy": have}
        raise NoBars(symbol=bars.symbol, timeframe=wanted.word, source=bars.source, **where)
    return _merged(bars, wanted.word, labels[first].astype("datetime64[ns]"), first).cut(low, high)


def _merged(bars: Bars, timeframe: str, time: TimeArray, first: np.ndarray) -> Bars:
    """Return one bar for each run of bars that begins at the rows `first`."""
    last = np.append(first[1:], len(bars)) - 1
    return Bars(
        symbol=bars.symbol,
        timeframe=timeframe,
        source=bars.source,
        time=time,
        open=bars.open[first],
        high=np.maximum.reduceat(bars.high, first),
        low=np.minimum.reduceat(bars.low, first),
        close=bars.close[last],
        volume=np.add.reduceat(bars.volume, first),
    )


def _within_sessions(bars: Bars, wanted: Timeframe, calendar: Calendar) -> tuple[TimeArray, TimeArray, TimeArray]:
    """Return for each bar the longer bar that it is in, and when that begins and ends: datetime64[us], (n_bars,) each.

    A bar that begins before a session and ends in it belongs to the session's first.
    """
    time = bars.time.astype("datetime64[us]")
    size = np.timedelta64(TIMEFRAMES[bars.timeframe], "s").astype("timedelta64[us]")
    place = calendar.nearest(time)
    opens, closes = calendar.opens[place], calendar.closes[place]
    begun = np.where((time < opens) & (time + size > opens), opens, time)
    length = np.timedelta64(wanted.minutes, "m").astype("timedelta64[us]")
    starts = opens + (begun - opens) // length * length
    ends = np.where((starts < closes) & (starts + length > closes), closes, starts + length)
    return starts, starts, ends


def _of_sessions(bars: Bars, wanted: Timeframe, calendar: Calendar) -> tuple[TimeArray, TimeArray, TimeArray]:
    """Return the same for weeks, called by their Monday, and for months, called by their first day.

    They begin with their first session and end with their last.
    """
    days = bars.time.astype("datetime64[D]")
    labels = _period(days, wanted)
    of_sessions = _period(calendar.sessions, wanted)
    low, high = np.searchsorted(of_sessions, labels), np.searchsorted(of_sessions, labels, side="right") - 1
    known = (low < len(of_sessions)) & (high >= low)
    starts = np.where(known, calendar.sessions[np.minimum(low, len(of_sessions) - 1)], labels)
    ends = np.where(known, calendar.sessions[np.maximum(high, 0)], days) + np.timedelta64(1, "D")
    return labels.astype("datetime64[us]"), starts.astype("datetime64[us]"), ends.astype("datetime64[us]")


def _period(days: TimeArray, wanted: Timeframe) -> TimeArray:
    if wanted.word == "1mo":
        return days.astype("datetime64[M]").astype("datetime64[D]")
    return days - (days.astype(np.int64) + 3) % 7  # 1970-01-01 was a Thursday


def calendar_of(bars: Bars) -> Calendar:
    """Return the calendar that the bars follow: their exchange's, or none for those at other hours or on weekends."""
    days = bars.time.astype("datetime64[D]")
    first, last = days[0].item(), days[-1].item()
    whole = (last.year, 12, 31)
    always = find_calendar(ALWAYS, first, date(*whole))
    weekends = np.unique(days[~np.is_busday(days)]).size / max(1.0, (last - first).days * 2 / 7)
    if weekends > _NEVER_CLOSED:
        return always
    calendar = find_calendar(calendar_name(bars.symbol), first, date(*whole))
    if bars.timeframe == "1d":
        return calendar
    time = bars.time.astype("datetime64[us]")
    place = calendar.nearest(time)
    is_outside = (time < calendar.opens[place]) | (time >= calendar.closes[place])
    return always if is_outside.mean() > _OTHER_HOURS else calendar
