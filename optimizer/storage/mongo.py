"""Connection to MongoDB, and supervision of the embedded server."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from beanie import Document, init_beanie
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorDatabase
from pymongo.errors import OperationFailure, PyMongoError

from optimizer.errors import Phrase
from optimizer.storage.embedded_mongo import USER, EmbeddedMongo, MongoUnavailable, restart_mongod, why_it_ended
from optimizer.storage.outage import patiently

log = logging.getLogger(__name__)

DATABASE = "optimize_bot"
_READY_SECONDS = 30.0
_WATCH_SECONDS = 0.25
_LONGEST_PAUSE = 15.0


async def wait_ready(server: EmbeddedMongo) -> None:
    """Wait until the server answers with its password set. Raises MongoUnavailable when it ended instead."""
    deadline = asyncio.get_running_loop().time() + _READY_SECONDS
    while not await asyncio.to_thread(_answers, server.port):
        if server.process.poll() is not None:
            raise why_it_ended(server)
        if asyncio.get_running_loop().time() > deadline:
            raise MongoUnavailable(
                what=Phrase("mongodb"), reason=Phrase("server_not_ready"), remedy=Phrase("try_again")
            )
        await asyncio.sleep(0.02)
    await _ensure_user(server)


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=0.2):
            return True
    except OSError:
        return False


async def _ensure_user(server: EmbeddedMongo) -> None:
    """Create the account on a fresh database; the refusal of an unauthorized command shows that it exists."""
    client: AsyncIOMotorClient[Any] = AsyncIOMotorClient("127.0.0.1", server.port, serverSelectionTimeoutMS=5000)
    try:
        durable = {"w": 1, "j": True}  # so that the account survives a kill right after
        await client.admin.command("createUser", USER, pwd=server.password, roles=["root"], writeConcern=durable)
    except OperationFailure as failure:
        if failure.code != 13:  # Unauthorized: the account exists
            raise
    finally:
        client.close()


@asynccontextmanager
async def kept_ready(server: EmbeddedMongo) -> AsyncIterator[str]:
    """Run an embedded server that was just started for the block; yields its address."""
    keeper = _Keeper(server)
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
    """Supervisor that restarts the server, at the same address, when it ends unexpectedly."""

    def __init__(self, server: EmbeddedMongo) -> None:
        self.server = server

    async def keep(self) -> None:
        pause = _WATCH_SECONDS
        while True:
            await asyncio.sleep(pause)
            if not self.server.has_ended:
                continue
            log.error("mongod_ended code=%s", self.server.process.returncode)
            try:
                self.server = restart_mongod(self.server)
                await wait_ready(self.server)
            except (MongoUnavailable, PyMongoError, OSError) as failure:
                # Killed while starting, or a full disk: either may be temporary, and until then all callers wait.
                log.error("mongod_not_restarted reason=%s", failure)
                pause = min(2 * pause, _LONGEST_PAUSE)
            else:
                log.info("mongod_restarted")
                pause = _WATCH_SECONDS


@asynccontextmanager
async def open_documents(
    uri: str, models: Sequence[type[Document]], *, waits: bool = False
) -> AsyncIterator[AsyncIOMotorDatabase[Any]]:
    """Connect for the block and bind the documents to the database, creating their indexes.

    Raises MongoUnavailable when the server does not answer, unless the caller `waits` for it.
    """
    client: AsyncIOMotorClient[Any] = AsyncIOMotorClient(
        uri, tz_aware=True, serverSelectionTimeoutMS=5000, journal=True, appname="optimize-bot"
    )
    try:
        database = client.get_default_database(DATABASE)
        if waits:
            await patiently(lambda: init_beanie(database=database, document_models=list(models)), what="documents")
        else:
            await _bind(database, models)
        yield database
    finally:
        client.close()


async def _bind(database: AsyncIOMotorDatabase[Any], models: Sequence[type[Document]]) -> None:
    try:
        await init_beanie(database=database, document_models=list(models))
    except PyMongoError as failure:
        raise MongoUnavailable(
            what=Phrase("mongodb"), reason=type(failure).__name__, remedy=Phrase("check_mongodb_uri")
        ) from failure
