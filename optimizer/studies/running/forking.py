"""Child processes that are forked of this one: what it has imported they need not import again.

Only of a process with one thread, before its event loop runs: a thread that is not copied would keep its locks for
ever. Child processes that are started later are `ChildProcess.spawn`ed.
"""

import asyncio
import gc
import logging
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from optimizer.environment import for_child
from optimizer.studies.child_process import ENVIRONMENT, LONGEST_LINE, ChildProcess
from optimizer.studies.running.child_start import run_module

_THREADS = Path("/proc/self/task")
#: Seconds between two looks whether a process that was killed is gone.
_LOOK_SECONDS = 0.002


class ForkedProcess:
    """Child process that was forked: what `ChildProcess` needs of an `asyncio.subprocess.Process`."""

    stdin: asyncio.StreamWriter | None = None
    stdout: asyncio.StreamReader | None = None

    def __init__(self, pid: int, ours: socket.socket) -> None:
        self.pid = pid
        self._ours = ours
        self._returncode: int | None = None

    @property
    def returncode(self) -> int | None:
        """Exit code, negative for a signal; None while the process runs."""
        return self._reap(os.WNOHANG)

    def _reap(self, options: int = 0) -> int | None:
        if self._returncode is None:
            pid, status = os.waitpid(self.pid, options)
            self._returncode = os.waitstatus_to_exitcode(status) if pid else None
        return self._returncode

    def end(self) -> None:
        """Kill the process and wait until it is gone."""
        self.kill()
        self._reap()

    async def connect(self) -> ChildProcess:
        """Return the child process, for the event loop that runs."""
        self.stdout, self.stdin = await asyncio.open_connection(sock=self._ours, limit=LONGEST_LINE)
        return ChildProcess(self)

    def kill(self) -> None:
        """Kill the process."""
        if self.returncode is None:
            os.kill(self.pid, signal.SIGKILL)

    async def wait(self) -> int:
        """Wait until the process has ended; returns its exit code."""
        while (code := self.returncode) is None:
            await asyncio.sleep(_LOOK_SECONDS)
        return code


@contextmanager
def forked(module: str, *, niceness: int) -> Iterator[ForkedProcess | None]:
    """Run a module's `main` in a copy of this process, which ends with the block; None where it must not be copied.

    The copy has its own standard input and output, the environment of a child process, and no other open file.
    """
    if not _may_fork():
        yield None
        return
    ours, theirs = socket.socketpair()
    sys.stdout.flush()
    sys.stderr.flush()
    with ours, theirs:
        if not (pid := os.fork()):
            _run(module, theirs, niceness)
        theirs.close()
        process = ForkedProcess(pid, ours)
        try:
            yield process
        finally:
            process.end()


@contextmanager
def computed_beside(function: Callable[[], bytes]) -> Iterator[Callable[[], bytes | None]]:
    """Compute bytes in a copy of this process, on another core, while the block goes on.

    Yields what waits for them and returns them; it returns None where they have to be computed here: with one core,
    where this process must not be copied, and where the copy failed.
    """
    if not _may_fork() or len(os.sched_getaffinity(0)) < 2:
        yield lambda: None
        return
    receiving, sending = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    if not (pid := os.fork()):
        _answer(function, sending)
    os.close(sending)
    with open(receiving, "rb") as answer:
        status = []

        def wait() -> bytes | None:
            found = answer.read()
            status.append(os.waitpid(pid, 0)[1])
            return found if status == [0] else None

        try:
            yield wait
        finally:
            if not status:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)


def _answer(function: Callable[[], bytes], sending: int) -> None:
    """Be the process that computes, and end; of its files it keeps only where errors are told."""
    code = 1
    try:
        os.dup2(sending, 1)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        _close_others()
        with open(1, "wb", closefd=False) as answer:
            answer.write(function())
        code = 0
    except BrokenPipeError:  # nobody waits any more
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def _may_fork() -> bool:
    """Return whether this process has one thread; False where the system does not tell, or does not copy well."""
    return _THREADS.is_dir() and len(list(_THREADS.iterdir())) == 1


def _run(module: str, line: socket.socket, niceness: int) -> None:
    """Be the child process, and end."""
    code = 1
    try:
        _become_child(line)
        run_module(module, niceness=niceness)
        code = 0
    except ConnectionError:  # the parent is gone, and left an answer unread
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(code)


def _become_child(line: socket.socket) -> None:
    """Keep nothing of the parent but its modules: no file, no handler, and of its environment what a child has."""
    gc.freeze()  # the parent's pages stay shared
    os.setpgid(0, 0)  # as of those that are spawned
    os.dup2(line.fileno(), 0)
    os.dup2(line.fileno(), 1)
    _close_others()
    sys.stdin, sys.stdout = open(0, closefd=False), open(1, "w", closefd=False)  # noqa: SIM115
    signal.set_wakeup_fd(-1)
    kept = for_child(os.environ, **ENVIRONMENT)
    os.environ.clear()
    os.environ.update(kept)
    logging.getLogger().handlers.clear()


def _close_others() -> None:
    """Close every file but the three of each process."""
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
