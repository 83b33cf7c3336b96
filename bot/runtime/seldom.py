"""Log lines that strangers can cause: once a minute with their number, however often they come."""

import logging
import time
from collections import defaultdict
from collections.abc import Callable

#: Seconds between two lines about the same thing.
MINUTE = 60.0


class Seldom:
    """Counts what happens, and says when a line about it is due."""

    def __init__(self, seconds: float = MINUTE, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._next = float("-inf")
        self._count = 0

    def due(self) -> int:
        """Count once more; returns the number since the last line when one is due, else 0."""
        self._count += 1
        now = self._clock()
        if now < self._next:
            return 0
        number, self._count, self._next = self._count, 0, now + self._seconds
        return number


class SeldomFilter(logging.Filter):
    """Filter that passes each of a library's warnings once a minute."""

    def __init__(self, seconds: float = MINUTE, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._of: defaultdict[str, Seldom] = defaultdict(lambda: Seldom(seconds, clock))

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a record is written, with the number of those like it."""
        if record.levelno != logging.WARNING:
            return True
        if number := self._of[str(record.msg)].due():
            record.msg = f"{record.msg} n={number}"
        return number > 0
