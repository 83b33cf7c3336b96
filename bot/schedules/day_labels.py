"""Kinds of markets: computed from bars, written down once per bar, and read again as they were said.

A label that is stored needs no bars. What is stored of a bar whose series was changed later stays, marked by the entry
that follows it.
"""

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import astuple, dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from pymongo.errors import DuplicateKeyError

from bot.documents.market_regimes import MarketRegime
from bot.documents.preferences import Watchlist
from bot.documents.recurring import Champion, Schedule
from bot.schedules.bars_in_use import UsesBySeries
from bot.schedules.watchlists import UnknownWatchlist, specs_for
from optimizer.clock import Clock
from optimizer.domain.bars import Bars
from optimizer.domain.results.regime_results import MODEL_VERSION
from optimizer.domain.study_request import StudySpec
from optimizer.domain.timeframes import parse_timeframe
from optimizer.errors import UnknownAtSource, UserError
from optimizer.lazy import LazyModule
from optimizer.market.feed import Market
from optimizer.market.quality.data_findings import QualityReport, Severity
from optimizer.market.quality.sentinel import check
from optimizer.market.resampling import resample, stored_base
from optimizer.market.warehouse.warehouse import Coverage

if TYPE_CHECKING:
    from optimizer.outlook import regime_facts
else:
    # It needs the compiler, which a bot that starts does not wait for.
    regime_facts = LazyModule("optimizer.outlook.regime_facts")

log = logging.getLogger(__name__)

#: Bars within a day are a source's own, of any hour; a day's label is that of its last one.
_DAY = timedelta(days=1)
#: What is told beside a label looks back so far.
_LOOKED_BACK = timedelta(days=366)


@dataclass(frozen=True, kw_only=True)
class RegimeQuery:
    """Series whose kind of market is asked for, and the day it is asked of; None: the last closed bar."""

    symbol: str
    timeframe: str = "1d"
    source: str | None = None
    as_of: date | None = None


class NotStored(UserError):
    """Raised for a symbol in use whose bars nothing has needed yet. Facts: symbol."""


class DoubtfulBars(UserError):
    """Raised for bars with critical findings, whose label would mislead. Facts: symbol, n, finding."""


def label_now(market: Market, query: RegimeQuery, now: datetime) -> "regime_facts.RegimeFacts":
    """Compute a label, fetching bars that are missing; of a symbol that its source no longer has, from those it had.

    Raises what reading the bars does, DoubtfulBars, TooFewForRegimes or DidNotTrade.
    """
    try:
        bars, report = market.checked_bars(
            query.symbol, timeframe=query.timeframe, source=query.source, end=query.as_of, now=now
        )
    except UnknownAtSource as gone:
        if query.as_of is not None or _stored(market, query) is None:
            raise
        facts = label_stored(market, query, now)
        return replace(facts, doubts=(gone, *facts.doubts))
    return _label(bars, report)


def label_stored(market: Market, query: RegimeQuery, now: datetime) -> "regime_facts.RegimeFacts":
    """Compute a label from stored bars, asking no source; raises as `label_now`."""
    stored = _stored(market, query)
    if stored is None:
        raise NotStored(symbol=query.symbol)
    bars = market.warehouse.load(query.symbol, timeframe=stored.timeframe, source=stored.source)
    return _label(resample(bars, query.timeframe), check(bars, now=now))


def _stored(market: Market, query: RegimeQuery) -> Coverage | None:
    return stored_base(market.warehouse, query.symbol, parse_timeframe(query.timeframe), query.source)


def _label(bars: Bars, report: QualityReport) -> "regime_facts.RegimeFacts":
    critical = [finding for finding in report.findings if finding.severity is Severity.CRITICAL]
    if critical:
        raise DoubtfulBars(symbol=bars.symbol, n=len(critical), finding=critical[0].phrase)
    facts = regime_facts.regime_facts(bars)
    first = facts.as_of.date() - _LOOKED_BACK
    doubts = [one for one in report.findings if one.severity is Severity.HIGH and one.concerns(first)]
    return replace(facts, doubts=tuple(one.phrase for one in doubts))


