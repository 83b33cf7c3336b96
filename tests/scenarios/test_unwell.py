"""A bot whose MongoDB or Slack is unwell: it says so to whoever watches it, and nobody loses an answer."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from pymongo import MongoClient

from tests.bot_process import BotProcess, bot_process
from tests.chaos.mongo import drawn_codes, meet_code, through
from tests.mongo_faults import failing
from tests.mongo_proxy import MongoProxy
from tests.slack.driver import Driver
from tests.slack.faults import Fault
from tests.slack.strict import BOT_TOKEN, StrictSlack
from tests.slack.wire import HttpWire
from tests.slack.workspace import Message

pytestmark = [pytest.mark.server, pytest.mark.asyncio(loop_scope="module")]

#: Unauthorized, OutOfDiskSpace, MaxTimeMSExpired, WriteConflict, AtlasError, CursorNotFound, WriteConcernTimeout, one
#: that counts as an outage since ever, and one that nobody has heard of.
CODES = (13, 14031, 50, 112, 8000, 43, 64, 11602, 999_999)

#: Slack waits for three seconds; a machine that has other work as well may take one or two of its own.
SECONDS = 5.0


@dataclass(frozen=True, kw_only=True)
class Patient:
    """The bot, its Slack, its MongoDB, and people who type."""

    bot: BotProcess
    slack: StrictSlack
    uri: str
    proxy: MongoProxy  # between the bot and its MongoDB
    act: Driver
    log: Path

    async def start(self, text: str) -> str:
        """Type a command that starts a study; returns the study's name once it is stored."""
        before = set(self.names())
        delivery = await self.act.command(text)
        assert delivery.status == 200, delivery

        async def look() -> str | None:
            return next(iter(set(self.names()) - before), None)

        return await self.slack.eventually(look, seconds=120, what=f"the study of {text}")

    def names(self) -> list[str]:
        """The names of all studies."""
        with MongoClient(self.uri) as client:
            return [str(study["study_name"]) for study in client.get_default_database().optimization_studies.find()]

    def outbox(self, study: str) -> list[dict[str, Any]]:
        """What there is to be sent about a study, in order."""
        with MongoClient(self.uri) as client:
            return list(client.get_default_database().slack_outbox.find({"conversation": study}).sort("order"))

    async def thread(self, study: str, *, seconds: float = 240.0) -> list[Message]:
        """The thread of a study, once its result is there."""
        channel = await self.slack.channel_id()

        async def look() -> list[Message] | None:
            roots = [m for m in await self.slack.messages(channel) if study in str(m.blocks) + m.text]
            found = await self.slack.thread(channel, roots[0].ts) if roots else []
            return found if results(found) else None

        return await self.slack.eventually(look, seconds=seconds, what=f"the result of {study}")


def results(thread: list[Message]) -> int:
    """How many results a thread has."""
    return sum("study_adopt" in str(message.blocks) for message in thread)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def patient(tmp_path_factory: pytest.TempPathFactory, mongod: Any) -> AsyncIterator[Patient]:
    """One bot for all of these tests, on a MongoDB that plays faults."""
    folder = tmp_path_factory.mktemp("unwell")
    uri, log = mongod.uri.replace("/?", "/unwell?"), folder / "log"
    async with StrictSlack() as slack:
        slack.faults.fail_next("auth.test", times=1, fault=Fault(delay=8.0, status=500, error="internal_error"))
        async with (
            MongoProxy(mongod.port) as proxy,
            bot_process(folder / "home", slack, mongodb_uri=through(proxy, uri), log=log) as bot,
            HttpWire(bot.url, patience=30) as wire,
        ):
            yield Patient(bot=bot, slack=slack, uri=uri, proxy=proxy, act=Driver(slack, wire), log=log)


async def test_first_command_is_acknowledged_while_slack_does_not_say_who_the_bot_is(patient: Patient) -> None:
    delivery = await patient.act.command("help")

    assert delivery.status == 200
    assert delivery.seconds < SECONDS
    assert "reinstall" not in delivery.body
    await patient.bot.until_ready(200)


async def test_odd_answer_of_mongodb_silences_nobody(patient: Patient) -> None:
    study = await patient.start("IBM MACD 600 seed=31 folds=0")
    for code in (*CODES, *drawn_codes(8, seed=14)):
        await meet_code(patient.bot, patient.proxy, code)
    another = await patient.start("MSFT MACD 600 seed=32 folds=0")

    assert results(await patient.thread(study)) == 1
    assert results(await patient.thread(another)) == 1
    assert (await patient.bot.until_ready(200))["wrong"] == {}


async def test_command_is_obeyed_once_or_refused_in_words_while_mongodb_is_slow(patient: Patient) -> None:
    with failing(patient.uri, ("find", "aggregate"), blockConnection=True, blockTimeMS=6000):
        delivery = await patient.act.command("list")
    assert delivery.status == 200
    assert delivery.seconds < SECONDS
    assert delivery.response_url is not None

    async def look() -> bool | None:
        return bool(delivery.response_url and delivery.response_url.replies) or None

    await patient.slack.eventually(look, what="the answer after the acknowledgement")
    assert len(delivery.response_url.replies) == 1


async def test_what_waits_while_the_token_is_revoked_is_told_with_a_good_one(patient: Patient) -> None:
    patient.slack.workspace.revoked.add(BOT_TOKEN)
    patient.slack.ledger.tolerate("invalid_auth")
    try:
        study = await patient.start("IBM MACD 200 seed=33 folds=0")
        body = await patient.bot.until_ready(503)
        await asyncio.sleep(3.0)
        waiting = patient.outbox(study)
    finally:
        patient.slack.workspace.revoked.clear()

    assert "slack" in body["wrong"]
    assert waiting
    assert not [entry for entry in waiting if entry["sending"] == "refused"]
    thread = await patient.thread(study)
    assert results(thread) == 1
    assert [message.ts for message in thread] == sorted(message.ts for message in thread)
    await patient.bot.until_ready(200)
    lines = [line for line in patient.log.read_text().splitlines() if " ERROR " in line and "slack_" in line]
    assert len(lines) == 1


async def test_thread_of_a_root_that_slack_refused_hangs_together(patient: Patient) -> None:
    patient.slack.faults.fail_next("chat.postMessage", error="invalid_blocks")
    study = await patient.start("IBM MACD 60 seed=34 folds=0")

    thread = await patient.thread(study)

    assert results(thread) == 1
    assert not [entry for entry in patient.outbox(study) if entry["sending"] == "refused"]
    roots = [m for m in await patient.slack.messages(await patient.slack.channel_id()) if m.ts > thread[0].ts]
    assert not roots, "nothing of it hangs loose in the channel"


async def test_bot_ends_at_once_and_cleanly_while_mongodb_refuses_it(patient: Patient) -> None:
    with failing(patient.uri, errorCode=13):
        began = time.monotonic()
        assert patient.bot.stop() == 0
        assert time.monotonic() - began < 10
    patient.slack.assert_no_violations()
