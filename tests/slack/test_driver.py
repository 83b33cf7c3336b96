"""Every act of a person reaches a real Bolt bot, over HTTP and over Socket Mode, and its answers are carried out."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from slack_sdk.web.async_client import AsyncWebClient

from tests.slack.driver import Driver
from tests.slack.inspection import BOT_TOKEN
from tests.slack.sample_bot import over_http, over_socket
from tests.slack.strict import BOT_USER, StrictSlack
from tests.slack.wire import HttpWire, Kind, SocketWire
from tests.slack.workspace import Message, Refusal

QUANT = "C0QUANT01"
ALICE = "U0ALICE1"


@pytest_asyncio.fixture(params=["http", "socket"])
async def people(request: pytest.FixtureRequest, slack: StrictSlack) -> AsyncIterator[Driver]:
    """The workspace's people, with the sample bot listening."""
    client = AsyncWebClient(token=BOT_TOKEN, base_url=slack.api_url)
    if request.param == "http":
        async with over_http(client) as url, HttpWire(url) as wire:
            yield Driver(slack, wire)
    else:
        async with over_socket(client):
            await slack.ledger.until(lambda: slack.sockets.n_connections == 1)
            yield Driver(slack, SocketWire(slack.sockets))


async def root(slack: StrictSlack) -> Message:
    """The first root message, once it is there."""
    return (await slack.eventually(lambda: slack.messages(QUANT), what="root message"))[0]


async def test_a_command_is_acked_answered_and_followed_up(slack: StrictSlack, people: Driver) -> None:
    delivery = await people.command("AAPL RSI 200")

    assert delivery.is_acked
    assert delivery.answer["text"] == "understood"
    message = await root(slack)
    await slack.ledger.until(lambda: len(slack.workspace.replies(QUANT, message.ts)) == 2)
    await slack.ledger.until(lambda: len(slack.workspace.ephemerals) == 2)
    assert {each.text for each in await slack.private(ALICE)} == {"understood", "started"}


async def test_a_click_finds_its_button_by_id_or_by_label(slack: StrictSlack, people: Driver) -> None:
    await people.command("AAPL RSI 200")
    assert (await people.click(await root(slack), "Cancel")).is_acked

    await slack.ledger.until(lambda: bool(slack.ledger.of("chat.update")))
    assert (await root(slack)).text == f"cancelled by <@{ALICE}>"
    with pytest.raises(AssertionError, match="nothing to press is called 'cancel'"):
        await people.click(await root(slack), "cancel")


async def test_a_modal_is_opened_changed_refused_and_sent(slack: StrictSlack, people: Driver) -> None:
    await people.command("")
    (view,) = await slack.eventually(lambda: slack.modals(ALICE))
    await people.click_in_view(view, "strategy", choose="sma")
    await slack.ledger.until(lambda: bool(slack.ledger.of("views.update")))

    (view,) = await slack.modals(ALICE)
    assert view["blocks"][0]["text"]["text"] == "You chose sma"
    refused = await people.submit(view, symbol="NOPE", strategy="sma")
    assert refused.answer["errors"] == {"symbol": "I have no bars for NOPE."}
    assert len(await slack.modals(ALICE)) == 1, "errors keep the modal open"
    await people.submit(view, strategy="rsi")
    assert await slack.modals(ALICE) == []


async def test_a_modal_that_is_closed_says_so(slack: StrictSlack, people: Driver) -> None:
    await people.command("")
    (view,) = await slack.eventually(lambda: slack.modals(ALICE))
    await people.close(view)

    await slack.ledger.until(lambda: bool(slack.ledger.of("chat.postMessage")))


async def test_a_shortcut_carries_its_message(slack: StrictSlack, people: Driver) -> None:
    said = await slack.say("U0BOB2", QUANT, "look at MSFT")
    await people.shortcut(said, "optimize_this")

    (view,) = await slack.eventually(lambda: slack.modals(ALICE))
    assert view["blocks"][0]["text"]["text"] == "look at MSFT"


async def test_a_mention_is_answered_in_its_thread(slack: StrictSlack, people: Driver) -> None:
    await people.mention("status", bot_user=BOT_USER)

    asked = await root(slack)
    await slack.ledger.until(lambda: len(slack.workspace.replies(QUANT, asked.ts)) == 2)
    assert (await slack.thread(QUANT, asked.ts))[1].text == "yes?"


async def test_a_direct_message_is_answered_there(slack: StrictSlack, people: Driver) -> None:
    talk = slack.workspace.direct({ALICE, BOT_USER}).id
    await people.direct_message("help", channel=talk)

    await slack.ledger.until(lambda: len(slack.workspace.history(talk)) == 2)
    assert (await slack.messages(talk))[1].text == "you said help"


