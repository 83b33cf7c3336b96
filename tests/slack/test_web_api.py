"""The real client against the strict Slack: what is right works, what is wrong is seen."""

from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from tests.slack.inspection import BOT_TOKEN
from tests.slack.strict import BOT_USER, StrictSlack

QUANT = "C0QUANT01"
ALICE = "U0ALICE1"
BUTTONS = [
    {
        "type": "actions",
        "block_id": "controls",
        "elements": [{"type": "button", "action_id": "cancel", "text": {"type": "plain_text", "text": "Cancel"}}],
    }
]
MODAL: dict[str, Any] = {
    "type": "modal",
    "title": {"type": "plain_text", "text": "New study"},
    "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "Hello"}}],
}


@pytest.fixture
def client(slack: StrictSlack) -> AsyncWebClient:
    return AsyncWebClient(token=BOT_TOKEN, base_url=slack.api_url)


async def test_a_message_is_posted_edited_and_taken_back(slack: StrictSlack, client: AsyncWebClient) -> None:
    sent = await client.chat_postMessage(channel=QUANT, text="1/200", blocks=BUTTONS)
    await client.chat_update(channel=QUANT, ts=sent["ts"], text="200/200")

    (message,) = await slack.messages(QUANT)
    assert (message.text, message.blocks) == ("200/200", [])
    assert [each["text"] for each in message.past] == ["1/200"]

    await client.chat_delete(channel=QUANT, ts=sent["ts"])
    assert await slack.messages(QUANT) == []


async def test_replies_stand_in_their_thread_and_broadcasts_in_both(slack: StrictSlack, client: AsyncWebClient) -> None:
    root = await client.chat_postMessage(channel=QUANT, text="root")
    await client.chat_postMessage(channel=QUANT, text="quiet", thread_ts=root["ts"])
    await client.chat_postMessage(channel=QUANT, text="loud", thread_ts=root["ts"], reply_broadcast=True)

    assert [each.text for each in await slack.messages(QUANT)] == ["root", "loud"]
    assert [each.text for each in await slack.thread(QUANT, root["ts"])] == ["root", "quiet", "loud"]


async def test_metadata_is_found_again_only_by_those_who_ask_for_it(client: AsyncWebClient) -> None:
    metadata = {"event_type": "study_said", "event_payload": {"key": "opt-7f3a/result"}}
    root = await client.chat_postMessage(channel=QUANT, text="root")
    await client.chat_postMessage(channel=QUANT, text="result", thread_ts=root["ts"], metadata=metadata)

    asked = await client.conversations_replies(channel=QUANT, ts=root["ts"], include_all_metadata=True)
    forgot = await client.conversations_replies(channel=QUANT, ts=root["ts"])
    assert asked["messages"][1]["metadata"] == metadata
    assert "metadata" not in forgot["messages"][1]


async def test_history_comes_newest_first_in_pages(slack: StrictSlack, client: AsyncWebClient) -> None:
    for number in range(5):
        await slack.say(ALICE, QUANT, str(number))

    first = await client.conversations_history(channel=QUANT, limit=3)
    rest = await client.conversations_history(channel=QUANT, limit=3, cursor=first["response_metadata"]["next_cursor"])

    assert [each["text"] for each in [*first["messages"], *rest["messages"]]] == ["4", "3", "2", "1", "0"]
    assert not rest["has_more"]


async def test_an_ephemeral_message_is_seen_by_one(slack: StrictSlack, client: AsyncWebClient) -> None:
    await client.chat_postEphemeral(channel=QUANT, user=ALICE, text="only you")

    assert [each.text for each in await slack.private(ALICE)] == ["only you"]
    assert await slack.private("U0BOB2") == []
    assert await slack.messages(QUANT) == []


