"""Machines: the worker programs of a database, and how long each has been silent by this process's own clock."""

import asyncio
from dataclasses import dataclass

from optimizer.storage.documents import WorkerProgram
from optimizer.storage.leases import HEARTBEAT_SECONDS
from optimizer.storage.outage import patiently

#: Seconds of silence after which a program is told to be silent, and after which it is forgotten.
SILENT_SECONDS, FORGOTTEN_SECONDS = 3 * HEARTBEAT_SECONDS, 3600.0


@dataclass(frozen=True, kw_only=True)
class SeenProgram:
    """Worker program as seen from here."""

    machine: str
    size: int  # studies that it runs at once
    code_version: str
    silent: float  # seconds

    @property
    def is_silent(self) -> bool:
        """True if it has missed beats."""
        return self.silent >= SILENT_SECONDS


class Machines:
    """Looks at the beats of worker programs, again and again."""

    def __init__(self) -> None:
        self._beats: dict[str, tuple[int, float]] = {}  # the last one of each pool, and when it was new
        self._seen: list[SeenProgram] = []
        self._looked_at: float | None = None

    async def look(self) -> None:
        """Look once, waiting out an outage of MongoDB."""
        programs = await patiently(lambda: WorkerProgram.find_all().to_list(), what="workers")
        now, before = asyncio.get_running_loop().time(), self._beats
        self._looked_at, self._beats = now, {}
        for program in programs:
            beat, since = before.get(program.pool, (program.beat, now))
            self._beats[program.pool] = (program.beat, since if beat == program.beat else now)
        gone = [pool for pool, (_, since) in self._beats.items() if now - since > FORGOTTEN_SECONDS]
        if gone:
            await WorkerProgram.find({"pool": {"$in": gone}}).delete()
        self._seen = [
            SeenProgram(
                machine=program.machine,
                size=program.size,
                code_version=program.code_version,
                silent=now - self._beats[program.pool][1],
            )
            for program in programs
            if program.pool not in gone
        ]

    async def seen(self) -> list[SeenProgram]:
        """Programs that were seen; whoever does not look all the time needs two looks to know which of them live."""
        if self._looked_at is None:
            await self.look()
            if self._seen:
                await asyncio.sleep(SILENT_SECONDS)
                await self.look()
        return self._seen
