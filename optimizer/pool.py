"""Warm worker processes, one a core: the event loop never waits for a study.

A worker takes one study at a time and only its name crosses. One that dies is replaced; the study it
had is its owner's to hand in again.
"""

import asyncio
import json
import logging
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from optimizer.errors import Unavailable

log = logging.getLogger(__name__)


class WorkerDied(Exception):
    """The process ended in the middle of a study."""


@dataclass(frozen=True, kw_only=True)
class WorkerConfig:
    """What a worker needs to find a study by its name."""

    mongodb_uri: str
    snapshots: Path

    def as_line(self) -> bytes:
        """The first line a worker reads; it never appears among a process's arguments."""
        return json.dumps({"mongodb_uri": self.mongodb_uri, "snapshots": str(self.snapshots)}).encode() + b"\n"


class Worker:
    """One child process and the pipe to it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def spawn(cls) -> Self:
        """Start a process; it imports and compiles while the caller does other things."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "optimizer.worker",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, env=os.environ | {"OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        return cls(process)

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    async def configure(self, config: WorkerConfig) -> None:
        """Connect the worker; returns when it is ready for a study."""
        await self._ask(config.as_line())

    async def run(self, study_name: str) -> dict[str, Any]:
        """Have the study run; returns how it ended, or raises WorkerDied."""
        return await self._ask(json.dumps({"study": study_name}).encode() + b"\n")

    async def stop(self) -> None:
        """Close the pipe, which ends the process, and wait until it is gone."""
        if self._process.stdin and not self._process.stdin.is_closing():
            self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), timeout=5)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    async def _ask(self, line: bytes) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(line)
            await self._process.stdin.drain()
            answer = await self._process.stdout.readline()
        except (BrokenPipeError, ConnectionResetError) as failure:
            raise WorkerDied from failure
        if not answer:
            raise WorkerDied
        result: dict[str, Any] = json.loads(answer)
        return result


class WorkerPool:
    """A fixed number of workers; a study waits until one is free."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._config: WorkerConfig | None = None
        self._idle: asyncio.Queue[Worker | Unavailable] = asyncio.Queue()
        self._all: set[Worker] = set()
        self._starting: list[asyncio.Task[None]] = []

    @property
    def pids(self) -> list[int]:
        """The processes' ids, for probes and tests."""
        return sorted(worker.pid for worker in self._all)

    async def prepare(self) -> None:
        """Start the processes before their configuration is known, so that importing overlaps with it."""
        for worker in await asyncio.gather(*(Worker.spawn() for _ in range(self.size))):
            self._all.add(worker)

    def configure(self, config: WorkerConfig) -> None:
        """Tell the workers where MongoDB is; each becomes available when it says it is ready."""
        self._config = config
        self._starting = [asyncio.create_task(self._admit(worker)) for worker in list(self._all)]

    async def run(self, study_name: str) -> dict[str, Any]:
        """Run a study on the next free worker; raises WorkerDied when the process ended under it."""
        worker = await self._idle.get()
        if isinstance(worker, Unavailable):
            self._idle.put_nowait(worker)
            raise worker
        try:
            answer = await worker.run(study_name)
        except WorkerDied:
            log.warning("worker_died pid=%s study=%s", worker.pid, study_name)
            self._starting.append(asyncio.create_task(self._replace(worker)))
            raise
        except asyncio.CancelledError:
            # Its answer would be taken for the next study's: a worker left in the middle is not used again.
            self._starting.append(asyncio.create_task(self._replace(worker)))
            raise
        self._idle.put_nowait(worker)
        return answer

    async def stop(self) -> None:
        """End every worker, busy or not."""
        for task in self._starting:
            task.cancel()
        await asyncio.gather(*self._starting, return_exceptions=True)
        await asyncio.gather(*(worker.stop() for worker in self._all))
        self._all.clear()

    async def _admit(self, worker: Worker) -> None:
        assert self._config is not None
        try:
            await worker.configure(self._config)
        except WorkerDied:
            self._all.discard(worker)
            log.error("worker_did_not_start pid=%s", worker.pid)
            # Whoever waits for a worker is told, instead of waiting for ever.
            self._idle.put_nowait(
                Unavailable(what="A worker process", reason="it ended while starting", remedy="The log says why.")
            )
        else:
            self._idle.put_nowait(worker)

    async def _replace(self, worker: Worker) -> None:
        self._all.discard(worker)
        await worker.stop()
        fresh = await Worker.spawn()
        self._all.add(fresh)
        await self._admit(fresh)
