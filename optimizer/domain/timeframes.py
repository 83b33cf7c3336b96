"""Lengths of a bar: those that sources deliver and the warehouse stores, and those made of them.

A word is a number and a unit: `m` minutes, `h` hours, `d` days, `w` weeks, `mo` months.
"""

import re
from dataclasses import dataclass

from optimizer.errors import UnknownTimeframe

#: Stored lengths in seconds, the shortest first.
TIMEFRAMES = {"1m": 60, "5m": 300, "15m": 900, "30m": 1800, "1h": 3600, "1d": 86400}
#: What refusals and schemas list: the stored ones, and examples of what is made of them.
EXAMPLES = ("1m", "5m", "15m", "30m", "1h", "2h", "4h", "1d", "1w", "1mo")
_PATTERN = re.compile(r"([1-9][0-9]{0,3})(m|min|h|d|w|mo)")
_MINUTES = {"m": 1, "min": 1, "h": 60}
#: Units as they are said in Korean: `4시간봉`, `90분`.
_KOREAN = re.compile(r"([0-9]+)(분|시간|일|주|월)봉?")
_UNITS = {"분": "m", "시간": "h", "일": "d", "주": "w", "월": "mo"}
#: Months where charting programs and exchanges write them, minutes to who types in capitals: it has to be said.
_MONTHS_OR_MINUTES = re.compile(r"(1|3|6|12)M")
#: Longest bar within a session, in minutes.
_LONGEST = 12 * 60
#: Words that people use, beside number and unit.
_NAMES = {
    "minute": "1m", "hourly": "1h", "hour": "1h", "daily": "1d", "day": "1d", "weekly": "1w", "week": "1w",
    "monthly": "1mo", "month": "1mo", "분봉": "1m", "시간봉": "1h", "일봉": "1d", "주봉": "1w", "월봉": "1mo",
}  # fmt: skip


@dataclass(frozen=True)
class Timeframe:
    """Length of a bar. Within a session it has `minutes`; else it is a day, a week or a month of sessions."""

    word: str
    minutes: int = 0

    @property
    def is_intraday(self) -> bool:
        """True if a session has several bars, or may have."""
        return self.minutes > 0

    @property
    def bases(self) -> tuple[str, ...]:
        """Stored timeframes that it can be made of, the longest first; itself where it is stored."""
        if not self.is_intraday:
            return ("1d",)
        return tuple(
            word for word in reversed(TIMEFRAMES) if word != "1d" and self.minutes * 60 % TIMEFRAMES[word] == 0
        )


def parse_timeframe(word: str) -> Timeframe:
    """Return the timeframe that a word means, in its shortest spelling: `240m` is `4h`.

    Raises UnknownTimeframe, also for `1M`.
    """
    plain = _KOREAN.sub(lambda found: found[1] + _UNITS[found[2]], _NAMES.get(word.lower(), word.lower()))
    found = _PATTERN.fullmatch(plain)
    if found is None or _MONTHS_OR_MINUTES.fullmatch(word):
        raise UnknownTimeframe.of(word, EXAMPLES)
    number, unit = int(found[1]), found[2]
    if unit not in _MINUTES:
        if number != 1:
            raise UnknownTimeframe.of(word, EXAMPLES)
        return Timeframe(f"1{unit}")
    minutes = number * _MINUTES[unit]
    if minutes > _LONGEST:
        raise UnknownTimeframe.of(word, EXAMPLES)
    return Timeframe(f"{minutes // 60}h" if minutes % 60 == 0 else f"{minutes}m", minutes)


def find_timeframe(word: str) -> str:
    """Return a stored timeframe. Raises UnknownTimeframe for another, also for one that can be made of it."""
    if word not in TIMEFRAMES:
        raise UnknownTimeframe.of(word, TIMEFRAMES)
    return word
