"""One series of a parsed file: its symbol, its times in UTC, its order, its adjustment, and what was understood.

Times with an offset from UTC are taken as written; times without one are in the exchange's time zone if its hours fit,
or in the zone that is named; a daily bar belongs to its written date, or if it is a moment other than midnight, to the
date of that moment where the exchange is. Rows without any price are holidays and left out. With an adjusted close the
adjustment factor is adjusted over plain close.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import numpy as np

from optimizer.domain.bars import FloatArray, TimeArray
from optimizer.domain.exchange_of_symbol import ALWAYS, DEFAULT, WEEKDAYS, calendar_name
from optimizer.errors import BadFile, Phrase
from optimizer.market.calendars import find_calendar
from optimizer.market.formats.file_family import Adjustment
from optimizer.market.formats.file_names import SYMBOL, named
from optimizer.market.formats.parse import Parsed
from optimizer.market.formats.table import Table
from optimizer.market.formats.timestamps import days_in, fits_session, in_utc, is_count
from optimizer.market.formats.understood import Reading, Understood, ZoneFrom
from optimizer.market.raw_bars import TIMEFRAMES, RawBars, find_timeframe, make_history

_PRICES = ("open", "high", "low", "close")
_IDLE = ("open", "high", "low", "volume")
_DAY = 86_400
#: A price outside its range by less than this fraction is due to the source's rounding.
_ROUNDING = 1e-4
#: Above this share of rows that cannot be right it is the columns that are not what they are called.
_MOST_DOUBTFUL = 0.5
#: A gap this much larger than the way of which it is a part speaks for exchanged columns, in so many rows.
_EXCHANGED, _LEAST_ROWS = 1.5, 30
#: Days are an hour shorter when clocks change.
_CLOCK_CHANGE = 0.9
#: Fewer bars than this may all have others missing between them.
_LEAST_STEPS = 9
#: Offsets from UTC of one zone change twice a year.
_LEAST_BETWEEN_CHANGES = np.timedelta64(7, "D")
_FIRST_YEAR, _LAST_YEAR = np.datetime64("1700-01-01"), np.datetime64("2200-01-01")
_ANY_DAY = date(2020, 1, 2)  # the zone and the hours of an exchange hardly change

Columns = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Series:
    """Bars of a file, and what was understood of it."""

    bars: RawBars
    understood: Understood
    is_part: bool = False  # other files may have other times of the same series


@dataclass(frozen=True, kw_only=True)
class _Times:
    """Times of the bars in UTC, and the zone that they are written in."""

    times: TimeArray
    zone: str = ""
    zone_from: ZoneFrom = ZoneFrom.DATES


def make_series(parsed: Parsed, text: str, listed: Columns, reading: Reading) -> Series:
    """Build the series of a symbol (an empty text: that of the whole file) from its rows. Raises BadFile."""
    table = parsed.table
    symbol = _symbol(table, text, reading)
    _refuse_strange_years(table, listed)
    timeframe = _timeframe(table, np.asarray(listed["local"]), listed["line"], reading)
    columns = _with_prices(table, listed)
    moments = _times(table, columns, timeframe, symbol=symbol, zone=reading.zone)
    order = _order(table, moments.times, columns["line"])
    adjustment = _adjustment(table, columns, reading)
    factor = _factor(table, columns, adjustment)
    volume = np.ma.filled(np.ma.asarray(columns["volume"]), np.nan)
    prices = {name: np.asarray(columns[name]) for name in _PRICES}
    ordered = {name: column[order] for name, column in {"time": moments.times, "volume": volume, **prices}.items()}
    bars = make_history(symbol, timeframe=timeframe, source="file", columns=ordered, factor=factor[order])
    bars = replace(bars, n_left_out=len(listed["line"]) - len(bars))
    doubtful = _doubtful(table, columns)
    understood = Understood(
        file=table.file.name,
        symbol=symbol,
        timeframe=timeframe,
        family=table.family.name,
        encoding=table.file.encoding,
        delimiter=table.delimiter,
        n_header=table.n_above,
        columns=table.names,
        unused=table.unused,
        decimal=parsed.mark,
        divisor=table.divisor,
        time_text=next(iter(table.times)),
        time=np.asarray(listed["local"])[int(np.argmin(listed["line"]))].astype("datetime64[us]").item(),
        zone=moments.zone,
        zone_from=moments.zone_from,
        adjustment=adjustment,
        unit=_unit(table),
        newest_first=order.step == -1,
        n_rows=len(listed["line"]),
        n_bars=len(bars),
        n_left_out=bars.n_left_out,
        first=_moment(bars.time[0]),
        last=_moment(bars.time[-1]),
        n_below=table.file.n_below,
        n_doubtful=len(doubtful),
        seems_exchanged=_seem_exchanged(bars),
        doubtful_line=table.file.line_of(int(doubtful[0]), table.n_above) if len(doubtful) else 0,
    )
    return Series(bars=bars, understood=understood, is_part=table.family.in_parts)


def _moment(time: np.datetime64) -> datetime:
    found: datetime = time.astype("datetime64[us]").item()
    return found


def _unit(table: Table) -> str:
    """Unit of the volume: that of the family, if the column is no count of ticks."""
    return "ticks" if "tick" in table.names.get("volume", "").lower() else table.family.unit


def _symbol(table: Table, text: str, reading: Reading) -> str:
    symbol = (reading.symbol or text or named(table.file.titled)[0]).upper()
    if SYMBOL.fullmatch(symbol):
        return symbol
    raise table.file.fault(1, Phrase("no_symbol", text=symbol), Phrase("name_by_symbol"))


def _refuse_strange_years(table: Table, columns: Columns) -> None:
    local = np.asarray(columns["local"])
    if (strange := (local < _FIRST_YEAR) | (local > _LAST_YEAR)).any():
        raise _bad_row(table, columns["line"][int(np.argmax(strange))], Phrase("strange_year"), Phrase("mend_line"))


def _timeframe(table: Table, local: TimeArray, lines: FloatArray, reading: Reading) -> str:
    """Timeframe that is named, or else the median distance of the bars. Raises BadFile when they contradict."""
    seconds = _distance(local)
    if word := reading.timeframe or named(table.file.titled)[1]:
        found = find_timeframe(word)
        if seconds and not _fits(local, seconds, TIMEFRAMES[found]):
            reason = Phrase("other_distance", timeframe=found, distance=_spoken(seconds))
            raise table.fault(reason, Phrase("name_timeframe"))
        return found
    if not seconds and (local.astype("datetime64[D]") != local).any():
        raise table.fault(Phrase("one_bar_only"), Phrase("name_timeframe"))
    if not seconds or _DAY <= seconds < 3 * _DAY:
        return "1d"
    for word, size in TIMEFRAMES.items():
        if size == seconds:
            return word
    remedy = Phrase("usable_timeframes", timeframes=", ".join(TIMEFRAMES))
    raise table.fault(Phrase("bars_apart", distance=_spoken(seconds)), remedy)


def _fits(local: TimeArray, seconds: int, size: int) -> bool:
    """True if bars can be so long: not longer than their median distance, and not shorter than each."""
    steps = np.abs(np.diff(local.astype("datetime64[s]").astype(np.int64)))
    least = int(steps[steps > 0].min())
    is_sparse = least < 2 * size or size == _DAY or (least < _DAY and len(steps) < _LEAST_STEPS)
    return seconds >= size * _CLOCK_CHANGE and is_sparse


def _distance(local: TimeArray) -> int:
    """Median distance of the bars in seconds; 0 for a single time."""
    steps = np.abs(np.diff(local.astype("datetime64[s]").astype(np.int64)))
    return int(np.median(steps[steps > 0])) if steps.any() else 0


def _spoken(seconds: int) -> Phrase:
    return Phrase("days", n=seconds // _DAY) if seconds >= _DAY else Phrase("seconds", n=seconds)


def _with_prices(table: Table, columns: Columns) -> Columns:
    """Drop the days without a trade. Raises BadFile when only some of the four prices of another day are missing."""
    blank = np.array([np.ma.getmaskarray(np.ma.asarray(columns[name])) for name in _PRICES])
    keep = ~(blank.all(axis=0) | _is_idle(columns))
    partly = blank.any(axis=0) & keep
    if partly.any():
        row = int(np.argmax(partly))
        name = _PRICES[int(np.argmax(blank[:, row]))]
        raise _bad_row(table, columns["line"][row], Phrase("no_price", column=Phrase(name)), Phrase("mend_line"))
    if not keep.any():
        raise table.fault(Phrase("no_line_with_price"), Phrase("export_again"))
    return {name: column[keep] for name, column in columns.items()}


def _is_idle(columns: Columns) -> np.ndarray:
    """True for days without open, high, low and volume, for which some exchanges list the close before."""
    empty = np.array([np.ma.filled(np.ma.asarray(columns[name]), 0) == 0 for name in _IDLE])
    return np.asarray(empty.all(axis=0))


def _times(table: Table, columns: Columns, timeframe: str, *, symbol: str, zone: str | None) -> _Times:
    """Times of the bars; for daily bars midnight of the written date, or of the date where the exchange is."""
    local, lines = np.asarray(columns["local"]).astype("datetime64[us]"), columns["line"]
    shift = np.ma.asarray(columns["shift"])
    naive = np.ma.getmaskarray(shift)
    _refuse_mixed(table, local, shift, lines)
    days = local.astype("datetime64[D]").astype("datetime64[us]")
    if timeframe == "1d" and (naive.all() or (days == local).all()):
        return _Times(times=days)
    if naive.all():
        return _from_zone(table, local, lines, symbol, zone)
    origin = ZoneFrom.COUNT if is_count(table.times) else ZoneFrom.OFFSETS
    moments = local - np.asarray(shift).astype("timedelta64[m]")
    if timeframe != "1d":
        return _Times(times=moments, zone="UTC", zone_from=origin)
    zone = zone or _zone_of(symbol)
    return _Times(times=days_in(zone, moments).astype("datetime64[us]"), zone=zone, zone_from=origin)


def _refuse_mixed(table: Table, local: TimeArray, shift: np.ma.MaskedArray[Any, Any], lines: FloatArray) -> None:
    """Raise BadFile for offsets from UTC that are not those of one zone."""
    naive = np.ma.getmaskarray(shift)
    if naive.all():
        return
    if naive.any():
        row = int(np.argmax(naive != naive[0]))
        raise _bad_row(table, lines[row], Phrase("mixed_offsets"), Phrase("one_zone"))
    shifts = np.asarray(shift)
    changes = np.flatnonzero(np.diff(shifts)) + 1
    apart = np.abs(np.diff(local[changes])) < _LEAST_BETWEEN_CHANGES
    far = np.abs(shifts[changes] - shifts[0]) > 60
    if (bad := far | np.append(apart, False)[: len(changes)]).any():
        raise _bad_row(table, lines[changes[int(np.argmax(bad))]], Phrase("mixed_zones"), Phrase("one_zone"))


def _zone_of(symbol: str) -> str:
    return find_calendar(calendar_name(symbol), _ANY_DAY, _ANY_DAY).zone


def _from_zone(table: Table, local: TimeArray, lines: FloatArray, symbol: str, zone: str | None) -> _Times:
    """Convert clock times to UTC. Raises BadFile for one that the zone skips or has twice, and for a bad guess."""
    zone_from = ZoneFrom.NAMED if zone else ZoneFrom.FILE if table.zone else ZoneFrom.EXCHANGE
    if zone is None and not table.zone and table.family.must_name_zone:
        raise table.fault(Phrase("zone_unknown", family=Phrase(f"family_{table.family.name}")), Phrase("name_zone"))
    if zone is None and not table.zone and calendar_name(symbol) == WEEKDAYS:
        raise table.fault(Phrase("no_clock", symbol=symbol), Phrase("name_zone"))
    is_guess = zone is None and not table.zone and calendar_name(symbol) == DEFAULT
    name = zone or table.zone or _zone_of(symbol)
    times = in_utc(local, name)
    is_saturday = (local.astype("datetime64[D]").astype(np.int64) + 3) % 7 == 5
    for unfit, key in ((np.isnat(times), "unclear_time"), (is_saturday & is_guess, "no_zone_on_saturday")):
        if unfit.any():
            row = int(np.argmax(unfit))
            text = str(local[row].astype("datetime64[s]")).replace("T", " ")
            raise _bad_row(table, lines[row], Phrase(key, text=text, zone=name), Phrase("name_zone"))
    if zone is None and not table.zone and not _fits_hours(local, symbol):
        hours = _spoken_hours(local)
        raise table.fault(Phrase("other_hours", hours=hours, zone=name), Phrase("name_zone"))
    return _Times(times=times, zone=name, zone_from=zone_from)


def _fits_hours(local: TimeArray, symbol: str) -> bool:
    """True if clock times can be those of a symbol's exchange; markets without a night fit any."""
    name = calendar_name(symbol)
    if name in (ALWAYS, WEEKDAYS):
        return True
    calendar = find_calendar(name, _ANY_DAY, _ANY_DAY)
    session = np.array([calendar.opens[0], calendar.closes[0]])
    midnight = days_in(calendar.zone, session).astype("datetime64[us]")
    clock = [int(minute) for minute in (_clocks(session, calendar.zone) - midnight) / np.timedelta64(1, "m")]
    return fits_session(local, clock[0], clock[1])


