"""Tasks that end with the bot: background tasks that outlast their answer, and the answers under way."""

import asyncio
import functools
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec

from optimizer.supervisor import begin_alone

#: Seconds that answers under way may take once the bot is stopped.
GRACE_SECONDS = 3.0

P = ParamSpec("P")


class BackgroundTasks:
    """Background tasks of listeners: kept until they are done, logged when they fail."""

    def __init__(self, *, grace_seconds: float = GRACE_SECONDS) -> None:
        self._grace_seconds = grace_seconds
        self._tasks: set[asyncio.Task[None]] = set()
        self._answering: set[asyncio.Task[Any]] = set()

    def finish(self, listener: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, Coroutine[Any, Any, None]]:
        """Wrap a listener so that a bot that stops lets its answer be given, for a moment, and then ends it.

        Bolt starts a task for each request and lets go of it.
        """

        @functools.wraps(listener)
        async def tracked(*args: P.args, **kwargs: P.kwargs) -> None:
            task = asyncio.current_task()
            assert task is not None
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)
            await listener(*args, **kwargs)

        return tracked

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Start a task, which words its own UserErrors."""
        task = begin_alone(work, name="background_task")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """Wait a moment for the answers under way, and cancel all unfinished tasks."""
        if self._answering:
            await asyncio.wait(self._answering, timeout=self._grace_seconds)
        unfinished = [*self._tasks, *self._answering]
        for task in unfinished:
            task.cancel()
        await asyncio.gather(*unfinished, return_exceptions=True)
