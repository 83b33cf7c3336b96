"""Progress of a study as server-sent events: new HTML for the page at each change.

A person may have only so many open, since each reads the documents again and again.
Source of the format: html.spec.whatwg.org/multipage/server-sent-events.html.
"""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import TypeVar

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from bot.delivery.progress import Progress
from bot.pages.errors import TooManyOpen
from optimizer.supervisor import begin

Item = TypeVar("Item")

MEDIA_TYPE = "text/event-stream"
#: A comment after this much silence keeps proxies from closing the connection.
SILENCE_SECONDS = 15.0
#: The stream ends after this time; the browser reconnects by itself, and its cookie is checked again.
LONGEST_SECONDS = 300.0
#: Most streams that a person may have open.
MAX_STREAMS = 16


class EventStream(StreamingResponse):
    """Response of events, counted among those that a person has open."""

    def __init__(self, content: AsyncIterator[str], *, person: str, n_open: Counter[str]) -> None:
        super().__init__(content, media_type=MEDIA_TYPE, headers={"X-Accel-Buffering": "no"})
        self._person = person
        self._n_open = n_open

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events; raises TooManyOpen before the first."""
        if self._n_open[self._person] >= MAX_STREAMS:
            raise TooManyOpen(limit=MAX_STREAMS)
        self._n_open[self._person] += 1
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._n_open[self._person] -= 1


async def events(
    progress: AsyncIterator[Progress],
    words: Callable[[Progress], str],
    *,
    silence: float = SILENCE_SECONDS,
    longest: float = LONGEST_SECONDS,
) -> AsyncIterator[str]:
    """Yield one event per change: `progress` with the HTML, and at the end `ended`. Times are in seconds."""
    until = asyncio.get_running_loop().time() + longest
    async for found in _with_keepalives(progress, until, silence):
        if found is None:
            yield ": still here\n\n"
        else:
            yield f"event: progress\ndata: {json.dumps({'html': words(found)})}\n\n"
            if found.has_ended:
                yield "event: ended\ndata: {}\n\n"


async def _with_keepalives(items: AsyncIterator[Item], until: float, silence: float) -> AsyncIterator[Item | None]:
    """Yield the items, with None for every long silence; ends after `until`."""
    loop = asyncio.get_running_loop()
    coming = begin(_next(items))
    try:
        while loop.time() < until:
            done, _ = await asyncio.wait({coming}, timeout=silence)
            if not done:
                yield None
                continue
            item = coming.result()
            if item is None:
                return
            yield item
            coming = begin(_next(items))
    finally:
        coming.cancel()


async def _next(items: AsyncIterator[Item]) -> Item | None:
    return await anext(items, None)
