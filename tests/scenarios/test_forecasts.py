"""Forecasts through a bot whose clock runs on: told with a result, scored when the bars are there, closed when not."""

import asyncio
import json
import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from bot.documents.recurring import Refresh
from bot.schedules.forecast_making import renew
from bot.schedules.forecast_scoring import ForecastScoring
from optimizer.domain.kept_forecasts import ScoredForecast
from optimizer.domain.results.forecast_results import ForecastMeasure, ForecastOf
from optimizer.market.providers.sample import Sample
from optimizer.market.raw_bars import SeriesKey
from optimizer.market.warehouse.forecast_history import UNKNOWABLE, told_forecasts
from optimizer.storage.documents import OptimizationStudy
from tests.optimizer.market.local_http import Source, serve
from tests.scenarios.conftest import WORKING, study_in
from tests.scenarios.refreshing import Services, at, bars
from tests.slack.driver import Driver
from tests.slack.strict import StrictSlack

pytestmark = [pytest.mark.server, pytest.mark.usefixtures("other_bots_keep_theirs")]

WORDS = "IBM SMA 6 folds=0 seed=1 from=2007-01-03"
#: After the close of the 31st of October, 21 bars later, and when the 63 bars of the end of January do not come.
TOLD, KNOWN, LATE, CLOSED = at(0, 23), at(33, 22, 30), at(110, 22, 30), at(160, 22, 30)
CORRECTED = at(34, 22, 30)


@pytest.fixture
def source() -> Iterator[Source]:
    with serve() as served:
        served.reply("/query", bars())
        yield served


async def said(act: Driver, text: str, user: str = "alice") -> str:
    """What somebody is told in answer to a command."""
    delivery = await act.command(text, user=user)
    assert delivery.response_url is not None

    async def look() -> str | None:
        bodies = [reply.body for reply in delivery.response_url.replies]
        return next((str(body) for body in reversed(bodies) if body["text"] not in WORKING), None)

    return await act.slack.eventually(look, seconds=120, what=f"the answer to {text}")


async def finished(services: Services, act: Driver, words: str = WORDS) -> OptimizationStudy:
    """Start a study; returns it once its forecasts are kept."""
    delivery = await act.command(words)
    assert delivery.response_url is not None

    async def look() -> OptimizationStudy | None:
        name = study_in(str(delivery.answer)) or study_in(str(delivery.response_url.replies))
        found = await OptimizationStudy.find_one({"study_name": name, "status": "complete"})
        return found if found and kept(services, found) else None

    return await act.slack.eventually(look, seconds=300, what="a finished study")


def kept(services: Services, study: OptimizationStudy | None = None) -> list[ScoredForecast]:
    """The rows that are stored."""
    warehouse = services.context.services.market.warehouse
    return told_forecasts(warehouse, study=study and study.study_name)


async def scored_at(services: Services, moment: datetime) -> None:
    """Let a time come; returns once its refresh and the scoring after it are done."""
    await services.pass_to(moment)
    async with asyncio.timeout(40):
        while any(is_due(row, moment) for row in kept(services)):
            await asyncio.sleep(0.1)


def is_due(row: ScoredForecast, now: datetime) -> bool:
    """Whether a row's bars are there by now and it has no score."""
    last = min(now.date(), date(2012, 12, 31))
    return row.target_date <= last and row.realised is None and not row.closed


