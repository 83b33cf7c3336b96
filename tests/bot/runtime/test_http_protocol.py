"""Connections that ask for nothing, or for something without end, are closed; they keep nobody out and fill no log."""

import asyncio
import logging
import resource
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from fastapi import FastAPI, Request
from starlette.requests import ClientDisconnect

from bot.http_server import listen
from bot.runtime.http_protocol import Doors, answer_nobody, most_connections, quiet_log
from bot.runtime.seldom import Seldom, SeldomFilter
from bot.runtime.settings import Settings

HEAD = b"GET /quick HTTP/1.1\r\nHost: here\r\n"
QUICK = HEAD + b"\r\n"
BODY = b"POST /read HTTP/1.1\r\nHost: here\r\nContent-Length: 100\r\n\r\n"
SHORT = {"head_seconds": 0.3, "body_seconds": 0.3}


def _web(release: asyncio.Event) -> FastAPI:
    web = FastAPI(exception_handlers={ClientDisconnect: answer_nobody})

    @web.get("/quick")
    async def quick() -> str:
        return "quick"

    @web.get("/slow")
    async def slow() -> str:
        await release.wait()
        return "slow"

    @web.post("/read")
    async def read(request: Request) -> int:
        return len(await request.body())

    return web


class Stranger:
    """Somebody who opens connections."""

    def __init__(self, port: int, release: asyncio.Event) -> None:
        self.release = release  # lets `/slow` answer
        self._port = port
        self._writers: list[asyncio.StreamWriter] = []

    async def connect(self, sent: bytes = b"") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._writers.append(writer)
        writer.write(sent)
        return reader, writer

    async def ask(self, request: bytes = QUICK) -> bytes:
        """The first line of an answer."""
        reader, _ = await self.connect(request)
        return await asyncio.wait_for(reader.readuntil(b"\r\n"), 10)

    async def leave(self) -> None:
        for writer in self._writers:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()


@asynccontextmanager
async def _listening(tmp_path: Path, doors: Doors) -> AsyncIterator[Stranger]:
    settings = Settings.model_validate({"OPTIMIZE_BOT_HOME": tmp_path, "OPTIMIZE_BOT_PORT": 0})
    release = asyncio.Event()
    async with listen(_web(release), settings, doors=doors) as port:
        stranger = Stranger(port, release)
        try:
            yield stranger
        finally:
            release.set()
            await stranger.leave()


@pytest.mark.parametrize("sent", [b"", b"GET /qui", HEAD, BODY, BODY + b"x" * 99, QUICK + HEAD])
async def test_what_never_ends_is_closed(tmp_path: Path, sent: bytes) -> None:
    async with _listening(tmp_path, Doors(**SHORT)) as stranger:
        reader, _ = await stranger.connect(sent)
        await asyncio.wait_for(reader.read(), 5)


async def test_a_head_or_body_that_comes_by_the_letter_has_the_same_time(tmp_path: Path) -> None:
    async with _listening(tmp_path, Doors(**SHORT)) as stranger:
        for slow in (HEAD, BODY):
            reader, writer = await stranger.connect(slow)
            ended = asyncio.ensure_future(asyncio.wait({asyncio.ensure_future(reader.read())}))
            for _ in range(20):
                writer.write(b"x")
                await asyncio.sleep(0.1)
            assert ended.done()


async def test_a_slow_answer_and_a_pause_between_requests_are_nobodys_fault(tmp_path: Path) -> None:
    async with _listening(tmp_path, Doors(**SHORT)) as stranger:
        asyncio.get_running_loop().call_later(1.0, stranger.release.set)
        assert b" 200 " in await stranger.ask(QUICK.replace(b"quick", b"slow"))
        reader, writer = await stranger.connect(QUICK)
        for _ in range(2):
            assert b"quick" in await asyncio.wait_for(reader.readuntil(b'quick"'), 5)
            await asyncio.sleep(0.6)
            writer.write(QUICK)
        assert b"quick" in await asyncio.wait_for(reader.readuntil(b'quick"'), 5)


async def test_the_connection_that_waits_longest_makes_room(tmp_path: Path) -> None:
    doors = Doors(most=5)
    async with _listening(tmp_path, doors) as stranger:
        busy, _ = await stranger.connect(QUICK.replace(b"quick", b"slow"))
        await asyncio.sleep(0.2)
        _idle = [await stranger.connect(HEAD) for _ in range(20)]
        assert b" 200 " in await stranger.ask()
        assert doors.n_open <= 5
        stranger.release.set()
        assert b" 200 " in await asyncio.wait_for(busy.readuntil(b"\r\n"), 5)
        await stranger.leave()
        await asyncio.sleep(0.5)
        assert (doors.n_open, len(doors.waiting)) == (0, 0)


async def test_where_all_are_busy_a_further_one_is_refused(tmp_path: Path) -> None:
    async with _listening(tmp_path, Doors(most=3)) as stranger:
        busy = [await stranger.connect(QUICK.replace(b"quick", b"slow")) for _ in range(3)]
        await asyncio.sleep(0.2)
        with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
            await stranger.ask()
        stranger.release.set()
        for reader, _ in busy:
            assert b" 200 " in await asyncio.wait_for(reader.readuntil(b"\r\n"), 5)


async def test_the_log_of_what_strangers_send_is_bounded(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with _listening(tmp_path, Doors(**SHORT)) as stranger:
        for _ in range(30):
            assert b" 400 " in await stranger.ask(b"no http\r\n\r\n")
            await stranger.ask(HEAD + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
            reader, writer = await stranger.connect(BODY)
            writer.close()
            await reader.read()

    assert len([record for record in caplog.records if record.levelno >= logging.WARNING]) <= 4


async def test_failed_accepts_are_one_line_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    loop = asyncio.get_running_loop()
    with quiet_log():
        for _ in range(5000):
            loop.call_exception_handler(
                {"message": "socket.accept() out of system resource", "exception": OSError(24, "Too many open files")}
            )
        loop.call_exception_handler({"message": "something else"})

    assert [record.message for record in caplog.records] == [
        "accept_failed error=[Errno 24] Too many open files n=1",
        "something else",
    ]


def test_a_line_tells_how_many_there_were() -> None:
    now = [0.0]
    seldom, filtering = Seldom(60.0, lambda: now[0]), SeldomFilter(60.0, lambda: now[0])
    assert [seldom.due() for _ in range(3)] == [1, 0, 0]
    now[0] = 60.0
    assert seldom.due() == 3

    records = [logging.LogRecord("x", logging.WARNING, "", 0, "same", None, None) for _ in range(3)]
    assert [filtering.filter(record) for record in records] == [True, False, False]
    assert filtering.filter(logging.LogRecord("x", logging.ERROR, "", 0, "same", None, None))


def test_number_of_connections_leaves_files_for_the_rest() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        for limit, most in ((256, 64), (1024, 640), (4096, 1000)):
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
            assert most_connections() == most
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
