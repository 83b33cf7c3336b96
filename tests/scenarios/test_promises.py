"""What the bot promised before it was killed: replays are answered once, refused roots move to their askers."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio
from bson import ObjectId

from bot.delivery.replay_requests import MAX_ATTEMPTS
from tests.bot_process import BotProcess, bot_process, mongo_client
from tests.slack.driver import Driver
from tests.slack.inspection import CHANNEL
from tests.slack.strict import StrictSlack
from tests.slack.wire import Delivery, HttpWire
from tests.slack.workspace import Message

pytestmark = [pytest.mark.server, pytest.mark.asyncio(loop_scope="module")]

EQUAL = "match the stored ones exactly"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def slack() -> AsyncIterator[StrictSlack]:
    """The Slack of this module."""
    async with StrictSlack() as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bot(slack: StrictSlack, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[BotProcess]:
    """The bot that these tests kill in turn; each of them has a study of its own."""
    async with bot_process(tmp_path_factory.mktemp("promises"), slack) as running:
        yield running
        assert running.stop() == 0


async def test_a_replay_is_answered_once_however_often_the_bot_is_killed(slack: StrictSlack, bot: BotProcess) -> None:
    study, root = await _finished(slack, bot, seed=1)
    number = ObjectId()

    await _kill_with(bot, _request(bot, study, number))
    await slack.eventually(lambda: _said(slack, root, EQUAL, 1), seconds=120, what="the answer of the next bot")
    await _forgotten(slack, bot)
    # Killed between storing the answer and forgetting the request: the same request again.
    await _kill_with(bot, _request(bot, study, number))
    await _forgotten(slack, bot)
    # Killed as soon as it was acknowledged, wherever it is then.
    await _typed(slack, bot, "replay " + study["study_name"])
    bot.kill()
    await bot.start()
    await slack.eventually(lambda: _said(slack, root, EQUAL, 2), seconds=120, what="the second answer")
    await _forgotten(slack, bot)

    assert len(await _holding(slack, root, EQUAL)) == 2
    slack.assert_no_violations()


async def test_a_replay_that_ends_the_bot_again_and_again_is_given_up_in_words(
    slack: StrictSlack, bot: BotProcess
) -> None:
    study, root = await _finished(slack, bot, seed=2)

    await _kill_with(bot, _request(bot, study, ObjectId(), attempts=MAX_ATTEMPTS))
    words = "The replay is not available: the bot ended while it ran"
    await slack.eventually(lambda: _said(slack, root, words, 1), seconds=120, what="that it is given up")
    await _forgotten(slack, bot)
    assert not await _holding(slack, root, EQUAL)


async def test_a_refused_root_moves_to_its_asker_after_a_kill(slack: StrictSlack, bot: BotProcess) -> None:
    slack.ledger.tolerate("not_in_channel")
    with slack.faults.outage("chat.postMessage"):
        await _typed(slack, bot, "IBM SMA 6 folds=0 seed=3", channel="elsewhere")
        name = await slack.eventually(lambda: _waiting_root(bot), seconds=120, what="the root in the outbox")
        bot.kill()
    await bot.start()

    direct = slack.workspace.direct([await slack.user_id("alice"), slack.bot_user])
    root = await _first(slack, direct.id, name)
    await slack.eventually(lambda: _said(slack, root, "study_adopt", 1), seconds=120, what="the result in private")
    told = await slack.messages(direct.id)
    assert sum(name in str(message.blocks) for message in told) == 1
    assert sum("/invite @optimizer" in message.text for message in told) == 1


async def _finished(slack: StrictSlack, bot: BotProcess, *, seed: int) -> tuple[dict[str, Any], Message]:
    """Run a study; returns it as stored, and its root message once its result is posted."""
    await _typed(slack, bot, f"IBM SMA 6 folds=0 seed={seed}")
    study = await slack.eventually(lambda: _stored(bot, seed), seconds=120, what="the study")
    root = await _first(slack, await slack.channel_id(), study["study_name"])
    await slack.eventually(lambda: _said(slack, root, "study_adopt", 1), seconds=120, what="its result")
    return study, root


async def _typed(slack: StrictSlack, bot: BotProcess, text: str, *, channel: str = CHANNEL) -> Delivery:
    async with HttpWire(bot.url, patience=30) as wire:
        delivery = await Driver(slack, wire).command(text, channel=channel)
        assert delivery.status == 200
        return delivery


async def _first(slack: StrictSlack, channel: str, words: str) -> Message:
    """The first message of a channel that has the words in it or under it."""

    async def look() -> Message | None:
        for message in await slack.messages(channel):
            if any(words in str(m.blocks) for m in await slack.thread(channel, message.ts)):
                return message
        return None

    return await slack.eventually(look, seconds=120, what=words)


async def _holding(slack: StrictSlack, root: Message, words: str) -> list[Message]:
    return [m for m in await slack.thread(root.channel, root.ts) if words in m.text + str(m.blocks)]


async def _said(slack: StrictSlack, root: Message, words: str, times: int) -> bool | None:
    return True if len(await _holding(slack, root, words)) >= times else None


async def _waiting_root(bot: BotProcess) -> str | None:
    """The study whose root message waits to be sent."""
    waiting = {"key": {"$regex": ":root$"}, "sending": {"$in": ["waiting", "sending"]}}
    with mongo_client(bot.home) as client:
        entry = await asyncio.to_thread(client.optimize_bot.slack_outbox.find_one, waiting)
        return str(entry["conversation"]) if entry else None


async def _stored(bot: BotProcess, seed: int) -> dict[str, Any] | None:
    with mongo_client(bot.home) as client:
        return await asyncio.to_thread(client.optimize_bot.optimization_studies.find_one, {"spec.seed": seed})


def _request(bot: BotProcess, study: dict[str, Any], number: ObjectId, attempts: int = 0) -> Callable[[], None]:
    """Stores the request that a bot leaves behind which is killed in the middle of a replay."""
    fields = {"study_name": study["study_name"], "code_version": study["code_version"], "asked_at": study["created_at"]}
    request = {"_id": number, "channel_id": "", "language": "en", "attempts": attempts, **fields}

    def store() -> None:
        with mongo_client(bot.home) as client:
            client.optimize_bot.replay_requests.insert_one(dict(request))

    return store


async def _kill_with(bot: BotProcess, store: Callable[[], None]) -> None:
    """Kill the bot with something left behind, and start it again."""
    await asyncio.to_thread(store)
    bot.kill()
    await bot.start()


async def _forgotten(slack: StrictSlack, bot: BotProcess) -> None:
    async def look() -> bool | None:
        with mongo_client(bot.home) as client:
            left = await asyncio.to_thread(client.optimize_bot.replay_requests.count_documents, {})
            waiting = {"sending": {"$in": ["waiting", "sending"]}}
            unsent = await asyncio.to_thread(client.optimize_bot.slack_outbox.count_documents, waiting)
            return True if left == unsent == 0 else None

    await slack.eventually(look, seconds=120, what="an empty list of requests and an empty outbox")
