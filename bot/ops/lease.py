"""Lease: one bot at a time works on a database; another waits until the holder's heartbeat has stopped.

No clock is compared with another machine's. The holder raises a counter every few seconds, and takes its
own lease back at once after a crash; a waiting bot must have seen the same count, without a gap in its
own polling, until the lease expires. So a server outage costs nobody the lease.

A holder that has not raised its count for nearly that long, whatever the reason, does nothing until it has: by then
another bot may serve. One that finds another holder ends.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from pymongo.errors import DuplicateKeyError, PyMongoError

from bot.documents.lease_record import Lease
from optimizer.storage.driver import collection_of
from optimizer.storage.outage import name_of, patiently
from optimizer.supervisor import Supervisor

log = logging.getLogger(__name__)

_NAME = "bot"
#: Seconds that MongoDB has for the lease of a bot that ends.
_GIVE_BACK_SECONDS = 2.0


@dataclass(frozen=True, kw_only=True)
class LeaseTimings:
    """Timings in seconds: heartbeat, standby polling, expiry."""

    heartbeat: float = 4.0
    poll: float = 2.0
    expiry: float = 20.0

    @property
    def trusted(self) -> float:
        """Seconds after a heartbeat in which no other bot can have taken the lease."""
        return self.expiry - self.heartbeat


class HeldLease:
    """Lease that this bot has taken, for as long as its heartbeat succeeds."""

    def __init__(
        self,
        holder: str,
        timings: LeaseTimings,
        taken_at: float,
        on_lost: Callable[[], None],
        *,
        predecessor: str = "",
    ) -> None:
        self.predecessor = predecessor  # whose lease it was until its heartbeat stopped; empty: it was free
        self._holder = holder
        self._timings = timings
        self._beaten_at = taken_at  # by the event loop's clock; of the beginning of the write that succeeded
        self._on_lost = on_lost
        self._is_lost = False

    @property
    def is_held(self) -> bool:
        """True while no other bot can have the lease; only then may this bot serve."""
        age = asyncio.get_running_loop().time() - self._beaten_at
        return not self._is_lost and age < self._timings.trusted

    async def beat(self) -> None:
        """Raise the count, waiting out an outage; another bot's lease is lost for good."""
        if self._is_lost or await patiently(self._raise_count, what="lease"):
            return
        self._is_lost = True
        log.error("lease_lost holder=%s", self._holder)
        self._on_lost()

    async def _raise_count(self) -> bool:
        began = asyncio.get_running_loop().time()
        is_mine = await _take(self._holder, None)
        if is_mine:
            self._beaten_at = began
        return is_mine


@asynccontextmanager
async def hold_lease(
    holder: str, supervisor: Supervisor, *, on_lost: Callable[[], None], timings: LeaseTimings | None = None
) -> AsyncIterator[HeldLease]:
    """Wait for the lease and hold it inside the block. `on_lost` is called if another bot takes it after all."""
    timings = timings or LeaseTimings()
    taken_at, predecessor = await _wait_for_lease(holder, timings)
    log.info("lease_taken holder=%s", holder)
    lease = HeldLease(holder, timings, taken_at, on_lost, predecessor=predecessor)
    try:
        async with supervisor.repeat("lease", lease.beat, every=timings.heartbeat):
            yield lease
    finally:
        await _give_back(holder)


async def _give_back(holder: str) -> None:
    """Delete the lease; where MongoDB does not do it at once, the next bot waits until it has expired."""
    try:
        async with asyncio.timeout(_GIVE_BACK_SECONDS):
            await collection_of(Lease).delete_one({"lease_name": _NAME, "holder": holder})
    except (PyMongoError, TimeoutError) as error:
        log.warning("lease_not_given_back error=%s", name_of(error))


async def _wait_for_lease(holder: str, timings: LeaseTimings) -> tuple[float, str]:
    """Take the lease as soon as it is free; returns when, by the event loop's clock, and from whom."""
    loop = asyncio.get_running_loop()
    seen, since, polled_at = await patiently(_read_lease, what="lease"), loop.time(), loop.time()
    while True:
        stopped = seen if loop.time() - since >= timings.expiry else None
        began = loop.time()
        if await patiently(partial(_take, holder, stopped), what="lease"):
            return began, stopped[0] if stopped else ""
        await asyncio.sleep(timings.poll)
        current = await patiently(_read_lease, what="lease")
        has_gap = loop.time() - polled_at > 2 * timings.poll + 1.0
        polled_at = loop.time()
        if current != seen or has_gap:
            seen, since = current, polled_at


async def _read_lease() -> tuple[str, int] | None:
    """Return the holder of the lease, and its count."""
    lease = await Lease.find_one(Lease.lease_name == _NAME)
    return (lease.holder, lease.beats) if lease else None


async def _take(holder: str, stopped: tuple[str, int] | None) -> bool:
    """Take the lease when it is free, ours, or `stopped` as seen; of two concurrent attempts one fails."""
    collection = collection_of(Lease)
    either = [{"holder": holder}, *([{"holder": stopped[0], "beats": stopped[1]}] if stopped else [])]
    change = {"$set": {"holder": holder}, "$inc": {"beats": 1}}
    if (await collection.update_one({"lease_name": _NAME, "$or": either}, change)).matched_count:
        return True
    try:
        await collection.insert_one({"lease_name": _NAME, "holder": holder, "beats": 1})
    except DuplicateKeyError:
        return False
    return True
