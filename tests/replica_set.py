"""Three real servers that are one replica set, whose primary can be killed."""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from optimizer.storage.embedded_mongo import find_mongod
from tests.bot_process import free_port

_NAME, _DATABASE = "three", "optimize_bot"
#: Milliseconds without a primary until the others elect one.
_ELECTION = 2000
_READY_SECONDS = 90.0


class ReplicaSet:
    """The servers, by their ports."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._servers: dict[int, subprocess.Popen[bytes]] = {}
        for port in (free_port() for _ in range(3)):
            self._start(port)

    def _start(self, port: int) -> None:
        data = self._folder / str(port)
        data.mkdir(parents=True, exist_ok=True)
        command = [
            *(str(find_mongod(os.environ)), "--replSet", _NAME, "--dbpath", str(data), "--port", str(port)),
            *("--bind_ip", "127.0.0.1", "--nounixsocket", "--logpath", str(data / "log"), "--oplogSize", "64"),
            *("--wiredTigerCacheSizeGB", "0.25", "--setParameter", "diagnosticDataCollectionEnabled=false"),
            *("--wiredTigerEngineConfigString", "log=(prealloc=false,file_max=16MB)"),
        ]
        self._servers[port] = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    @property
    def uri(self) -> str:
        """The address of all three."""
        hosts = ",".join(f"127.0.0.1:{port}" for port in self._servers)
        return f"mongodb://{hosts}/{_DATABASE}?replicaSet={_NAME}"

    def initiate(self) -> None:
        """Make them one set; they elect a primary."""
        members = [{"_id": n, "host": f"127.0.0.1:{port}"} for n, port in enumerate(self._servers)]
        config = {"_id": _NAME, "members": members, "settings": {"electionTimeoutMillis": _ELECTION}}
        for port in reversed(self._servers):  # each has to answer first, and the last one asked is told
            with _client(port, _READY_SECONDS) as client:
                client.admin.command("ping")
                if port == next(iter(self._servers)):
                    client.admin.command("replSetInitiate", config)

    def primary(self) -> int | None:
        """Port of the one that takes writes; None while there is none."""
        return next((port for port, server in self._servers.items() if server.poll() is None and _leads(port)), None)

    async def until_primary(self) -> int:
        """Wait until there is one; returns its port."""
        async with asyncio.timeout(_READY_SECONDS):
            while (port := await asyncio.to_thread(self.primary)) is None:
                await asyncio.sleep(0.1)
        return port

    async def kill_primary(self) -> int:
        """End the primary at once; returns its port."""
        port = await self.until_primary()
        self._servers[port].kill()
        await asyncio.to_thread(self._servers[port].wait)
        return port

    def start(self, port: int) -> None:
        """Start a server that was killed."""
        self._start(port)

    def stop(self) -> None:
        """End all of them."""
        for server in self._servers.values():
            server.kill()
            server.wait()


def _client(port: int, seconds: float) -> "MongoClient[dict[str, Any]]":
    return MongoClient("127.0.0.1", port, directConnection=True, serverSelectionTimeoutMS=int(1000 * seconds))


def _leads(port: int) -> bool:
    try:
        with _client(port, 2.0) as client:
            return bool(client.admin.command("hello")["isWritablePrimary"])
    except PyMongoError:
        return False


@asynccontextmanager
async def replica_set(folder: Path) -> AsyncIterator[ReplicaSet]:
    """A set with a primary, gone after the block."""
    servers = ReplicaSet(folder)
    try:
        await asyncio.to_thread(servers.initiate)
        await servers.until_primary()
        yield servers
    finally:
        await asyncio.to_thread(servers.stop)
