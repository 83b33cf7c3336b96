"""Formats of times in files, and their conversion to UTC."""

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd

from optimizer.domain.bars import TimeArray

_OFFSET = r"(:\d{2}(?:\.\d+)?)\s*(Z|UTC|GMT|[+-]\d{2}:?\d{2}|[+-]\d{2})$"
_CLOCKS = ("", " %H:%M", " %H:%M:%S", " %H%M%S", " %H%M", "T%H:%M", "T%H:%M:%S")
_SHAPES: Sequence[tuple[str, tuple[str, ...]]] = (
    (r"\d{8}(\D|$)", ("%Y%m%d",)),
    (r"\d{4}\.", ("%Y.%m.%d",)),
    (r"\d{4}년", ("%Y년 %m월 %d일",)),
    (r"\d{1,2}/\d{1,2}/\d{4}", ("%m/%d/%Y", "%d/%m/%Y")),
    (r"\d{1,2}-\d{1,2}-\d{4}", ("%m-%d-%Y", "%d-%m-%Y")),
    (r"\d{1,2}\.\d{1,2}\.\d{4}", ("%d.%m.%Y",)),
    (r"\d{1,2}[- ][A-Za-z]{3}[- ]\d{4}", ("%d-%b-%Y", "%d %b %Y")),
    (r"[A-Za-z]{3} \d{1,2}, \d{4}", ("%b %d, %Y",)),
    (r"[A-Za-z]+ \d{1,2}, \d{4}", ("%B %d, %Y",)),
)
#: SQL of a count since 1970 below a size: seconds, milliseconds, microseconds or nanoseconds.
_COUNTS = (
    (10**11, "make_timestamp(try_cast({} AS BIGINT) * 1000000)"),
    (10**14, "make_timestamp(try_cast({} AS BIGINT) * 1000)"),
    (10**17, "make_timestamp(try_cast({} AS BIGINT))"),
    (10**20, "make_timestamp(try_cast({} AS BIGINT) // 1000)"),
)


def shift_sql(text: str) -> str:
    """SQL of the offset from UTC, in minutes, at the end of a text expression; NULL if it has none."""
    offset = f"regexp_extract({text}, '{_OFFSET}', 2)"
    sign = f"CASE WHEN {offset}[1] = '-' THEN -1 ELSE 1 END"
    digits = f"replace({offset}[2:], ':', '')"
    minutes = f"(try_cast({digits}[1:2] AS INTEGER) * 60 + coalesce(try_cast({digits}[3:4] AS INTEGER), 0))"
    return (
        f"CASE WHEN {offset} = '' THEN NULL WHEN {offset} IN ('Z', 'UTC', 'GMT') THEN 0 ELSE ({sign}) * {minutes} END"
    )


def local_sql(text: str) -> str:
    """SQL of a text expression without its offset from UTC."""
    return f"regexp_replace({text}, '{_OFFSET}', '\\1')"


def candidates(texts: Sequence[str]) -> list[str]:
    """SQL expressions that read texts like these as TIMESTAMP, with `{}` in place of the text without offset.

    Several if day and month cannot be distinguished by the format alone; none if the format is unknown.
    """
    if is_count(texts):
        largest = max(abs(int(text)) for text in texts if text.strip())
        return [next(way for below, way in _COUNTS if largest < below)]
    first = next((text.strip() for text in texts if text and text.strip()), "")
    if re.match(r"\d{4}[-/]\d{1,2}[-/]\d{1,2}", first):
        return ["try_cast(replace({}, '/', '-') AS TIMESTAMP)"]
    days = next((formats for shape, formats in _SHAPES if re.match(shape, first)), ())
    return [f"try_strptime({{}}, {[day + clock for clock in _CLOCKS]})" for day in days]


def is_count(texts: Sequence[str]) -> bool:
    """True if times are whole numbers of seconds, or of parts of a second, since 1970.

    A date of digits alone has eight of them, so a count has more, or is from before 1970.
    """
    filled = [text.strip() for text in texts if text.strip()]
    if not filled or not all(re.fullmatch(r"-?\d{1,19}", text) for text in filled):
        return False
    return any(int(text) < 0 or int(text) >= 10**8 for text in filled)


def is_steady(times: TimeArray) -> bool:
    """True if times only rise or only fall."""
    steps = np.diff(times.astype(np.int64))
    return bool((steps >= 0).all() or (steps <= 0).all())


def are_sessions(times: TimeArray, swapped: TimeArray) -> bool:
    """True if times are weekdays of daily bars that, with day and month swapped, would leave out some months."""
    days, months = times.astype("datetime64[D]"), swapped.astype("datetime64[M]")
    is_daily = bool(np.is_busday(days).all()) and np.median(np.abs(np.diff(days).astype(np.int64))) < 3
    return is_daily and bool((np.abs(np.diff(months).astype(np.int64)) > 1).any())


def days_in(zone: str, moments: TimeArray) -> TimeArray:
    """Dates of moments in UTC where a zone's clocks show them, as datetime64[D]."""
    aware = pd.DatetimeIndex(moments).tz_localize("UTC").tz_convert(zone)
    return aware.tz_localize(None).to_numpy().astype("datetime64[D]")


def in_utc(local: TimeArray, zone: str) -> TimeArray:
    """Convert local times of a zone to UTC; NaT for a time that the zone skips or has twice."""
    aware = pd.DatetimeIndex(local).tz_localize(zone, ambiguous="NaT", nonexistent="NaT")
    return aware.tz_convert("UTC").tz_localize(None).to_numpy().astype("datetime64[us]")
