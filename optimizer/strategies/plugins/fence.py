"""The fence around a person's own code in a process that may be lost: a worker, or a trial.

Inside it a call has a time and memory to stay within, and writing files, starting processes and opening connections
is refused. The fence stops mistakes. Python cannot be fenced in against whoever wants out, and a strategy
runs with the bot's rights; that is why only the operator's own files are run at all.
"""

import faulthandler
import os
import resource
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, TypeVar

from optimizer.errors import Phrase
from optimizer.strategies.plugins.plugin_errors import Forbidden, fault_of

#: Memory that a call may take beyond what its process has.
CALL_BYTES = 2**30
#: Ends a process whose call does not return: also where that call lets no other line of Python run.
TOO_LATE = signal.SIGALRM

Made = TypeVar("Made")
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_FILES = ("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.truncate", "os.chmod")
_STARTS = (
    *("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.forkpty", "pty.spawn"),
    *("os.kill", "signal.pthread_kill"),
)
_CONNECTIONS = ("socket.connect", "socket.bind", "socket.sendto", "socket.getaddrinfo", "sqlite3.connect")
#: What a strategy may not do, by the event of the interpreter that announces it.
_FORBIDDEN: Mapping[str, Phrase] = {
    **dict.fromkeys(_FILES, Phrase("own_writes")),
    **dict.fromkeys(_STARTS, Phrase("own_starts")),
    **dict.fromkeys(_CONNECTIONS, Phrase("own_connects")),
}


class Fence:
    """Bounds of this process on calls of a person's own code; without `put_up` it bounds nothing."""

    def __init__(self) -> None:
        self.is_up = False
        self._inside: int | None = None  # the thread that is inside

    def put_up(self, log: IO[str] | int) -> None:
        """Bound every later call; where one that is too late stood is written to `log` before the process ends."""
        if self.is_up:
            return
        self.is_up = True
        faulthandler.register(TOO_LATE, file=log, all_threads=True, chain=True)
        sys.addaudithook(self._hear)

    @contextmanager
    def around(self, seconds: float) -> Iterator[None]:
        """Bound what is called in the block: its seconds, its memory, and what it reaches for."""
        if not self.is_up:
            yield
            return
        memory, bytecode = _limit_memory(CALL_BYTES), sys.dont_write_bytecode
        sys.dont_write_bytecode = True  # a module that is imported late writes no file of its own
        signal.setitimer(signal.ITIMER_REAL, seconds)
        self._inside = threading.get_ident()
        try:
            yield
        finally:
            self._inside = None
            signal.setitimer(signal.ITIMER_REAL, 0.0)
            sys.dont_write_bytecode = bytecode
            resource.setrlimit(resource.RLIMIT_AS, memory)

    def _hear(self, event: str, details: tuple[Any, ...]) -> None:
        if self._inside != threading.get_ident():
            return
        if event == "open" and _is_written(*details):
            raise Forbidden(Phrase("own_writes"))
        if event in _FORBIDDEN:
            raise Forbidden(_FORBIDDEN[event])


#: The fence of this process.
FENCE = Fence()


def fenced(work: Callable[[], Made], *, path: str, seconds: float) -> Made:
    """Call a person's own code, whose file is at `path`. Raises Fault for whatever it raises."""
    try:
        with FENCE.around(seconds):
            return work()
    except (Exception, SystemExit) as failure:
        raise fault_of(failure, path) from failure


def _is_written(path: object, mode: object, flags: object) -> bool:
    if isinstance(path, int):  # a file that is open already
        return False
    if isinstance(mode, str):
        return not set(mode).isdisjoint("wax+")
    return isinstance(flags, int) and bool(flags & _WRITING)


def _limit_memory(more: int) -> tuple[int, int]:
    """Let this process take so many bytes more than it has; returns the limits that were set before."""
    limits = resource.getrlimit(resource.RLIMIT_AS)
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except OSError:  # a system without this file: its memory is not bounded
        return limits
    wanted = pages * resource.getpagesize() + more
    soft, hard = limits
    ceilings = [wanted, *(limit for limit in limits if limit != resource.RLIM_INFINITY)]
    resource.setrlimit(resource.RLIMIT_AS, (min(ceilings), hard))
    return soft, hard
