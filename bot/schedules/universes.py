"""Requests on watch lists: which symbols they mean, over which days, and which have no study for want of bars.

A list with dates stands for everyone who was a member at any time of the request's window, each over its stay. One
set that several symbols share needs the same days for all: there such a list stands for today's members, as every
list without dates does.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from bot.documents.preferences import Watchlist
from bot.grammar.commands import Mode, Start
from bot.runtime.services import Services
from bot.schedules.watchlists import lists_named
from optimizer.domain.study_request import StudySpec
from optimizer.domain.universe import Member, Universe, members_between, spec_of_member, universe_of, window_of
from optimizer.errors import BadData, BarsEnd, NoBars, NoTimeframe, TooFewBars, UnknownSymbol, UserError
from optimizer.studies.service import Plan

#: Plans that are made at a time: while one waits for its source or the warehouse, others are made.
_AT_ONCE = 4
#: Errors of a symbol of which no source has bars.
_NO_BARS = (UnknownSymbol, NoTimeframe, NoBars)


class EmptyUniverse(BadData):
    """Raised for a list of which no member can be studied. Facts: word, start, end, n_short, n_without."""

    @classmethod
    def of(cls, universe: Universe) -> "EmptyUniverse":
        """Build the error for a list whose members were all left out, or which has none in its window."""
        n_without = len(universe.without_bars) + len(universe.former_without_bars)
        return cls(
            word=universe.name,
            start=f"{universe.start}",
            end=f"{universe.end}",
            n_short=len(universe.too_few_bars),
            n_without=n_without,
        )


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Studies that a command means: their specs, and the list that each symbol was taken from."""

    specs: tuple[StudySpec, ...]
    universes: Mapping[str, Universe]  # by symbol, of those that a list named before they were typed
    former: frozenset[str]  # symbols that are no longer members at the end of the window

    def universe_of(self, spec: StudySpec) -> Universe | None:
        """List that a spec's symbols were taken from, the first of several; None where all were typed."""
        return next((self.universes[symbol] for symbol in spec.symbols if symbol in self.universes), None)


@dataclass(frozen=True, kw_only=True)
class _ListRead:
    """List as a request reads it: its members in their order, each with its stay where the list has dates."""

    universe: Universe
    members: Mapping[str, Member | None]

    @property
    def former(self) -> Iterable[str]:
        return (symbol for symbol, member in self.members.items() if member is not None and member.has_left)

    def over_stay(self, spec: StudySpec) -> StudySpec:
        """Return a member's spec over its stay."""
        member, end = self.members[spec.symbol], self.universe.end
        return spec if member is None or end is None else spec_of_member(spec, member, end)


async def select(command: Start, services: Services) -> Selection:
    """Read the lists of a command; raises UnknownWatchlist, NobodyToShareWith and EmptyUniverse."""
    lists = await lists_named(command.watchlists)
    reads = {name: await _read(found, command, services) for name, found in lists.items()}
    sources = _sources(command, {name: tuple(read.members) for name, read in reads.items()})
    if not sources:
        raise EmptyUniverse.of(next(iter(reads.values())).universe)
    specs = command.over({name: tuple(read.members) for name, read in reads.items()})
    return Selection(
        specs=tuple(reads[name].over_stay(spec) if (name := sources[spec.symbol]) else spec for spec in specs),
        universes={symbol: reads[name].universe for symbol, name in sources.items() if name},
        former=frozenset(symbol for read in reads.values() for symbol in read.former),
    )


async def plan_selection(selection: Selection, services: Services) -> list[Plan]:
    """Plan every study; members of lists with dates that lack bars are left out, and named in the plans' universes.

    Raises EmptyUniverse where none remains, and a UserError for the first fault of any other kind.
    """
    plans: list[Plan] = []
    left_out: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    async for spec, found in _planned(selection.specs, services):
        universe = selection.universe_of(spec)
        if isinstance(found, Plan):
            plans.append(replace(found, universe=universe))
        elif (
            isinstance(found, (TooFewBars, BarsEnd, *_NO_BARS))
            and universe is not None
            and universe.is_dated
            and _is_about(found, spec.symbol)
        ):
            left_out[universe.name][_reason(found, is_former=spec.symbol in selection.former)].append(spec.symbol)
        else:
            raise found
    universes = {name: _without(found, left_out[name]) for name, found in _by_name(selection).items()}
    if not plans:
        raise EmptyUniverse.of(next(iter(universes.values())))
    return [replace(plan, universe=universes[plan.universe.name] if plan.universe else None) for plan in plans]


async def _planned(
    specs: Sequence[StudySpec], services: Services
) -> AsyncIterator[tuple[StudySpec, Plan | BaseException]]:
    """Yield the plan of each request in their order, or why it has none; a few are made at a time."""
    for first in range(0, len(specs), _AT_ONCE):
        some = specs[first : first + _AT_ONCE]
        found = await asyncio.gather(*map(services.studies.plan, some), return_exceptions=True)
        for pair in zip(some, found, strict=True):
            yield pair


async def _read(found: Watchlist, command: Start, services: Services) -> _ListRead:
    """Read one list for the window of a command."""
    today, spec = services.clock().date(), command.specs[0]
    present = found.members_on(today)
    if not found.stays or command.mode is Mode.SHARED:
        return _ListRead(universe=Universe(name=found.name, n_members=len(present)), members=dict.fromkeys(present))
    newest = spec.end or await asyncio.to_thread(_newest_day, present, spec, services) or today
    window = window_of(spec, newest)
    members = members_between(found.stays, *window)
    universe = universe_of(found.name, found.stays, members, window)
    return _ListRead(universe=universe, members={member.symbol: member for member in members})


def _newest_day(symbols: Sequence[str], spec: StudySpec, services: Services) -> date | None:
    """Return the day of the newest bar of any of these symbols; None where none has bars."""
    days = []
    for symbol in symbols:
        try:
            days.append(
                services.market.last_day(symbol, timeframe=spec.timeframe, source=spec.source, now=services.clock())
            )
        except _NO_BARS:
            continue
    return max(days, default=None)


def _sources(command: Start, members: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return each symbol with the name of the list that names it first; empty where it was typed before."""
    found: dict[str, str] = {}
    for word in command.symbols:
        name = word[1:] if word.startswith("@") else ""
        for symbol in members[name] if name else (word,):
            found.setdefault(symbol, name)
    return found


def _is_about(error: UserError, symbol: str) -> bool:
    """Check whether an error is about a member, and not about a benchmark that all of them share."""
    return str(error.facts.get("symbol") or error.facts.get("word")) == symbol


def _reason(error: UserError, *, is_former: bool) -> str:
    """Return the field of Universe that names a member that was left out for want of bars."""
    if isinstance(error, TooFewBars) and error.facts["have"]:
        return "too_few_bars"
    return "former_without_bars" if is_former else "without_bars"


def _by_name(selection: Selection) -> dict[str, Universe]:
    return {universe.name: universe for universe in selection.universes.values()}


def _without(universe: Universe, left_out: Mapping[str, Sequence[str]]) -> Universe:
    return universe.model_copy(update={field: tuple(symbols) for field, symbols in left_out.items()})
