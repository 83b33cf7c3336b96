"""Runs studies on the program's own workers, and waits for those that workers on other machines run."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from optimizer.clock import Clock
from optimizer.domain.study_results import StudyState
from optimizer.errors import Unavailable
from optimizer.storage.documents import OptimizationStudy
from optimizer.storage.leases import holder_of, turn_of
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
        turn = await patiently(lambda: turn_of(study_name), what="study")
        if turn is None or study_name in self._running:
            return await patiently(lambda: find_study(study_name), what="study")
        self._running.add(study_name)
        self._ring(study_name)
        try:
            while True:
                async with self._turns.of(turn.created_by):
                    ended = await self._run_in_turn(study_name)
                if ended is not None:
                    return ended
                await self._until_free(study_name)
        finally:
            self._running.discard(study_name)

    async def _run_in_turn(self, study_name: str) -> OptimizationStudy | None:
        """Run a study on a worker of this program; None while another program's has it, and after its worker died."""
        while True:
            turn = await patiently(lambda: turn_of(study_name), what="study")
            assert turn is not None, "studies are not deleted"
            if turn.status in _WAITING and turn.pool not in ("", self._pool.identity):
                return None
            if turn.status.is_finished or turn.wanted is not None:
                return await patiently(partial(self._apply_requested_state, study_name), what="study")
            if turn.deaths >= MAX_DEATHS:
                await patiently(partial(fail_lost, study_name, self._pool.identity), what="failure")
                continue
            answer: Finished | Held | Failed
            try:
                answer = await self._pool.run(study_name)
            except WorkerDied as death:
                await patiently(partial(self._record_death, study_name, turn.deaths, hung=death.hung), what="death")
                return None
            except Unavailable as error:
                answer = Failed(error=error.as_document())
            if isinstance(answer, Held):
                return None
            if isinstance(answer, Failed):
                if await self._mend(await patiently(lambda: find_study(study_name), what="study"), answer):
                    continue
                await patiently(partial(fail, study_name, self._pool.identity, answer.error), what="failure")
                continue
            return await patiently(lambda: find_study(study_name), what="study")

    async def _until_free(self, study_name: str) -> None:
        """Wait until a study is not held by another program's worker any more."""
        while True:
            found = await patiently(lambda: holder_of(study_name), what="study")
            if found is None or found[0] not in _WAITING or found[1] in ("", self._pool.identity):
                return
            await asyncio.sleep(LOOK_SECONDS)

    async def _record_death(self, study_name: str, deaths: int, *, hung: bool) -> None:
        """Count the end of a worker under a study that had lost so many before."""
        study = await find_study(study_name)
        study.deaths = deaths  # one that is counted already is not counted again
        await record_death(study, self._pool.identity, hung=hung)

    async def _apply_requested_state(self, study_name: str) -> OptimizationStudy:
        """Carry out what is requested of a study that no worker has; returns it."""
        study = await find_study(study_name)
        if not study.status.is_finished and study.wanted is not None:
            await study.set({"status": str(study.wanted), "wanted": None, "completed_at": self._clock()})
            return await find_study(study_name)
        return study
