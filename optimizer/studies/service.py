"""OptimizationService: all operations on studies, for every interface.

It does not depend on Slack or a terminal. Callers keep only the name of a study; every result is read
from MongoDB again.
"""

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from pymongo.errors import DuplicateKeyError

from optimizer.clock import Clock, utc_now
from optimizer.domain.bars import Bars, n_between, on_common_dates, require_prices
from optimizer.domain.metrics import GOALS, find_goal
from optimizer.domain.results.regime_results import PlannedRegimes
from optimizer.domain.space import Params, Space
from optimizer.domain.study_request import MAX_TRIALS, StudySpec, budget, is_exhaustive, require_affordable
from optimizer.domain.study_results import OPEN, StudyState, TrialRecord, Verdict
from optimizer.domain.universe import Universe
from optimizer.errors import Phrase, Unavailable, UserError, error_of
from optimizer.market.feed import Market
from optimizer.market.quality.data_findings import DataFinding, DataNote, SeriesFindings
from optimizer.market.quality.sentinel import require_usable
from optimizer.market.snapshots import write_snapshot
from optimizer.storage.copies.shared_snapshots import share_snapshots
from optimizer.storage.documents import (
    BY_AGE,
    BY_PERSON,
    BY_STATE,
    WORKSPACE,
    OptimizationStudy,
    OptimizationTrial,
    WindowRecord,
    new_document,
    space_document,
)
from optimizer.storage.driver import collection_of
from optimizer.storage.study_queries import EVERY, Query, both, ranked_names, without_charts
from optimizer.storage.trial_documents import FEASIBLE, trial_record
from optimizer.strategies.declaration import OwnCode
from optimizer.strategies.registry import space_of, strategy_of
from optimizer.studies.code_version import code_version
from optimizer.studies.companions import load_companions
from optimizer.studies.finding import STUDY_IDS, find_study
from optimizer.studies.own_studies import bars_before, guess_seconds, hanging_of, runnable_strategy
from optimizer.studies.running.study_runner import StudyRunner
from optimizer.studies.snapshot_mending import MENDABLE, mend_snapshots
from optimizer.studies.worker_messages import Challenged, Failed, Replayed, ResultTable, RivalRun, Tabulated
from optimizer.studies.worker_pool import WorkerDied, WorkerPool
from optimizer.validation.champions.challenge import Challenge
from optimizer.validation.regimes.planned_regimes import planned_regimes
from optimizer.validation.verdict import PROVEN
from optimizer.validation.window import WindowRows, day_of, window_rows

log = logging.getLogger(__name__)

Done = TypeVar("Done", Replayed, Challenged, Tabulated)

#: Fields of a study that is queued again.
_AFRESH = {"wanted": None, "failure": None, "deaths": 0, "needs_bot": False}


class NotFinished(UserError):
    """Result was requested that does not exist yet. Facts: study, state."""


class AlreadyFinished(UserError):
    """Study that has ended cannot be stopped. Facts: study, state."""


class NothingLeft(UserError):
    """More trials were requested than the space has sets. Facts: study, n_trials."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Checked request for a study that is not started yet."""

    spec: StudySpec
    space: Space
    n_trials: int  # unique sets that will be tried
    is_exhaustive: bool
    bars: Bars
    partners: tuple[Bars, ...]  # of the spec's partners, on the same dates
    companions: tuple[Bars, ...]  # of the spec's companions
    rows: WindowRows
    data_notes: tuple[DataNote, ...]
    has_new_bars: bool  # every source has new bars as time passes
    seconds: float  # a rough guess of the time a warm worker needs
    universe: Universe | None = None  # list that the symbol was taken from
    regimes: PlannedRegimes | None = None  # of a request that needs labels
    own_code: OwnCode | None = None  # of a strategy in Python, whose sets take their own time

    @property
    def source(self) -> str:
        """Names of the sources of the bars."""
        return ", ".join(dict.fromkeys(found.source for found in (self.bars, *self.partners)))


