"""One bot in two workspaces: installed by the real pages of OAuth, each for itself, and one removes it again.

People and channels have the same ids in both, which makes the most of any mistake.
"""

import base64
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from bson import encode

from tests.bot_process import BotProcess, bot_process, mongo_client
from tests.scenarios.conftest import study_in
from tests.slack.driver import Driver
from tests.slack.grid import CLIENT_ID, CLIENT_SECRET, Grid
from tests.slack.strict import StrictSlack
from tests.slack.wire import HttpWire
from tests.slack.workspace import Message

pytestmark = [pytest.mark.server, pytest.mark.asyncio(loop_scope="module")]

ONE, TWO = "T0TEAM001", "T0TEAM002"


def new_key() -> str:
    """A key that encrypts tokens."""
    return base64.urlsafe_b64encode(os.urandom(32)).decode()


KEY = new_key()


@dataclass(frozen=True, kw_only=True)
class Desk:
    """One of the workspaces, and the people there."""

    slack: StrictSlack
    act: Driver
    bot: BotProcess

    async def install(self, grid: Grid, *, with_cookie: bool = True) -> tuple[int, str]:
        """Let the bot in as a browser does; returns the last status, and where it leads or what it says."""
        team = self.slack.workspace.team_id
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as browser:
            first = await browser.get(f"{self.bot.origin}/slack/install?team={team}", allow_redirects=False)
            assert first.status == 302, await first.text()
            consent = await browser.get(first.headers["Location"], allow_redirects=False)
            assert consent.status == 302, await consent.text()
            # The cookie is for TLS alone, which a browser in front of a proxy speaks and this test does not.
            cookie = first.headers["Set-Cookie"].partition(";")[0] if with_cookie else ""
            back = consent.headers["Location"]
            last = await browser.get(back, headers={"Cookie": cookie}, allow_redirects=False)
            return last.status, last.headers.get("Location") or await last.text()

    async def said(self, text: str) -> str:
        """Type a command; returns what is said in the end."""
        delivery = await self.act.command(text)
        assert delivery.status == 200, delivery
        assert delivery.response_url is not None
        replies = delivery.response_url.replies

        async def look() -> str | None:
            late = [str(reply.body) for reply in replies]
            words = [each for each in (str(delivery.answer), *late) if "blocks" in each and "Working" not in each]
            return words[-1] if words else None

        return await self.slack.eventually(look, seconds=120, what=f"the answer to {text}")

    async def result(self, study: str) -> list[Message]:
        """The thread of a study, once its result is there."""
        channel = await self.slack.channel_id()

        async def look() -> list[Message] | None:
            roots = [m for m in await self.slack.messages(channel) if study in str(m.blocks)]
            thread = await self.slack.thread(channel, roots[0].ts) if roots else []
            return thread if len(thread) > 2 else None

        return await self.slack.eventually(look, seconds=300, what=f"the result of {study}")

    async def adopt(self, thread: list[Message]) -> None:
        """Make a result's winner the champion, and wait until that is posted."""
        channel = await self.slack.channel_id()
        await self.act.click(next(m for m in thread if "study_adopt" in str(m.blocks)), "study_adopt")

        async def offered() -> Message | None:
            shown = await self.slack.private(await self.slack.user_id("alice"))
            return next((message for message in reversed(shown) if "study_adopt" in str(message.blocks)), None)

        # A choice of the menu asks first.
        await self.act.click(await self.slack.eventually(offered, what="the proposal"), "study_adopt")

        async def look() -> bool | None:
            return any("the champion of" in m.text for m in await self.slack.messages(channel)) or None

        await self.slack.eventually(look, what="the new champion")


