"""Daily refresh of the bars in use.

What it, or whatever fetched bars before it, changed in stored ones is reported by `change_reports.py`.

A source that fails is reported to the channels that depend on it: once, and again only after it has delivered in
between. The documents record what was reported, so a restart repeats nothing. A refresh that a stop cut off is
repeated at the next start, under its old name, so its messages stay the same outbox entries.
"""

import asyncio
import hashlib
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from bot.delivery.outbox import Outbox
from bot.documents.current_workspace import in_workspace
from bot.documents.recurring import FailingSeries, Refresh
from bot.runtime.background import BackgroundTasks
from bot.runtime.settings import DailyTime
from bot.schedules.bars_in_use import Use, UsesBySeries, channels_of, find_uses, language_of, team_of
from bot.schedules.champions import Champions
from bot.schedules.change_reports import ChangeReports
from bot.schedules.day_labels import store_labels
from bot.schedules.forecast_making import renew
from bot.schedules.forecast_scoring import ForecastScoring
from optimizer.clock import Clock
from optimizer.domain.timeframes import parse_timeframe
from optimizer.errors import error_of
from optimizer.market.feed import Market, Refreshed
from optimizer.market.raw_bars import SeriesKey
from optimizer.market.resampling import stored_base
from optimizer.outlook.signal_service import SignalService
from optimizer.storage.outage import patiently
from optimizer.studies.scheduler import StudyJobs
from reports.render import Language, renderer_of

log = logging.getLogger(__name__)

#: Kind of the daily job.
KIND = "refresh"
#: Most series in one message.
NAMED = 10
#: Uses of a series that one row names.
_NAMES = 4
#: Two triggers closer than this count as one: a job due while the bot was down, and its regular time.
_AGAIN = timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True)
class Failing:
    """Row of a message about a series that could not be updated."""

    symbol: str
    timeframe: str
    last: datetime | None  # the newest bar stored
    reason: str  # escaped
    names: Sequence[str]  # its uses in this channel
    n_others: int  # more of them