async def test_a_forecast_is_told_kept_scored_once_and_closed_where_its_bars_never_come(
    tmp_path: Path, source: Source
) -> None:
    async with StrictSlack() as slack:
        services = Services(tmp_path / "home", slack, source)
        services.clock.now = TOLD
        async with services.up() as act:
            study = await finished(services, act)
            await _told_beforehand(services, act, study)
            await _cut_off(services)
            await scored_at(services, KNOWN)
            await _known(services, act, study)
            await _adopted(services, act, study)
        services.clock.now = LATE
        async with services.up() as act:  # after a stop: the refresh that was missed is carried out
            async with asyncio.timeout(40):
                while not await Refresh.find_one({"started_at": LATE, "ended_at": {"$ne": None}}):
                    await asyncio.sleep(0.1)
            assert "wait for bars since 2013-0" in await said(act, "failures", user="bob")
            await services.pass_to(CLOSED)
            async with asyncio.timeout(40):
                while not any(row.closed for row in kept(services)):
                    await asyncio.sleep(0.1)
            winner = [row for row in kept(services) if row.kind is ForecastOf.WINNER]
            closed = {(row.horizon_bars, row.closed) for row in winner}
            assert (63, UNKNOWABLE) in closed
            assert (21, UNKNOWABLE) not in closed
            assert "were closed: the bars never came" in await said(act, "forecasts", user="bob")
            assert "2013-02-01" not in await said(act, "failures", user="bob")
        slack.assert_no_violations()


async def _told_beforehand(services: Services, act: Driver, study: OptimizationStudy) -> None:
    assert study.summary is not None
    assert {row.kind for row in kept(services, study)} == {ForecastOf.WINNER, ForecastOf.HOLD}
    told = await said(act, f"forecast {study.study_name}")
    assert "Next 63 bars, from" in told
    assert "not a promise" in told
    assert "Next 21 bars" in await said(act, f"forecast {study.study_name} bars=21")
    assert "`bars` is one of 21, 63, 126" in await said(act, f"forecast {study.study_name} bars=22")
    assert "No forecast is scored yet" in await said(act, "forecasts IBM")
    assert "There is no champion to forecast" in await said(act, "forecast champions")


async def _cut_off(services: Services) -> None:
    """Begin to score and be stopped in the middle."""
    services.clock.now = KNOWN - timedelta(hours=1)
    scoring = asyncio.create_task(ForecastScoring(services.context.services).score())
    await asyncio.sleep(0)
    scoring.cancel()
    with suppress(asyncio.CancelledError):
        await scoring
    assert not any(row.realised is not None for row in kept(services))


async def _known(services: Services, act: Driver, study: OptimizationStudy) -> None:
    known = [row for row in kept(services, study) if row.realised is not None]
    assert {(row.horizon_bars, row.kind) for row in known} == {(21, ForecastOf.WINNER), (21, ForecastOf.HOLD)}
    hold = next(r for r in known if r.kind is ForecastOf.HOLD and r.measure is ForecastMeasure.TOTAL_RETURN)
    assert hold.realised == pytest.approx(_ibm_over(study.window.end_date, 21), abs=0.002)  # with costs
    assert hold.scored_at == KNOWN
    assert await ForecastScoring(services.context.services).score() == 0
    before = kept(services, study)
    with services.context.services.market.warehouse.writing() as cursor:  # as of a file that was lost
        cursor.execute("DELETE FROM portfolio_forecast_history")
    assert await ForecastScoring(services.context.services).score() == len(known)
    assert kept(services, study) == before
    assert "too few to judge" in await said(act, "forecasts IBM")
    assert "Forecasts before, now known" in await said(act, f"forecast {study.study_name}")
    assert "전망" in await said(act, "forecasts", user="kim")


async def _adopted(services: Services, act: Driver, study: OptimizationStudy) -> None:
    """The bars since count for what is in use: 22 of them, and no more to come of the same day."""
    assert study.summary is not None
    assert study.summary.n_unseen is not None
    await services.context.champions.adopt(study, by="U0BOB2")
    n_days = study.summary.n_unseen + 22
    for words in ("champions", study.study_name):
        told = await said(act, f"forecast {words}")
        assert f"from {n_days} unseen bars" in told
        assert "The bars since the study count as unseen" in told
    made = [row for row in kept(services, study) if row.kind is ForecastOf.CHAMPION]
    assert {row.as_of for row in made} == {date(2012, 12, 3)}
    assert len(made) == len({(row.horizon_bars, row.measure) for row in made})
    assert await renew(await services.context.champions.current(), services.context.services) == 0


