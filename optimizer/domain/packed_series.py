"""Long series as bytes that take a fraction of the room they have as lists of BSON, to the last bit.

Of numbers the first bytes of all come first, then all second ones, and so on: those that hardly change from bar to bar
then stand together, and zlib makes little of them. Of dates the days from each to the next are kept.
"""

import zlib
from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any, cast

import numpy as np
from pydantic import BeforeValidator

from optimizer.domain.bars import FloatArray, TimeArray

_NUMBER, _DAYS = np.dtype("<f8"), np.dtype("<i4")
#: Of zlib: its usual level takes three times as long for a hundredth less.
_LEVEL = 3
_FIRST_DAY = date(1970, 1, 1).toordinal()


def packed_numbers(values: Sequence[float] | FloatArray) -> bytes:
    """Return numbers as bytes; `numbers_of` returns them."""
    planes = np.array(values, dtype=_NUMBER).view(np.uint8).reshape(-1, _NUMBER.itemsize).T
    return zlib.compress(planes.tobytes(), _LEVEL)


def packed_dates(dates: Sequence[date] | Sequence[str] | TimeArray) -> bytes:
    """Return dates, their ISO texts, or times, of which the day counts, as bytes; `dates_of` returns them."""
    return zlib.compress(np.diff(_numbered(dates), prepend=_DAYS.type(0)).tobytes(), _LEVEL)


def _numbered(dates: Sequence[date] | Sequence[str] | TimeArray) -> "np.ndarray[Any, np.dtype[np.int32]]":
    """Return dates as days since 1970: of texts NumPy reads them, which of dates takes it thirty times as long."""
    if isinstance(dates, np.ndarray):
        return dates.astype("datetime64[D]").astype(_DAYS)
    if dates and isinstance(dates[0], str):
        return np.array(dates, dtype="datetime64[D]").astype(_DAYS)
    return np.array([each.toordinal() - _FIRST_DAY for each in cast(Sequence[date], dates)], dtype=_DAYS)


def numbers_of(stored: Any) -> Any:
    """Return the list of what `packed_numbers` made; anything else, as earlier versions stored it, as it is."""
    if not isinstance(stored, bytes):
        return stored
    planes = np.frombuffer(zlib.decompress(stored), dtype=np.uint8).reshape(_NUMBER.itemsize, -1)
    return np.ascontiguousarray(planes.T).view(_NUMBER).ravel().tolist()


def dates_of(stored: Any) -> Any:
    """Return the list of what `packed_dates` made; anything else, as earlier versions stored it, as it is."""
    if not isinstance(stored, bytes):
        return stored
    days = np.cumsum(np.frombuffer(zlib.decompress(stored), dtype=_DAYS), dtype=np.int64)
    return days.astype("datetime64[D]").tolist()


#: Types of fields that are stored packed, and were stored as lists by earlier versions.
Numbers = Annotated[tuple[float, ...], BeforeValidator(numbers_of)]
Dates = Annotated[tuple[date, ...], BeforeValidator(dates_of)]
