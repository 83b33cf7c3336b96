"""Retries during an outage of MongoDB, for idempotent actions."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from pymongo.errors import PyMongoError

from optimizer.storage.mongo_errors import Reaction, classify, is_lost_connection

log = logging.getLogger(__name__)

Result = TypeVar("Result")

#: Seconds that a server may go on answering with errors before the last one is raised. A lost connection is waited
#: for without limit: nothing else would bring it back sooner, while an account or a setting may need a person.
ANSWER_SECONDS = 300.0
_LONGEST_PAUSE = 5.0


async def patiently(
    action: Callable[[], Awaitable[Result]], *, what: str, answer_seconds: float = ANSWER_SECONDS
) -> Result:
    """Retry an idempotent action until MongoDB is available; raises the errors that do not wait (`classify`)."""
    pause, answered_at = 0.1, None
    while True:
        try:
            return await action()
        except PyMongoError as error:
            if classify(error) is not Reaction.WAIT:
                raise
            now = asyncio.get_running_loop().time()
            answered_at = None if is_lost_connection(error) else answered_at or now
            if answered_at is not None and now - answered_at >= answer_seconds:
                raise
            log.warning("mongo_away what=%s error=%s", what, name_of(error))
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)


def is_outage(error: BaseException) -> bool:
    """Check for an error of MongoDB that is not about the request: the same one may succeed later."""
    return isinstance(error, PyMongoError) and classify(error) is not Reaction.END_STUDY


def ends_process(error: BaseException) -> bool:
    """Check for an error of MongoDB that nothing can help while this process runs."""
    return isinstance(error, PyMongoError) and classify(error) is Reaction.END_PROCESS


def name_of(error: PyMongoError | TimeoutError) -> str:
    """Return the kind of an error with its code, for the log; never its text, which may name what was stored."""
    code = getattr(error, "code", None)
    return type(error).__name__ + (f":{code}" if code is not None else "")