async def test_files_are_uploaded_into_a_thread(slack: StrictSlack, client: AsyncWebClient) -> None:
    root = await client.chat_postMessage(channel=QUANT, text="root")
    await client.files_upload_v2(
        channel=QUANT,
        thread_ts=root["ts"],
        initial_comment="Charts",
        file_uploads=[
            {"content": b"PNG1", "filename": "equity.png", "title": "Equity", "alt_txt": "Equity against hold"},
            {"content": b"PNG2", "filename": "search.png", "title": "Search"},
        ],
    )

    reply = (await slack.thread(QUANT, root["ts"]))[1]
    assert (reply.text, reply.subtype) == ("Charts", "file_share")
    assert [each["title"] for each in reply.files] == ["Equity", "Search"]
    assert reply.files[0]["alt_txt"] == "Equity against hold"
    assert [await slack.download(each) for each in reply.files] == [b"PNG1", b"PNG2"]


async def test_a_file_downloads_with_the_token_only(slack: StrictSlack) -> None:
    slack.workspace.tokens[BOT_TOKEN] = slack.bot_with("files:read")
    client = AsyncWebClient(token=BOT_TOKEN, base_url=slack.api_url)
    done = await client.files_upload_v2(content=b"bytes", filename="trials.csv")
    url = done["files"][0]["url_private"]

    async with aiohttp.ClientSession() as session:
        async with session.get(url) as refused:
            assert refused.status == 401
        async with session.get(url, headers={"Authorization": f"Bearer {BOT_TOKEN}"}) as given:
            assert await given.read() == b"bytes"


async def test_a_modal_opens_once_a_trigger_and_stacks_three_deep(slack: StrictSlack, client: AsyncWebClient) -> None:
    trigger = await slack.trigger_id(ALICE)
    opened = await client.views_open(trigger_id=trigger, view=MODAL)
    for _ in range(2):
        await client.views_push(trigger_id=await slack.trigger_id(ALICE), view=MODAL)
    assert len(await slack.modals(ALICE)) == 3

    with slack.ledger.expecting("exchanged_trigger_id", "push_limit_reached", "hash_conflict"):
        await refused(client.views_open(trigger_id=trigger, view=MODAL))
        await refused(client.views_push(trigger_id=await slack.trigger_id(ALICE), view=MODAL))
        await refused(client.views_update(view_id=opened["view"]["id"], hash="old", view=MODAL))


async def test_a_trigger_expires_after_three_seconds(slack: StrictSlack, client: AsyncWebClient) -> None:
    trigger = await slack.trigger_id(ALICE)
    slack.workspace.triggers[trigger].born -= 3.1

    with slack.ledger.expecting("expired_trigger_id"):
        await refused(client.views_open(trigger_id=trigger, view=MODAL))


async def test_the_home_tab_is_one_a_user(slack: StrictSlack, client: AsyncWebClient) -> None:
    home = {"type": "home", "blocks": MODAL["blocks"]}
    first = await client.views_publish(user_id=ALICE, view=home)
    second = await client.views_publish(user_id=ALICE, view=home)

    assert first["view"]["id"] == second["view"]["id"]
    assert (await slack.home(ALICE) or {})["blocks"][0]["text"]["text"] == "Hello"


async def test_a_direct_conversation_opens_by_user(slack: StrictSlack, client: AsyncWebClient) -> None:
    sent = await client.chat_postMessage(channel=ALICE, text="to you")

    assert sent["channel"].startswith("D")
    assert [each.text for each in await slack.messages(sent["channel"])] == ["to you"]


async def test_people_have_a_time_zone_and_a_locale(client: AsyncWebClient) -> None:
    kim = (await client.users_info(user="U0KIM3", include_locale=True))["user"]

    assert (kim["tz"], kim["locale"]) == ("Asia/Seoul", "ko-KR")
    assert "email" not in kim["profile"], "the address needs a scope of its own"


async def test_the_groups_members_are_told(client: AsyncWebClient) -> None:
    assert (await client.usergroups_users_list(usergroup="S0RUNNERS"))["users"] == [ALICE, "U0KIM3"]


