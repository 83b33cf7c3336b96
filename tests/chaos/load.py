"""Many people at once, and one bot for long: times of acknowledgement, places in the queue, and memory."""

import asyncio
import re
import statistics
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil

from tests.bot_process import BotProcess, bot_process, mongo_client
from tests.slack.driver import Driver
from tests.slack.strict import StrictSlack
from tests.slack.wire import Delivery, HttpWire
from tests.slack.workspace import Channel, User

N_PEOPLE, N_COMMANDS, SECONDS = 50, 200, 10.0
#: What people type while the bot is busy.
_N_TYPED = 150
#: Studies of 9,000 trials that keep two workers busy until the last of it is typed.
_N_BUSY = 75
TYPED = ("status", "list", "AAPL RSI 20 seed={seed} folds=0", "help rsi", "IBM MACD 50 dry", "top all")
STRATEGIES = ("RSI", "MACD", "SMA", "BOLLINGER")
_N_CHANNELS = 25
_N_STARTS = 10


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
            text = f"IBM {STRATEGIES[i % 4]} 10 seed={1000 + i} folds=0"
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
    by_person = Counter(s["created_by"] for s in before)
    mine = by_person.pop(study["created_by"], 0)
    n_real = sum(min(n, mine + 1) for n in by_person.values()) + mine  # one worker; people take turns
    return bool(abs(n_said - n_real) > 1)


def _was_open(study: dict[str, Any], moment: datetime) -> bool:
    completed_at: datetime | None = study["completed_at"]
    return completed_at is None or completed_at > moment


async def until_all_told(bot: BotProcess, n: int, seconds: float) -> None:
    """Wait until so many studies are told and Slack has taken all there is to say."""

    def is_told() -> bool:
        with mongo_client(bot.home) as client:
            db = client.optimize_bot
            n_told = db.slack_conversations.count_documents({"telling": "told"})
            return n_told >= n and not db.slack_outbox.count_documents({"sending": {"$in": ["waiting", "sending"]}})

    async with asyncio.timeout(seconds):
        while not await asyncio.to_thread(is_told):
            await asyncio.sleep(2.0)


def resident(bot: BotProcess) -> dict[str, float]:
    """Megabytes of the bot's own process and of each child but mongod."""
    assert bot.process is not None
    found = {"bot": psutil.Process(bot.process.pid).memory_info().rss / 1e6}
    for mark in ("optimizer.studies.worker", "reports"):
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
            texts = [TYPED[i % len(TYPED)].format(seed=700 + i) for i in range(_N_TYPED)]
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
    """The rows of the table: starts, idle memory, and memory after more and more studies, each told to the end."""
    async with StrictSlack() as slack:
        bot = BotProcess(home, slack, log=log)
        first = await bot.start()
        starts = []
        for _ in range(_N_STARTS):
            assert bot.stop() == 0
            starts.append(await bot.start())
        await asyncio.sleep(10)
        sizes = {"idle": resident(bot)}
        done = 0
        for n in (n_studies // 25, n_studies // 5, n_studies * 3 // 5, n_studies):
            await _many(slack, bot, range(done, n))
            done = n
            await asyncio.sleep(5)
            sizes[f"after {n}"] = resident(bot)
        bot.stop()
    again = f"{min(starts):.1f} to {max(starts):.1f} s, median {statistics.median(starts):.2f} s"
    return [
        (f"ready after its start, {_N_STARTS} starts", f"{again}; {first:.1f} s the first time"),
        *(
            (
                f"resident of {name}: " + " → ".join(sizes),
                " → ".join(f"{size[name]:.0f}" for size in sizes.values()) + " MB",
            )
            for name in sizes["idle"]
        ),
    ]


async def _many(slack: StrictSlack, bot: BotProcess, numbers: range) -> None:
    """Ask for these studies, in channels enough that Slack's one message a second keeps none waiting for long."""
    people = [user.name for user in slack.workspace.users.values() if user.name.startswith("load")] or invite(slack, 50)
    channels = channels_of(slack)
    async with HttpWire(bot.url, patience=60) as wire:
        driver = Driver(slack, wire)
        for i in numbers:
            text = f"IBM {STRATEGIES[i % 4]} 10 seed={10_000 + i} folds=0"
            await driver.command(text, user=people[i % N_PEOPLE], channel=channels[i % len(channels)])
            if i % 50 == 49:
                await until_all_told(bot, i + 1, 600)
    await until_all_told(bot, numbers.stop, 900)


def channels_of(slack: StrictSlack) -> list[str]:
    """Channels enough that Slack's one message a second keeps none waiting for long."""
    names = [f"desk{i:02d}" for i in range(_N_CHANNELS)]
    for i, name in enumerate(names):
        members = set(slack.workspace.channel("quant").members)
        channel = Channel(id=f"C0DESK{i:02d}X", name=name, members=members)
        slack.workspace.channels.setdefault(channel.id, channel)
    return names