class BarRefresh:
    """Schedules the daily job, refreshes, and reports failures."""

    def __init__(
        self,
        *,
        market: Market,
        champions: Champions,
        jobs: StudyJobs,
        signals: SignalService,
        outbox: Outbox,
        background: BackgroundTasks,
        clock: Clock,
        language: Language,
        forecasts: ForecastScoring,
    ) -> None:
        self._forecasts = forecasts
        self._market = market
        self._champions = champions
        self._jobs = jobs
        self._signals = signals
        self._outbox = outbox
        self._background = background
        self._clock = clock
        self._language = language
        self._changes = ChangeReports(market=market, champions=champions, outbox=outbox, language=language)
        self._refreshing = asyncio.Lock()

    async def schedule(self, at: DailyTime | None) -> None:
        """Schedule the one job that the settings name, and resume a refresh that a stop cut off."""
        wanted = str(at) if at else ""
        for other in set(await self._jobs.kept(KIND)) - {wanted}:
            await self._jobs.remove_cron(KIND, other)
        # An existing job stays: it may have become due while the bot was down.
        if at is not None and await self._jobs.next_run(KIND, wanted) is None:
            await self._jobs.add_cron(KIND, wanted, {"hour": at.hour, "minute": at.minute}, at.time_zone)
        last = await Refresh.find_all().sort("-started_at").first_or_none()
        if last is not None and last.ended_at is None:
            self._background.run(self._carry_out(last))

    async def refresh_now(self, _identifier: str) -> None:
        """Refresh what is in use now (the daily job)."""
        refresh = await patiently(self._begin, what="refresh")
        await self._carry_out(refresh)

    async def _begin(self) -> Refresh:
        now = self._clock()
        last = await Refresh.find({"started_at": {"$gt": now - _AGAIN}}).first_or_none()
        return last or await Refresh(started_at=now).insert()

    async def _carry_out(self, refresh: Refresh) -> None:
        async with self._refreshing:
            used = await patiently(self._find_uses, what="refresh")
            done = await refresh_all(self._market, sorted(used), self._clock)
            await patiently(partial(self._finish, refresh, used, done), what="refresh")
        await patiently(self._score, what="forecasts")
        log.info("refreshed n_series=%s n_failed=%s", len(done), sum(one.error is not None for one in done))

    async def _score(self) -> None:
        """Score the forecasts that are due, and forecast the champions anew whose last forecast is."""
        await self._forecasts.score()
        await renew(await self._champions.everywhere(), self._forecasts.services)

    async def _find_uses(self) -> UsesBySeries:
        """Return the uses of each stored series. Series that are not stored are fetched whole when first needed."""
        used: dict[SeriesKey, list[Use]] = {}
        for use in await find_uses(self._champions, self._clock()):
            timeframe = parse_timeframe(use.timeframe)
            stored = await asyncio.to_thread(stored_base, self._market.warehouse, use.symbol, timeframe, use.source)
            if stored is not None:
                used.setdefault(stored.key, []).append(use)
        return used

    async def _finish(self, refresh: Refresh, used: UsesBySeries, done: Sequence[Refreshed]) -> None:
        """Record the failures, notify the channels of them and of changes, and write down what kind of market it is.

        Only then the refresh is marked as ended: what a stop cut off is done again.
        """
        failing = [await self._record_failure(one) for one in done if one.error is not None]
        # A series that delivers again, or is no longer used, is deleted, so that its next failure is reported again.
        await FailingSeries.find({"_id": {"$nin": [one.id for one in failing]}}).delete()
        for channel_id in channels_of(used):
            with in_workspace(team_of(channel_id, used)):
                await self._notify(refresh, channel_id, used, failing)
        await self._changes.post(refresh.key, used)
        await store_labels(self._market, used, self._clock)
        await self._signals.score_due()
        await refresh.set({"ended_at": self._clock(), "n_series": len(done), "n_failed": len(failing)})

    async def _record_failure(self, refreshed: Refreshed) -> FailingSeries:
        """Return the document of a failing series, updated with the present failure."""
        assert refreshed.error is not None, "it failed"
        key, failure = refreshed.key._asdict(), refreshed.error.as_document()
        known = await FailingSeries.find_one(key)
        if known is None:
            return await FailingSeries(**key, failure=failure, since=self._clock()).insert()
        await known.set({"failure": failure})
        return known

    async def _notify(
        self, refresh: Refresh, channel_id: str, used: UsesBySeries, every: Sequence[FailingSeries]
    ) -> None:
        """Post in a channel the new failures of its series, then record that they were posted."""
        here = {one.key: [use for use in used[one.key] if use.channel_id == channel_id] for one in every}
        new = [one for one in every if here[one.key] and channel_id not in one.told]
        if not new:
            return
        language = await language_of(channel_id, [use for one in new for use in here[one.key]], self._language)
        rows = [await self._failing_row(one, here[one.key], language) for one in new[:NAMED]]
        message = renderer_of(language).render("refresh_failure", rows=rows, n_others=len(new) - len(rows))
        key = f"refresh:{refresh.key}:{channel_id}:{_digest(new)}"
        await self._outbox.post(
            key,
            key,
            channel_id,
            message,
            is_unasked=True,
        )
        for one in new:
            await one.set({"told": [*one.told, channel_id]})

    async def _failing_row(self, failing: FailingSeries, here: Sequence[Use], language: Language) -> Failing:
        stored = await asyncio.to_thread(
            self._market.warehouse.coverage, failing.symbol, timeframe=failing.timeframe, source=failing.source
        )
        names = list(dict.fromkeys(use.name for use in here))
        return Failing(
            symbol=failing.symbol,
            timeframe=failing.timeframe,
            last=stored.last if stored else None,
            reason=renderer_of(language).error(error_of(failing.failure)),
            names=names[:_NAMES],
            n_others=max(len(names) - _NAMES, 0),
        )


async def refresh_all(market: Market, keys: Sequence[SeriesKey], clock: Clock) -> list[Refreshed]:
    """Refresh series: of each source as many at once as it takes, and the sources side by side."""
    sources = {key.source: market.at_once(key.source) for key in keys}
    turns = {source: asyncio.Semaphore(n) for source, n in sources.items()}
    threads = ThreadPoolExecutor(sum(sources.values()) or 1, thread_name_prefix="refresh")

    async def refresh(key: SeriesKey) -> Refreshed:
        async with turns[key.source]:
            # One series per call, so that a stop need not wait for the rest.
            refresh_one = partial(market.try_refresh, key, now=clock())
            return await asyncio.get_running_loop().run_in_executor(threads, refresh_one)

    try:
        return list(await asyncio.gather(*map(refresh, keys)))
    finally:
        threads.shutdown(wait=False, cancel_futures=True)


def _digest(failing: Sequence[FailingSeries]) -> str:
    """Return a key for a set of series, so that a stop between posting and recording repeats nothing."""
    names = sorted("/".join(one.key) for one in failing)
    return hashlib.sha256("\n".join(names).encode()).hexdigest()[:16]