def _clocks(moments: TimeArray, zone: str) -> TimeArray:
    """What the clocks of a zone show at moments in UTC."""
    midnights = days_in(zone, moments).astype("datetime64[us]")
    return np.asarray(moments - (in_utc(midnights, zone) - midnights))


def _spoken_hours(local: TimeArray) -> str:
    clocks = (local - local.astype("datetime64[D]")).astype("timedelta64[m]").astype(np.int64)
    return "–".join(f"{minute // 60:02}:{minute % 60:02}" for minute in (clocks.min(), clocks.max()))


def _order(table: Table, times: TimeArray, lines: FloatArray) -> slice:
    """Slice that puts rows in time order: unchanged or reversed. Raises BadFile for any other order."""
    steps = np.diff(times.astype(np.int64))
    if (steps > 0).all():
        return slice(None)
    if (steps < 0).all():
        return slice(None, None, -1)
    if (steps == 0).any():
        row = int(np.argmax(steps == 0)) + 1
        raise _bad_row(table, lines[row], Phrase("second_bar"), Phrase("delete_one"))
    falls = steps < 0
    row = int(np.argmax(falls if falls.sum() <= len(steps) / 2 else ~falls)) + 1
    raise _bad_row(table, lines[row], Phrase("not_in_order"), Phrase("sort_by_date"))


