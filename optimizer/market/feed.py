"""Bars for a study: from the warehouse, and from a source only those that the warehouse lacks.

A live source is queried again only when a session has closed since the last query. Its answer overlaps the stored
bars; if they differ (a split, a dividend, a correction) the whole history is read again before anything is stored,
so that the warehouse never mixes the old and the new scale.
"""

import logging
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

import numpy as np

from optimizer.domain.bars import Bars
from optimizer.domain.exchange_of_symbol import calendar_name
from optimizer.domain.timeframes import TIMEFRAMES, Timeframe, parse_timeframe
from optimizer.errors import (
    MissingExtra,
    NoTimeframe,
    OnlyAtSource,
    Phrase,
    Unavailable,
    UnknownAtSource,
    UnknownSymbol,
    UserError,
)
from optimizer.market.calendars import as_moment, find_calendar
from optimizer.market.providers.provider import Provider, requests_at_once
from optimizer.market.providers.registry import unknown_source
from optimizer.market.quality.data_findings import DataFinding, Facts, QualityReport, Severity
from optimizer.market.quality.sentinel import check, store_report
from optimizer.market.quality.time_faults import OLD
from optimizer.market.raw_bars import RawBars, SeriesKey
from optimizer.market.resampling import resample
from optimizer.market.warehouse.changes import Changes
from optimizer.market.warehouse.warehouse import IMPORTED, SOURCES, Coverage, Warehouse

log = logging.getLogger(__name__)

#: The source that may stand in for one that is down.
SAMPLE = "sample"
#: A source that did not answer is not asked again for so long, unless it is named: each attempt takes seconds.
_REST = timedelta(minutes=1)
#: Days of stored bars that an incremental query overlaps.
OVERLAP = {"1d": timedelta(days=10)}
_INTRADAY_OVERLAP = timedelta(days=4)


@dataclass(frozen=True, kw_only=True)
class Refreshed:
    """Outcome of refreshing one series: the changes, or the error."""

    key: SeriesKey
    changes: Changes | None = None
    error: UserError | None = None


class Found(NamedTuple):
    """Series of a symbol, and the source that did not answer where this one stands in for it; else empty."""

    coverage: Coverage
    down: str


