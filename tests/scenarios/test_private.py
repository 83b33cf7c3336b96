"""Private is private: every door, every kind of study, every kind of person."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from datetime import timedelta

import aiohttp
import pytest
import pytest_asyncio

from bot.access.sign_in import SignIn
from bot.access.viewers import NotForThisChannel
from bot.api.api_keys import grant_channel
from bot.commands.button_commands import Share
from bot.context import Answer
from bot.documents.conversations import OutboxEntry
from bot.grammar.commands import Command
from bot.pages.dashboard_numbers import number_of
from bot.role import Role
from bot.schedules.forecast_scoring import keep_of_study, scores_of
from bot.slack import buttons
from bot.slack.dispatcher import CommandRequest, Dispatcher
from bot.slack.home_tab import Home
from optimizer.clock import utc_now
from optimizer.domain.kept_forecasts import Realised
from optimizer.domain.results.forecast_results import ForecastMeasure
from optimizer.market.warehouse.forecast_history import due_forecasts, store_scores
from optimizer.storage.documents import OptimizationStudy
from optimizer.storage.driver import collection_of
from optimizer.studies.finding import UnknownStudy
from optimizer.studies.service import AlreadyFinished
from reports import actions
from tests.reports.forecasts import forecast
from tests.scenarios.conftest import Stage, rank_again, serving, study_in
from tests.scenarios.test_api import START, Program, program_of
from tests.scenarios.test_data_of_an_older_version import stored_in
from tests.scenarios.test_pages import Browser
from tests.slack.scopes import Kind
from tests.slack.strict import BOT_USER
from tests.slack.workspace import Channel, User

pytestmark = pytest.mark.asyncio(loop_scope="session")

QUANT = "C0QUANT01"
VAULT = "G0VAULT09"  # private: alice, kim and the bot
UNKNOWN = ("There is no study", "탐색을 찾을 수 없습니다")
STRATEGY = "rsi"
#: What people see of alice's studies and of the one of a program. anna is an approver, vera a viewer.
PEOPLE = {
    "alice": {"open", "vault", "direct", "private", "program"},
    "kim": {"open", "vault", "program"},
    "anna": {"open", "direct", "private", "program"},
    "vera": {"open", "program"},
}
#: What programs see, by the name of their key here.
KEYS = {
    "viewer": {"open", "program"},
    "approver": {"open", "direct", "private", "program"},
    "granted": {"open", "vault", "program"},
    "owner": {"open", "program"},
}
#: Symbols by the kind of their finished study, so that `best` has one to show; FB has too few bars to start with.
SYMBOLS = {"open": "AAPL", "vault": "FB", "direct": "GOOG", "private": "IBM", "program": "MSFT"}
#: What a study of the tests keeps of its own when it gets the result of a stored one.
OWN = ("_id", "study_name", "symbol", "created_by", "created_at", "origin", "audience", "request_key", "name", "notes")


@dataclass
class House:
    """The studies by kind, and all who look at them."""

    stage: Stage
    studies: dict[str, str]
    browsers: dict[str, Browser]
    programs: dict[str, Program]
    direct: str  # alice's conversation with the bot

    def shown(self, text: str) -> set[str]:
        """The kinds of study that a text names."""
        return {kind for kind, name in self.studies.items() if name in text}

    async def found(self, look: Callable[[str], Awaitable[bool]]) -> set[str]:
        """The kinds whose study is found by its name."""
        return {kind for kind, name in self.studies.items() if await look(name)}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def house(shared: Stage) -> AsyncIterator[House]:
    """One finished study of each kind."""
    workspace = (await serving(shared)).slack.workspace
    for user_id, name in (("U0ANNA4", "anna"), ("U0VERA5", "vera")):
        workspace.users[user_id] = User(id=user_id, name=name)
        workspace.channels["C0QUANT01"].members.add(user_id)
    members = {"U0ALICE1", "U0KIM3", BOT_USER}
    workspace.channels[VAULT] = Channel(id=VAULT, name="vault", kind=Kind.GROUPS, members=members)
    direct = workspace.direct(["U0ALICE1", BOT_USER]).id
    async with AsyncExitStack() as stack:
        programs = {
            name: await stack.enter_async_context(program_of(shared, role))
            for name, role in (
                ("viewer", Role.VIEWER), ("approver", Role.APPROVER), ("granted", Role.RUNNER), ("owner", Role.RUNNER),
            )
        }  # fmt: skip
        await grant_channel(programs["granted"].name, VAULT)
        places = {"open": QUANT, "vault": VAULT, "direct": direct, "private": QUANT}
        studies = {}
        for kind, channel in places.items():
            symbol = SYMBOLS[kind].replace("FB", "IBM")
            words = f"{symbol} {STRATEGY} folds=0 note=takeover" + (" private" if kind == "private" else "")
            answer = await dispatch(shared, words, "alice", channel=channel)
            studies[kind] = study_in(str(answer.message)) or ""
            assert studies[kind], answer.message.text
        started = await programs["owner"].start(symbol=SYMBOLS["program"], strategy=STRATEGY)
        studies["program"] = started["study_name"]
        for kind, name in studies.items():
            await _finish(shared, name, SYMBOLS[kind])
        browsers = {}
        for name in PEOPLE:
            jar = aiohttp.CookieJar(unsafe=True)
            session = await stack.enter_async_context(aiohttp.ClientSession(cookie_jar=jar))
            browsers[name] = Browser(shared, session)
            link = SignIn.of(shared.context.services.settings.home, utc_now)
            ticket = link.link_for(await shared.slack.user_id(name))
            assert (await browsers[name].post("/sign-in", {"ticket": ticket})).status == 303
        yield House(shared, studies, browsers, programs, direct)


async def _finish(stage: Stage, name: str, symbol: str) -> None:
    """Give a study the result of one that an earlier version stored, which is quicker than to compute one."""
    stored = stored_in("optimization_studies")
    result = next(s for s in stored if s["status"] == "complete" and s["strategy_name"] == STRATEGY)
    with suppress(AlreadyFinished):
        await stage.context.services.studies.cancel(name)
    while not (await stage.context.services.studies.find(name)).status.is_finished:
        await asyncio.sleep(0.05)
    fields = {key: value for key, value in result.items() if key not in OWN}
    fields["summary"]["winner"]["out_of_sample"]["sharpe_ratio"] = 0.5  # what has none is not ranked
    fields["summary"]["forecasts"] = [forecast(as_of=utc_now().date()).model_dump(mode="json")]
    fields["completed_at"] = utc_now()  # the home tab shows the decisions of the week, the newest first
    fields |= {"symbol": symbol, "spec": fields["spec"] | {"symbol": symbol, "partners": []}}
    fields["symbols"] = [symbol]
    await collection_of(OptimizationStudy).update_one({"study_name": name}, {"$set": fields})
    await rank_again(name)
    await _forecast(stage, name)


async def _forecast(stage: Stage, name: str) -> None:
    """Keep the study's forecasts, and score those of a month as if it had passed."""
    services = stage.context.services
    await keep_of_study(await services.studies.find(name), services)
    warehouse, now = services.market.warehouse, utc_now()
    due = [row for row in due_forecasts(warehouse, now.date() + timedelta(days=40)) if row.parts[0].study_name == name]
    became = Realised(measures=dict.fromkeys(ForecastMeasure, 0.05), data_hash="ab12")
    store_scores(warehouse, scores_of([(due, became)]), now=now)


