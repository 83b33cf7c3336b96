"""Forecasts that are made now: of sets in use, with the bars since, and of results that earlier versions stored."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from bot.documents.recurring import Champion
from bot.runtime.services import Services
from bot.schedules.forecast_scoring import keep, subject_of
from optimizer.domain.kept_forecasts import Subject, UnseenPart
from optimizer.domain.results.forecast_results import Forecast, ForecastOf
from optimizer.domain.timeframes import parse_timeframe
from optimizer.errors import Phrase, Unavailable, UserError, error_of
from optimizer.market.resampling import stored_base
from optimizer.market.warehouse.forecast_history import told_forecasts
from optimizer.outlook.due_plays import BarsOfParts
from optimizer.storage.documents import WORKSPACE, OptimizationStudy
from optimizer.studies.worker_messages import Failed
from optimizer.studies.worker_pool import WorkerDied

log = logging.getLogger(__name__)


async def forecast_now(studies: Sequence[OptimizationStudy], of: ForecastOf, services: Services) -> Forecast:
    """Forecast sets from their unseen days and the newest bars, and keep the forecast of what is in use.

    Raises TooFewUnseen, NeverHeld, Unavailable when the worker dies, or what reading bars does.
    """
    subjects = [subject_of(study) for study in studies]
    parts = await asyncio.to_thread(_unseen_parts, studies, subjects, services)
    try:
        answer = await services.pool.forecast(parts, of)
    except WorkerDied as death:
        lost = {"reason": Phrase("worker_ended"), "remedy": Phrase("try_again")}
        raise Unavailable(what=Phrase("the_forecast"), **lost) from death
    if isinstance(answer, Failed):
        raise error_of(answer.error)
    is_open = len(subjects) == 1 or all(subject.audience == WORKSPACE for subject in subjects)
    if of is not ForecastOf.WINNER and is_open:  # several that not everyone may see would have no one audience
        await keep([answer.forecast], _together(subjects), services, made_at=services.clock())
    return answer.forecast


async def renew(champions: Sequence[Champion], services: Services) -> int:
    """Forecast each champion again whose last forecast's shortest horizon has passed; returns how many were."""
    n_made = 0
    for champion in champions:
        study = await OptimizationStudy.find_one({"study_name": champion.study_name})
        if study is None or study.summary is None or not await _is_due(study, services):
            continue
        try:
            await forecast_now([study], ForecastOf.CHAMPION, services)
            n_made += 1
        except UserError as error:
            log.info("champion_not_forecast study=%s kind=%s", study.study_name, type(error).__name__)
    return n_made


async def _is_due(study: OptimizationStudy, services: Services) -> bool:
    """Check whether no forecast of a champion is open that ends before the others, and bars came since the last."""
    today = services.clock().date()
    rows = await asyncio.to_thread(told_forecasts, services.market.warehouse, study=study.study_name)
    last = max((row.as_of for row in rows), default=None)
    if last is None:
        return True
    ends = min(row.target_date for row in rows if row.as_of == last)
    timeframe = parse_timeframe(study.spec.timeframe)
    stored = await asyncio.to_thread(
        stored_base, services.market.warehouse, study.spec.symbols[0], timeframe, source=None
    )
    return ends <= today and (stored is None or stored.last.date() > last)


def _unseen_parts(
    studies: Sequence[OptimizationStudy], subjects: Sequence[Subject], services: Services
) -> list[UnseenPart]:
    bars = BarsOfParts(services.market, services.settings.snapshots, services.clock())
    return [
        UnseenPart(
            played=bars.find(part)[0],
            unseen_from=study.window.holdout_date or study.window.end_date + timedelta(days=1),
        )
        for study, subject in zip(studies, subjects, strict=True)
        for part in subject.parts
    ]


def _together(subjects: Sequence[Subject]) -> Subject:
    """Return several sets as one subject."""
    return replace(subjects[0], parts=tuple(part for subject in subjects for part in subject.parts))
