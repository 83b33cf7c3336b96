"""The pages in Chromium: sign in, start a study through the API, watch its bar, sort, explore; at every width."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import aiohttp
import pytest
import pytest_asyncio
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from bot.api.api_keys import add_key
from bot.pages.dashboard_numbers import number_of
from bot.role import Role
from optimizer.domain.study_results import StudyState
from tests.browser import DESKTOP, PHONE, chromium, complaints, fits, shape
from tests.scenarios.conftest import Stage

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.parametrize("shared", ["strict"], indirect=True),
]

Found = TypeVar("Found")

#: What a screen reader and a keyboard need, asked of the page itself: what is missing, by name.
WANTING = """
const wanting = [];
const named = (e) => e.getAttribute("aria-label") || e.labels?.length || e.textContent.trim()
  || (e.getAttribute("aria-labelledby") || "").split(" ").some((id) => document.getElementById(id)?.textContent.trim());
if (document.querySelectorAll("h1").length !== 1) wanting.push("one h1");
if (!document.documentElement.lang) wanting.push("lang");
for (const e of document.querySelectorAll("a, button, select, input:not([type=hidden]), progress, [role=region]"))
  if (!named(e)) wanting.push("name of " + e.outerHTML.slice(0, 80));
for (const e of document.querySelectorAll("table"))
  if (!named(e) || !e.querySelector("th[scope]")) wanting.push("headings of " + e.id);
