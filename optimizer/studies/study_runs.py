"""Tasks of a worker: run a study, replay it, compare its winner with a champion."""

import asyncio
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from optimizer.domain.bars import Bars, TimeArray
from optimizer.domain.packed_series import packed_dates, packed_numbers
from optimizer.domain.ranking import best_record, ranked
from optimizer.domain.results.learned_results import TrainingProgress
from optimizer.domain.results.regime_results import StudyRegime
from optimizer.domain.space import Params, Space
from optimizer.domain.study_request import budget
from optimizer.domain.study_results import StudyState, StudySummary, Timings, TrialRecord, Tries
from optimizer.domain.thinning import telling_rows
from optimizer.engine.backtest import Backtest, Trade
from optimizer.engine.multi_symbol import AnyEvaluator, evaluator_of
from optimizer.engine.portfolio import Portfolio
from optimizer.errors import StudyPruned
from optimizer.learned.rows import UNWATCHED, Training, TrainingStopped, Watch
from optimizer.market.snapshots import read_snapshot
from optimizer.outlook.study_forecasts import with_forecasts
from optimizer.outlook.study_regime import study_regime
from optimizer.search.confidence import train_goal
from optimizer.search.loop import sampler_note, search
from optimizer.storage.copies.shared_snapshots import fetch_snapshots
from optimizer.storage.documents import OptimizationStudy
from optimizer.storage.leases import Claimant, HeldStudy, LeaseLost, claim, holder_of
from optimizer.storage.outage import patiently
from optimizer.storage.study_store import (
    find_stored,
    heartbeat,
    store_result,
    store_training,
    store_trials,
    stored_records,
    study_of,
)
from optimizer.storage.tries import store_tried_sets, tries_before
from optimizer.strategies.learning.weighing import model_of
from optimizer.strategies.registry import space_of
from optimizer.studies.companions import by_symbol
from optimizer.studies.own_studies import digest_to_run, runnable_strategy
from optimizer.studies.replay import first_difference, in_order_of
from optimizer.studies.result_tables import table_of, times_of, write_table
from optimizer.studies.worker_messages import Replayed, ResultTable, RivalRun, Tabulated
from optimizer.supervisor import begin
from optimizer.validation.champions.challenge import Challenge
from optimizer.validation.champions.paired_test import ChampionBacktests, challenge, too_few_bars
from optimizer.validation.summarize import summarize
from optimizer.validation.window import WindowRows, day_of

#: Trials are flushed after this time, or when this many wait. Flushing competes with the search thread, so flush
#: rarely; lost trials are recomputed.
BATCH_SIZE = 2000
BATCH_SECONDS = 0.25
#: Number of best trials whose backtest is stored.
KEPT_BACKTESTS = 10
#: Most trades that are stored of one, the last ones: more would not fit into a document of MongoDB.
MOST_TRADES = 30_000

_Batch = list[TrialRecord]
_Queue = SimpleQueue[_Batch | TrainingProgress | None]


@dataclass(frozen=True, kw_only=True)
class StudyRun:
    """Study with everything needed to run it: its document, its space and its bars."""

    study: OptimizationStudy
    space: Space
    many: Sequence[Bars]  # of each symbol
    companions: Mapping[str, Bars]  # of the other symbols that the request names
    evaluator: AnyEvaluator
    done: list[TrialRecord]

    @property
    def rows(self) -> WindowRows:
        """Searched and held-out rows of the snapshot."""
        window = self.study.window
        return WindowRows(start=window.start, holdout_start=window.holdout_start, stop=window.stop)

    @property
    def cache_hit_ratio(self) -> float | None:
        """Share of requested indicators that were in the cache; None without a request."""
        hits, misses = self.evaluator.cache_hits, self.evaluator.cache_misses
        return hits / (hits + misses) if hits + misses else None

    def trials(self) -> Iterator[TrialRecord]:
        """Yield the trials that are not stored yet."""
        spec = self.study.spec
        return search(
            spec,
            self.space,
            self.evaluator,
            start=self.rows.start,
            stop=self.rows.holdout_start,
            n_trials=budget(spec, self.space),
            seed=spec.seed,
            done=self.done,
            first=self.study.first,
        )


async def run_study(study_name: str, snapshots: Path, claimant: Claimant) -> StudyState | None:
    """Claim a study and run it to its end, or until its document requests a pause or cancellation; returns its state.

    None when another pool's worker holds it, or has taken it over meanwhile.
    """
    began = time.perf_counter()
    if (held := await claim(study_name, claimant)) is None:
        found = await patiently(lambda: holder_of(study_name), what="study")
        is_open = found is not None and found[0] in (StudyState.QUEUED, StudyState.RUNNING)
        return None if is_open else found[0] if found else StudyState.FAILED
    try:
        async with heartbeat(held):
            return await _run(held, snapshots, began, is_elsewhere=claimant.is_elsewhere)
    except LeaseLost:
        return None