async def dispatch(
    stage: Stage, text: str, user: str, *, channel: str = QUANT, door: str = "command", pressed: Command | None = None
) -> Answer:
    """The answer to what somebody types or presses, in front of Bolt and behind all else."""
    user_id = await stage.slack.user_id(user)
    asked = CommandRequest(door=door, channel_id=channel, user_id=user_id, text=text, command=pressed)
    return await Dispatcher(stage.context).dispatch(asked)


async def told(stage: Stage, text: str, user: str) -> str:
    """What only somebody is told."""
    return str((await dispatch(stage, text, user)).message)


def command(words: Callable[[str, str], str]) -> "Door":
    """A command about one study, by its name and symbol."""

    async def look(house: House, user: str) -> set[str]:
        answers = {k: await told(house.stage, words(n, SYMBOLS[k]), user) for k, n in house.studies.items()}
        return {kind for kind, text in answers.items() if house.studies[kind] in text and not is_unknown(text)}

    return look


def is_unknown(text: str) -> bool:
    """Whether somebody is told that there is no such study."""
    return any(words in text for words in UNKNOWN)


def page(path: str) -> "Door":
    """A page that lists studies."""

    async def look(house: House, user: str) -> set[str]:
        shown = await house.browsers[user].get(path)
        assert shown.status == 200, shown.text
        return house.shown(shown.text)

    return look


