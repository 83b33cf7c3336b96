"""Requests that must not get in, and payloads that no Slack would send: what the bot makes of each."""

import asyncio
import copy
import json
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.bot_process import bot_process, mongo_client
from tests.slack.driver import Driver
from tests.slack.inspection import SIGNING_SECRET
from tests.slack.strict import StrictSlack
from tests.slack.wire import HttpWire, Kind, SignedRequest
from tests.slack.workspace import Json

#: What a stranger might put where Slack puts something else.
JUNK: tuple[Any, ...] = (
    None, True, 0, -1, 1e308, "", " ", "a" * 5000, "\x00\x01", "😀" * 20, "\ud83d", "<!channel> <@U0ALICE1>",
    "'; DROP TABLE bars; --", "../../etc/passwd", "{{7*7}}", "%s%n", "opt-....", "$where", [], {}, [[[]]],
    {"$gt": ""}, ["a", 1, None], {"id": {"id": "U"}},
)  # fmt: skip
#: Slack vouches for these; another of the same shape would be another person or place.
_VOUCHED = {"response_url"}


def forged(wire: HttpWire, request: SignedRequest, n: int, seed: int = 1) -> Iterator[SignedRequest]:
    """So many requests that are not Slack's, or not of now: made from one that was taken before."""
    chance = random.Random(seed)
    stranger = HttpWire(wire.url, secret="0" * len(SIGNING_SECRET))
    body = request.body
    for i in range(n):
        other = body + f"&n={i}"
        yield chance.choice(
            (
                request,  # a replay
                stranger.sign(other),  # signed with another secret
                wire.sign(other, age=301 + i),  # stale
                wire.sign(other, age=-400 - i),  # of the future
                SignedRequest(url=wire.url, headers=wire.sign(other).headers, body=other + "&text=more"),
                wire.sign(other).without("X-Slack-Signature"),
                wire.sign(other).without("X-Slack-Request-Timestamp"),
                wire.sign(other).with_headers(X_Slack_Request_Timestamp=chance.choice(("", "now", "NaN", "9" * 40))),
                wire.sign(other).with_headers(X_Slack_Signature=chance.choice(("v0=", "v0=0", "v1=" + "0" * 64))),
            )
        )


def mutants(payload: Json, n: int, seed: int) -> Iterator[Json]:
    """So many payloads with one to three things taken away, replaced by junk, or put elsewhere."""
    chance = random.Random(seed)
    for _ in range(n):
        mutant = copy.deepcopy(payload)
        for _ in range(chance.randint(1, 3)):
            _mutate(mutant, chance)
        yield mutant


def _mutate(payload: Json, chance: random.Random) -> None:
    places = [(holder, key) for holder, key in _places(payload) if key not in _VOUCHED]
    if not places:
        return
    holder, key = chance.choice(places)
    match chance.randint(0, 2):
        case 0:
            del holder[key]
        case 1:
            holder[key] = copy.deepcopy(chance.choice(JUNK))
        case _:
            other, name = chance.choice(places)
            holder[key] = copy.deepcopy(other.get(name) if isinstance(other, dict) else chance.choice(JUNK))


def _places(thing: Any) -> Iterator[tuple[Any, Any]]:
    pairs = thing.items() if isinstance(thing, dict) else enumerate(thing) if isinstance(thing, list) else ()
    for key, value in pairs:
        yield thing, key
        yield from _places(value)


