"""Who may see what: the rule over stored studies, the audiences of people, and Slack's word on channels."""

import ast
import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
import pytest_asyncio
from slack_sdk.web.async_client import AsyncWebClient

from bot.access.people import Channel, People
from bot.access.viewers import Viewers
from bot.api.api_keys import NotAChannel, add_key, grant_channel
from bot.documents.audiences import (
    REQUESTER,
    Viewer,
    channel_audience,
    may_see,
    readers_of,
    seen_by,
    store_missing_audiences,
)
from bot.documents.current_workspace import in_workspace
from bot.documents.recurring import Schedule
from bot.role import Role
from optimizer.domain.study_request import StudySpec
from optimizer.storage.documents import WORKSPACE, OptimizationStudy, WindowRecord
from optimizer.storage.driver import collection_of
from tests.refused import refused
from tests.slack.inspection import manifest_scopes
from tests.slack.scopes import Kind
from tests.slack.strict import BOT_USER, StrictSlack
from tests.slack.workspace import Channel as SlackChannel
from tests.source_tree import modules, name_of, tree_of

NOW = datetime(2026, 11, 29, tzinfo=UTC)
VAULT = "G0VAULT01"  # private: alice and the bot
LOCAL = "local-user"


@pytest_asyncio.fixture
async def slack() -> AsyncIterator[StrictSlack]:
    """A workspace with a private channel."""
    async with StrictSlack() as slack:
        members = {"U0ALICE1", BOT_USER}
        slack.workspace.channels[VAULT] = SlackChannel(id=VAULT, name="vault", kind=Kind.GROUPS, members=members)
        yield slack


@pytest.fixture
def people(slack: StrictSlack) -> People:
    return people_of(slack)


def people_of(slack: StrictSlack, **seconds: float) -> People:
    return People(AsyncWebClient(token=slack.bot_token, base_url=slack.api_url), **seconds)


def study(study_name: str, **fields: Any) -> OptimizationStudy:
    day = NOW.date()
    facts = {
        "study_name": study_name, "spec": StudySpec(symbol="IBM", strategy_name="rsi"), "symbol": "IBM",
        "strategy_name": "rsi", "search_space": {}, "space_size": 1, "n_trials": 1, "direction": "maximize",
        "objective": "sharpe", "sampler": "tpe", "seed": 7, "data_hash": "ab", "source": "sample", "n_bars": 1,
        "window": WindowRecord(start=0, holdout_start=1, stop=1, start_date=day, holdout_date=None, end_date=day),
        "code_version": "1", "created_at": NOW, "created_by": "U0ALICE1",
    }  # fmt: skip
    return OptimizationStudy.model_validate(facts | fields)


#: Each kind of study by its audience, all requested by alice.
KINDS = {"open": WORKSPACE, "quiet": REQUESTER, "vault": channel_audience(VAULT), "desk": channel_audience("G0DESK001")}
#: People with their roles, and the kinds they may see. bob and kim are in the desk channel as alice is.
SEEN = [
    ("U0ALICE1", Role.VIEWER, {"open", "quiet", "vault", "desk"}),
    ("U0KIM3", Role.RUNNER, {"open", "desk"}),
    ("U0BOB2", Role.APPROVER, {"open", "quiet", "desk"}),
    ("U0NOBODY", Role.VIEWER, {"open"}),
    ("U0NOBODY", Role.ADMIN, {"open", "quiet"}),
    ("key:ci", Role.VIEWER, {"open"}),
    ("key:ci", Role.APPROVER, {"open", "quiet"}),
    ("key:desk", Role.RUNNER, {"open", "desk"}),
    (LOCAL, Role.ADMIN, {"open", "quiet", "vault", "desk"}),
    ("", Role.VIEWER, {"open"}),
]


@pytest.mark.usefixtures("documents")
async def test_rule_and_query_agree_for_every_kind_of_study_and_person(people: People) -> None:
    viewers = Viewers(people, local_user=LOCAL)
    stored = [await study(f"opt-{n:04x}", name=kind, audience=KINDS[kind]).insert() for n, kind in enumerate(KINDS)]
    for name in ("ci", "desk"):
        await add_key(name, Role.VIEWER, created_by="tests", now=NOW)
    await grant_channel("desk", "G0DESK001")

    for user_id, role, kinds in SEEN:
        viewer = await viewers.viewer(user_id, role)
        found = await OptimizationStudy.find(dict(seen_by(viewer))).to_list()
        assert {each.name for each in found} == kinds, (user_id, role)
        assert {each.name for each in stored if may_see(viewer, each)} == kinds, (user_id, role)


@pytest.mark.parametrize(
    ("channel", "audience"),
    [
        ("C0QUANT01", WORKSPACE),
        ("C0ELSE001", WORKSPACE),  # public, and the bot is not in it
        ("G0DESK001", channel_audience("G0DESK001")),
        ("C0NOBODY1", channel_audience("C0NOBODY1")),  # private and closed to the bot, for all it knows
        ("D0ANYONE1", REQUESTER),
        ("", WORKSPACE),
    ],
)
async def test_the_audience_is_that_of_the_place_of_the_request(people: People, channel: str, audience: str) -> None:
    assert await Viewers(people).audience_in(channel) == audience


