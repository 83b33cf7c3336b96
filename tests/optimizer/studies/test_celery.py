"""A broker is a doorbell: a real Redis and a real Celery, in front of the same worker program."""

import asyncio
import re
import time
from pathlib import Path

import pytest
from redis import Redis as Client

from optimizer.domain.study_results import StudyState
from optimizer.studies.running.broker import BrokerBell, fault_of
from optimizer.studies.service import OptimizationService
from tests.optimizer.studies.test_remote_workers import SHORT, bot, reaches
from tests.worker_process import PASSWORD, Redis, redis_server, worker_process

pytestmark = [pytest.mark.extra, pytest.mark.server, pytest.mark.usefixtures("documents")]

__all__ = ["bot"]


async def test_bell_rings_once_or_thrice_and_its_loss_loses_no_study(
    bot: OptimizationService, mongodb_uri: str, tmp_path: Path
) -> None:
    with redis_server(tmp_path) as redis:
        there = tmp_path / "there"
        options = ("count=1", "--celery", "--verbose")
        with worker_process(there, mongodb_uri, *options, OPTIMIZE_BOT_BROKER=redis.url) as worker:
            await worker.until_said("connected to the broker")
            await worker.until_said("1 ready on")
            bell = BrokerBell(redis.url)
            await _rings_thrice(bot, bell)
            await worker.until_said("bell_heard study=")
            bell.ring("opt-nobody")
            bell.ring("$where")

            redis.kill()
            study = await bot.create_study(SHORT.model_copy(update={"seed": 2}), created_by="U1")
            bell.ring(study.study_name)
            await reaches(study.study_name, StudyState.COMPLETE)
            await worker.until_said("the broker cannot be used")
            redis.start()
            await _bells_are_heard_again(redis, bell)
            bell.stop()
            # Celery logs where its own connection was lost.
            assert not re.search(r'File ".*/(optimizer|bot)/', worker.said.read_text())


async def _bells_are_heard_again(redis: Redis, bell: BrokerBell) -> None:
    """Once the broker is back, what is rung leaves the queue."""
    with Client.from_url(redis.url) as client:
        async with asyncio.timeout(60):
            bell.ring("opt-before")  # may be lost: after a ring that failed the bot rests for a while
            while not client.exists("_kombu.binding.optimizer.studies") or client.llen("optimizer.studies"):
                bell.ring("opt-after")
                await asyncio.sleep(0.2)


async def _rings_thrice(bot: OptimizationService, bell: BrokerBell) -> None:
    """Three deliveries of one message, the last of them after the end, are one run."""
    study = await bot.create_study(SHORT, created_by="U1")
    bell.ring(study.study_name)
    bell.ring(study.study_name)
    done = await reaches(study.study_name, StudyState.COMPLETE)
    bell.ring(study.study_name)
    next_one = await bot.create_study(SHORT.model_copy(update={"seed": 3}), created_by="U1")
    bell.ring(next_one.study_name)
    await reaches(next_one.study_name, StudyState.COMPLETE)

    again = await reaches(study.study_name, StudyState.COMPLETE)
    assert again.lease == done.lease
    assert again.lease is not None
    assert again.lease.token == 1


async def test_wrong_password_is_told_and_studies_go_on(
    bot: OptimizationService, mongodb_uri: str, tmp_path: Path
) -> None:
    with redis_server(tmp_path) as redis:
        wrong = redis.url.replace(PASSWORD, "wrong")
        with worker_process(
            tmp_path / "there", mongodb_uri, "count=1", "--celery", OPTIMIZE_BOT_BROKER=wrong
        ) as worker:
            said = await worker.until_said("the broker cannot be used")
            study = await bot.create_study(SHORT, created_by="U1")
            await reaches(study.study_name, StudyState.COMPLETE)
    assert "wrong" not in said


def test_broker_tells_what_is_wrong_with_it(tmp_path: Path) -> None:
    redis = Redis(tmp_path)
    try:
        assert fault_of(redis.url) is None
        refused = fault_of(redis.url.replace(PASSWORD, "wrong"))
        assert refused is not None
        assert refused.key == "login_refused"
    finally:
        redis.kill()
    assert fault_of(redis.url) is not None


async def test_bell_without_a_broker_holds_nobody_up(tmp_path: Path) -> None:
    redis = Redis(tmp_path)
    redis.kill()
    bell = BrokerBell(redis.url)
    began = time.monotonic()
    for _ in range(1000):
        bell.ring("opt-7f3a")
    assert time.monotonic() - began < 1.0
    await asyncio.sleep(0)
    bell.stop()
