"""Cadence of schedules: `weekly mon 07:00`, `매주 월 07:00`, and the like."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum, auto
from functools import cache
from zoneinfo import available_timezones

from bot.grammar.errors import (
    MissingCadence,
    MissingDay,
    MissingTime,
    NotATime,
    UnknownOption,
    UnknownTimeZone,
)
from bot.grammar.tokens import Slip, Word, locate_errors
from optimizer.errors import OutOfRange, nearest

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
#: February has no later day every year.
LAST_DAY = 28

_KOREAN_DAYS = dict(zip("월화수목금토일", DAYS, strict=True))
_LONG_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DAY_WORDS: Mapping[str, str] = {
    **{day: day for day in DAYS},
    **dict(zip(_LONG_DAYS, DAYS, strict=True)),
    "tues": "tue",
    "thurs": "thu",
    **_KOREAN_DAYS,
    **{f"{letter}요일": day for letter, day in _KOREAN_DAYS.items()},
}
_ZONE_NICKNAMES: Mapping[str, str] = {
    "kst": "Asia/Seoul",
    "jst": "Asia/Tokyo",
    "seoul": "Asia/Seoul",
    "서울": "Asia/Seoul",
}
_CLOCK = re.compile(r"([0-9]{1,2}):([0-9]{2})")
_KOREAN_CLOCK = re.compile(r"([0-9]{1,2})시(?:([0-9]{1,2})분)?")
_HALF_CLOCK = re.compile(r"([0-9]{1,2})(?::([0-9]{2}))?(am|pm)")
_LOOKS_LIKE_TIME = re.compile(r"[0-9]+:[0-9:]*|[0-9]{1,2}(?::[0-9]*)?(?:am|pm)|[0-9]+시.*")
_MONTH_DAY = re.compile(r"([0-9]{1,4})(?:일|st|nd|rd|th)?")


class Cadence(StrEnum):
    """Frequency of a schedule."""

    DAILY = auto()
    WEEKDAYS = auto()
    WEEKLY = auto()
    MONTHLY = auto()


_CADENCE_WORDS: Mapping[str, Cadence] = {
    **{cadence.value: cadence for cadence in Cadence},
    "매일": Cadence.DAILY,
    "평일": Cadence.WEEKDAYS,
    "매주": Cadence.WEEKLY,
    "매월": Cadence.MONTHLY,
    "매달": Cadence.MONTHLY,
}


@dataclass(frozen=True, kw_only=True)
class ScheduleWhen:
    """Time of day on certain days, in the schedule's time zone."""

    cadence: Cadence
    hour: int
    minute: int
    days: tuple[str, ...] = ()  # of the week, "mon" … "sun"; weekly only
    day: int | None = None  # of the month, 1 … 28; monthly only

    @property
    def cron(self) -> dict[str, str | int]:
        """Fields of a cron trigger: hour, minute, and day_of_week or day where they matter."""
        clock: dict[str, str | int] = {"hour": self.hour, "minute": self.minute}
        if self.cadence is Cadence.WEEKDAYS:
            return {"day_of_week": "mon-fri", **clock}
        if self.cadence is Cadence.WEEKLY:
            return {"day_of_week": ",".join(self.days), **clock}
        return {"day": self.day, **clock} if self.day else clock

    @property
    def text(self) -> str:
        """Phrase as a person types it."""
        on = ",".join(self.days) or (str(self.day) if self.day else "")
        return " ".join(filter(None, (self.cadence.value, on, f"{self.hour:02}:{self.minute:02}")))


@dataclass(frozen=True)
class Phrase:
    """Schedule's phrase taken out of a command, and the remaining words."""

    when: ScheduleWhen
    time_zone: str | None
    rest: tuple[Word, ...]


def is_cadence(word: Word) -> bool:
    """Check whether a schedule's phrase begins here."""
    return word.lower in _CADENCE_WORDS