class Market:
    """Warehouse and the sources that fill it."""

    def __init__(
        self, warehouse: Warehouse, providers: Iterable[Provider], *, sources: Sequence[str] = SOURCES
    ) -> None:
        self.warehouse = warehouse
        self._providers: Mapping[str, Provider] = {provider.name: provider for provider in providers}
        self._sources = tuple(sources)
        self._turns = {name: threading.Semaphore(self.at_once(name)) for name in self._providers}
        self._downs: dict[str, tuple[datetime, Unavailable]] = {}  # by source: when it last did not answer

    def get_bars(
        self,
        symbol: str,
        *,
        timeframe: str = "1d",
        source: str | None = None,
        start: date | None = None,
        end: date | None = None,
        now: datetime,
    ) -> Bars:
        """Adjusted bars of days start to end (both included; None: no limit), up to the last closed session.

        Those of a length that is not stored are made of the longest that are. Raises UnknownSymbol, UnknownSource,
        MissingKey, UnknownTimeframe, NoTimeframe or NoBars, and ProviderDown when the source is down and bars of the
        requested dates are not stored. Without an end date stored bars are used even if the source is down; the
        quality report then contains their age.
        """
        history, _ = self._stored_bars(symbol, timeframe, source, start, end, now)
        return resample(history.adjusted(), timeframe)

    def _stored_bars(
        self, symbol: str, timeframe: str, source: str | None, start: date | None, end: date | None, now: datetime
    ) -> tuple[RawBars, str]:
        """Return the bars as traded of which those of a timeframe are made, and the source that they stand in for."""
        found, down = self._find(symbol, parse_timeframe(timeframe), source, now)
        try:
            self._complete(found, start, end, now)
        except Unavailable as error:
            if end is not None or _begins_late(found, start):
                raise
            log.warning("stale_bars_used", extra={"symbol": symbol, "source": found.source, "reason": str(error)})
        return self.warehouse.covered(found, start=start, end=end), down

    def checked_bars(
        self,
        symbol: str,
        *,
        timeframe: str = "1d",
        source: str | None = None,
        start: date | None = None,
        end: date | None = None,
        now: datetime,
    ) -> tuple[Bars, QualityReport]:
        """Bars as of `get_bars` with the quality report of the bars that they are made of, which is stored too.

        Critical findings do not raise here.
        """
        history, down = self._stored_bars(symbol, timeframe, source, start, end, now)
        bars = history.adjusted()
        until = min(now, datetime.combine(end, time.max, UTC)) if end else now
        may_lack = 0 if self.is_live(bars.source) else OLD
        report = check(bars, now=now, expected_until=until, may_lack=may_lack, history=history)
        if down:
            report = report.model_copy(update={"findings": (_stand_in(bars, down), *report.findings)})
        store_report(self.warehouse, report)
        return resample(bars, timeframe), report

    def last_day(self, symbol: str, *, timeframe: str = "1d", source: str | None = None, now: datetime) -> date:
        """Day of a symbol's last bar, once new ones were asked for. Raises as `get_bars`."""
        found, _ = self._find(symbol, parse_timeframe(timeframe), source, now)
        with suppress(Unavailable):  # as the bars that are stored are used then
            self._complete(found, None, None, now)
        stored = self.warehouse.coverage(symbol, timeframe=found.timeframe, source=found.source)
        return (stored or found).last.date()

    def is_live(self, source: str) -> bool:
        """True if a source has new bars as time passes."""
        provider = self._providers.get(source)
        return provider is not None and provider.is_live

    def at_once(self, source: str) -> int:
        """Number of requests that a source takes side by side."""
        return requests_at_once(self._providers[source]) if source in self._providers else 1

    def refresh(self, symbol: str, *, timeframe: str = "1d", source: str | None = None, now: datetime) -> Changes:
        """Fetch a series up to the last closed session; returns the changes. Raises as `get_bars`."""
        found = self._find(symbol, parse_timeframe(timeframe), source, now)
        return self._complete(found.coverage, None, None, now)

    def try_refresh(self, key: SeriesKey, *, now: datetime) -> Refreshed:
        """Refresh one series; a UserError becomes part of the result."""
        try:
            changes = self.refresh(key.symbol, timeframe=key.timeframe, source=key.source, now=now)
        except UserError as error:
            return Refreshed(key=key, error=error)
        return Refreshed(key=key, changes=changes)

    def _find(self, symbol: str, timeframe: Timeframe, source: str | None, now: datetime) -> "Found":
        """Find the series, stored or fetched, that has these bars or their longest parts.

        Unless a source is named, those of the settings are tried, in their order: another one may cost money or
        minutes, and what it once stored must not hide a source that comes before it. A source that is down ends the
        search, but for the sample.
        """
        failed: list[UserError] = []
        down: Unavailable | None = None
        for name in self._candidates(source):
            if down is not None and name != SAMPLE:
                continue
            try:
                found = self._find_at(name, symbol, timeframe, failed, now, is_named=source is not None)
                if found is not None:
                    return Found(found, "" if down is None else str(down.facts.get("provider", "")))
            except Unavailable as error:
                # Only the sample, which costs nothing and is named, may answer for a source that does not.
                if source is not None:
                    raise
                # Without its traceback: it is kept and raised again, and would keep the bars of every call that met it.
                down = error.with_traceback(None)
                self._downs[name] = self._downs.get(name, (now, down))
        raise self._with_stored_lengths(down, symbol) if down else self._unfound(symbol, timeframe.word, source, failed)

    def _with_stored_lengths(self, down: Unavailable, symbol: str) -> Unavailable:
        """Return the error of a source that is down, with the bars of another length that its symbol has here."""
        stored = {one.timeframe for one in self.warehouse.symbols() if one.symbol == symbol}
        lengths = [length for length in reversed(TIMEFRAMES) if length in stored]
        return _with_facts(down, remedy=Phrase("or_stored_bars", timeframe=lengths[0])) if lengths else down

    def _require_rested(self, name: str, symbol: str, now: datetime) -> None:
        """Raise the error of a source that did not answer a moment ago, for another symbol perhaps."""
        when, error = self._downs.get(name, (None, None))
        if when is None or error is None:
            return
        if now - when < _REST:
            raise _with_facts(error, symbol=symbol)
        del self._downs[name]

    def _find_at(
        self, name: str, symbol: str, timeframe: Timeframe, failed: list[UserError], now: datetime, *, is_named: bool
    ) -> Coverage | None:
        """Coverage at one source, stored or fetched; None where it has none, with the reasons added to `failed`."""
        provider = self._providers.get(name)
        for base in timeframe.bases:
            if stored := self.warehouse.coverage(symbol, timeframe=base, source=name):
                return stored
            if provider is None:
                continue
            if not is_named:
                self._require_rested(name, symbol, now)
            try:
                return self._first_fetch(provider, symbol, base, now)
            except (UnknownSymbol, NoTimeframe, MissingExtra) as error:
                failed.append(error)
                provider = provider if isinstance(error, NoTimeframe) else None
        return None

    def _candidates(self, source: str | None) -> tuple[str, ...]:
        if source is None:
            return self._sources
        known = {*self._sources, *self._providers}
        if source not in known and source not in (known := known | {one.source for one in self.warehouse.symbols()}):
            raise unknown_source(source, known)
        return (source,)

    def require_sources(self) -> None:
        """Raise for a configured source that does not exist here: MissingKey, or UnknownSource."""
        known = {IMPORTED, *self._providers, *(one.source for one in self.warehouse.symbols())}
        for name in self._sources:
            if name not in known:
                raise unknown_source(name, known)

    def known_symbols(self) -> frozenset[str]:
        """Symbols with stored bars, and those that the sources list."""
        listed = (name for provider in self._providers.values() for name in provider.symbols)
        return frozenset((*(one.symbol for one in self.warehouse.symbols()), *listed))

    def stored_series(self, symbol: str, *, timeframe: str | None = None, source: str | None = None) -> list[Coverage]:
        """Coverage of a symbol's stored series: all, or those of a source and of what bars of a timeframe are made of.

        Asks no source. Raises UnknownSymbol, UnknownSource, UnknownTimeframe or NoTimeframe.
        """
        names = None if source is None else self._candidates(source)
        stored = [one for one in self.warehouse.symbols() if names is None or one.source in names]
        of_symbol = [one for one in stored if one.symbol == symbol]
        if not of_symbol:
            raise UnknownSymbol.of(symbol, {one.symbol for one in stored})
        bases = TIMEFRAMES if timeframe is None else parse_timeframe(timeframe).bases
        found = [one for one in of_symbol if one.timeframe in bases]
        if timeframe is not None and not found:
            raise NoTimeframe.of_symbol(symbol, timeframe, dict.fromkeys(one.timeframe for one in of_symbol))
        return found

    def _unfound(self, symbol: str, timeframe: str, source: str | None, failed: Sequence[UserError]) -> UserError:
        """Error of the timeframe, if the symbol has others; else of the source that was named, else of the symbol.

        A symbol that is like no other may be one of a source whose package is missing.
        """
        stored = [one for one in self.warehouse.symbols() if one.symbol == symbol]
        names = self._candidates(source)
        others = {one.timeframe for one in stored if one.source in names}
        others.update(*(str(error.facts["known"]).split(", ") for error in failed if isinstance(error, NoTimeframe)))
        if others:
            return NoTimeframe.of_symbol(symbol, timeframe, sorted(others, key=list(TIMEFRAMES).index))
        if source is not None and failed:
            return failed[0]
        if stored:
            return OnlyAtSource(word=symbol, source=stored[0].source)
        listing = [
            name for name, provider in self._providers.items() if name not in names and symbol in provider.symbols
        ]
        if listing:
            return OnlyAtSource(word=symbol, source=listing[0])
        unknown = UnknownSymbol.of(symbol, self.known_symbols())
        lacking = next((error for error in failed if isinstance(error, MissingExtra)), None)
        return unknown if lacking is None or unknown.facts["nearest"] else lacking

    def _first_fetch(self, provider: Provider, symbol: str, timeframe: str, now: datetime) -> Coverage:
        history = self._ask(provider, SeriesKey(symbol, timeframe, provider.name), None, now)
        if not len(history):
            raise UnknownAtSource(word=symbol, source=provider.name)
        self.warehouse.upsert(history, now=now)
        self.warehouse.note_check(history.key, asked_from=None, checked_at=now)
        stored = self.warehouse.coverage(symbol, timeframe=timeframe, source=provider.name)
        assert stored is not None
        return stored

    def _complete(self, stored: Coverage, start: date | None, end: date | None, now: datetime) -> Changes:
        """Fetch the missing bars of days start to end; returns the changes."""
        provider = self._providers.get(stored.source)
        if provider is None or not provider.is_live or not _is_missing(stored, start, end, now):
            return Changes(symbol=stored.symbol, timeframe=stored.timeframe, source=stored.source, n_same=stored.n_bars)
        since = start if _begins_late(stored, start) else overlap_start(stored)
        history = self._ask(provider, stored.key, since, now)
        changes = self.warehouse.extend(history, asked_from=since, now=now)
        if not changes.is_history_changed:
            return changes
        since = start if _begins_late(stored, start) else _asked_from(stored)
        changes = self.warehouse.replace(self._ask(provider, stored.key, since, now), now=now)
        self.warehouse.note_check(stored.key, asked_from=since, checked_at=now)
        return changes

    def _ask(self, provider: Provider, key: SeriesKey, start: date | None, now: datetime) -> RawBars:
        with self._turns[provider.name]:
            history = provider.fetch(key.symbol, timeframe=key.timeframe, start=start, end=None, now=now)
        return closed_bars(history.in_order(), now) if provider.is_live else history


