"""A bot that is stopped, doubled, or whose worker hangs: nobody has to lend a hand."""

import asyncio
import signal
from pathlib import Path

import pytest

from tests.bot_process import BotProcess, bot_process, mongo_client
from tests.slack.driver import Driver
from tests.slack.strict import StrictSlack
from tests.slack.wire import HttpWire

pytestmark = pytest.mark.server


async def test_stopped_bot_is_gone_in_time_says_nothing_and_carries_on(tmp_path: Path) -> None:
    async with StrictSlack() as slack, bot_process(tmp_path / "home", slack) as bot:
        async with HttpWire(bot.url, patience=30) as wire:
            await Driver(slack, wire).command("IBM MACD 4000 seed=21 folds=0")
            await _running(bot)
            began = asyncio.get_running_loop().time()
            assert bot.stop() == 0
            assert asyncio.get_running_loop().time() - began < 10
            assert not await bot.is_listening()
            posts = len(slack.ledger.of("chat.postMessage"))
            await bot.start()
            await _result(slack)

        # The one further message is the result: that the bot was away is nobody's business.
        assert len(slack.ledger.of("chat.postMessage")) == posts + 1
        slack.assert_no_violations()


async def test_worker_that_hangs_is_replaced_within_half_a_minute(tmp_path: Path) -> None:
    async with StrictSlack() as slack, bot_process(tmp_path / "home", slack) as bot:
        async with HttpWire(bot.url, patience=30) as wire:
            await Driver(slack, wire).command("IBM MACD 4000 seed=22 folds=0")
            await _running(bot)
            (worker,) = bot.children("optimizer.studies.worker")
            worker.send_signal(signal.SIGSTOP)
            began = asyncio.get_running_loop().time()
            while worker.is_running() and worker.status() not in ("zombie", "dead"):
                await asyncio.sleep(0.2)
                assert asyncio.get_running_loop().time() - began < 35
            await _result(slack)
        slack.assert_no_violations()


async def test_second_bot_on_a_database_waits_for_the_end_of_the_first(tmp_path: Path, mongodb_uri: str) -> None:
    async with StrictSlack() as slack, bot_process(tmp_path / "one", slack, mongodb_uri=mongodb_uri) as first:
        second = BotProcess(tmp_path / "two", slack, mongodb_uri)
        second.launch()
        try:
            await asyncio.sleep(10)
            assert second.is_alive
            assert not await second.is_listening()
            first.kill()
            began = asyncio.get_running_loop().time()
            while not await second.is_listening():
                await asyncio.sleep(0.1)
                assert asyncio.get_running_loop().time() - began < 30
            assert second.stop() == 0
        finally:
            if second.is_alive:
                second.kill()


async def _running(bot: BotProcess) -> None:
    """Wait until the study has trials."""

    def count() -> int:
        with mongo_client(bot.home) as client:
            return int(client.optimize_bot.optimization_trials.count_documents({}))

    async with asyncio.timeout(120):
        while not await asyncio.to_thread(count):
            await asyncio.sleep(0.05)


async def _result(slack: StrictSlack) -> None:
    """Wait for the study's result."""
    channel = await slack.channel_id()

    async def look() -> bool | None:
        (root,) = await slack.messages(channel)
        return any("study_adopt" in str(m.blocks) for m in await slack.thread(channel, root.ts)) or None

    await slack.eventually(look, seconds=120, what="a result")
