"""A worker process: one study at a time, bars and Optuna in memory, MongoDB the only thing it talks to.

Started as `python -m optimizer.worker`. It speaks lines of JSON with its parent: the first line in is
the configuration, each further one names a study; each line out says how one ended. End of input
means that the parent is gone, and so is the worker, at once and in the middle of anything: what is
not in MongoDB yet will be tried again, identically.
"""

import asyncio
import json
import logging
import os
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import optuna
from pymongo import UpdateOne
from pymongo.errors import BulkWriteError

from optimizer.backtest import Trade
from optimizer.challenge import Challenge, Contest, Rival, challenge, no_contest
from optimizer.child import NICENESS
from optimizer.documents import (
    DOCUMENTS,
    BacktestRecord,
    OptimizationStudy,
    OptimizationTrial,
    trial_document,
    trial_record,
)
from optimizer.errors import SomethingBroke, UserError
from optimizer.evaluate import Evaluator, warm
from optimizer.market.snapshots import read_snapshot
from optimizer.metrics import GOALS
from optimizer.mongo import open_documents
from optimizer.patience import patiently
from optimizer.replay import first_difference, in_order_of
from optimizer.series import Bars
from optimizer.space import Params, Space
from optimizer.spec import StudyState, StudySummary, Timings, TrialRecord
from optimizer.strategies import find_strategy, space_of
from optimizer.study import best_record, budget, search
from optimizer.summarize import summarize
from optimizer.window import WindowRows, day_of

log = logging.getLogger(__name__)

#: Trials are written when this many wait, or this much time has passed, whichever comes first.
BATCH_SIZE = 100
BATCH_SECONDS = 0.25
HEARTBEAT_SECONDS = 5.0
#: Trials whose full backtest is kept.
KEPT_BACKTESTS = 10


@dataclass(frozen=True, kw_only=True)
class Task:
    """A study made ready to run: its document, its space and its bars."""

    study: OptimizationStudy
    space: Space
    evaluator: Evaluator
    done: list[TrialRecord]

    @property
    def rows(self) -> WindowRows:
        """The searched and the held-out rows of the snapshot."""
        window = self.study.window
        return WindowRows(start=window.start, holdout_start=window.holdout_start, stop=window.stop)

    def trials(self) -> Iterator[TrialRecord]:
        """The trials still to do."""
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


async def run_study(study_name: str, snapshots: Path) -> StudyState:
    """Run a study to its end, or until someone wants it paused or cancelled; MongoDB then says so."""
    began = time.perf_counter()
    study = await OptimizationStudy.find_one(OptimizationStudy.study_name == study_name)
    if study is None or study.status.is_finished:
        return study.status if study else StudyState.FAILED
    await _update(study_name, status=StudyState.RUNNING, started_at=study.started_at or _now(), heartbeat_at=_now())
    task = await _prepare(study, snapshots)
    async with _heartbeat(study_name):
        return await _search_and_judge(task, began)


async def replay_study(study_name: str, snapshots: Path) -> dict[str, Any]:
    """Compute a finished study again from its snapshot and say whether anything differs; nothing is written."""
    study = await OptimizationStudy.find_one(OptimizationStudy.study_name == study_name)
    assert study is not None, "the parent has just read it"
    assert study.summary is not None, "only a finished study is replayed"
    task = await _prepare(study, snapshots)
    luck = study.summary.luck
    fresh = await asyncio.to_thread(lambda: in_order_of(task.done, list(replace(task, done=[]).trials())))
    summary = await asyncio.to_thread(_summarize, task, fresh, luck.n_tried_ever - luck.n_tried)
    difference = first_difference(task.done, fresh) or first_difference(study.summary, summary)
    return {"n_trials": len(fresh), "difference": asdict(difference) if difference else None}


async def challenge_study(study_name: str, rival: Rival, snapshots: Path) -> Challenge:
    """Set a finished study's winner against a champion, on the bars that neither was fitted on; nothing is written."""
    study = await OptimizationStudy.find_one(OptimizationStudy.study_name == study_name)
    assert study is not None, "the parent has just read it"
    assert study.summary is not None, "only a finished study has a winner"
    task = await _prepare(study, snapshots)
    return await asyncio.to_thread(_challenge, task, study.summary.winner.params, rival)


