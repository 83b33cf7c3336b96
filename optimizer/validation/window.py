"""Window of a study: the rows of the bars to search and those held out until the end."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import cast

from optimizer.domain.bars import Bars
from optimizer.domain.metrics import periods_per_year
from optimizer.domain.study_request import StudySpec
from optimizer.domain.study_results import Window
from optimizer.domain.timeframes import parse_timeframe
from optimizer.errors import BarsEnd, Phrase, TooFewBars

#: Shortest window that is searched.
LEAST_YEARS = 2
#: Fewer bars than this are refused, regardless of the years they span.
LEAST_BARS = 240
#: Sessions that a year of the calendar may have fewer than its usual number.
_MISSING_SESSIONS = 10
#: Days at both ends of a span of years that may fall on holidays.
_MISSING_DAYS = 14
#: Least bars of a holdout for a meaningful measure out of sample.
LEAST_HOLDOUT_BARS = 20


@dataclass(frozen=True, kw_only=True)
class WindowRows:
    """Rows into the bars: `[start, holdout_start)` is searched, `[holdout_start, stop)` held out."""

    start: int
    holdout_start: int
    stop: int

    @property
    def has_holdout(self) -> bool:
        """True if any bar is held out."""
        return self.holdout_start < self.stop


def window_rows(spec: StudySpec, bars: Bars, warm_up: int, least_before: int = 0) -> WindowRows:
    """Choose a study's rows: the typed dates, else the last `spec.years` years or all bars.

    The window starts `warm_up` bars into the data if two years remain after that. Raises BarsEnd when the typed start
    is after the last bar, and TooFewBars when less than two years (or 240 bars) remain, when the longest indicator has
    no signal in the searched window, when fewer than `least_before` bars precede the holdout, or when that is shorter
    than 20 bars.
    """
    stop = _row_after(bars, spec.end) if spec.end else len(bars)
    if spec.start and stop and spec.start > (last := day_of(bars, stop - 1)):
        raise BarsEnd(symbol=bars.symbol, source=bars.source, end=f"{last}", start=f"{spec.start}")
    typed = bars.row_at(spec.start) if spec.start else _years_before(bars, stop, spec.years)
    start = min(typed, stop)
    least = least_bars(bars)
    if stop - start < least:
        end = {"end": f"{day_of(bars, stop - 1)}"} if stop else {}
        if parse_timeframe(bars.timeframe).is_intraday:
            reason = Phrase("many_bars_before" if stop else "many_bars_needed", **end)
        else:
            reason = Phrase("two_years_before" if stop else "two_years_needed", **end)
        raise TooFewBars(symbol=bars.symbol, have=stop - start, need=least, reason=reason)
    start = max(start, min(warm_up, stop - least))
    n_holdout = round((stop - start) * spec.holdout)
    if 0 < n_holdout < LEAST_HOLDOUT_BARS:
        reason = Phrase("holdout_too_short", holdout=f"{spec.holdout:g}", n=n_holdout, least=LEAST_HOLDOUT_BARS)
        raise TooFewBars(
            symbol=bars.symbol, have=stop - start, need=round(LEAST_HOLDOUT_BARS / spec.holdout), reason=reason
        )
    if stop - n_holdout < warm_up + 2:
        reason = Phrase("warm_up_too_long", n=warm_up)
        raise TooFewBars(symbol=bars.symbol, have=stop - n_holdout, need=warm_up + 2, reason=reason)
    if stop - n_holdout < least_before:
        reason = Phrase("learns_before_holdout", n=least_before)
        raise TooFewBars(symbol=bars.symbol, have=stop - n_holdout, need=least_before, reason=reason)
    return WindowRows(start=start, holdout_start=stop - n_holdout, stop=stop)


def least_bars(bars: Bars) -> int:
    """Shortest window in bars: two years of daily or slower bars, and of as many faster ones."""
    a_year = min(periods_per_year(bars), 366.0)
    return max(round(LEAST_YEARS * a_year) - _MISSING_SESSIONS, LEAST_BARS)


def window_facts(rows: WindowRows, bars: Bars) -> Window:
    """Window in dates and counts, for people."""
    return Window(
        start=day_of(bars, rows.start),
        end=day_of(bars, rows.stop - 1),
        holdout_start=day_of(bars, rows.holdout_start) if rows.has_holdout else None,
        n_bars=rows.stop - rows.start,
        n_holdout=rows.stop - rows.holdout_start,
        n_warm_up=rows.start,
        periods_per_year=periods_per_year(bars),
    )


def is_short(spec: StudySpec, rows: WindowRows, bars: Bars) -> bool:
    """True if fewer years than requested are available; a window with a typed start is never short."""
    if spec.start is not None:
        return False
    wanted = 365.25 * spec.years - _MISSING_DAYS
    return (day_of(bars, rows.stop - 1) - day_of(bars, rows.start)).days < wanted


def day_of(bars: Bars, row: int) -> date:
    """Date of a row's bar."""
    return cast(date, bars.time[row].astype("datetime64[D]").astype(object))


def days_of(bars: Bars, start: int, stop: int) -> tuple[date, ...]:
    """Dates of rows [start, stop)."""
    return tuple(bars.time[start:stop].astype("datetime64[D]").tolist())


def _row_after(bars: Bars, day: date) -> int:
    return bars.row_at(day + timedelta(days=1))


def _years_before(bars: Bars, stop: int, years: int) -> int:
    if stop == 0:
        return 0
    last = day_of(bars, stop - 1)
    earlier = last.replace(year=last.year - years, day=min(last.day, 28))
    return bars.row_at(earlier)
