"""`python -m tests.benchmarks backup`: backup of thousands of studies while a bot works, and what a restore gives back.

A real MongoDB is filled with copies of a real study, as `many` does it. A bot then runs studies one after the other;
`optimize-bot backup` is run as a program beside it, and restored into an empty installation. Every document of each
study that was there before is compared byte for byte.
"""

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from optimizer.domain.study_request import StudySpec
from optimizer.storage.copies.database_copy import DETAILS, STUDIES, raw_database
from optimizer.storage.embedded_mongo import find_mongod, running_uri, start_mongod
from optimizer.storage.mongo import kept_ready
from optimizer.studies.service import AlreadyFinished
from optimizer.supervisor import Supervisor
from tests.benchmarks.many import fill, made
from tests.benchmarks.services import desk_in, submitted

_N_RUNNING, _LONG = 4, 10_000
#: Collections besides those of studies, filled or written meanwhile.
_OTHERS = ("slack_outbox", "audit_log")


def main(arguments: Sequence[str] = ()) -> None:
    """Fill, back up, restore, compare and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks backup", description=__doc__)
    parser.add_argument("--studies", type=int, default=2000)
    parser.add_argument("--trials", type=int, default=200, help="of each study")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="backup-", ignore_cleanup_errors=True) as folder:
        asyncio.run(_measure(Path(folder), options))


async def _measure(folder: Path, options: argparse.Namespace) -> None:
    old, new, file = folder / "old", folder / "new", folder / "backup.tar.gz"
    await fill(old, await made(old, options.trials), options.studies)
    async with desk_in(old, n_workers=1) as services:
        running = [
            await submitted(services, StudySpec(symbol="IBM", strategy_name="macd", n_trials=_LONG, seed=seed, folds=0))
            for seed in range(_N_RUNNING)
        ]
        await _until_trials(running[0], old)
        backing_up = await _seconds(old, "backup", str(file))
        n_meanwhile = sum(_n_trials(name, old) for name in running)
        for name in running:
            with suppress(AlreadyFinished):
                await services.studies.cancel(name)
    restoring = await _seconds(new, "restore", str(file))
    async with _embedded(old) as here, _embedded(new) as there:
        same, different = await asyncio.to_thread(_compared, here, there, running)
    print("\n| backup while a study runs | |\n| --- | --- |")
    print(f"| studies, trials | {options.studies:,}, {options.studies * options.trials:,}, and {_N_RUNNING} more |")
    print(f"| backup | {backing_up:.1f} s, {file.stat().st_size / 1e6:,.0f} MB |")
    print(f"| restore | {restoring:.1f} s |")
    print(f"| trials of those four right after the backup | {n_meanwhile:,} |")
    print(f"| documents equal, byte for byte | {same:,} |\n| documents different or missing | {different:,} |")
    assert different == 0


async def _until_trials(name: str, home: Path) -> None:
    async with asyncio.timeout(300):
        while not await asyncio.to_thread(_n_trials, name, home):
            await asyncio.sleep(0.1)


def _n_trials(name: str, home: Path) -> int:
    uri = running_uri(home)
    assert uri is not None
    with raw_database(uri) as stored:
        return stored[DETAILS[0]].count_documents({"study": name})


async def _seconds(home: Path, *words: str) -> float:
    """Run a command of the program; returns how long it took."""
    began = time.monotonic()
    running = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", *words, "--json"),
        env=os.environ | {"OPTIMIZE_BOT_HOME": str(home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    _, said = await running.communicate()
    assert running.returncode == 0, said.decode()
    return time.monotonic() - began


@asynccontextmanager
async def _embedded(home: Path) -> AsyncIterator[str]:
    async with kept_ready(start_mongod(find_mongod(os.environ), home), Supervisor()) as uri:
        yield uri


def _compared(here: str, there: str, running: Sequence[str]) -> tuple[int, int]:
    """Numbers of the documents that are the same on both sides, and of the others; of studies that had ended."""
    same = different = 0
    others = {"$nin": running}
    queries = {STUDIES: {"study_name": others}, **{detail: {"study": others} for detail in DETAILS}}
    queries |= {other: {"conversation": others} for other in _OTHERS}
    with raw_database(here) as before, raw_database(there) as after:
        for collection, query in queries.items():
            restored = {found["_id"]: found.raw for found in after[collection].find(query)}
            for found in before[collection].find(query):
                is_same = restored.pop(found["_id"], None) == found.raw
                same, different = same + is_same, different + (not is_same)
            different += len(restored)
    return same, different
