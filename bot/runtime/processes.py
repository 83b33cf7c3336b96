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

#: The verb that owns a data directory for as long as it runs.
BOT = "serve"


class HomeInUse(Unavailable):
    """Raised when another command owns the data directory. Facts: home, holder (its verb), pid."""


class BotInHome(HomeInUse):
    """Raised when the bot owns the data directory. Facts: home, holder, pid."""


@dataclass(frozen=True, kw_only=True)
class ChildProcesses:
    """Started processes: workers, and the embedded MongoDB where one is used."""

    pool: WorkerPool
    mongod: EmbeddedMongo | None


@contextmanager
def lock_home(home: Path, verb: str) -> Iterator[None]:
    """Own the data directory inside the block; the lock ends with the process, however it ends.

    The file names the process and its verb, for others that want the directory meanwhile.
    """
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(home / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as failure:
        holder = os.read(descriptor, 100).decode(errors="replace").partition(" ")
        os.close(descriptor)
        raise _in_use(home, pid=holder[0], verb=holder[2].strip()) from failure
    try:
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()} {verb}\n".encode())
        yield
    finally:
        os.close(descriptor)


def _in_use(home: Path, *, pid: str, verb: str) -> HomeInUse:
    kind = BotInHome if verb == BOT else HomeInUse
    return kind(home=home, pid=pid, holder=verb)


@asynccontextmanager
async def start_children(
    settings: Settings, *, n_workers: int | None = None, verb: str = BOT
) -> AsyncIterator[ChildProcesses]:
    """Own the data directory and run the processes inside the block."""
    async with AsyncExitStack() as stack:
        stack.enter_context(lock_home(settings.home, verb))
        mongod = None
        if settings.mongodb_address is None:
            mongod = start_mongod(find_mongod(os.environ), settings.home)
            stack.push_async_callback(asyncio.to_thread, mongod.stop)
        pool = WorkerPool(settings.workers if n_workers is None else n_workers)
        stack.push_async_callback(pool.stop)
        await pool.prepare()
        yield ChildProcesses(pool=pool, mongod=mongod)
