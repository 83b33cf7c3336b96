"""Reaper: takes a study away from a worker on another machine that shows no sign of life any more.

It judges by its own timer and by the beats that workers write, never by a clock of theirs, and starts over after any
gap in its own looking: an outage of MongoDB costs nobody a study.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from optimizer.storage.documents import OptimizationStudy
from optimizer.storage.driver import collection_of
from optimizer.storage.leases import EXPIRY_SECONDS, take_away
from optimizer.storage.outage import patiently
from optimizer.studies.running.deaths import fail_lost

log = logging.getLogger(__name__)

#: Seconds between two looks.
LOOK_SECONDS = 5.0


@dataclass(frozen=True)
class _Sign:
    token: int
    beat: int


class Reaper:
    """Looks at every study that another program's worker holds."""

    def __init__(
        self,
        pool: str,
        *,
        on_free: Callable[[str], Awaitable[None]] | None = None,
        expiry: float = EXPIRY_SECONDS,
        every: float = LOOK_SECONDS,
    ) -> None:
        """`pool` is the reaper's own, whose workers it need not watch; `on_free` is told of a study taken away."""
        self._pool = pool
        self._on_free = on_free
        self._expiry = expiry
        self._every = every
        self._seen: dict[str, tuple[_Sign, float]] = {}
        self._looked_at = 0.0

    async def tick(self) -> None:
        """Look once, waiting out an outage of MongoDB."""
        await patiently(self.look, what="leases")

    async def look(self) -> None:
        """Look at every lease once; end those whose beat has stood still for as long as it takes."""
        query = {
            "lease.owner": {"$ne": None},
            "lease.pool": {"$ne": self._pool},
            "status": {"$in": ["queued", "running"]},
        }
        wanted = {"study_name": True, "lease": True}
        held = await collection_of(OptimizationStudy).find(query, wanted).to_list(None)
        now = asyncio.get_running_loop().time()
        before = self._seen if now - self._looked_at < 2 * self._every + 1.0 else {}
        self._looked_at, self._seen = now, {}
        for study in held:
            name, lease = study["study_name"], study["lease"]
            sign = _Sign(lease["token"], lease["beat"])
            seen, since = before.get(name, (sign, now))
            self._seen[name] = (sign, since if seen == sign else now)
            if seen == sign and now - since >= self._expiry:
                await self._take_away(name, sign, lease["machine"])

    async def _take_away(self, name: str, sign: _Sign, machine: str) -> None:
        del self._seen[name]
        if not await take_away(name, sign.token, sign.beat):
            return
        log.warning("study_taken_away study=%s machine=%s", name, machine)
        await fail_lost(name, self._pool)
        if self._on_free is not None:
            await self._on_free(name)