def page_of(path: Callable[[str], str]) -> "Door":
    """A page about one study; one without a chart or trial is another thing than one without the study."""

    async def look(house: House, user: str) -> set[str]:
        async def is_there(name: str) -> bool:
            found = await house.browsers[user].get(path(name))
            assert found.status in (200, 404)
            return not is_unknown(found.text)

        return await house.found(is_there)

    return look


def listing(words: str) -> "Door":
    """A command that lists studies."""

    async def look(house: House, user: str) -> set[str]:
        return house.shown(await told(house.stage, words, user))

    return look


async def home(house: House, user: str) -> set[str]:
    """The last five on the home tab."""
    user_id = await house.stage.slack.user_id(user)
    await Home(house.stage.context).publish(user_id)
    return house.shown(json.dumps(await house.stage.slack.home(user_id)))


async def button(house: House, user: str) -> set[str]:
    """A button under a study's message, also of somebody who is not shown the message."""
    pressed = {k: buttons.COMMANDS[actions.DETAILS](name) for k, name in house.studies.items()}
    answers = {k: await dispatch(house.stage, "", user, door="button", pressed=each) for k, each in pressed.items()}
    return {kind for kind, answer in answers.items() if not isinstance(answer.error, UnknownStudy)}


Door = Callable[[House, str], Awaitable[set[str]]]
DOORS: dict[str, Door] = {
    "list": listing("list all"),
    "top": command(lambda name, symbol: f"top {symbol} {STRATEGY} all"),
    "best": command(lambda name, symbol: f"best {symbol} {STRATEGY}"),
    "show": command(lambda name, symbol: f"show {name}"),
    "status": command(lambda name, symbol: f"status {name}"),
    "compare": command(lambda name, symbol: f"compare {name} {name}"),
    "export": command(lambda name, symbol: f"export {name} csv"),
    "forecast": command(lambda name, symbol: f"forecast {name}"),
    "forecasts": listing("forecasts"),
    "forecasts' page": page("/forecasts"),
    "home": home,
    "button": button,
    "board": page(f"/board?strategy={STRATEGY}&verdict=all"),
    "studies": page("/studies"),
    "page": page_of(lambda name: f"/studies/{name}"),
    "stream": page_of(lambda name: f"/studies/{name}/events"),
    "chart": page_of(lambda name: f"/studies/{name}/charts/nosuch.png"),
    "dashboard's list": page("/api/studies"),
    "dashboard": page_of(lambda name: f"/api/studies/{number_of(name)}"),
    "dashboard's file": page_of(lambda name: f"/csv/{number_of(name)}"),
}


@pytest.mark.parametrize("door", DOORS)
async def test_people_see_what_they_may_and_nothing_else(house: House, stage: Stage, door: str) -> None:
    for user, kinds in PEOPLE.items():
        assert await DOORS[door](house, user) == kinds, user


@pytest.mark.parametrize("path", ["", "/best", "/trials", "/events", "/forecast"])
async def test_programs_see_what_they_may_and_nothing_else(house: House, stage: Stage, path: str) -> None:
    for key, kinds in KEYS.items():

        async def is_there(name: str, key: str = key) -> bool:
            status, _ = await house.programs[key].call("GET", f"{START}/{name}{path}")
            assert status in (200, 404)
            return bool(status == 200)

        assert await house.found(is_there) == kinds, key


async def test_programs_list_what_they_may_see(house: House, stage: Stage) -> None:
    for key, kinds in KEYS.items():
        _, found = await house.programs[key].call("GET", f"{START}/studies?limit=100")
        assert house.shown(json.dumps(found)) == kinds, key
        _, scored = await house.programs[key].call("GET", "/api/v1/forecasts")
        assert house.shown(json.dumps(scored)) == kinds, key


