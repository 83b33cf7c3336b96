"""Child process with a protocol of JSON lines: one answer per question; it ends with its parent."""

import asyncio
import os
import sys
from contextlib import suppress
from typing import Protocol, Self

from optimizer.environment import for_child

_START = "optimizer.studies.running.child_start"
#: Module of the process that runs studies.
WORKER = "optimizer.studies.worker"
#: Module of the process that draws.
DRAWING = "reports.__main__"
#: Children yield the processor to the bot; on an idle core they run at full speed.
NICENESS = 10
#: Longest answer in bytes: the file names of a report, never a report.
LONGEST_LINE = 2**20
#: A child computes on one core, so its libraries must not start a thread for each core. Two arenas for its memory
#: instead of eight a core: what one thread frees, another uses again (long histories took a quarter less).
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}


class ChildDied(Exception):
    """Process ended before it answered."""


class RunningProcess(Protocol):
    """What is needed of a process: of an `asyncio.subprocess.Process`, or of one that was forked."""

    stdin: asyncio.StreamWriter | None
    stdout: asyncio.StreamReader | None

    @property
    def pid(self) -> int:
        """Process id."""
        ...

    @property
    def returncode(self) -> int | None:
        """Exit code, negative for a signal; None while it is not known to have ended."""
        ...

    def kill(self) -> None:
        """Kill it at once."""
        ...

    async def wait(self) -> int:
        """Wait for its end; returns the exit code."""
        ...


class ChildProcess:
    """Process that runs the `main` of a module."""

    def __init__(self, process: RunningProcess) -> None:
        self._process = process

    @classmethod
    async def spawn(cls, module: str) -> Self:
        """Start a process; it imports and compiles while the caller continues."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            _START,
            module,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=LONGEST_LINE,
            env=for_child(os.environ, **ENVIRONMENT),
            process_group=0,  # Ctrl-C in a terminal is for its parent, which ends it
        )
        return cls(process)

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    async def request(self, line: str) -> bytes:
        """Send one line and wait for the line that answers it; raises ChildDied when the process ended instead."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line.encode() + b"\n")
            await self._process.stdin.drain()
        except (BrokenPipeError, ConnectionResetError) as failure:
            raise ChildDied from failure
        return await self.hear()

    async def hear(self) -> bytes:
        """Wait for the next line; raises ChildDied when the process ended instead."""
        assert self._process.stdout is not None
        try:
            answer = await self._process.stdout.readline()
        except (BrokenPipeError, ConnectionResetError) as failure:
            raise ChildDied from failure
        if not answer.endswith(b"\n"):  # nothing, or half a line
            raise ChildDied
        return answer

    async def exit_code(self) -> int | None:
        """Exit code of a process that is ending, negative for a signal; None where it does not end within a second."""
        with suppress(TimeoutError):
            return await asyncio.wait_for(self._process.wait(), 1.0)
        return None

    @property
    def has_ended(self) -> bool:
        """True if the process is known to have ended."""
        return self._process.returncode is not None

    def end(self) -> None:
        """Kill at once; children are crash-safe by design. A waiting `ask` raises ChildDied."""
        if not self.has_ended:
            self._process.kill()

    async def stop(self) -> None:
        """Kill at once and wait for the end; children are crash-safe by design."""
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        # A waiting `ask` reads the end of the pipe itself; otherwise it is read here, so that the pipe is closed.
        # The socket of a forked process has an error where a question was not read any more.
        with suppress(RuntimeError, OSError):
            await self._process.stdout.read()