async def test_the_scopes_come_with_every_answer(client: AsyncWebClient, bot_scopes: frozenset[str]) -> None:
    answer = await client.auth_test()

    assert answer["user_id"] == BOT_USER
    assert set(answer.headers["X-OAuth-Scopes"].split(",")) == bot_scopes


async def refused(call: Any) -> str:
    """The error code the client raises."""
    with pytest.raises(SlackApiError) as caught:
        await call
    return str(caught.value.response["error"])


WRONG: dict[str, tuple[str, dict[str, Any], str]] = {
    "unknown method": ("chat.shout", {"text": "x"}, "unknown_method"),
    "unknown channel": ("chat.postMessage", {"channel": "C9", "text": "x"}, "channel_not_found"),
    "a channel's name": ("chat.postMessage", {"channel": "quant", "text": "x"}, "channel_not_found"),
    "not a member": ("chat.postMessage", {"channel": "C0ELSE001", "text": "x"}, "not_in_channel"),
    "nothing to say": ("chat.postMessage", {"channel": QUANT}, "no_text"),
    "too long": ("chat.postMessage", {"channel": QUANT, "text": "x" * 4001}, "msg_too_long"),
    "bad blocks": (
        "chat.postMessage",
        {"channel": QUANT, "text": "x", "blocks": [{"type": "section"}]},
        "invalid_blocks",
    ),
    "51 blocks": (
        "chat.postMessage",
        {"channel": QUANT, "text": "x", "blocks": [{"type": "divider"}] * 51},
        "invalid_blocks",
    ),
    "a file nobody sent": (
        "chat.postMessage",
        {
            "channel": QUANT,
            "text": "x",
            "blocks": [{"type": "image", "alt_text": "a", "slack_file": {"id": "F9"}}],
        },
        "invalid_blocks",
    ),
    "unknown thread": ("chat.postMessage", {"channel": QUANT, "text": "x", "thread_ts": "1.0"}, "thread_not_found"),
    "broadcast of no thread": (
        "chat.postMessage",
        {"channel": QUANT, "text": "x", "reply_broadcast": True},
        "invalid_arguments",
    ),
    "metadata without type": (
        "chat.postMessage",
        {"channel": QUANT, "text": "x", "metadata": {"event_payload": {}}},
        "invalid_metadata_format",
    ),
    "metadata too large": (
        "chat.postMessage",
        {"channel": QUANT, "text": "x", "metadata": {"event_type": "e", "event_payload": {"k": "v" * 9000}}},
        "metadata_too_large",
    ),
    "another name": ("chat.postMessage", {"channel": QUANT, "text": "x", "username": "root"}, "missing_scope"),
    "no such message": ("chat.update", {"channel": QUANT, "ts": "1.0", "text": "x"}, "message_not_found"),
    "no such user": ("users.info", {"user": "U9"}, "user_not_found"),
    "stranger": ("chat.postEphemeral", {"channel": QUANT, "user": "U9", "text": "x"}, "user_not_found"),
    "no scope": ("team.info", {}, "missing_scope"),
    "no scope for reading": ("conversations.info", {"channel": QUANT}, "missing_scope"),
    "app-level method": ("apps.connections.open", {}, "not_allowed_token_type"),
    "bad trigger": ("views.open", {"trigger_id": "t", "view": MODAL}, "invalid_trigger_id"),
    "bad view": ("views.open", {"trigger_id": "t", "view": {"type": "modal", "blocks": []}}, "invalid_arguments"),
    "unknown group": ("usergroups.users.list", {"usergroup": "S9"}, "no_such_subteam"),
    "a file without bytes": ("files.completeUploadExternal", {"files": [{"id": "F9"}]}, "file_not_found"),
    "a file with a path": ("files.getUploadURLExternal", {"filename": "a/b", "length": 1}, "invalid_arguments"),
    "no such cursor": ("users.list", {"cursor": "x"}, "invalid_cursor"),
}