@dataclass(frozen=True, kw_only=True)
class Two:
    """Both workspaces and their bot."""

    grid: Grid
    bot: BotProcess
    one: Desk
    two: Desk

    def documents(self, collection: str) -> list[dict[str, Any]]:
        """All documents of a collection."""
        with mongo_client(self.bot.home) as client:
            return list(client.get_database("optimize_bot")[collection].find())

    def dump(self) -> bytes:
        """Everything that MongoDB holds."""
        with mongo_client(self.bot.home) as client:
            found = [
                encode(document)
                for name in client.list_database_names()
                if name not in ("admin", "local", "config")
                for collection in client[name].list_collection_names()
                for document in client[name][collection].find()
            ]
        return b"".join(found)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def two(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Two]:
    """A bot without a token of its own, and two workspaces that could install it."""
    home = tmp_path_factory.mktemp("home")
    async with (
        StrictSlack(team_id=ONE) as first,
        StrictSlack(team_id=TWO) as second,
        Grid(first, second) as grid,
        bot_process(home, first, log=home / "log", **settings_of(grid)) as bot,
        HttpWire(bot.url) as wire,
    ):
        grid.redirect_uri = f"{bot.origin}/slack/oauth_redirect"
        desks = [
            Desk(slack=slack, act=Driver(slack, wire, team_id=team), bot=bot)
            for slack, team in ((first, ONE), (second, TWO))
        ]
        yield Two(grid=grid, bot=bot, one=desks[0], two=desks[1])


def settings_of(grid: Grid, key: str = KEY) -> dict[str, str]:
    """What makes a bot one of several workspaces."""
    return {
        "SLACK_API_URL": grid.api_url,
        "SLACK_BOT_TOKEN": "",
        "SLACK_CLIENT_ID": CLIENT_ID,
        "SLACK_CLIENT_SECRET": CLIENT_SECRET,
        "OPTIMIZE_BOT_TOKEN_KEY": key,
        "OPTIMIZE_BOT_ADMINS": "*",
    }


async def test_a_bot_that_nobody_installed_is_ready_and_answers_nobody(two: Two) -> None:
    assert await two.bot.until_ready() == {"status": "ready", "wrong": {}}

    two.one.slack.ledger.tolerate("no_response_type")  # of Bolt's own answer
    delivery = await two.one.act.command("help")

    assert delivery.status == 200
    assert "not installed the app" in two.one.slack.ledger.of("response_url")[-1].args["body"]


async def test_installing_needs_the_browser_that_began_it(two: Two) -> None:
    status, words = await two.one.install(two.grid, with_cookie=False)

    assert (status, "Nothing was installed" in words) == (400, True)
    assert not two.documents("slack_installations")


async def test_each_workspace_installs_it_and_gets_its_own_results(two: Two) -> None:
    for desk in (two.one, two.two):
        status, leads_to = await desk.install(two.grid)
        assert status == 302
        assert f"team={desk.slack.workspace.team_id}" in leads_to

    first = study_in(await two.one.said("AAPL RSI 20 seed=1 folds=0"))
    second = study_in(await two.two.said("MSFT RSI 20 seed=2 folds=0"))
    assert first
    assert second
    await two.one.adopt(await two.one.result(first))
    await two.two.adopt(await two.two.result(second))

    for desk, own, other in ((two.one, first, second), (two.two, second, first)):
        assert all(other not in str(message.blocks) for message in desk.slack.workspace.messages.values())
        listed = await desk.said("list")
        assert own in listed
        assert other not in listed
        assert "no study" in (await desk.said(f"show {other}")).lower()
        champions, audited = await desk.said("champions"), await desk.said("audit")
        assert own in champions
        assert other not in champions
        assert f"show {other}" in audited, "what they typed themselves"
        assert f"show {own}" not in audited, "what the others typed"
        desk.slack.assert_no_violations()


async def test_no_token_is_in_the_database_and_none_in_the_log(two: Two) -> None:
    tokens = [token for team in (ONE, TWO) for token in two.grid.tokens(team)]
    assert len(tokens) >= 2
    dump, log = two.dump(), (two.bot.home / "log").read_bytes()

    assert b"sealed_token" in dump
    for secret in (*tokens, CLIENT_SECRET, KEY):
        assert secret.encode() not in dump
        assert secret.encode() not in log


