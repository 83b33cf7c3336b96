"""How soon people have an answer: one command after another in a warm bot, and many at once in one channel.

Times are read from Slack's side, and the stages between from what MongoDB keeps of each study, so that what is
measured is what people see.
"""

import asyncio
import os
import re
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Any

from tests.bot_process import BotProcess, bot_process, mongo_client
from tests.chaos.load import channels_of, invite
from tests.slack.driver import Driver
from tests.slack.ledger import Call
from tests.slack.strict import StrictSlack
from tests.slack.wire import HttpWire

#: Commands before the first that counts: the first study of a worker loads what the others have.
_N_WARM = 5
#: What Slack lets pass in one channel: so many at once, then one a second.
_BURST = 20
#: Both cores, and bars that no network keeps waiting.
_SETTINGS = {"OPTIMIZE_BOT_WORKERS": "2", "OPTIMIZE_BOT_SOURCES": "sample"}
_STRATEGIES = ("RSI", "MACD", "SMA", "BOLLINGER")
_KEY = re.compile(r"(opt-[0-9a-f]+):(root|end-\d+-0|end-\d+-\d+|final-\d+|chart-.*)")
#: Stages of a command, each with the moments that it lies between.
_STAGES = (
    ("signature, parse, plan, store", "typed", "stored"),
    ("root stored, submitted, read by a worker", "stored", "begun"),
    ("search, judged, result stored", "begun", "ended"),
    ("answer of the worker, message worded and stored, Slack", "ended", "told"),
    ("all", "typed", "told"),
)

#: Parts of the third stage, by the study's own timings.
_PARTS = ("start", "sampler", "backtest", "storage", "validation", "keeping")

Moments = Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Posted:
    """When Slack had each message of a study, in seconds of the wall clock."""

    study_name: str
    root: float
    decision: float
    last: float


def quantiles(seconds: Sequence[float]) -> str:
    """Median, 95th percentile and longest of many times."""
    p95 = statistics.quantiles(seconds, n=20, method="inclusive")[18] if len(seconds) > 1 else seconds[0]
    return f"median {statistics.median(seconds):.3f} s, p95 {p95:.3f} s, longest {max(seconds):.3f} s"


async def one_after_another(home: Path, n_commands: int, *, log: Path) -> list[tuple[str, str]]:
    """The rows of the table: each command is typed when all that the one before has to say is drawn."""
    found: list[Moments] = []
    async with StrictSlack() as slack, bot_process(home, slack, log=log, **_SETTINGS) as bot:
        [person] = invite(slack, 1)
        channels = channels_of(slack)  # with the members that there are now
        async with HttpWire(bot.url, patience=60) as wire:
            driver = Driver(slack, wire)
            for i in range(_N_WARM + n_commands):
                strategy, typed = _STRATEGIES[i % 4], time.time()
                text = f"AAPL {strategy} 200 seed={i + 1}"
                delivery = await driver.command(text, user=person, channel=channels[i % len(channels)])
                name = await _study_of(slack, delivery.answer, delivery.response_url)
                call = await _call_of(slack, name, "end-")
                found.append(await _moments(bot, name) | {"typed": typed, "told": _wall(call), strategy: 1.0})
                await _until_drawn(bot)
        bot.kill()
    counted = found[_N_WARM:]
    stages = [(stage, [each[to] - each[since] for each in counted]) for stage, since, to in _STAGES]
    stages += [(f"all of {name}", [e["told"] - e["typed"] for e in counted if name in e]) for name in _STRATEGIES]
    stages += [(f"of the search: {part}", [each[part] for each in counted]) for part in _PARTS]
    rows = [(f"{n_commands} commands one after another: {stage}", quantiles(seconds)) for stage, seconds in stages]
    return [*rows, ("load of the machine at the end", f"{os.getloadavg()[0]:.2f}")]


async def all_at_once(home: Path, n_commands: int, *, log: Path) -> list[tuple[str, str]]:
    """The rows of the table: so many studies asked for at once in one channel, whose pace Slack keeps."""
    async with StrictSlack() as slack, bot_process(home, slack, log=log, **_SETTINGS) as bot:
        people = invite(slack, n_commands)
        async with HttpWire(bot.url, patience=60) as wire:
            driver = Driver(slack, wire)
            await driver.command("AAPL RSI 200 seed=1", user=people[0])
            await _until_told(bot, 1)
            await _until_sent(bot)
            await asyncio.sleep(_BURST)  # Slack's burst is whole again
            slack.faults.pace_seconds, slack.faults.pace_burst = 1.0, _BURST
            n_before, typed = len(slack.ledger.calls), time.time()
            texts = [f"AAPL {_STRATEGIES[i % 4]} 200 seed={i + 10}" for i in range(n_commands)]
            await asyncio.gather(*(driver.command(t, user=p) for t, p in zip(texts, people, strict=True)))
            await _until_told(bot, n_commands + 1)
            await _until_sent(bot)
        ended = await asyncio.to_thread(_ends, bot.home)
        calls = slack.ledger.calls[n_before:]
        slowed = sum(call.status == 429 for call in calls)
        bot.kill()
    posted = _posted(calls)
    what, load = f"{n_commands} studies asked for at once in one channel", os.getloadavg()[0]
    first_chart = min((_wall(c) for c in calls if ":chart-" in _key_of(c)), default=0.0) - typed
    return [
        (f"{what}: root", quantiles([each.root - typed for each in posted])),
        (f"{what}: decision", quantiles([each.decision - typed for each in posted])),
        (f"{what}: searched and judged", quantiles([ended[each.study_name] - typed for each in posted])),
        (f"{what}: decision after that", quantiles([each.decision - ended[each.study_name] for each in posted])),
        (f"{what}: last message", quantiles([each.last - typed for each in posted])),
        (f"{what}: first chart", f"{first_chart:.1f} s"),
        (f"{what}: told by Slack to wait", f"{slowed} times; load of the machine at the end {load:.2f}"),
    ]


