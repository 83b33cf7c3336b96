"""Mentions, threads and direct messages: the same grammar, answered where it was asked."""

from dataclasses import replace

import pytest

from bot.commands.start import start
from bot.grammar.commands import Start
from bot.grammar.parsing import parse
from bot.origin import Origin
from bot.role import Role
from optimizer.storage.embedded_mongo import MongoUnavailable
from tests.scenarios.conftest import Stage
from tests.slack.workspace import Message

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_mention_is_answered_in_its_thread(stage: Stage) -> None:
    await stage.act.mention("strategies", bot_user=stage.slack.bot_user)

    reply = await _reply(stage, "supertrend")
    assert reply.thread_ts


async def test_a_mention_in_a_studys_thread_means_that_study(stage: Stage) -> None:
    name, root = await stage.finished("MSFT RSI 10 folds=0 seed=51")

    await stage.act.mention("status", bot_user=stage.slack.bot_user, thread_ts=root.ts)

    async def look() -> Message | None:
        replies = (await stage.slack.thread(root.channel, root.ts))[1:]
        return next((m for m in replies if "10 sets · best Sharpe" in str(m.blocks)), None)

    assert name in str((await stage.slack.eventually(look, seconds=120, what="the status")).blocks)


async def test_what_only_the_asker_may_see_is_whispered(stage: Stage) -> None:
    await stage.act.mention("whoami", bot_user=stage.slack.bot_user, user="bob")

    async def look() -> bool | None:
        bob = await stage.slack.user_id("bob")
        return any("admin" in m.text for m in await stage.slack.private(bob)) or None

    assert await stage.slack.eventually(look, what="a whisper")


async def test_a_direct_message_is_answered_there(stage: Stage) -> None:
    direct = stage.slack.workspace.direct([await stage.slack.user_id("kim"), stage.slack.bot_user])
    await stage.act.direct_message("도움말", channel=direct.id, user="kim")

    async def look() -> Message | None:
        return next((m for m in await stage.slack.messages(direct.id) if "최적화" in m.text), None)

    assert await stage.slack.eventually(look, what="an answer")


async def test_an_event_delivered_twice_is_answered_once(stage: Stage) -> None:
    delivery = await stage.act.mention("list mine", bot_user=stage.slack.bot_user, user="bob")
    payload = delivery.payload["event"]
    await stage.act.event("app_mention", payload, event_id=delivery.payload["event_id"], retry=1)
    await _reply(stage, "of yours")

    channel = await stage.slack.channel_id()
    thread = await stage.slack.thread(channel, payload["ts"])
    assert len(thread) == 2


async def test_a_study_asked_for_where_the_bot_is_not_is_told_in_private(stage: Stage) -> None:
    stage.slack.ledger.tolerate("not_in_channel")
    delivery = await stage.act.command("IBM RSI 6 folds=0 seed=52", user="bob", channel="elsewhere")
    name = await stage.study_of(delivery)

    async def look() -> list[Message] | None:
        conversation = await stage.context.conversations.find(name)
        assert conversation is not None
        said = await stage.slack.messages(conversation.channel_id)
        return said if any(name in str(m.blocks) for m in said) else None

    said = await stage.slack.eventually(look, seconds=120, what="the root in a direct message")
    assert said[0].channel.startswith("D")
    assert any("/invite @optimizer" in m.text for m in said)
    root = next(m for m in said if name in str(m.blocks))
    assert any("study_adopt" in str(m.blocks) for m in await stage.answers(root, least=2))


async def test_a_bot_that_lost_its_lease_while_it_planned_stores_nothing(stage: Stage) -> None:
    before = await stage.n_studies("bob")
    command, bob = parse("IBM RSI 6 folds=0 seed=53"), await stage.slack.user_id("bob")
    assert isinstance(command, Start)

    with pytest.raises(MongoUnavailable):
        await start(
            command,
            Origin(channel_id="", user_id=bob, role=Role.RUNNER),
            replace(stage.context, may_serve=lambda: False),
        )

    assert await stage.n_studies("bob") == before


async def _reply(stage: Stage, words: str) -> Message:
    channel = await stage.slack.channel_id()

    async def look() -> Message | None:
        for root in await stage.slack.messages(channel):
            for message in (await stage.slack.thread(channel, root.ts))[1:]:
                if words in str(message.blocks):
                    return message
        return None

    return await stage.slack.eventually(look, seconds=120, what=words)
