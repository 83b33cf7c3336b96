"""Reads and writes of a worker in MongoDB: trials in batches, progress, the result at the end.

Every action is idempotent, and waits while MongoDB is unavailable. None is done for a worker that has lost its lease.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from beanie import Document
from pymongo import UpdateOne
from pymongo.errors import BulkWriteError

from optimizer.clock import utc_now
from optimizer.domain.results.learned_results import TrainingProgress
from optimizer.domain.study_results import StudyState, StudySummary, Timings, TrialRecord
from optimizer.storage.curves import split, store_curves, with_curves
from optimizer.storage.documents import BacktestRecord, OptimizationStudy, OptimizationTrial, rank_of
from optimizer.storage.driver import collection_of
from optimizer.storage.leases import HEARTBEAT_SECONDS, HeldStudy, LeaseLost
from optimizer.storage.outage import patiently
from optimizer.storage.trial_documents import trial_document, trial_record
from optimizer.supervisor import begin_alone

_DUPLICATE_KEY = 11000


@asynccontextmanager
async def heartbeat(held: HeldStudy) -> AsyncIterator[None]:
    """Write the study's heartbeat for the block, also while nothing else of it is written, until the lease is lost."""

    async def beat() -> None:
        with suppress(LeaseLost):  # the next write of the run raises it
            while True:
                await asyncio.sleep(HEARTBEAT_SECONDS)
                await held.beat()

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


async def study_of(held: HeldStudy) -> OptimizationStudy:
    """Return a claimed study with its whole summary, as the claim read it."""
    study = OptimizationStudy.model_validate(held.found)
    return await patiently(lambda: with_curves(study), what="study")


async def stored_records(study_name: str) -> list[TrialRecord]:
    """Trials of a study without a gap from the first, from which a stopped search can resume."""
    collection = collection_of(OptimizationTrial)
    documents = await patiently(
        lambda: collection.find({"study": study_name}).sort("trial_number", 1).to_list(None), what="trials"
    )
    records = [trial_record(document) for document in documents]
    gapless = next((i for i, record in enumerate(records) if record.number != i), len(records))
    return records[:gapless]


async def store_trials(
    held: HeldStudy,
    batch: Sequence[TrialRecord],
    *,
    n_done: int,
    best: TrialRecord | None,
    beside: Callable[[], Awaitable[None]] | None = None,
) -> StudyState | None:
    """Write a batch and the study's progress in two round trips; returns the requested state of the study.

    `beside` writes what follows from stored trials; it and the progress wait for one flush of MongoDB's journal.
    """
    await held.confirm()
    if batch:
        documents = [trial_document(held.study_name, record, utc_now()) for record in batch]
        await _insert_new(OptimizationTrial, documents, what="trials")
    progress: dict[str, Any] = {"trials_completed": n_done, "training": None, "heartbeat_at": utc_now()}
    if best is not None:
        progress |= {"best_params": dict(best.params), "best_value": best.value}
    if beside is None:
        return await held.update(**progress)
    wanted, _ = await asyncio.gather(held.update(**progress), beside())
    return wanted


async def store_training(held: HeldStudy, training: TrainingProgress) -> StudyState | None:
    """Write which row is being trained; returns the requested state of the study."""
    return await held.update(training=training.model_dump(), heartbeat_at=utc_now())


async def _insert_new(kind: type[Document], documents: Sequence[dict[str, Any]], *, what: str) -> None:
    """Insert documents; one that is there already is the same, written before a restart or a lost connection."""
    collection = collection_of(kind)
    try:
        await patiently(lambda: collection.insert_many(documents, ordered=False), what=what)
    except BulkWriteError as failure:
        errors = (failure.details or {}).get("writeErrors", [])
        if any(error.get("code") != _DUPLICATE_KEY for error in errors):
            raise


async def store_result(
    held: HeldStudy,
    study: OptimizationStudy,
    summary: StudySummary,
    timings: Timings,
    backtests: Sequence[dict[str, Any]],
    cache_hit_ratio: float | None,
) -> None:
    """Store the result, with documents of `BacktestRecord`s; the state changes last: a finished study is complete."""
    name, rank = study.study_name, rank_of(study.spec, summary)
    kept, series = split(summary.model_dump(mode="json"))
    await held.confirm()
    await asyncio.gather(_replace_backtests(held, backtests), store_curves(name, series))
    await held.settle(
        summary=kept,
        rank=rank.model_dump() if rank else None,
        timings=timings.model_dump(),
        cache_hit_ratio=cache_hit_ratio,
        best_params=dict(summary.winner.params),
        best_value=summary.winner.value,
        completed_at=utc_now(),
        training=None,
        status=StudyState.COMPLETE,
    )


async def _replace_backtests(held: HeldStudy, backtests: Sequence[dict[str, Any]]) -> None:
    name, trials = held.study_name, collection_of(OptimizationTrial)
    if held.is_begun:
        await patiently(lambda: collection_of(BacktestRecord).delete_many({"study": name}), what="backtests")
    if not backtests:
        return
    updates = [
        UpdateOne({"study": name, "trial_number": b["trial_number"]}, {"$set": {"backtest_id": b["backtest_id"]}})
        for b in backtests
    ]
    await asyncio.gather(
        _insert_new(BacktestRecord, backtests, what="backtests"),
        patiently(lambda: trials.bulk_write(updates, ordered=False), what="trials"),
    )
