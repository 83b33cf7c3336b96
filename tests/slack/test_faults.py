"""Trouble comes when asked for, to whom it was meant for, and is written down."""

import time

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from tests.slack.faults import RATE_LIMITED, Fault, Lost
from tests.slack.inspection import BOT_TOKEN
from tests.slack.strict import StrictSlack

QUANT = "C0QUANT01"


@pytest.fixture
def client(slack: StrictSlack) -> AsyncWebClient:
    """A client that does not try again by itself."""
    return AsyncWebClient(token=BOT_TOKEN, base_url=slack.api_url, retry_handlers=[])


async def test_only_the_next_matching_calls_fail(slack: StrictSlack, client: AsyncWebClient) -> None:
    slack.faults.fail_next("chat.*", times=2, status=503)
    await client.auth_test()
    for _ in range(2):
        with pytest.raises(SlackApiError):
            await client.chat_postMessage(channel=QUANT, text="x")
    await client.chat_postMessage(channel=QUANT, text="third")

    assert [each.text for each in await slack.messages(QUANT)] == ["third"]
    assert [each.status for each in slack.ledger.of("chat.*")] == [503, 503, 200]


async def test_a_429_says_how_long_to_wait(slack: StrictSlack, client: AsyncWebClient) -> None:
    slack.faults.fail_next("chat.postMessage", fault=RATE_LIMITED)
    with pytest.raises(SlackApiError) as caught:
        await client.chat_postMessage(channel=QUANT, text="x")

    assert caught.value.response.status_code == 429
    assert caught.value.response.headers["Retry-After"] == "1"


async def test_a_call_before_retry_after_is_a_violation(slack: StrictSlack, client: AsyncWebClient) -> None:
    slack.faults.fail_next("chat.postMessage", fault=RATE_LIMITED)
    with pytest.raises(SlackApiError):
        await client.chat_postMessage(channel=QUANT, text="x")
    await client.chat_postMessage(channel=QUANT, text="too early")

    assert [each.code for each in slack.violations] == ["ignored_retry_after"]
    slack.violations.clear()


async def test_a_client_that_waits_is_let_through(slack: StrictSlack) -> None:
    patient = AsyncWebClient(
        token=BOT_TOKEN, base_url=slack.api_url, retry_handlers=[AsyncRateLimitErrorRetryHandler(max_retry_count=1)]
    )
    slack.faults.fail_next("chat.postMessage", fault=RATE_LIMITED)
    await patient.chat_postMessage(channel=QUANT, text="x")

    first, second = slack.ledger.of("chat.postMessage")
    assert second.at - first.at >= 1


async def test_the_pace_of_a_channel_is_kept_by_429(slack: StrictSlack, client: AsyncWebClient) -> None:
    slack.faults.pace_seconds, slack.faults.pace_burst = 1.0, 2
    for word in ("one", "two"):
        await client.chat_postMessage(channel=QUANT, text=word)
    with pytest.raises(SlackApiError):
        await client.chat_postMessage(channel=QUANT, text="three")
    await client.chat_postMessage(channel="G0DESK001", text="elsewhere is another pace")

    assert [each.text for each in await slack.messages(QUANT)] == ["one", "two"]


async def test_a_lost_answer_was_carried_out_all_the_same(slack: StrictSlack, client: AsyncWebClient) -> None:
    slack.faults.fail_next("chat.postMessage", lost=Lost.ANSWER)
    with pytest.raises(aiohttp.ClientError):
        await client.chat_postMessage(channel=QUANT, text="sent")

    assert [each.text for each in await slack.messages(QUANT)] == ["sent"]


async def test_a_lost_request_left_nothing(slack: StrictSlack, client: AsyncWebClient) -> None:
    slack.faults.fail_next("chat.postMessage", lost=Lost.REQUEST)
    with pytest.raises(aiohttp.ClientError):
        await client.chat_postMessage(channel=QUANT, text="sent")

    assert await slack.messages(QUANT) == []


async def test_a_slow_answer_is_slow(slack: StrictSlack, client: AsyncWebClient) -> None:
    slack.faults.fail_next(delay=0.2)
    began = time.monotonic()
    await client.auth_test()

    assert time.monotonic() - began >= 0.2


async def test_an_outage_lasts_as_long_as_it_is_open(slack: StrictSlack, client: AsyncWebClient) -> None:
    with slack.faults.outage():
        for _ in range(3):
            with pytest.raises(SlackApiError):
                await client.auth_test()
    await client.auth_test()


async def test_random_trouble_is_the_same_for_the_same_seed() -> None:
    async def statuses(seed: int) -> list[int]:
        async with StrictSlack() as slack, aiohttp.ClientSession() as session:
            with slack.faults.at_random(0.5, RATE_LIMITED, Fault(status=500), seed=seed):
                for _ in range(20):
                    async with session.post(slack.api_url + "api.test") as answer:
                        await answer.read()
            return [each.status for each in slack.ledger.calls]

    assert await statuses(7) == await statuses(7)
    assert await statuses(7) != await statuses(8)
    assert set(await statuses(7)) == {200, 429, 500}


async def test_the_busiest_second_is_counted(slack: StrictSlack, client: AsyncWebClient) -> None:
    for word in ("one", "two", "three"):
        await client.chat_postMessage(channel=QUANT, text=word)

    assert slack.ledger.busiest("chat.*", channel=QUANT, seconds=5) == 3
    assert slack.ledger.busiest("chat.*", channel=QUANT, seconds=1e-9) == 1
    assert slack.ledger.busiest("views.*") == 0


async def test_waiting_for_what_never_comes_says_what_came(slack: StrictSlack, client: AsyncWebClient) -> None:
    await client.auth_test()
    with pytest.raises(AssertionError, match=r"not within 0.05 s: the result; last calls: auth.test 200"):
        await slack.ledger.until(lambda: False, seconds=0.05, what="the result")