def _ibm_over(after: date, n_bars: int) -> float:
    """What IBM made from the first open after a day over the next bars, by its prices without dividends."""
    end = after + timedelta(days=60)
    whole = Sample().fetch("IBM", timeframe="1d", start=after, end=end, now=at(90, 0))
    return float(whole.close[n_bars] / whole.open[1] - 1.0)


async def test_forecasts_outlive_a_stop_in_the_middle_their_study_and_corrected_bars(
    tmp_path: Path, source: Source
) -> None:
    async with StrictSlack() as slack:
        services = Services(tmp_path / "home", slack, source)
        services.clock.now = TOLD
        async with services.up() as act:
            study = await finished(services, act)
            await _stopped_while_a_worker_plays(services)
        services.clock.now = KNOWN + timedelta(hours=1)
        async with services.up() as act:
            assert all(row.realised is None for row in kept(services, study))
            await study.delete()
            await _scored_by_two_at_once(services, study)
            await _scored_again_when_bars_are_corrected(services, study, source)
            assert "of 1 inside the 90% band; too few to judge" in await said(act, "forecasts")
        slack.assert_no_violations()


async def _stopped_while_a_worker_plays(services: Services) -> None:
    """Let the refresh find what is due, and the worker that it asks stand still."""
    snapshots, pids = services.settings.snapshots, services.context.services.pool.pids
    before = set(snapshots.iterdir())
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    await services.pass_to(KNOWN)
    async with asyncio.timeout(40):
        while set(snapshots.iterdir()) == before:
            await asyncio.sleep(0.05)


async def _scored_by_two_at_once(services: Services, study: OptimizationStudy) -> None:
    """Two score at the same time what a study that is gone forecast: each row has one score."""
    await asyncio.gather(*(ForecastScoring(services.context.services).score() for _ in range(2)))
    known = [row for row in kept(services, study) if row.realised is not None]
    assert {(row.horizon_bars, row.kind) for row in known} == {(21, ForecastOf.WINNER), (21, ForecastOf.HOLD)}
    assert _earlier_scores(services) == {""}
    assert len(kept(services, study)) > len(known)  # longer horizons wait on


async def _scored_again_when_bars_are_corrected(services: Services, study: OptimizationStudy, source: Source) -> None:
    """The last bar of the month is corrected by 2 %: the score changes once, and the earlier one stays."""
    before = _return_of_hold(services, study)
    source.reply("/query", bars(corrected=("2012-11-30",)))
    services.clock.now = CORRECTED
    refreshed = services.context.services.market.try_refresh(SeriesKey("IBM", "1d", "alphavantage"), now=CORRECTED)
    assert refreshed.error is None
    assert await ForecastScoring(services.context.services).score() > 0
    assert _return_of_hold(services, study) == pytest.approx((1.0 + before) * 1.02 - 1.0, abs=1e-4)
    scores = sorted(_earlier_scores(services))
    assert await ForecastScoring(services.context.services).score() == 0
    assert sorted(_earlier_scores(services)) == scores
    assert before in [json.loads(line)["realised"] for kept_before in scores for line in kept_before.splitlines()]


def _return_of_hold(services: Services, study: OptimizationStudy) -> float:
    [row] = [
        row
        for row in kept(services, study)
        if row.kind is ForecastOf.HOLD and row.measure is ForecastMeasure.TOTAL_RETURN and row.horizon_bars == 21
    ]
    assert row.realised is not None
    return row.realised


def _earlier_scores(services: Services) -> set[str]:
    with services.context.services.market.warehouse.reading() as cursor:
        query = "SELECT DISTINCT earlier_scores FROM portfolio_forecast_history WHERE scored_at IS NOT NULL"
        return {found for (found,) in cursor.execute(query).fetchall()}
