"""Blocks of 2026 in a workspace that knows them, and in one that does not: asked once, and nothing is lost by it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from pymongo.errors import AutoReconnect
from slack_sdk.web.async_client import AsyncWebClient

from bot.delivery.block_support import ASKED_AGAIN, BlockSupport, Standing
from bot.delivery.outbox import Outbox, post_entry
from bot.documents.conversations import Method, OutboxEntry
from bot.documents.workspace_blocks import WorkspaceBlocks
from bot.runtime.slack_account import SlackAccount
from tests.slack.faults import Lost
from tests.slack.strict import StrictSlack
from tests.slack.workspace import Message

QUANT = "C0QUANT01"
NOW = datetime(2026, 11, 30, tzinfo=UTC)
TABLE: dict[str, Any] = {
    "type": "data_table",
    "caption": "Studies",
    "rows": [
        [{"type": "raw_text", "text": "Study"}, {"type": "raw_text", "text": "Sharpe"}],
        [{"type": "raw_text", "text": "opt-1"}, {"type": "raw_number", "value": 0.36, "text": "0.36"}],
    ],
}
LABELS = ["2011", "2012"]
CHART: dict[str, Any] = {
    "type": "data_visualization",
    "title": "Growth",
    "chart": {
        "type": "line",
        "series": [{"name": "winner", "data": [{"label": label, "value": 1.5} for label in LABELS]}],
        "axis_config": {"categories": LABELS},
    },
}

pytestmark = pytest.mark.usefixtures("documents")


@pytest_asyncio.fixture
async def slack() -> AsyncIterator[StrictSlack]:
    """A Slack of the test's own, which must have nothing to complain of."""
    async with StrictSlack() as server:
        yield server
        server.assert_no_violations()


async def outbox_for(slack: StrictSlack, now: datetime = NOW) -> Outbox:
    """An outbox that knows whose workspace it writes to."""
    client = AsyncWebClient(token=slack.bot_token, base_url=slack.api_url)
    account = SlackAccount(client)
    await account.check()
    return Outbox(client, channel_seconds=0.01, account=account, clock=lambda: now)


def with_table(key: str) -> OutboxEntry:
    """A message with a sortable table."""
    return post_entry(key, "talk", QUANT, text=key, blocks=[TABLE], now=NOW)


def with_chart(key: str, picture: Path) -> OutboxEntry:
    """A chart that Slack draws, or its picture."""
    entry = post_entry(key, "talk", QUANT, text=key, blocks=[CHART], now=NOW)
    entry.file, entry.title = str(picture), key
    return entry


async def send(outbox: Outbox, *entries: OutboxEntry) -> None:
    """Send entries until each is sent or refused."""
    async with outbox.open():
        await outbox.put(entries)
        for entry in entries:
            await asyncio.wait_for(outbox.wait_until_sent(entry.key), 60)


def refusals(slack: StrictSlack) -> int:
    """How often Slack has refused blocks."""
    return sum(call.answer.get("error") == "invalid_blocks" for call in slack.ledger.of("chat.postMessage"))


def kinds(messages: list[Message]) -> list[list[str]]:
    return [[block["type"] for block in message.blocks] for message in messages]


async def test_a_workspace_that_takes_the_new_blocks_gets_all_of_them(slack: StrictSlack, tmp_path: Path) -> None:
    outbox = await outbox_for(slack)
    assert outbox.block_support.standing is Standing.ASK
    assert outbox.block_support.for_reply([TABLE])[0]["type"] == "table"

    await send(outbox, with_table("a"), with_chart("b", tmp_path / "drawn-never"))

    assert kinds(await slack.messages(QUANT)) == [["data_table"], ["data_visualization"]]
    assert outbox.block_support.standing is Standing.NEW
    assert outbox.block_support.for_reply([TABLE]) == [TABLE]


