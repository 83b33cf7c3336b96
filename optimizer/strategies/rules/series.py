"""Other series that a rule reads beside its own bars: longer bars of the same symbol, and those of other symbols.

A value counts from the moment at which its bar is known to be closed. A longer bar is closed when a bar of the next
one is there; the bar of another symbol when both trade at the same exchange and it begins no later, or when it ended
before this one began. A value that is old stays until there is a newer one.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optimizer.domain.bars import Bars
from optimizer.domain.exchange_of_symbol import calendar_name
from optimizer.domain.timeframes import Timeframe, parse_timeframe
from optimizer.indicators.conditions import Conditions
from optimizer.indicators.indicators import Indicators
from optimizer.indicators.longer_bars import group_numbers, merged

Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Series:
    """Indicators of other bars, and for each own bar the row of the last one that is closed, or −1."""

    indicators: Indicators
    rows: Rows


def series_of(conditions: Conditions, symbol: str, timeframe: str) -> Series:
    """The series of a symbol (empty: the conditions' own) in a timeframe (empty: the same)."""
    return conditions.related((symbol, timeframe), lambda: _series_of(conditions, symbol, timeframe))


def _series_of(conditions: Conditions, symbol: str, timeframe: str) -> Series:
    own = conditions.bars
    bars = conditions.others[symbol] if symbol else own
    rows = closed_rows(bars, own) if symbol else np.arange(len(own))
    if not timeframe:
        return Series(Indicators(bars), rows)
    numbers = group_numbers(bars, parse_timeframe(timeframe))
    closed = np.where(rows >= 0, numbers[np.maximum(rows, 0)] - 1, -1)
    return Series(Indicators(merged(bars, numbers, timeframe)), closed)


def closed_rows(other: Bars, bars: Bars) -> Rows:
    """(n_bars,) row of the last bar of another symbol that is closed when each bar is, −1 before the first."""
    at = bars.time.astype("datetime64[ns]")
    time = other.time.astype("datetime64[ns]")
    if calendar_name(other.symbol) == calendar_name(bars.symbol):
        return np.searchsorted(time, at, side="right") - 1
    longer = parse_timeframe(bars.timeframe)
    if not longer.is_intraday:
        return np.searchsorted(time, at, side="left") - 1
    return np.searchsorted(time + np.timedelta64(longer.minutes, "m"), at, side="right") - 1


def is_longer(timeframe: str, base: str) -> bool:
    """Check whether bars of one timeframe can be made of those of another."""
    return _length(parse_timeframe(timeframe)) > _length(parse_timeframe(base))


def _length(timeframe: Timeframe) -> float:
    return timeframe.minutes or {"1d": 1e4, "1w": 1e5, "1mo": 1e6}[timeframe.word]


def bars_in(timeframe: str, base: str) -> int:
    """Most bars of a base timeframe in one of a longer."""
    minutes = {"1d": 24 * 60, "1w": 7 * 24 * 60, "1mo": 31 * 24 * 60}
    lengths = [one.minutes or minutes[one.word] for one in map(parse_timeframe, (timeframe, base))]
    return -(-lengths[0] // lengths[1])
