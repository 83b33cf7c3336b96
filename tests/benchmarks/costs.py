"""Costs of a study in a bot that runs as it does for people: what `docs/scale.md` counts with.

    python -m tests.benchmarks costs [--studies 60] [--warm 20] [--trials 200]

A bot with the embedded MongoDB and one worker is asked for studies through Slack's wire, in channels enough that none
waits for Slack's pace. After the first ones, which warm it up, it is counted what the others take: processor time and
memory of each process, operations and bytes of MongoDB, files on the disk, and calls of Slack's API.
"""

import argparse
import asyncio
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.benchmarks.many import size_of
from tests.bot_process import BotProcess, bot_process, mongo_client
from tests.chaos.load import STRATEGIES, channels_of, invite, until_all_told
from tests.slack.driver import Driver
from tests.slack.strict import StrictSlack
from tests.slack.wire import HttpWire

#: Processes by a mark in their command line; the bot's own has none.
_CHILDREN = {"a worker": "optimizer.studies.worker", "drawing": "reports", "mongod": "--dbpath"}
_FOLDERS = ("reports", "snapshots")
_TOLD_SECONDS = 900.0


@dataclass(frozen=True, kw_only=True)
class Counted:
    """What was used until a moment."""

    processor: Mapping[str, float]  # seconds, by process
    resident: Mapping[str, float]  # MB now, by process
    operations: Mapping[str, float]  # of MongoDB, by kind
    wire: float  # bytes to and from MongoDB
    stored: Mapping[str, float]  # bytes of documents and their indexes, by collection
    files: Mapping[str, float]  # bytes by folder
    calls: Mapping[str, float]  # of Slack's API, by method


def main(arguments: Sequence[str] = ()) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks costs", description=__doc__)
    parser.add_argument("--studies", type=int, default=60)
    parser.add_argument("--warm", type=int, default=20)
    parser.add_argument("--trials", type=int, default=200)
    options = parser.parse_args(arguments)
    before, after = asyncio.run(_measure(options.warm, options.studies, options.trials))
    print(f"Per study of {options.trials} trials, mean of {options.studies} after {options.warm} others.\n")
    _table("processor time, ms", before.processor, after.processor, options.studies, scale=1e3)
    _table("operations of MongoDB", before.operations, after.operations, options.studies)
    _table("bytes to and from MongoDB, kB", {"": before.wire}, {"": after.wire}, options.studies, scale=1e-3)
    _table("documents and indexes, kB", before.stored, after.stored, options.studies, scale=1e-3)
    _table("files, kB", before.files, after.files, options.studies, scale=1e-3)
    _table("calls of Slack's API", before.calls, after.calls, options.studies)
    print("| resident, MB | at the end |\n|---|---|")
    for name, size in after.resident.items():
        print(f"| {name} | {size:.0f} |")


def _table(name: str, before: Mapping[str, float], after: Mapping[str, float], n: int, *, scale: float = 1.0) -> None:
    used = {key: (value - before.get(key, 0.0)) * scale / n for key, value in after.items()}
    shown = {key: value for key, value in used.items() if value >= 0.05}
    print(f"| {name} | a study |\n|---|---|")
    for key, value in sorted(shown.items(), key=lambda pair: -pair[1]):
        print(f"| {key} | {value:.1f} |")
    print(f"| **together** | **{sum(used.values()):.1f}** |\n")


async def _measure(n_warm: int, n_studies: int, n_trials: int) -> tuple[Counted, Counted]:
    with tempfile.TemporaryDirectory(prefix="costs-", ignore_cleanup_errors=True) as folder:
        home = Path(folder) / "home"
        async with StrictSlack() as slack, bot_process(home, slack, log=Path(folder) / "log") as bot:
            people, channels = invite(slack, 50), channels_of(slack)
            async with HttpWire(bot.url, patience=60) as wire:
                driver = Driver(slack, wire)

                async def ask(numbers: range) -> Counted:
                    for number in numbers:
                        text = f"IBM {STRATEGIES[number % len(STRATEGIES)]} {n_trials} seed={30_000 + number}"
                        user, channel = people[number % len(people)], channels[number % len(channels)]
                        await driver.command(text, user=user, channel=channel)
                    await until_all_told(bot, numbers.stop, _TOLD_SECONDS)
                    return await asyncio.to_thread(_counted, bot, slack)

                before = await ask(range(n_warm))
                after = await ask(range(n_warm, n_warm + n_studies))
            slack.assert_no_violations()
            assert await asyncio.to_thread(bot.stop, seconds=30) == 0
    return before, after


def _counted(bot: BotProcess, slack: StrictSlack) -> Counted:
    assert bot.process is not None
    processes = {"the bot": [psutil.Process(bot.process.pid)]}
    processes |= {name: bot.children(mark) for name, mark in _CHILDREN.items()}
    with mongo_client(bot.home) as client:
        status, database = client.admin.command("serverStatus"), client.optimize_bot
        sizes = {name: database.command("collStats", name) for name in database.list_collection_names()}
    return Counted(
        processor={name: sum(sum(one.cpu_times()[:2]) for one in found) for name, found in processes.items()},
        resident={name: sum(one.memory_info().rss for one in found) / 1e6 for name, found in processes.items()},
        operations={name: float(n) for name, n in status["opcounters"].items() if not isinstance(n, dict)},
        wire=float(status["network"]["bytesIn"] + status["network"]["bytesOut"]),
        stored={name: float(size["size"] + size["totalIndexSize"]) for name, size in sizes.items()},
        files={folder: float(size_of(bot.home / folder)) for folder in _FOLDERS},
        calls={method: float(n) for method, n in Counter(call.method for call in slack.ledger.calls).items()},
    )


if __name__ == "__main__":
    main()
