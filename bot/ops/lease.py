"""Lease: one bot at a time works on a database; another waits until the holder's heartbeat has stopped.

No clock is compared with another machine's. The holder raises a counter every few seconds, and takes its
own lease back at once after a crash; a waiting bot must have seen the same count, without a gap in its
own polling, until the lease expires. So a server outage costs nobody the lease.
"""

import asyncio
import logging
import os
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pymongo.errors import DuplicateKeyError

from bot.documents.lease_record import Lease
from optimizer.storage.outage import OUTAGE, patiently

log = logging.getLogger(__name__)

_NAME = "bot"
_FILE = "identity"


@dataclass(frozen=True, kw_only=True)
class LeaseTimings:
    """Timings in seconds: heartbeat, standby polling, expiry."""

    heartbeat: float = 4.0
    poll: float = 2.0
    expiry: float = 20.0


def identity_of(home: Path) -> str:
    """Return the permanent identity of a data directory, which only one process can own at a time."""
    file = home / _FILE
    if not file.exists():
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as handle:
            handle.write(secrets.token_hex(8))
    return file.read_text()


@asynccontextmanager
async def hold_lease(
    holder: str, *, on_lost: Callable[[], None], timings: LeaseTimings | None = None
) -> AsyncIterator[None]:
    """Wait for the lease and hold it inside the block. `on_lost` is called if another bot takes it after all."""
    timings = timings or LeaseTimings()
    await _wait_for_lease(holder, timings)
    log.info("lease_taken holder=%s", holder)
    beating = asyncio.create_task(_beat(holder, timings, on_lost))
    try:
        yield
    finally:
        beating.cancel()
        await asyncio.gather(beating, return_exceptions=True)
        with suppress(*OUTAGE):
            await Lease.get_motor_collection().delete_one({"lease_name": _NAME, "holder": holder})


async def _wait_for_lease(holder: str, timings: LeaseTimings) -> None:
    loop = asyncio.get_running_loop()
    seen, since, polled_at = await patiently(_read_lease, what="lease"), loop.time(), loop.time()
    while True:
        stopped = seen if loop.time() - since >= timings.expiry else None
        if await patiently(partial(_take, holder, stopped), what="lease"):
            return
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
    collection = Lease.get_motor_collection()
    either = [{"holder": holder}, *([{"holder": stopped[0], "beats": stopped[1]}] if stopped else [])]
    change = {"$set": {"holder": holder}, "$inc": {"beats": 1}}
    if (await collection.update_one({"lease_name": _NAME, "$or": either}, change)).matched_count:
        return True
    try:
        await collection.insert_one({"lease_name": _NAME, "holder": holder, "beats": 1})
    except DuplicateKeyError:
        return False
    return True


async def _beat(holder: str, timings: LeaseTimings, on_lost: Callable[[], None]) -> None:
    while await patiently(lambda: _take(holder, None), what="lease"):
        await asyncio.sleep(timings.heartbeat)
    log.error("lease_lost holder=%s", holder)
    on_lost()
