"""Turns: whose study a program's own workers take next, so that nobody's many studies hold up another's one."""

import asyncio
from collections import Counter, defaultdict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_Granted = asyncio.Future[None]


class Turns:
    """A number of places, and whoever waits for one.

    A free place is for the person who has the fewest, of those for the one who was given one longest ago, and of theirs
    for who has waited longest.
    """

    def __init__(self, n_places: int, *, per_person: int) -> None:
        """`per_person` is the most places that one person has at once."""
        self._n_free = n_places
        self._per_person = per_person
        self._taken: Counter[str] = Counter()
        self._waiting: defaultdict[str, deque[_Granted]] = defaultdict(deque)
        self._given: dict[str, int] = {}  # of each person the number of the last place that was given
        self._n_given = 0

    @asynccontextmanager
    async def of(self, person: str) -> AsyncIterator[None]:
        """Wait for a place and keep it for the block."""
        granted: _Granted = asyncio.get_running_loop().create_future()
        self._waiting[person].append(granted)
        self._give()
        try:
            await granted
        except asyncio.CancelledError:
            if not granted.cancelled():  # it was granted in the same moment
                self._take_back(person)
            raise
        try:
            yield
        finally:
            self._take_back(person)

    def _take_back(self, person: str) -> None:
        self._taken[person] -= 1
        self._n_free += 1
        self._give()

    def _give(self) -> None:
        """Give free places as long as somebody may have one."""
        while self._n_free and (person := self._next()) is not None:
            self._n_given += 1
            self._n_free -= 1
            self._taken[person] += 1
            self._given[person] = self._n_given
            self._waiting[person].popleft().set_result(None)

    def _next(self) -> str | None:
        for person, waiting in list(self._waiting.items()):
            while waiting and waiting[0].cancelled():
                waiting.popleft()
            if not waiting:
                del self._waiting[person]
        may = [person for person in self._waiting if self._taken[person] < self._per_person]
        return min(may, key=lambda person: (self._taken[person], self._given.get(person, 0)), default=None)
