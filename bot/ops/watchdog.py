"""Studies that stand still are noticed: a worker that hangs is ended, a study that nobody runs is handed in again.

Progress is judged by what the documents say and by this process's own watch, never by comparing clocks;
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

LOOK_SECONDS = 2.0
#: Without a heartbeat for so long a worker hangs: noticed within half a minute of the last one.
HANGING_SECONDS = 25.0
#: Between being stored and being handed in a study belongs to its command.
_LOST_SECONDS = 5.0
#: After a longer gap between two looks, MongoDB was away: every study has its time anew.
_GAP_SECONDS = 10.0


@dataclass(frozen=True)
class _Sight:
    sign: tuple[object, ...]
    since: float


class Watchdog:
    """Looks at every unfinished study again and again."""

    def __init__(
        self, *, service: OptimizationService, pool: WorkerPool, jobs: StudyJobs, conversations: Conversations
    ) -> None:
        self._service = service
        self._pool = pool
        self._jobs = jobs
        self._conversations = conversations
        self._sights: dict[str, _Sight] = {}
        self._looked = 0.0

    async def follow(self) -> None:
        """Look until cancelled."""
        while True:
            await patiently(self.look, what="watch")
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Look once at every unfinished study."""
        studies = await self._service.unfinished()
        now = asyncio.get_running_loop().time()
        before = self._sights if now - self._looked < _GAP_SECONDS else {}
        self._looked, self._sights = now, {study.study_name: _seen(study, before, now) for study in studies}
        for study in studies:
            await self._judge(study, now - self._sights[study.study_name].since)

    async def _judge(self, study: OptimizationStudy, seconds: float) -> None:
        name = study.study_name
        if self._service.is_under_way(name):
            if seconds >= HANGING_SECONDS and self._pool.end_worker_of(name):
                log.warning("study_hangs study=%s seconds=%.0f", name, seconds)
                del self._sights[name]
        elif seconds >= _LOST_SECONDS:
            log.warning("study_lost study=%s status=%s", name, study.status)
            if StudyOrigin.of(study).door is Door.SLACK:
                await self._conversations.open(study)
            self._jobs.submit(name)


def _seen(study: OptimizationStudy, before: dict[str, _Sight], now: float) -> _Sight:
    sign = (study.status, study.heartbeat_at, study.trials_completed, study.deaths)
    last = before.get(study.study_name)
    return last if last is not None and last.sign == sign else _Sight(sign, now)
