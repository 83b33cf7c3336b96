"""A thread on a phone: how tall it is before the charts, drawn by a browser in a stand-in for Slack's page."""

import sys
from pathlib import Path
from statistics import median

import pytest
from PIL import Image

from reports.render import LANGUAGES, Language, renderer_of
from reports.text.message import CHART
from tests.reports import facts
from tests.slack.page import Names, thread_page
from tests.slack.picture import PHONE, shoot

pytestmark = [pytest.mark.browser, pytest.mark.slow]

#: Height of a phone's screen in CSS pixels, and those that a thread may take before its charts; forecasts and the
#: table by regime took what was left of two.
SCREEN, MOST_SCREENS = 844, 2.15
NAMES = Names(users={"U": "Optimizer", "U012AB3CD": "Alice"})


def height_of(name: str, language: Language, picture: Path) -> float:
    """CSS pixels of a thread's root, decision and details."""
    study, say = facts.finished(name), renderer_of(language)
    messages = [say.root(study), *say.result(study)]
    texts = [[block for block in m.blocks if block["type"] != CHART] for m in messages]
    page = thread_page([{"user": "U", "bot_id": "B", "text": "", "blocks": blocks} for blocks in texts], NAMES)
    shoot(page, picture, width=PHONE)
    with Image.open(picture) as drawn:
        return drawn.height / 2


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_median_thread_takes_two_screens_before_its_charts(language: Language, tmp_path: Path) -> None:
    heights = {name: height_of(name, language, tmp_path / f"{name}.png") for name in facts.SUMMARIES}
    sys.stdout.write(f"{language}: median {median(heights.values()):.0f} px of {heights}\n")

    assert median(heights.values()) <= MOST_SCREENS * SCREEN