@pytest.mark.parametrize(("method", "arguments", "code"), WRONG.values(), ids=WRONG)
async def test_a_wrong_call_is_refused_and_recorded(
    method: str, arguments: dict[str, Any], code: str, bot_scopes: frozenset[str]
) -> None:
    async with StrictSlack(bot_scopes) as slack:
        client = AsyncWebClient(token=BOT_TOKEN, base_url=slack.api_url)
        assert await refused(client.api_call(method, json=arguments)) == code

    assert [each.code for each in slack.violations if each.code == code]
    with pytest.raises(AssertionError, match=code):
        slack.assert_no_violations()


PASSED_BY_SLACK: dict[str, tuple[dict[str, Any], str]] = {
    "blocks without text": ({"blocks": [{"type": "divider"}]}, "no_text_fallback"),
    "raw angle": ({"text": "AAPL < MSFT"}, "unescaped"),
    "raw ampersand in blocks": (
        {"text": "x", "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "S&P"}}]},
        "unescaped",
    ),
    "everyone": ({"text": "<!channel> done"}, "broadcast"),
    "nobody": ({"text": "<@U0NOBODY> done"}, "unknown_mention"),
    "hostile": ({"text": "no symbol <@U0BOB2>"}, "hostile_text"),
}


@pytest.mark.parametrize(("content", "code"), PASSED_BY_SLACK.values(), ids=PASSED_BY_SLACK)
async def test_what_slack_lets_pass_is_recorded_all_the_same(
    content: dict[str, Any], code: str, bot_scopes: frozenset[str]
) -> None:
    async with StrictSlack(bot_scopes) as slack:
        slack.strictness.hostile.append("<@U0BOB2>")
        client = AsyncWebClient(token=BOT_TOKEN, base_url=slack.api_url)
        assert (await client.api_call("chat.postMessage", json={"channel": QUANT, **content}))["ok"]

    assert [each.code for each in slack.violations] == [code]


async def test_the_wrong_length_of_an_upload_is_refused(bot_scopes: frozenset[str]) -> None:
    async with StrictSlack(bot_scopes) as slack, aiohttp.ClientSession() as session:
        client = AsyncWebClient(token=BOT_TOKEN, base_url=slack.api_url)
        promised = await client.files_getUploadURLExternal(filename="a.png", length=5)
        async with session.post(promised["upload_url"], data=b"four") as answer:
            assert answer.status == 400

    assert [each.code for each in slack.violations] == ["file_upload_size_mismatch"]


@pytest.mark.parametrize(("token", "code"), [("", "not_authed"), ("xoxb-other", "invalid_auth")])
async def test_a_wrong_token_is_refused(token: str, code: str, bot_scopes: frozenset[str]) -> None:
    async with StrictSlack(bot_scopes) as slack:
        assert await refused(AsyncWebClient(token=token, base_url=slack.api_url).auth_test()) == code

    assert [each.code for each in slack.violations] == [code]


async def test_only_its_own_messages_are_the_bots_to_edit(bot_scopes: frozenset[str]) -> None:
    async with StrictSlack(bot_scopes) as slack:
        client = AsyncWebClient(token=BOT_TOKEN, base_url=slack.api_url)
        said = await slack.say(ALICE, QUANT, "mine")
        assert await refused(client.chat_update(channel=QUANT, ts=said.ts, text="x")) == "cant_update_message"
        assert await refused(client.chat_delete(channel=QUANT, ts=said.ts)) == "cant_delete_message"


async def test_an_expected_error_that_never_comes_fails_the_test(slack: StrictSlack) -> None:
    with pytest.raises(AssertionError, match="expected"), slack.ledger.expecting("channel_not_found"):
        await AsyncWebClient(token=BOT_TOKEN, base_url=slack.api_url).auth_test()