def entry_of(facts: "regime_facts.RegimeFacts", now: datetime) -> MarketRegime:
    """Return a label as an entry that is not stored."""
    shared = ("symbol", "timeframe", "source", "as_of", "regime", "confidence", "since", "n_bars_since", "previous")
    return MarketRegime(
        **{name: getattr(facts, name) for name in (*shared, "foretells", "n_bars", "data_hash")},
        probabilities=facts.probabilities,
        metrics=dict(facts.metrics),
        n_doubts=len(facts.doubts),
        version=MODEL_VERSION,
        created_at=now.replace(microsecond=now.microsecond // 1000 * 1000),  # which is what MongoDB keeps
    )


async def store(facts: "regime_facts.RegimeFacts", now: datetime) -> MarketRegime:
    """Write a label down unless it is there; returns what is stored."""
    entry = entry_of(facts, now)
    bar = entry.model_dump(include={"symbol", "timeframe", "source", "as_of", "version"})
    said = bar | {"data_hash": entry.data_hash}
    if (known := await MarketRegime.find_one(said)) is not None:
        return known
    entry.revised = await MarketRegime.find_one(bar) is not None
    try:
        return await entry.insert()
    except DuplicateKeyError:  # another task wrote the same
        found = await MarketRegime.find_one(said)
        assert found is not None, "entries are never deleted"
        return found


async def said(query: RegimeQuery) -> MarketRegime | None:
    """Return what was last said of a series, on a day where the query names one; None where nothing was."""
    wanted: dict[str, Any] = {"symbol": query.symbol, "timeframe": query.timeframe}
    if query.source is not None:
        wanted["source"] = query.source
    if query.as_of is not None:
        begin = datetime.combine(query.as_of, time(), UTC)
        wanted["as_of"] = {"$gte": begin, "$lt": begin + _DAY}
    return await MarketRegime.find(wanted).sort("-as_of", "-created_at").first_or_none()


async def store_labels(market: Market, used: UsesBySeries, clock: Clock) -> int:
    """Write the labels of the series in use down, each once per bar; returns how many have one.

    What has none, for want of bars or trading, is left out. Repeating it changes nothing.
    """
    found = {
        RegimeQuery(symbol=key.symbol, timeframe=use.timeframe, source=key.source) for key in used for use in used[key]
    }
    told = [await newest(market, query, clock) for query in sorted(found, key=lambda query: astuple(query)[:3])]
    return sum(one.said is not None for one in told)


@dataclass(frozen=True, kw_only=True)
class Newest:
    """What is said of a series now: a label, or why there is none."""

    query: RegimeQuery
    said: MarketRegime | None = None
    error: UserError | None = None


async def newest(market: Market, query: RegimeQuery, clock: Clock) -> Newest:
    """Return the label of the last stored bar: the one that was written down, else computed and written down now."""
    stored = await asyncio.to_thread(_stored, market, query)
    if stored is None:
        return Newest(query=query, error=NotStored(symbol=query.symbol))
    query = replace(query, source=stored.source)
    known = await said(query)
    if known is not None and known.version == MODEL_VERSION and known.created_at >= stored.loaded_at:
        return Newest(query=query, said=known)
    try:
        facts = await asyncio.to_thread(label_stored, market, query, clock())
    except UserError as error:
        log.info("no_regime symbol=%s timeframe=%s kind=%s", query.symbol, query.timeframe, type(error).__name__)
        return Newest(query=query, error=error)
    return Newest(query=query, said=await store(facts, clock()))


async def watched(schedules: Iterable[Schedule], champions: Iterable[Champion], day: date) -> list[RegimeQuery]:
    """Return the series of schedules, champions and watch lists, by symbol; those of a list are daily."""
    specs = [spec for schedule in schedules for spec in await _specs(schedule.spec, day)]
    specs += [champion.spec for champion in champions]
    lists = await Watchlist.find_all().to_list()
    found = {(symbol, spec.timeframe, spec.source or "") for spec in specs for symbol in spec.symbols}
    known = {(symbol, timeframe) for symbol, timeframe, _ in found}
    found |= {(symbol, "1d", "") for each in lists for symbol in each.members_on(day) if (symbol, "1d") not in known}
    return [
        RegimeQuery(symbol=symbol, timeframe=timeframe, source=source or None)
        for symbol, timeframe, source in sorted(found)
    ]


async def _specs(spec: StudySpec, day: date) -> list[StudySpec]:
    try:
        return await specs_for(spec, day)
    except UnknownWatchlist:
        return []
