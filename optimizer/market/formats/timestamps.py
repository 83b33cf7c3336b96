"""Formats of times in files, and their conversion to UTC."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from optimizer.domain.bars import TimeArray
from optimizer.lazy import LazyModule

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = LazyModule("pandas")

_OFFSET = r"(:\d{2}(?:\.\d+)?)\s*(?:UTC|GMT)?(Z|UTC|GMT|[+-]\d{2}:?\d{2}|[+-]\d{2})$"
_CLOCKS = (
    *("", " %H:%M", " %H:%M:%S", " %H%M%S", " %H%M", "T%H:%M", "T%H:%M:%S", " %I:%M %p", " %I:%M:%S %p"),
    *(" %H:%M:%S.%f", "-%H:%M:%S"),
)
_MONTH_FIRST, _DAY_FIRST = False, True
#: Formats of dates by their shape; those of which only the order tells have each order.
_SHAPES: Sequence[tuple[str, tuple[tuple[str, bool | None], ...]]] = (
    (r"\d{8}(\D|$)", (("%Y%m%d", None),)),
    (r"\d{4}\.\d{1,2}\.\d", (("%Y.%m.%d", None),)),
    (r"\d{4}\. \d{1,2}\. \d{1,2}\.", (("%Y. %m. %d.", None),)),
    (r"\d{4}\. \d{1,2}\. \d", (("%Y. %m. %d", None),)),
    (r"\d{4}- \d{1,2}- \d", (("%Y- %m- %d", None),)),
    (r"\d{4}년", (("%Y년 %m월 %d일", None),)),
    (r"\d{4}年", (("%Y年%m月%d日", None),)),
    (r"\d{1,2}/\d{1,2}/\d{4}", (("%m/%d/%Y", _MONTH_FIRST), ("%d/%m/%Y", _DAY_FIRST))),
    (r"\d{1,2}-\d{1,2}-\d{4}", (("%m-%d-%Y", _MONTH_FIRST), ("%d-%m-%Y", _DAY_FIRST))),
    (r"\d{1,2}/\d{1,2}/\d{2}(\D|$)", (("%m/%d/%y", _MONTH_FIRST), ("%d/%m/%y", _DAY_FIRST), ("%y/%m/%d", None))),
    (r"\d{1,2}\.\d{1,2}\.\d{4}", (("%d.%m.%Y", _DAY_FIRST),)),
    (r"\d{1,2}\.\d{1,2}\.\d{2}(\D|$)", (("%d.%m.%y", _DAY_FIRST), ("%y.%m.%d", None))),
    (r"\d{1,2}[- ][A-Za-z]{3}[- ]\d{4}", (("%d-%b-%Y", None), ("%d %b %Y", None))),
    (r"\d{1,2}[- ][A-Za-z]{4,}[- ]\d{4}", (("%d-%B-%Y", None), ("%d %B %Y", None))),
    (r"\d{1,2}[- ][A-Za-z]{3}[- ]\d{2}(\D|$)", (("%d-%b-%y", None), ("%d %b %y", None))),
    (r"[A-Za-z]{3} \d{1,2}, \d{4}", (("%b %d, %Y", None),)),
    (r"[A-Za-z]+ \d{1,2}, \d{4}", (("%B %d, %Y", None),)),
)
#: A date or a moment of ISO 8601, and nothing behind it: the name of a zone would be passed over.
_ISO = r"\d{4}[-/]\d{1,2}[-/]\d{1,2}"
_ISO_CLOCK = r"([ T]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?)?"
#: Dates and clock times in digits alone, which are no counts.
_DIGITS = r"(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:[01]\d|2[0-3])[0-5]\d([0-5]\d)?"
#: Dates in years of the Republic of China, whose first one is 1912: `109/01/02`, `民國109年1月2日`, `1090102`.
_REPUBLIC = r"(?:中華)?(?:民國)?\s*(\d{2,3})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})日?( \d{1,2}:\d{2}(?::\d{2})?)?"
_REPUBLIC_DIGITS = r"(\d{3})(\d{2})(\d{2})()"
_LONG_YEAR = rf"(?:中華)?民國.*|\d{{3}}\s*[-/.年].*|{_REPUBLIC_DIGITS}"
_YEAR_ZERO = 1911
#: SQL of a count since 1970 below a size: seconds, milliseconds, microseconds or nanoseconds.
_COUNTS = (
    (10**11, "make_timestamp(try_cast({} AS BIGINT) * 1000000)"),
    (10**14, "make_timestamp(try_cast({} AS BIGINT) * 1000)"),
    (10**17, "make_timestamp(try_cast({} AS BIGINT))"),
    (10**20, "make_timestamp(try_cast({} AS BIGINT) // 1000)"),
)
#: The same of a count with decimals.
_FRACTIONS = (
    (10**11, "make_timestamp(CAST(try_cast({} AS DECIMAL(27, 9)) * 1000000 AS BIGINT))"),
    (10**14, "make_timestamp(CAST(try_cast({} AS DECIMAL(27, 9)) * 1000 AS BIGINT))"),
    (10**17, "make_timestamp(CAST(try_cast({} AS DECIMAL(27, 9)) AS BIGINT))"),
    (10**20, "make_timestamp(CAST(try_cast({} AS DECIMAL(27, 9)) / 1000 AS BIGINT))"),
)
#: Minutes.
_HOUR = 60


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


def candidates(texts: Sequence[str], day_first: bool | None = None, republic: bool = False) -> list[str]:
    """SQL expressions that read texts like these as TIMESTAMP, with `{}` in place of the text without offset.

    Several if day and month cannot be distinguished by the format alone, and nobody said which comes first; none if
    the format is unknown. `republic`: years of two digits are those of the Republic of China.
    """
    if is_count(texts):
        largest = max(map(abs, _counts(texts)))
        has_fraction = any("." in text for text in texts)
        return [next(way for below, way in (_FRACTIONS if has_fraction else _COUNTS) if largest < below)]
    first = next((text.strip() for text in texts if text and text.strip()), "")
    if match := re.fullmatch(_DIGITS, first):
        return [f"try_strptime({{}}, '%Y%m%d%H%M{'%S' if match[1] else ''}')"]
    if re.fullmatch(_LONG_YEAR, first) or (republic and has_short_year(first)):
        return [_republic_sql(first)]
    if re.match(_ISO, first):
        clock = _ISO_CLOCK.replace("{", "{{").replace("}", "}}") if any(":" in text for text in texts) else ""
        shape = _ISO.replace("{", "{{").replace("}", "}}") + clock
        return [
            f"CASE WHEN regexp_full_match({{0}}, '{shape}') THEN try_cast(replace({{0}}, '/', '-') AS TIMESTAMP) END"
        ]
    days = next((formats for shape, formats in _SHAPES if re.match(shape, first)), ())
    said = [(day, order) for day, order in days if day_first is None or order in (None, day_first)]
    return [f"try_strptime({{}}, {[day + clock for clock in _CLOCKS]})" for day, _ in said]


def has_short_year(text: str) -> bool:
    """True if a date has no part of more than two digits, so that its year may be counted from 1911 or 1900."""
    return re.fullmatch(r"\d{2}[-/.年]\d{1,2}[-/.月]\d{1,2}日?", text.strip()) is not None


def _republic_sql(text: str) -> str:
    """SQL expression of a date in years of the Republic of China."""
    shape = _REPUBLIC_DIGITS if re.fullmatch(_REPUBLIC_DIGITS, text) else _REPUBLIC
    shape = shape.replace("{", "{{").replace("}", "}}")
    year, month, day, clock = (f"regexp_extract({{0}}, '{shape}', {place})" for place in (1, 2, 3, 4))
    date = f"CAST(CAST({year} AS INTEGER) + {_YEAR_ZERO} AS VARCHAR) || '-' || {month} || '-' || {day} || {clock}"
    return f"CASE WHEN regexp_full_match({{0}}, '{shape}') THEN try_cast({date} AS TIMESTAMP) END"


def is_count(texts: Sequence[str]) -> bool:
    """True if times are numbers of seconds, or of parts of a second, since 1970; one of many may be damaged.

    A date of digits alone has eight of them, so a count has more, or is from before 1970; one with a clock time is
    told from a count by its months, days and hours.
    """
    filled = [text.strip() for text in texts if text.strip()]
    if 2 * sum(re.fullmatch(_DIGITS, text) is not None for text in filled) > len(filled):
        return False
    counts = _counts(texts)
    return 2 * len(counts) > len(filled) and any(count < 0 or count >= 10**8 for count in counts)


def _counts(texts: Sequence[str]) -> list[int]:
    return [int(text.partition(".")[0]) for text in texts if re.fullmatch(r"-?\d{1,19}(\.\d{1,9})?", text.strip())]


def fits_session(local: TimeArray, opens: int, closes: int) -> bool:
    """True if bars at these clock times, in minutes, can be those of a session: they begin or end with it."""
    minutes = local.astype("datetime64[m]").astype(np.int64)
    days, places = np.unique(minutes // 1440, return_inverse=True)
    first, last = np.full(len(days), 1440), np.zeros(len(days), dtype=np.int64)
    np.minimum.at(first, places, minutes % 1440)
    np.maximum.at(last, places, minutes % 1440)
    begin, end = np.median(first), np.median(last)
    is_regular = opens <= begin <= opens + _HOUR and end <= closes
    is_extended = begin < opens and closes - _HOUR <= end <= closes + 4 * _HOUR
    return bool(is_regular or is_extended)


def is_steady(times: TimeArray) -> bool:
    """True if times only rise or only fall."""
    steps = np.diff(times.astype(np.int64))
    return bool((steps >= 0).all() or (steps <= 0).all())


def are_sessions(times: TimeArray, swapped: TimeArray) -> bool:
    """True if times are weekdays of daily bars that, with day and month swapped, would leave out some months."""
    days, months = times.astype("datetime64[D]"), swapped.astype("datetime64[M]")
    if len(days) < 2:
        return False
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
