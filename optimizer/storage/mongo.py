"""Connection to MongoDB, and supervision of the embedded server."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from beanie import Document
from pymongo.errors import NetworkTimeout, OperationFailure, PyMongoError

from optimizer.errors import Phrase
from optimizer.storage.driver import Client, Database, bind, close, new_client
from optimizer.storage.embedded_mongo import (
    USER,
    EmbeddedMongo,
    MongoUnavailable,
    is_folder_in_use,
    restart_mongod,
    why_it_ended,
)
from optimizer.storage.outage import patiently
from optimizer.supervisor import Backoff, Supervisor

log = logging.getLogger(__name__)

DATABASE = "optimize_bot"
_READY_SECONDS = 30.0
_WATCH_SECONDS = 0.25
#: Of every connection: what a replica set has confirmed outlives the loss of its primary, and what is read is what was
#: written last, whatever the address asks for.
DURABLE: dict[str, Any] = {"w": "majority", "journal": True, "readPreference": "primary"}
#: Seconds that a server of an earlier run may take to give its folder back.
_FOLDER_SECONDS = 15.0
_LONGEST_PAUSE = 15.0
#: Seconds until a request counts as lost: a connection that a network has forgotten stays silent for ever, and the
#: driver, whose other connections work, does not notice.
SILENT_SECONDS = 30.0
#: The same for the indexes that a new version needs of millions of documents.
_INDEX_SECONDS = 3600.0
_UNAUTHORIZED, _LOGIN_FAILED = 13, 18


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
    client = new_client(f"mongodb://127.0.0.1:{server.port}", serverSelectionTimeoutMS=5000)
    try:
        durable = {"w": 1, "j": True}  # so that the account survives a kill right after
        await client.admin.command("createUser", USER, pwd=server.password, roles=["root"], writeConcern=durable)
    except OperationFailure as failure:
        if failure.code != _UNAUTHORIZED:  # which means that the account exists
            raise
    finally:
        await close(client)


@asynccontextmanager
async def kept_ready(server: EmbeddedMongo, supervisor: Supervisor) -> AsyncIterator[str]:
    """Run an embedded server that was just started for the block; yields its address."""
    keeper = _Keeper(server)
    try:
        await keeper.begin()
        async with supervisor.repeat("mongod", keeper.look, every=_WATCH_SECONDS):
            yield keeper.server.uri
    finally:
        await asyncio.to_thread(keeper.server.stop)


class _Keeper:
    """Supervisor that restarts the server, at the same address, when it ends unexpectedly."""

    def __init__(self, server: EmbeddedMongo) -> None:
        self.server = server
        self._backoff = Backoff(first=2 * _WATCH_SECONDS, longest=_LONGEST_PAUSE)

    async def begin(self) -> None:
        """Wait until the server answers; it is started again as long as a dying one still has its folder."""
        deadline = asyncio.get_running_loop().time() + _FOLDER_SECONDS
        while True:
            try:
                return await wait_ready(self.server)
            except MongoUnavailable as failure:
                if not is_folder_in_use(failure) or asyncio.get_running_loop().time() > deadline:
                    raise
            log.warning("mongod_folder_in_use")
            await asyncio.sleep(_WATCH_SECONDS)
            self.server = restart_mongod(self.server)

    async def look(self) -> None:
        """Restart the server if it has ended."""
        if not self.server.has_ended:
            return
        log.error("mongod_ended code=%s", self.server.process.returncode)
        try:
            self.server = restart_mongod(self.server)
            await wait_ready(self.server)
        except (MongoUnavailable, PyMongoError, OSError) as failure:
            # Killed while starting, or a full disk: either may be temporary, and until then all callers wait.
            log.error("mongod_not_restarted reason=%s", failure)
            await asyncio.sleep(self._backoff.extend(0.0))
        else:
            log.info("mongod_restarted")
            self._backoff.times = 0


@asynccontextmanager
async def open_documents(
    uri: str, models: Sequence[type[Document]], *, waits: bool = False, silent_seconds: float = SILENT_SECONDS
) -> AsyncIterator[Database]:
    """Connect for the block and bind the documents to the database, creating their indexes.

    Raises MongoUnavailable when the server does not answer, unless the caller `waits` for it.
    """
    client, database = _connect(uri, silent_seconds)
    try:
        if waits:
            await patiently(lambda: bind(database, models), what="documents")
        else:
            await _bind(uri, database, models)
        yield database
    finally:
        await close(client)


def _connect(uri: str, silent_seconds: float) -> tuple[Client, Database]:
    """Return a client, not connected yet, and its database; raises MongoUnavailable for what is no address."""
    try:
        client = new_client(
            uri,
            tz_aware=True,
            serverSelectionTimeoutMS=5000,
            socketTimeoutMS=int(silent_seconds * 1000),
            **DURABLE,
            appname="optimize-bot",
        )
        return client, client.get_default_database(DATABASE)
    except (PyMongoError, ValueError, TypeError) as failure:  # its words may repeat the password
        raise MongoUnavailable(
            what=Phrase("mongodb"), reason=Phrase("not_an_address"), remedy=Phrase("write_mongodb_uri")
        ) from failure


async def _bind(uri: str, database: Database, models: Sequence[type[Document]]) -> None:
    try:
        try:
            await bind(database, models)
        except NetworkTimeout:
            await database.client.admin.command("ping")  # raises when the server is silent altogether
            log.warning("mongodb_builds_indexes")
            await _build_indexes(uri, models)
            await bind(database, models, skip_indexes=True)
    except PyMongoError as failure:
        is_refused = isinstance(failure, OperationFailure) and failure.code == _LOGIN_FAILED
        reason = Phrase("login_refused") if is_refused else Phrase("as_written", text=type(failure).__name__)
        raise MongoUnavailable(what=Phrase("mongodb"), reason=reason, remedy=Phrase("check_mongodb_uri")) from failure


async def _build_indexes(uri: str, models: Sequence[type[Document]]) -> None:
    """Create the indexes with more patience than anything else needs: a large database builds a new one for minutes."""
    client, database = _connect(uri, _INDEX_SECONDS)
    try:
        await bind(database, models)
    finally:
        await close(client)
