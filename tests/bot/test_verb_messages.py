"""Every answer to a command, in both languages, as Slack would take it."""

import pytest

from reports.render import LANGUAGES, Language, renderer_of
from reports.text.message import Message
from tests.bot.answers import CASES, NOTICES, NOW, ONE
from tests.slack.blocks import check_message_blocks


def check(message: Message) -> None:
    flaws = check_message_blocks(message.blocks)
    assert not flaws
    assert message.text.strip()
    assert "<!channel>" not in str(message.blocks)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("case", CASES)
def test_every_answer_is_a_message_slack_takes(case: str, language: Language) -> None:
    layout, facts = CASES[case]

    check(renderer_of(language).render(layout, **facts))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", NOTICES)
def test_every_notice_is_a_message_slack_takes(name: str, language: Language) -> None:
    check(renderer_of(language).notice(name, **NOTICES[name]))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_pressed_button_says_who_and_when(language: Language) -> None:
    message = renderer_of(language).render("pressed", label="Pause", by="U012AB3CD", at=NOW)

    assert "<@U012AB3CD>" in message.blocks[0]["elements"][0]["text"]
    assert f"<!date^{int(NOW.timestamp())}^" in message.blocks[0]["elements"][0]["text"]


def test_the_leaderboard_is_numbered() -> None:
    studies = [ONE] * 7
    facts = {"symbol": "", "strategy": "", "is_all": False, "has_unproven": True, "command": "top"}

    message = renderer_of("en").render("top", studies=studies, **facts)

    (table,) = (block for block in message.blocks if block["type"] == "data_table")
    assert [row[0]["text"] for row in table["rows"][1:]] == [str(n) for n in range(1, 8)]