async def test_the_home_tab_is_published_when_looked_at(slack: StrictSlack, people: Driver) -> None:
    await people.open_home()

    home = await slack.eventually(lambda: slack.home(ALICE))
    assert home["blocks"][0]["text"]["text"] == "*running*"


async def test_an_ack_without_response_type_is_a_violation(slack: StrictSlack, people: Driver) -> None:
    await people.command("bare", command="/misbehave")

    assert [each.code for each in slack.violations] == ["no_response_type"]
    slack.violations.clear()


async def test_a_redelivery_is_marked_as_one(slack: StrictSlack, people: Driver) -> None:
    first = await people.mention("status", bot_user=BOT_USER)
    again = await people.redeliver(first, Kind.EVENT)

    assert again.is_acked
    assert again.payload["event_id"] == first.payload["event_id"]
    await slack.ledger.until(lambda: len(slack.ledger.of("chat.postMessage")) == 2)


@pytest.mark.slow
async def test_a_late_ack_is_no_ack(slack: StrictSlack, people: Driver) -> None:
    delivery = await people.command("late", command="/misbehave")

    assert not delivery.is_acked
    assert slack.ledger.of("chat.*") == []


@pytest_asyncio.fixture
async def wire(slack: StrictSlack) -> AsyncIterator[HttpWire]:
    """A wire to the sample bot over HTTP."""
    client = AsyncWebClient(token=BOT_TOKEN, base_url=slack.api_url)
    async with over_http(client) as url, HttpWire(url) as opened:
        yield opened


async def test_a_forged_stale_or_unsigned_request_is_told_apart(slack: StrictSlack, wire: HttpWire) -> None:
    payload, _ = await Driver(slack, wire).command_payload("AAPL RSI 200")
    right = wire.request(Kind.COMMAND, payload)

    assert (await wire.send(wire.request(Kind.COMMAND, payload, age=600))).status == 401
    assert (await wire.send(right.with_headers(X_Slack_Signature="v0=0"))).status == 401
    assert (await wire.send(right.without("X-Slack-Signature"))).status == 401
    assert (await wire.send(right)).status == 200
    await slack.ledger.until(lambda: bool(slack.workspace.ephemerals))


async def test_a_bot_that_is_gone_gives_status_0() -> None:
    async with HttpWire("http://127.0.0.1:9/slack/events") as wire:
        assert (await wire.send(wire.sign("text=x"))).status == 0


async def test_a_response_url_takes_five_replies(slack: StrictSlack) -> None:
    url = slack.new_response_url(ALICE, QUANT)
    for _ in range(5):
        slack.response_urls.receive(url.id, {"response_type": "ephemeral", "text": "x"})

    with pytest.raises(Refusal, match="used_url"):
        slack.response_urls.receive(url.id, {"response_type": "ephemeral", "text": "x"})
    assert len(await slack.private(ALICE)) == 5


async def test_a_reply_replaces_or_removes_what_was_pressed(slack: StrictSlack) -> None:
    posted = await slack.say(ALICE, QUANT, "old")
    url = slack.new_response_url(ALICE, QUANT, message_ts=posted.ts)
    slack.response_urls.receive(url.id, {"replace_original": True, "text": "new"})
    assert [each.text for each in await slack.messages(QUANT)] == ["new"]

    slack.response_urls.receive(url.id, {"delete_original": True})
    assert await slack.messages(QUANT) == []


async def test_a_socket_is_told_to_reconnect(slack: StrictSlack) -> None:
    async with over_socket(AsyncWebClient(token=BOT_TOKEN, base_url=slack.api_url)):
        await slack.ledger.until(lambda: slack.sockets.n_connections == 1)
        await slack.sockets.disconnect()
        await slack.ledger.until(lambda: len(slack.ledger.of("apps.connections.open")) >= 2, seconds=15)


async def test_typed_text_is_escaped_on_its_way_and_distrusted_on_its_way_back(
    slack: StrictSlack, wire: HttpWire
) -> None:
    delivery = await Driver(slack, wire).command("AAPL RSI <!channel> sharpe>1")

    assert delivery.payload["text"] == "AAPL RSI &lt;!channel&gt; sharpe&gt;1"
    assert slack.strictness.hostile == ["<!channel>"]
    await slack.ledger.until(lambda: bool(slack.ledger.of("response_url")))


async def test_two_clicks_at_once_are_two_deliveries(slack: StrictSlack, wire: HttpWire) -> None:
    people = Driver(slack, wire)
    await people.command("AAPL RSI 200")
    message = await root(slack)
    both = await asyncio.gather(people.click(message, "Cancel"), people.click(message, "Cancel", user="bob"))

    assert [each.is_acked for each in both] == [True, True]
    assert len({each.trigger_id for each in both}) == 2
    await slack.ledger.until(lambda: len(slack.ledger.of("chat.update")) == 2)
