"""The pages as a browser asks for them: signing in, every page, and all that is refused."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
import pytest_asyncio
from yarl import URL

from bot.documents.audit_log import AuditEntry
from bot.documents.sessions import WebSession
from bot.grammar.commands import Start
from bot.grammar.parsing import parse
from bot.pages.dashboard_numbers import number_of
from optimizer.domain.study_results import StudyState
from optimizer.storage.documents import OptimizationStudy
from optimizer.storage.study_queries import without_charts
from tests.scenarios.conftest import Stage
from tests.slack.strict import BOT_USER

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.parametrize("shared", ["strict"], indirect=True),
]

COOKIE = "optimize-bot"


@dataclass
class Page:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    text: str


class Browser:
    """A browser without a screen; it keeps cookies and follows nothing by itself."""

    def __init__(self, stage: Stage, session: aiohttp.ClientSession) -> None:
        self.stage = stage
        self.address = stage.url.removesuffix("/slack/events")
        self.session = session

    async def get(self, path: str, **headers: str) -> Page:
        return await self.ask("GET", path, headers=headers)

    async def post(self, path: str, fields: dict[str, str], **headers: str) -> Page:
        return await self.ask("POST", path, data=fields, headers={"Origin": self.address} | headers)

    async def ask(self, method: str, path: str, **more: Any) -> Page:
        async with self.session.request(method, self.address + path, allow_redirects=False, **more) as answer:
            return Page(answer.status, answer.headers, (await answer.read()).decode("utf-8", "replace"))

    async def sign_in(self, user: str = "alice") -> Page:
        return await self.post("/sign-in", {"ticket": await ticket(self.stage, user)})

    @property
    def cookies(self) -> dict[str, str]:
        return {cookie.key: cookie.value for cookie in self.session.cookie_jar}


@pytest_asyncio.fixture(loop_scope="session")
async def stranger(stage: Stage) -> AsyncIterator[Browser]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        yield Browser(stage, session)


@pytest_asyncio.fixture(loop_scope="session")
async def alice(stranger: Browser) -> Browser:
    """A runner who is signed in."""
    assert (await stranger.sign_in()).status == 303
    return stranger


async def ticket(stage: Stage, user: str = "alice") -> str:
    found = re.search(r"sign-in\?ticket=([\w.-]+)", await stage.tell("web", user=user))
    assert found
    return found[1]


async def token(browser: Browser) -> str:
    found = re.search(r'name="token" value="([^"]+)"', (await browser.get("/data")).text)
    assert found
    return found[1]


async def study(stage: Stage, text: str, *, state: StudyState = StudyState.PAUSED, **changes: Any) -> OptimizationStudy:
    """A study that nobody runs."""
    command = parse(text)
    assert isinstance(command, Start)
    made = await stage.context.services.studies.create_study(command.specs[0], created_by="U0ALICE1")
    await made.set({"status": str(state), **changes})
    return made


async def test_the_bot_sends_a_private_link_and_its_button_signs_in(stage: Stage, stranger: Browser) -> None:
    delivery = await stage.act.command("web", user="alice")
    told = await stage.told(delivery)
    assert told["response_type"] == "ephemeral"
    found = re.search(r"<(http://127\.0\.0\.1[^|]+)\|", str(told["blocks"]))
    assert found

    shown = await stranger.get("/sign-in?ticket=" + found[1].partition("ticket=")[2])
    assert shown.status == 200
    assert "<b>alice</b>" in shown.text
    assert COOKIE not in stranger.cookies
    done = await stranger.post("/sign-in", {"ticket": found[1].partition("ticket=")[2]})

    assert (done.status, done.headers["Location"]) == (303, "/board")
    cookie = done.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Path=/" in cookie
    assert (await stranger.get("/board")).status == 200


async def test_the_audit_knows_who_came_and_left_and_no_ticket(stage: Stage, alice: Browser) -> None:
    used = await ticket(stage)
    await alice.post("/sign-out", {"token": await token(alice)})

    entries = await AuditEntry.find(AuditEntry.user_id == "U0ALICE1").sort("-at").limit(6).to_list()
    said = [(entry.door, entry.said) for entry in entries]
    assert ("page", "sign out") in said
    assert ("page", "sign in") in said
    assert used not in str(entries)


async def test_a_link_works_once(stage: Stage, stranger: Browser) -> None:
    one = await ticket(stage)
    assert (await stranger.post("/sign-in", {"ticket": one})).status == 303
    stranger.session.cookie_jar.clear()

    again, shown = await stranger.post("/sign-in", {"ticket": one}), await stranger.get(f"/sign-in?ticket={one}")

    assert again.status == shown.status == 410
    assert "already used" in again.text
    assert "/optimize web" in again.text
    assert COOKIE not in stranger.cookies


async def test_a_link_that_is_not_ours_is_refused_and_nothing_starts(stage: Stage, stranger: Browser) -> None:
    real, before = await ticket(stage), await WebSession.count()

    flipped = real[:-9] + ("A" if real[-9] != "A" else "B") + real[-8:]
    for forged in ("x", real[:-1], flipped, "a" * 3000, "%00", "<script>"):
        shown = await stranger.get("/sign-in?ticket=" + quote(forged))
        sent = await stranger.post("/sign-in", {"ticket": forged})
        assert (shown.status, sent.status) == (403, 403)
        assert "<script>" not in shown.text.replace("<script src=", "")
    assert (await stranger.post("/sign-in", {})).status == 403
    assert await WebSession.count() == before


@pytest.mark.parametrize(
    "path",
    ["/board", "/studies", "/studies/opt-0000", "/studies/opt-0000/events", "/studies/opt-0000/charts/equity.png",
     "/plans", "/forecasts", "/data", "/data?symbol=AAPL", "/regimes?symbol=AAPL", "/dashboard",
     "/dashboard/studies/1", "/api/studies", "/api/meta", "/csv/1", "/static/bundle.js", "/sign-in"],
)  # fmt: skip
async def test_nothing_is_shown_to_a_stranger(stranger: Browser, path: str) -> None:
    page = await stranger.get(path)

    assert page.status == 401
    assert "/optimize web" in page.text
    assert (await stranger.get(path, Cookie=f"{COOKIE}=forged.cookie")).status == 401


async def test_a_stranger_reads_it_in_the_language_of_the_browser(stranger: Browser) -> None:
    page = await stranger.get("/board", **{"Accept-Language": "fr, ko-KR;q=0.8, en;q=0.5"})

    assert '<html lang="ko">' in page.text
    assert "로그인하지 않았습니다" in page.text


async def test_whoever_followed_a_link_to_a_page_gets_there_after_signing_in(stranger: Browser) -> None:
    await stranger.get("/board?symbol=AAPL&verdict=all")

    assert (await stranger.sign_in()).headers["Location"] == "/board?symbol=AAPL&verdict=all"


@pytest.mark.parametrize(
    "wanted", ["//evil.example", "https://evil.example", "/\\evil.example", "/board/../../x", "/nowhere", "/board\n"]
)
async def test_signing_in_leads_nowhere_else(stranger: Browser, wanted: str) -> None:
    stranger.session.cookie_jar.update_cookies({"optimize-bot-wanted": quote(wanted, safe="")})

    assert (await stranger.sign_in()).headers["Location"] == "/board"


async def test_a_role_is_looked_up_at_every_request(alice: Browser) -> None:
    assert (await alice.get("/board")).status == 200
    session = await WebSession.find(WebSession.user_id == "U0ALICE1").sort("-created_at").first_or_none()
    assert session is not None
    await session.set({"user_id": BOT_USER})  # whom no setting names

    page = await alice.get("/board")

    assert page.status == 403
    assert "OPTIMIZE_BOT_VIEWERS" in page.text


async def test_leaving_ends_the_session_for_good(alice: Browser) -> None:
    kept = alice.cookies[COOKIE]
    left = await alice.post("/sign-out", {"token": await token(alice)})

    assert left.status == 303
    assert (await alice.get("/board")).status == 401
    assert (await alice.get("/board", Cookie=f"{COOKIE}={kept}")).status == 401


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/board",
        "/studies",
        "/plans",
        "/forecasts",
        "/data",
        "/regimes?symbol=AAPL",
        "/nowhere",
        "/studies/opt-ffffff",
    ],
)
async def test_every_answer_has_the_headers(alice: Browser, path: str) -> None:
    page = await alice.get(path)

    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert "unsafe" not in page.headers["Content-Security-Policy"]
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert page.headers["X-Frame-Options"] == "DENY"
    assert page.headers["Referrer-Policy"] == "same-origin"
    assert page.headers["Cache-Control"] == "no-store"
    assert not re.search(r"<script(?! src=)|\son\w+=|style=", page.text)


@pytest.mark.parametrize("act", ["cancel", "pause", "resume"])
@pytest.mark.parametrize(
    ("fields", "headers"),
    [
        ({}, {}),
        ({"token": "x"}, {}),
        ({"token": "REAL"}, {"Origin": "https://evil.example"}),
        ({"token": "REAL"}, {"Origin": "null"}),
        ({"token": "REAL"}, {"Sec-Fetch-Site": "cross-site"}),
    ],
)
async def test_a_form_from_elsewhere_does_nothing(
    alice: Browser, act: str, fields: dict[str, str], headers: dict[str, str]
) -> None:
    kept = await study(alice.stage, "AAPL RSI 20")
    sent = {name: await token(alice) if value == "REAL" else value for name, value in fields.items()}

    page = await alice.post(f"/studies/{kept.study_name}/{act}", sent, **headers)

    assert page.status == 403
    assert "did not come from one of my pages" in page.text
    assert (await alice.stage.context.services.studies.find(kept.study_name)).status is StudyState.PAUSED


async def test_the_buttons_act_as_the_commands_do_and_the_audit_knows(alice: Browser) -> None:
    kept = await study(alice.stage, "AAPL RSI 20")
    assert ">Resume<" in (await alice.get(f"/studies/{kept.study_name}")).text

    page = await alice.post(f"/studies/{kept.study_name}/cancel", {"token": await token(alice)})

    assert (page.status, page.headers["Location"]) == (303, f"/studies/{kept.study_name}")
    assert (await alice.stage.context.services.studies.find(kept.study_name)).status is StudyState.CANCELLED
    entry = await AuditEntry.find_one(AuditEntry.said == f"cancel {kept.study_name}")
    assert entry is not None
    assert (entry.door, entry.user_id, entry.verb) == ("page", "U0ALICE1", "cancel")


async def test_nobody_stops_the_study_of_another(stage: Stage, stranger: Browser) -> None:
    await stranger.sign_in("kim")
    kept = await study(stage, "AAPL RSI 20")
    assert f'action="/studies/{kept.study_name}/cancel"' not in (await stranger.get(f"/studies/{kept.study_name}")).text

    page = await stranger.post(f"/studies/{kept.study_name}/cancel", {"token": await token(stranger)})

    assert page.status == 403
    assert kept.study_name in page.text
    assert (await stage.context.services.studies.find(kept.study_name)).status is StudyState.PAUSED


async def test_a_study_that_has_ended_is_not_stopped_again(alice: Browser) -> None:
    kept = await study(alice.stage, "AAPL RSI 20", state=StudyState.CANCELLED)

    page = await alice.post(f"/studies/{kept.study_name}/cancel", {"token": await token(alice)})

    assert page.status == 400
    assert "is already cancelled" in page.text


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/nowhere", 404), ("/studies/opt-ffffff", 404), ("/studies/x", 404), ("/studies/opt-../../etc", 404),
        ("/studies/..%2f..%2fetc%2fpasswd", 404), ("/studies/.*", 404), ("/studies/opt-", 404),
        ("/studies/opt-ffffff/charts/equity.png", 404), ("/pages/../settings.py", 404), ("/pages/..%2fstyle.css", 404),
        ("/pages/report.jinja", 404), ("/static/..%2f__init__.py", 404), ("/static/%2fetc%2fpasswd", 404),
        ("/static/nothing.js", 404), ("/data?symbol=NOPE", 404), ("/data?symbol=%00", 404),
        ("/regimes?symbol=NOPE", 404), ("/regimes?symbol=%00", 400), ("/regimes", 400),
        ("/regimes?symbol=AAPL&timeframe=nope", 400), ("/regimes?symbol=AAPL&source=yahoo", 404),
        ("/board?verdict=stron", 400), ("/board?strategy=rsii", 400), ("/board?sort=x", 400),
        ("/dashboard/../../etc/passwd", 404), ("/api/studies/0", 404), ("/api/studies/x", 404),
        ("/api/studies/99999999999999999999", 404), ("/api/studies/1?after=x", 404), ("/csv/7", 404),
    ],
)  # fmt: skip
async def test_what_is_not_there_is_refused_in_words(alice: Browser, path: str, status: int) -> None:
    async with alice.session.get(_raw(alice.address + path), allow_redirects=False) as answer:
        text = await answer.text()

    assert answer.status == status
    assert "root:" not in text
    assert "Traceback" not in text


def _raw(address: str) -> URL:
    """An address that is sent as it stands."""
    return URL(address, encoded=True)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize(
    "path", ["/api/studies", "/api/studies/1", "/api/trials/1/tell", "/dashboard", "/board", "/api/llm/x"]
)
async def test_nothing_can_be_changed_by_another_method(alice: Browser, method: str, path: str) -> None:
    page = await alice.ask(method, path, json={"study_name": "x", "directions": ["minimize"]})

    assert page.status in (404, 405)
    assert not await OptimizationStudy.find(OptimizationStudy.study_name == "x").count()


async def test_a_long_body_is_not_read(alice: Browser) -> None:
    page = await alice.post("/sign-out", {"token": "x" * 100_000})

    assert page.status == 413


async def test_what_people_typed_is_shown_as_they_typed_it(alice: Browser) -> None:
    hostile = '"><script>alert(1)</script>'
    found = await alice.get("/board?symbol=" + quote(hostile))

    assert found.status == 200
    assert "<script>alert" not in found.text.lower()
    assert 'value="&quot;&gt;&lt;SCRIPT&gt;' in found.text


async def test_a_finished_study_has_its_page_its_charts_and_its_place(alice: Browser) -> None:
    name, _ = await alice.stage.finished("IBM SMA 40 folds=0 seed=81", least=1)

    page = await alice.get(f"/studies/{name}")
    assert page.status == 200
    for part in (
        'class="verdict',
        'id="measures"',
        'id="trials"',
        "The story",
        f"/dashboard/studies/{number_of(name)}",
    ):
        assert part in page.text
    charts = re.findall(r'src="(/studies/[^"]+\.png)"', page.text)
    assert len(charts) >= 3
    for chart in charts:
        async with alice.session.get(alice.address + chart) as picture:
            assert (picture.status, picture.content_type) == (200, "image/png")
            assert (await picture.read())[:8] == b"\x89PNG\r\n\x1a\n"
    assert name in (await alice.get("/board?verdict=all&symbol=IBM")).text
    assert name not in (await alice.get("/board?verdict=all&symbol=MSFT")).text
    assert name in (await alice.get("/studies")).text


async def test_a_chart_is_drawn_in_each_readers_language(stranger: Browser) -> None:
    name, _ = await stranger.stage.finished("IBM SMA 40 folds=0 seed=83", least=1)

    seen = []
    for user in ("alice", "kim", "alice"):
        await stranger.sign_in(user)
        async with stranger.session.get(f"{stranger.address}/studies/{name}/charts/history.png") as picture:
            assert picture.status == 200
            seen.append(await picture.read())
    assert seen[0] == seen[2] != seen[1]


async def test_a_study_at_work_is_followed_to_its_end(alice: Browser) -> None:
    name, _ = await alice.stage.start("AAPL RSI 1500 folds=0 seed=82")
    page = await alice.get(f"/studies/{name}")
    if "data-events" in page.text:  # it may have ended already
        assert f'data-events="/studies/{name}/events"' in page.text
        assert '<noscript><meta http-equiv="refresh"' in page.text

    async with alice.session.get(f"{alice.address}/studies/{name}/events") as stream:
        assert stream.content_type == "text/event-stream"
        text = (await stream.content.read()).decode()

    assert text.count("event: progress") >= 1
    assert text.endswith("event: ended\ndata: {}\n\n")


async def test_the_dashboard_reads_a_study_as_it_is_stored(alice: Browser) -> None:
    name, _ = await alice.stage.finished("IBM SMA 40 folds=0 seed=83", least=1)
    trials = await alice.stage.context.services.studies.get_trials(name)

    for _ in range(2):  # the second time from the shelf
        async with alice.session.get(f"{alice.address}/api/studies/{number_of(name)}") as answer:
            body = await answer.json()
        assert answer.status == 200
        told = {trial["number"]: trial.get("values") for trial in body["trials"]}
        assert told == {t.number: None if t.value is None else [t.value] for t in trials}
    async with alice.session.get(f"{alice.address}/api/studies") as listed:
        studies = (await listed.json())["study_summaries"]
    assert any(each["study_name"].startswith(name) for each in studies)


async def test_plans_and_data_say_what_there_is(alice: Browser) -> None:
    await alice.stage.tell("schedule IBM RSI 50 weekly mon 07:00 tz=Asia/Seoul")

    plans, data = await alice.get("/plans"), await alice.get("/data")
    symbol = re.search(r'href="(/data\?symbol=[^"]+)"', data.text)
    assert "IBM RSI" in plans.text
    assert "Asia/Seoul" in plans.text
    assert symbol
    of_symbol = (await alice.get(symbol[1])).text
    assert 'class="calendar"' in of_symbol
    assert re.search(r'href="(/regimes\?symbol=[^"]+)"', of_symbol)


async def test_kinds_of_markets_are_shown_over_time_with_the_price_and_say_that_they_are_no_forecast(
    stage: Stage, alice: Browser, stranger: Browser
) -> None:
    await stage.tell("data AAPL")
    page = await alice.get("/regimes?symbol=AAPL")

    assert page.status == 200
    assert 'class="price"' in page.text
    assert "foretells nothing" in page.text
    assert all(f"url(#{kind})" in page.text for kind in ("bullish", "bearish", "volatile", "sideways"))
    weekly = await alice.get("/regimes?symbol=aapl&timeframe=1w&source=sample")
    assert "weekly" in weekly.text
    await stranger.sign_in("kim")
    assert "횡보" in (await stranger.get("/regimes?symbol=AAPL")).text


async def test_a_korean_reader_reads_korean(stage: Stage, stranger: Browser) -> None:
    await stranger.sign_in("kim")

    for path, word in (
        ("/board", "순위"),
        ("/studies", "탐색"),
        ("/plans", "챔피언"),
        ("/forecasts", "전망"),
        ("/data", "데이터"),
    ):
        page = await stranger.get(path)
        assert '<html lang="ko">' in page.text
        assert word in page.text


async def test_a_line_of_a_list_is_the_study_without_its_charts(alice: Browser) -> None:
    name, _ = await alice.stage.finished("IBM SMA 40 folds=0 seed=83", least=1)
    whole = await alice.stage.context.services.studies.find(name)
    await study(alice.stage, "AAPL RSI 20")  # one without a summary

    found = {each.study_name: each for each in await without_charts({}, order={"created_at": -1}, limit=200)}

    line = found[name]
    assert whole.summary is not None
    assert line.summary is not None
    assert len(line.summary.curve.dates) == 0 < len(whole.summary.curve.dates)
    assert line.summary.winner == whole.summary.winner
    assert line.summary.luck == whole.summary.luck
    assert all((each.summary is None) == (each.status is not StudyState.COMPLETE) for each in found.values())


async def test_streams_let_go_of_a_bot_that_stops(alice: Browser) -> None:
    resting = await study(alice.stage, "AAPL RSI 20")
    closing = alice.stage.context.services.closing

    async with alice.session.get(f"{alice.address}/studies/{resting.study_name}/events") as stream:
        assert await stream.content.readline() == b"event: progress\n"
        closing.set()
        try:
            async with asyncio.timeout(120):
                rest = await stream.content.read()
        finally:
            closing.clear()

    assert b"event: ended" not in rest  # the browser comes back for more


async def test_a_set_that_several_symbols_share_has_its_page_too(alice: Browser) -> None:
    name, _ = await alice.stage.finished("AAPL,IBM RSI 20 mode=shared folds=0 seed=84", least=1)

    page = await alice.get(f"/studies/{name}")

    assert page.status == 200
    assert "AAPL,IBM" in page.text
    assert 'id="symbols"' in page.text
    async with alice.session.get(f"{alice.address}/api/studies/{number_of(name)}") as answer:
        assert (await answer.json())["name"].startswith(f"{name} AAPL,IBM")
