"""What many tests need: a real MongoDB server, one for the whole run."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from bot.documents.registry import DOCUMENTS as BOT_DOCUMENTS
from optimizer.storage.documents import DOCUMENTS as STUDY_DOCUMENTS
from optimizer.storage.embedded_mongo import EmbeddedMongo, find_mongod, start_mongod
from optimizer.storage.mongo import open_documents, wait_ready

pytest_plugins = ["tests.needs"]


@pytest.fixture(scope="session")
def mongod(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedMongo]:
    """A real server on 127.0.0.1."""
    server = start_mongod(find_mongod(os.environ), tmp_path_factory.mktemp("mongo"))
    try:
        asyncio.run(wait_ready(server))
        yield server
    finally:
        server.stop()


@pytest.fixture
def mongodb_uri(mongod: EmbeddedMongo, request: pytest.FixtureRequest) -> str:
    """The server with a database that only this test uses."""
    database = f"test_{abs(hash(request.node.nodeid)):x}"
    return mongod.uri.replace("/?", f"/{database}?")


@pytest_asyncio.fixture
async def documents(mongodb_uri: str) -> AsyncIterator[None]:
    """The documents, bound to this test's database."""
    async with open_documents(mongodb_uri, (*STUDY_DOCUMENTS, *BOT_DOCUMENTS)):
        yield


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty data directory."""
    return tmp_path / "home"
