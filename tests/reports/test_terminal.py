"""The same words in a terminal."""

import pytest

from optimizer.errors import UnknownStrategy
from reports.render import LANGUAGES, Language, renderer_of
from reports.text.terminal import terminal_text, unmarked
from tests.reports import facts, told


@pytest.mark.parametrize(
    ("marked", "plain"),
    [
        ("*Strong.* Sharpe *1.41*", "Strong. Sharpe 1.41"),
        ("by <@U012AB3CD>", "by @U012AB3CD"),
        ("a &lt;b&gt; &amp; c", "a <b> & c"),
        ("`period=14`", "`period=14`"),
        ("2 * 3 * 4", "2 * 3 * 4"),
    ],
)
def test_markup_is_taken_off(marked: str, plain: str) -> None:
    assert unmarked(marked) == plain


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", facts.SUMMARIES)
def test_a_result_says_in_a_terminal_what_it_says_in_slack(name: str, language: Language) -> None:
    study = facts.finished(name)
    messages = renderer_of(language).result(study)

    text = terminal_text(messages)
    for message in messages:
        for block in message.blocks:
            if block["type"] in ("section", "context"):
                shown = {key: value for key, value in block.items() if key != "accessory"}
                for said in told.texts([type(message)("", [shown])]):
                    assert said == "" or unmarked(said) in text
    assert "study_more" not in text


@pytest.mark.parametrize("width", [80, 100, 140])
def test_a_table_keeps_within_its_width_and_loses_no_cell(width: int) -> None:
    messages = renderer_of("ko").result(facts.finished("promising"))
    lines = terminal_text(messages, width).splitlines()

    rows = [line for line in lines if line.startswith("#")]
    assert [row.split()[0] for row in rows] == ["#143", "#121", "#96", "#178", "#55"]
    assert all("−" in row for row in rows[:4])


def test_a_plan_says_what_will_be_searched() -> None:
    text = terminal_text([renderer_of("en").render("terminal_plan", spec=facts.SPEC, plan=facts.plan())])

    assert text.startswith("Plan for AAPL RSI, best Sharpe, long only. 200 of 5,376 parameter sets are tried")
    assert "`period` 10 to 30 in steps of 1, default 14" in text


def test_an_error_is_told_with_the_mended_command() -> None:
    error = UnknownStrategy(word="<rsi", nearest="rsi", known="", command="run AAPL RSI")

    text = terminal_text([renderer_of("en").refusal(error)])
    assert text == "There is no strategy called `<rsi`. Did you mean `rsi`?\n\nTry: `run AAPL RSI`"


def test_commands_begin_as_they_do_in_a_terminal_and_a_date_is_its_words() -> None:
    typed = (
        "Say `/optimize resume opt-7f3a` &amp; look at <!date^1^{date_num}|2026-11-29 01:22 UTC>, not at “/optimize”."
    )

    assert unmarked(typed) == "Say `optimize-bot resume opt-7f3a` & look at 2026-11-29 01:22 UTC, not at “/optimize”."
