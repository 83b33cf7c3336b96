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
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bot.runtime.settings import Settings
from optimizer.errors import Unavailable
from optimizer.lazy import LazyModule, load_modules
from optimizer.storage.embedded_mongo import EmbeddedMongo, find_mongod, start_mongod
from optimizer.studies.child_process import DRAWING, ENVIRONMENT, NICENESS, WORKER, ChildProcess

if TYPE_CHECKING:
    from optimizer.studies import worker_pool
    from optimizer.studies.running import forking
else:
    # After the server's start, which takes a second.
    worker_pool = LazyModule("optimizer.studies.worker_pool")
    forking = LazyModule("optimizer.studies.running.forking")

#: What a terminal's command and its worker both use: loaded once, before the one is copied for the other.
_SHARED = (
    "optimizer.market.snapshots", "optimizer.storage.copies.shared_snapshots", "optimizer.storage.mongo",
    "optimizer.storage.tries", "optimizer.strategies.registry", "optimizer.studies.companions",
    "optimizer.studies.own_studies", "optimizer.studies.replay", "optimizer.studies.worker_pool",
    "optimizer.validation.evidence",
)  # fmt: skip

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
    drawing: ChildProcess | None = None


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


@dataclass(kw_only=True)
class EarlyChildren:
    """Processes that a command starts before its event loop; None for one that is started later."""

    mongod: EmbeddedMongo | None
    worker: "forking.ForkedProcess | None" = None
    drawing: "forking.ForkedProcess | None" = None


@contextmanager
def start_early(settings: Settings, verb: str) -> Iterator[EarlyChildren]:
    """Own the data directory inside the block, and start MongoDB and a worker, a copy of this process."""
    os.environ.update(ENVIRONMENT)  # before numpy starts a thread for each core
    with lock_home(settings.home, verb), ExitStack() as stack:
        early = EarlyChildren(mongod=_start_mongod(settings))
        if early.mongod is not None:
            stack.callback(early.mongod.stop)
        load_modules(*_SHARED)
        early.worker = stack.enter_context(forking.forked(WORKER, niceness=0))
        yield early


@contextmanager
def start_drawing(early: EarlyChildren) -> Iterator[None]:
    """Add a drawing process for the block: a copy of this process, which has loaded what words a report."""
    with forking.forked(DRAWING, niceness=NICENESS) as early.drawing:
        yield


@asynccontextmanager
async def start_children(
    settings: Settings, *, n_workers: int | None = None, verb: str = BOT, early: EarlyChildren | None = None
) -> AsyncIterator[ChildProcesses]:
    """Own the data directory and run the processes inside the block, unless they were started `early`."""
    async with AsyncExitStack() as stack:
        if early is None:
            stack.enter_context(lock_home(settings.home, verb))
            early = EarlyChildren(mongod=_start_mongod(settings))
        if early.mongod is not None:
            stack.push_async_callback(asyncio.to_thread, early.mongod.stop)
        pool = worker_pool.WorkerPool(settings.workers if n_workers is None else n_workers)
        stack.push_async_callback(pool.stop)
        await pool.prepare([] if early.worker is None else [await early.worker.connect()])
        drawing = None if early.drawing is None else await early.drawing.connect()
        yield ChildProcesses(pool=pool, mongod=early.mongod, drawing=drawing)


def _start_mongod(settings: Settings) -> EmbeddedMongo | None:
    """Start the embedded server, unless the settings have an address of another."""
    return start_mongod(find_mongod(os.environ), settings.home) if settings.mongodb_address is None else None
