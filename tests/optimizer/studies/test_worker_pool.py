"""The pool of worker processes: what becomes of a question when a process dies, hangs, or does not start."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from optimizer.domain.study_results import StudyState
from optimizer.errors import Unavailable
from optimizer.studies.worker_messages import Configure, Finished
from optimizer.studies.worker_pool import WorkerDied, WorkerPool

pytestmark = pytest.mark.server

MODULE = "tests.optimizer.small_worker"


@asynccontextmanager
async def pool_of(size: int, folder: Path, module: str = MODULE) -> AsyncIterator[WorkerPool]:
    """A pool of small workers that look into `folder` for what to do."""
    pool = WorkerPool(size, module=module)
    await pool.prepare()
    pool.configure(Configure(mongodb_uri="none", snapshots=folder))
    try:
        yield pool
    finally:
        await pool.stop()


async def eventually_ready(pool: WorkerPool, least: int) -> None:
    """Wait until so many workers are ready."""
    async with asyncio.timeout(120):
        while await pool.ready() < least:
            await asyncio.sleep(0.05)


async def test_killed_worker_is_told_of_and_replaced(tmp_path: Path) -> None:
    async with pool_of(1, tmp_path) as pool:
        await eventually_ready(pool, 1)
        running = asyncio.create_task(pool.run("sleep"))
        await asyncio.sleep(0.2)
        os.kill(pool.pids[0], signal.SIGKILL)
        with pytest.raises(WorkerDied):
            await asyncio.wait_for(running, 10)

        assert await asyncio.wait_for(pool.run("hello"), 90) == Finished(state=StudyState.COMPLETE)


async def test_a_first_start_tells_how_much_is_compiled_until_a_worker_is_ready(tmp_path: Path) -> None:
    (tmp_path / "held").touch()
    pool = WorkerPool(1, module=MODULE, warm_seconds=0.0)
    await pool.prepare()
    assert pool.loading is None
    pool.configure(Configure(mongodb_uri="none", snapshots=tmp_path))
    try:
        async with asyncio.timeout(60):
            while pool.loading is None:
                assert not await pool.is_ready(within=0.02)
        assert pool.loading == (2, 6)
        (tmp_path / "held").unlink()
        await eventually_ready(pool, 1)
        assert pool.loading is None
    finally:
        await pool.stop()


@pytest.mark.parametrize(("study", "hung"), [("late", True), ("half", False)])
async def test_a_call_that_was_too_late_is_told_from_other_deaths(study: str, hung: bool, tmp_path: Path) -> None:
    async with pool_of(1, tmp_path) as pool:
        await eventually_ready(pool, 1)
        with pytest.raises(WorkerDied) as died:
            await asyncio.wait_for(pool.run(study), 10)

        assert died.value.hung is hung


async def test_worker_killed_while_idle_costs_nobody_a_study(tmp_path: Path) -> None:
    async with pool_of(1, tmp_path) as pool:
        await eventually_ready(pool, 1)
        os.kill(pool.pids[0], signal.SIGKILL)
        await asyncio.sleep(0.3)

        assert await asyncio.wait_for(pool.run("hello"), 90) == Finished(state=StudyState.COMPLETE)


async def test_hanging_worker_is_ended_by_the_name_of_its_study(tmp_path: Path) -> None:
    async with pool_of(1, tmp_path) as pool:
        await eventually_ready(pool, 1)
        running = asyncio.create_task(pool.run("sleep"))
        await asyncio.sleep(0.2)
        os.kill(pool.pids[0], signal.SIGSTOP)

        assert not pool.end_worker_of("another")
        assert pool.end_worker_of("sleep")
        with pytest.raises(WorkerDied):
            await asyncio.wait_for(running, 10)


async def test_cancelled_question_leaves_no_answer_for_the_next(tmp_path: Path) -> None:
    async with pool_of(1, tmp_path) as pool:
        await eventually_ready(pool, 1)
        running = asyncio.create_task(pool.run("sleep"))
        await asyncio.sleep(0.2)
        running.cancel()

        assert await asyncio.wait_for(pool.run("hello"), 90) == Finished(state=StudyState.COMPLETE)


async def test_half_an_answer_is_a_death(tmp_path: Path) -> None:
    async with pool_of(1, tmp_path) as pool:
        with pytest.raises(WorkerDied):
            await asyncio.wait_for(pool.run("half"), 90)


async def test_worker_that_fails_to_start_once_is_tried_again(tmp_path: Path) -> None:
    (tmp_path / "failures").write_text("2")
    async with pool_of(1, tmp_path) as pool:
        assert await asyncio.wait_for(pool.run("hello"), 90) == Finished(state=StudyState.COMPLETE)


async def test_study_waits_while_no_worker_starts_for_some_seconds(tmp_path: Path) -> None:
    async with pool_of(1, tmp_path) as pool:
        await eventually_ready(pool, 1)
        (tmp_path / "failures").write_text("4")
        os.kill(pool.pids[0], signal.SIGKILL)
        await asyncio.sleep(0.3)

        assert await asyncio.wait_for(pool.run("hello"), 90) == Finished(state=StudyState.COMPLETE)


async def test_worker_that_cannot_start_does_not_fail_the_studies_of_the_others(tmp_path: Path) -> None:
    (tmp_path / "failures").write_text("1000000")
    (tmp_path / "lucky").touch()
    async with pool_of(2, tmp_path) as pool:
        async with asyncio.timeout(120):
            while not (tmp_path / "lucky.taken").exists():
                await asyncio.sleep(0.05)
        await asyncio.sleep(4)  # long enough for the other place to be given up
        answers = await asyncio.wait_for(asyncio.gather(*(pool.run(f"hello{i}") for i in range(6))), 90)

    assert answers == [Finished(state=StudyState.COMPLETE)] * 6


async def test_whoever_waits_is_told_when_no_worker_can_start(tmp_path: Path) -> None:
    (tmp_path / "failures").write_text("1000000")
    async with pool_of(2, tmp_path) as pool:
        asking = [asyncio.create_task(pool.run(f"hello{i}")) for i in range(3)]
        told = await asyncio.wait_for(asyncio.gather(*asking, return_exceptions=True), 90)

    assert all(isinstance(answer, Unavailable) for answer in told)


async def test_pool_that_was_given_up_works_again_when_workers_start(tmp_path: Path) -> None:
    (tmp_path / "failures").write_text("1000000")
    async with pool_of(1, tmp_path) as pool:
        with pytest.raises(Unavailable):
            await asyncio.wait_for(pool.run("hello"), 90)
        (tmp_path / "failures").write_text("0")
        async with asyncio.timeout(120):
            while not pool.n_ready:
                await asyncio.sleep(0.05)

        assert await asyncio.wait_for(pool.run("hello"), 90) == Finished(state=StudyState.COMPLETE)