async def test_a_state_is_good_for_one_installation(two: Two) -> None:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as browser:
        first = await browser.get(f"{two.bot.origin}/slack/install?team={ONE}", allow_redirects=False)
        cookie = first.headers["Set-Cookie"].partition(";")[0]
        state = cookie.partition("=")[2]
        address = f"{two.bot.origin}/slack/oauth_redirect?state={state}&code=made-up"
        ends = [await browser.get(address, headers={"Cookie": cookie}, allow_redirects=False) for _ in range(2)]

        assert ["invalid_code" in await ends[0].text(), "invalid_state" in await ends[1].text()] == [True, True]
    assert len(two.documents("slack_oauth_states")) == 1  # that of the browser without its cookie


async def test_a_restart_knows_both_and_another_key_is_put_in_front(two: Two) -> None:
    before = {each["team_id"]: each["sealed_token"] for each in two.documents("slack_installations")}
    two.bot.stop()
    two.bot.environment["OPTIMIZE_BOT_TOKEN_KEY"] = f"{new_key()},{KEY}"
    await two.bot.start()
    await two.bot.until_ready()

    for desk in (two.one, two.two):
        assert "opt-" in await desk.said("list")
    after = {each["team_id"]: each["sealed_token"] for each in two.documents("slack_installations")}
    assert before.keys() == after.keys()
    assert all(before[team] != after[team] for team in before)


async def test_a_retired_token_waits_and_the_other_workspace_goes_on(two: Two) -> None:
    two.grid.revoke(TWO)
    waiting = study_in(await two.two.said("IBM RSI 20 seed=3 folds=0"))
    other = study_in(await two.one.said("IBM RSI 20 seed=4 folds=0"))
    assert waiting
    assert other
    await two.one.result(other)

    assert not [m for m in two.two.slack.workspace.messages.values() if waiting in str(m.blocks)]
    assert await two.bot.until_ready() == {"status": "ready", "wrong": {}}
    status, _ = await two.two.install(two.grid)  # again: the new token is used from here on
    assert status == 302
    await two.two.result(waiting)


async def test_a_workspace_that_removes_the_app_is_told_nothing_more(two: Two) -> None:
    await two.two.said("GOOG RSI 10000 seed=5 years=5")
    two.grid.revoke(TWO)
    assert (await two.two.act.event("app_uninstalled", {})).status == 200

    async def gone() -> bool | None:
        return [each["team_id"] for each in two.documents("slack_installations")] == [ONE] or None

    await two.two.slack.eventually(gone, what="the installation deleted")
    n_calls = len(two.two.slack.ledger.calls)
    study = study_in(await two.one.said("GOOG RSI 20 seed=6 folds=0"))
    assert study
    await two.one.result(study)

    stopped = [each["status"] for each in two.documents("optimization_studies") if each["spec"]["seed"] == 5]
    assert stopped in (["cancelled"], ["running"])
    delivery = await two.two.act.command("list")
    assert delivery.status == 200
    assert "not installed the app" in two.two.slack.ledger.of("response_url")[-1].args["body"]
    assert [call.method for call in two.two.slack.ledger.calls[n_calls:]] == ["response_url"]
    assert not [e for e in two.documents("slack_outbox") if e["team"] == TWO and e["sending"] in ("waiting", "sending")]


async def test_a_wrong_key_is_a_sentence_and_no_start(two: Two, tmp_path: Path) -> None:
    two.bot.stop()
    two.bot.environment["OPTIMIZE_BOT_TOKEN_KEY"] = new_key()
    two.bot.log = tmp_path / "log"
    two.bot.launch()
    assert two.bot.process is not None
    code = two.bot.process.wait(timeout=120)

    words = two.bot.log.read_text()
    assert code != 0
    assert "No key in OPTIMIZE_BOT_TOKEN_KEY opens the stored token of the workspace Desk T0TEAM001." in words
    assert "Traceback" not in words
