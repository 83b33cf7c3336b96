"""Wrong API keys: counted by address, slowed down, and noted in the audit.

A key cannot be guessed; that somebody tries should be seen. Right keys are not slowed, since they may come through the
same proxy. Wrong ones wait in one line, so that many at once are no faster than one after the other.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

#: Wrong keys of one address within a window that are answered at once; the seconds of a window.
FREE, WINDOW_SECONDS = 10, 60.0
#: Seconds that each further one takes, and how many may wait in line: they hold connections.
PAUSE_SECONDS, MOST_WAITING = 0.1, 32
#: Most addresses that are remembered.
_REMEMBERED = 1000


@dataclass
class _Tries:
    since: float
    number: int = 0


class Guesses:
    """Wrong keys since the start of each address's window."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._tries: OrderedDict[str, _Tries] = OrderedDict()
        self._n_waiting = 0
        self._line = asyncio.Lock()

    def count(self, address: str) -> int:
        """Count a wrong key; returns the number of this window."""
        now = self._clock()
        tries = self._tries.pop(address, None)
        if tries is None or now - tries.since >= WINDOW_SECONDS:
            tries = _Tries(now)
        tries.number += 1
        self._tries[address] = tries
        while len(self._tries) > _REMEMBERED:
            self._tries.popitem(last=False)
        return tries.number

    async def slow_down(self) -> bool:
        """Wait in line; False at once where too many do."""
        if self._n_waiting >= MOST_WAITING:
            return False
        self._n_waiting += 1
        try:
            async with self._line:
                await asyncio.sleep(PAUSE_SECONDS)
        finally:
            self._n_waiting -= 1
        return True


def is_noted(number: int) -> bool:
    """True for the first wrong key of a window, the tenth, the hundredth and so on: the audit is not a log."""
    return str(number).rstrip("0") == "1"
