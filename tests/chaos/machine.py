"""A machine that runs out of descriptors or of disk, or whose files are damaged, while studies run."""

import asyncio
import os
import resource
import shutil
import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil

from optimizer.market.snapshots import is_whole
from optimizer.market.warehouse.damage import files_set_aside
from tests.bot_process import BotProcess, bot_process
from tests.chaos.havoc import Havoc
from tests.chaos.studies import Ended, run
from tests.chaos.vitals import log_of
from tests.slack.strict import StrictSlack

#: Descriptors that a bot may have, as most systems allow by default, and connections that strangers hold.
N_DESCRIPTORS, N_CONNECTIONS = 1024, 1100
#: Megabytes of the small disk; a bot wants 500 of them free.
_DISK_MB = 800
_PIECE = b"\0" * 2**20
#: Seconds that a bot may take until it is ready again.
_OVER_SECONDS = 120.0
#: A draft that a killed writer has left.
_DRAFT = f".{'0' * 64}.parquet.1.1"


@contextmanager
def files(soft: int) -> Iterator[None]:
    """Let this process, and the children it starts, open so many files inside the block."""
    before, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (before, hard))


@asynccontextmanager
async def bot_with_few_files(home: Path, slack: StrictSlack, **more: Any) -> AsyncIterator[BotProcess]:
    """A running bot that may open as many files as most systems allow."""
    with files(N_DESCRIPTORS):
        opening = bot_process(home, slack, **more)
        bot = await opening.__aenter__()
    try:
        yield bot
    finally:
        await opening.__aexit__(None, None, None)


@asynccontextmanager
async def idle_connections(bot: BotProcess, n: int = N_CONNECTIONS) -> AsyncIterator[None]:
    """Hold so many connections; every other one has begun a request and does not go on."""
    with files(4 * N_DESCRIPTORS):
        held = [await asyncio.open_connection("127.0.0.1", bot.port) for _ in range(n)]
        for _, writer in held[::2]:
            writer.write(b"POST /slack/events HTTP/1.1\r\nHost: x\r\n")
        try:
            yield
        finally:
            for _, writer in held:
                writer.close()
            await asyncio.gather(*(writer.wait_closed() for _, writer in held), return_exceptions=True)


async def descriptors(home: Path, n_studies: int, n_trials: int, *, times: int, seconds: float) -> tuple[Ended, int]:
    """Hold idle connections so often; also returns by how many bytes the log grew meanwhile."""
    log, grown = log_of(home), 0

    async def strike(bot: BotProcess) -> bool:
        nonlocal grown
        before = log.stat().st_size
        async with idle_connections(bot):
            await asyncio.sleep(seconds)
        grown += log.stat().st_size - before
        return True

    havoc = Havoc(strikes=[("idle connections", strike)] * times, seed=18)
    return await run(home, n_studies, n_trials, havoc, opener=bot_with_few_files), grown


@contextmanager
def small_disk(place: Path) -> Iterator[bool]:
    """Mount a small disk in memory for the block; False where this process may not mount."""
    place.mkdir(parents=True, exist_ok=True)
    mounting = ["mount", "-t", "tmpfs", "-o", f"size={_DISK_MB}m,mode=700", "chaos", str(place)]
    is_mounted = subprocess.run(mounting, capture_output=True, check=False).returncode == 0
    try:
        yield is_mounted
    finally:
        if is_mounted:
            subprocess.run(["umount", "--lazy", str(place)], check=True)


@contextmanager
def full_disk(bot: BotProcess) -> Iterator[None]:
    """Leave no room on the small disk; without one no process of the bot may write to a file."""
    if bot.home.is_mount():
        ballast = bot.home / "ballast"
        with suppress(OSError), ballast.open("wb", buffering=0) as file:
            while file.write(_PIECE):
                pass
        try:
            yield
        finally:
            ballast.unlink()
    else:
        _limit_files(bot, 0)
        try:
            yield
        finally:
            _limit_files(bot, resource.RLIM_INFINITY)


def _limit_files(bot: BotProcess, size: int) -> None:
    assert bot.process is not None
    own = psutil.Process(bot.process.pid)
    for process in (own, *own.children(recursive=True)):
        with suppress(psutil.Error):
            process.rlimit(psutil.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


async def disk(home: Path, n_studies: int, n_trials: int, *, times: int, seconds: float) -> tuple[Ended, Counter[str]]:
    """Fill the disk so often for so long; also returns how often /readyz named what, and was well again after."""
    named: Counter[str] = Counter()

    async def strike(bot: BotProcess) -> bool:
        with full_disk(bot), suppress(TimeoutError):
            body = await bot.until_ready(503)
            await asyncio.sleep(seconds)
            named.update(body["wrong"].keys())
        with suppress(TimeoutError):
            await bot.until_ready(seconds=_OVER_SECONDS)
            named["well after"] += 1
        return True

    with small_disk(home) as is_mounted:
        kind = "full disks" if is_mounted else "times without writing"
        ended = await run(home, n_studies, n_trials, Havoc(strikes=[(kind, strike)] * times, seed=19))
        return replace(ended, home=keep_bars(home)), named


async def damage(home: Path, n_studies: int, n_trials: int, *, times: int) -> tuple[Ended, list[str]]:
    """Damage files so often in each way; also returns what of it is not mended in the end."""
    strikes = {
        "snapshots cut": _cut_snapshots,
        "data files cut": _cut_warehouse,
        "drafts left": _leave_draft,
    }
    todo = [(name, strike) for name, strike in strikes.items() for _ in range(times)]
    ended = await run(home, n_studies, n_trials, Havoc(strikes=todo, seed=20, shortest=0.1, longest=1.0))
    left = [] if len(files_set_aside(home / "market.duckdb")) == times else ["data files not set aside"]
    left += ["drafts"] if (home / "snapshots" / _DRAFT).exists() else []
    return replace(ended, home=keep_bars(home)), left


async def _cut_snapshots(bot: BotProcess) -> bool:
    """Cut every snapshot in half, whether a study reads it or not."""
    keep_bars(bot.home)
    found = list((bot.home / "snapshots").glob("[!.]*.parquet"))  # drafts come and go
    for file in found:
        os.truncate(file, file.stat().st_size // 2)
    return bool(found)


async def _cut_warehouse(bot: BotProcess) -> bool:
    """Cut the data file in half while the bot is away."""
    file = bot.home / "market.duckdb"
    bot.kill()
    os.truncate(file, file.stat().st_size // 2)
    await bot.start()
    return True


async def _leave_draft(bot: BotProcess) -> bool:
    """Leave what a writer of a snapshot leaves that is killed with its bot."""
    bot.kill()
    (bot.home / "snapshots").mkdir(exist_ok=True)
    (bot.home / "snapshots" / _DRAFT).write_bytes(b"PAR1")
    await bot.start()
    return True


def keep_bars(*homes: Path) -> Path:
    """Copy the snapshots that are whole to a place where nothing happens to them; returns that home."""
    kept = homes[0].with_name(f"{homes[0].name}-kept")
    (kept / "snapshots").mkdir(parents=True, exist_ok=True)
    for file in (file for home in homes for file in (home / "snapshots").glob("[!.]*.parquet")):
        if is_whole(file.stem, file.parent):
            shutil.copy2(file, kept / "snapshots")
    return kept
