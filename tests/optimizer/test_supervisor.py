"""The supervisor: what it repeats goes on whatever is raised, and nothing ends unnoticed."""

import asyncio
import logging
from collections.abc import Callable

import pytest

from optimizer.supervisor import Backoff, Supervisor, begin_alone


class Steps:
    """A step that fails as often as wanted, and counts."""

    def __init__(self, *, failures: int) -> None:
        self.failures = failures
        self.times = 0

    async def __call__(self) -> None:
        """Fail, or not."""
        self.times += 1
        await asyncio.sleep(0)
        if self.times <= self.failures:
            raise ValueError(f"failure {self.times}")


def nobody_ends() -> None:
    raise AssertionError("nothing ends here")


async def until(is_so: Callable[[], bool], *, seconds: float = 5.0) -> None:
    async with asyncio.timeout(seconds):
        while not is_so():
            await asyncio.sleep(0.005)


async def test_step_that_raised_is_logged_with_a_reference_and_repeated(caplog: pytest.LogCaptureFixture) -> None:
    supervisor, step = Supervisor(on_end=nobody_ends, first_pause=0.01), Steps(failures=3)
    async with supervisor.repeat("bars", step, every=0.01):
        await until(lambda: step.times >= 2)
        assert supervisor.failing() == ["bars"]
        await until(lambda: step.times >= 6)
        assert supervisor.failing() == []

    lines = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert len(lines) == 3
    assert all(line.startswith("loop_broke name=bars reference=") for line in lines)
    assert "failure 1" in caplog.text


async def test_step_that_is_cancelled_from_within_is_repeated() -> None:
    n_times = 0

    async def step() -> None:
        nonlocal n_times
        n_times += 1
        raise asyncio.CancelledError

    async with Supervisor(on_end=nobody_ends, first_pause=0.01).repeat("bars", step, every=0.01):
        await until(lambda: n_times >= 3)


async def test_nothing_runs_after_the_block() -> None:
    step = Steps(failures=0)
    async with Supervisor(on_end=nobody_ends).repeat("bars", step, every=0.0):
        await until(lambda: step.times > 3)
    times = step.times
    await asyncio.sleep(0.02)

    assert step.times == times


async def test_process_ends_once_after_failures_without_a_success() -> None:
    ends = []
    supervisor = Supervisor(on_end=lambda: ends.append(None), patience=0.1, first_pause=0.01)
    step = Steps(failures=1000)
    async with supervisor.repeat("bars", step, every=0.01), supervisor.repeat("quotes", step, every=0.01):
        await until(lambda: bool(ends))
        await asyncio.sleep(0.2)

    assert len(ends) == 1


async def test_process_ends_at_once_when_nothing_can_help() -> None:
    ended = asyncio.Event()
    supervisor = Supervisor(on_end=ended.set, is_fatal=lambda fault: isinstance(fault, ValueError))
    async with supervisor.repeat("bars", Steps(failures=1), every=0.01):
        await asyncio.wait_for(ended.wait(), 5)


def test_pauses_grow_up_to_the_longest() -> None:
    backoff = Backoff(first=1.0, longest=10.0)

    assert [backoff.extend(0.0) for _ in range(6)] == [1.0, 2.0, 4.0, 8.0, 10.0, 10.0]
    assert backoff.until == 10.0


@pytest.mark.parametrize("n_failures", [0, 2000])
def test_pause_is_a_number_however_often_it_failed(n_failures: int) -> None:
    assert Backoff(times=n_failures).extend(0.0) <= 60.0


async def test_work_that_nobody_awaits_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> None:
        raise ValueError("broken")

    task = begin_alone(work(), name="chart")
    await asyncio.wait({task})
    await asyncio.sleep(0)

    assert "chart_broke reference=" in caplog.text
    assert "broken" in caplog.text
