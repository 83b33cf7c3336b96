"""Requests to a source over a network: time-out, retries with growing waits, rate limit."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from optimizer.errors import Phrase, ProviderDown

Answer = TypeVar("Answer")
#: Remedy of most troubles.
LATER = Phrase("later_or_other_source")


class Trouble(Exception):
    """Failure of a request: `is_passing` if another try may help, `wait` in seconds if the source requested one."""

    def __init__(
        self, reason: Phrase, *, is_passing: bool = True, wait: float | None = None, remedy: Phrase | None = None
    ) -> None:
        super().__init__(str(reason))
        self.reason = reason
        self.is_passing = is_passing
        self.wait = wait
        self.remedy = remedy


@contextmanager
def reported(provider: str, symbol: str, *, remedy: Phrase = LATER) -> Iterator[None]:
    """Raise a Trouble of the block as ProviderDown, with the trouble's own remedy if it has one."""
    try:
        yield
    except Trouble as trouble:
        raise ProviderDown(
            provider=provider, symbol=symbol, reason=trouble.reason, remedy=trouble.remedy or remedy
        ) from None


@dataclass(frozen=True, kw_only=True)
class Patience:
    """Retry policy, in seconds; tests pass `pause` and `clock`."""

    timeout: float = 10.0
    attempts: int = 3
    first_wait: float = 1.0  # doubled after each failure
    longest_wait: float = 30.0  # a source that requests more counts as down
    pause: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def ask(self, request: Callable[[], Answer]) -> Answer:
        """Answer of the first request that succeeds. Raises the Trouble of the last one when none does."""
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
    """Rate limit: keeps requests at least some seconds apart."""

    def __init__(self, seconds: float, patience: Patience) -> None:
        self._seconds = seconds
        self._patience = patience
        self._last: float | None = None
        self._turn = threading.Lock()

    def keep(self) -> None:
        """Wait until the next request is allowed."""
        with self._turn:
            now = self._patience.clock()
            if self._last is not None and (early := self._last + self._seconds - now) > 0:
                self._patience.pause(early)
            self._last = self._patience.clock()
