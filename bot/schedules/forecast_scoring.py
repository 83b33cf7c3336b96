"""Forecasts are kept when a result is told, and scored once the bars of their horizon are there.

Every step is repeated without harm: a forecast that is kept is not kept again, a row that is scored is no longer due.
So a stop in the middle leaves some rows to the next day, and scores none twice.
"""

import asyncio
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from bot.documents.audiences import Viewer, may_see
from bot.runtime.services import Services
from optimizer.domain.kept_forecasts import ForecastPart, ForecastRow, Play, Realised, Score, Subject
from optimizer.domain.results.forecast_results import Forecast
from optimizer.domain.study_results import StudyState
from optimizer.errors import Unavailable
from optimizer.lazy import LazyModule
from optimizer.market.warehouse.forecast_history import (
    close_unknowable,
    due_forecasts,
    keep_forecasts,
    kept_studies,
    store_scores,
    told_forecasts,
)
from optimizer.market.warehouse.warehouse import Warehouse
from optimizer.outlook.due_plays import DuePlays, due_plays
from optimizer.storage.documents import BY_AGE, OptimizationStudy
from optimizer.storage.driver import collection_of
from optimizer.storage.study_queries import without_charts
from optimizer.studies.worker_messages import Failed
from optimizer.studies.worker_pool import WorkerDied

if TYPE_CHECKING:
    from optimizer.outlook import first_forecasts, scoreboard, scores
else:
    first_forecasts = LazyModule("optimizer.outlook.first_forecasts")
    scoreboard = LazyModule("optimizer.outlook.scoreboard")
    scores = LazyModule("optimizer.outlook.scores")

log = logging.getLogger(__name__)

#: Plays in one request to a worker, which takes no study meanwhile.
_TOGETHER = 100
#: Results that were told this long ago have been kept, unless the table is new.
_RECENT = timedelta(days=30)
#: Studies read at once.
_READ = 200

Due = tuple[Play, Sequence[ForecastRow]]
_Some = TypeVar("_Some")


def subject_of(study: OptimizationStudy) -> Subject:
    """Return what the forecasts of a finished study are about: its winner."""
    assert study.summary is not None, "only a finished study has forecasts"
    part = ForecastPart(
        study_name=study.study_name, spec=study.spec, params=dict(study.summary.winner.params), source=study.source
    )
    return Subject(
        parts=(part,),
        data_hash=study.data_hash,
        code_version=study.code_version,
        created_by=study.created_by,
        audience=study.audience,
        team=study.team,
    )


async def keep_of_study(study: OptimizationStudy, services: Services) -> None:
    """Keep the forecasts of a study's result, if it has any."""
    if study.status is StudyState.COMPLETE and study.summary is not None and study.summary.forecasts:
        await keep(study.summary.forecasts, subject_of(study), services, made_at=study.created_at)


async def keep(forecasts: Sequence[Forecast], subject: Subject, services: Services, *, made_at: datetime) -> None:
    """Keep forecasts; they were made when their bars were read, which for a study is when it was requested."""
    await asyncio.to_thread(keep_forecasts, services.market.warehouse, forecasts, subject, now=made_at)


