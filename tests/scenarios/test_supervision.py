"""A bot that is stopped, or whose worker hangs: nobody has to lend a hand. Two bots are in `tests/chaos`."""

import asyncio
import signal
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.bot_process import BotProcess, bot_process, mongo_client
from tests.slack.driver import Driver
from tests.slack.strict import StrictSlack
from tests.slack.wire import HttpWire

pytestmark = [pytest.mark.server, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def slack() -> AsyncIterator[StrictSlack]:
    """The Slack of the bot that hangs and is stopped."""
    async with StrictSlack() as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bot(slack: StrictSlack, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[BotProcess]:
    """The bot that hangs and is stopped."""
    async with bot_process(tmp_path_factory.mktemp("supervision"), slack) as running:
        yield running


async def test_stopped_bot_is_gone_in_time_says_nothing_and_carries_on(slack: StrictSlack, bot: BotProcess) -> None:
    async with HttpWire(bot.url, patience=30) as wire:
        await Driver(slack, wire).command("IBM MACD 4000 seed=21 folds=0")
        name = await _running(bot, 21)
        began = asyncio.get_running_loop().time()
        assert bot.stop() == 0
        assert asyncio.get_running_loop().time() - began < 10
        assert not await bot.is_listening()
        posts = len(slack.ledger.of("chat.postMessage"))
        await bot.start()
        await _result(slack, name)

    # The one further message is the result: that the bot was away is nobody's business.
    assert len(slack.ledger.of("chat.postMessage")) == posts + 1
    slack.assert_no_violations()


async def test_worker_that_hangs_is_replaced_within_half_a_minute(slack: StrictSlack, bot: BotProcess) -> None:
    async with HttpWire(bot.url, patience=30) as wire:
        await Driver(slack, wire).command("IBM MACD 4000 seed=22 folds=0")
        name = await _running(bot, 22)
        (worker,) = bot.children("optimizer.studies.worker")
        worker.send_signal(signal.SIGSTOP)
        began = asyncio.get_running_loop().time()
        while worker.is_running() and worker.status() not in ("zombie", "dead"):
            await asyncio.sleep(0.2)
            assert asyncio.get_running_loop().time() - began < 35
        await _result(slack, name)
    slack.assert_no_violations()


async def _running(bot: BotProcess, seed: int) -> str:
    """Wait until the study has trials; returns its name."""

    def look() -> str | None:
        with mongo_client(bot.home) as client:
            study = client.optimize_bot.optimization_studies.find_one({"spec.seed": seed})
            name = study["study_name"] if study else ""
            return name if client.optimize_bot.optimization_trials.count_documents({"study": name}) else None

    async with asyncio.timeout(120):
        while (name := await asyncio.to_thread(look)) is None:
            await asyncio.sleep(0.05)
    return name


async def _result(slack: StrictSlack, name: str) -> None:
    """Wait for the study's result."""
    channel = await slack.channel_id()

    async def look() -> bool | None:
        for root in await slack.messages(channel):
            if name in str(root.blocks):
                return any("study_adopt" in str(m.blocks) for m in await slack.thread(channel, root.ts)) or None
        return None

    await slack.eventually(look, seconds=120, what="a result")
