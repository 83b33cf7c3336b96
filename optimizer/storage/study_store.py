"""Reads and writes of a worker in MongoDB: trials in batches, progress, the result at the end.

Every action is idempotent, and waits while MongoDB is unavailable.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from pymongo import UpdateOne
from pymongo.errors import BulkWriteError

from optimizer.clock import utc_now
from optimizer.domain.results.learned_results import TrainingProgress
from optimizer.domain.study_results import StudyState, StudySummary, Timings, TrialRecord
from optimizer.storage.curves import split, store_curves, with_curves
from optimizer.storage.documents import BacktestRecord, OptimizationStudy, OptimizationTrial, rank_of
from optimizer.storage.outage import patiently
from optimizer.storage.trial_documents import trial_document, trial_record
from optimizer.supervisor import begin_alone

HEARTBEAT_SECONDS = 5.0
_DUPLICATE_KEY = 11000


@asynccontextmanager
async def heartbeat(study_name: str) -> AsyncIterator[None]:
    """Write the study's heartbeat for the block, also while nothing else of it is written."""

    async def beat() -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            await update_study(study_name, heartbeat_at=utc_now())

    beating = begin_alone(beat(), name="heartbeat")  # without it the watchdog ends this process
    try:
        yield
    finally:
        beating.cancel()


async def find_stored(study_name: str) -> OptimizationStudy | None:
    """Read a study with its whole summary."""

    async def read() -> OptimizationStudy | None:
        study = await OptimizationStudy.find_one(OptimizationStudy.study_name == study_name)
        return await with_curves(study) if study else None

    return await patiently(read, what="study")


async def stored_records(study_name: str) -> list[TrialRecord]:
    """Trials of a study without a gap from the first, from which a stopped search can resume."""
    collection = OptimizationTrial.get_motor_collection()
    documents = await patiently(
        lambda: collection.find({"study": study_name}).sort("trial_number", 1).to_list(None), what="trials"
    )
    records = [trial_record(document) for document in documents]
    gapless = next((i for i, record in enumerate(records) if record.number != i), len(records))
    return records[:gapless]


async def store_trials(
    name: str, batch: Sequence[TrialRecord], *, n_done: int, best: TrialRecord | None
) -> StudyState | None:
    """Write a batch and the study's progress in two round trips; returns the requested state of the study."""
    if batch:
        await _insert_new(name, batch)
    progress: dict[str, Any] = {"trials_completed": n_done, "training": None}
    if best is not None:
        progress |= {"best_params": dict(best.params), "best_value": best.value}
    return await _store_progress(name, progress)


async def store_training(name: str, training: TrainingProgress) -> StudyState | None:
    """Write which row is being trained; returns the requested state of the study."""
    return await _store_progress(name, {"training": training.model_dump()})


async def _store_progress(name: str, progress: dict[str, Any]) -> StudyState | None:
    """Write a study's progress with a heartbeat; returns its requested state."""
    progress |= {"heartbeat_at": utc_now()}
    collection = OptimizationStudy.get_motor_collection()
    document = await patiently(
        lambda: collection.find_one_and_update({"study_name": name}, {"$set": progress}, projection={"wanted": True}),
        what="progress",
    )
    wanted = document.get("wanted") if document else StudyState.CANCELLED
    return StudyState(wanted) if wanted else None


async def _insert_new(name: str, batch: Sequence[TrialRecord]) -> None:
    """Insert trials; one that is there already is the same trial, written before a restart."""
    documents = [trial_document(name, record, utc_now()) for record in batch]
    collection = OptimizationTrial.get_motor_collection()
    try:
        await patiently(lambda: collection.insert_many(documents, ordered=False), what="trials")
    except BulkWriteError as failure:
        errors = (failure.details or {}).get("writeErrors", [])
        if any(error.get("code") != _DUPLICATE_KEY for error in errors):
            raise


async def store_result(
    study: OptimizationStudy,
    summary: StudySummary,
    timings: Timings,
    backtests: Sequence[BacktestRecord],
    cache_hit_ratio: float | None,
) -> None:
    """Store the result; the state changes last, so that a finished study is complete."""
    name, rank = study.study_name, rank_of(study.spec, summary)
    await patiently(lambda: _replace_backtests(name, backtests), what="backtests")
    kept, series = split(summary.model_dump(mode="json"))
    await store_curves(name, series)
    await update_study(
        name,
        summary=kept,
        rank=rank.model_dump() if rank else None,
        timings=timings.model_dump(),
        cache_hit_ratio=cache_hit_ratio,
        best_params=dict(summary.winner.params),
        best_value=summary.winner.value,
        completed_at=utc_now(),
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
    plain: dict[str, Any] = record.model_dump(exclude={"id", "revision_id"})
    return plain | {"dates": [day.isoformat() for day in record.dates]}


async def update_study(study_name: str, **fields: Any) -> None:
    """Set fields of a study."""
    plain = {name: str(value) if isinstance(value, StudyState) else value for name, value in fields.items()}
    collection = OptimizationStudy.get_motor_collection()
    await patiently(lambda: collection.update_one({"study_name": study_name}, {"$set": plain}), what="study")
