"""A study's progress as server-sent events: what a page shows instead, each time it changes.

Source of the format: html.spec.whatwg.org/multipage/server-sent-events.html.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import TypeVar

from bot.live import Progress

Item = TypeVar("Item")

MEDIA_TYPE = "text/event-stream"
#: A comment after so long a silence keeps whoever stands between from closing the line.
SILENCE_SECONDS = 15.0
#: After so long the browser is let go; it comes back by itself, and shows its cookie again.
LONGEST_SECONDS = 300.0


async def events(progress: AsyncIterator[Progress], words: Callable[[Progress], str]) -> AsyncIterator[str]:
    """One event a look: `progress` with the HTML to show, and at the end `ended`."""
    until = asyncio.get_running_loop().time() + LONGEST_SECONDS
    async for found in _patiently(progress, until):
        if found is None:
            yield ": still here\n\n"
        else:
            yield f"event: progress\ndata: {json.dumps({'html': words(found)})}\n\n"
            if found.has_ended:
                yield "event: ended\ndata: {}\n\n"


async def _patiently(items: AsyncIterator[Item], until: float) -> AsyncIterator[Item | None]:
    """The items, with None for every long silence; no more after `until`."""
    loop = asyncio.get_running_loop()
    coming = asyncio.ensure_future(anext(items, None))
    try:
        while loop.time() < until:
            done, _ = await asyncio.wait({coming}, timeout=SILENCE_SECONDS)
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
