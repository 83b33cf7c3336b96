"""The outbox against a strict Slack that refuses, slows down, and loses answers: everything is said once, in order."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest
import pytest_asyncio
from slack_sdk.web.async_client import AsyncWebClient

from bot.delivery.outbox import Outbox, post_entry
from bot.documents.conversations import Method, OutboxEntry, Sending
from bot.runtime.slack_account import SlackAccount
from optimizer.storage.driver import collection_of
from tests.slack.faults import PAGES, Fault, Lost
from tests.slack.strict import StrictSlack

QUANT, DESK = "C0QUANT01", "G0DESK001"

pytestmark = pytest.mark.usefixtures("documents")


@pytest_asyncio.fixture
async def slack() -> AsyncIterator[StrictSlack]:
    """A Slack of the test's own."""
    async with StrictSlack() as server:
        yield server


def outbox_for(slack: StrictSlack) -> Outbox:
    """An outbox in a hurry, with the client that the program makes."""
    return Outbox(AsyncWebClient(token=slack.bot_token, base_url=slack.api_url), channel_seconds=0.01)


def said(key: str, channel: str = QUANT, **more: object) -> OutboxEntry:
    """A message whose text is its key."""
    return post_entry(key, "talk", channel, text=key, blocks=[], now=datetime.now(UTC), **more)


def with_blocks(key: str) -> OutboxEntry:
    """A message with a block, whose text is its key."""
    entry = said(key)
    entry.blocks = [{"type": "section", "text": {"type": "plain_text", "text": key}}]
    return entry


def upload(key: str, file: Path, *, under: str = "") -> OutboxEntry:
    """A file to be shared."""
    entry = said(key, under=under)
    entry.method, entry.file, entry.title = Method.UPLOAD, str(file), key
    return entry


async def texts(slack: StrictSlack, channel: str = QUANT) -> list[str]:
    return [message.text for message in await slack.messages(channel)]


async def test_message_whose_answer_was_lost_is_not_posted_twice(slack: StrictSlack) -> None:
    slack.faults.fail_next("chat.postMessage", lost=Lost.ANSWER)
    async with outbox_for(slack).open() as outbox:
        await outbox.put([said("a")])
        entry = await asyncio.wait_for(outbox.wait_until_sent("a"), 60)

    assert await texts(slack) == ["a"]
    assert entry.ts == (await slack.messages(QUANT))[0].ts


async def test_message_sent_before_a_crash_and_not_marked_is_found_again(slack: StrictSlack) -> None:
    async with outbox_for(slack).open() as outbox:
        await outbox.put([said("a")])
        await outbox.wait_until_sent("a")
    await collection_of(OutboxEntry).update_one({"key": "a"}, {"$set": {"sending": "sending", "ts": ""}})

    async with outbox_for(slack).open() as outbox:
        entry = await asyncio.wait_for(outbox.wait_until_sent("a"), 60)

    assert await texts(slack) == ["a"]
    assert entry.ts == (await slack.messages(QUANT))[0].ts


async def test_message_stored_before_a_crash_and_never_sent_is_sent_at_the_next_start(slack: StrictSlack) -> None:
    await outbox_for(slack).put([said("a")])
    assert await texts(slack) == []

    async with outbox_for(slack).open() as outbox:
        await asyncio.wait_for(outbox.wait_until_sent("a"), 60)

    assert await texts(slack) == ["a"]


async def test_reply_whose_answer_was_lost_is_found_in_a_long_thread(slack: StrictSlack) -> None:
    async with outbox_for(slack).open() as outbox:
        await outbox.put([said("root")])
        root = await outbox.wait_until_sent("root")
        for _ in range(450):
            slack.workspace.say("U0ALICE1", QUANT, "chatter", thread_ts=root.ts)
        slack.faults.fail_next("chat.postMessage", lost=Lost.ANSWER)
        await outbox.put([said("reply", under="root")])
        await asyncio.wait_for(outbox.wait_until_sent("reply"), 60)

    thread = await slack.thread(QUANT, root.ts)
    assert [message.text for message in thread].count("reply") == 1


async def test_retry_after_is_honoured(slack: StrictSlack) -> None:
    slack.faults.fail_next("chat.postMessage", status=429, error="ratelimited", retry_after=1)
    began = asyncio.get_running_loop().time()
    async with outbox_for(slack).open() as outbox:
        await outbox.put([said("a")])
        await asyncio.wait_for(outbox.wait_until_sent("a"), 60)

    assert asyncio.get_running_loop().time() - began >= 1.0
    assert await texts(slack) == ["a"]
    slack.assert_no_violations()


async def test_faults_of_slack_are_waited_out_in_order(slack: StrictSlack) -> None:
    faults = [Fault(status=500, error="internal_error"), Fault(status=503, error="service_unavailable")]
    faults += [Fault(lost=Lost.REQUEST), Fault(lost=Lost.ANSWER)]
    with slack.faults.at_random(0.4, *faults, seed=3):
        async with outbox_for(slack).open() as outbox:
            await outbox.put([said(f"m{i}") for i in range(8)])
            await asyncio.wait_for(outbox.wait_until_sent("m7"), 60)

    assert await texts(slack) == [f"m{i}" for i in range(8)]


