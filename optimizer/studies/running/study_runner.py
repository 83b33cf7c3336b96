"""Runs studies on the program's own workers, and waits for those that workers on other machines run."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from optimizer.clock import Clock
from optimizer.domain.study_results import StudyState
from optimizer.errors import Unavailable
from optimizer.storage.documents import OptimizationStudy
from optimizer.storage.leases import holder_of
from optimizer.storage.outage import patiently
from optimizer.studies.finding import find_study
from optimizer.studies.running.deaths import MAX_DEATHS, fail, fail_lost, record_death
from optimizer.studies.running.turns import Turns
from optimizer.studies.worker_messages import Failed, Finished, Held
from optimizer.studies.worker_pool import WorkerDied, WorkerPool

#: Seconds between two looks at a study that another program's worker runs.
LOOK_SECONDS = 0.5
_WAITING = (StudyState.QUEUED, StudyState.RUNNING)


class StudyRunner:
    """Runs each study once at a time, and of each person a few in turn with everybody else's."""

    def __init__(
        self,
        pool: WorkerPool,
        *,
        mend: Callable[[OptimizationStudy, Failed], Awaitable[bool]],
        clock: Clock,
        running_per_person: int,
        ring: Callable[[str], None],
    ) -> None:
        """`mend` makes good what a worker's error is about, where it can; `ring` calls workers on other machines."""
        self._ring = ring
        self._pool = pool
        self._mend = mend
        self._clock = clock
        # As many as there are workers, so that none waits for one before its turn.
        self._turns = Turns(max(pool.size, 1), per_person=running_per_person)
        self._running: set[str] = set()

    def is_under_way(self, study_name: str) -> bool:
        """True if the study is in `run`: it runs, here or elsewhere, or waits for its turn or a worker."""
        return study_name in self._running

    async def run(self, study_name: str) -> OptimizationStudy:
        """Run a queued or interrupted study on a worker; returns it finished, paused or cancelled.

        A worker that dies is replaced and the study resumes when it is its turn again, at most three times. The number
        of one person's studies that run here at once is limited; the others wait even while workers are free.
        """
        study = await patiently(lambda: find_study(study_name), what="study")
        if study.study_name in self._running:
            return study
        self._running.add(study.study_name)
        self._ring(study.study_name)
        try:
            while True:
                async with self._turns.of(study.created_by):
                    ended = await self._run_in_turn(study.study_name)
                if ended is not None:
                    return ended
                await self._until_free(study.study_name)
        finally:
            self._running.discard(study.study_name)

    async def _run_in_turn(self, study_name: str) -> OptimizationStudy | None:
        """Run a study on a worker of this program; None while another program's has it, and after its worker died."""
        while True:
            study = await patiently(lambda: find_study(study_name), what="study")
            if self._is_elsewhere(study):
                return None
            if study.status.is_finished or study.wanted is not None:
                return await patiently(partial(self.apply_requested_state, study), what="study")
            if study.deaths >= MAX_DEATHS:
                await patiently(partial(fail_lost, study_name, self._pool.identity), what="failure")
                continue
            answer: Finished | Held | Failed
            try:
                answer = await self._pool.run(study_name)
            except WorkerDied as death:
                death_of = partial(record_death, study, self._pool.identity, hung=death.hung)
                await patiently(death_of, what="death")
                return None
            except Unavailable as error:
                answer = Failed(error=error.as_document())
            if isinstance(answer, Held):
                return None
            if isinstance(answer, Failed):
                if await self._mend(study, answer):
                    continue
                await patiently(partial(fail, study_name, self._pool.identity, answer.error), what="failure")
                continue
            return await patiently(lambda: find_study(study_name), what="study")

    def _is_elsewhere(self, study: OptimizationStudy) -> bool:
        lease = study.lease
        is_held = lease is not None and lease.owner is not None and lease.pool != self._pool.identity
        return is_held and study.status in _WAITING

    async def _until_free(self, study_name: str) -> None:
        """Wait until a study is not held by another program's worker any more."""
        while True:
            found = await patiently(lambda: holder_of(study_name), what="study")
            if found is None or found[0] not in _WAITING or found[1] in ("", self._pool.identity):
                return
            await asyncio.sleep(LOOK_SECONDS)

    async def apply_requested_state(self, study: OptimizationStudy) -> OptimizationStudy:
        """Carry out what is requested of a study that no worker has; returns it."""
        if not study.status.is_finished and study.wanted is not None:
            await study.set({"status": str(study.wanted), "wanted": None, "completed_at": self._clock()})
        return await find_study(study.study_name)
