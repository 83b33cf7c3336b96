"""Warm worker processes, one a core: the event loop never waits for a study.

A worker takes one study at a time and only its name crosses. One that dies is replaced; the study it
had is its owner's to hand in again.
"""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optimizer.child import Child, ChildDied
from optimizer.errors import Unavailable

log = logging.getLogger(__name__)

_MODULE = "optimizer.worker"


class WorkerDied(Exception):
    """The process ended in the middle of a study."""


@dataclass(frozen=True, kw_only=True)
class WorkerConfig:
    """What a worker needs to find a study by its name."""

    mongodb_uri: str
    snapshots: Path

    def as_question(self) -> dict[str, str]:
        """The first thing a worker is told; it never appears among a process's arguments."""
        return {"mongodb_uri": self.mongodb_uri, "snapshots": str(self.snapshots)}


class WorkerPool:
    """A fixed number of workers; a study waits until one is free."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._config: WorkerConfig | None = None
        self._idle: asyncio.Queue[Child | Unavailable] = asyncio.Queue()
        self._all: set[Child] = set()
        self._starting: set[asyncio.Task[None]] = set()

    @property
    def pids(self) -> list[int]:
        """The processes' ids, for probes and tests."""
        return sorted(worker.pid for worker in self._all)

    async def ready(self) -> int:
        """How many workers are configured and alive, once none is still starting."""
        await asyncio.gather(*self._starting, return_exceptions=True)
        return len(self._all)

    async def prepare(self) -> None:
        """Start the processes before their configuration is known, so that importing overlaps with it."""
        for worker in await asyncio.gather(*(Child.spawn(_MODULE) for _ in range(self.size))):
            self._all.add(worker)

    def configure(self, config: WorkerConfig) -> None:
        """Tell the workers where MongoDB is; each becomes available when it says it is ready."""
        self._config = config
        for worker in list(self._all):
            self._in_background(self._admit(worker))

    async def run(self, study_name: str) -> dict[str, Any]:
        """Run a study on the next free worker; raises WorkerDied when the process ended under it."""
        return await self._ask({"study": study_name})

    async def replay(self, study_name: str) -> dict[str, Any]:
        """Compute a finished study again on the next free worker; raises as `run`."""
        return await self._ask({"replay": study_name})

    async def challenge(self, study_name: str, rival: Mapping[str, object]) -> dict[str, Any]:
        """Set a finished study's winner against a rival on the next free worker; raises as `run`."""
        return await self._ask({"challenge": study_name, "rival": dict(rival)})

    async def _ask(self, question: dict[str, Any]) -> dict[str, Any]:
        worker = await self._idle.get()
        if isinstance(worker, Unavailable):
            self._idle.put_nowait(worker)
            raise worker
        try:
            answer = await worker.ask(question)
        except ChildDied as death:
            log.warning("worker_died pid=%s question=%s", worker.pid, question)
            self._in_background(self._replace(worker))
            raise WorkerDied from death
        except asyncio.CancelledError:
            # Its answer would be taken for the next study's: a worker left in the middle is not used again.
            self._in_background(self._replace(worker))
            raise
        self._idle.put_nowait(worker)
        return answer

    async def stop(self) -> None:
        """End every worker, busy or not."""
        for task in list(self._starting):
            task.cancel()
        await asyncio.gather(*self._starting, return_exceptions=True)
        await asyncio.gather(*(worker.stop() for worker in self._all))
        self._all.clear()

    def _in_background(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._starting.add(task)
        task.add_done_callback(self._starting.discard)

    async def _admit(self, worker: Child) -> None:
        assert self._config is not None
        try:
            await worker.ask(self._config.as_question())
        except ChildDied:
            self._all.discard(worker)
            log.error("worker_did_not_start pid=%s", worker.pid)
            # Whoever waits for a worker is told, instead of waiting for ever.
            self._idle.put_nowait(
                Unavailable(what="A worker process", reason="it ended while starting", remedy="The log says why.")
            )
        else:
            self._idle.put_nowait(worker)

    async def _replace(self, worker: Child) -> None:
        self._all.discard(worker)
        await worker.stop()
        fresh = await Child.spawn(_MODULE)
        self._all.add(fresh)
        await self._admit(fresh)
