"""What sources of US stocks share: tickers, the days of New York, and the regular session."""

import re

import numpy as np

from optimizer.domain.bars import TimeArray
from optimizer.domain.exchange_of_symbol import DEFAULT, calendar_name
from optimizer.errors import UnknownAtSource
from optimizer.market.calendars import find_calendar
from optimizer.market.formats.timestamps import days_in
from optimizer.market.raw_bars import RawBars

ZONE = "America/New_York"
_TICKER = re.compile(r"[A-Z][A-Z0-9]*(-[A-Z]{1,2})?")


def us_ticker(symbol: str, *, source: str, share_class: str) -> str:
    """Ticker of a symbol as we write it (`BRK-B`), with the source's mark before the share class.

    Raises UnknownAtSource for a symbol of another exchange, an index or a pair.
    """
    if calendar_name(symbol) != DEFAULT or not _TICKER.fullmatch(symbol):
        raise UnknownAtSource(word=symbol, source=source)
    return symbol.replace("-", share_class)


def new_york_days(times: TimeArray) -> TimeArray:
    """Dates of moments in UTC on New York's clocks."""
    return days_in(ZONE, times)


def in_session(history: RawBars) -> RawBars:
    """Intraday bars of the regular session only."""
    if not len(history):
        return history
    first, last = history.time.min().item().date(), history.time.max().item().date()
    calendar = find_calendar(DEFAULT, first, last)
    session = np.searchsorted(calendar.opens, history.time, side="right") - 1
    is_open = (session >= 0) & (history.time < calendar.closes[np.maximum(session, 0)])
    return history.take(is_open)