def _challenge(task: Task, winner: Params, rival: Rival) -> Challenge:
    ours, spec = task.evaluator, task.study.spec
    start, stop = max(task.rows.holdout_start, ours.bars.row_at(rival.unseen_from)), task.rows.stop
    if stop - start < 2:
        return no_contest(max(stop - start, 0))
    is_alike = rival.allow_short == spec.allow_short
    theirs = ours if is_alike else Evaluator(ours.strategy, ours.bars, costs=spec.costs, allow_short=rival.allow_short)
    contest = Contest(
        champion=theirs.backtest(rival.params, start=start, stop=stop),
        challenger=ours.backtest(winner, start=start, stop=stop),
        hold=ours.hold(start=start, stop=stop),
        start=day_of(ours.bars, start),
        end=day_of(ours.bars, stop - 1),
        is_same_set=is_alike and winner == rival.params,
    )
    return challenge(contest, seed=spec.seed)


@asynccontextmanager
async def _heartbeat(study_name: str) -> AsyncIterator[None]:
    """Say that the study lives, also while nothing else is written of it."""

    async def beat() -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            await _update(study_name, heartbeat_at=_now())

    beating = asyncio.create_task(beat())
    try:
        yield
    finally:
        beating.cancel()


async def _search_and_judge(task: Task, began: float) -> StudyState:
    study_name = task.study.study_name
    prepared = time.perf_counter()
    records, wanted, storage = await _search(task)
    searched = time.perf_counter()
    if wanted is not None:
        await _update(study_name, status=wanted, wanted=None)
        return wanted
    summary = await asyncio.to_thread(_summarize, task, records, await _n_tried_before(task.study))
    backtests = await _keep_backtests(task, records)
    ended = time.perf_counter()
    backtest = sum(record.duration for record in records[len(task.done) :])
    timings = Timings(
        start=prepared - began,
        sampler=max(searched - prepared - backtest - storage, 0.0),
        backtest=backtest,
        storage=storage,
        validation=ended - searched,
        total=ended - began,
    )
    await _finish(task, summary, timings, backtests)
    return StudyState.COMPLETE


async def _prepare(study: OptimizationStudy, snapshots: Path) -> Task:
    spec = study.spec
    bars = await asyncio.to_thread(read_snapshot, study.data_hash, snapshots)
    evaluator = Evaluator(find_strategy(spec.strategy_name), bars, costs=spec.costs, allow_short=spec.allow_short)
    done = await stored_records(study.study_name)
    return Task(study=study, space=space_of(spec), evaluator=evaluator, done=done)


async def stored_records(study_name: str) -> list[TrialRecord]:
    """The study's trials without a gap from the first: what a stopped search can go on from."""
    collection = OptimizationTrial.get_motor_collection()
    documents = await collection.find({"study": study_name}).sort("trial_number", 1).to_list(None)
    records = [trial_record(document) for document in documents]
    gapless = next((i for i, record in enumerate(records) if record.number != i), len(records))
    return records[:gapless]


async def _search(task: Task) -> tuple[list[TrialRecord], StudyState | None, float]:
    """Search in a thread while this one writes; what was asked of the study ends it between two batches."""
    stop = threading.Event()
    queue: SimpleQueue[TrialRecord | None] = SimpleQueue()
    records = list(task.done)
    searching = asyncio.create_task(asyncio.to_thread(_produce, task, queue, stop))
    wanted, storage, is_open = None, 0.0, True
    while is_open:
        batch, is_open = await asyncio.to_thread(_take_batch, queue)
        began = time.perf_counter()
        records.extend(batch)
        wanted = await _store(task, batch, records) or wanted
        if wanted is not None:
            stop.set()
        if not is_open:
            # Earlier batches were written while the search went on and cost the study nothing.
            storage = time.perf_counter() - began
    await searching
    return records, wanted, storage


def _produce(task: Task, queue: "SimpleQueue[TrialRecord | None]", stop: threading.Event) -> None:
    try:
        for record in task.trials():
            queue.put(record)
            if stop.is_set():
                return
    finally:
        queue.put(None)