def _with_facts(error: Unavailable, **facts: object) -> Unavailable:
    """Return the same error with other values of those of its facts that are named."""
    return type(error)(**{name: facts.get(name, value) for name, value in error.facts.items()})


def _stand_in(bars: Bars, down: str) -> DataFinding:
    """Return the finding that a source did not answer, and that these bars are of another one."""
    last: datetime = bars.time[-1].astype("datetime64[us]").item().replace(tzinfo=UTC)
    facts: Facts = {"down": down, "source": bars.source, "end": f"{last:%Y-%m-%d}"}
    return DataFinding(kind="stand_in", severity=Severity.MEDIUM, when=last, facts=facts)


def closed_bars(history: RawBars, now: datetime) -> RawBars:
    """Bars that are closed at `now`."""
    if history.timeframe != "1d":
        size = np.timedelta64(TIMEFRAMES[history.timeframe], "s")
        return history.take(history.time + size <= as_moment(now))
    calendar = find_calendar(calendar_name(history.symbol), now.date() - timedelta(days=20), now.date())
    open_sessions = calendar.sessions[calendar.closes > as_moment(now)]
    first_open = open_sessions[0] if len(open_sessions) else np.datetime64(now.date() + timedelta(days=1), "D")
    return history.take(history.time < first_open)


def overlap_start(stored: Coverage) -> date:
    """First day of an incremental query, so that it overlaps the stored bars."""
    return (stored.last - OVERLAP.get(stored.timeframe, _INTRADAY_OVERLAP)).date()


def _begins_late(stored: Coverage, start: date | None) -> bool:
    """True if `start` is before the earliest day ever requested from the source."""
    return start is not None and stored.asked_from is not None and start < stored.asked_from.date()


def _asked_from(stored: Coverage) -> date | None:
    return stored.asked_from.date() if stored.asked_from and stored.asked_from.year > 1 else None


def _is_missing(stored: Coverage, start: date | None, end: date | None, now: datetime) -> bool:
    if _begins_late(stored, start):
        return True
    if end is not None and end <= stored.last.date():
        return False
    if stored.checked_at is None:
        return True
    today = now.astimezone(UTC).date()
    calendar = find_calendar(calendar_name(stored.symbol), today - timedelta(days=20), today)
    if calendar.last_close(now) > stored.checked_at:
        return True
    is_due = now - stored.checked_at >= timedelta(seconds=TIMEFRAMES[stored.timeframe])
    return stored.timeframe != "1d" and is_due and calendar.is_open(now)
