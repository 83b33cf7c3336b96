"""`optimize-bot worker` as a process of its own, and a broker for it: what can be killed, frozen and looked at."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from tests.bot_process import free_port


class WorkerProcess:
    """A worker program with a data directory of its own."""

    def __init__(self, home: Path, mongodb_uri: str, *options: str, **environment: str) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.home = home
        self.said = home / "said.txt"
        self._environment = os.environ | {"OPTIMIZE_BOT_HOME": str(home), "MONGODB_URI": mongodb_uri, **environment}
        self._options = options or ("count=1",)
        self.process = self._launch()

    def _launch(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "bot", "worker", *self._options]
        with self.said.open("ab") as said:
            return subprocess.Popen(command, env=self._environment, stdout=said, stderr=said)

    def launch(self) -> None:
        """Start it again after a kill."""
        self.process = self._launch()

    def children(self) -> list[psutil.Process]:
        """Its processes that run studies."""
        return [child for child in psutil.Process(self.process.pid).children() if _runs_studies(child)]

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the program and to everything it started."""
        family = [psutil.Process(self.process.pid), *psutil.Process(self.process.pid).children(recursive=True)]
        for member in family:
            member.send_signal(number)

    async def until_said(self, words: str, *, seconds: float = 120.0) -> str:
        """Wait until it has printed these words; returns everything that it has printed."""
        return await until(lambda: self.said.read_text() if words in self.said.read_text() else "", seconds=seconds)

    def stop(self) -> int:
        """End it in order; returns its exit code."""
        self.process.terminate()
        return self.process.wait(timeout=30)


def _runs_studies(process: psutil.Process) -> bool:
    """True for a worker process; one that has just ended is none."""
    with suppress(psutil.NoSuchProcess):
        return " ".join(process.cmdline()).endswith("studies.worker")
    return False


async def until(found: Callable[[], str], *, seconds: float = 60.0) -> str:
    """Wait for something; returns it."""
    async with asyncio.timeout(seconds):
        while not (here := found()):
            await asyncio.sleep(0.05)
    return here


@contextmanager
def worker_process(home: Path, mongodb_uri: str, *options: str, **environment: str) -> Iterator[WorkerProcess]:
    """A running worker program, gone after the block."""
    worker = WorkerProcess(home, mongodb_uri, *options, **environment)
    try:
        yield worker
    finally:
        if worker.process.poll() is None:
            worker.send(signal.SIGCONT)
            worker.process.kill()
        worker.process.wait()


PASSWORD = "bells"


class Redis:
    """A real server with a password, which can be killed and started again at the same address."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._folder = folder
        self.start()

    @property
    def url(self) -> str:
        """Its address."""
        return f"redis://:{PASSWORD}@127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it and wait until it listens."""
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self._folder), "--save", ""]
        command = ["redis-server", *options, "--requirepass", PASSWORD]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if "Ready to accept connections" in line:
                return
        raise AssertionError("redis-server did not start")

    def kill(self) -> None:
        """End it at once."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()


@contextmanager
def redis_server(folder: Path) -> Iterator[Redis]:
    """A running server, gone after the block."""
    server = Redis(folder)
    try:
        yield server
    finally:
        server.kill()
