"""What the bot promised before it was killed: replays are answered once, refused roots move to their askers."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId

from bot.delivery.replay_requests import MAX_ATTEMPTS
from tests.bot_process import BotProcess, bot_process, mongo_client
from tests.slack.driver import Driver
from tests.slack.inspection import CHANNEL
from tests.slack.strict import StrictSlack
from tests.slack.wire import Delivery, HttpWire
from tests.slack.workspace import Message

pytestmark = pytest.mark.server

EQUAL = "to the last bit"


async def test_a_replay_is_answered_once_however_often_the_bot_is_killed(tmp_path: Path) -> None:
    async with StrictSlack() as slack, bot_process(tmp_path, slack) as bot:
        await _typed(slack, bot, "IBM SMA 6 folds=0")
        channel = await slack.channel_id()
        root = await _first(slack, channel, "study_adopt")
        number = ObjectId()

        await _kill_with(bot, _request(bot, number))
        await slack.eventually(lambda: _said(slack, root, EQUAL, 1), seconds=120, what="the answer of the next bot")
        await _forgotten(slack, bot)
        # Killed between storing the answer and forgetting the request: the same request again.
        await _kill_with(bot, _request(bot, number))
        await _forgotten(slack, bot)
        # Killed as soon as it was acknowledged, wherever it is then.
        await _typed(slack, bot, "replay " + _study(bot)["study_name"])
        bot.kill()
        await bot.start()
        await slack.eventually(lambda: _said(slack, root, EQUAL, 2), seconds=120, what="the second answer")
        await _forgotten(slack, bot)

        assert len(await _holding(slack, root, EQUAL)) == 2
        assert bot.stop() == 0
        slack.assert_no_violations()


async def test_a_replay_that_ends_the_bot_again_and_again_is_given_up_in_words(tmp_path: Path) -> None:
    async with StrictSlack() as slack, bot_process(tmp_path, slack) as bot:
        await _typed(slack, bot, "IBM SMA 6 folds=0")
        root = await _first(slack, await slack.channel_id(), "study_adopt")

        await _kill_with(bot, _request(bot, ObjectId(), attempts=MAX_ATTEMPTS))
        words = "The replay is not available: the bot ended while it ran"
        await slack.eventually(lambda: _said(slack, root, words, 1), seconds=120, what="that it is given up")
        await _forgotten(slack, bot)
        assert not await _holding(slack, root, EQUAL)


async def test_a_refused_root_moves_to_its_asker_after_a_kill(tmp_path: Path) -> None:
    async with StrictSlack() as slack, bot_process(tmp_path, slack) as bot:
        slack.ledger.tolerate("not_in_channel")
        with slack.faults.outage("chat.postMessage"):
            await _typed(slack, bot, "IBM SMA 6 folds=0", channel="elsewhere")
            name = await slack.eventually(lambda: _waiting_root(bot), seconds=120, what="the root in the outbox")
            bot.kill()
        await bot.start()

        direct = slack.workspace.direct([await slack.user_id("alice"), slack.bot_user])
        root = await _first(slack, direct.id, name)
        await slack.eventually(lambda: _said(slack, root, "study_adopt", 1), seconds=120, what="the result in private")
        told = await slack.messages(direct.id)
        assert sum(name in str(message.blocks) for message in told) == 1
        assert sum("/invite @optimizer" in message.text for message in told) == 1


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
    """The study whose root message was stored."""
    with mongo_client(bot.home) as client:
        entry = await asyncio.to_thread(client.optimize_bot.slack_outbox.find_one, {"key": {"$regex": ":root$"}})
        return str(entry["conversation"]) if entry else None


def _study(bot: BotProcess) -> dict[str, Any]:
    with mongo_client(bot.home) as client:
        study = client.optimize_bot.optimization_studies.find_one()
        assert study is not None
        return study


def _request(bot: BotProcess, number: ObjectId, attempts: int = 0) -> Callable[[], None]:
    """Stores the request that a bot leaves behind which is killed in the middle of a replay."""
    study = _study(bot)
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
