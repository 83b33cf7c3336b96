"""A network that is unwell: a proxy between a program and a server on this machine, which plays it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from types import TracebackType

_PIECE = 65536


class TcpProxy:
    """Passes bytes on in both directions, as well as the network allows."""

    def __init__(self, target: int) -> None:
        """`target` is the server's port."""
        self.port = 0
        self._target = target
        self._delay = 0.0
        self._may_pass = asyncio.Event()
        self._may_pass.set()
        self._server: asyncio.Server | None = None
        self._ends: set[asyncio.StreamWriter] = set()
        self._n_resets = 0
        self._serving: set[asyncio.Task[None]] = set()
        self._dead: set[asyncio.StreamWriter] = set()  # what is written there never arrives

    async def __aenter__(self) -> "TcpProxy":
        await self._listen()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()
        self._abort()
        await asyncio.gather(*self._serving)

    @asynccontextmanager
    async def slow(self, seconds: float = 1.0) -> AsyncIterator[None]:
        """Inside, every piece takes so long, in each direction."""
        self._delay = seconds
        try:
            yield
        finally:
            self._delay = 0.0

    @asynccontextmanager
    async def half_open(self) -> AsyncIterator[None]:
        """Inside, connections are taken and what is sent is kept: it arrives after the block."""
        self._may_pass.clear()
        try:
            yield
        finally:
            self._may_pass.set()

    @asynccontextmanager
    async def cut(self) -> AsyncIterator[None]:
        """Reset every connection; inside, new ones are refused."""
        self._close()
        self._abort()
        try:
            yield
        finally:
            await self._listen()

    @asynccontextmanager
    async def partition(self) -> AsyncIterator[None]:
        """Inside, new connections are refused; those of before are silent for ever, and nobody is told."""
        self._close()
        self._dead |= self._ends
        try:
            yield
        finally:
            await self._listen()

    def reset_next(self, n: int = 1) -> None:
        """Reset so many of the next connections at the first word that is sent."""
        self._n_resets = n

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._take, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def _close(self) -> None:
        if self._server:
            self._server.close()

    def _abort(self) -> None:
        for writer in self._ends:
            writer.transport.abort()

    def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        if self._n_resets:
            self._n_resets -= 1
            await reader.read(1)
            writer.transport.abort()
            there_writer.close()
            return
        ends = {writer, there_writer}
        self._ends |= ends
        try:
            await asyncio.gather(self._forward(reader, there_writer, writer), self._pass_on(there_reader, writer))
        finally:
            self._ends -= ends
            self._dead -= ends
            for each in ends:
                each.transport.abort()

    async def _forward(
        self, reader: asyncio.StreamReader, server: asyncio.StreamWriter, client: asyncio.StreamWriter
    ) -> None:
        """Pass on what the client sends."""
        await self._pass_on(reader, server)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while piece := await reader.read(_PIECE):
                await asyncio.sleep(self._delay)
                await self._may_pass.wait()
                if writer not in self._dead:
                    writer.write(piece)
                    await writer.drain()
        if writer not in self._dead:
            writer.close()
