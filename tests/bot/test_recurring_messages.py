"""Weekly posts, schedules, champions and the home tab, in both languages, as Slack would take them."""

import re
from typing import Any

import pytest

from reports.render import LANGUAGES, Language, renderer_of
from tests.bot import recurring
from tests.slack.blocks import check_message_blocks, check_view

ALL = {language: recurring.everything(renderer_of(language)) for language in LANGUAGES}
NAMES = tuple(ALL["en"])


def text_of(name: str, language: Language = "en") -> str:
    return str([message.blocks for message in ALL[language][name]])


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", NAMES)
def test_slack_takes_every_one(name: str, language: Language) -> None:
    for message in ALL[language][name]:
        is_tab = name.startswith("home")
        flaws = (
            check_view({"type": "home", "blocks": message.blocks}) if is_tab else check_message_blocks(message.blocks)
        )
        assert not flaws
        assert message.text.strip()
        assert "<!channel>" not in str(message.blocks)


@pytest.mark.parametrize("name", NAMES)
def test_both_languages_show_the_same_names_and_numbers(name: str) -> None:
    for shown in (r"(?:opt|sch)-[0-9a-f]+", r"[−+]?[0-9]+\.[0-9]+%?"):
        english, korean = (re.findall(shown, text_of(name, language)) for language in LANGUAGES)
        assert sorted(english) == sorted(korean)


@pytest.mark.parametrize(
    ("name", "decision"),
    [("same", "keep"), ("behind", "keep"), ("ahead", "switch"), ("maybe", "undecided"), ("few", "undecided")],
)
def test_the_first_words_are_the_decision(name: str, decision: str) -> None:
    (message,) = ALL["en"][f"weekly_{name}"]

    assert message.text.startswith(f"AAPL RSI: {decision}")


def button(name: str) -> dict[str, Any]:
    """The only button of a message."""
    (message,) = ALL["en"][name]
    ((element,),) = [block["elements"] for block in message.blocks if block["type"] == "actions"]
    found: dict[str, Any] = element
    return found


def test_only_a_switch_makes_the_button_stand_out() -> None:
    assert button("weekly_ahead")["style"] == "primary"
    assert "style" not in button("weekly_maybe")
    assert button("weekly_maybe")["value"] == "opt-7f3a"


def test_adopting_against_the_comparison_is_said_in_the_dialog() -> None:
    assert "The comparison does not suggest a switch" in button("weekly_maybe")["confirm"]["text"]["text"]
    assert "The comparison does not suggest a switch" not in button("weekly_ahead")["confirm"]["text"]["text"]


def test_a_late_post_says_when_it_should_have_come_and_what_was_missing() -> None:
    late = text_of("weekly_late")

    assert (
        "should have run on Mon 2026-11-23 07:00 (`Asia/Seoul`)" in late or "Mon 2026-11-23 07:00 (Asia/Seoul)" in late
    )
    assert "2 earlier runs" in late
    assert "latest bars were unavailable" in late
    assert "study_adopt" not in late
    assert "removed" in late


def test_what_is_undecided_says_what_would_decide_it() -> None:
    assert "1,234 more bars" in text_of("weekly_maybe")
    assert "Even ten more years" in text_of("weekly_hardly")
    assert "42 more are needed" in text_of("weekly_few")
