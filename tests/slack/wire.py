"""How an act reaches the bot: a signed HTTP request, or an envelope over Socket Mode.

Source: docs.slack.dev/authentication/verifying-requests-from-slack, and the page of each payload.
"""

import json
import time
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import TracebackType
from typing import Protocol
from urllib.parse import urlencode

import aiohttp
from slack_sdk.signature import SignatureVerifier

from tests.slack.inspection import SIGNING_SECRET
from tests.slack.response_urls import ResponseUrl
from tests.slack.socket_mode import SocketMode
from tests.slack.workspace import Json

ACK_SECONDS = 3.0


class Kind(StrEnum):
    """The three ways Slack speaks to an app, by their names in Socket Mode."""

    COMMAND = "slash_commands"
    INTERACTION = "interactive"
    EVENT = "events_api"


@dataclass(frozen=True, kw_only=True)
class SignedRequest:
    """A request as it stands on the wire; sent again it is a replay, changed it is a forgery."""

    url: str
    headers: dict[str, str]
    body: str

    def with_headers(self, **headers: str) -> "SignedRequest":
        """The same with headers put in; underscores stand for dashes."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return replace(self, headers={**self.headers, **named})

    def without(self, *headers: str) -> "SignedRequest":
        """The same without some headers."""
        return replace(self, headers={name: value for name, value in self.headers.items() if name not in headers})


@dataclass(kw_only=True)
class Delivery:
    """What came back: HTTP status (0: nothing), body and seconds until then."""

    status: int
    body: str
    seconds: float
    payload: Json = field(default_factory=dict)
    request: SignedRequest | None = None
    response_url: ResponseUrl | None = None
    trigger_id: str = ""
    #: Socket Mode's envelope, or the event's id: what a redelivery keeps.
    id: str = ""

    @property
    def is_acked(self) -> bool:
        """Whether Slack would take it as acknowledged."""
        return self.status == 200 and self.seconds <= ACK_SECONDS

    @property
    def answer(self) -> Json:
        """The body as JSON; a plain text is a message, as Slack reads it."""
        if not self.body.strip():
            return {}
        try:
            parsed = json.loads(self.body)
        except json.JSONDecodeError:
            return {"text": self.body}
        return parsed if isinstance(parsed, dict) else {"text": self.body}


class Wire(Protocol):
    """Delivers a payload and waits for the ack."""

    async def deliver(self, kind: Kind, payload: Json, *, retry: int = 0, again: str = "") -> Delivery:
        """Deliver; `retry` is the number of a redelivery, `again` the id of what is redelivered."""
        ...


class HttpWire:
    """Posts signed requests to the bot's `/slack/events`."""

    def __init__(self, url: str, *, secret: str = SIGNING_SECRET, patience: float = 10.0) -> None:
        self.url = url
        self._verifier = SignatureVerifier(secret)
        self._session: aiohttp.ClientSession | None = None
        self._patience = aiohttp.ClientTimeout(total=patience)

    async def __aenter__(self) -> "HttpWire":
        self._session = aiohttp.ClientSession(timeout=self._patience)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session:
            await self._session.close()

    def sign(self, body: str, *, form: bool = True, age: float = 0.0) -> SignedRequest:
        """A request signed as Slack signs it, `age` seconds ago."""
        timestamp = str(int(time.time() - age))
        return SignedRequest(
            url=self.url,
            headers={
                "Content-Type": "application/x-www-form-urlencoded" if form else "application/json",
                "X-Slack-Request-Timestamp": timestamp,
                "X-Slack-Signature": str(self._verifier.generate_signature(timestamp=timestamp, body=body)),
            },
            body=body,
        )

    def request(self, kind: Kind, payload: Json, *, age: float = 0.0) -> SignedRequest:
        """The request that carries a payload."""
        if kind is Kind.COMMAND:
            return self.sign(urlencode(payload), age=age)
        if kind is Kind.INTERACTION:
            return self.sign(urlencode({"payload": json.dumps(payload)}), age=age)
        return self.sign(json.dumps(payload), form=False, age=age)

    async def send(self, request: SignedRequest) -> Delivery:
        """Send a request as it is; status 0 when the bot is not there or hangs up."""
        assert self._session, "enter the wire first"
        began = time.monotonic()
        try:
            async with self._session.post(request.url, data=request.body.encode(), headers=request.headers) as response:
                status, body = response.status, await response.text()
        except (TimeoutError, aiohttp.ClientError) as problem:
            status, body = 0, str(problem)
        return Delivery(status=status, body=body, seconds=time.monotonic() - began, request=request)

    async def deliver(self, kind: Kind, payload: Json, *, retry: int = 0, again: str = "") -> Delivery:
        """Deliver a payload; a redelivery carries Slack's retry headers."""
        del again
        request = self.request(kind, payload)
        if retry:
            request = request.with_headers(X_Slack_Retry_Num=str(retry), X_Slack_Retry_Reason="http_timeout")
        delivery = await self.send(request)
        delivery.id = str(payload.get("event_id", ""))
        return delivery


class SocketWire:
    """Sends envelopes down the bot's WebSocket."""

    def __init__(self, sockets: SocketMode) -> None:
        self._sockets = sockets

    async def deliver(self, kind: Kind, payload: Json, *, retry: int = 0, again: str = "") -> Delivery:
        """Deliver a payload; status 0 when no ack comes within three seconds."""
        began = time.monotonic()
        if not self._sockets.n_connections:
            return Delivery(status=0, body="no connection", seconds=0.0)
        envelope = await self._sockets.deliver(kind, payload, envelope_id=again, retry=retry)
        try:
            await self._sockets.acked(envelope, seconds=ACK_SECONDS)
        except AssertionError:
            return Delivery(status=0, body="", seconds=time.monotonic() - began, id=envelope.id)
        body = json.dumps(envelope.answer) if envelope.answer else ""
        return Delivery(status=200, body=body, seconds=envelope.seconds, id=envelope.id)