async def test_refused_message_is_given_up_and_those_behind_it_are_sent(slack: StrictSlack) -> None:
    slack.faults.fail_next("chat.postMessage", error="msg_too_long")
    async with outbox_for(slack).open() as outbox:
        await outbox.put([said("a"), said("b")])
        await asyncio.wait_for(outbox.wait_until_sent("b"), 60)
        refused = await outbox.wait_until_sent("a")

    assert (refused.sending, refused.error) == (Sending.REFUSED, "msg_too_long")
    assert await texts(slack) == ["b"]


async def test_message_whose_blocks_are_refused_is_sent_as_plain_text(slack: StrictSlack) -> None:
    slack.faults.fail_next("chat.postMessage", error="invalid_blocks")
    async with outbox_for(slack).open() as outbox:
        await outbox.put([with_blocks("root"), said("reply", under="root")])
        await asyncio.wait_for(outbox.wait_until_sent("reply"), 60)
        root = await outbox.wait_until_sent("root")

    assert [message.text for message in await slack.thread(QUANT, root.ts)] == ["root", "reply"]
    assert await texts(slack) == ["root"]


async def test_reply_to_a_root_that_was_refused_hangs_nowhere(slack: StrictSlack) -> None:
    slack.faults.fail_next("chat.postMessage", error="msg_too_long")
    async with outbox_for(slack).open() as outbox:
        final = said("final", under="root")
        final.method = Method.EDIT
        await outbox.put([said("root"), said("reply", under="root"), final, said("other")])
        await asyncio.wait_for(outbox.wait_until_sent("other"), 60)
        ends = [(await outbox.wait_until_sent(key)).error for key in ("root", "reply", "final")]

    assert ends == ["msg_too_long", "no_root", "no_root"]
    assert await texts(slack) == ["other"]
    slack.assert_no_violations()


