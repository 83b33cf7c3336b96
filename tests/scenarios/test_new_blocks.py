"""Slack of 2026 and before: tables, charts, links to studies, and the bot opened as an agent."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from bot.grammar.parsing import parse
from tests.scenarios.conftest import Stage, charts_in, live_providers, opened, settings_for
from tests.slack.strict import StrictSlack
from tests.slack.workspace import Message

PAGES = "https://optimizer.example.com"
VAULT = "G0VAULT07"  # private: alice and the bot

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.server,
    pytest.mark.usefixtures("other_bots_keep_theirs"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def older(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """A bot whose pages everyone reaches, in a workspace that does not know the blocks of 2026 at first."""
    home = tmp_path_factory.mktemp("older")
    async with StrictSlack() as slack:
        slack.workspace.knows_new_blocks = False
        settings = settings_for(home, slack, PUBLIC_URL=PAGES)
        async with opened(slack, settings, providers=live_providers(home)) as stage:
            yield stage
        slack.assert_no_violations()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def first(older: Stage) -> tuple[str, list[Message]]:
    """The first study of the older workspace, and all that was said of it."""
    return await finish(older, "AAPL RSI 20 seed=71")


async def finish(stage: Stage, text: str) -> tuple[str, list[Message]]:
    """Run a study until its charts are posted, and ask for its details; returns its name and its thread."""
    name, root = await stage.start(text)
    await stage.detailed(await stage.verdict(root))

    async def look() -> list[Message] | None:
        replies = (await stage.slack.thread(root.channel, root.ts))[1:]
        return replies if len(charts_in(replies)) == 2 else None

    return name, await stage.slack.eventually(look, seconds=300, what=f"two charts of {name}")


def kinds(messages: list[Message]) -> set[str]:
    return {block["type"] for message in messages for block in message.blocks}


def refusals(stage: Stage) -> int:
    calls = [*stage.slack.ledger.of("chat.postMessage"), *stage.slack.ledger.of("chat.update")]
    return sum(call.answer.get("error") == "invalid_blocks" for call in calls)


def tables(answer: dict[str, Any]) -> list[str]:
    return [block["type"] for block in answer["blocks"] if "table" in block["type"]]


async def ask(stage: Stage, text: str, *, user: str = "alice") -> dict[str, Any]:
    """Type a command; returns what is told."""
    return await stage.told(await stage.act.command(text, user=user))


async def test_an_older_workspace_gets_pictures_and_plain_tables(
    older: Stage, first: tuple[str, list[Message]]
) -> None:
    name, replies = first

    assert charts_in(replies) == ["Growth and drawdown", "The search, trial by trial"]
    assert [len(message.files) for message in replies if message.files] == [1, 1]
    assert "table" in kinds(replies)
    assert not {"data_table", "data_visualization"} & kinds(replies)
    assert tables(await ask(older, "list mine")) == ["table"]
    listed = str(await ask(older, "list mine"))
    assert name in listed
    said = [message.text or message.files[0]["title"] for message in replies]
    assert len(set(said)) == len(said), "something was posted twice"


async def test_it_is_asked_once(older: Stage, first: tuple[str, list[Message]]) -> None:
    await finish(older, "AAPL RSI 20 seed=72 folds=0")

    assert refusals(older) == 1


async def test_a_study_is_shown_under_a_link_to_its_page(older: Stage, first: tuple[str, list[Message]]) -> None:
    name, _ = first

    said, _ = await older.act.share(f"{PAGES}/studies/{name}?from=mail")
    await older.slack.eventually(lambda: _unfurled(said), what="the study under its link")

    (shown,) = said.unfurls.values()
    assert name in str(shown)
    assert "AAPL RSI" in str(shown)
    assert "in sample" not in str(shown)


async def test_a_link_is_shown_while_its_message_is_being_written(
    older: Stage, first: tuple[str, list[Message]]
) -> None:
    page = f"{PAGES}/studies/{first[0]}"
    written = {"channel": "COMPOSER", "message_ts": "9d0e6c1a-0b1f", "unfurl_id": "U9d0e6c1a", "source": "composer"}
    event = {**written, "user": await older.slack.user_id("alice"), "links": [{"url": page, "domain": "example.com"}]}

    def shown() -> list[Any]:
        return [call.args for call in older.slack.ledger.of("chat.unfurl") if call.args.get("unfurl_id")]

    await older.act.event("link_shared", event)
    await older.slack.ledger.until(lambda: bool(shown()), what="the study in the message field")

    (asked,) = shown()
    assert (asked["unfurl_id"], asked["source"], asked.get("channel")) == ("U9d0e6c1a", "composer", None)
    assert first[0] in str(asked["unfurls"])


async def _unfurled(said: Message) -> bool | None:
    return bool(said.unfurls) or None


async def test_a_private_study_is_not_shown_where_others_read(older: Stage) -> None:
    name = await older.study_of(await older.act.command("AAPL RSI 15 folds=0 seed=73 private"))
    page = f"{PAGES}/studies/{name}"
    is_sent = len(older.slack.ledger.of("chat.unfurl"))

    # Kim may not see it; Alice may, and the channel would read it.
    for user in ("kim", "alice"):
        said, delivery = await older.act.share(page, user=user)
        assert delivery.status == 200
        await _quiet(older)
        assert said.unfurls == {}
    assert len(older.slack.ledger.of("chat.unfurl")) == is_sent


@pytest.mark.parametrize(
    "page",
    [
        f"{PAGES}/studies/opt-0000",
        f"{PAGES}/studies",
        f"{PAGES}/plans/opt-0000",
        "https://elsewhere.example.com/studies/{name}",
        "https://optimizer.example.com:444/studies/{name}",
        "http://optimizer.example.com/studies/{name}",
        "https://optimizer.example.com@elsewhere.example.com/studies/{name}",
        PAGES + "/studies/../studies/{name}",
    ],
)
async def test_other_addresses_stay_links(older: Stage, first: tuple[str, list[Message]], page: str) -> None:
    said, delivery = await older.act.share(page.format(name=first[0]))

    assert delivery.status == 200
    await _quiet(older)
    assert said.unfurls == {}


async def _quiet(stage: Stage) -> None:
    """Wait until whatever was asked for is answered: an answer in the same channel comes after it."""
    await ask(stage, "whoami")


async def test_prompts_are_suggested_in_the_persons_language(older: Stage) -> None:
    for user, title in (("alice", "Try one of these"), ("kim", "이렇게 시작해 보세요")):
        direct = older.slack.workspace.direct({await older.slack.user_id(user), older.slack.bot_user}).id
        await older.act.open_messages(user=user, channel=direct)

        async def look(direct: str = direct) -> dict[str, Any] | None:
            return older.slack.workspace.prompts.get(direct)

        asked = await older.slack.eventually(look, what=f"prompts for {user}")
        assert asked["title"] == title
        assert "thread_ts" not in asked
        assert len(asked["prompts"]) == 4
        assert all(parse(prompt["message"]) for prompt in asked["prompts"])


async def test_an_assistant_of_before_gets_them_in_its_thread(older: Stage) -> None:
    kim = await older.slack.user_id("kim")
    direct = older.slack.workspace.direct({kim, older.slack.bot_user}).id
    older.slack.workspace.prompts.pop(direct, None)
    started = older.slack.workspace.say(kim, direct, "New chat")

    thread = {"user_id": kim, "channel_id": direct, "thread_ts": started.ts, "context": {}}
    await older.act.event("assistant_thread_started", {"assistant_thread": thread})

    async def look() -> dict[str, Any] | None:
        return older.slack.workspace.prompts.get(direct)

    assert (await older.slack.eventually(look, what="prompts"))["thread_ts"] == started.ts


async def test_an_admin_lets_a_workspace_that_has_learnt_them_try_again(older: Stage) -> None:
    older.slack.workspace.knows_new_blocks = True
    assert "`blocks` is *old*" in str(await ask(older, "config", user="bob"))
    assert "`blocks` is *ask*" in str(await ask(older, "config blocks ask", user="bob"))

    _, replies = await finish(older, "AAPL RSI 20 seed=74")

    assert charts_in(replies) == ["AAPL RSI · growth of 1", "The search, trial by trial"]
    assert {"data_table", "data_visualization"} <= kinds(replies)
    assert "table" not in kinds(replies)
    for verb in ("list mine", "top AAPL all"):
        assert tables(await ask(older, verb)) == ["data_table"], verb
    await ask(older, "schedule AAPL RSI 12 folds=0 weekly mon 07:00 tz=UTC")
    assert tables(await ask(older, "schedules")) == ["data_table"]
    assert "`blocks` is *new*" in str(await ask(older, "config", user="bob"))
    assert refusals(older) == 1
