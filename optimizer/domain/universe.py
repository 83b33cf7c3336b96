"""Universes: lists of symbols with the days on which each was a member, and what a study keeps of its list."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from optimizer.domain.study_request import Frozen, StudySpec

_ALWAYS, _STILL = date.min, date.max


class Stay(Frozen):
    """Days on which a symbol was a member, both ends included."""

    symbol: str
    start: date | None = None  # None: since always
    end: date | None = None  # None: still a member

    @property
    def first(self) -> date:
        """First day; the earliest there is where it has none."""
        return self.start or _ALWAYS

    @property
    def last(self) -> date:
        """Last day; the latest there is where it has none."""
        return self.end or _STILL

    def has(self, day: date) -> bool:
        """True if the symbol was a member on a day."""
        return self.first <= day <= self.last


class Universe(Frozen):
    """List that the symbols of a request were taken from, and what it knows of members that left.

    Names are symbols. Those without bars or with too few have no study; all others are members of the same request.
    """

    name: str  # without `@`
    has_leavers: bool = False  # the list has members that left; otherwise it is one of today's members
    first: date | None = None  # earliest and latest day that the list names
    last: date | None = None
    start: date | None = None  # window of the request
    end: date | None = None
    n_members: int = 0  # at any time of the window
    n_former: int = 0  # of these, no longer members at its end
    longest_of_several: tuple[str, ...] = ()  # studied over the longest of several stays
    too_few_bars: tuple[str, ...] = ()
    without_bars: tuple[str, ...] = ()  # members at the end of the window
    former_without_bars: tuple[str, ...] = ()

    @property
    def is_dated(self) -> bool:
        """True if each symbol was studied over the days on which it was a member."""
        return self.start is not None


def distinct(universes: Iterable[Universe | None]) -> list[Universe]:
    """Each list once, in order."""
    return list({universe.name: universe for universe in universes if universe is not None}.values())


@dataclass(frozen=True, kw_only=True)
class Member:
    """Symbol that was a member during a window, with the longest of its stays within the window."""

    stay: Stay  # cut to the window
    has_several: bool
    has_left: bool  # before the window's end

    @property
    def symbol(self) -> str:
        """Symbol of the stay."""
        return self.stay.symbol


def members_between(stays: Iterable[Stay], start: date, end: date) -> list[Member]:
    """Members at any time from start to end, in the order of the list; of equally long stays the later one counts."""
    inside: dict[str, list[Stay]] = defaultdict(list)
    for stay in stays:
        if stay.first <= end and stay.last >= start:
            cut = Stay(symbol=stay.symbol, start=max(stay.first, start), end=min(stay.last, end))
            inside[stay.symbol].append(cut)
    return [_member(found, end) for found in inside.values()]


def _member(found: Sequence[Stay], end: date) -> Member:
    longest = max(found, key=lambda stay: (stay.last - stay.first, stay.last))
    return Member(stay=longest, has_several=len(found) > 1, has_left=not any(stay.has(end) for stay in found))


def window_of(spec: StudySpec, newest: date) -> tuple[date, date]:
    """First and last day of a request's window, given the day of the newest bar."""
    end = spec.end or newest
    return spec.start or end.replace(year=end.year - spec.years, day=min(end.day, 28)), end


def spec_of_member(spec: StudySpec, member: Member, end: date) -> StudySpec:
    """Same request for a member, over its stay alone; `end` is that of the window, which is left open where it was."""
    stay, plain = member.stay, StudySpec.model_fields
    last = stay.end if stay.last < end else spec.end
    return spec.for_symbol(stay.symbol).model_copy(
        update={"start": stay.start, "end": last, "years": plain["years"].default}
    )


def universe_of(name: str, stays: Sequence[Stay], members: Sequence[Member], window: tuple[date, date]) -> Universe:
    """What a request keeps of a list with dates, before its bars are known."""
    days = [day for stay in stays for day in (stay.start, stay.end) if day is not None]
    return Universe(
        name=name,
        has_leavers=any(stay.end is not None for stay in stays),
        first=min(days, default=None),
        last=max(days, default=None),
        start=window[0],
        end=window[1],
        n_members=len(members),
        n_former=sum(member.has_left for member in members),
        longest_of_several=tuple(member.symbol for member in members if member.has_several),
    )
