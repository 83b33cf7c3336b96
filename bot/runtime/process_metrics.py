"""What this process counts of itself: histograms and a counter of prometheus-client, in a registry of their own.

They begin at zero with the process, as Prometheus expects of counters; everything else is counted from the database.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics
from pymongo.errors import PyMongoError

from optimizer.storage.documents import OptimizationStudy

# The time at which each series began: a series more for each, which nobody reads.
disable_created_metrics()  # type: ignore[no-untyped-call]

#: What the name of every metric begins with.
NAMESPACE = "optimize_bot"
_ANSWER_BOUNDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0)
_QUEUE_BOUNDS = (0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0)
_STUDY_BOUNDS = (0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)


class ProcessMetrics:
    """Durations in seconds, and what failed, since this process began."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._answers = self._histogram("answer_seconds", "Seconds from a request to its answer.", _ANSWER_BOUNDS)
        self._queue = self._histogram("queue_seconds", "Seconds that a study waited for a worker.", _QUEUE_BOUNDS)
        self._studies = self._histogram("study_seconds", "Seconds from the start of a study to its end.", _STUDY_BOUNDS)
        self._provider_errors = Counter(
            "provider_errors",
            "Requests that failed because a source did not deliver.",
            ("source",),
            namespace=NAMESPACE,
            registry=self.registry,
        )

    def answered(self, seconds: float) -> None:
        """Count an answer, and how long it took."""
        self._answers.observe(seconds)

    def provider_failed(self, source: str) -> None:
        """Count a request that a source of prices did not deliver for."""
        self._provider_errors.labels(source).inc()

    def study_ended(self, created: datetime, started: datetime, ended: datetime) -> None:
        """Count a study, how long it waited and how long it ran; a clock that was set back makes neither negative."""
        self._queue.observe(max((started - created).total_seconds(), 0.0))
        self._studies.observe(max((ended - started).total_seconds(), 0.0))

    def timed(self, run: Callable[[str], Awaitable[object]]) -> Callable[[str], Awaitable[None]]:
        """Return what runs a study by its name, and counts it afterwards."""

        async def run_and_count(study_name: str) -> None:
            await run(study_name)
            try:
                study = await OptimizationStudy.find_one(OptimizationStudy.study_name == study_name)
            except PyMongoError:
                return  # a number less, and nothing else
            if study is not None and study.started_at is not None and study.completed_at is not None:
                self.study_ended(study.created_at, study.started_at, study.completed_at)

        return run_and_count

    def _histogram(self, name: str, meaning: str, bounds: Sequence[float]) -> Histogram:
        return Histogram(name, meaning, namespace=NAMESPACE, registry=self.registry, buckets=bounds)
