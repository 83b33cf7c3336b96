"""Runs of schedules: refresh the data, search with the champion among the trials, compare, post once.

Every step is read from the documents and recorded there before the next begins, so a run goes on where a stop
cut it off: the study has the run's key as its request key, the post the same key in the outbox.
"""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from bot.delivery.outbox import Outbox
from bot.documents.audiences import readers_of
from bot.documents.current_workspace import in_workspace
from bot.documents.preferences import Watchlist
from bot.documents.recurring import Champion, RunState, Schedule, ScheduleRun
from bot.origin import Door, StudyOrigin
from bot.schedules.champions import Champions, rival_of
from bot.schedules.forecast_scoring import ForecastRecord, forecast_record
from bot.schedules.run_roots import RunRoots
from bot.schedules.schedules import Schedules, is_late, spec_of
from bot.schedules.watchlists import UnknownWatchlist, list_named
from optimizer.clock import Clock
from optimizer.domain.results.regime_results import Regime
from optimizer.domain.space import Params
from optimizer.domain.study_request import StudySpec
from optimizer.domain.study_results import StudyState, StudySummary
from optimizer.domain.universe import Universe
from optimizer.errors import SomethingBroke, Unavailable, UserError, error_of
from optimizer.market.feed import Market
from optimizer.storage.documents import OptimizationStudy
from optimizer.storage.outage import is_outage, patiently
from optimizer.strategies.registry import space_of
from optimizer.studies.scheduler import StudyJobs
from optimizer.studies.service import OptimizationService
from optimizer.studies.worker_messages import RivalRun
from optimizer.supervisor import begin
from reports.render import renderer_of
from reports.text.message import Message

log = logging.getLogger(__name__)

#: Seconds between two reads of the documents.
TICK_SECONDS = 1.0


class StudyStopped(UserError):
    """Raised when a schedule's study was stopped before it had a result. Facts: study, state, schedule."""


