"""A child process that answers lines with lines: one request, one answer, and it ends with its parent."""

import asyncio
import os
import sys
from contextlib import suppress
from typing import Self

#: Children compute; whoever talks to people comes first. On an idle core they run at full speed all the same.
NICENESS = 10
#: One answer may hold a whole report's file names, never a report.
_LONGEST_LINE = 2**20
#: A child computes on one core; its libraries must not start a thread for each.
_ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


class ChildDied(Exception):
    """The process ended in the middle of a request."""


class ChildProcess:
    """One process running `python -m MODULE`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def spawn(cls, module: str) -> Self:
        """Start a process; it imports and compiles while the caller does other things."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            module,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=_LONGEST_LINE,
            env=os.environ | _ENVIRONMENT,
        )
        return cls(process)

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    async def request(self, line: str) -> bytes:
        """Send one line and wait for the line that answers it; raises ChildDied when the process ended instead."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(line.encode() + b"\n")
            await self._process.stdin.drain()
            answer = await self._process.stdout.readline()
        except (BrokenPipeError, ConnectionResetError) as failure:
            raise ChildDied from failure
        if not answer.endswith(b"\n"):  # nothing, or half a line
            raise ChildDied
        return answer

    @property
    def has_ended(self) -> bool:
        """Whether the process is known to be gone."""
        return self._process.returncode is not None

    def end(self) -> None:
        """Kill it, whatever it is doing: a child is made to be lost at any moment. Whoever asked sees ChildDied."""
        if not self.has_ended:
            self._process.kill()

    async def stop(self) -> None:
        """End it, whatever it is doing: a child is made to be lost at any moment."""
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        # Whoever still waits for an answer reads the end itself; else it is read here, so that the pipe is closed.
        with suppress(RuntimeError):
            await self._process.stdout.read()
