"""What the outbox sends first, what it holds in quiet hours, and how it lets that go."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from slack_sdk.web.async_client import AsyncWebClient

from bot.delivery.outbox import Outbox, post_entry
from bot.documents.conversations import OutboxEntry, Precedence, Sending
from bot.documents.preferences import ChannelSettings
from tests.slack.faults import RATE_LIMITED
from tests.slack.strict import StrictSlack

QUANT = "C0QUANT01"
NIGHT = datetime(2026, 11, 30, 23, 0, tzinfo=UTC)

pytestmark = pytest.mark.usefixtures("documents")


@pytest_asyncio.fixture
async def slack() -> AsyncIterator[StrictSlack]:
    """A Slack of the test's own."""
    async with StrictSlack() as server:
        yield server


def outbox_for(slack: StrictSlack, *, seconds: float = 0.01, burst: int = 20) -> Outbox:
    """An outbox at night."""
    client = AsyncWebClient(token=slack.bot_token, base_url=slack.api_url)
    return Outbox(client, clock=lambda: NIGHT, channel_seconds=seconds, burst=burst)


def said(key: str, **more: object) -> OutboxEntry:
    """A message whose text is its key."""
    return post_entry(key, "talk", QUANT, text=key, blocks=[], now=NIGHT, **more)


async def texts(slack: StrictSlack) -> list[str]:
    return [message.text for message in await slack.messages(QUANT)]


async def test_roots_go_first_then_answers_then_the_rest(slack: StrictSlack) -> None:
    outbox = outbox_for(slack)
    await outbox.put([said("chart", precedence=Precedence.REST), said("member", precedence=Precedence.MEMBER)])
    await outbox.put([said("answer"), said("root", precedence=Precedence.ROOT)])
    async with outbox.open():
        await asyncio.wait_for(outbox.wait_until_sent("chart"), 60)
    assert await texts(slack) == ["root", "answer", "member", "chart"]


async def test_what_is_urgent_does_not_wait_for_the_turn_of_a_chart(slack: StrictSlack) -> None:
    async with outbox_for(slack, seconds=3600.0, burst=8).open() as outbox:
        await outbox.put([said("one", precedence=Precedence.REST), said("two", precedence=Precedence.REST)])
        await asyncio.wait_for(outbox.wait_until_sent("one"), 60)
        await outbox.put([said("answer")])
        await asyncio.wait_for(outbox.wait_until_sent("answer"), 60)
        queue = await outbox.queue_of(QUANT)
        assert not outbox.take_room(QUANT)
    assert await texts(slack) == ["one", "answer"]
    assert (queue.n_answers, queue.n_others) == (0, 1)


async def test_after_a_retry_after_the_burst_is_used_up(slack: StrictSlack) -> None:
    slack.faults.fail_next("chat.postMessage", fault=RATE_LIMITED)
    async with outbox_for(slack, seconds=0.5).open() as outbox:
        await outbox.put([said(str(number), precedence=Precedence.ROOT) for number in range(4)])
        await asyncio.wait_for(outbox.wait_until_sent("3"), 60)
    refused, *sent = slack.ledger.of("chat.postMessage")
    assert (refused.status, len(sent)) == (429, 4)
    assert sent[-1].at - refused.at > 1.0 + 3 * 0.5 - 0.01  # the wait it asked for, then the pace
    assert await texts(slack) == list("0123")
    slack.assert_no_violations()


async def test_what_nobody_asked_for_is_held_in_quiet_hours_and_let_go_into_a_thread(slack: StrictSlack) -> None:
    await ChannelSettings(channel_id=QUANT, quiet="22:00-07:00", time_zone="UTC", digested_at=NIGHT).insert()
    async with outbox_for(slack).open() as outbox:
        await outbox.put([said("schedule", is_unasked=True), said("answer")])
        await asyncio.wait_for(outbox.wait_until_sent("answer"), 60)
        assert (await outbox.queue_of(QUANT)).n_held == 1
        await outbox.release(QUANT, before=NIGHT - timedelta(seconds=1), under="digest")
        assert (await outbox.queue_of(QUANT)).n_held == 1

        await outbox.put([said("digest")])
        await outbox.release(QUANT, before=NIGHT, under="digest")
        entry = await asyncio.wait_for(outbox.wait_until_sent("schedule"), 60)
    assert entry.sending is Sending.SENT
    assert await texts(slack) == ["answer", "digest"]
    [digest] = [message for message in await slack.messages(QUANT) if message.text == "digest"]
    assert [message.text for message in await slack.thread(QUANT, digest.ts)] == ["digest", "schedule"]
