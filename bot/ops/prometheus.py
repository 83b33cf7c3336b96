"""Metrics in the text format that Prometheus reads.

Source of the format: prometheus.io/docs/instrumenting/exposition_formats, version 0.0.4.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from enum import StrEnum

from beanie import Document

from bot.documents.audit_log import AuditEntry, Outcome
from bot.documents.conversations import OutboxEntry, Sending
from bot.documents.recurring import FailingSeries, Refresh, ScheduleRun
from bot.documents.sweeps import Sweep
from bot.ops.histograms import own_lines
from bot.ops.retention import last_sweep, swept_requests
from bot.runtime.services import Services
from optimizer.domain.study_results import StudyState
from optimizer.storage.documents import OptimizationStudy, OptimizationTrial
from optimizer.storage.driver import collection_of

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


async def exposition(services: Services) -> str:
    """Return every metric of a running bot, counted now."""
    last = await ScheduleRun.find_all().sort("-started_at").first_or_none()
    refresh = await Refresh.find_all().sort("-started_at").first_or_none()
    failing = await FailingSeries.find_all().count()
    studies = await _counts(OptimizationStudy, "status", StudyState)
    outbox = await _counts(OutboxEntry, "sending", Sending)
    requests = Counter(await _counts(AuditEntry, "outcome", Outcome)) + Counter(await swept_requests())
    sweep = await last_sweep()
    lines = [
        *_family("studies", "gauge", "Studies by state.", label="state", counts=studies, known=StudyState),
        *_single("trials_stored", "gauge", "Trials in the collection.", await _n_trials()),
        *_family("outbox", "gauge", "Messages by how far they are.", label="state", counts=outbox, known=Sending),
        *_family("asked_total", "counter", "Requests by outcome.", label="outcome", counts=requests, known=Outcome),
        *_single("workers", "gauge", "Worker processes alive.", len(services.pool.pids)),
        *_single("workers_wanted", "gauge", "Worker processes there should be.", services.pool.size),
        *_single("schedule_last_run_seconds", "gauge", "When a schedule last began, as Unix time.", _seconds(last)),
        *_single("refresh_last_seconds", "gauge", "When the bars in use were last refreshed.", _seconds(refresh)),
        *_single("sweep_last_seconds", "gauge", "When the nightly sweep last ended, as Unix time.", _ended(sweep)),
        *_labelled("swept", "gauge", "Deleted by the last sweep.", label="kind", counts=sweep.deleted if sweep else {}),
        *_single(
            "outbox_lag_seconds", "gauge", "Age of the oldest message that is not sent yet.", await _lag(services)
        ),
        *_single("waiting_seconds", "gauge", "Age of the oldest study that waits.", await _waiting(services)),
        *own_lines(),
        *_single("series_failing", "gauge", "Series in use that the last refresh did not get.", failing),
    ]
    return "\n".join(lines) + "\n"


async def _counts(kind: type[Document], field: str, known: type[StrEnum]) -> Mapping[str, int]:
    """Count the documents by a field that has an index, which is all that is read."""
    collection = collection_of(kind)
    numbers = await asyncio.gather(*(collection.count_documents({field: str(value)}) for value in known))
    return dict(zip(map(str, known), numbers, strict=True))


async def _lag(services: Services) -> float:
    """Age of the first message in order that is to be sent; one that is held for the morning is not late yet."""
    query = {"sending": {"$in": [str(Sending.WAITING), str(Sending.SENDING)]}}
    return await _age(OutboxEntry, query, services)


async def _waiting(services: Services) -> float:
    return await _age(OptimizationStudy, {"status": str(StudyState.QUEUED)}, services)


async def _age(kind: type[Document], query: Mapping[str, object], services: Services) -> float:
    """Seconds since the oldest document of a query was created; 0 when there is none."""
    oldest = await collection_of(kind).find_one(query, {"created_at": 1}, sort=[("created_at", 1)])
    return max((services.clock() - oldest["created_at"]).total_seconds(), 0.0) if oldest else 0.0


async def _n_trials() -> int:
    return int(await collection_of(OptimizationTrial).estimated_document_count())


def _seconds(last: ScheduleRun | Refresh | None) -> float:
    began: datetime | None = last.started_at if last else None
    return began.timestamp() if began else 0.0


def _ended(sweep: Sweep | None) -> float:
    return sweep.ended_at.timestamp() if sweep else 0.0


def _family(
    name: str, kind: str, meaning: str, *, label: str, counts: Mapping[str, int], known: type[StrEnum]
) -> Iterator[str]:
    """Yield one line per value of the label, also where its count is zero."""
    every = {str(value): counts.get(str(value), 0) for value in known}
    yield from _labelled(name, kind, meaning, label=label, counts=every)


def _labelled(name: str, kind: str, meaning: str, *, label: str, counts: Mapping[str, int]) -> Iterator[str]:
    yield from _head(name, kind, meaning)
    for value, n in counts.items():
        yield f'optimize_bot_{name}{{{label}="{value}"}} {n}'


def _single(name: str, kind: str, meaning: str, value: float) -> Iterator[str]:
    yield from _head(name, kind, meaning)
    yield f"optimize_bot_{name} {value}"


def _head(name: str, kind: str, meaning: str) -> Iterator[str]:
    yield f"# HELP optimize_bot_{name} {meaning}"
    yield f"# TYPE optimize_bot_{name} {kind}"
