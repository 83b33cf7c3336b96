"""A bot killed in the middle of a study: the next one finishes it, with the same trials and one result."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
from pymongo import MongoClient

from tests.slack.driver import Driver
from tests.slack.inspection import SIGNING_SECRET
from tests.slack.strict import StrictSlack
from tests.slack.wire import HttpWire
from tests.slack.workspace import Message

N_TRIALS = 3000
COMMAND = f"IBM MACD {N_TRIALS} seed=11 folds=0"


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class BotProcess:
    """`optimize-bot serve` as a process of its own, which can be killed."""

    def __init__(self, home: Path, slack: StrictSlack, mongodb_uri: str = "") -> None:
        self.port = free_port()
        self._environment = os.environ | {
            "OPTIMIZE_BOT_HOME": str(home),
            "OPTIMIZE_BOT_WORKERS": "1",
            "OPTIMIZE_BOT_PORT": str(self.port),
            "SLACK_API_URL": slack.api_url,
            "SLACK_BOT_TOKEN": slack.bot_token,
            "SLACK_SIGNING_SECRET": SIGNING_SECRET,
            **({"MONGODB_URI": mongodb_uri} if mongodb_uri else {}),
        }
        self.process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Start and wait until it listens."""
        command = [sys.executable, "-m", "bot", "serve"]
        self.process = subprocess.Popen(command, env=self._environment)  # noqa: ASYNC220 - it must be killable
        for _ in range(600):
            assert self.process.poll() is None, "the bot ended while starting"
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.close()
                return
            except OSError:
                await asyncio.sleep(0.05)
        raise AssertionError("the bot did not listen within 30 s")

    def kill(self) -> None:
        """End it as a power cut would, and wait until its children are gone too."""
        assert self.process is not None
        children = psutil.Process(self.process.pid).children(recursive=True)
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        psutil.wait_procs(children, timeout=10)

    def stop(self) -> int:
        """Ask it to end; returns its exit code."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(timeout=10)


@asynccontextmanager
async def bot_process(home: Path, slack: StrictSlack) -> AsyncIterator[BotProcess]:
    """A running bot, gone after the block."""
    bot = BotProcess(home, slack)
    await bot.start()
    try:
        yield bot
    finally:
        if bot.process is not None and bot.process.poll() is None:
            bot.kill()


async def test_killed_study_ends_with_the_same_trials_and_one_result(tmp_path: Path) -> None:
    undisturbed = await _run_to_the_end(tmp_path / "undisturbed", kills=0)
    disturbed = await _run_to_the_end(tmp_path / "disturbed", kills=2)

    assert disturbed["trials"] == undisturbed["trials"]
    assert len(disturbed["trials"]) == N_TRIALS
    assert disturbed["results"] == undisturbed["results"] == 1


async def _run_to_the_end(home: Path, kills: int) -> dict[str, Any]:
    async with StrictSlack() as slack, bot_process(home, slack) as bot:
        async with HttpWire(f"http://127.0.0.1:{bot.port}/slack/events", patience=30) as wire:
            delivery = await Driver(slack, wire).command(COMMAND)
            assert delivery.status == 200
            for kill in range(kills):
                # Somewhere in the middle: later each time, and never before the first or after the last trial.
                await _wait_for_trials(home, (kill + 1) * N_TRIALS // (kills + 2))
                bot.kill()
                await bot.start()
            root, _ = await _told(slack)
            await asyncio.sleep(2.0)
            trials = await asyncio.to_thread(_trials, home)
        assert bot.stop() == 0
        slack.assert_no_violations()
        verdicts = [m for m in (await slack.thread(root.channel, root.ts))[1:] if "study_adopt" in str(m.blocks)]
        return {"trials": trials, "results": len(verdicts)}


async def _told(slack: StrictSlack) -> tuple[Message, list[Message]]:
    channel = await slack.channel_id()

    async def look() -> tuple[Message, list[Message]] | None:
        roots = await slack.messages(channel)
        replies = (await slack.thread(channel, roots[0].ts))[1:] if roots else []
        return (roots[0], replies) if sum(bool(m.files) for m in replies) >= 2 else None

    return await slack.eventually(look, seconds=90, what="a result with two charts")


async def _wait_for_trials(home: Path, least: int) -> None:
    """Wait until so many trials are stored; the study must not be over then."""
    with _client(home) as client:
        database = client.optimize_bot
        while (stored := await asyncio.to_thread(database.optimization_trials.count_documents, {})) < least:
            await asyncio.sleep(0.02)
        assert stored < N_TRIALS, "the study was over before the kill: it proves nothing"


def _trials(home: Path) -> list[tuple[Any, ...]]:
    with _client(home) as client:
        found = client.optimize_bot.optimization_trials.find().sort("trial_number", 1)
        return [(t["trial_number"], tuple(sorted(t["params"].items())), t["value"], t["n_trades"]) for t in found]


def _client(home: Path) -> "MongoClient[dict[str, Any]]":
    """A client of the bot's embedded server."""
    lines = (process.cmdline() for process in psutil.process_iter() if process.status() != psutil.STATUS_ZOMBIE)
    line = next(line for line in lines if str(home / "mongodb") in line and "--port" in line)
    port, password = line[line.index("--port") + 1], (home / "mongodb.password").read_text()
    return MongoClient(f"mongodb://optimize_bot:{password}@127.0.0.1:{port}/?authSource=admin")