async def payloads(slack: StrictSlack, driver: Driver) -> list[tuple[Kind, Json]]:
    """One of everything that Slack sends this bot."""
    roots = [m for m in await slack.messages(await slack.channel_id()) if "opt-" in str(m.blocks)]
    threads = [await slack.thread(root.channel, root.ts) for root in roots]
    result = next(message for thread in threads for message in thread if "study_adopt" in str(message.blocks))
    modal = await _modal(slack, driver)
    sent = [
        (Kind.INTERACTION, await driver.click(result, "study_replay", user="bob")),
        (Kind.INTERACTION, await driver.click(result, "study_heatmap", user="bob")),
        (Kind.INTERACTION, await driver.shortcut(result, "optimize_this")),
        (Kind.INTERACTION, await driver.submit(modal)),
        (Kind.EVENT, await driver.mention("list mine", bot_user=slack.bot_user)),
        (Kind.EVENT, await driver.open_home()),
        (Kind.EVENT, await driver.direct_message("help", channel=_direct(slack))),
        (Kind.COMMAND, await driver.command("status")),
    ]
    for _, delivery in sent:
        if delivery.response_url:
            # All mutants of a payload answer to its one URL, and what they had of junk may come back in an answer.
            delivery.response_url.takes_anything = True
    return [(kind, delivery.payload) for kind, delivery in sent]


async def _modal(slack: StrictSlack, driver: Driver) -> Json:
    await driver.command("")
    alice = await slack.user_id("alice")

    async def look() -> Json | None:
        modals = await slack.modals(alice)
        return modals[-1] if modals else None

    return await slack.eventually(look, what="the form")


def _direct(slack: StrictSlack) -> str:
    return slack.workspace.direct([slack.workspace.user("alice").id, slack.bot_user]).id


async def fuzz(slack: StrictSlack, wire: HttpWire, n: int, seed: int = 5) -> Counter[int]:
    """Send so many mutants of everything; counts the statuses of the answers."""
    driver = Driver(slack, wire)
    known = await payloads(slack, driver)
    statuses: Counter[int] = Counter()
    for number, (kind, payload) in enumerate(known):
        for mutant in mutants(payload, n // len(known), seed + number):
            statuses[(await wire.send(_request(wire, kind, mutant))).status] += 1
    return statuses


def _request(wire: HttpWire, kind: Kind, payload: Json) -> SignedRequest:
    if kind is not Kind.COMMAND:
        return wire.request(kind, payload)
    return wire.request(kind, {k: v if _is_text(v) else json.dumps(v) for k, v in payload.items()})


def _is_text(value: Any) -> bool:
    """Whether a form can carry the value as it is; half a character cannot be sent."""
    return isinstance(value, str) and value.isprintable()


async def measure(home: Path, *, n_fuzzed: int) -> list[tuple[str, str]]:
    """The rows of the table."""
    async with StrictSlack() as slack, bot_process(home, slack, log=home.with_suffix(".log")) as bot:
        async with HttpWire(bot.url, patience=30) as wire:
            driver = Driver(slack, wire)
            taken = await driver.command("IBM RSI 10 folds=0 seed=1", user="bob")
            assert taken.request is not None
            refused = [await wire.send(each) for each in forged(wire, taken.request, 1000)]
            await slack.eventually(lambda: _is_told(slack), seconds=120, what="a result")
            statuses = await fuzz(slack, wire, n_fuzzed)
            await asyncio.sleep(3)
            broke = await asyncio.to_thread(_n_broke, home)
        text = home.with_suffix(".log").read_text(errors="replace")
        bot.stop()
    n_accepted = sum(each.status not in (400, 401, 403) for each in refused)
    n_exceptions = text.count("Traceback")
    return [
        ("1,000 forged, stale or replayed requests", f"{n_accepted} accepted"),
        (
            f"{sum(statuses.values())} fuzzed payloads",
            f"{n_exceptions} exceptions, {broke} faults in the audit; answers by status {dict(statuses)}",
        ),
    ]


async def _is_told(slack: StrictSlack) -> bool | None:
    channel = await slack.channel_id()
    for root in await slack.messages(channel):
        if any("study_adopt" in str(m.blocks) for m in await slack.thread(channel, root.ts)):
            return True
    return None


def _n_broke(home: Path) -> int:
    with mongo_client(home) as client:
        return int(client.optimize_bot.audit_log.count_documents({"outcome": "broke"}))