def _take_batch(queue: "SimpleQueue[TrialRecord | None]") -> tuple[list[TrialRecord], bool]:
    """The next records (perhaps none), and whether more may come."""
    deadline = time.monotonic() + BATCH_SECONDS
    batch: list[TrialRecord] = []
    while len(batch) < BATCH_SIZE:
        try:
            record = queue.get(timeout=max(deadline - time.monotonic(), 0.0))
        except Empty:
            break
        if record is None:
            return batch, False
        batch.append(record)
    return batch, True


async def _store(task: Task, batch: Sequence[TrialRecord], records: Sequence[TrialRecord]) -> StudyState | None:
    """Write a batch and the study's progress in two round trips; returns what the study is wanted to become."""
    name = task.study.study_name
    if batch:
        await _insert_new(name, batch)
    best = best_record(records, task.study.spec.goals[0])
    progress: dict[str, Any] = {"trials_completed": len(records), "heartbeat_at": _now()}
    if best is not None:
        progress |= {"best_params": dict(best.params), "best_value": best.value}
    collection = OptimizationStudy.get_motor_collection()
    document = await patiently(
        lambda: collection.find_one_and_update({"study_name": name}, {"$set": progress}, projection={"wanted": True}),
        what="progress",
    )
    wanted = document.get("wanted") if document else StudyState.CANCELLED
    return StudyState(wanted) if wanted else None


async def _insert_new(name: str, batch: Sequence[TrialRecord]) -> None:
    """Insert trials; one that is there already is the same trial, written before a restart."""
    documents = [trial_document(name, record, _now()) for record in batch]
    collection = OptimizationTrial.get_motor_collection()
    try:
        await patiently(lambda: collection.insert_many(documents, ordered=False), what="trials")
    except BulkWriteError as failure:
        errors = (failure.details or {}).get("writeErrors", [])
        if any(error.get("code") != 11000 for error in errors):
            raise


async def _n_tried_before(study: OptimizationStudy) -> int:
    """Unique sets that other studies of this symbol, strategy and window have tried."""
    same = {
        "symbol": study.symbol,
        "strategy_name": study.strategy_name,
        "window.start_date": study.window.start_date.isoformat(),
        "window.end_date": study.window.end_date.isoformat(),
    }
    names = await OptimizationStudy.get_motor_collection().distinct("study_name", same)
    stages: list[dict[str, Any]] = [
        {"$match": {"study": {"$in": names}}},
        {"$group": {"_id": "$params", "studies": {"$addToSet": "$study"}}},
        {"$match": {"studies": {"$ne": study.study_name}}},
        {"$count": "n"},
    ]
    found = await OptimizationTrial.get_motor_collection().aggregate(stages).to_list(1)
    return int(found[0]["n"]) if found else 0


def _summarize(task: Task, records: Sequence[TrialRecord], n_tried_before: int) -> StudySummary:
    return summarize(
        task.study.spec, task.space, task.evaluator, records, window=task.rows, n_tried_before=n_tried_before
    )


async def _keep_backtests(task: Task, records: Sequence[TrialRecord]) -> list[BacktestRecord]:
    sign = 1 if GOALS[task.study.spec.goals[0]].direction == "maximize" else -1
    able = [r for r in records if r.value is not None and r.violation <= 0]
    best = sorted(able, key=lambda r: (-sign * (r.value or 0.0), r.number))[:KEPT_BACKTESTS]
    return await asyncio.to_thread(lambda: [_backtest_record(task, record) for record in best])


def _backtest_record(task: Task, record: TrialRecord) -> BacktestRecord:
    rows, bars = task.rows, task.evaluator.bars
    result = task.evaluator.backtest(record.params, start=rows.start, stop=rows.stop)
    dates = bars.time[rows.start : rows.stop].astype("datetime64[D]").tolist()
    return BacktestRecord.model_construct(
        backtest_id=f"{task.study.study_name}-{record.number}",
        study=task.study.study_name,
        trial_number=record.number,
        dates=dates,
        equity=result.equity.tolist(),
        trades=[_trade_document(trade, bars) for trade in result.trades],
    )


