"""A bot with 1,024 descriptors, and strangers who hold connections, guess keys and follow everything."""

import asyncio
import http.client
from collections.abc import AsyncIterator
from contextlib import closing

import pytest
import pytest_asyncio

from tests.bot_process import BotProcess, mongo_client
from tests.chaos.machine import bot_with_few_files, idle_connections
from tests.slack.strict import StrictSlack

pytestmark = [pytest.mark.server, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bot(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[BotProcess]:
    folder = tmp_path_factory.mktemp("pressure")
    async with (
        StrictSlack() as slack,
        bot_with_few_files(folder / "home", slack, log=folder / "log.txt") as running,
    ):
        yield running


def _status(bot: BotProcess, path: str, **headers: str) -> int:
    with closing(http.client.HTTPConnection("127.0.0.1", bot.port, timeout=20)) as connection:
        connection.request("GET", path, headers=headers)
        return connection.getresponse().status


async def test_idle_connections_leave_the_bot_reachable_and_the_log_small(bot: BotProcess) -> None:
    log = bot.home.parent / "log.txt"
    before = log.stat().st_size
    async with idle_connections(bot):
        for _ in range(10):
            assert await asyncio.to_thread(_status, bot, "/healthz") == 200
            await asyncio.sleep(1)

    assert log.stat().st_size - before < 100_000


async def test_guessed_keys_are_slowed_down_and_noted(bot: BotProcess) -> None:
    def guess(number: int) -> int:
        return _status(bot, "/api/v1/strategies", Authorization=f"Bearer obk_{number:043}")

    began = asyncio.get_running_loop().time()
    statuses = [await asyncio.to_thread(guess, number) for number in range(20)]

    assert statuses == [401] * 20
    assert asyncio.get_running_loop().time() - began >= 1.0
    with mongo_client(bot.home) as client:
        noted = [entry["said"] for entry in client.optimize_bot.audit_log.find({"door": "api"})]
    assert noted == ["wrong key n=1 from 127.0.0.1", "wrong key n=10 from 127.0.0.1"]
