"""A family of files: how it is recognised, and what it means that its columns do not say."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Adjustment(StrEnum):
    """What is known about an adjustment of prices for splits and dividends."""

    UNKNOWN = "unknown"
    COLUMN = "column"  # the adjusted close beside the close
    ADJUSTED = "adjusted"
    UNADJUSTED = "unadjusted"


@dataclass(frozen=True, kw_only=True)
class Sample:
    """What a family is recognised by: the file's name and its first rows."""

    path: str  # with folders, as posix
    names: Sequence[str]  # of the columns; empty without a header
    plain: frozenset[str]  # the same, as `plain_name` returns them
    n_header: int  # rows of the header
    rows: Sequence[Sequence[str]]
    delimiter: str


@dataclass(frozen=True, kw_only=True)
class Family:
    """One kind of file."""

    name: str
    is_one: Callable[[Sample], bool]
    columns: Sequence[str] = ()  # meanings of the columns of a file without a header; empty: unused
    day_first: bool | None = None  # order in dates such as 01/02/2024; None: found from the dates
    zone: str | None = None  # of clock times without one; None: the exchange's
    must_name_zone: bool = False  # clock times are those of a server, which the file does not name
    adjustment: Adjustment = Adjustment.UNKNOWN
    unit: str = "as_written"  # of the volume
    in_parts: bool = False  # one series is spread over several files by time
    divisor: Callable[[Sample], int] | None = None  # of prices; 0 if it cannot be known
    time: Callable[[Sample, str], str] | None = None  # SQL of the time from the SQL of its column


def has(*names: str) -> Callable[[Sample], bool]:
    """Recognise a file by names that its header must have, as `plain_name` returns them."""
    wanted = frozenset(names)
    return lambda sample: wanted <= sample.plain


def is_bare(patterns: Sequence[str], delimiters: str = ",;\t") -> Callable[[Sample], bool]:
    """Recognise a file without header by a pattern for the cells of each column."""
    compiled = [re.compile(pattern) for pattern in patterns]

    def is_one(sample: Sample) -> bool:
        return not sample.names and sample.delimiter in delimiters and _fits(sample.rows, compiled)

    return is_one


def _fits(rows: Sequence[Sequence[str]], patterns: Sequence[re.Pattern[str]]) -> bool:
    """True if the cells of most rows fit: one of them may be damaged, which is refused with its line later."""
    fitting = [
        len(row) == len(patterns) and all(map(lambda one, cell: one.fullmatch(cell.strip()), patterns, row))
        for row in rows
    ]
    return bool(fitting) and sum(fitting) > len(fitting) / 2


def places_of(family: Family) -> Mapping[str, int]:
    """Index of each column of a file without header by meaning."""
    return {meaning: place for place, meaning in enumerate(family.columns) if meaning}
