"""Child processes of a command, started before its details are known.

Each of them imports for about a second; they are started first and import in parallel with the
command. This module must stay quick to import itself.
"""

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.runtime.settings import Settings
from optimizer.errors import Unavailable
from optimizer.storage.embedded_mongo import EmbeddedMongo, find_mongod, start_mongod
from optimizer.studies.worker_pool import WorkerPool


class HomeInUse(Unavailable):
    """Raised when another process owns the data directory. Facts: home."""


@dataclass(frozen=True, kw_only=True)
class ChildProcesses:
    """Started processes: workers, and the embedded MongoDB where one is used."""

    pool: WorkerPool
    mongod: EmbeddedMongo | None


@contextmanager
def lock_home(home: Path) -> Iterator[None]:
    """Own the data directory inside the block; the lock ends with the process, however it ends."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(home / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as failure:
        os.close(descriptor)
        raise HomeInUse(home=home) from failure
    try:
        yield
    finally:
        os.close(descriptor)


@asynccontextmanager
async def start_children(settings: Settings, *, n_workers: int | None = None) -> AsyncIterator[ChildProcesses]:
    """Own the data directory and run the processes inside the block."""
    async with AsyncExitStack() as stack:
        stack.enter_context(lock_home(settings.home))
        mongod = None
        if settings.mongodb_address is None:
            mongod = start_mongod(find_mongod(os.environ), settings.home)
            stack.push_async_callback(asyncio.to_thread, mongod.stop)
        pool = WorkerPool(n_workers or settings.workers)
        stack.push_async_callback(pool.stop)
        await pool.prepare()
        yield ChildProcesses(pool=pool, mongod=mongod)
