"""Roles by user and by group, the open default, and people as Slack knows them."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from slack_sdk.web.async_client import AsyncWebClient

from bot.access.people import People, Person
from bot.access.roster import Access, NotAllowed, Roster, require
from bot.role import Role
from bot.runtime.settings import Settings
from tests.refused import refused
from tests.slack.inspection import manifest_scopes
from tests.slack.strict import StrictSlack
from tests.slack.workspace import TEAM_ID, User


@pytest_asyncio.fixture
async def people() -> AsyncIterator[People]:
    """People of the strict Slack; alice and kim are in the group S0RUNNERS."""
    async with StrictSlack() as slack:
        yield People(AsyncWebClient(token=slack.bot_token, base_url=slack.api_url))
        slack.assert_no_violations()


def roster(**names: str) -> Roster:
    return Roster.of(Settings.model_validate({f"OPTIMIZE_BOT_{role.upper()}": ids for role, ids in names.items()}))


@pytest.mark.parametrize(
    ("user_id", "role"),
    [
        ("U0BOB2", Role.ADMIN),
        ("U0ALICE1", Role.RUNNER),
        ("U0KIM3", Role.APPROVER),
        ("U0NOBODY", Role.NOBODY),
    ],
)
async def test_the_greatest_role_that_names_someone_counts(people: People, user_id: str, role: Role) -> None:
    access = Access(roster(admins="U0BOB2", approvers="U0KIM3", runners="S0RUNNERS,U0BOB2"), people)

    assert await access.role_of(user_id) is role


async def test_everyone_is_a_runner_where_nobody_is_named_and_nobody_is_more(people: People) -> None:
    access = Access(roster(), people)

    assert roster().is_open
    assert not roster().has_admin
    assert await access.role_of("U0ALICE1") is Role.RUNNER


@pytest.mark.parametrize(
    ("names", "role"),
    [
        ({}, Role.NOBODY),
        ({"viewers": "*"}, Role.NOBODY),
        ({"runners": "U0GUEST"}, Role.RUNNER),
        ({"runners": "S0RUNNERS"}, Role.RUNNER),
    ],
)
async def test_somebody_of_another_workspace_is_nobody_unless_named(names: dict[str, str], role: Role) -> None:
    async with StrictSlack() as slack:
        slack.workspace.users["U0GUEST"] = User(id="U0GUEST", name="guest", team_id="T0OTHER01")
        slack.workspace.groups["S0RUNNERS"].add("U0GUEST")
        access = Access(roster(**names), People(AsyncWebClient(token=slack.bot_token, base_url=slack.api_url)))

        assert await access.role_of("U0GUEST", TEAM_ID) is role


async def test_the_workspace_of_the_request_counts_where_slack_does_not_answer_about_the_person() -> None:
    async with StrictSlack() as slack:
        access = Access(roster(), People(AsyncWebClient(token=slack.bot_token, base_url=slack.api_url)))
        slack.faults.fail_next("users.info", times=2, status=500)

        assert await access.role_of("U0ALICE1", TEAM_ID) is Role.RUNNER
        assert await access.role_of("U0KIM3", "T0OTHER01") is Role.NOBODY


async def test_naming_anyone_ends_the_open_default(people: People) -> None:
    access = Access(roster(admins="U0BOB2"), people)

    assert await access.role_of("U0ALICE1") is Role.NOBODY


async def test_a_star_names_everyone(people: People) -> None:
    assert await Access(roster(admins="U0BOB2", viewers="*"), people).role_of("U0ALICE1") is Role.VIEWER


async def test_a_group_slack_does_not_know_gives_nobody_a_role() -> None:
    async with StrictSlack(manifest_scopes() - {"usergroups:read"}) as slack:
        people = People(AsyncWebClient(token=slack.bot_token, base_url=slack.api_url))

        assert await Access(roster(runners="S0RUNNERS"), people).role_of("U0ALICE1") is Role.NOBODY


def test_a_refusal_names_the_setting_and_the_askers_id() -> None:
    require(Role.APPROVER, needs=Role.RUNNER, what="start", user_id="U0ALICE1")

    with refused(NotAllowed, match=r"OPTIMIZE_BOT_APPROVERS.*U0ALICE1"):
        require(Role.RUNNER, needs=Role.APPROVER, what="adopt", user_id="U0ALICE1")


async def test_people_have_the_language_and_zone_slack_knows(people: People) -> None:
    kim = Person(language="ko", time_zone="Asia/Seoul", name="kim", team_id=TEAM_ID)
    assert await people.person("U0KIM3") == kim
    alice = Person(language="en", time_zone="America/New_York", name="alice", team_id=TEAM_ID)
    assert await people.person("U0ALICE1") == alice


async def test_people_are_asked_about_once() -> None:
    async with StrictSlack() as slack:
        people = People(AsyncWebClient(token=slack.bot_token, base_url=slack.api_url))
        for _ in range(3):
            await people.person("U0KIM3")
            await people.members("S0RUNNERS")

        assert [call.method for call in slack.ledger.calls] == ["users.info", "usergroups.users.list"]


async def test_someone_slack_does_not_know_has_neither_language_nor_zone() -> None:
    async with StrictSlack() as slack:
        people = People(AsyncWebClient(token=slack.bot_token, base_url=slack.api_url))

        assert await people.person("U0STRANGER") == Person()
