"""Retries during an outage of MongoDB, for idempotent actions."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from pymongo.errors import (
    AutoReconnect,
    ConnectionFailure,
    NetworkTimeout,
    ServerSelectionTimeoutError,
    WaitQueueTimeoutError,
)

log = logging.getLogger(__name__)

Result = TypeVar("Result")

#: Errors of a server that is unreachable, restarting or overloaded.
OUTAGE = (AutoReconnect, ConnectionFailure, NetworkTimeout, ServerSelectionTimeoutError, WaitQueueTimeoutError)
_LONGEST_PAUSE = 5.0


async def patiently(action: Callable[[], Awaitable[Result]], *, what: str) -> Result:
    """Retry an idempotent action until MongoDB is available; other errors are raised."""
    pause = 0.1
    while True:
        try:
            return await action()
        except OUTAGE as outage:
            log.warning("mongo_away what=%s error=%s", what, type(outage).__name__)
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
