"""Socket Mode's sending side: a WebSocket that says hello, delivers envelopes and keeps the acks.

Source: docs.slack.dev/apis/events-api/using-socket-mode.
"""

import asyncio
import itertools
import json
import time
from dataclasses import dataclass

from aiohttp import WSMsgType, web

from tests.slack.ledger import Ledger
from tests.slack.workspace import APP_ID, Json


@dataclass(kw_only=True)
class Envelope:
    """One envelope on its way: when it went, and the ack with its payload when it came."""

    id: str
    kind: str
    payload: Json
    sent_at: float
    acked_at: float = 0.0
    answer: Json | None = None

    @property
    def is_acked(self) -> bool:
        """Whether the bot answered."""
        return self.acked_at > 0

    @property
    def seconds(self) -> float:
        """From sending to the ack."""
        return self.acked_at - self.sent_at


class SocketMode:
    """The open connections of one app; envelopes go to the newest, each is acked once."""

    def __init__(self, ledger: Ledger) -> None:
        self.url = ""
        self.envelopes: dict[str, Envelope] = {}
        self._ledger = ledger
        self._sockets: list[web.WebSocketResponse] = []
        self._tickets = itertools.count(1)
        self._issued: set[str] = set()

    @property
    def n_connections(self) -> int:
        """How many connections are open."""
        return len(self._sockets)

    def open_url(self) -> Json:
        """The answer of apps.connections.open: a URL good for one connection."""
        ticket = f"t{next(self._tickets)}"
        self._issued.add(ticket)
        return {"url": f"{self.url}?ticket={ticket}"}

    async def connect(self, request: web.Request) -> web.StreamResponse:
        """A bot connects: hello, then its acks until it leaves."""
        ticket = request.query.get("ticket", "")
        if ticket not in self._issued:
            return web.Response(status=401)
        self._issued.remove(ticket)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_str(json.dumps(self._hello()))
        self._sockets.append(socket)
        self._ledger.wake()
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    self._take_ack(message.data)
        finally:
            if socket in self._sockets:
                self._sockets.remove(socket)
            self._ledger.wake()
        return socket

    def _hello(self) -> Json:
        return {
            "type": "hello",
            "num_connections": len(self._sockets) + 1,
            "connection_info": {"app_id": APP_ID},
            "debug_info": {"host": "applink-1", "approximate_connection_time": 3600},
        }

    def _take_ack(self, text: str) -> None:
        ack = json.loads(text) if text.startswith("{") else {}
        envelope = self.envelopes.get(ack.get("envelope_id", ""))
        if envelope is None:
            self._ledger.violate("unknown_envelope", text[:200], "socket_mode")
        elif envelope.is_acked:
            self._ledger.violate("acked_twice", envelope.id, "socket_mode")
        else:
            envelope.acked_at, envelope.answer = time.monotonic(), ack.get("payload")
            self._ledger.wake()

    async def deliver(self, kind: str, payload: Json, *, envelope_id: str = "", retry: int = 0) -> Envelope:
        """Send an envelope to the newest connection; with the id of an old one it is a redelivery."""
        envelope = Envelope(
            id=envelope_id or f"env-{len(self.envelopes) + 1}", kind=kind, payload=payload, sent_at=time.monotonic()
        )
        self.envelopes[envelope.id] = envelope
        wire: Json = {
            "envelope_id": envelope.id,
            "type": kind,
            "payload": payload,
            "accepts_response_payload": kind != "events_api",
        }
        if retry:
            wire |= {"retry_attempt": retry, "retry_reason": "timeout"}
        await self._sockets[-1].send_str(json.dumps(wire))
        return envelope

    async def acked(self, envelope: Envelope, *, seconds: float = 3.0) -> Envelope:
        """Wait for the ack; AssertionError when it does not come in time."""
        await self._ledger.until(lambda: envelope.is_acked, seconds=seconds, what=f"ack of {envelope.kind}")
        return envelope

    async def disconnect(self, reason: str = "refresh_requested") -> None:
        """Tell every bot that its connection ends soon, and end it."""
        for socket in list(self._sockets):
            await socket.send_str(json.dumps({"type": "disconnect", "reason": reason}))
        await self.close()

    async def close(self) -> None:
        """End every connection."""
        await asyncio.gather(*(socket.close() for socket in list(self._sockets)))
