"""`python -m tests.benchmarks universe`: a watch list of symbols, typed in Slack, from the command to its last table.

A bot as it runs for people, with the embedded MongoDB and a worker per core, is asked for one study of each symbol of a
list, with bars that are imported. It prints when all were stored and when all were told, and the processor time of each
process a study. What is loaded at a first request is loaded before, by a request for two other symbols.
"""

import argparse
import asyncio
import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from optimizer.clock import utc_now
from optimizer.market.importing import import_files
from optimizer.market.providers.file import Reading
from optimizer.market.warehouse.warehouse import Warehouse
from tests.benchmarks.study import write_walk
from tests.bot_process import BotProcess, bot_process, mongo_client
from tests.slack.driver import Driver
from tests.slack.strict import StrictSlack
from tests.slack.wire import HttpWire

#: Children of the bot by a mark in their command line.
_CHILDREN = {"workers": "optimizer.studies.worker", "mongod": "--dbpath"}
_FIRST = ("FIRST", "SECOND")
_PATIENCE = 900.0


def main(arguments: Sequence[str] = ()) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks universe", description=__doc__)
    parser.add_argument("--symbols", type=int, default=100)
    parser.add_argument("--trials", type=int, default=200, help="of each study")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="universe-", ignore_cleanup_errors=True) as folder:
        asyncio.run(_measure(Path(folder), options.symbols, options.trials))


async def _measure(folder: Path, n: int, n_trials: int) -> None:
    symbols, home = [f"W{number:03d}" for number in range(n)], folder / "home"
    await asyncio.to_thread(_import, folder / "bars", home, (*symbols, *_FIRST))
    workers = {"OPTIMIZE_BOT_WORKERS": str(os.cpu_count() or 1)}
    async with StrictSlack() as slack, bot_process(home, slack, log=folder / "log", **workers) as bot:
        async with HttpWire(bot.url, patience=60) as wire:
            driver = Driver(slack, wire)
            await driver.command(f"{','.join(_FIRST)} RSI {n_trials} source=file")
            await _until(bot, lambda database: _n_told(database) == 1)
            with mongo_client(home) as client:
                client.optimize_bot.watchlists.insert_one(_watchlist(symbols))
            before, began = _processor(bot), time.perf_counter()
            await driver.command(f"@walks RSI {n_trials} source=file")
            await _until(bot, lambda database: database.optimization_studies.estimated_document_count() == n + 2)
            stored = time.perf_counter() - began
            await _until(bot, lambda database: _n_told(database) == 2)
            told, after = time.perf_counter() - began, _processor(bot)
        await asyncio.to_thread(bot.stop, seconds=30)
    print(f"{n} symbols: all stored after {stored:.1f} s, told after {told:.1f} s\n")
    print("| processor time a study | ms |\n|---|---:|")
    for name, seconds in after.items():
        print(f"| {name} | {1e3 * (seconds - before[name]) / n:.0f} |")


def _import(bars: Path, home: Path, symbols: Sequence[str]) -> None:
    bars.mkdir()
    home.mkdir()
    for seed, symbol in enumerate(symbols):
        write_walk(bars / f"{symbol}.csv", seed=seed)
    with Warehouse.open(home / "market.duckdb") as warehouse:
        import_files(bars, warehouse, reading=Reading(), now=utc_now())


def _watchlist(symbols: Sequence[str]) -> dict[str, Any]:
    changed_at = datetime(2026, 1, 1, tzinfo=UTC)
    return {"name": "walks", "symbols": list(symbols), "stays": [], "changed_by": "U1", "changed_at": changed_at}


def _n_told(database: Any) -> int:
    return int(database.slack_groups.count_documents({"is_told": True}))


async def _until(bot: BotProcess, is_so: Callable[[Any], bool]) -> None:
    """Look at MongoDB until something is so."""
    until = time.perf_counter() + _PATIENCE
    with mongo_client(bot.home) as client:
        while not is_so(client.optimize_bot):
            assert time.perf_counter() < until, "the bot does not get on"
            await asyncio.sleep(0.1)


def _processor(bot: BotProcess) -> Mapping[str, float]:
    """Seconds that each kind of process has taken."""
    assert bot.process is not None
    processes = {"the bot": [psutil.Process(bot.process.pid)]}
    processes |= {name: bot.children(mark) for name, mark in _CHILDREN.items()}
    return {name: sum(sum(one.cpu_times()[:2]) for one in found) for name, found in processes.items()}
