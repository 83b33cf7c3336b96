"""How sources over a network are asked: with a time-out, retries with growing waits, no faster than allowed."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from optimizer.errors import Phrase

Answer = TypeVar("Answer")


class Trouble(Exception):
    """A request failed; `is_passing` says whether another try may help, `wait` how long the source asked for (s)."""

    def __init__(self, reason: Phrase, *, is_passing: bool = True, wait: float | None = None) -> None:
        super().__init__(str(reason))
        self.reason = reason
        self.is_passing = is_passing
        self.wait = wait


@dataclass(frozen=True, kw_only=True)
class Patience:
    """Seconds and counts of asking; `pause` and `clock` are given by tests."""

    timeout: float = 10.0
    attempts: int = 3
    first_wait: float = 1.0  # doubled after each failure
    longest_wait: float = 30.0  # a source that asks for more is down
    pause: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def ask(self, request: Callable[[], Answer]) -> Answer:
        """The answer of the first request that succeeds. Trouble of the last one when none does."""
        for attempt in range(self.attempts):
            try:
                return request()
            except Trouble as trouble:
                wait = trouble.wait if trouble.wait is not None else self.first_wait * 2**attempt
                if not trouble.is_passing or attempt == self.attempts - 1 or wait > self.longest_wait:
                    raise
                self.pause(wait)
        raise Trouble(Phrase("no_attempt"), is_passing=False)


class RateLimit:
    """Keeps requests at least some seconds apart."""

    def __init__(self, seconds: float, patience: Patience) -> None:
        self._seconds = seconds
        self._patience = patience
        self._last: float | None = None

    def keep(self) -> None:
        """Wait until the next request is allowed."""
        now = self._patience.clock()
        if self._last is not None and (early := self._last + self._seconds - now) > 0:
            self._patience.pause(early)
        self._last = self._patience.clock()
