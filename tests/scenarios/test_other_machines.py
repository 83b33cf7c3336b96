"""Studies that worker programs on other machines run are told in Slack like any other."""

import asyncio
import json
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.bars import made_up_bars
from tests.bot_process import BotProcess, bot_process, mongo_client
from tests.chaos.mongo import mongod_in
from tests.scenarios.conftest import WORKING
from tests.slack.driver import Driver
from tests.slack.strict import StrictSlack
from tests.slack.wire import HttpWire
from tests.slack.workspace import Message
from tests.worker_process import WorkerProcess, worker_process

pytestmark = [pytest.mark.server, pytest.mark.slow]
SYMBOLS = ("AAPL", "GOOG", "IBM", "MSFT")


async def test_studies_that_other_machines_run_are_told_and_the_machines_named(tmp_path: Path) -> None:
    """One program beside the bot's own worker, then two programs instead of it, which run a schedule's watch list."""
    async with StrictSlack() as slack, mongod_in(tmp_path / "mongo") as server:
        options = {
            "mongodb_uri": server.uri,
            "OPTIMIZE_BOT_REMOTE_WORKERS": "yes",
            "OPTIMIZE_BOT_ADMINS": await slack.user_id("bob"),
            "OPTIMIZE_BOT_RUNNERS": "*",
            "OPTIMIZE_BOT_SOURCES": "table:desk",
            "OPTIMIZE_BOT_TABLES": json.dumps({"desk": {"at": str(_prices(tmp_path / "prices.csv"))}}),
        }
        with worker_process(tmp_path / "there", server.uri, "count=1") as worker:
            async with bot_process(tmp_path / "bot", slack, **options) as bot:
                await bot.until_ready()
                await worker.until_said("1 ready on", seconds=120)
                await _is_run_there(slack, bot, worker)
                assert f"1, on {socket.gethostname()} (1)" in await _answer(slack, bot, "health")
                await _is_shared_by_machines_and_people(slack, bot, worker)
                with worker_process(tmp_path / "beyond", server.uri, "count=1") as other:
                    await other.until_said("1 ready on", seconds=120)
                    await _is_scheduled_over_both(slack, bot, [worker, other])
                assert await asyncio.to_thread(bot.stop, seconds=30) == 0
            slack.assert_no_violations()


def _prices(path: Path) -> Path:
    """A table of the firm's own, which may have new bars, so that schedules of it are allowed."""
    days = pd.bdate_range("2010-01-04", periods=1300)
    parts = []
    for number, symbol in enumerate(SYMBOLS):
        bars = made_up_bars(len(days), seed=number)
        names = ("open", "high", "low", "close", "volume")
        columns = {name: getattr(bars, name) for name in names}
        parts.append(pd.DataFrame({"time": days, "symbol": symbol, **columns}))
    pd.concat(parts).to_csv(path, index=False)
    return path


@contextmanager
def _frozen(bot: BotProcess, *workers: WorkerProcess) -> Iterator[None]:
    """The bot's own worker, and programs, take nothing inside the block."""
    [own] = bot.children("optimizer.studies.worker")
    own.suspend()
    for worker in workers:
        worker.send(signal.SIGSTOP)
    try:
        yield
    finally:
        for worker in workers:
            worker.send(signal.SIGCONT)
        own.resume()


async def _is_run_there(slack: StrictSlack, bot: BotProcess, worker: WorkerProcess) -> None:
    with _frozen(bot):
        async with HttpWire(bot.url, patience=30) as wire:
            assert (await Driver(slack, wire).command("IBM RSI 20 folds=0")).status == 200
        channel = await slack.channel_id()

        async def look() -> str | None:
            roots = await slack.messages(channel)
            replies = (await slack.thread(channel, roots[0].ts))[1:] if roots else []
            return next((str(m.blocks) for m in replies if "study_adopt" in str(m.blocks)), None)

        await slack.eventually(look, seconds=120, what="the result")
    [study] = await asyncio.to_thread(_studies, worker.home.with_name("mongo"))
    assert study["lease"]["pool"] == (worker.home / "worker/identity").read_text()
    assert (study["lease"]["owner"], study["deaths"]) == (None, 0)
    assert f"{study['study_name']}: complete" in worker.said.read_text()


