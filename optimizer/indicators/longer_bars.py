"""Sessions and longer bars as a series itself shows them, without a calendar and without looking ahead."""

import numpy as np
from numpy.typing import NDArray

from optimizer.domain.bars import Bars, TimeArray
from optimizer.domain.timeframes import Timeframe

#: A gap between two bars from which the second one begins a session: longer than any lunch break.
_NIGHT = np.timedelta64(3, "h")
_DAY = np.timedelta64(24, "h")
Rows = NDArray[np.int64]


def session_starts(bars: Bars) -> Rows:
    """(n_bars,) row at which the session of each bar began.

    A session begins after a gap of three hours or more; where there is none for a day, as around the clock, at
    midnight UTC. A daily bar is a session.
    """
    n = len(bars)
    if n == 0 or not _is_intraday(bars):
        return np.arange(n)
    time = bars.time.astype("datetime64[s]")
    begins = np.zeros(n, dtype=bool)
    begins[0] = True
    begins[1:] = np.diff(time) >= _NIGHT
    rows = np.arange(n)
    last = np.maximum.accumulate(np.where(begins, rows, 0))
    is_new_day = np.zeros(n, dtype=bool)
    is_new_day[1:] = np.diff(time.astype("datetime64[D]").astype(np.int64)) > 0
    begins |= is_new_day & (time - time[last] >= _DAY - _NIGHT)
    return np.maximum.accumulate(np.where(begins, rows, 0))


def group_numbers(bars: Bars, longer: Timeframe) -> Rows:
    """(n_bars,) number of the longer bar that each bar is in, from 0 on and ascending.

    Weeks begin on Monday, months on their first day; bars within a session are counted from its start.
    """
    time = bars.time.astype("datetime64[s]")
    starts = time[session_starts(bars)]
    if longer.is_intraday:
        length = np.timedelta64(longer.minutes * 60, "s")
        labels = (starts + (time - starts) // length * length).astype(np.int64)
    else:
        labels = _period(starts.astype("datetime64[D]"), longer)
    changes = np.zeros(len(labels), dtype=np.int64)
    changes[1:] = labels[1:] != labels[:-1]
    return np.cumsum(changes)


def merged(bars: Bars, numbers: Rows, timeframe: str) -> Bars:
    """One bar for each group of bars."""
    first = np.flatnonzero(np.append(True, numbers[1:] != numbers[:-1]))
    last = np.append(first[1:], len(bars)) - 1
    return Bars(
        symbol=bars.symbol,
        timeframe=timeframe,
        source=bars.source,
        time=bars.time[first],
        open=np.ascontiguousarray(bars.open[first]),
        high=np.maximum.reduceat(bars.high, first),
        low=np.minimum.reduceat(bars.low, first),
        close=np.ascontiguousarray(bars.close[last]),
        volume=np.add.reduceat(bars.volume, first),
    )


def _is_intraday(bars: Bars) -> bool:
    return bars.timeframe[-1] in "mh"


def _period(days: TimeArray, longer: Timeframe) -> NDArray[np.int64]:
    numbers: NDArray[np.int64] = days.astype(np.int64)
    if longer.word == "1mo":
        return days.astype("datetime64[M]").astype(np.int64)
    return numbers if longer.word == "1d" else (numbers + 3) // 7  # 1970-01-01 was a Thursday
