"""The bot as a process of its own: what can be killed, stopped, measured, and looked at from outside."""

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

import aiohttp
import psutil
from pymongo import MongoClient

from tests.slack.inspection import SIGNING_SECRET
from tests.slack.strict import StrictSlack


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class BotProcess:
    """`optimize-bot serve` as a process of its own, which can be killed; what it logs is in `log` when given."""

    def __init__(
        self, home: Path, slack: StrictSlack, mongodb_uri: str = "", *, log: Path | None = None, **environment: str
    ) -> None:
        self.port = free_port()
        self.home = home
        self.process: subprocess.Popen[bytes] | None = None
        self.starts: list[float] = []  # seconds that each start took
        self.log = log
        self.environment = os.environ | {
            "OPTIMIZE_BOT_HOME": str(home),
            "OPTIMIZE_BOT_WORKERS": "1",
            "OPTIMIZE_BOT_PORT": str(self.port),
            "SLACK_API_URL": slack.api_url,
            "SLACK_BOT_TOKEN": slack.bot_token,
            "SLACK_SIGNING_SECRET": SIGNING_SECRET,
            **({"MONGODB_URI": mongodb_uri} if mongodb_uri else {}),
            **environment,
        }

    @property
    def url(self) -> str:
        """Where it takes Slack's requests."""
        return f"{self.origin}/slack/events"

    @property
    def origin(self) -> str:
        """The address of its HTTP side."""
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> float:
        """Start and wait until it listens; returns the seconds until then."""
        began = asyncio.get_running_loop().time()
        self.launch()
        for _ in range(3600):
            assert self.is_alive, "the bot ended while starting"
            if await self.is_listening():
                self.starts.append(asyncio.get_running_loop().time() - began)
                return self.starts[-1]
            await asyncio.sleep(0.05)
        raise AssertionError("the bot did not listen within three minutes")

    def launch(self) -> None:
        """Start it and do not wait."""
        command = [sys.executable, "-m", "bot", "serve"]
        if self.log is None:
            self.process = subprocess.Popen(command, env=self.environment)
            return
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, env=self.environment, stderr=log)

    @property
    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self.process is not None and self.process.poll() is None

    async def is_listening(self) -> bool:
        """Whether it takes connections."""
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        writer.close()
        return True

    async def ready(self) -> tuple[int, dict[str, Any]]:
        """What /readyz answers."""
        async with aiohttp.ClientSession() as session, session.get(f"{self.origin}/readyz") as answer:
            return answer.status, await answer.json()

    async def until_ready(self, status: int = 200, *, seconds: float = 120.0) -> dict[str, Any]:
        """Wait until /readyz answers with this status; returns its JSON."""
        async with asyncio.timeout(seconds):
            while (answer := await self.ready())[0] != status:
                await asyncio.sleep(0.1)
        return answer[1]

    def children(self, mark: str) -> list[psutil.Process]:
        """Its child processes whose command line has this mark: `optimizer.studies.worker`, `--dbpath`, `reports`."""
        assert self.process is not None
        return [child for child in psutil.Process(self.process.pid).children() if mark in _line(child)]

    def kill(self) -> None:
        """End it as a power cut would, and wait until its children are gone too."""
        assert self.process is not None
        children = psutil.Process(self.process.pid).children(recursive=True)
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        psutil.wait_procs(children, timeout=10)

    def stop(self, *, seconds: float = 10.0) -> int:
        """Ask it to end; returns its exit code. Ten seconds is what it has on a quiet machine."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(timeout=seconds)


@asynccontextmanager
async def bot_process(home: Path, slack: StrictSlack, **more: Any) -> AsyncIterator[BotProcess]:
    """A running bot, gone after the block."""
    bot = BotProcess(home, slack, **more)
    try:
        await bot.start()
        yield bot
    finally:
        if bot.is_alive:
            bot.kill()


def mongo_client(home: Path) -> "MongoClient[dict[str, Any]]":
    """A client of the embedded server of the bot that owns a data directory."""
    line = next(
        line for line in map(_line, psutil.process_iter()) if str(home / "mongodb") in line and "--port" in line
    )
    words = line.split()
    port, password = words[words.index("--port") + 1], (home / "mongodb.password").read_text()
    return MongoClient(f"mongodb://optimize_bot:{password}@127.0.0.1:{port}/?authSource=admin")


def _line(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except (psutil.NoSuchProcess, psutil.ZombieProcess, psutil.AccessDenied):
        return ""