async def _run(held: HeldStudy, snapshots: Path, began: float, *, is_elsewhere: bool) -> StudyState:
    study = await study_of(held)
    if is_elsewhere:
        runnable_strategy(study.spec)
        await fetch_snapshots([*_hashes_of(study), *study.companion_hashes], snapshots)
    run = await _prepare(study, snapshots, done=await stored_records(study.study_name) if held.is_begun else [])
    digest, note = digest_to_run(study, is_begun=bool(run.done)), sampler_note(study.spec, run.space)
    if (study.sampler_note, study.strategy_digest, study.pruned_at) != (note, digest, None):
        await held.update(sampler_note=note, strategy_digest=digest, pruned_at=None)
    return await _search_and_judge(run, held, began)


async def replay_study(study_name: str, snapshots: Path) -> Replayed:
    """Compute a finished study again from its snapshot and say whether anything differs; nothing is written."""
    study = await find_stored(study_name)
    assert study is not None, "the parent has just read it"
    assert study.summary is not None, "only a finished study is replayed"
    if study.pruned_at is not None:
        raise StudyPruned(study=study_name, when=f"{study.pruned_at:%Y-%m-%d}")
    run = await _prepare(study, snapshots)
    fresh = await asyncio.to_thread(lambda: in_order_of(run.done, list(replace(run, done=[]).trials())))
    summary = await asyncio.to_thread(_summarize, run, fresh, _tries_of(study.summary))
    summary = summary.model_copy(update={"regime": await asyncio.to_thread(_regime_of, run)})
    difference = first_difference(run.done, fresh) or first_difference(study.summary, summary)
    return Replayed(n_trials=len(fresh), difference=difference)


def _tries_of(summary: StudySummary) -> Tries:
    """Tries that a stored summary counted; of an early one those of its own strategy and window."""
    luck = summary.luck
    return summary.tries or Tries(n_sets=luck.n_tried_ever - luck.n_tried)


async def challenge_study(study_name: str, rival: RivalRun, snapshots: Path) -> Challenge:
    """Compare a finished study's winner with a champion on bars that neither was fitted on; writes nothing."""
    study = await find_stored(study_name)
    assert study is not None, "the parent has just read it"
    assert study.summary is not None, "only a finished study has a winner"
    run = await _prepare(study, snapshots)
    return await asyncio.to_thread(_challenge, run, study.summary.winner.params, rival)


async def tabulate_study(study_name: str, table: ResultTable, file: Path, snapshots: Path) -> Tabulated:
    """Write a table of what a finished study's winner did in the window, computed again from its snapshot."""
    study = await find_stored(study_name)
    assert study is not None, "the parent has just read it"
    assert study.summary is not None, "only a finished study has a winner"
    run, params = await _prepare(study, snapshots), study.summary.winner.params
    result = await asyncio.to_thread(run.evaluator.backtest, params, start=run.rows.start, stop=run.rows.stop)
    found = table_of(table, result, run.many)
    await asyncio.to_thread(write_table, found, file)
    return Tabulated(n_rows=len(next(iter(found.values()))))


async def summary_of(study_name: str) -> StudySummary:
    """Return the stored summary of a finished study, with its curves."""
    study = await find_stored(study_name)
    assert study is not None, "the parent has just read it"
    assert study.summary is not None, "only a finished study has a result"
    return study.summary


def _challenge(run: StudyRun, winner: Params, rival: RivalRun) -> Challenge:
    ours, spec = run.evaluator, run.study.spec
    start, stop = max(run.rows.holdout_start, ours.bars.row_at(rival.unseen_from)), run.rows.stop
    if stop - start < 2:
        return too_few_bars(max(stop - start, 0))
    rules = {name: getattr(rival, name) for name in ("allow_short", "reenter", "rule", "by_regime")}
    is_alike = rules == {name: getattr(spec, name) for name in rules}
    theirs = ours if is_alike else evaluator_of(spec.model_copy(update=rules), run.many, run.companions)
    backtests = ChampionBacktests(
        champion=theirs.backtest(rival.params, start=start, stop=stop),
        challenger=ours.backtest(winner, start=start, stop=stop),
        buy_and_hold=ours.buy_and_hold(start=start, stop=stop),
        start=day_of(ours.bars, start),
        end=day_of(ours.bars, stop - 1),
        is_same_set=is_alike and winner == rival.params,
    )
    return challenge(backtests, seed=spec.seed)


