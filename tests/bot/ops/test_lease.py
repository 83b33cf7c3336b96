"""One bot at a time: the lease is kept, given back, taken over, and never held by two."""

import asyncio
import stat
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from bot.documents.lease_record import Lease
from bot.ops.lease import HeldLease, LeaseTimings, hold_lease
from bot.runtime.processes import identity_of
from optimizer.storage.driver import collection_of
from optimizer.supervisor import Supervisor
from tests.mongo_faults import failing

QUICK = LeaseTimings(heartbeat=0.1, poll=0.05, expiry=0.6)

pytestmark = pytest.mark.usefixtures("documents")


def nothing() -> None:
    """Nobody minds."""


async def takes(holder: str, stack: AsyncExitStack, seconds: float = 5.0) -> float:
    """Seconds until the holder has the lease."""
    began = asyncio.get_running_loop().time()
    holding = hold_lease(holder, Supervisor(), on_lost=nothing, timings=QUICK)
    await asyncio.wait_for(stack.enter_async_context(holding), seconds)
    return asyncio.get_running_loop().time() - began


async def test_second_waits_while_the_first_lives_and_gets_it_at_its_end() -> None:
    async with AsyncExitStack() as second:
        async with AsyncExitStack() as first:
            await takes("one", first)
            waiting = asyncio.create_task(takes("two", second))
            await asyncio.sleep(1.5)
            assert not waiting.done()

        assert await waiting >= 1.5


async def test_lease_of_one_who_died_is_taken_over_after_its_term() -> None:
    await Lease(lease_name="bot", holder="dead", beats=7).insert()
    async with AsyncExitStack() as stack:
        assert QUICK.expiry <= await takes("two", stack) < QUICK.expiry + 2


async def test_one_who_was_killed_takes_its_own_lease_back_at_once() -> None:
    await Lease(lease_name="bot", holder="one", beats=7).insert()
    async with AsyncExitStack() as stack:
        assert await takes("one", stack) < QUICK.expiry / 2


async def test_only_one_of_many_gets_a_lease_that_ended() -> None:
    await Lease(lease_name="bot", holder="dead", beats=7).insert()
    async with AsyncExitStack() as stack:
        waiting = [asyncio.create_task(takes(f"bot{i}", stack)) for i in range(6)]
        await asyncio.sleep(2.0)
        n_holders = sum(task.done() for task in waiting)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    assert n_holders == 1


async def test_one_whose_lease_was_taken_is_told() -> None:
    lost = asyncio.Event()
    async with hold_lease("one", Supervisor(), on_lost=lost.set, timings=QUICK) as lease:
        assert lease.is_held
        await collection_of(Lease).update_one({"lease_name": "bot"}, {"$set": {"holder": "two"}})
        await asyncio.wait_for(lost.wait(), 5)
        assert not lease.is_held
    # What is another's now is not deleted.
    stored = await Lease.find_one(Lease.lease_name == "bot")
    assert stored is not None
    assert stored.holder == "two"


async def test_one_that_cannot_reach_mongodb_serves_no_longer_than_nobody_else_does(mongodb_uri: str) -> None:
    loop = asyncio.get_running_loop()
    async with hold_lease("one", Supervisor(), on_lost=nothing, timings=QUICK) as lease:
        with failing(mongodb_uri, ("update", "find"), errorCode=13):
            began = loop.time()
            while lease.is_held:
                await asyncio.sleep(0.01)
            assert loop.time() - began < QUICK.expiry
        # Nobody has taken it meanwhile: it goes on.
        async with asyncio.timeout(10):
            while not lease.is_held:
                await asyncio.sleep(0.01)


async def test_two_never_serve_at_once_when_one_cannot_beat(mongodb_uri: str) -> None:
    lost = asyncio.Event()
    async with AsyncExitStack() as first, AsyncExitStack() as second:
        mute = HeldLease("one", QUICK, asyncio.get_running_loop().time(), lost.set)
        await takes("one", first)
        await first.aclose()  # its loop is dead, and its lease is not given back
        await Lease(lease_name="bot", holder="one", beats=7).insert()
        await takes("two", second)
        assert not mute.is_held
        await mute.beat()
        assert lost.is_set()


def test_a_data_directory_keeps_its_name_for_the_owner_only(tmp_path: Path) -> None:
    name = identity_of(tmp_path)

    assert identity_of(tmp_path) == name
    assert stat.S_IMODE((tmp_path / "identity").stat().st_mode) == 0o600
