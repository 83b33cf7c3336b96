"""HTTP connections with limits: times for the head and the body of a request, and a number of connections.

uvicorn limits only the time between two requests. Here a connection that waits for a request, or for the rest of its
head, is closed after seconds, a body too; and where there are as many connections as this process may hold, the one
that has waited longest makes room. So connections that ask for nothing keep nobody out.
"""

import asyncio
import logging
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar

import h11
from starlette.requests import Request
from starlette.responses import Response
from uvicorn.protocols.http.h11_impl import H11Protocol

from bot.runtime.seldom import Seldom, SeldomFilter

log = logging.getLogger(__name__)

#: Connections that the system keeps for us until we accept them; asyncio accepts as many at once.
BACKLOG = 128
#: Descriptors for everything but these connections: files, MongoDB, Slack, children, and those being accepted.
_RESERVED = BACKLOG + 256
_LEAST, _MOST = 64, 1000
_ACCEPT_FAILED = "socket.accept() out of system resource"


def most_connections() -> int:
    """Return how many connections this process may hold, by the files that it may open."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _MOST if soft == resource.RLIM_INFINITY else min(max(soft - _RESERVED, _LEAST), _MOST)


@dataclass(kw_only=True)
class Doors:
    """Limits of a server's connections, and those that wait for a request, the longest waiting first."""

    most: int = field(default_factory=most_connections)
    head_seconds: float = 10.0
    body_seconds: float = 30.0
    n_open: int = 0
    waiting: dict["LimitedProtocol", None] = field(default_factory=dict)

    def protocol(self) -> type[asyncio.Protocol]:
        """Build the protocol for uvicorn."""
        return type("DoorProtocol", (LimitedProtocol,), {"doors": self})


class LimitedProtocol(H11Protocol):
    """One connection. Made by `Doors.protocol`."""

    doors: ClassVar[Doors]

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._timer: asyncio.TimerHandle | None = None
        self._timed: object = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """Take a connection, in the place of one that waits if there are too many."""
        super().connection_made(transport)
        doors = self.doors
        doors.n_open += 1
        if doors.n_open > doors.most:
            next(iter(doors.waiting), self).transport.abort()
        doors.waiting[self] = None
        self._watch(is_begun=True)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget a connection."""
        self.doors.n_open -= 1
        self.doors.waiting.pop(self, None)
        self._set_timer(None, 0.0)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take a part of a request."""
        super().data_received(data)
        self._watch(is_begun=True)

    def on_response_complete(self) -> None:
        """Go on after a request: uvicorn's own timer runs until the first byte of the next."""
        super().on_response_complete()
        self._watch(is_begun=bool(self.conn.trailing_data[0]))

    def _watch(self, *, is_begun: bool) -> None:
        """Set the timer for what this connection waits for now; what it waited for before keeps its own."""
        is_waiting = self.conn.their_state is h11.IDLE
        if is_waiting:
            self.doors.waiting.setdefault(self)
        else:
            self.doors.waiting.pop(self, None)
        if is_waiting and is_begun:
            self._set_timer(("head", self.cycle), self.doors.head_seconds)
        elif self.conn.their_state is h11.SEND_BODY:
            self._set_timer(("body", self.cycle), self.doors.body_seconds)
        else:
            self._set_timer(None, 0.0)

    def _set_timer(self, timed: object, seconds: float) -> None:
        if timed == self._timed:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timed = timed
        self._timer = self.loop.call_later(seconds, self.transport.close) if timed is not None else None


async def answer_nobody(request: Request, error: Exception) -> Response:
    """Answer a request whose connection ended inside its body, which is no fault of ours (an exception handler)."""
    return Response(status_code=400)


@contextmanager
def quiet_log() -> Iterator[None]:
    """Bound what strangers can write into the log inside the block: failed accepts, and requests that are no HTTP."""
    loop, failed, bounded = asyncio.get_running_loop(), Seldom(), SeldomFilter()
    before = loop.get_exception_handler()

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if context.get("message") != _ACCEPT_FAILED:
            loop.default_exception_handler(context)
        elif number := failed.due():
            log.error("accept_failed error=%s n=%s", context.get("exception"), number)

    loop.set_exception_handler(handle)
    logging.getLogger("uvicorn.error").addFilter(bounded)
    try:
        yield
    finally:
        logging.getLogger("uvicorn.error").removeFilter(bounded)
        loop.set_exception_handler(before)
