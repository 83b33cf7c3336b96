"""Tasks: the one module that starts them, so that none ends without anybody noticing.

Whatever runs as long as the process does is a step that a `Supervisor` repeats: what a step raises is logged with a
reference, and the step is tried again after a growing pause; after minutes of nothing but failures the process ends,
so that whatever watches over it starts it anew. Short work is begun with `begin`, when its caller awaits it, or with
`begin_alone`, which logs what it raises.
"""

import asyncio
import logging
import secrets
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

log = logging.getLogger(__name__)

Result = TypeVar("Result")
Step = Callable[[], Awaitable[object]]

#: Seconds of a step's failures without a success until the process ends.
PATIENCE_SECONDS = 600.0
#: A step that has not succeeded for this many seconds does not work, whether it fails or never ends.
STALE_SECONDS = 120.0


@dataclass(kw_only=True)
class Backoff:
    """Growing pauses between attempts: the failures in a row, and the time before which there is no next attempt."""

    first: float = 1.0
    longest: float = 60.0
    times: int = 0
    until: float = 0.0

    def extend(self, now: float) -> float:
        """Count another failure; returns the pause in seconds."""
        pause = min(self.first * 2.0 ** min(self.times, 30), self.longest)
        self.until = now + pause
        self.times += 1
        return pause


@dataclass(kw_only=True)
class _Loop:
    """Step that is repeated, and how it fares."""

    name: str
    step: Step
    every: float
    succeeded_at: float
    backoff: Backoff = field(default_factory=Backoff)


class Supervisor:
    """Repeats steps for as long as a program runs, whatever they raise."""

    def __init__(
        self,
        *,
        on_end: Callable[[], None] | None = None,
        is_fatal: Callable[[BaseException], bool] = lambda _: False,
        patience: float = PATIENCE_SECONDS,
        first_pause: float = 1.0,
    ) -> None:
        """`on_end` ends the process, by default with SIGTERM; it is called once."""
        self._on_end = on_end or partial(signal.raise_signal, signal.SIGTERM)
        self._is_fatal = is_fatal
        self._patience = patience
        self._first_pause = first_pause
        self._loops: list[_Loop] = []
        self._has_ended = False

    @asynccontextmanager
    async def repeat(self, name: str, step: Step, *, every: float) -> AsyncIterator[None]:
        """Repeat a step inside the block, with a pause of `every` seconds after each success."""
        backoff = Backoff(first=self._first_pause)
        loop = _Loop(name=name, step=step, every=every, succeeded_at=_now(), backoff=backoff)
        running = begin(self._run(loop))
        self._loops.append(loop)
        try:
            yield
        finally:
            self._loops.remove(loop)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    def failing(self) -> list[str]:
        """Return the names of the steps that do not work now."""
        now = _now()
        return [loop.name for loop in self._loops if loop.backoff.times or now - loop.succeeded_at > STALE_SECONDS]

    def end(self) -> None:
        """End the process, once: something that it cannot do without is gone."""
        if not self._has_ended:
            self._has_ended = True
            self._on_end()

    async def _run(self, loop: _Loop) -> None:
        while True:
            [outcome] = await asyncio.gather(loop.step(), return_exceptions=True)
            if isinstance(outcome, BaseException):
                await asyncio.sleep(self._record(loop, outcome))
            else:
                loop.succeeded_at, loop.backoff.times = _now(), 0
                await asyncio.sleep(loop.every)

    def _record(self, loop: _Loop, fault: BaseException) -> float:
        """Log a fault, end the process when it is time to; returns the pause before the next attempt."""
        reference, now = secrets.token_hex(3), _now()
        pause = loop.backoff.extend(now)
        log.error("loop_broke name=%s reference=%s again_in=%.0f", loop.name, reference, pause, exc_info=fault)
        if self._is_fatal(fault) or now - loop.succeeded_at >= self._patience:
            log.critical("loop_given_up name=%s reference=%s", loop.name, reference)
            self.end()
        return pause


def begin(work: Coroutine[Any, Any, Result]) -> "asyncio.Task[Result]":
    """Begin work that the caller awaits; what it raises is the caller's."""
    return asyncio.create_task(work)


def begin_alone(work: Coroutine[Any, Any, None], *, name: str) -> "asyncio.Task[None]":
    """Begin work that nobody awaits; what it raises is logged with a reference. The caller keeps the task."""
    task = asyncio.create_task(work)
    task.add_done_callback(lambda done: log_fault(done, name=name))
    return task


def log_fault(task: "asyncio.Task[Any]", *, name: str) -> str:
    """Log what a task that is done has raised; returns the reference, empty where it raised nothing."""
    if task.cancelled() or (fault := task.exception()) is None:
        return ""
    reference = secrets.token_hex(3)
    log.error("%s_broke reference=%s", name, reference, exc_info=fault)
    return reference


def _now() -> float:
    return asyncio.get_running_loop().time()
