"""Studies asked for while things break, and what became of them: every trial, and every post about them."""

import asyncio
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pymongo.errors import PyMongoError

from tests.bot_process import BotProcess, bot_process, mongo_client
from tests.chaos.havoc import Havoc
from tests.slack.driver import Driver
from tests.slack.strict import StrictSlack
from tests.slack.wire import HttpWire

_SYMBOLS = ("IBM", "AAPL", "MSFT", "GOOG")
_STRATEGIES = ("MACD", "RSI", "SMA", "BOLLINGER")
_PEOPLE = ("alice", "bob", "kim")

Table = list[tuple[Any, ...]]


@dataclass(frozen=True, kw_only=True)
class Ended:
    """What became of the studies, by their seeds."""

    states: dict[int, str]
    tables: dict[int, Table]
    n_roots: dict[int, int]
    n_results: dict[int, int]
    n_doubled: int  # files or messages that are in a thread twice
    n_out_of_order: int
    seconds: float

    @property
    def n_lost(self) -> int:
        """Studies that have no result in their thread."""
        return sum(not self.n_results.get(seed) for seed in self.states)

    @property
    def n_twice(self) -> int:
        """Result posts beyond the first of each study."""
        return sum(max(n - 1, 0) for n in self.n_results.values()) + self.n_doubled

    def n_different(self, other: "Ended") -> int:
        """Studies whose trials differ from another run's."""
        return sum(self.tables.get(seed) != table for seed, table in other.tables.items())


def command_of(seed: int, n_trials: int) -> str:
    """A study of its own for each seed; the seed tells it apart."""
    symbol, strategy = _SYMBOLS[seed % len(_SYMBOLS)], _STRATEGIES[seed // 2 % len(_STRATEGIES)]
    return f"{symbol} {strategy} {n_trials} seed={seed} folds=0"


async def run(
    home: Path,
    n_studies: int,
    n_trials: int,
    havoc: Havoc,
    *,
    slack: StrictSlack | None = None,
    log: Path | None = None,
    spread: float = 0.0,
) -> Ended:
    """Ask for the studies one after the other while the havoc lasts, wait for every answer, and tell.

    They are asked for evenly over `spread` seconds when that is longer.
    """
    began = asyncio.get_running_loop().time()
    async with slack or StrictSlack() as server, bot_process(home, server, log=log) as bot:
        async with HttpWire(bot.url, patience=10) as wire:
            driver = Driver(server, wire)
            for seed in range(1, n_studies + 1):
                asked = asyncio.create_task(_ask(driver, bot, seed, n_trials))
                n_due = seed * havoc.total // n_studies
                while not havoc.is_over and len(havoc.done) < n_due and not (asked.done() and _is_idle(bot.home)):
                    await havoc.strike(bot)
                await asked
                await asyncio.sleep(max(began + seed * spread / n_studies - asyncio.get_running_loop().time(), 0.0))
            await _until_told(server, bot, n_studies)
        ended = await _told(server, bot, asyncio.get_running_loop().time() - began)
        assert bot.stop() == 0
        return ended


async def _ask(driver: Driver, bot: BotProcess, seed: int, n_trials: int) -> None:
    """Type the command again until it is acknowledged with a study, as a person would."""
    text, user = command_of(seed, n_trials), _PEOPLE[seed % len(_PEOPLE)]
    async with asyncio.timeout(240):
        while True:
            while not await bot.is_listening():
                await asyncio.sleep(0.1)
            delivery = await driver.command(text, user=user)
            if delivery.status == 200:
                await asyncio.sleep(0.5)
                if "opt-" in str(delivery.answer) or await asyncio.to_thread(_is_stored, bot.home, seed):
                    return
            await asyncio.sleep(0.5)


def _is_stored(home: Path, seed: int) -> bool:
    try:
        with mongo_client(home) as client:
            return client.optimize_bot.optimization_studies.find_one({"spec.seed": seed}) is not None
    except (PyMongoError, StopIteration):
        return False


def _is_idle(home: Path) -> bool:
    """Whether no study is unfinished: there would be nothing to disturb."""
    try:
        with mongo_client(home) as client:
            states = {"status": {"$in": ["queued", "running"]}}
            return not client.optimize_bot.optimization_studies.count_documents(states)
    except (PyMongoError, StopIteration):
        return False


async def _until_told(slack: StrictSlack, bot: BotProcess, n_studies: int) -> None:
    """Wait until everything that is to be said was said, and nothing more comes."""
    n_calls = -1
    async with asyncio.timeout(900):
        while True:
            left = await asyncio.to_thread(_left_to_say, bot.home, n_studies)
            if not left and n_calls == len(slack.ledger.calls):
                return
            n_calls = len(slack.ledger.calls)
            await asyncio.sleep(3.0)


def _left_to_say(home: Path, n_studies: int) -> int:
    try:
        with mongo_client(home) as client:
            db = client.optimize_bot
            n_told = db.slack_conversations.count_documents({"telling": "told"})
            unsent = db.slack_outbox.count_documents({"sending": {"$in": ["waiting", "sending"]}})
            return max(n_studies - n_told, 0) + unsent
    except (PyMongoError, StopIteration):
        return 1


async def _told(slack: StrictSlack, bot: BotProcess, seconds: float) -> Ended:
    names, states, tables = await asyncio.to_thread(_documents, bot.home)
    channel = await slack.channel_id()
    roots: Counter[int] = Counter()
    results: Counter[int] = Counter()
    n_doubled = n_out_of_order = 0
    for root in await slack.messages(channel):
        found = re.search(r"opt-[0-9a-f]{4,}", str(root.blocks))
        if found is None or found[0] not in names:
            continue
        seed = names[found[0]]
        replies = (await slack.thread(channel, root.ts))[1:]
        kinds = ["result" if "study_adopt" in str(m.blocks) else "file" if m.files else "text" for m in replies]
        roots[seed] += 1
        results[seed] += kinds.count("result")
        said = Counter([m.text for m in replies if not m.files] + [f["name"] for m in replies for f in m.files])
        n_doubled += sum(n - 1 for n in said.values())
        n_out_of_order += kinds.index("result") != 0 if "result" in kinds else 0
    return Ended(
        states=states,
        tables=tables,
        n_roots=dict(roots),
        n_results=dict(results),
        n_doubled=n_doubled,
        n_out_of_order=n_out_of_order,
        seconds=seconds,
    )


def _documents(home: Path) -> tuple[dict[str, int], dict[int, str], dict[int, Table]]:
    with mongo_client(home) as client:
        db = client.optimize_bot
        studies = list(db.optimization_studies.find())
        names = {study["study_name"]: study["spec"]["seed"] for study in studies}
        states = {study["spec"]["seed"]: study["status"] for study in studies}
        assert len(states) == len(studies), "a command started two studies"
        tables: dict[int, Table] = {seed: [] for seed in states}
        for t in db.optimization_trials.find().sort([("study", 1), ("trial_number", 1)]):
            row = (t["trial_number"], tuple(sorted(t["params"].items())), t["value"], t["n_trades"])
            tables[names[t["study"]]].append(row)
    return names, states, tables
