"""Outages of a real MongoDB, played by itself: what waits, what is raised, and what a worker reads."""

import asyncio
import logging

import pytest
from pymongo.errors import OperationFailure, PyMongoError

from bot.documents.lease_record import Lease
from optimizer.storage.driver import collection_of
from optimizer.storage.embedded_mongo import EmbeddedMongo
from optimizer.storage.mongo import open_documents
from optimizer.storage.outage import is_outage, patiently
from optimizer.storage.study_store import find_stored, stored_records
from tests.chaos.mongo import codes_that_wait, through
from tests.mongo_faults import failing
from tests.mongo_proxy import MongoProxy
from tests.tcp_proxy import TcpProxy

pytestmark = pytest.mark.usefixtures("documents")

#: Unauthorized, OutOfDiskSpace, MaxTimeMSExpired, WriteConflict, AtlasError, CursorNotFound, WriteConcernTimeout, and
#: one that nobody has heard of.
CODES = (13, 14031, 50, 112, 8000, 43, 64, 999_999)

#: After these the driver looks for ten seconds whether the server is another one by now.
ANOTHER_SERVER = {91, 189, 10058, 10107, 11600, 11602, 13435, 13436}


async def test_odd_answers_are_waited_out(mongodb_uri: str) -> None:
    for code in CODES:
        with failing(mongodb_uri, ("find",), times=2, errorCode=code):
            assert await asyncio.wait_for(patiently(lambda: Lease.find_all().to_list(), what="test"), 20) == []


async def test_cut_connections_are_waited_out(mongodb_uri: str) -> None:
    with failing(mongodb_uri, ("find",), times=3, closeConnection=True):
        assert await asyncio.wait_for(patiently(lambda: Lease.find_all().to_list(), what="test"), 20) == []


async def test_what_a_worker_reads_at_its_begin_is_waited_out(mongodb_uri: str) -> None:
    with failing(mongodb_uri, ("find",), times=3, closeConnection=True):
        assert await asyncio.wait_for(find_stored("opt-none"), 20) is None
    with failing(mongodb_uri, ("find",), times=3, errorCode=13):
        assert await asyncio.wait_for(stored_records("opt-none"), 20) == []


async def test_answer_about_the_request_is_raised_at_once(mongodb_uri: str) -> None:
    with failing(mongodb_uri, ("find",), errorCode=2), pytest.raises(OperationFailure):
        await asyncio.wait_for(patiently(lambda: Lease.find_all().to_list(), what="test"), 5)


async def test_server_that_keeps_refusing_is_given_up_and_a_lost_connection_is_not(
    mongodb_uri: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    with failing(mongodb_uri, ("find",), errorCode=13), pytest.raises(OperationFailure):
        await asyncio.wait_for(patiently(lambda: Lease.find_all().to_list(), what="test", answer_seconds=0.2), 5)
    assert "mongo_away what=test error=OperationFailure:13" in caplog.text

    with failing(mongodb_uri, ("find",), closeConnection=True), pytest.raises(TimeoutError):
        await asyncio.wait_for(patiently(lambda: Lease.find_all().to_list(), what="test", answer_seconds=0.0), 1)


async def test_every_documented_code_that_waits_is_over_when_the_server_answers_again(
    mongod: EmbeddedMongo, mongodb_uri: str
) -> None:
    async with MongoProxy(mongod.port) as proxy, open_documents(through(proxy, mongodb_uri), [Lease]):
        for code in sorted({*codes_that_wait()} - ANOTHER_SERVER):
            with proxy.answering(code), pytest.raises(PyMongoError) as met:
                await Lease.find_all().to_list()
            assert is_outage(met.value), code
            assert await asyncio.wait_for(patiently(lambda: Lease.find_all().to_list(), what="test"), 20) == []


async def test_write_whose_new_connection_is_reset_is_waited_out(mongod: EmbeddedMongo, mongodb_uri: str) -> None:
    """The driver repeats such a write as only a replica set understands it, which a single server refuses."""
    async with TcpProxy(mongod.port) as proxy, open_documents(through(proxy, mongodb_uri), [Lease]):
        with failing(mongodb_uri, ("find",), blockConnection=True, blockTimeMS=500):
            busy = asyncio.create_task(Lease.find_all().to_list())  # has the only connection
            await asyncio.sleep(0.2)
            proxy.reset_next()
            write = patiently(lambda: Lease(lease_name="x", holder="y", beats=1).insert(), what="test")
            await asyncio.wait_for(write, 20)
            await busy

        assert await Lease.find_all().count() == 1


async def test_connections_that_a_network_has_forgotten_are_given_up(mongod: EmbeddedMongo, mongodb_uri: str) -> None:
    async with (
        TcpProxy(mongod.port) as proxy,
        open_documents(through(proxy, mongodb_uri), [Lease], silent_seconds=1.0),
    ):
        async with proxy.partition():  # nobody asks meanwhile
            pass

        assert await asyncio.wait_for(patiently(lambda: Lease.find_all().to_list(), what="test"), 10) == []


async def test_indexes_that_take_longer_than_any_answer_are_waited_for(mongodb_uri: str) -> None:
    with failing(mongodb_uri, ("createIndexes",), blockConnection=True, blockTimeMS=1500):
        async with open_documents(mongodb_uri, [Lease], silent_seconds=0.5):
            assert await Lease.find_all().to_list() == []
            assert "lease_name_1" in await collection_of(Lease).index_information()
