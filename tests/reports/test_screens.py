"""A thread on a phone: how tall it is before the charts, drawn by a browser in a stand-in for Slack's page."""

import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest
from selenium.webdriver import Chrome

from reports.render import LANGUAGES, Language, renderer_of
from reports.text.message import CHART
from tests.browser import chromium
from tests.reports import facts
from tests.slack.page import Names, thread_page
from tests.slack.picture import PHONE

pytestmark = [pytest.mark.browser, pytest.mark.slow]

#: Height of a phone's screen in CSS pixels, and those that a thread may take before its charts; forecasts and the
#: table by regime took what was left of two.
SCREEN, MOST_SCREENS = 844, 2.15
NAMES = Names(users={"U": "Optimizer", "U012AB3CD": "Alice"})


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    """One browser for all threads, as wide as a phone."""
    with chromium(tmp_path_factory.mktemp("profile")) as running:
        phone = {"width": PHONE, "height": SCREEN, "deviceScaleFactor": 2, "mobile": False}
        running.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)
        yield running


def height_of(name: str, language: Language, page: Path, browser: Chrome) -> float:
    """CSS pixels of a thread's root, decision and details."""
    study, say = facts.finished(name), renderer_of(language)
    messages = [say.root(study), *say.result(study)]
    texts = [[block for block in m.blocks if block["type"] != CHART] for m in messages]
    drawn = thread_page([{"user": "U", "bot_id": "B", "text": "", "blocks": blocks} for blocks in texts], NAMES)
    page.write_text(drawn, encoding="utf-8")
    browser.get(page.as_uri())
    return float(browser.execute_script("return document.documentElement.getBoundingClientRect().height"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_median_thread_takes_two_screens_before_its_charts(
    language: Language, tmp_path: Path, browser: Chrome
) -> None:
    heights = {name: height_of(name, language, tmp_path / f"{name}.html", browser) for name in facts.SUMMARIES}
    sys.stdout.write(f"{language}: median {median(heights.values()):.0f} px of {heights}\n")

    assert median(heights.values()) <= MOST_SCREENS * SCREEN