@pytest.mark.parametrize("code", ["token_revoked", "missing_scope"])
async def test_what_is_wrong_with_the_bot_waits_and_is_logged_once(
    slack: StrictSlack, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    client = AsyncWebClient(token=slack.bot_token, base_url=slack.api_url)
    account = SlackAccount(client)
    with slack.faults.outage("*", fault=Fault(error=code)):
        async with Outbox(client, channel_seconds=0.01, account=account).open() as outbox:
            await outbox.put([said("a"), said("b"), said("c", DESK)])
            await slack.ledger.until(lambda: len(slack.ledger.of("chat.postMessage")) >= 2)
            await slack.ledger.until(lambda: len(slack.ledger.of("*")) >= 5)
            await account.check()
            assert account.trouble == code
            unsent = await OutboxEntry.find_all().to_list()
    async with Outbox(client, channel_seconds=0.01, account=account).open() as outbox:
        for key in ("a", "b", "c"):
            await asyncio.wait_for(outbox.wait_until_sent(key), 60)

    assert {entry.sending for entry in unsent} <= {Sending.WAITING, Sending.SENDING}
    assert (await texts(slack), await texts(slack, DESK)) == (["a", "b"], ["c"])
    await account.check()
    assert account.trouble == ""
    lines = [record for record in caplog.records if record.levelname == "ERROR"]
    assert [code in line.getMessage() and "remedy=" in line.getMessage() for line in lines] == [True]


async def test_what_passes_is_waited_out(slack: StrictSlack) -> None:
    codes = ["message_limit_exceeded", "quota_of_tuesday", "ratelimited", "fatal_error"]
    async with outbox_for(slack).open() as outbox:
        for code in codes:
            slack.faults.fail_next("chat.postMessage", error=code)
            await outbox.put([said(code)])
            await asyncio.wait_for(outbox.wait_until_sent(code), 60)

    assert await texts(slack) == codes


async def test_bot_that_lost_its_lease_sends_nothing(slack: StrictSlack) -> None:
    client, may_send = AsyncWebClient(token=slack.bot_token, base_url=slack.api_url), asyncio.Event()
    async with Outbox(client, channel_seconds=0.01, may_send=may_send.is_set).open() as outbox:
        await outbox.put([said("a")])
        await asyncio.sleep(0.5)
        assert not slack.ledger.of("*")
        may_send.set()
        await asyncio.wait_for(outbox.wait_until_sent("a"), 60)

    assert await texts(slack) == ["a"]


async def test_channel_does_not_wait_for_another(slack: StrictSlack) -> None:
    slack.faults.fail_next("chat.postMessage", status=429, error="ratelimited", retry_after=3)
    async with outbox_for(slack).open() as outbox:
        await outbox.put([said("slow")])
        await asyncio.sleep(0.3)
        await outbox.put([said("quick", DESK)])
        await asyncio.wait_for(outbox.wait_until_sent("quick"), 2)

        assert await texts(slack) == []
        assert await texts(slack, DESK) == ["quick"]


async def test_same_key_is_said_once(slack: StrictSlack) -> None:
    async with outbox_for(slack).open() as outbox:
        await asyncio.gather(*(outbox.put([said("a"), said(f"b{i}")]) for i in range(5)))
        for i in range(5):
            await asyncio.wait_for(outbox.wait_until_sent(f"b{i}"), 60)

    assert (await texts(slack)).count("a") == 1


async def test_upload_whose_answer_was_lost_is_not_doubled(slack: StrictSlack, tmp_path: Path) -> None:
    chart = tmp_path / "chart.png"
    chart.write_bytes(b"picture")
    slack.faults.fail_next("files.completeUploadExternal", lost=Lost.ANSWER)
    async with outbox_for(slack).open() as outbox:
        await outbox.put([said("root"), upload("chart", chart, under="root")])
        root = await outbox.wait_until_sent("root")
        await asyncio.wait_for(outbox.wait_until_sent("chart"), 60)

    files = [file for message in await slack.thread(QUANT, root.ts) for file in message.files]
    assert len(files) == 1


async def test_file_that_is_gone_costs_nothing_but_itself(slack: StrictSlack, tmp_path: Path) -> None:
    async with outbox_for(slack).open() as outbox:
        await outbox.put([upload("chart", tmp_path / "gone.png"), said("after")])
        await asyncio.wait_for(outbox.wait_until_sent("after"), 60)
        chart = await outbox.wait_until_sent("chart")

    assert chart.sending is Sending.REFUSED
    assert await texts(slack) == ["after"]


async def test_answer_that_is_not_slacks_is_waited_out(slack: StrictSlack) -> None:
    async with outbox_for(slack).open() as outbox:
        for key, page in PAGES.items():
            slack.faults.fail_next("chat.postMessage", fault=page)
            await outbox.put([said(key)])
            await asyncio.wait_for(outbox.wait_until_sent(key), 60)

    assert [call.fault for call in slack.ledger.of("chat.postMessage") if call.fault] == [*map(str, PAGES.values())]
    assert await texts(slack) == list(PAGES)


@pytest.mark.parametrize("step", ["files.getUploadURLExternal", "upload", "files.completeUploadExternal"])
async def test_file_is_sent_again_whichever_step_a_proxy_answered(
    slack: StrictSlack, tmp_path: Path, step: str
) -> None:
    (tmp_path / "equity.png").write_bytes(b"png")
    slack.ledger.tolerate("file_not_found")  # of an upload that did not arrive
    async with outbox_for(slack).open() as outbox:
        for key in ("page that calls itself JSON", "page with status 200", "a list", "empty 200"):
            slack.faults.fail_next(step, fault=PAGES[key])
            await outbox.put([upload(key, tmp_path / "equity.png")])
            chart = await asyncio.wait_for(outbox.wait_until_sent(key), 60)
            assert chart.sending is Sending.SENT, key

    assert len(slack.ledger.of(step)) > 4


async def test_order_holds_when_the_clock_goes_back(slack: StrictSlack) -> None:
    seconds = count(1_800_000_000, -10)
    client = AsyncWebClient(token=slack.bot_token, base_url=slack.api_url)
    outbox = Outbox(client, clock=lambda: datetime.fromtimestamp(next(seconds), UTC), channel_seconds=0.01)
    for i in range(4):
        await outbox.put([said(f"m{i}")])
    async with outbox.open():
        await asyncio.wait_for(outbox.wait_until_sent("m3"), 60)

    assert await texts(slack) == ["m0", "m1", "m2", "m3"]


async def test_entry_stored_by_another_process_is_sent(slack: StrictSlack) -> None:
    async with outbox_for(slack).open() as outbox:
        await outbox_for(slack).put([said("a")])
        await asyncio.wait_for(outbox.wait_until_sent("a"), 60)

    assert await texts(slack) == ["a"]


async def test_everyone_who_waits_for_a_message_is_told(slack: StrictSlack) -> None:
    async with outbox_for(slack).open() as outbox:
        keys = [f"m{i}" for i in range(5)]
        waiting = [asyncio.create_task(outbox.wait_until_sent(key)) for key in keys for _ in range(3)]
        await outbox.put([said(key) for key in keys])
        entries = await asyncio.wait_for(asyncio.gather(*waiting), 60)

    assert all(entry.sending is Sending.SENT for entry in entries)


async def test_a_message_that_was_sent_long_ago_is_not_waited_for(slack: StrictSlack) -> None:
    async with outbox_for(slack).open() as outbox:
        await outbox.put([said("old")])
        first = await asyncio.wait_for(outbox.wait_until_sent("old"), 60)
        again = await asyncio.gather(*(asyncio.wait_for(outbox.wait_until_sent("old"), 60) for _ in range(3)))

    assert {entry.ts for entry in again} == {first.ts}
