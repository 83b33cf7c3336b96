"""Strict request bodies: JSON content type, limited size and depth, no NaN, no name twice, no half a character."""

import json
import math
import re
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.api.errors import HalfACharacter, NamedTwice, NotANumberOfJson, NotJson, NotJsonType, TooDeep, TooLarge

#: Most bytes of a body: the largest useful request is a tenth of this.
MAX_BODY = 64 * 1024
MAX_DEPTH = 8

#: Most digits of a number: no useful one has more, and Python refuses to convert some thousands.
_MOST_DIGITS = 1000
#: Most letters of a number that its refusal repeats.
_MOST_SHOWN = 40
_OPENING, _CLOSING = "[{", "]}"
#: Escapes of a text in their order; the group is half a character, which is none without its other half.
_ESCAPES = re.compile(r"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|(u[dD][89a-fA-F]..)|.)", re.DOTALL)


class StrictRequest(Request):
    """Request whose JSON is read strictly, and once."""

    async def json(self) -> Any:
        """Return the parsed body. Raises NotJsonType, NotJson, TooDeep."""
        if not hasattr(self, "_values"):
            self._values = parse_json(await self._json_body())
        return self._values

    async def _json_body(self) -> bytes:
        body = await self.body()
        media = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media != "application/json":
            raise NotJsonType(word=media or "nothing")
        return body


class StrictRoute(APIRoute):
    """Route whose body, if it takes one, is read strictly."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler, which gets a strict request."""
        handle = super().get_route_handler()

        async def handle_strictly(request: Request) -> Response:
            strict = StrictRequest(request.scope, request.receive)
            if self.body_field is not None:
                await strict.json()  # here, since FastAPI replaces errors that are raised while it reads
            return await handle(strict)

        return handle_strictly


def parse_json(body: bytes) -> Any:
    """Parse JSON in UTF-8 (RFC 8259) with unique names within each object.

    Raises NotJson, NotANumberOfJson, HalfACharacter, NamedTwice and TooDeep.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NotJson(at=error.start) from error
    if _depth(text) > MAX_DEPTH:
        raise TooDeep(limit=MAX_DEPTH)
    _require_characters(text)
    try:
        return json.loads(
            text, parse_constant=_no_constant, parse_int=_whole, parse_float=_finite, object_pairs_hook=_object
        )
    except json.JSONDecodeError as error:
        raise NotJson(at=error.pos) from error


def _require_characters(text: str) -> None:
    """Raise HalfACharacter for a text that could not be written as UTF-8, and so neither stored nor sent back."""
    for escape in _ESCAPES.finditer(text):
        if escape[1]:
            raise HalfACharacter(at=escape.start())


def _depth(text: str) -> int:
    """Return how deep brackets are nested outside of strings."""
    depth = deepest = 0
    in_text = is_escaped = False
    for letter in text:
        if in_text:
            in_text = is_escaped or letter != '"'
            is_escaped = letter == "\\" and not is_escaped
        elif letter == '"':
            in_text = True
        elif letter in _OPENING:
            depth += 1
            deepest = max(deepest, depth)
        elif letter in _CLOSING:
            depth -= 1
    return deepest


def _no_constant(name: str) -> None:
    raise NotANumberOfJson(word=name)


def _whole(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:
        raise NotANumberOfJson(word=_shortened(digits))
    return int(digits)


def _finite(digits: str) -> float:
    """Return a number with a fraction or an exponent; one beyond the range of floats is not taken for infinity."""
    value = float(digits)
    if math.isinf(value):
        raise NotANumberOfJson(word=_shortened(digits))
    return value


def _shortened(digits: str) -> str:
    return digits if len(digits) <= _MOST_SHOWN else f"{digits[:_MOST_SHOWN]}…"


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise NamedTwice(word=next(name for name in names if names.count(name) > 1))
    return found


class BodyLimit:
    """ASGI middleware that reads no body beyond its limit, whatever its header says of its length."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request; raises TooLarge into the reader of the body."""
        n_read = 0

        async def receive_limited() -> Message:
            nonlocal n_read
            message = await receive()
            n_read += len(message.get("body", b""))
            if n_read > MAX_BODY:
                raise TooLarge(limit=f"{MAX_BODY:,}")
            return message

        await self._app(scope, receive_limited, send)