class OptimizationService:
    """Service that creates, runs, finds and stops studies."""

    def __init__(
        self,
        *,
        market: Market,
        pool: WorkerPool,
        snapshots: Path,
        clock: Clock = utc_now,
        running_per_person: int = 2,
        shares_snapshots: bool = False,
        ring: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`shares_snapshots` puts bars into MongoDB too, for workers on other machines; `ring` calls them."""
        self._market = market
        self._pool = pool
        self._snapshots = snapshots
        self._clock = clock
        self._shares_snapshots = shares_snapshots
        self._runner = StudyRunner(pool, mend=self._mend, clock=clock, running_per_person=running_per_person, ring=ring)

    async def plan(self, spec: StudySpec) -> Plan:
        """Check a request without storing anything. Raises a UserError for the first fault."""
        strategy = await asyncio.to_thread(runnable_strategy, spec)
        for goal in spec.goals:
            find_goal(goal)
        space = space_of(spec)
        require_affordable(spec, space)
        (bars, *partners), findings = await asyncio.to_thread(self._all_bars, spec)
        warm_up = bars_before(spec, strategy, space, bars)
        rows = window_rows(spec, replace(bars, symbol=spec.label), warm_up, strategy.least_bars)
        first = day_of(bars, max(rows.start - warm_up, 0))
        n_trials = budget(spec, space)
        return Plan(
            spec=spec,
            space=space,
            n_trials=n_trials,
            is_exhaustive=is_exhaustive(spec, space),
            bars=bars,
            partners=tuple(partners),
            companions=await asyncio.to_thread(load_companions, self._market, spec, rows, bars, self._clock()),
            rows=rows,
            data_notes=_notes_of(findings, first),
            has_new_bars=all(self._market.is_live(found.source) for found in (bars, *partners)),
            seconds=guess_seconds(spec, strategy, space, n_trials, len(bars)),
            regimes=await asyncio.to_thread(planned_regimes, spec, (bars, *partners), rows),
            own_code=strategy.own if strategy.positions else None,
        )

    async def create_study(self, spec: StudySpec, *, created_by: str, **more: Any) -> OptimizationStudy:
        """Load and check the bars, write a snapshot of them, and store a queued study; see `store`."""
        return await self.store(await self.plan(spec), created_by=created_by, **more)

    async def store(
        self,
        plan: Plan,
        *,
        created_by: str,
        name: str = "",
        notes: str = "",
        origin: Mapping[str, Any] | None = None,
        audience: str = WORKSPACE,
        team: str = "",
        first: Sequence[Params] = (),
        request_key: str | None = None,
        n_together: int = 1,
    ) -> OptimizationStudy:
        """Store a planned study, queued, as one of so many of a request; of one `request_key` only the first is stored.

        The sets of `first` that are in the space are tried right after the default set.
        """
        written = [
            await asyncio.to_thread(write_snapshot, bars, self._snapshots)
            for bars in (plan.bars, *plan.partners, *plan.companions)
        ]
        if self._shares_snapshots:
            await share_snapshots(written, self._snapshots)
        data_hashes = written[: 1 + len(plan.partners)]
        study = _study_of(plan, data_hashes, created_by, self._clock())
        study.companion_hashes = written[len(data_hashes) :]
        study.name, study.notes, study.n_together = name, notes, n_together
        study.audience, study.team, study.universe = audience, team, plan.universe
        study.origin, study.request_key, study.first = dict(origin or {}), request_key, list(first)
        return await STUDY_IDS.give(partial(self._insert, study))

    async def same_since(
        self, spec: StudySpec, created_by: str, moment: datetime, *, among: Query
    ) -> OptimizationStudy | None:
        """Study of the same request by the same person since `moment`, unless it was stopped; `among` is a query."""
        query = {
            **among,
            "created_by": created_by,
            "created_at": {"$gte": moment},
            "status": {"$nin": [str(StudyState.CANCELLED), str(StudyState.FAILED)]},
        }
        recent = await OptimizationStudy.find(query).sort("-created_at").to_list()
        return next((study for study in recent if study.spec == spec), None)

    async def run_study(self, study_name: str) -> OptimizationStudy:
        """Run a queued or interrupted study on a worker; returns it finished, paused or cancelled (`StudyRunner`)."""
        return await self._runner.run(study_name)

    def is_under_way(self, study_name: str) -> bool:
        """True if the study is in `run_study`: it runs, or waits for its turn or a worker."""
        return self._runner.is_under_way(study_name)

    async def find(self, word: str, *, among: Query = EVERY) -> OptimizationStudy:
        """Find a study by its id, a unique beginning of it, or its name. Raises UnknownStudy and SeveralStudies."""
        return await find_study(word, among)

    async def list_studies(
        self, *, among: Query, created_by: str | None = None, states: Sequence[StudyState] = (), limit: int = 10
    ) -> list[OptimizationStudy]:
        """Studies of `among`, newest first, without charts."""
        query: dict[str, Any] = {"created_by": created_by} if created_by else {}
        if states:
            query["status"] = {"$in": [str(state) for state in states]}
        index = BY_STATE if states else BY_PERSON if created_by else BY_AGE
        return await without_charts(both(query, among), order=dict(BY_AGE), limit=limit, index=index, has_tables=False)

    async def open_studies(self, *, among: Query) -> list[OptimizationStudy]:
        """Studies of `among` that have not ended, the oldest first: running, waiting and paused."""
        query = both({"status": {"$in": [str(state) for state in OPEN]}}, among)
        return await OptimizationStudy.find(query).sort("created_at").to_list()

    async def unfinished(self) -> list[OptimizationStudy]:
        """Studies to resume after a restart."""
        states = [str(StudyState.QUEUED), str(StudyState.RUNNING)]
        return await OptimizationStudy.find({"status": {"$in": states}}).sort("created_at").to_list()

    async def get_study_results(self, study_name: str, *, among: Query = EVERY) -> OptimizationStudy:
        """Finished study with its summary. Raises NotFinished before that."""
        study = await self.find(study_name, among=among)
        if study.summary is None:
            raise NotFinished(study=study.study_name, state=str(study.status))
        return study

    async def get_best_params(self, study_name: str) -> Params:
        """Parameters of the winner, exactly as posted. Raises NotFinished."""
        study = await self.get_study_results(study_name)
        assert study.summary is not None
        return dict(study.summary.winner.params)

    @property
    def engine_loading(self) -> tuple[int, int] | None:
        """Parts of the engine that are compiled, and all of them, at a first start (`WorkerPool.loading`)."""
        return self._pool.loading

    async def get_trials(self, study_name: str) -> list[TrialRecord]:
        """Stored trials by number."""
        collection = collection_of(OptimizationTrial)
        documents = await collection.find({"study": study_name}).sort("trial_number", 1).to_list(None)
        return [trial_record(document) for document in documents]

    async def packed_trials(self, study_name: str) -> bytes:
        """Stored trials by number, in BSON, for another process to unpack."""
        batches = collection_of(OptimizationTrial).find_raw_batches({"study": study_name})
        return b"".join([batch async for batch in batches.sort("trial_number", 1)])

    async def latest_trials(self, study_name: str, limit: int) -> list[TrialRecord]:
        """Last stored trials, newest first."""
        collection = collection_of(OptimizationTrial)
        documents = await collection.find({"study": study_name}).sort("trial_number", -1).to_list(limit)
        return [trial_record(document) for document in documents]

    async def best_trials(self, study_name: str, limit: int) -> list[TrialRecord]:
        """Trials with the greatest values: first the feasible ones, then the others."""
        collection, found = collection_of(OptimizationTrial), list[dict[str, Any]]()
        for query in (FEASIBLE, {"$nor": [FEASIBLE]}):
            cursor = collection.find({"study": study_name, **query}).sort([("value", -1), ("trial_number", 1)])
            found += await cursor.to_list(limit - len(found)) if len(found) < limit else []
        return [trial_record(document) for document in found]

    async def cancel(self, study_name: str) -> OptimizationStudy:
        """Stop a study; what was tried is kept."""
        return await self._request_state(study_name, StudyState.CANCELLED)

    async def pause(self, study_name: str) -> OptimizationStudy:
        """Stop a study so that `resume` carries it on."""
        return await self._request_state(study_name, StudyState.PAUSED)

    async def resume(self, study_name: str) -> OptimizationStudy:
        """Queue a paused, cancelled or failed study again; it continues after its last stored trial."""
        study = await self.find(study_name)
        if study.status is StudyState.COMPLETE:
            raise AlreadyFinished(study=study.study_name, state=str(study.status))
        await study.set({"status": str(StudyState.QUEUED), **_AFRESH})
        return await self.find(study.study_name)

    async def more(self, study_name: str, n_trials: int) -> OptimizationStudy:
        """Queue a finished study again with `n_trials` more; the first ones are kept, not repeated."""
        study = await self.get_study_results(study_name)
        if study.status is not StudyState.COMPLETE:
            raise NotFinished(study=study.study_name, state=str(study.status))
        spec = study.spec.model_copy(update={"n_trials": min(study.trials_completed + n_trials, MAX_TRIALS)})
        n_sets = budget(spec, space_of(spec))
        if n_sets <= study.trials_completed:
            raise NothingLeft(study=study.study_name, n_trials=study.trials_completed)
        again = {"status": StudyState.QUEUED, "started_at": None, "completed_at": None}
        await study.set({**_AFRESH, **again, "spec": spec, "n_trials": n_sets})
        return await self.find(study.study_name)

    async def replay(self, study_name: str) -> Replayed:
        """Compute a finished study again on a worker and compare. Raises Unavailable when the worker dies."""
        study = await self.get_study_results(study_name)
        return await self._request(partial(self._pool.replay, study.study_name), study, Phrase("the_replay"))

    async def challenge(self, study_name: str, rival: RivalRun) -> Challenge:
        """Compare a finished study's winner with a champion. Raises Unavailable when the worker dies."""
        study = await self.get_study_results(study_name)
        request = partial(self._pool.challenge, study.study_name, rival)
        return (await self._request(request, study, Phrase("the_comparison"))).challenge

    async def tabulate(self, study: OptimizationStudy, table: ResultTable, file: Path) -> None:
        """Write a table of a finished study's winner, computed again on a worker. Raises Unavailable when that dies."""
        await self._request(partial(self._pool.tabulate, study.study_name, table, file), study, Phrase("the_table"))

    async def _request(
        self, request: Callable[[], Awaitable[Done | Failed]], study: OptimizationStudy, what: Phrase
    ) -> Done:
        """Send a request about a finished study to a worker, again once its snapshots are mended."""
        while True:
            try:
                answer = await request()
            except WorkerDied as death:
                raise hanging_of(study.spec) if death.hung else _lost(what) from death
            if not isinstance(answer, Failed):
                return answer
            if not await self._mend(study, answer):
                raise error_of(answer.error)

    async def _mend(self, study: OptimizationStudy, failed: Failed) -> bool:
        """Bring back snapshots that a worker found missing or damaged; False if that is not what failed, or fails."""
        return failed.error["kind"] in MENDABLE and await self.mend_bars(study)

    async def mend_bars(self, study: OptimizationStudy) -> bool:
        """Bring back what is missing or damaged of a study's bars here; False where nothing is, or nothing helps."""
        return await mend_snapshots(study, self._market.warehouse, self._snapshots, is_shared=self._shares_snapshots)

    async def leaderboard(
        self,
        *,
        among: Query,
        symbol: str | None = None,
        strategy_name: str | None = None,
        verdicts: Sequence[Verdict] = PROVEN,
        limit: int = 10,
    ) -> list[OptimizationStudy]:
        """Finished studies of `among` with one of the verdicts, each parameter set once, without charts.

        The better verdict comes first, and of equal ones the better evidence.
        """
        query = {"status": str(StudyState.COMPLETE)} | ({"strategy_name": strategy_name} if strategy_name else {})
        names = await ranked_names(both(query, among), verdicts=verdicts, limit=limit, symbol=symbol)
        ranked = await without_charts({"study_name": {"$in": names}}, limit=len(names) or 1, has_tables=False)
        found = {study.study_name: study for study in ranked}
        return [found[name] for name in names]

    def _all_bars(self, spec: StudySpec) -> tuple[list[Bars], list[SeriesFindings]]:
        """Bars of each symbol, of several those on common dates, and what was found in them."""
        if not spec.is_shared:
            bars, found = self._bars(spec)
            return [bars], [SeriesFindings(found=found)]
        each = [self._bars(spec.for_symbol(symbol)) for symbol in spec.symbols]
        common = on_common_dates([bars for bars, _ in each])
        return common, [
            SeriesFindings(found=found, symbol=bars.symbol, n_left_out=n_between(bars, kept))
            for (bars, found), kept in zip(each, common, strict=True)
        ]

    def _bars(self, spec: StudySpec) -> tuple[Bars, tuple[DataFinding, ...]]:
        """All bars up to the end of the window, and what is wrong with them."""
        bars, report = self._market.checked_bars(
            spec.symbol, timeframe=spec.timeframe, source=spec.source, end=spec.end, now=self._clock()
        )
        require_usable(report, force=spec.force)
        require_prices(bars)  # `force` plays on doubtful bars, not on impossible ones
        return bars, report.warnings

    async def _request_state(self, study_name: str, state: StudyState) -> OptimizationStudy:
        study = await self.find(study_name)
        if study.status.is_finished or study.status is state:
            raise AlreadyFinished(study=study.study_name, state=str(study.status))
        fields: dict[str, Any] = {"wanted": str(state)}
        if study.status in (StudyState.QUEUED, StudyState.PAUSED):
            # Applied here if no worker has the study. `wanted` stays set for a worker that takes it at this moment.
            fields |= {"status": str(state), "completed_at": self._clock()}
        await study.set(fields)
        return await self.find(study.study_name)

    async def _of_request(self, request_key: str | None) -> OptimizationStudy | None:
        return await OptimizationStudy.find_one({"request_key": request_key}) if request_key else None

    async def _insert(self, study: OptimizationStudy, name: str) -> OptimizationStudy:
        """Store a study under a name; raises DuplicateKeyError where the name is taken, not where its request is."""
        study.study_name = name
        try:
            study.id = (await collection_of(OptimizationStudy).insert_one(new_document(study))).inserted_id
            return study
        except DuplicateKeyError:
            if (same := await self._of_request(study.request_key)) is not None:
                return same
            raise


def _notes_of(findings: Sequence[SeriesFindings], first: date) -> tuple[DataNote, ...]:
    """Notes about the bars from `first` on; bars that are left out come first, since messages show only a few."""
    return tuple(
        sorted((note for found in findings for note in found.notes(first)), key=lambda n: n.kind != "left_out")
    )


def _study_of(plan: Plan, data_hashes: Sequence[str], created_by: str, created_at: datetime) -> OptimizationStudy:
    spec, rows, bars = plan.spec, plan.rows, plan.bars
    return OptimizationStudy(
        study_name="",
        spec=spec,
        symbol=spec.label,
        strategy_name=spec.strategy_name,
        search_space=space_document(plan.space),
        space_size=plan.space.size,
        n_trials=plan.n_trials,
        direction=GOALS[spec.goals[0]].direction,
        objective=spec.goals[0],
        sampler=str(spec.sampler),
        seed=spec.seed,
        window=_window_record(rows, bars),
        data_hash=_hash_of(data_hashes) if plan.partners else data_hashes[0],
        data_hashes=list(data_hashes) if plan.partners else [],
        source=plan.source,
        n_bars=rows.stop - rows.start,
        data_notes=list(plan.data_notes),
        code_version=code_version(),
        strategy_digest=strategy_of(spec).digest,
        created_at=created_at,
        created_by=created_by,
    )


def _hash_of(data_hashes: Sequence[str]) -> str:
    """Hash of several content hashes, in order."""
    return hashlib.sha256("|".join(data_hashes).encode()).hexdigest()


def _window_record(rows: WindowRows, bars: Bars) -> WindowRecord:
    days = bars.time.astype("datetime64[D]")
    return WindowRecord(
        start=rows.start,
        holdout_start=rows.holdout_start,
        stop=rows.stop,
        start_date=days[rows.start].item(),
        holdout_date=days[rows.holdout_start].item() if rows.holdout_start < rows.stop else None,
        end_date=days[rows.stop - 1].item(),
    )


def _lost(what: Phrase) -> Unavailable:
    return Unavailable(what=what, reason=Phrase("worker_ended"), remedy=Phrase("try_again"))