def _trade_document(trade: Trade, bars: Bars) -> dict[str, Any]:
    days = bars.time.astype("datetime64[D]")
    return {
        "entered": days[trade.entry_bar].item().isoformat(),
        "left": days[trade.exit_bar].item().isoformat() if trade.is_closed else None,
        "side": trade.side,
        "fraction": trade.fraction,
        "entry_price": trade.entry_price,
        "exit_price": trade.exit_price,
        "return": trade.trade_return,
        "reason": str(trade.reason),
    }


async def _finish(task: Task, summary: StudySummary, timings: Timings, backtests: Sequence[BacktestRecord]) -> None:
    """Store the result; the state changes last, so that whoever sees it finds everything there."""
    name = task.study.study_name
    await patiently(lambda: _replace_backtests(name, backtests), what="backtests")
    evaluator = task.evaluator
    looked_up = evaluator.cache_hits + evaluator.cache_misses
    await _update(
        name,
        summary=summary.model_dump(mode="json"),
        timings=timings.model_dump(),
        cache_hit_ratio=evaluator.cache_hits / looked_up if looked_up else None,
        best_params=dict(summary.winner.params),
        best_value=summary.winner.value,
        completed_at=_now(),
        status=StudyState.COMPLETE,
    )


async def _replace_backtests(name: str, backtests: Sequence[BacktestRecord]) -> None:
    collection, trials = BacktestRecord.get_motor_collection(), OptimizationTrial.get_motor_collection()
    await collection.delete_many({"study": name})
    if not backtests:
        return
    await collection.insert_many([_plain_backtest(record) for record in backtests])
    await trials.bulk_write(
        [
            UpdateOne({"study": name, "trial_number": b.trial_number}, {"$set": {"backtest_id": b.backtest_id}})
            for b in backtests
        ]
    )


def _plain_backtest(record: BacktestRecord) -> dict[str, Any]:
    plain = record.model_dump(exclude={"id", "revision_id"})
    return plain | {"dates": [day.isoformat() for day in record.dates]}


async def _update(study_name: str, **fields: Any) -> None:
    plain = {name: str(value) if isinstance(value, StudyState) else value for name, value in fields.items()}
    collection = OptimizationStudy.get_motor_collection()
    await patiently(lambda: collection.update_one({"study_name": study_name}, {"$set": plain}), what="study")


def _now() -> datetime:
    return datetime.now(UTC)


async def serve() -> None:
    """Answer the parent's lines until they end."""
    lines = _lines_from_parent()
    configuration = json.loads(await lines.get())
    warm()
    async with open_documents(configuration["mongodb_uri"], DOCUMENTS):
        _say({"ready": True})
        while True:
            request = json.loads(await lines.get())
            _say(await _answer(request, Path(configuration["snapshots"])))


async def _answer(request: dict[str, Any], snapshots: Path) -> dict[str, Any]:
    """Run, replay or compare one study; this is the job boundary, one of the program's two catch-alls."""
    study_name = request.get("study") or request.get("replay") or request["challenge"]
    try:
        if "replay" in request:
            return {"study": study_name, "replay": await replay_study(study_name, snapshots)}
        if "challenge" in request:
            found = await challenge_study(study_name, Rival.model_validate(request["rival"]), snapshots)
            return {"study": study_name, "challenge": found.model_dump(mode="json")}
        return {"study": study_name, "state": str(await run_study(study_name, snapshots))}
    except UserError as error:
        return {"study": study_name, "error": error.as_document()}
    except Exception:
        reference = os.urandom(3).hex()
        log.exception("study_broke study=%s reference=%s", study_name, reference)
        return {"study": study_name, "error": SomethingBroke(reference=reference).as_document()}


def _lines_from_parent() -> "asyncio.Queue[str]":
    """Lines of standard input, read in a thread that ends the process when they end."""
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[str] = asyncio.Queue()

    def read() -> None:
        for line in sys.stdin:
            loop.call_soon_threadsafe(lines.put_nowait, line)
        os._exit(0)

    threading.Thread(target=read, daemon=True).start()
    return lines


def _say(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Run as a worker process."""
    os.nice(NICENESS)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with closing(asyncio.new_event_loop()) as loop:
        loop.run_until_complete(serve())


if __name__ == "__main__":
    main()
