"""One suite, two Slacks: what a bot says and what people do come out the same in both."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from tests.slack.driver import Driver
from tests.slack.emulate import Emulated
from tests.slack.sample_bot import over_http
from tests.slack.strict import StrictSlack
from tests.slack.wire import HttpWire

AnySlack = StrictSlack | Emulated


@pytest.fixture
def client(any_slack: AnySlack) -> AsyncWebClient:
    """The plain client, which puts many arguments into the query."""
    return AsyncWebClient(token=any_slack.bot_token, base_url=any_slack.api_url)


@pytest_asyncio.fixture
async def people(any_slack: AnySlack, client: AsyncWebClient) -> AsyncIterator[Driver]:
    """The workspace's people, with the sample bot listening over HTTP."""
    async with over_http(client) as url, HttpWire(url) as wire:
        yield Driver(any_slack, wire)


async def test_a_command_leads_to_a_thread_and_private_answers(any_slack: AnySlack, people: Driver) -> None:
    delivery = await people.command("AAPL RSI 200")
    quant, alice = await any_slack.channel_id(), await any_slack.user_id("alice")

    assert delivery.is_acked
    await any_slack.ledger.until(lambda: bool(any_slack.ledger.of("response_url")))
    (root,) = await any_slack.messages(quant)
    assert [each.text for each in await any_slack.thread(quant, root.ts)] == ["running", "plan"]
    assert {each.text for each in await any_slack.private(alice)} == {"understood", "started"}
    assert await any_slack.private(await any_slack.user_id("bob")) == []


async def test_a_button_edits_its_message(any_slack: AnySlack, people: Driver) -> None:
    await people.command("AAPL RSI 200")
    quant = await any_slack.channel_id()
    (root,) = await any_slack.eventually(lambda: any_slack.messages(quant))
    await people.click(root, "Cancel", user="bob")
    await any_slack.ledger.until(lambda: any(call.is_ok for call in any_slack.ledger.of("chat.update")))

    (root,) = await any_slack.messages(quant)
    assert root.text == f"cancelled by <@{await any_slack.user_id('bob')}>"
    assert root.edited_ts


async def test_a_modal_goes_its_way(any_slack: AnySlack, people: Driver) -> None:
    alice = await any_slack.user_id("alice")
    await people.command("")
    (view,) = await any_slack.eventually(lambda: any_slack.modals(alice))
    await people.click_in_view(view, "strategy", choose="sma")
    await any_slack.ledger.until(lambda: any(call.is_ok for call in any_slack.ledger.of("views.update")))
    (view,) = await any_slack.modals(alice)
    assert view["blocks"][0]["text"]["text"] == "You chose sma"

    await people.submit(view, symbol="NOPE", strategy="sma")
    assert len(await any_slack.modals(alice)) == 1
    await people.submit(view, strategy="rsi")
    assert await any_slack.modals(alice) == []


async def test_a_mention_is_answered_where_it_was_made(any_slack: AnySlack, people: Driver) -> None:
    quant = await any_slack.channel_id()
    await people.mention("status", bot_user=any_slack.bot_user)
    await any_slack.ledger.until(lambda: any(call.is_ok for call in any_slack.ledger.of("chat.postMessage")))

    (asked,) = await any_slack.messages(quant)
    assert [each.text for each in await any_slack.thread(quant, asked.ts)][1:] == ["yes?"]


async def test_the_home_tab_is_shown(any_slack: AnySlack, people: Driver) -> None:
    alice = await any_slack.user_id("alice")
    await people.open_home()

    assert (await any_slack.eventually(lambda: any_slack.home(alice)))["type"] == "home"


async def test_charts_stand_in_the_thread(any_slack: AnySlack, client: AsyncWebClient) -> None:
    quant = await any_slack.channel_id()
    root = await client.chat_postMessage(channel=quant, text="root")
    await client.files_upload_v2(
        channel=quant, thread_ts=root["ts"], content=b"PNG", filename="equity.png", title="Equity"
    )

    (_, reply) = await any_slack.thread(quant, root["ts"])
    assert [each["title"] for each in reply.files] == ["Equity"]
    assert await any_slack.download(reply.files[0]) == b"PNG"


async def test_metadata_is_kept_for_those_who_ask(any_slack: AnySlack, client: AsyncWebClient) -> None:
    quant = await any_slack.channel_id()
    metadata = {"event_type": "study_said", "event_payload": {"key": "opt-7f3a/result"}}
    root = await client.chat_postMessage(channel=quant, text="root", metadata=metadata)

    found = await client.conversations_replies(channel=quant, ts=root["ts"], include_all_metadata=True)
    assert found["messages"][0]["metadata"] == metadata


async def test_people_have_their_zone(any_slack: AnySlack, client: AsyncWebClient) -> None:
    kim = await client.users_info(user=await any_slack.user_id("kim"), include_locale=True)

    assert (kim["user"]["tz"], kim["user"]["locale"]) == ("Asia/Seoul", "ko-KR")


@pytest.mark.parametrize(
    ("method", "arguments", "code"),
    [
        ("chat.postMessage", {"channel": "C9", "text": "x"}, "channel_not_found"),
        ("chat.postMessage", {}, "channel_not_found"),
        ("conversations.history", {"channel": "quant"}, "channel_not_found"),
        ("users.info", {"user": "U9"}, "user_not_found"),
        ("team.info", {}, "missing_scope"),
    ],
)
async def test_both_refuse_alike(
    any_slack: AnySlack, client: AsyncWebClient, method: str, arguments: dict[str, str], code: str
) -> None:
    any_slack.ledger.tolerate(code)
    with pytest.raises(SlackApiError) as caught:
        await client.api_call(method, json=arguments)

    assert caught.value.response["error"] == code
