"""`python -m tests.benchmarks api`: how long programs wait for an answer while every core runs studies.

A bot of its own on the loopback, with as many workers as cores, is kept busy with long studies; so many readers ask
one question after the other, and so many event streams stay open. What is measured is from a request to the last byte
of its answer: once with readers who ask again a second later, as a dashboard does, and once with readers who never
pause, so that what is seen is the bot's limit.
"""

import argparse
import asyncio
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import cycle
from pathlib import Path
from typing import Any

import aiohttp

from tests.bot_process import BotProcess, bot_process
from tests.slack.strict import StrictSlack

READERS, STREAMS, SECONDS = 50, 10, 20.0
PAUSES = (1.0, 0.0)
_START = "/api/v1/backtests/optimize"
_STRATEGIES = ("rsi", "sma", "macd", "bollinger", "donchian", "zscore")


class Measured:
    """What came of the requests, by what was asked for."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = defaultdict(list)
        self.n_wrong = 0
        self.n_events = 0

    def lines(self) -> list[str]:
        """A line a question, then all together."""
        every = [second for seconds in self.seconds.values() for second in seconds]
        rows = [*sorted(self.seconds.items()), ("all", every)]
        return [f"{name:9} {_told(seconds)}" for name, seconds in rows]

    @property
    def p99(self) -> float:
        """Seconds within which 99 of 100 were answered."""
        return statistics.quantiles((s for seconds in self.seconds.values() for s in seconds), n=100)[98]


def _told(seconds: Sequence[float]) -> str:
    p99 = statistics.quantiles(seconds, n=100)[98]
    return f"{len(seconds):6} answers, median {statistics.median(seconds) * 1e3:4.0f} ms, p99 {p99 * 1e3:4.0f} ms"


async def _key(bot: BotProcess) -> str:
    running = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "keys", "add", "bench", "role=admin"), env=bot.environment,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    return (await running.communicate())[0].decode().strip()


@asynccontextmanager
async def _program(bot: BotProcess, key: str) -> AsyncIterator[aiohttp.ClientSession]:
    connector, head = aiohttp.TCPConnector(limit=0), {"Authorization": f"Bearer {key}"}
    base = f"http://127.0.0.1:{bot.port}"
    async with aiohttp.ClientSession(base, connector=connector, headers=head) as session:
        yield session


async def _start(program: aiohttp.ClientSession, i: int, n_trials: int) -> str:
    wanted: dict[str, Any] = {"symbol": "AAPL", "strategy": _STRATEGIES[i % 6], "n_trials": n_trials, "seed": i}
    async with program.post(_START, json=wanted) as answer:
        body = await answer.json()
        assert answer.status == 202, body
        return str(body["study_name"])


async def _until_complete(program: aiohttp.ClientSession, name: str) -> None:
    while True:
        async with program.get(f"{_START}/{name}") as answer:
            if (await answer.json())["status"] == "complete":
                return
        await asyncio.sleep(0.5)


async def _keep_busy(program: aiohttp.ClientSession) -> None:
    """More long studies than there are workers, at any moment."""
    for i in range(1000, 2000):
        async with program.get(f"{_START}/studies?status=queued&limit=100") as answer:
            n_waiting = len((await answer.json())["items"])
        if n_waiting < 6:
            await _start(program, i, 5000)
        else:
            await asyncio.sleep(0.5)


async def _read(
    program: aiohttp.ClientSession, paths: Sequence[tuple[str, str]], how: tuple[float, float, int], seen: Measured
) -> None:
    """Ask in turn until `how[0]`, with pauses of `how[1]` seconds on average; `how[2]` is this reader's own seed."""
    end, pause, seed = how
    pauses = random.Random(seed)
    for name, path in cycle(paths):
        await asyncio.sleep(pause * pauses.uniform(0.5, 1.5))
        began = time.perf_counter()
        if began >= end:
            return
        async with program.get(path) as answer:
            await answer.read()
        seen.seconds[name].append(time.perf_counter() - began)
        seen.n_wrong += answer.status != 200


async def _stream(program: aiohttp.ClientSession, seen: Measured) -> None:
    """Follow whatever runs, one study after the other."""
    while True:
        async with program.get(f"{_START}/studies?status=running&limit=4") as answer:
            running = [item["links"]["events"] for item in (await answer.json())["items"]]
        for path in running:
            async with program.get(path, timeout=aiohttp.ClientTimeout(total=None)) as stream:
                async for line in stream.content:
                    seen.n_events += line.startswith(b"data:")
        await asyncio.sleep(0.2)


async def measure(home: Path, *, readers: int, streams: int, seconds: float) -> list[tuple[float, Measured]]:
    """Read for so many seconds while studies run; what was seen for each pause."""
    workers = {"OPTIMIZE_BOT_WORKERS": str(os.cpu_count() or 1), "OPTIMIZE_BOT_RUNNING_PER_PERSON": "8"}
    async with (
        StrictSlack() as slack,
        bot_process(home, slack, **workers) as bot,
        _program(bot, await _key(bot)) as web,
    ):
        name = await _start(web, 0, 500)
        await _until_complete(web, name)
        paths = [
            ("list", f"{_START}/studies"), ("progress", f"{_START}/{name}"), ("best", f"{_START}/{name}/best"),
            ("trials", f"{_START}/{name}/trials"), ("space", "/api/v1/strategies"),
        ]  # fmt: skip
        beside = [asyncio.create_task(_keep_busy(web))]
        await asyncio.sleep(3)
        found = [(pause, await _measured(web, paths, (readers, streams, seconds, pause))) for pause in PAUSES]
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)
    return found


async def _measured(
    web: aiohttp.ClientSession, paths: Sequence[tuple[str, str]], how: tuple[int, int, float, float]
) -> Measured:
    readers, streams, seconds, pause = how
    seen = Measured()
    following = [asyncio.create_task(_stream(web, seen)) for _ in range(streams)]
    end = time.perf_counter() + seconds
    turned = [[*paths[i % len(paths) :], *paths[: i % len(paths)]] for i in range(readers)]
    await asyncio.gather(*(_read(web, mine, (end, pause, i), seen) for i, mine in enumerate(turned)))
    for task in following:
        task.cancel()
    await asyncio.gather(*following, return_exceptions=True)
    return seen


def main(arguments: Sequence[str]) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks api", description=__doc__)
    parser.add_argument("--readers", type=int, default=READERS)
    parser.add_argument("--streams", type=int, default=STREAMS)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as home:
        found = asyncio.run(measure(Path(home) / "home", **vars(options)))
    for pause, seen in found:
        rate = sum(map(len, seen.seconds.values())) / options.seconds
        print(
            f"{options.readers} readers, a pause of {pause:g} s, {options.streams} streams: {rate:.0f} answers a second"
        )
        print("\n".join(seen.lines()))
        print(f"{seen.n_wrong} wrong answers, {seen.n_events} events, p99 {seen.p99 * 1e3:.0f} ms\n")
