"""Histograms and counters that this process fills, in the text format that Prometheus reads.

They begin at zero with the process, as Prometheus expects of counters; everything else is counted from the database.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence

from pymongo.errors import PyMongoError

from optimizer.storage.documents import OptimizationStudy

_PREFIX = "optimize_bot_"


class Histogram:
    """How often a duration in seconds was at most each of some bounds."""

    def __init__(self, name: str, meaning: str, bounds: Sequence[float]) -> None:
        self._name = f"{_PREFIX}{name}"
        self._meaning = meaning
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, seconds: float) -> None:
        """Count a duration; a clock that was set back makes none negative."""
        seconds = max(seconds, 0.0)
        self._counts[bisect_left(self._bounds, seconds)] += 1
        self._sum += seconds

    def lines(self) -> Iterator[str]:
        """Yield its lines of the exposition."""
        yield f"# HELP {self._name} {self._meaning}"
        yield f"# TYPE {self._name} histogram"
        n = 0
        for bound, count in zip((*self._bounds, "+Inf"), self._counts, strict=True):
            n += count
            yield f'{self._name}_bucket{{le="{bound}"}} {n}'
        yield f"{self._name}_sum {self._sum:.6f}"
        yield f"{self._name}_count {n}"


ANSWER_SECONDS = Histogram(
    "answer_seconds", "Seconds from a request to its answer.", (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0)
)
QUEUE_SECONDS = Histogram(
    "queue_seconds", "Seconds that a study waited for a worker.", (0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0)
)
STUDY_SECONDS = Histogram(
    "study_seconds",
    "Seconds from the start of a study to its end.",
    (0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0),
)
#: Requests that a source of prices did not answer, by source.
PROVIDER_ERRORS: Counter[str] = Counter()


def timed(run: Callable[[str], Awaitable[object]]) -> Callable[[str], Awaitable[None]]:
    """Return what runs a study by its name, and then counts how long it waited and ran."""

    async def run_and_count(study_name: str) -> None:
        await run(study_name)
        try:
            study = await OptimizationStudy.find_one(OptimizationStudy.study_name == study_name)
        except PyMongoError:
            return  # a number less, and nothing else
        if study is not None and study.started_at is not None and study.completed_at is not None:
            QUEUE_SECONDS.observe((study.started_at - study.created_at).total_seconds())
            STUDY_SECONDS.observe((study.completed_at - study.started_at).total_seconds())

    return run_and_count


def own_lines() -> Iterator[str]:
    """Yield what this process has counted."""
    for histogram in (ANSWER_SECONDS, QUEUE_SECONDS, STUDY_SECONDS):
        yield from histogram.lines()
    yield f"# HELP {_PREFIX}provider_errors_total Requests that failed because a source did not deliver."
    yield f"# TYPE {_PREFIX}provider_errors_total counter"
    for source, n in sorted(PROVIDER_ERRORS.items()):
        yield f'{_PREFIX}provider_errors_total{{source="{source}"}} {n}'
