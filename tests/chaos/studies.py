"""Studies asked for while things break, and what became of them: every trial, and every post about them."""

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from pymongo.errors import PyMongoError

from tests.bot_process import BotProcess, bot_process, mongo_client
from tests.chaos.havoc import Havoc
from tests.chaos.vitals import Vitals, log_of, watched
from tests.slack.driver import Driver
from tests.slack.strict import StrictSlack, seeded
from tests.slack.wire import HttpWire
from tests.undisturbed import Table, row_of

_SYMBOLS = ("IBM", "AAPL", "MSFT", "GOOG")
_STRATEGIES = ("MACD", "RSI", "SMA", "BOLLINGER")
_PEOPLE = ("alice", "bob", "kim")
#: Opens a bot: its home, its Slack, its log.
Opener = Callable[..., AbstractAsyncContextManager[BotProcess]]


@dataclass(frozen=True, kw_only=True)
class Ended:
    """What became of the studies, by their seeds."""

    home: Path  # with the bars of the studies
    studies: list[dict[str, Any]]  # as stored
    tables: dict[int, Table]
    n_roots: dict[int, int]
    n_results: dict[int, int]
    n_doubled: int  # files or messages that are in a thread twice
    n_out_of_order: int
    refused: list[str]  # what was given up, by its key
    seconds: float
    vitals: Vitals
    starts: list[float]  # seconds that each start took
    violations: list[str]  # of Slack's rules

    @property
    def states(self) -> dict[int, str]:
        """How each study ended."""
        return {study["spec"]["seed"]: study["status"] for study in self.studies}

    @property
    def n_lost(self) -> int:
        """Studies that have no result in their thread."""
        return sum(not self.n_results.get(seed) for seed in self.states)

    @property
    def n_twice(self) -> int:
        """Result posts beyond the first of each study."""
        return sum(max(n - 1, 0) for n in self.n_results.values()) + self.n_doubled

    @property
    def n_complete(self) -> int:
        """Studies that ended as they should."""
        return sum(state == "complete" for state in self.states.values())

    def n_different(self, tables: Mapping[int, Table]) -> int:
        """Studies whose trials differ from those of an undisturbed run."""
        return sum(self.tables.get(seed) != table for seed, table in tables.items())

    def flaws(self, tables: Mapping[int, Table]) -> dict[str, object]:
        """What is not as on a quiet day."""
        found = {
            "not complete": [seed for seed, state in self.states.items() if state != "complete"],
            "lost": self.n_lost,
            "given up": self.refused,
            "twice": self.n_twice,
            "out of order": self.n_out_of_order,
            "different": self.n_different(tables),
            "tasks dead": self.vitals.n_dead,
            "wrong at the end": self.vitals.last,
            "violations": self.violations,
        }
        return {name: flaw for name, flaw in found.items() if flaw}

    def sentence(self, tables: Mapping[int, Table]) -> str:
        """What became of them, beside an undisturbed run."""
        n_trials = sum(map(len, self.tables.values()))
        return (
            f"{self.n_complete}/{len(self.states)} complete, {self.n_lost} lost, {len(self.refused)} given up, "
            f"{self.n_twice} duplicate posts, {self.n_out_of_order} out of order, "
            f"{self.n_different(tables)} trial tables different ({n_trials} trials, {self.seconds:.0f} s)"
        )


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
    spread: float = 0.0,
    opener: Opener = bot_process,
) -> Ended:
    """Ask for the studies one after the other while the havoc lasts, wait for every answer, and tell.

    They are asked for evenly over `spread` seconds when that is longer; more of them when the havoc lasts longer.
    """
    began = asyncio.get_running_loop().time()
    async with (
        slack or StrictSlack() as server,
        opener(home, server, log=log_of(home)) as bot,
        watched(bot) as vitals,
    ):
        async with HttpWire(bot.url, patience=10) as wire:
            n_asked = await _ask_all(Driver(server, wire), bot, havoc, n_studies, n_trials, spread)
            await _until_told(server, bot, n_asked)
        await vitals.settle(bot)
        ended = await _told(server, bot, vitals, asyncio.get_running_loop().time() - began)
        assert await asyncio.to_thread(bot.stop, seconds=30) == 0  # which may still speak to the Slack of this loop
        return ended


async def _ask_all(driver: Driver, bot: BotProcess, havoc: Havoc, n_studies: int, n_trials: int, spread: float) -> int:
    """Ask for so many studies, and for more until all havoc is done; returns their number."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    for seed in count(1):
        asked = asyncio.create_task(_ask(driver, bot, seed, n_trials))
        n_due = seed * havoc.total // n_studies
        while not havoc.is_over and len(havoc.done) < n_due:
            if asked.done() and await asyncio.to_thread(_is_idle, bot.home):
                break
            await havoc.strike(bot)
        await asked
        await asyncio.sleep(max(began + seed * spread / n_studies - loop.time(), 0.0))
        if seed >= n_studies and havoc.is_over:
            return seed
    raise AssertionError("counting ends")


async def _ask(driver: Driver, bot: BotProcess, seed: int, n_trials: int) -> None:
    """Type the command again until it is acknowledged with a study, as a person would."""
    text, user = command_of(seed, n_trials), _PEOPLE[seed % len(_PEOPLE)]
    async with asyncio.timeout(240):
        while True:
            while not await bot.is_listening():
                await asyncio.sleep(0.1)
            driver.wire.url = bot.url
            delivery = await driver.command(text, user=user)
            if delivery.status == 200:
                await asyncio.sleep(0.5)
                if "opt-" in str(delivery.answer) or await asyncio.to_thread(_is_stored, bot.home, seed):
                    return
            await asyncio.sleep(0.5)


def _is_stored(home: Path, seed: int) -> bool:
    try:
        with mongo_client(home) as client:
            mine = {"spec.seed": seed, "created_by": {"$in": _ids()}}
            return client.optimize_bot.optimization_studies.find_one(mine) is not None
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


async def _told(slack: StrictSlack, bot: BotProcess, vitals: Vitals, seconds: float) -> Ended:
    studies, tables, refused = await asyncio.to_thread(_documents, bot.home)
    names = {study["study_name"]: study["spec"]["seed"] for study in studies}
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
        home=bot.home,
        studies=studies,
        tables=tables,
        n_roots=dict(roots),
        n_results=dict(results),
        n_doubled=n_doubled,
        n_out_of_order=n_out_of_order,
        refused=refused,
        seconds=seconds,
        vitals=vitals,
        starts=bot.starts,
        violations=[str(each) for each in slack.violations],
    )


def _documents(home: Path) -> tuple[list[dict[str, Any]], dict[int, Table], list[str]]:
    """The studies that were asked for here, their trials, and the posts given up; a database may have other studies."""
    with mongo_client(home) as client:
        db = client.optimize_bot
        studies = list(db.optimization_studies.find({"created_by": {"$in": _ids()}}))
        names = {study["study_name"]: study["spec"]["seed"] for study in studies}
        tables: dict[int, Table] = {seed: [] for seed in names.values()}
        assert len(tables) == len(studies), "a command started two studies"
        of_these = {"study": {"$in": list(names)}}
        for trial in db.optimization_trials.find(of_these).sort([("study", 1), ("trial_number", 1)]):
            tables[names[trial["study"]]].append(row_of(trial))
        refused = [entry["key"] for entry in db.slack_outbox.find({"sending": "refused"})]
    return studies, tables, refused


def _ids() -> list[str]:
    """The ids of the people who ask."""
    workspace = seeded(frozenset())
    return [workspace.user(name).id for name in _PEOPLE]
