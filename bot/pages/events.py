"""Progress of a study as server-sent events: new HTML for the page at each change.

Source of the format: html.spec.whatwg.org/multipage/server-sent-events.html.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import TypeVar

from bot.delivery.progress import Progress

Item = TypeVar("Item")

MEDIA_TYPE = "text/event-stream"
#: A comment after this much silence keeps proxies from closing the connection.
SILENCE_SECONDS = 15.0
#: The stream ends after this time; the browser reconnects by itself, and its cookie is checked again.
LONGEST_SECONDS = 300.0


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
    coming = asyncio.ensure_future(anext(items, None))
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
            coming = asyncio.ensure_future(anext(items, None))
    finally:
        coming.cancel()