async def _search_and_judge(run: StudyRun, held: HeldStudy, began: float) -> StudyState:
    prepared = time.perf_counter()
    # Beside the search, so that the result does not come later for it.
    labelling = begin(asyncio.to_thread(_regime_of, run))
    records, wanted, storage, training = await _search(run, held)
    searched = time.perf_counter()
    if wanted is not None:
        await held.settle(status=wanted, wanted=None)
        return wanted
    found = await _judge(run, held, records)
    if not isinstance(found, StudySummary):
        await held.settle(status=found, wanted=None, training=None)
        return found
    summary = found.model_copy(update={"regime": await labelling})
    judged = time.perf_counter()
    backtests = await _keep_backtests(run, records)
    ended = time.perf_counter()
    backtest = sum(record.duration for record in records[len(run.done) :])
    timings = Timings(
        start=prepared - began,
        training=training,
        sampler=max(searched - prepared - training - backtest - storage, 0.0),
        backtest=backtest,
        storage=storage,
        validation=judged - searched,
        keeping=ended - judged,
        total=ended - began,
    )
    await store_result(held, run.study, summary, timings, backtests, run.cache_hit_ratio)
    return StudyState.COMPLETE


def _hashes_of(study: OptimizationStudy) -> list[str]:
    return study.data_hashes or [study.data_hash]


async def _prepare(study: OptimizationStudy, snapshots: Path, done: list[TrialRecord] | None = None) -> StudyRun:
    """Read what a run needs; `done` are its stored trials, where they are known."""
    spec = study.spec
    many = [await asyncio.to_thread(read_snapshot, data_hash, snapshots) for data_hash in _hashes_of(study)]
    others = [await asyncio.to_thread(read_snapshot, data_hash, snapshots) for data_hash in study.companion_hashes]
    companions = by_symbol(spec, others)
    evaluator = evaluator_of(spec, many, companions)
    done = await stored_records(study.study_name) if done is None else done
    return StudyRun(study=study, space=space_of(spec), many=many, companions=companions, evaluator=evaluator, done=done)


async def _search(run: StudyRun, held: HeldStudy) -> tuple[list[TrialRecord], StudyState | None, float, float]:
    """Search in a thread while this one writes; a requested state ends the search between two batches.

    Returns the records, that state, and the seconds of the last writing and those of training.
    """
    stop = threading.Event()
    queue: _Queue = SimpleQueue()
    records = list(run.done)
    searching = begin(asyncio.to_thread(_search_in_batches, run, queue, stop))
    wanted: StudyState | None = None
    try:
        while (batch := await asyncio.to_thread(queue.get)) is not None:
            wanted = await _stored(held, batch, records) or wanted
            if wanted is not None:
                stop.set()
    finally:
        stop.set()  # also when a batch could not be stored: the next study needs the processor
        training, rest = await searching
    began = time.perf_counter()  # writing during the search costs the study no time
    records.extend(rest)
    wanted = await _stored_last(run, held, rest, records) or wanted
    return records, wanted, time.perf_counter() - began, training


async def _stored_last(
    run: StudyRun, held: HeldStudy, rest: _Batch, records: Sequence[TrialRecord]
) -> StudyState | None:
    """Store the last trials and which sets were tried; returns the requested state of the study."""
    tried = partial(store_tried_sets, run.study, [record.params for record in records])
    return await store_trials(held, rest, n_done=len(records), best=best_record(records), beside=tried)


async def _stored(held: HeldStudy, batch: _Batch | TrainingProgress, records: list[TrialRecord]) -> StudyState | None:
    """Store what the search hands over, trials also in `records`; returns the requested state of the study."""
    if isinstance(batch, TrainingProgress):
        return await store_training(held, batch)
    records.extend(batch)
    return await store_trials(held, batch, n_done=len(records), best=best_record(records))


def _train(run: StudyRun, queue: _Queue, stop: threading.Event) -> None:
    """Fit what the strategy learns, and what weighs the goal, before the first set is tried. Raises TrainingStopped."""
    learned, spec = run.evaluator.strategy.learned, run.study.spec
    n_rows = len(learned.choices(run.space)) * len(run.many) if learned else 0
    n_rows += model_of(spec) is not None
    training = _watched(queue, stop, n_rows)
    run.evaluator.train(run.space, training)
    train_goal(spec, run.evaluator, training)


def _watched(queue: SimpleQueue[Any], stop: threading.Event, n_rows: int, *, is_noise: bool = False) -> Training:
    """Training that is told to the queue, not too often, and stops with the event."""
    told = time.monotonic()

    def tell(row: int, n_rows: int) -> None:
        nonlocal told
        if time.monotonic() >= told + BATCH_SECONDS:
            told = time.monotonic()
            queue.put(TrainingProgress(row=row, n_rows=n_rows, is_noise=is_noise))

    return Training(n_rows=n_rows, tell=tell, is_stopped=stop.is_set)


