"""Metrics in the text format that Prometheus reads, written by its own library."""

import asyncio
from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum

from beanie import Document
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from bot.documents.audit_log import AuditEntry, Outcome
from bot.documents.conversations import OutboxEntry, Sending
from bot.documents.recurring import FailingSeries, Refresh, ScheduleRun
from bot.documents.sweeps import Sweep
from bot.ops.retention import last_sweep, swept_requests
from bot.runtime.process_metrics import NAMESPACE
from bot.runtime.services import Services
from optimizer.domain.study_results import StudyState
from optimizer.storage.documents import OptimizationStudy, OptimizationTrial
from optimizer.storage.driver import collection_of

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4


class _Counted(Collector):
    """What was counted for one look."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = tuple(families)

    def collect(self) -> Iterable[Metric]:
        """Return the families."""
        return self._families


async def exposition(services: Services) -> bytes:
    """Return every metric of a running bot in the text format: the database's, counted now, and the process's own."""
    registry = CollectorRegistry()
    registry.register(_Counted([*await _stored(), *await _of_now(services)]))
    return generate_latest(registry) + generate_latest(services.metrics.registry)


async def _stored() -> list[Metric]:
    """Count what the database holds."""
    last = await ScheduleRun.find_all().sort("-started_at").first_or_none()
    refresh = await Refresh.find_all().sort("-started_at").first_or_none()
    sweep = await last_sweep()
    studies = await _counts(OptimizationStudy, "status", StudyState)
    outbox = await _counts(OutboxEntry, "sending", Sending)
    audited, swept = await _counts(AuditEntry, "outcome", Outcome), await swept_requests()
    requests = {outcome: n + swept.get(outcome, 0) for outcome, n in audited.items()}
    return [
        _gauges("studies", "Studies by state.", "state", studies),
        _gauge("trials_stored", "Trials in the collection.", await _n_trials()),
        _gauges("outbox", "Messages by how far they are.", "state", outbox),
        _labelled(CounterMetricFamily(_name("asked"), "Requests by outcome.", labels=["outcome"]), requests),
        _gauge("schedule_last_run_seconds", "When a schedule last began, as Unix time.", _seconds(last)),
        _gauge("refresh_last_seconds", "When the bars in use were last refreshed.", _seconds(refresh)),
        _gauge("sweep_last_seconds", "When the nightly sweep last ended, as Unix time.", _ended(sweep)),
        _gauges("swept", "Deleted by the last sweep.", "kind", sweep.deleted if sweep else {}),
        _gauge("series_failing", "Series in use that the last refresh did not get.", await FailingSeries.count()),
    ]


async def _of_now(services: Services) -> list[Metric]:
    """Measure what runs and what waits."""
    lag, waiting = await _lag(services), await _waiting(services)
    return [
        _gauge("workers", "Worker processes alive.", len(services.pool.pids)),
        _gauge("workers_wanted", "Worker processes there should be.", services.pool.size),
        _gauge("outbox_lag_seconds", "Age of the oldest message that is not sent yet.", lag),
        _gauge("waiting_seconds", "Age of the oldest study that waits.", waiting),
    ]


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


def _gauge(name: str, meaning: str, value: float) -> Metric:
    return GaugeMetricFamily(_name(name), meaning, value=value)


def _gauges(name: str, meaning: str, label: str, counts: Mapping[str, int]) -> Metric:
    return _labelled(GaugeMetricFamily(_name(name), meaning, labels=[label]), counts)


def _labelled(family: GaugeMetricFamily | CounterMetricFamily, counts: Mapping[str, int]) -> Metric:
    for value, n in counts.items():
        family.add_metric([value], n)
    return family


def _name(name: str) -> str:
    return f"{NAMESPACE}_{name}"
