"""Many people at once, and one bot for long: times of acknowledgement, places in the queue, and memory."""

import asyncio
import re
import statistics
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil

from tests.bot_process import BotProcess, bot_process, mongo_client
from tests.slack.driver import Driver
from tests.slack.strict import StrictSlack
from tests.slack.wire import Delivery, HttpWire
from tests.slack.workspace import User

N_PEOPLE, N_COMMANDS, SECONDS = 50, 200, 10.0
#: What people type while the bot is busy.
_N_TYPED = 150
#: Studies of 9,000 trials that keep two workers busy until the last of it is typed.
_N_BUSY = 75
_TYPED = ("status", "list", "AAPL RSI 20 seed={seed} folds=0", "help rsi", "IBM MACD 50 dry", "top all")
_STRATEGIES = ("RSI", "MACD", "SMA", "BOLLINGER")


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """What came of many commands at once."""

    seconds: list[float]  # until each acknowledgement
    n_errors: int
    n_stored: int
    n_answered: int
    n_wrong_places: int

    @property
    def p99(self) -> float:
        """Seconds within which 99 of 100 were acknowledged."""
        return statistics.quantiles(self.seconds, n=100)[98]


def invite(slack: StrictSlack, n: int) -> list[str]:
    """So many more people in the workspace and in the channel."""
    names = [f"load{i:02d}" for i in range(n)]
    for i, name in enumerate(names):
        user = User(id=f"U0LOAD{i:02d}X", name=name)
        slack.workspace.users[user.id] = user
        slack.workspace.channel("quant").members.add(user.id)
    return names


async def burst(slack: StrictSlack, bot: BotProcess, *, n_commands: int, seconds: float, n_people: int) -> Loaded:
    """Type so many commands, evenly over so many seconds, and wait until every person has an answer."""
    people = invite(slack, n_people)
    async with HttpWire(bot.url, patience=60) as wire:
        driver = Driver(slack, wire)

        async def type_one(i: int) -> Delivery:
            await asyncio.sleep(i * seconds / n_commands)
            text = f"IBM {_STRATEGIES[i % 4]} 10 seed={1000 + i} folds=0"
            return await driver.command(text, user=people[i % n_people])

        deliveries = await asyncio.gather(*(type_one(i) for i in range(n_commands)))
        answers = await asyncio.gather(*(_answer(slack, each) for each in deliveries))
    studies = await asyncio.to_thread(_studies, bot.home)
    return Loaded(
        seconds=[each.seconds for each in deliveries],
        n_errors=sum(each.status != 200 for each in deliveries) + sum("reference" in text for text in answers),
        n_stored=len(studies),
        n_answered=sum(bool(text) for text in answers),
        n_wrong_places=sum(_is_wrong(text, studies) for text in answers),
    )


async def _answer(slack: StrictSlack, delivery: Delivery) -> str:
    """What the person was told in the end."""

    async def look() -> str | None:
        replies = [str(reply.body) for reply in delivery.response_url.replies] if delivery.response_url else []
        texts = [text for text in (str(delivery.answer), *replies) if "opt-" in text or "reference" in text]
        return texts[-1] if texts else None

    return await slack.eventually(look, seconds=120, what=f"an answer to {delivery.payload.get('text')}")


def _studies(home: Path) -> dict[str, dict[str, Any]]:
    with mongo_client(home) as client:
        return {study["study_name"]: study for study in client.optimize_bot.optimization_studies.find()}


def _is_wrong(text: str, studies: dict[str, dict[str, Any]]) -> bool:
    """Whether the number of studies said to be ahead is more than one off what the documents say."""
    named = re.search(r"opt-[0-9a-f]{4,}", text)
    if named is None or named[0] not in studies:
        return True
    said = re.search(r"(\d+|one) stud(?:y is|ies are) ahead", text)
    n_said = int(said[1].replace("one", "1")) if said else 0
    study = studies[named[0]]
    before = [
        s for s in studies.values() if s["created_at"] < study["created_at"] and _was_open(s, study["created_at"])
    ]
    mine = sum(s["created_by"] == study["created_by"] for s in before)
    n_real = max(len(before), mine - 1, 0)  # one worker; two of one person's studies at once
    return bool(abs(n_said - n_real) > 1)


def _was_open(study: dict[str, Any], moment: datetime) -> bool:
    completed_at: datetime | None = study["completed_at"]
    return completed_at is None or completed_at > moment


async def until_all_complete(bot: BotProcess, n: int, seconds: float) -> None:
    """Wait until so many studies are complete and told."""

    def count() -> int:
        with mongo_client(bot.home) as client:
            return int(client.optimize_bot.slack_conversations.count_documents({"telling": "told"}))

    async with asyncio.timeout(seconds):
        while await asyncio.to_thread(count) < n:
            await asyncio.sleep(2.0)