async def test_a_program_changes_nothing_that_it_does_not_see(house: House, stage: Stage) -> None:
    statuses = {
        kind: (await house.programs["approver"].call("POST", f"{START}/{name}/cancel"))[0]
        for kind, name in house.studies.items()
    }

    assert statuses == {"open": 409, "vault": 404, "direct": 409, "private": 409, "program": 409}


async def test_the_dashboards_memory_is_no_way_around(house: House, stage: Stage) -> None:
    number = number_of(house.studies["vault"])
    assert (await house.browsers["alice"].get(f"/api/studies/{number}")).status == 200

    odd = (f"/api/studies/{number:020d}", f"/api/studies/+{number}", f"/csv/{number:030d}", f"/csv/{number}/x")
    for path in (*odd, "/api/studies", f"/api/studies/{number}"):
        told = (await house.browsers["vera"].get(path)).text
        assert house.studies["vault"] not in told or "There is no study" in told, path


async def test_what_others_read_too_shows_what_they_may_see(house: House, stage: Stage) -> None:
    for user in PEOPLE:
        listed = await dispatch(stage, "list all", user, door="mention")
        assert house.shown(str(listed.message)) == {"open", "program"}
    here = await dispatch(stage, f"show {house.studies['vault']}", "alice", door="mention")
    there = await dispatch(stage, f"show {house.studies['vault']}", "alice", door="mention", channel=VAULT)
    stranger = await dispatch(stage, f"show {house.studies['vault']}", "vera", door="mention")

    assert isinstance(here.error, NotForThisChannel)
    assert there.error is None
    assert isinstance(stranger.error, UnknownStudy)


async def test_a_file_of_a_private_study_goes_to_the_one_who_asked(house: House, stage: Stage) -> None:
    name, direct = house.studies["vault"], stage.slack.workspace.direct(["U0KIM3", BOT_USER]).id
    assert "다이렉트 메시지" in await told(stage, f"export {name} json", "kim")

    files = await OutboxEntry.find({"conversation": {"$in": [name, f"files:{direct}", f"files:{QUANT}"]}}).to_list()
    assert {entry.channel_id for entry in files if entry.file.endswith(f"{name}.json")} == {direct}


@pytest.mark.parametrize("kind", ["private", "vault"])
async def test_a_private_study_is_not_shared_where_others_read(house: House, stage: Stage, kind: str) -> None:
    answer = await dispatch(stage, "", "alice", pressed=Share(house.studies[kind]))
    assert isinstance(answer.error, NotForThisChannel)


async def test_one_who_leaves_the_channel_sees_its_studies_no_more(house: House, stage: Stage) -> None:
    name, people = house.studies["vault"], stage.context.people
    stage.slack.workspace.channels[VAULT].members.discard("U0KIM3")
    people._channels.clear()
    try:
        assert is_unknown(await told(stage, f"show {name}", "kim"))
        assert (await house.browsers["kim"].get(f"/studies/{name}")).status == 404
        assert name in await told(stage, f"show {name}", "alice")
    finally:
        stage.slack.workspace.channels[VAULT].members.add("U0KIM3")
        people._channels.clear()


async def test_a_schedule_is_seen_where_it_was_made(house: House, stage: Stage) -> None:
    await dispatch(stage, "schedule GOOG RSI 10 weekly fri 05:00", "alice", channel=house.direct)

    seen = {user: "GOOG RSI" in (await house.browsers[user].get("/plans")).text for user in PEOPLE}

    assert seen == {"alice": True, "kim": False, "anna": True, "vera": False}


async def test_a_key_needs_a_grant_for_a_channel_that_is_not_public(house: House, stage: Stage) -> None:
    wanted = {"symbol": "GOOG", "strategy": "rsi", "n_trials": 5, "window": {"folds": 0}, "slack_channel": VAULT}
    status, problem = await house.programs["owner"].call("POST", START, json=wanted)
    assert (status, problem["errors"][0]["pointer"]) == (422, "#/slack_channel")
    assert f"keys grant {house.programs['owner'].name} {VAULT}" in problem["errors"][0]["detail"]

    status, started = await house.programs["granted"].call("POST", START, json=wanted)
    assert status == 202
    assert is_unknown(await told(stage, f"show {started['study_name']}", "vera"))
    assert study_in(await told(stage, f"show {started['study_name']}", "alice")) == started["study_name"]
