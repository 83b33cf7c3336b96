"""Worker program: runs studies of the database on a machine of its own, without Slack and without the warehouse.

It looks for studies every half second, and at once when it is rung for one. What it claims it holds like
the bot's own workers do (`optimizer/storage/leases.py`); what only the bot can run it gives back.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from typing import Any

from optimizer.domain.study_results import StudyState
from optimizer.errors import Phrase, Unavailable, UserError, error_of
from optimizer.learned.rows import MissingLearner
from optimizer.storage.copies.shared_snapshots import SnapshotNotKept
from optimizer.storage.documents import OptimizationStudy, WorkerProgram
from optimizer.storage.driver import aggregate, collection_of
from optimizer.storage.leases import (
    HEARTBEAT_SECONDS,
    Claimant,
    give_back,
    leave_to_bot,
    next_claimable,
    release_lost,
)
from optimizer.storage.outage import patiently
from optimizer.studies.running.deaths import MAX_DEATHS, fail, fail_lost, record_death
from optimizer.studies.snapshot_mending import MENDABLE
from optimizer.studies.worker_messages import Failed, Finished, Held
from optimizer.studies.worker_pool import WorkerDied, WorkerPool
from optimizer.supervisor import Supervisor

log = logging.getLogger(__name__)

#: Seconds between two looks for a study.
POLL_SECONDS = 0.5
#: Seconds without a new study after this machine could not run one.
_PAUSE_SECONDS = 15.0
#: Errors of a machine that lacks something: the bars of a study, room for them, or a package.
_LEFT_TO_BOT = MENDABLE | {SnapshotNotKept.__name__, MissingLearner.__name__}

#: What is told of a study that ended, or stopped, here.
_ENDED = {
    StudyState.COMPLETE: "ended_complete",
    StudyState.PAUSED: "ended_paused",
    StudyState.CANCELLED: "ended_cancelled",
}


class RemoteWorker:
    """Claims and runs studies on the workers of its pool, until it is closed."""

    def __init__(self, pool: WorkerPool, code_version: str, tell: Callable[[str, Phrase | UserError], None]) -> None:
        """`tell` is called with a study, or none, and what became of it, for whoever watches."""
        self._pool = pool
        self._claimant = Claimant(pool=pool.identity, code_version=code_version)
        self._tell = tell
        self._rung: asyncio.Queue[str] = asyncio.Queue()
        self._ended: dict[str, Callable[[], None]] = {}  # of each bell that was heard, by its study
        self._choosing = asyncio.Lock()
        self._taken: set[str] = set()
        self._versions: Mapping[str, int] = {}
        self.machine = self._claimant.machine

    @asynccontextmanager
    async def run(self, supervisor: Supervisor) -> AsyncIterator[None]:
        """Run studies inside the block; afterwards they can be claimed elsewhere at once.

        What this program held when it was killed can be claimed from the beginning of the block on.
        """
        await self._free_what_was_lost()
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._leave)
            await stack.enter_async_context(supervisor.repeat("beat", self._beat, every=HEARTBEAT_SECONDS))
            for n in range(self._pool.size):
                await stack.enter_async_context(supervisor.repeat(f"studies-{n}", self._take_one, every=0.0))
            yield

    async def _free_what_was_lost(self) -> None:
        pool = self._pool.identity
        for name in await patiently(partial(release_lost, pool), what="leases"):
            self._tell(name, Phrase("lost_its_worker"))
            await patiently(partial(fail_lost, name, pool), what="failure")

    def ring(self, study_name: str, ended: Callable[[], None] = lambda: None) -> None:
        """Look for studies at once; `ended` is called when the one that this led to, if any, is not run any more."""
        if study_name in self._ended or study_name in self._taken:
            ended()
            return
        self._ended[study_name] = ended
        self._rung.put_nowait(study_name)

    async def _take_one(self) -> None:
        """Run the next study, or wait a while for one."""
        heard, name = self._heard(), None
        try:
            name = await self._next()
            if name is None and heard is None:
                heard = await self._hear()
                name = await self._next() if heard is not None else None
            if name is not None:
                await self._run(name)
        finally:
            self._taken -= {name}
            if heard is not None:
                self._ended.pop(heard)()

    async def _next(self) -> str | None:
        """Take the study whose turn it is, whichever was rung for; returns its name."""
        async with self._choosing:
            name = await patiently(partial(next_claimable, self._claimant, besides=self._taken), what="studies")
            if name is not None:
                self._taken.add(name)
        return name

    def _heard(self) -> str | None:
        return None if self._rung.empty() else self._rung.get_nowait()

    async def _hear(self) -> str | None:
        """Wait until the next look for a bell."""
        with suppress(TimeoutError):
            return await asyncio.wait_for(self._rung.get(), POLL_SECONDS)
        return None

    async def _run(self, name: str) -> None:
        claimable = {"study_name": name, **self._claimant.may_claim()}
        study = await patiently(lambda: OptimizationStudy.find_one(claimable), what="study")
        if study is None:  # whoever rings may be late, or ring for anything
            return
        if study.deaths >= MAX_DEATHS:
            await patiently(partial(fail_lost, name, self._pool.identity), what="failure")
            return
        answer: Finished | Held | Failed
        try:
            answer = await self._pool.run(name)
        except WorkerDied as death:
            self._tell(name, Phrase("lost_its_worker"))
            await patiently(partial(record_death, study, self._pool.identity, hung=death.hung), what="death")
            return
        except Unavailable as error:
            self._tell(name, error)
            await asyncio.sleep(_PAUSE_SECONDS)
            return
        if isinstance(answer, Failed):
            await self._settle(name, answer)
        elif isinstance(answer, Finished):
            self._tell(name, Phrase(_ENDED.get(answer.state, "ended_failed")))

    async def _settle(self, name: str, failed: Failed) -> None:
        """End a study that failed here, or leave it to the bot when that is about this machine."""
        error = error_of(failed.error)
        self._tell(name, error)
        if failed.error["kind"] not in _LEFT_TO_BOT:
            await patiently(partial(fail, name, self._pool.identity, failed.error), what="failure")
            return
        await patiently(partial(leave_to_bot, self._pool.identity, name), what="study")
        if isinstance(error, SnapshotNotKept):
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _beat(self) -> None:
        """Show that this program lives, and tell of studies that wait for another version."""
        facts = {"machine": self.machine, "size": self._pool.size, "code_version": self._claimant.code_version}
        change = {"$set": facts, "$inc": {"beat": 1}}
        collection, key = collection_of(WorkerProgram), {"pool": self._pool.identity}
        await patiently(lambda: collection.update_one(key, change, upsert=True), what="worker")
        versions = await patiently(partial(_waiting_versions, self._claimant.code_version), what="versions")
        if versions and versions != self._versions:
            own, others = self._claimant.code_version, ", ".join(sorted(versions))
            self._tell("", Phrase("other_version_waits", n=sum(versions.values()), versions=others, own=own))
        self._versions = versions

    async def _leave(self) -> None:
        await give_back(self._pool.identity)
        await forget(self._pool.identity)


async def forget(pool: str) -> None:
    """Delete what a worker program wrote of itself."""
    await collection_of(WorkerProgram).delete_one({"pool": pool})


async def _waiting_versions(own: str) -> dict[str, int]:
    """Numbers of queued studies of other versions of the code, by version."""
    waiting = {"status": "queued", "lease.owner": None, "code_version": {"$ne": own}}
    stages: list[dict[str, Any]] = [{"$match": waiting}, {"$group": {"_id": "$code_version", "n": {"$sum": 1}}}]
    return {each["_id"]: each["n"] async for each in aggregate(OptimizationStudy, stages)}
