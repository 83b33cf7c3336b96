"""What many tests need: a real MongoDB server, one for the whole run."""

import asyncio
import gc
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import settings

from bot.documents.registry import DOCUMENTS as BOT_DOCUMENTS
from optimizer.storage.documents import DOCUMENTS as STUDY_DOCUMENTS
from optimizer.storage.embedded_mongo import EmbeddedMongo, find_mongod, start_mongod
from optimizer.storage.mongo import open_documents, wait_ready
from tests.mongo_faults import with_fail_points

# The default asks Yahoo first; tests of the default say so.
os.environ.setdefault("OPTIMIZE_BOT_SOURCES", "file,sample")

pytest_plugins = ["tests.needs"]

# How long an example takes says more about the machine than about what is tested.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


def pytest_collection() -> None:
    """Let the collector rest while modules are imported: they make no garbage."""
    gc.disable()


def pytest_collection_finish() -> None:
    """Keep a million objects of modules and tests out of each full collection, which takes half a second with them."""
    gc.enable()
    gc.freeze()


def pytest_sessionfinish() -> None:
    """Give them back: DuckDB writes a report about each of its objects that is left when the process ends."""
    gc.unfreeze()


@pytest.fixture(scope="session")
def mongod(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedMongo]:
    """A real server on 127.0.0.1, which plays the faults of `tests.mongo_faults`."""
    folder = tmp_path_factory.mktemp("mongo")
    server = start_mongod(with_fail_points(find_mongod(os.environ), folder), folder)
    try:
        asyncio.run(wait_ready(server))
        yield server
    finally:
        server.stop()


@pytest.fixture
def mongodb_uri(mongod: EmbeddedMongo, request: pytest.FixtureRequest) -> str:
    """The server with a database of this test's own; making one takes longer than most tests take.

    Those that want the documents bound therefore get one that the test before left, and that is emptied for them.
    """
    is_emptied = "documents" in request.fixturenames
    database = "emptied" if is_emptied else f"test_{abs(hash(request.node.nodeid)):x}"
    return mongod.uri.replace("/?", f"/{database}?")


@pytest_asyncio.fixture
async def documents(mongodb_uri: str) -> AsyncIterator[None]:
    """The documents, bound to the database of this test's address, which holds none."""
    async with open_documents(mongodb_uri, (*STUDY_DOCUMENTS, *BOT_DOCUMENTS)) as database:
        for name in await database.list_collection_names(filter={"name": {"$not": {"$regex": "^system\\."}}}):
            await database[name].delete_many({})
        yield


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty data directory."""
    return tmp_path / "home"
