"""A MongoDB that answers with any error code: a proxy that speaks as much of its wire protocol as that takes.

The server's own fail point cannot play every code: some need facts beside them, and end mongod without.

Source: MongoDB's `specifications/source/message/OP_MSG.md`.
"""

import asyncio
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import bson

from tests.mongo_faults import COMMANDS
from tests.tcp_proxy import TcpProxy

_HEAD = struct.Struct("<iiii")  # length, id, id of the request, kind of message
_OP_MSG = 2013
_FLAGS = struct.pack("<i", 0)


class MongoProxy(TcpProxy):
    """Passes messages on, or answers reads and writes with an error."""

    _error: tuple[int, str] | None = None

    @contextmanager
    def answering(self, code: int, name: str = "Played") -> Iterator[None]:
        """Inside, every read and write is answered with this code."""
        self._error = code, name
        try:
            yield
        finally:
            self._error = None

    async def _forward(
        self, reader: asyncio.StreamReader, server: asyncio.StreamWriter, client: asyncio.StreamWriter
    ) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readexactly(_HEAD.size)
                length, number, _, kind = _HEAD.unpack(head)
                body = await reader.readexactly(length - _HEAD.size)
                if self._error and kind == _OP_MSG and _command(body) in COMMANDS:
                    client.write(_refusal(number, *self._error))
                    await client.drain()
                else:
                    server.write(head + body)
                    await server.drain()
        server.close()


def _command(body: bytes) -> str:
    """The name of a message's command: the first key of its first document, behind flags and the section's kind."""
    start = len(_FLAGS) + 1 + 4 + 1  # the document's length, and the type of its first element
    return body[start : body.index(b"\0", start)].decode()


def _refusal(number: int, code: int, name: str) -> bytes:
    document = bson.encode({"ok": 0.0, "errmsg": "played by a proxy", "code": code, "codeName": name})
    body = _FLAGS + b"\0" + document
    return _HEAD.pack(_HEAD.size + len(body), 0, number, _OP_MSG) + body