@pytest.mark.parametrize("scope", ["channels:read", "groups:read"])
async def test_without_the_scope_a_channel_counts_as_private_and_nobody_as_its_member(scope: str) -> None:
    async with StrictSlack(manifest_scopes() - {scope}) as slack:
        channel = "C0QUANT01" if scope == "channels:read" else "G0DESK001"

        assert await people_of(slack).channel(channel) == Channel()


def test_nobody_sees_beyond_their_workspace() -> None:
    own = SimpleNamespace(audience="workspace", created_by="U0ALICE1", team="T0OTHER")
    for team in ("", "T0THIRD"):
        with in_workspace(team):
            assert not may_see(readers_of(VAULT), own)
            assert not may_see(Viewer(user_id="U0ALICE1", team=team), own)
            assert seen_by(readers_of(VAULT))["team"] == (team or {"$in": ["", None]})
    with in_workspace("T0OTHER"):
        assert may_see(readers_of(VAULT), own)
        assert channel_audience(VAULT) != f"channel:{VAULT}", "a channel that is shared has an audience in each"


def test_what_is_posted_in_a_channel_is_for_the_workspace_or_that_channel() -> None:
    stored = {kind: SimpleNamespace(audience=audience, created_by="", team="") for kind, audience in KINDS.items()}

    assert {kind for kind in stored if may_see(readers_of(VAULT), stored[kind])} == {"open", "vault"}


async def test_members_are_asked_once_in_a_while_and_one_who_left_sees_no_more(slack: StrictSlack) -> None:
    people = people_of(slack, keep_members=0.2)
    assert (
        await people.channel(VAULT) == await people.channel(VAULT) == Channel(members=frozenset({"U0ALICE1", BOT_USER}))
    )
    assert [call.method for call in slack.ledger.calls] == ["conversations.info", "conversations.members"]

    slack.workspace.channels[VAULT].members.discard("U0ALICE1")
    await asyncio.sleep(0.25)

    assert await people.channel(VAULT) == Channel(members=frozenset({BOT_USER}))


async def test_members_are_the_last_known_while_slack_is_away_and_after_a_while_nobody(slack: StrictSlack) -> None:
    short, long = people_of(slack, keep_members=0.0, longest_members=0.0), people_of(slack, keep_members=0.0)
    known = [await short.channel(VAULT), await long.channel(VAULT)]
    await asyncio.sleep(0.01)
    with slack.faults.outage("conversations.*"):
        assert await long.channel(VAULT) == known[1]
        assert await short.channel(VAULT) == Channel()


async def test_every_page_of_members_is_read(slack: StrictSlack) -> None:
    many = {f"U0MANY{n:04d}" for n in range(1200)}
    slack.workspace.channels[VAULT].members |= many

    assert (await people_of(slack).channel(VAULT)).members >= many


#: Rooms that are doors, and what they read studies with.
DOORS = ("bot/commands", "bot/api", "bot/pages", "bot/slack")
READS = ("find", "get_study_results", "list_studies", "open_studies", "leaderboard", "page_of_studies")


def test_no_door_reads_studies_without_the_rule() -> None:
    """A study is read with `among`, the query of who looks."""
    calls = [
        (name_of(path), ast.unparse(call))
        for path in modules()
        if name_of(path).startswith(DOORS)
        for call in ast.walk(tree_of(path))
        if isinstance(call, ast.Call) and _reads_studies(call)
    ]

    assert len(calls) > 12
    assert not [call for call in calls if "among=" not in call[1]]


def _reads_studies(call: ast.Call) -> bool:
    owner, _, method = ast.unparse(call.func).rpartition(".")
    return method in READS and (
        method == "page_of_studies" or owner.rpartition(".")[2].strip("_") in ("studies", "service")
    )


@pytest.mark.usefixtures("documents")
async def test_a_word_that_is_no_channel_is_granted_to_no_key() -> None:
    await add_key("ci", Role.RUNNER, created_by="tests", now=NOW)

    with refused(NotAChannel, match="C012AB3CD"):
        await grant_channel("ci", "#desk")


@pytest.mark.usefixtures("documents")
async def test_what_earlier_versions_stored_is_the_workspaces_unless_the_channel_tells_otherwise() -> None:
    origins = {
        "public": {"channel_id": "C0QUANT01"}, "direct": {"channel_id": "D0HOME001"}, "group": {"channel_id": VAULT},
        "terminal": {"door": "terminal"}, "scheduled": {"schedule": "sch-1a"}, "program": {},
    }  # fmt: skip
    for number, (name, origin) in enumerate(origins.items()):
        await study(f"opt-{number:04x}", name=name, origin=origin).insert()
    schedule = Schedule(
        schedule_name="sch-1a", spec=StudySpec(symbol="IBM", strategy_name="rsi"), when={}, time_zone="UTC",
        next_due=NOW, created_by="U0ALICE1", channel_id="D0HOME001", language="en", created_at=NOW,
    )  # fmt: skip
    await schedule.insert()
    for kind in (OptimizationStudy, Schedule):
        await collection_of(kind).update_many({}, {"$unset": {"audience": ""}})

    await store_missing_audiences()
    await store_missing_audiences()

    assert {each.name: each.audience for each in await OptimizationStudy.find_all().to_list()} == {
        "public": WORKSPACE, "direct": REQUESTER, "group": channel_audience(VAULT),
        "terminal": WORKSPACE, "scheduled": REQUESTER, "program": WORKSPACE,
    }  # fmt: skip
