"""Studies that a worker program on another machine runs are told in Slack like any other."""

import asyncio
import socket
from pathlib import Path
from typing import Any

import pytest

from tests.bot_process import BotProcess, bot_process, mongo_client
from tests.chaos.mongo import mongod_in
from tests.scenarios.conftest import WORKING
from tests.slack.driver import Driver
from tests.slack.strict import StrictSlack
from tests.slack.wire import HttpWire
from tests.worker_process import WorkerProcess, worker_process

pytestmark = [pytest.mark.server, pytest.mark.slow]


async def test_study_that_another_machine_runs_is_told_and_the_machine_named(tmp_path: Path) -> None:
    """The bot's own worker is frozen meanwhile, and goes on when the study has ended."""
    async with StrictSlack() as slack, mongod_in(tmp_path / "mongo") as server:
        options = {"mongodb_uri": server.uri, "OPTIMIZE_BOT_REMOTE_WORKERS": "yes"}
        with worker_process(tmp_path / "there", server.uri, "count=1") as worker:
            async with bot_process(tmp_path / "bot", slack, **options) as bot:
                await bot.until_ready()
                await worker.until_said("1 ready on", seconds=120)
                await _is_run_there(slack, bot, worker)
                assert f"1, on {socket.gethostname()} (1)" in await _answer(slack, bot, "health")
                await _is_shared_by_machines_and_people(slack, bot, worker)
                assert await asyncio.to_thread(bot.stop, seconds=30) == 0
            slack.assert_no_violations()


async def _is_run_there(slack: StrictSlack, bot: BotProcess, worker: WorkerProcess) -> None:
    [own] = bot.children("optimizer.studies.worker")
    own.suspend()
    try:
        async with HttpWire(bot.url, patience=30) as wire:
            assert (await Driver(slack, wire).command("IBM RSI 20 folds=0")).status == 200
        channel = await slack.channel_id()

        async def look() -> str | None:
            roots = await slack.messages(channel)
            replies = (await slack.thread(channel, roots[0].ts))[1:] if roots else []
            return next((str(m.blocks) for m in replies if "study_adopt" in str(m.blocks)), None)

        await slack.eventually(look, seconds=120, what="the result")
    finally:
        own.resume()
    [study] = await asyncio.to_thread(_studies, worker.home.with_name("mongo"))
    assert study["lease"]["pool"] == (worker.home / "worker/identity").read_text()
    assert (study["lease"]["owner"], study["deaths"]) == (None, 0)
    assert f"{study['study_name']}: complete" in worker.said.read_text()


async def _is_shared_by_machines_and_people(slack: StrictSlack, bot: BotProcess, worker: WorkerProcess) -> None:
    """Four studies of one request run on both machines and are told in one message; another person's is in between."""
    async with HttpWire(bot.url, patience=30) as wire:
        driver = Driver(slack, wire)
        assert (await driver.command("AAPL,IBM,MSFT,GOOG RSI 8000 folds=0", user="alice")).status == 200
        assert (await driver.command("IBM SMA 20 folds=0", user="bob")).status == 200
    channel = await slack.channel_id()

    async def look() -> str | None:
        return next((m.ts for m in await slack.messages(channel) if "All 4 are done" in str(m.blocks)), None)

    await slack.eventually(look, seconds=240, what="the table")
    studies = await asyncio.to_thread(_studies, worker.home.with_name("mongo"))
    many = [study for study in studies if study["n_together"] == 4]
    [between] = [study for study in studies if study["strategy_name"] == "sma"]
    assert len(many) == 4
    assert len({study["lease"]["pool"] for study in many}) == 2
    assert between["lease"]["claimed_at"] < max(study["lease"]["claimed_at"] for study in many)


async def _answer(slack: StrictSlack, bot: BotProcess, text: str) -> str:
    async with HttpWire(bot.url, patience=30) as wire:
        delivery = await Driver(slack, wire).command(text)
        assert delivery.response_url is not None
        replies = delivery.response_url.replies

        async def look() -> str | None:
            bodies = [reply.body for reply in replies if not reply.body.get("replace_original")]
            return next((str(body) for body in reversed(bodies) if body["text"] not in WORKING), None)

        return await slack.eventually(look, seconds=120, what=text)


def _studies(home: Path) -> list[dict[str, Any]]:
    with mongo_client(home) as client:
        return list(client.optimize_bot.optimization_studies.find({}))