async def _is_shared_by_machines_and_people(slack: StrictSlack, bot: BotProcess, worker: WorkerProcess) -> None:
    """Four studies of one request run on both machines and are told in one message; another person's is in between."""
    with _frozen(bot, worker):
        async with HttpWire(bot.url, patience=30) as wire:
            driver = Driver(slack, wire)
            assert (await driver.command("AAPL,IBM,MSFT,GOOG RSI 2000 folds=0", user="alice")).status == 200
            assert (await driver.command("IBM SMA 20 folds=0", user="bob")).status == 200
        await _until(lambda: len(_studies(worker.home.with_name("mongo"))) == 6)
    await _post(slack, "All 4 are done")
    studies = await asyncio.to_thread(_studies, worker.home.with_name("mongo"))
    many = [study for study in studies if study["n_together"] == 4]
    [between] = [study for study in studies if study["strategy_name"] == "sma"]
    assert len(many) == 4
    assert len({study["lease"]["pool"] for study in many}) == 2
    assert between["lease"]["claimed_at"] < max(study["lease"]["claimed_at"] for study in many)


async def _is_scheduled_over_both(slack: StrictSlack, bot: BotProcess, workers: list[WorkerProcess]) -> None:
    """A weekly schedule over a watch list, run out of turn, is told under one root whoever ran its members."""
    await _answer(slack, bot, f"config @weekly {','.join(SYMBOLS)}", user="bob")
    home = workers[0].home.with_name("mongo")
    with _frozen(bot):
        async with HttpWire(bot.url, patience=30) as wire:
            driver = Driver(slack, wire)
            await driver.command("schedule @weekly RSI 2000 seed=8 folds=0 weekly fri 07:00 tz=UTC", user="bob")
            made = str((await _post(slack, "scheduled `/optimize @weekly")).blocks)
            schedule = made.partition(" as `")[2].partition("`")[0]
            await driver.command(f"run {schedule}", user="bob")
        await _until(lambda: [study["status"] for study in _of_schedule(home)] == ["complete"] * 4)
    root = await _post(slack, f"(`{schedule}`): 4 symbols compared;")  # which the bot's own worker does
    replies = (await slack.thread(await slack.channel_id(), root.ts))[1:]
    studies = await asyncio.to_thread(_of_schedule, home)
    assert {study["lease"]["pool"] for study in studies} == {
        (worker.home / "worker/identity").read_text() for worker in workers
    }
    assert [(study["symbol"], study["n_together"]) for study in studies] == [(symbol, 4) for symbol in SYMBOLS]
    told = [sum(f"{symbol} RSI" in str(reply.blocks) for reply in replies) for symbol in SYMBOLS]
    assert told == [1, 1, 1, 1], "each member has one comparison, in the root's thread"


async def _post(slack: StrictSlack, words: str) -> Message:
    """A message in the channel, once there is one with these words."""
    channel = await slack.channel_id()

    async def look() -> Message | None:
        return next((m for m in await slack.messages(channel) if words in str(m.blocks)), None)

    return await slack.eventually(look, seconds=240, what=words)


async def _until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(240):
        while not await asyncio.to_thread(is_so):
            await asyncio.sleep(0.1)


async def _answer(slack: StrictSlack, bot: BotProcess, text: str, *, user: str = "alice") -> str:
    async with HttpWire(bot.url, patience=30) as wire:
        delivery = await Driver(slack, wire).command(text, user=user)
        assert delivery.response_url is not None
        replies = delivery.response_url.replies

        async def look() -> str | None:
            bodies = [reply.body for reply in replies if not reply.body.get("replace_original")]
            return next((str(body) for body in reversed(bodies) if body["text"] not in WORKING), None)

        return await slack.eventually(look, seconds=120, what=text)


def _studies(home: Path) -> list[dict[str, Any]]:
    with mongo_client(home) as client:
        return list(client.optimize_bot.optimization_studies.find({}))


def _of_schedule(home: Path) -> list[dict[str, Any]]:
    """Studies of the schedule, by symbol."""
    return sorted((study for study in _studies(home) if study["seed"] == 8), key=lambda study: str(study["symbol"]))