def resident(bot: BotProcess) -> dict[str, float]:
    """Megabytes of the bot's own process and of each child but mongod."""
    assert bot.process is not None
    found = {"bot": psutil.Process(bot.process.pid).memory_info().rss / 1e6}
    for mark in ("optimizer.worker", "reports"):
        found[mark] = sum(child.memory_info().rss for child in bot.children(mark)) / 1e6
    return found


async def measure(home: Path, *, log: Path) -> list[tuple[str, str]]:
    """The rows of the table."""
    async with StrictSlack() as slack, bot_process(home, slack, log=log) as bot:
        before = resident(bot)["bot"]
        loaded = await burst(slack, bot, n_commands=N_COMMANDS, seconds=SECONDS, n_people=N_PEOPLE)
        after = resident(bot)["bot"]
        bot.kill()
    return [
        (
            f"{N_COMMANDS} commands in {SECONDS:g} s from {N_PEOPLE} people",
            f"ack median {statistics.median(loaded.seconds):.2f} s, p99 {loaded.p99:.2f} s, "
            f"longest {max(loaded.seconds):.2f} s, {loaded.n_errors} errors, {loaded.n_stored} studies stored, "
            f"{loaded.n_answered} answered, {loaded.n_wrong_places} wrong places in the queue, "
            f"resident {before:.0f} → {after:.0f} MB",
        )
    ]


async def busy(home: Path, *, log: Path) -> list[tuple[str, str]]:
    """The row of the table: how soon a colleague answers while two worker processes keep both cores on studies."""
    async with StrictSlack() as slack, bot_process(home, slack, log=log, OPTIMIZE_BOT_WORKERS="2") as bot:
        people = invite(slack, N_PEOPLE)
        async with HttpWire(bot.url, patience=60) as wire:
            driver = Driver(slack, wire)
            for i in range(_N_BUSY):
                await driver.command(f"IBM MACD 9000 seed={500 + i}", user=people[i % 25])
            await asyncio.sleep(10)  # the first ones run by now
            texts = [_TYPED[i % len(_TYPED)].format(seed=700 + i) for i in range(_N_TYPED)]
            seconds = []
            for i, text in enumerate(texts):
                seconds.append((await driver.command(text, user=people[i % N_PEOPLE])).seconds)
                await asyncio.sleep(0.3)
            n_running = sum(
                s["status"] in ("queued", "running") for s in (await asyncio.to_thread(_studies, home)).values()
            )
        bot.kill()
    p99 = statistics.quantiles(seconds, n=100)[98]
    return [
        (
            f"{_N_TYPED} commands, three a second, both cores on studies ({n_running} left at the end)",
            f"ack median {statistics.median(seconds):.3f} s, p99 {p99:.3f} s, longest {max(seconds):.3f} s",
        )
    ]


async def growth(home: Path, n_studies: int, *, log: Path) -> list[tuple[str, str]]:
    """The rows of the table: start, idle memory, and memory after many studies."""
    async with StrictSlack() as slack:
        bot = BotProcess(home, slack, log=log)
        first = await bot.start()
        assert bot.stop() == 0
        again = await bot.start()
        await asyncio.sleep(10)
        sizes = [resident(bot)]
        done = 0
        for size in (n_studies // 5, n_studies - n_studies // 5):
            await _many(slack, bot, first=done, n=size)
            done += size
            await asyncio.sleep(5)
            sizes.append(resident(bot))
        bot.stop()
    told = " → ".join(f"{size['bot']:.0f}" for size in sizes)
    rest = ", ".join(f"{name} {size:.0f} MB" for name, size in sizes[-1].items() if name != "bot")
    return [
        ("ready after its start", f"{first:.1f} s the first time, {again:.1f} s again"),
        (f"resident idle → after {n_studies // 5} → after {n_studies} studies", f"{told} MB ({rest})"),
    ]


async def _many(slack: StrictSlack, bot: BotProcess, *, first: int, n: int) -> None:
    people = [user.name for user in slack.workspace.users.values() if user.name.startswith("load")] or invite(slack, 50)
    async with HttpWire(bot.url, patience=60) as wire:
        driver = Driver(slack, wire)
        for i in range(first, first + n):
            await driver.command(f"IBM {_STRATEGIES[i % 4]} 10 seed={10_000 + i} folds=0", user=people[i % 50])
            if i % 50 == 49:
                await until_all_complete(bot, i - 20, 600)
    await until_all_complete(bot, first + n, 900)