for (const e of document.querySelectorAll("img")) if (!e.alt) wanting.push("alt of " + e.src);
let level = 0;
for (const e of document.querySelectorAll("h1, h2, h3, h4")) {
  if (Number(e.tagName[1]) > level + 1) wanting.push("level of " + e.textContent);
  level = Number(e.tagName[1]);
}
const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
for (const id of new Set(ids)) if (ids.filter((other) => other === id).length > 1) wanting.push("only one #" + id);
return wanting;
"""

ALL_DRAWN = "return [...document.images].every(i => i.complete && i.naturalWidth > 0)"


@dataclass(frozen=True)
class Eyes:
    """Someone in front of a browser; what they do waits in a thread, so that the bot goes on."""

    stage: Stage
    browser: webdriver.Chrome

    @property
    def address(self) -> str:
        return self.stage.url.removesuffix("/slack/events")

    async def do(self, act: Callable[[], Found]) -> Found:
        return await asyncio.to_thread(act)

    async def open(self, path: str) -> None:
        await self.do(lambda: self.browser.get(self.address + path))

    async def run(self, script: str) -> Any:
        """What a script in the page returns."""
        return await self.do(lambda: self.browser.execute_script(script))

    async def until(self, look: Callable[[], Found | None], what: str) -> Found:
        """What `look` finds, as soon as it finds something."""
        # An element that was replaced between two looks is looked for again.
        wait = WebDriverWait(self.browser, 120, 0.05, [StaleElementReferenceException])
        return await self.do(lambda: cast(Found, wait.until(lambda _: look(), what)))

    async def find(self, selector: str) -> WebElement:
        find = self.browser.find_elements
        return await self.until(lambda: next(iter(find(By.CSS_SELECTOR, selector)), None), selector)

    async def press(self, selector: str) -> None:
        """Click what is there; a page that is loaded again meanwhile has it again."""

        def look() -> bool:
            for element in self.browser.find_elements(By.CSS_SELECTOR, selector)[:1]:
                element.click()
                return True
            return False

        await self.until(look, selector)

    async def texts(self, selector: str) -> list[str]:
        script = "return [...document.querySelectorAll(arguments[0])].map(e => e.textContent.trim())"
        return await self.do(lambda: self.browser.execute_script(script, selector))


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """Chromium with a fresh profile."""
    with chromium(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


@pytest_asyncio.fixture(loop_scope="session")
async def eyes(stage: Stage, browser: webdriver.Chrome) -> AsyncIterator[Eyes]:
    """Alice, a runner, signed in by the link that the bot sent her."""
    looking = Eyes(stage, browser)
    await looking.do(lambda: shape(browser))
    await looking.do(browser.delete_all_cookies)
    sent = re.search(r"(/sign-in\?ticket=[\w.-]+)", await stage.tell("web"))
    assert sent
    await looking.open(sent[1])
    await looking.press("form button")
    await looking.find(".bar nav")
    await looking.do(lambda: complaints(browser))
    yield looking
    await looking.open("/pages/style.css")  # lets go of a stream


async def start_by_api(stage: Stage, **wanted: object) -> str:
    """Start a study as a program does; returns its name."""
    key = await add_key(f"b{abs(hash(str(wanted))):x}"[:16], Role.RUNNER, created_by="tests", now=stage.context.clock())
    address = stage.url.replace("/slack/events", "/api/v1/backtests/optimize")
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"}) as session,
        session.post(address, json=wanted) as answer,
    ):
        body = await answer.json()
        assert answer.status == 202, body
    return str(body["study_name"])


async def test_a_bar_moves_while_a_study_that_the_api_started_runs(eyes: Eyes) -> None:
    name = await start_by_api(
        eyes.stage, symbol="AAPL", strategy="rsi", n_trials=9000, seed=91, overlays=["stop"], window={"folds": 0}
    )
    await eyes.open(f"/studies/{name}")
    script = "return document.querySelector('#live progress')?.value ?? 0"
    first = await eyes.until(lambda: eyes.browser.execute_script(script), "a bar")
    marked = await eyes.run("window.stillHere = true; return window.stillHere")

    later = await eyes.until(lambda: (now := eyes.browser.execute_script(script)) > first and now, "a bar that moves")

    assert marked
    assert later > first
    assert await eyes.run("return window.stillHere")  # the page was not loaded again
    assert await eyes.texts("#recent tbody tr")
    await eyes.stage.context.services.studies.cancel(name)
    await eyes.until(lambda: not eyes.browser.find_elements(By.ID, "live"), "the end")
    assert await eyes.do(lambda: complaints(eyes.browser)) == []


async def test_the_buttons_pause_and_resume(eyes: Eyes) -> None:
    name, _ = await eyes.stage.start("AAPL RSI 9000 stop folds=0 seed=92")
    await eyes.open(f"/studies/{name}")
    await eyes.press("form[action$=pause] button")
    await eyes.press("form[action$=resume] button")
    await eyes.press("form[action$=cancel] button")

    await eyes.find("form[action$=resume] button")
    service = eyes.stage.context.services.studies
    assert (await eyes.stage.slack.eventually(lambda: _ended(service, name), what="its end")) is StudyState.CANCELLED


async def _ended(service: object, name: str) -> StudyState | None:
    state: StudyState = (await service.find(name)).status  # type: ignore[attr-defined]
    return state if state.is_finished else None


async def test_the_leaderboard_sorts_here_and_without_javascript_there(eyes: Eyes) -> None:
    for text in ("AAPL MOMENTUM 20 folds=0 seed=93", "IBM SMA 20 folds=0 seed=93", "MSFT MACD 20 folds=0 seed=93"):
        await eyes.stage.finished(text, least=1)
    await eyes.open("/board?verdict=all")
    names, column = "#board tbody th .soft", "#board tbody td:nth-child(9)"
    ranked = await eyes.texts(names)
    assert len(ranked) >= 3
    heading = (await eyes.find("#board th:nth-child(9) button")).click

    await eyes.do(heading)
    here = await eyes.texts(names)
    assert (await eyes.do(lambda: eyes.browser.current_url)).endswith(
        "/board?verdict=all"
    )  # nothing was asked of the server
    counts = [int(text.replace(",", "")) for text in await eyes.texts(column)]
    assert counts == sorted(counts, reverse=True)
    assert (await eyes.find("#board th:nth-child(9)")).get_attribute("aria-sort") == "descending"
    await eyes.do(lambda: eyes.browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True}))
    await eyes.open("/board?verdict=all")
    await eyes.do((await eyes.find("#board th:nth-child(9) button")).click)
    await eyes.until(lambda: "sort=-trades" in eyes.browser.current_url, "the sorted page")
    await eyes.do(lambda: eyes.browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False}))
    await eyes.do(eyes.browser.refresh)

    assert sorted(await eyes.texts(names)) == sorted(here) == sorted(ranked)
    assert [int(text.replace(",", "")) for text in await eyes.texts(column)] == counts


async def test_a_filter_counts_at_once(eyes: Eyes) -> None:
    await eyes.stage.finished("IBM SMA 20 folds=0 seed=93", least=1)
    await eyes.open("/board?verdict=all")
    chosen = await eyes.find("select[name=strategy] option[value=sma]")

    await eyes.do(chosen.click)

    await eyes.until(lambda: "strategy=sma" in eyes.browser.current_url, "the filtered page")
    assert {text.split()[1] for text in await eyes.texts("#board tbody th a")} == {"SMA"}


async def test_the_dashboard_draws_the_study(eyes: Eyes) -> None:
    name, _ = await eyes.stage.finished("IBM SMA 20 folds=0 seed=93", least=1)
    await eyes.open(f"/studies/{name}")
    await eyes.press("a[href^='/dashboard/studies/']")

    await eyes.until(lambda: str(number_of(name)) in eyes.browser.current_url, "the dashboard")
    await eyes.until(lambda: name in eyes.browser.find_element(By.TAG_NAME, "body").text, "the study's name")
    await eyes.find(".js-plotly-plot")
    assert await eyes.do(lambda: complaints(eyes.browser)) == []


async def test_the_keyboard_gets_to_the_content_first(eyes: Eyes) -> None:
    await eyes.open("/studies")
    body = await eyes.find("body")
    await eyes.do(lambda: body.send_keys(Keys.TAB))
    focused = await eyes.do(lambda: eyes.browser.switch_to.active_element)
    assert await eyes.do(lambda: focused.get_attribute("class")) == "skip"
    assert (await eyes.do(lambda: focused.location))["x"] >= 0

    await eyes.do(lambda: focused.send_keys(Keys.ENTER))
    assert await eyes.run("return document.activeElement.id") == "main"


@pytest.mark.parametrize("width", [PHONE, DESKTOP])
@pytest.mark.parametrize("dark", [False, True])
async def test_every_page_fits_reads_and_is_silent(eyes: Eyes, width: int, dark: bool) -> None:
    name, _ = await eyes.stage.finished("IBM SMA 20 folds=0 seed=93", least=1)
    resting, _ = await eyes.stage.start("AAPL RSI 9000 stop folds=0 seed=94")
    await eyes.stage.context.services.studies.pause(resting)
    await eyes.do(lambda: shape(eyes.browser, width=width, dark=dark))
    pages = [
        "/board?verdict=all",
        "/studies",
        f"/studies/{name}",
        f"/studies/{resting}",
        "/plans",
        "/forecasts",
        "/data",
        "/regimes?symbol=AAPL",
    ]

    for path in pages:
        await eyes.open(path)
        await eyes.until(lambda: eyes.browser.execute_script(ALL_DRAWN), f"the pictures of {path}")
        assert await eyes.do(lambda: fits(eyes.browser)), path
        assert await eyes.run(WANTING) == [], path
        brightness = await eyes.do(lambda: _brightness(eyes.browser))
        assert brightness < 60 if dark else brightness > 220
    await eyes.stage.context.services.studies.cancel(resting)
    assert await eyes.do(lambda: complaints(eyes.browser)) == []


def _brightness(browser: webdriver.Chrome) -> float:
    color = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    return sum(int(part) for part in color[color.index("(") + 1 : -1].split(",")[:3]) / 3
