"""Child processes of a command, started before its details are known.

Each of them imports for about a second; they are started first and import in parallel with the
command. This module must stay quick to import itself.
"""

import asyncio
import fcntl
import os
import re
import secrets
import stat
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bot.runtime.settings import Settings
from optimizer.errors import Unavailable
from optimizer.lazy import LazyModule
from optimizer.storage.embedded_mongo import EmbeddedMongo, find_mongod, start_mongod
from optimizer.studies.child_process import ChildProcess

if TYPE_CHECKING:
    from optimizer.studies import worker_pool
else:
    worker_pool = LazyModule("optimizer.studies.worker_pool")  # after the server's start, which takes a second

#: Rights that nobody but the owner has on what is stored.
_UMASK = 0o077
#: Names of what is stored in a data directory.
_OURS = (
    "market.duckdb*", "snapshots", "reports", "cache", "champions.json*", "identity", "lock", "mongodb",
    "mongodb.password", "pages.secret", "terminal.sock",
)  # fmt: skip
_IDENTITY_FILE = "identity"
_IDENTITY = re.compile(rb"[!-~]{8,}\s*")
#: The verb that owns a data directory for as long as it runs.
BOT = "serve"


class HomeInUse(Unavailable):
    """Raised when another command owns the data directory. Facts: home, holder (its verb), pid."""


class HomeUnusable(Unavailable):
    """Raised when the data directory cannot be made or written. Facts: home, reason."""


class BotInHome(HomeInUse):
    """Raised when the bot owns the data directory. Facts: home, holder, pid."""


@dataclass(frozen=True, kw_only=True)
class ChildProcesses:
    """Started processes: workers, and the embedded MongoDB where one is used."""

    pool: "worker_pool.WorkerPool"
    mongod: EmbeddedMongo | None


@contextmanager
def lock_home(home: Path, verb: str) -> Iterator[None]:
    """Own the data directory inside the block; the lock ends with the process, however it ends.

    The file names the process and its verb, for others that want the directory meanwhile.
    """
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        close_to_others(home)
        descriptor = os.open(home / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except (OSError, ValueError) as failure:  # ValueError: a path with a zero byte
        raise HomeUnusable(home=home, reason=getattr(failure, "strerror", None) or str(failure)) from failure
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


def identity_of(home: Path) -> str:
    """Return the permanent identity of a data directory, which only one process can own at a time."""
    file = home / _IDENTITY_FILE
    if not file.exists() or not _IDENTITY.fullmatch(file.read_bytes()):
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as handle:
            handle.write(secrets.token_hex(8))
    return file.read_text(encoding="ascii")


def close_to_others(home: Path) -> None:
    """Take the rights of other users from what is in the data directory; the process's umask keeps new files closed.

    The directory itself stays as it is: it may have been there before, and be shared.
    """
    os.umask(_UMASK)
    for path in (path for name in _OURS for path in home.glob(name)):
        if (mode := path.stat().st_mode) & _UMASK:
            path.chmod(stat.S_IMODE(mode) & ~_UMASK)


def _in_use(home: Path, *, pid: str, verb: str) -> HomeInUse:
    kind = BotInHome if verb == BOT else HomeInUse
    return kind(home=home, pid=pid, holder=verb)


@asynccontextmanager
async def start_children(
    settings: Settings, *, n_workers: int | None = None, verb: str = BOT, early: Sequence[ChildProcess] = ()
) -> AsyncIterator[ChildProcesses]:
    """Own the data directory and run the processes inside the block; workers may have been started `early`."""
    async with AsyncExitStack() as stack:
        stack.enter_context(lock_home(settings.home, verb))
        mongod = None
        if settings.mongodb_address is None:
            mongod = start_mongod(find_mongod(os.environ), settings.home)
            stack.push_async_callback(asyncio.to_thread, mongod.stop)
        pool = worker_pool.WorkerPool(settings.workers if n_workers is None else n_workers)
        stack.push_async_callback(pool.stop)
        await pool.prepare(early)
        yield ChildProcesses(pool=pool, mongod=mongod)