Step = Callable[[], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class ScheduledRunFacts:
    """Facts of a run for its post."""

    schedule: Schedule
    run: ScheduleRun
    study: OptimizationStudy
    summary: StudySummary
    champion: Champion | None  # None: compared with the default parameters
    champion_params: Params
    before: ScheduleRun | None  # the previous run with a result
    late_at: datetime | None  # when it should have begun, in the schedule's time zone; None: in time
    next_at: datetime | None  # in the schedule's time zone; None: removed meanwhile
    record: ForecastRecord | None = None  # of the symbol's forecasts; None where nothing was forecast
    regime_before: Regime | None = None  # of the previous run, where the kind of market is another now

    @property
    def is_same_as_before(self) -> bool:
        """True if the search found the same parameters as the last time."""
        return self.before is not None and self.before.params == self.run.params

    @property
    def may_adopt(self) -> bool:
        """True if the winner's parameters differ from the champion's."""
        return self.champion is None or self.run.params != self.champion.params


class ScheduledRuns:
    """Advances the runs of schedules until they are posted."""

    def __init__(
        self,
        *,
        schedules: Schedules,
        champions: Champions,
        service: OptimizationService,
        market: Market,
        jobs: StudyJobs,
        outbox: Outbox,
        clock: Clock,
    ) -> None:
        self._schedules = schedules
        self._champions = champions
        self._service = service
        self._market = market
        self._jobs = jobs
        self._outbox = outbox
        self._roots = RunRoots(outbox=outbox, clock=clock)
        self._clock = clock
        self._working: dict[str, asyncio.Task[None]] = {}

    async def stop(self) -> None:
        """Stop the steps that are being done; they are done again after the next start."""
        working = list(self._working.values())
        for task in working:
            task.cancel()
        await asyncio.gather(*working, return_exceptions=True)

    async def tick(self) -> None:
        """Start the next step of every open run, waiting out an outage of MongoDB."""
        await patiently(self._start_steps, what="schedules")

    async def _start_steps(self) -> None:
        """Slow steps run beside the others."""
        for run in await ScheduleRun.find({"state": {"$ne": str(RunState.TOLD)}}).sort("due_at").to_list():
            if run.key not in self._working and (step := await self._next_step(run)) is not None:
                self._start_step(run, step)

    async def _next_step(self, run: ScheduleRun) -> Step | None:
        """Return the next step of a run; None while its study goes on."""
        schedule = await Schedule.find_one(Schedule.schedule_name == run.schedule_name)
        assert schedule is not None, "schedules are never deleted"
        if run.state is RunState.DUE:
            return partial(self._start_search, schedule, run)
        study = await self._service.find(run.study_name)
        return partial(self._finish, schedule, run, study) if study.status.is_finished else None

    def _start_step(self, run: ScheduleRun, step: Step) -> None:
        with in_workspace(run.team):
            task = begin(patiently(step, what="schedule"))
        self._working[run.key] = task
        task.add_done_callback(partial(self._finish_step, run))

    def _finish_step(self, run: ScheduleRun, task: "asyncio.Task[None]") -> None:
        """Report a step that failed; otherwise the run would silently never end."""
        self._working.pop(run.key, None)
        if task.cancelled() or (error := task.exception()) is None:
            return
        if is_outage(error):
            return  # the next tick starts the step again
        reference = secrets.token_hex(3)
        log.error("schedule_broke run=%s reference=%s", run.key, reference, exc_info=error)
        if run.failure is None:
            self._start_step(run, partial(self._report_fault, run, SomethingBroke(reference=reference)))

    async def _report_fault(self, run: ScheduleRun, error: SomethingBroke) -> None:
        schedule = await Schedule.find_one(Schedule.schedule_name == run.schedule_name)
        assert schedule is not None, "schedules are never deleted"
        await self._fail(schedule, run, error)

    async def _start_search(self, schedule: Schedule, run: ScheduleRun) -> None:
        """Update the data and start the search."""
        await self._roots.open(schedule, run)
        try:
            spec = await _spec_of_run(schedule, run)
            run.stale = await self._refresh(spec)
            study = await self._store(schedule, run, spec)
        except UserError as error:
            await self._fail(schedule, run, error)
            return
        await run.set({"state": str(RunState.SEARCHING), "study_name": study.study_name, "stale": run.stale})
        await self._jobs.submit(study.study_name)

    async def _refresh(self, spec: StudySpec) -> dict[str, object] | None:
        """Refresh the bars; returns the failure if there was one, and the study then uses the stored bars."""
        stale = None
        for symbol in spec.symbols:
            try:
                await asyncio.to_thread(
                    self._market.refresh, symbol, timeframe=spec.timeframe, source=spec.source, now=self._clock()
                )
            except Unavailable as error:
                stale = stale or error.as_document()
        return stale

    async def _store(self, schedule: Schedule, run: ScheduleRun, spec: StudySpec) -> OptimizationStudy:
        champion, listed = await self._champions.find(spec), list_named(schedule.spec)
        plan = await self._service.plan(spec)
        return await self._service.store(
            replace(plan, universe=Universe(name=listed)) if listed else plan,  # today's members, whatever it knows
            created_by=schedule.created_by,
            name=schedule.schedule_name,
            origin=StudyOrigin(door=Door.SCHEDULE, schedule=schedule.schedule_name).as_document(),
            audience=schedule.audience,
            team=schedule.team,
            first=[champion.params] if champion else [],
            request_key=f"schedule:{run.key}",
            n_together=run.n_together,
        )

    async def _finish(self, schedule: Schedule, run: ScheduleRun, study: OptimizationStudy) -> None:
        """Compare and post."""
        champion = await self._champions.find(study.spec)
        try:
            summary = _summary(schedule, study)
            rival = rival_of(champion) if champion else _default_rival(study)
            run.challenge = await self._service.challenge(study.study_name, rival)
        except UserError as error:
            await self._fail(schedule, run, error)
            return
        run.champion = champion.study_name if champion else ""
        run.params, run.verdict = dict(summary.winner.params), summary.verdict
        facts = await self._facts(schedule, run, study, champion)
        await self._post(schedule, run, renderer_of(schedule.language).render("weekly", w=facts))

    async def _facts(
        self, schedule: Schedule, run: ScheduleRun, study: OptimizationStudy, champion: Champion | None
    ) -> ScheduledRunFacts:
        assert study.summary is not None, "_summary checked it"
        zone = ZoneInfo(schedule.time_zone)
        next_at = None if schedule.removed_at else self._schedules.next_times(schedule, 1)[0].astimezone(zone)
        before = await _previous_run(run)
        return ScheduledRunFacts(
            schedule=schedule,
            run=run,
            study=study,
            summary=study.summary,
            champion=champion,
            champion_params=champion.params if champion else _default_params(study),
            before=before,
            late_at=run.due_at.astimezone(zone) if is_late(run) else None,
            next_at=next_at,
            record=await self._record(schedule, study, champion),
            regime_before=await _regime_before(before, study.summary),
        )

    async def _record(
        self, schedule: Schedule, study: OptimizationStudy, champion: Champion | None
    ) -> ForecastRecord | None:
        """Return how forecasts did of which everyone in the channel may know."""
        symbol, name = study.spec.symbols[0], champion.study_name if champion else ""
        viewer = readers_of(schedule.channel_id)
        record = await forecast_record(self._market.warehouse, symbol, name, viewer)
        return record if record.board.headline or record.is_outside else None

    async def _fail(self, schedule: Schedule, run: ScheduleRun, error: UserError) -> None:
        log.warning("schedule_failed schedule=%s kind=%s", schedule.schedule_name, type(error).__name__)
        run.failure = error.as_document()
        renderer, zone = renderer_of(schedule.language), ZoneInfo(schedule.time_zone)
        late_at = run.due_at.astimezone(zone) if is_late(run) else None
        message = renderer.render(
            "weekly_failure",
            schedule=schedule,
            spec=spec_of(schedule, run),
            run=run,
            reason=renderer.error(error),
            late_at=late_at,
        )
        await self._post(schedule, run, message)

    async def _post(self, schedule: Schedule, run: ScheduleRun, message: Message) -> None:
        """Put the post into the outbox, then record it; a repeated entry is posted only once."""
        root = await self._roots.open(schedule, run)
        await self._outbox.post(
            f"{run.key}:post",
            root or run.key,
            schedule.channel_id,
            message,
            under=root,
            is_unasked=not run.asked_by,
        )
        run.state, run.told_at = RunState.TOLD, self._clock()
        async with self._roots.telling(schedule, run):
            await run.save()
        log.info("schedule_posted schedule=%s decision=%s", schedule.schedule_name, run.decision)


async def _spec_of_run(schedule: Schedule, run: ScheduleRun) -> StudySpec:
    """Return the spec of a run; raises UnknownWatchlist when its list was deleted before."""
    spec = spec_of(schedule, run)
    if name := list_named(spec):
        raise UnknownWatchlist.of(name, [each.name for each in await Watchlist.find_all().to_list()])
    return spec


async def _previous_run(run: ScheduleRun) -> ScheduleRun | None:
    same = {"schedule_name": run.schedule_name, "symbol": run.symbol or {"$in": ["", None]}}
    return (
        await ScheduleRun.find(same, {"due_at": {"$lt": run.due_at}, "challenge": {"$ne": None}})
        .sort("-due_at")
        .first_or_none()
    )


async def _regime_before(before: ScheduleRun | None, summary: StudySummary) -> Regime | None:
    """Return the kind of market at the previous run's last bar, if it was another."""
    if before is None or summary.regime is None:
        return None
    study = await OptimizationStudy.find_one(OptimizationStudy.study_name == before.study_name)
    then = study.summary.regime if study and study.summary else None
    return None if then is None or then.regime is summary.regime.regime else then.regime


def _summary(schedule: Schedule, study: OptimizationStudy) -> StudySummary:
    """Return the study's result; raises the UserError that explains why there is none."""
    if study.status is StudyState.COMPLETE and study.summary is not None:
        return study.summary
    if study.failure is not None:
        raise error_of(study.failure)
    raise StudyStopped(study=study.study_name, state=str(study.status), schedule=schedule.schedule_name)


def _default_params(study: OptimizationStudy) -> Params:
    return space_of(study.spec).default


def _default_rival(study: OptimizationStudy) -> RivalRun:
    """Return the default parameters as a rival: fitted on nothing, so every bar is unseen to them."""
    first = study.window.start_date - timedelta(days=1)
    spec = study.spec
    return RivalRun(
        params=_default_params(study),
        allow_short=spec.allow_short,
        reenter=spec.reenter,
        rule=spec.rule,
        by_regime=spec.by_regime,
        unseen_from=first,
    )