async def _judge(run: StudyRun, held: HeldStudy, records: Sequence[TrialRecord]) -> StudySummary | StudyState:
    """Judge in a thread while this one writes how far it is; returns the summary, or the requested state of a stop."""
    stop, tries = threading.Event(), await tries_before(run.study)
    queue: SimpleQueue[TrainingProgress | None] = SimpleQueue()

    def judge() -> StudySummary | None:
        try:
            return _summarize(run, records, tries, _watched(queue, stop, 1, is_noise=True))
        except TrainingStopped:
            return None
        finally:
            queue.put(None)

    judging = begin(asyncio.to_thread(judge))
    wanted: StudyState | None = None
    try:
        while (progress := await asyncio.to_thread(queue.get)) is not None:
            if (wanted := await store_training(held, progress) or wanted) is not None:
                stop.set()
    finally:
        stop.set()
        found = await judging
    return found or wanted or StudyState.CANCELLED


def _search_in_batches(run: StudyRun, queue: _Queue, stop: threading.Event) -> tuple[float, _Batch]:
    """Hand over trials in batches: to wake the other thread for every one of them would cost more than the trial.

    Returns the seconds spent in training, and the last batch.
    """
    batch: _Batch = []
    began, training = time.perf_counter(), 0.0
    try:
        _train(run, queue, stop)
        training = time.perf_counter() - began
        deadline = time.monotonic() + BATCH_SECONDS
        for record in run.trials():
            batch.append(record)
            if len(batch) < BATCH_SIZE and time.monotonic() < deadline:
                continue
            queue.put(batch)
            if stop.is_set():
                return training, []
            batch, deadline = [], time.monotonic() + BATCH_SECONDS
    except TrainingStopped:
        training = time.perf_counter() - began  # it was asked to: no trial is lost
    finally:
        queue.put(None)
    return training, batch


def _summarize(run: StudyRun, records: Sequence[TrialRecord], tries: Tries, watch: Watch = UNWATCHED) -> StudySummary:
    summary = summarize(
        run.study.spec,
        run.space,
        run.evaluator,
        records,
        window=run.rows,
        tries=tries,
        companions=run.companions,
        watch=watch,
    )
    return with_forecasts(summary, run.evaluator, run.rows, seed=run.study.spec.seed)


def _regime_of(run: StudyRun) -> StudyRegime | None:
    """Kinds of markets of the window; several symbols are in several of them."""
    return None if run.study.spec.is_shared else study_regime(run.many[0], run.rows)


async def _keep_backtests(run: StudyRun, records: Sequence[TrialRecord]) -> list[dict[str, Any]]:
    return await asyncio.to_thread(lambda: [_backtest_document(run, record) for record in kept_trials(records)])


def kept_trials(records: Sequence[TrialRecord]) -> list[TrialRecord]:
    """Trials whose backtests are stored: the ten best feasible ones."""
    return ranked(records)[:KEPT_BACKTESTS]


def _backtest_document(run: StudyRun, record: TrialRecord) -> dict[str, Any]:
    """A trial's backtest as it is stored, without a `BacktestRecord`: one of ten years would hold 5,000 objects."""
    rows = run.rows
    result = run.evaluator.backtest(record.params, start=rows.start, stop=rows.stop)
    shown, trades = telling_rows(result.equity), _trade_documents(result, run)
    return {
        "backtest_id": f"{run.study.study_name}-{record.number}",
        "study": run.study.study_name,
        "trial_number": record.number,
        "dates": packed_dates(run.evaluator.bars.time[rows.start : rows.stop][shown]),
        "equity": packed_numbers(result.equity[shown]),
        "trades": trades[-MOST_TRADES:],
        "n_left_out": max(len(trades) - MOST_TRADES, 0),
    }


def _trade_documents(result: Backtest, run: StudyRun) -> list[dict[str, Any]]:
    times = times_of(run.evaluator.bars)
    if not isinstance(result, Portfolio):
        return [_trade_document(trade, times) for trade in result.trades]
    parts = zip(run.study.spec.symbols, result.parts, strict=True)
    found = [{"symbol": symbol, **_trade_document(trade, times)} for symbol, part in parts for trade in part.trades]
    return sorted(found, key=lambda trade: str(trade["entered"]))


def _trade_document(trade: Trade, times: TimeArray) -> dict[str, Any]:
    return {
        "entered": str(times[trade.entry_bar]),
        "left": str(times[trade.exit_bar]) if trade.is_closed else None,
        "side": trade.side,
        "fraction": trade.fraction,
        "entry_price": trade.entry_price,
        "exit_price": trade.exit_price,
        "return": trade.trade_return,
        "reason": str(trade.reason),
    }