def _posted(calls: Sequence[Call]) -> list[Posted]:
    """When Slack had the messages of each study; one that is not told in full is a fault."""
    times: dict[str, dict[str, float]] = {}
    for call in calls:
        if call.is_ok and (found := _KEY.fullmatch(_key_of(call))):
            part = "decision" if found[2].startswith("end-") and found[2].endswith("-0") else found[2]
            times.setdefault(found[1], {})[part] = _wall(call)
    return [
        Posted(study_name=name, root=each["root"], decision=each["decision"], last=max(each.values()))
        for name, each in times.items()
    ]


def _ends(home: Path) -> dict[str, float]:
    """When each study was finished, on the wall clock."""
    with mongo_client(home) as client:
        studies = client.optimize_bot.optimization_studies.find({}, {"study_name": 1, "completed_at": 1})
        return {study["study_name"]: study["completed_at"].replace(tzinfo=UTC).timestamp() for study in studies}


def _key_of(call: Call) -> str:
    """The outbox's key of a post, which its metadata carry, or of an upload, whose file is named after it."""
    metadata = call.args.get("metadata")
    if isinstance(metadata, dict):
        return str(metadata.get("event_payload", {}).get("key", ""))
    name = str(call.args.get("filename", ""))
    return re.sub(r"^(opt-[0-9a-f]+)-", r"\1:", name.rpartition(".")[0])


def _wall(call: Call) -> float:
    """When a call was answered, on the wall clock."""
    return time.time() - time.monotonic() + call.answered_at


async def _study_of(slack: StrictSlack, answer: Mapping[str, Any], response_url: Any) -> str:
    async def look() -> str | None:
        found = re.search(r"opt-[0-9a-f]{4,}", f"{answer} {[reply.body for reply in response_url.replies]}")
        return found[0] if found else None

    return await slack.eventually(look, seconds=60, what="an acknowledgement that names the study")


async def _call_of(slack: StrictSlack, name: str, part: str) -> Call:
    """The call that brought a message of a study."""

    async def look() -> Call | None:
        return next((c for c in slack.ledger.calls if c.is_ok and _key_of(c).startswith(f"{name}:{part}")), None)

    return await slack.eventually(look, seconds=60, what=f"{part} of {name}")


async def _moments(bot: BotProcess, name: str) -> dict[str, float]:
    def read() -> dict[str, float]:
        with mongo_client(bot.home) as client:
            study = client.optimize_bot.optimization_studies.find_one({"study_name": name})
        assert study is not None
        fields = {"stored": "created_at", "begun": "started_at", "ended": "completed_at"}
        parts = {part: float(study["timings"][part]) for part in _PARTS}
        return {name: study[field].replace(tzinfo=UTC).timestamp() for name, field in fields.items()} | parts

    return await asyncio.to_thread(read)


async def _until_drawn(bot: BotProcess) -> None:
    await _until(bot, "slack_conversations", {"telling": {"$ne": "told"}})


async def _until_sent(bot: BotProcess) -> None:
    await _until(bot, "slack_outbox", {"sending": {"$in": ["waiting", "sending"]}})


async def _until_told(bot: BotProcess, n: int) -> None:
    """Wait until so many studies are told."""

    def is_so() -> bool:
        with mongo_client(bot.home) as client:
            return bool(client.optimize_bot.slack_conversations.count_documents({"telling": "told"}) >= n)

    async with asyncio.timeout(300):
        while not await asyncio.to_thread(is_so):
            await asyncio.sleep(0.5)


async def _until(bot: BotProcess, collection: str, query: Mapping[str, Any]) -> None:
    """Wait until no document of a collection matches any more."""

    def is_so() -> bool:
        with mongo_client(bot.home) as client:
            return client.optimize_bot[collection].count_documents(query) == 0

    async with asyncio.timeout(300):
        while not await asyncio.to_thread(is_so):
            await asyncio.sleep(0.2)