def _adjustment(table: Table, columns: Columns, reading: Reading) -> Adjustment:
    """What is known about the prices. Raises BadFile when the adjusted close fits them better than the close does."""
    has_column = not np.ma.getmaskarray(np.ma.asarray(columns["adjusted"])).all()
    if reading.is_adjusted is not None:
        return Adjustment.ADJUSTED if reading.is_adjusted else Adjustment.UNADJUSTED
    if not has_column:
        known = table.family.adjustment
        return Adjustment.UNKNOWN if known is Adjustment.COLUMN else known
    inside = {name: _are_inside(columns, name).mean() for name in ("close", "adjusted")}
    if inside["adjusted"] > inside["close"] and inside["close"] < _MOST_DOUBTFUL:
        raise table.fault(Phrase("adjusted_range"), Phrase("say_adjusted"))
    return Adjustment.COLUMN


def _are_inside(columns: Columns, name: str) -> np.ndarray:
    """True where a price is between low and high, but for rounding."""
    price = np.ma.filled(np.ma.asarray(columns[name], dtype=np.float64), np.nan)
    low, high = np.asarray(columns["low"]), np.asarray(columns["high"])
    slack = _ROUNDING * np.abs(price)
    return np.asarray((price >= low - slack) & (price <= high + slack))


def _factor(table: Table, columns: Columns, adjustment: Adjustment) -> FloatArray:
    close, adjusted = np.asarray(columns["close"]), np.ma.asarray(columns["adjusted"])
    if adjustment is not Adjustment.COLUMN:
        return np.ones(len(close))
    factor = np.ma.filled(adjusted / close, np.nan)
    if not (bad := ~(factor > 0)).any():
        return np.asarray(factor, dtype=np.float64)
    reason = Phrase("adjusted_missing")
    raise _bad_row(table, columns["line"][int(np.argmax(bad))], reason, Phrase("mend_line_or_column"))


def _doubtful(table: Table, columns: Columns) -> np.ndarray:
    """Rows whose open or close is not between low and high. Raises BadFile when most are like that."""
    bad = ~(_are_inside(columns, "open") & _are_inside(columns, "close"))
    lines = np.asarray(columns["line"])[bad]
    if bad.mean() <= _MOST_DOUBTFUL:
        return np.sort(lines)
    reason = Phrase("columns_mixed_up", n=len(lines), total=len(bad))
    raise _bad_row(table, lines.min(), reason, Phrase("check_column_names"))


def _seem_exchanged(bars: RawBars) -> bool:
    """True if opens are farther from the closes before than closes from the opens before: a gap is part of that way."""
    gap, way = np.abs(bars.open[1:] - bars.close[:-1]), np.abs(bars.close[1:] - bars.open[:-1])
    return len(gap) >= _LEAST_ROWS and bool(np.median(gap) > _EXCHANGED * np.median(way))


def _bad_row(table: Table, row: float, reason: Phrase, remedy: Phrase) -> BadFile:
    return table.fault(reason, remedy, row=int(row))