class ForecastScoring:
    """Scores what is due, each day after the bars were refreshed."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self._scoring = asyncio.Lock()

    async def score(self) -> int:
        """Score what is due now; returns the number of rows. Waits where workers cannot be had, until tomorrow."""
        async with self._scoring:
            await self.keep_missing()
            due = await asyncio.to_thread(self._find_due)
            n_scored = 0
            try:
                for some in _batches(due.plays, _TOGETHER):
                    n_scored += await self._score(some)
            except (WorkerDied, Unavailable) as failure:
                log.warning("forecasts_not_scored error=%s", type(failure).__name__)
            await asyncio.to_thread(close_unknowable, self.services.market.warehouse, due.unknowable)
        log.info("forecasts_scored n=%s waiting=%s closed=%s", n_scored, len(due.waiting), len(due.unknowable))
        return n_scored

    async def keep_missing(self) -> int:
        """Keep the forecasts of results that were told without it, of all where none is kept: of a new table.

        Returns the number of studies.
        """
        kept = await asyncio.to_thread(kept_studies, self.services.market.warehouse)
        query = {"status": str(StudyState.COMPLETE), "summary.forecasts.0": {"$exists": True}}
        if kept:
            query["created_at"] = {"$gte": self.services.clock() - _RECENT}
        names = collection_of(OptimizationStudy).find(query, {"study_name": 1, "_id": 0}).hint(BY_AGE)
        missing = [found["study_name"] async for found in names if found["study_name"] not in kept]
        for some in _batches(missing, _READ):
            for study in await without_charts({"study_name": {"$in": some}}, limit=_READ):
                await keep_of_study(study, self.services)
        return len(missing)

    def _find_due(self) -> DuePlays:
        services, now = self.services, self.services.clock()
        rows = due_forecasts(services.market.warehouse, now.date())
        return due_plays(rows, services.market, services.settings.snapshots, now)

    async def _score(self, due: Sequence[Due]) -> int:
        """Play some and store their scores in one transaction. Raises WorkerDied and Unavailable."""
        answer = await self.services.pool.play([play for play, _ in due])
        if isinstance(answer, Failed):
            log.warning("forecasts_not_played kind=%s", answer.error["kind"])
            return 0
        pairs = zip(due, answer.realised, strict=True)
        found = await asyncio.to_thread(scores_of, [(rows, became) for (_, rows), became in pairs if became])
        warehouse = self.services.market.warehouse
        await asyncio.to_thread(store_scores, warehouse, found, now=self.services.clock())
        played = [row for (_, rows), became in zip(due, answer.realised, strict=True) if became for row in rows]
        await asyncio.to_thread(close_unknowable, warehouse, played)  # a measure that did not come to exist
        return len(found)


@dataclass(frozen=True, kw_only=True)
class ForecastRecord:
    """How the forecasts of a symbol did, and whether its champion did outside what was expected of it."""

    board: "scoreboard.Scoreboard"
    is_outside: bool
    below: "first_forecasts.FollowedSet | None" = (
        None  # what the champion made since its first forecast, if less than said
    )


async def forecast_record(warehouse: Warehouse, symbol: str, champion: str, viewer: Viewer) -> ForecastRecord:
    """Return the record of a symbol's forecasts that somebody may see; `champion` is its study, or empty."""

    def read() -> ForecastRecord:
        rows = [row for row in told_forecasts(warehouse, symbol=symbol) if may_see(viewer, row)]
        own = [row for row in rows if row.study_name == champion]
        since = next(iter(first_forecasts.followed_sets(own)), None)
        return ForecastRecord(
            board=scoreboard.scoreboard(rows),
            is_outside=scoreboard.is_outside_expected(own),
            below=since if since and since.is_below else None,
        )

    return await asyncio.to_thread(read)


def scores_of(pairs: Iterable[tuple[Sequence[ForecastRow], Realised]]) -> list[Score]:
    """Return the scores of rows by what became of them; a measure that did not come to exist has none."""
    return [
        _score_of(row, value, became.data_hash)
        for rows, became in pairs
        for row in rows
        if (value := became.measures[row.measure]) is not None
    ]


def _score_of(row: ForecastRow, realised: float, realised_hash: str) -> Score:
    return Score(
        forecast_id=row.forecast_id,
        horizon_bars=row.horizon_bars,
        measure=row.measure,
        realised=realised,
        realised_hash=realised_hash,
        pit=scores.pit(row.quantiles, realised),
        crps=scores.crps(row.quantiles, realised),
        crps_naive=scores.crps(row.naive, realised),
        inside_50=scores.is_inside(row.quantiles, realised, 0.5),
        inside_90=scores.is_inside(row.quantiles, realised, 0.9),
    )


def _batches(items: Sequence[_Some], size: int) -> Iterator[Sequence[_Some]]:
    return (items[first : first + size] for first in range(0, len(items), size))