def take_phrase(words: Sequence[Word]) -> Phrase:
    """Find `weekly mon 07:00` and `tz=` among one or more words. Raises Slip where a part is wrong or missing."""
    at = next((i for i, word in enumerate(words) if is_cadence(word)), None)
    if at is None:
        when = "weekly mon" if _clocks(words) else "weekly mon 07:00"
        raise Slip(MissingCadence(), {words[-1].at: f"{words[-1].typed} {when}"})
    cadence = _CADENCE_WORDS[words[at].lower]
    taken = {at}
    days: tuple[str, ...] = ()
    day = None
    if cadence is Cadence.WEEKLY:
        days = _days(_next(words, at, "mon"))
    if cadence is Cadence.MONTHLY:
        day = _month_day(_next(words, at, "1"))
    if days or day:
        taken.add(at + 1)
    hour, minute = _time_of_day(words, taken)
    zone = _time_zone(words, taken)
    rest = tuple(word for i, word in enumerate(words) if i not in taken)
    return Phrase(ScheduleWhen(cadence=cadence, hour=hour, minute=minute, days=days, day=day), zone, rest)


def find_time_zone(name: str) -> str:
    """Return the IANA name for what a person typed, in any case. Raises UnknownTimeZone."""
    zones = _zones()
    key = _ZONE_NICKNAMES.get(name.lower(), name).lower()
    if key not in zones:
        cities = _cities()
        near = cities.get(key) or cities.get(nearest(key, cities)) or zones.get(nearest(key, zones), "")
        raise UnknownTimeZone(word=name, nearest=near, known="")
    return zones[key]


@cache
def _zones() -> dict[str, str]:
    return {name.lower(): name for name in sorted(available_timezones())}


@cache
def _cities() -> dict[str, str]:
    """Return zones by their city alone."""
    return {zone.rpartition("/")[2].lower(): zone for zone in _zones().values()}


def _next(words: Sequence[Word], at: int, example: str) -> Word:
    """Return the word after the cadence, which must exist and be no time of day."""
    following = words[at + 1] if at + 1 < len(words) else None
    if following is None or _LOOKS_LIKE_TIME.fullmatch(following.lower) or following.pair:
        error = MissingDay(word=words[at].text, example=example)
        raise Slip(error, {words[at].at: f"{words[at].typed} {example}"})
    return following


def _days(word: Word) -> tuple[str, ...]:
    names = word.lower.split(",")
    with locate_errors(word):
        for name in names:
            if name not in _DAY_WORDS:
                raise UnknownOption.of(name, _DAY_WORDS if name.isascii() else _KOREAN_DAYS)
    chosen = {_DAY_WORDS[name] for name in names}
    return tuple(day for day in DAYS if day in chosen)


def _month_day(word: Word) -> int:
    number = _MONTH_DAY.fullmatch(word.lower)
    with locate_errors(word):
        if not number or not 1 <= int(number[1]) <= LAST_DAY:
            near = LAST_DAY if number and int(number[1]) else 1
            raise OutOfRange(name="monthly", low=1, high=LAST_DAY, value=word.text, nearest=near)
    return int(number[1])


def _clocks(words: Iterable[Word]) -> list[int]:
    return [i for i, word in enumerate(words) if _LOOKS_LIKE_TIME.fullmatch(word.lower)]


def _time_of_day(words: Sequence[Word], taken: set[int]) -> tuple[int, int]:
    at = next((i for i in _clocks(words) if i not in taken), None)
    if at is None:
        last = words[max(taken)]
        raise Slip(MissingTime(word=last.text), {last.at: f"{last.typed} 07:00"})
    taken.add(at)
    with locate_errors(words[at]):
        return read_clock(words[at].lower)


def read_clock(text: str) -> tuple[int, int]:
    """Read hour and minute of `7:00`, `7am`, `7:30pm`, `7시`, `7시30분`. Raises NotATime."""
    half = _HALF_CLOCK.fullmatch(text)
    found = half or _CLOCK.fullmatch(text) or _KOREAN_CLOCK.fullmatch(text)
    if not found:
        raise NotATime(word=text)
    hour, minute = int(found[1]), int(found[2] or 0)
    if half:
        if not 1 <= hour <= 12:
            raise NotATime(word=text)
        hour = hour % 12 + (12 if half[3] == "pm" else 0)
    if hour > 23 or minute > 59:
        raise NotATime(word=text)
    return hour, minute


def _time_zone(words: Sequence[Word], taken: set[int]) -> str | None:
    for i, word in enumerate(words):
        if word.pair and word.pair[0] == "tz":
            taken.add(i)
            with locate_errors(word):
                return find_time_zone(word.pair[1])
    return None