async def test_an_older_workspace_is_asked_once_and_gets_tables_and_pictures(
    slack: StrictSlack, tmp_path: Path
) -> None:
    slack.workspace.knows_new_blocks = False
    picture = tmp_path / "equity.png"
    picture.write_bytes(b"picture")

    await send(await outbox_for(slack), with_table("a"), with_chart("b", picture), with_table("c"))
    # After a restart it is remembered.
    await send(await outbox_for(slack), with_chart("d", picture))

    messages = await slack.messages(QUANT)
    assert kinds(messages) == [["table"], [], ["table"], []]
    assert [file["title"] for message in messages for file in message.files] == ["b", "d"]
    assert refusals(slack) == 1
    rows = messages[0].blocks[0]["rows"]
    assert [[cell["text"] for cell in row] for row in rows] == [["Study", "Sharpe"], ["opt-1", "0.36"]]
    assert [column["align"] for column in messages[0].blocks[0]["column_settings"]] == ["left", "right"]
    assert [entry.method for entry in await OutboxEntry.find({"key": "b"}).to_list()] == [Method.UPLOAD]


async def test_a_workspace_that_refused_is_asked_again_after_some_days_or_at_once(slack: StrictSlack) -> None:
    slack.workspace.knows_new_blocks = False
    await send(await outbox_for(slack), with_table("a"))
    slack.workspace.knows_new_blocks = True

    almost = await outbox_for(slack, NOW + ASKED_AGAIN - timedelta(seconds=1))
    await send(almost, with_table("b"))
    later = await outbox_for(slack, NOW + ASKED_AGAIN)
    await send(later, with_table("c"))

    assert kinds(await slack.messages(QUANT)) == [["table"], ["table"], ["data_table"]]
    assert later.block_support.standing is Standing.NEW
    await later.block_support.ask_again()
    assert later.block_support.standing is Standing.ASK
    assert await WorkspaceBlocks.find_all().count() == 0


async def test_a_workspace_that_took_them_and_refuses_now_gets_the_older_ones(slack: StrictSlack) -> None:
    outbox = await outbox_for(slack)
    await send(outbox, with_table("a"))
    slack.workspace.knows_new_blocks = False

    await send(outbox, with_table("b"), with_table("c"))

    assert kinds(await slack.messages(QUANT)) == [["data_table"], ["table"], ["table"]]
    assert refusals(slack) == 1


async def test_nothing_is_posted_twice_where_the_answer_to_the_older_message_is_lost(
    slack: StrictSlack, tmp_path: Path
) -> None:
    slack.workspace.knows_new_blocks = False
    picture = tmp_path / "equity.png"
    picture.write_bytes(b"picture")
    slack.faults.fail_next("files.completeUploadExternal", lost=Lost.ANSWER)

    await send(await outbox_for(slack), with_chart("b", picture))

    messages = await slack.messages(QUANT)
    assert [file["title"] for message in messages for file in message.files] == ["b"]


class Forgetful(BlockSupport):
    """Cannot reach MongoDB the first time it has something to remember."""

    n_asked = 0

    async def learn(self, *, accepts: bool) -> None:
        """Raise once as a client does whose server is away."""
        self.n_asked += 1
        if self.n_asked == 1:
            raise AutoReconnect("away")
        await super().learn(accepts=accepts)


@pytest.mark.parametrize("is_new", [True, False])
async def test_an_outage_of_the_database_while_it_learns_posts_nothing_twice(slack: StrictSlack, is_new: bool) -> None:
    slack.workspace.knows_new_blocks = is_new
    outbox = await outbox_for(slack)
    client = AsyncWebClient(token=slack.bot_token, base_url=slack.api_url)
    account = SlackAccount(client)
    await account.check()
    outbox.block_support = support = Forgetful(account, lambda: NOW)

    await send(outbox, with_table("a"))

    assert kinds(await slack.messages(QUANT)) == [["data_table" if is_new else "table"]]
    assert support.n_asked >= 1


async def test_a_message_that_is_wrong_in_itself_says_nothing_of_the_workspace(slack: StrictSlack) -> None:
    broken = with_table("a")
    broken.blocks = [TABLE, {"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}}]
    outbox = await outbox_for(slack)
    with slack.ledger.expecting("invalid_blocks"):
        await send(outbox, broken)

    assert [message.text for message in await slack.messages(QUANT)] == ["a"]
    assert outbox.block_support.standing is Standing.ASK
