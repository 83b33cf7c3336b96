"""Watchdog: ends a worker that hangs, and submits a study again that no worker runs.

Progress is judged by the documents and by this process's own timer, never by comparing clocks;
while MongoDB is away nothing is judged at all.
"""

import asyncio
import logging
from dataclasses import dataclass

from bot.delivery.thread import Conversations
from bot.origin import Door, StudyOrigin
from optimizer.storage.documents import OptimizationStudy
from optimizer.storage.outage import patiently
from optimizer.studies.scheduler import StudyJobs
from optimizer.studies.service import OptimizationService
from optimizer.studies.worker_pool import WorkerPool

log = logging.getLogger(__name__)

POLL_SECONDS = 2.0
#: A worker without a heartbeat for this long hangs; noticed within half a minute of the last one.
HANGING_SECONDS = 25.0
#: Between storing and submitting, a study belongs to its command.
_LOST_SECONDS = 5.0
#: A longer gap between two inspections means that MongoDB was away: every timer starts again.
_GAP_SECONDS = 10.0


@dataclass(frozen=True)
class _Observation:
    sign: tuple[object, ...]
    since: float


class Watchdog:
    """Inspects every unfinished study repeatedly."""

    def __init__(
        self, *, service: OptimizationService, pool: WorkerPool, jobs: StudyJobs, conversations: Conversations
    ) -> None:
        self._service = service
        self._pool = pool
        self._jobs = jobs
        self._conversations = conversations
        self._observations: dict[str, _Observation] = {}
        self._inspected_at = 0.0

    async def tick(self) -> None:
        """Inspect every unfinished study once, waiting out an outage of MongoDB."""
        await patiently(self.inspect, what="watch")

    async def inspect(self) -> None:
        """Inspect every unfinished study once."""
        studies = await self._service.unfinished()
        now = asyncio.get_running_loop().time()
        before = self._observations if now - self._inspected_at < _GAP_SECONDS else {}
        self._inspected_at, self._observations = (
            now,
            {study.study_name: _observe(study, before, now) for study in studies},
        )
        for study in studies:
            await self._judge(study, now - self._observations[study.study_name].since)

    async def _judge(self, study: OptimizationStudy, seconds: float) -> None:
        name = study.study_name
        if self._service.is_under_way(name):
            if seconds >= HANGING_SECONDS and self._pool.end_worker_of(name):
                log.warning("study_hangs study=%s seconds=%.0f", name, seconds)
                del self._observations[name]
        elif seconds >= _LOST_SECONDS:
            log.warning("study_lost study=%s status=%s", name, study.status)
            if StudyOrigin.of(study).door is Door.SLACK:
                await self._conversations.open(study)
            await self._jobs.submit(name)


def _observe(study: OptimizationStudy, before: dict[str, _Observation], now: float) -> _Observation:
    sign = (study.status, study.heartbeat_at, study.trials_completed, study.deaths)
    last = before.get(study.study_name)
    return last if last is not None and last.sign == sign else _Observation(sign, now)
