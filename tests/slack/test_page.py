"""What was said is drawn with its words, and nothing a user typed becomes the page's own markup."""

import json
from pathlib import Path
from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from tests.slack import picture
from tests.slack.inspection import BOT_TOKEN
from tests.slack.page import Names, blocks_html, mrkdwn_html, thread_page, view_page
from tests.slack.sample_bot import buttons, form
from tests.slack.strict import StrictSlack
from tests.slack.test_blocks import TAKEN

NAMES = Names(users={"U1": "Alice"}, channels={"C1": "quant"})


@pytest.mark.parametrize(
    ("text", "markup"),
    [
        ("*bold* _it_ ~no~", "<b>bold</b> <i>it</i> <s>no</s>"),
        ("2*3*4 a_b_c", "2*3*4 a_b_c"),
        ("`*code*`", "<code>*code*</code>"),
        ("<@U1> in <#C1>", '<span class="at">@Alice</span> in <span class="at">#quant</span>'),
        ("<https://example.com|the page>", '<a href="https://example.com">the page</a>'),
        ("> quoted\nnot", "<blockquote>quoted</blockquote>not"),
        ("one\ntwo", "one<br>two"),
        (":warning: :unheard_of:", "⚠️ :unheard_of:"),
        ("&lt;b&gt;", "&lt;b&gt;"),
    ],
)
def test_mrkdwn_is_drawn_as_slack_would(text: str, markup: str) -> None:
    assert mrkdwn_html(text, NAMES) == markup


@pytest.mark.parametrize("block", TAKEN.values(), ids=TAKEN)
def test_every_kind_of_block_can_be_drawn(block: dict[str, Any]) -> None:
    assert blocks_html([block], NAMES).startswith("<")


def test_a_thread_shows_its_replies_and_who_wrote_them() -> None:
    root = {"user": "U1", "text": "root"}
    page = thread_page([root, {"user": "U2", "bot_id": "B", "text": "reply", "blocks": buttons()}], NAMES, dark=True)

    assert "1 reply" in page
    assert '<body class="dark">' in page
    assert "Alice" in page
    assert "APP" in page
    assert "Cancel" in page


def test_a_modal_shows_its_fields_and_its_buttons() -> None:
    page = view_page(form("What shall I try?"), NAMES)

    assert all(word in page for word in ("New study", "Start", "Symbol", "AAPL", "What shall I try?"))


async def test_a_thread_is_stored_with_its_files(slack: StrictSlack, tmp_path: Path) -> None:
    client = AsyncWebClient(token=BOT_TOKEN, base_url=slack.api_url)
    root = await client.chat_postMessage(channel="C0QUANT01", text="root")
    await client.files_upload_v2(channel="C0QUANT01", thread_ts=root["ts"], content=b"PNG", filename="equity.png")

    target = await picture.save(slack, await slack.thread("C0QUANT01", root["ts"]), tmp_path / "shot")

    stored = json.loads(target.read_text(encoding="utf-8"))
    assert [each["text"] for each in stored["messages"]] == ["root", ""]
    (url,) = stored["files"].values()
    assert content_of(url) == b"PNG"
    assert set(stored["users"].values()) == {"Alice", "Bob", "Kim", "Optimizer"}


async def test_a_view_is_stored_to_be_drawn(slack: StrictSlack, tmp_path: Path) -> None:
    target = await picture.save_view(slack, form("What shall I try?"), tmp_path)

    assert json.loads(target.read_text(encoding="utf-8"))["view"]["callback_id"] == "new_study"


def content_of(url: str) -> bytes:
    return Path(url.removeprefix("file://")).read_bytes()
