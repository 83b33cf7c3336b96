"""The queue of jobs on a real MongoDB: nothing due is dropped, and a silent server holds up nobody else."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pymongo import MongoClient

from optimizer.market.feed import Market
from optimizer.market.providers.sample import Sample
from optimizer.market.warehouse.warehouse import Warehouse
from optimizer.studies.scheduler import STUDY_KIND, Handler, StudyJobs
from optimizer.studies.service import OptimizationService
from optimizer.studies.worker_pool import WorkerPool
from tests.chaos.mongo import through
from tests.tcp_proxy import TcpProxy

pytestmark = pytest.mark.usefixtures("documents")


@asynccontextmanager
async def jobs_with(uri: str, folder: Path, handler: Handler) -> AsyncIterator[StudyJobs]:
    """Jobs that run, with a handler in place of a study's run."""
    with Warehouse.open(folder / "market.duckdb", sources=("sample",)) as warehouse:
        market = Market(warehouse, (Sample(),), sources=("sample",))
        service = OptimizationService(
            market=market, pool=WorkerPool(1), snapshots=folder / "snapshots", clock=lambda: datetime.now(UTC)
        )
        jobs = StudyJobs(service, uri)
        await jobs.start({STUDY_KIND: handler})
        try:
            yield jobs
        finally:
            await jobs.stop()


async def test_a_study_that_is_handed_in_again_while_its_end_is_told_runs_again(
    mongodb_uri: str, tmp_path: Path
) -> None:
    may_end, begun = asyncio.Event(), asyncio.Queue[str]()

    async def run(name: str) -> None:
        begun.put_nowait(name)
        await may_end.wait()

    async with jobs_with(mongodb_uri, tmp_path, run) as jobs:
        for _ in range(2):
            await jobs.submit("opt-one")
            assert await asyncio.wait_for(begun.get(), 20) == "opt-one"
        may_end.set()


async def test_a_job_that_the_end_of_the_program_stops_is_no_fault(
    mongodb_uri: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def run(_: str) -> None:
        begun.set()
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    caplog.set_level(logging.INFO)
    async with jobs_with(mongodb_uri, tmp_path, run) as jobs:
        await jobs.submit("opt-one")
        await asyncio.wait_for(begun.wait(), 20)
    await asyncio.wait_for(ended.wait(), 20)
    assert "job_stopped kind=study id=opt-one" in caplog.text
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_the_loop_goes_on_while_the_store_is_silent_and_what_was_handed_in_runs_after(
    mongodb_uri: str, tmp_path: Path
) -> None:
    ran = asyncio.Event()

    async def run(_: str) -> None:
        ran.set()

    with MongoClient[dict[str, object]](mongodb_uri) as client:
        address = client.address
    assert address is not None
    async with TcpProxy(address[1]) as proxy, jobs_with(through(proxy, mongodb_uri), tmp_path, run) as jobs:
        async with proxy.half_open():
            handing_in = asyncio.gather(jobs.submit("opt-one"))
            longest = 0.0
            for _ in range(50):
                before = time.monotonic()
                await asyncio.sleep(0.02)
                longest = max(longest, time.monotonic() - before)
            assert not handing_in.done()
        await handing_in
        await asyncio.wait_for(ran.wait(), 20)
    assert longest < 0.9, "the loop waited for the store"
