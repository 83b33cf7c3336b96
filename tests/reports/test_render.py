"""Every message in both languages: within Slack's limits, escaped, and nothing missing."""

import re
from dataclasses import replace

import pytest
from jinja2 import UndefinedError

from optimizer.domain.metrics import GOALS
from optimizer.domain.study_request import Costs
from optimizer.domain.study_results import Measures, StudyState
from optimizer.errors import NotANumber, SomethingBroke, UnknownWord, UserError
from optimizer.strategies.registry import OVERLAYS, STRATEGIES
from reports import actions
from reports.charts.chart_list import CHARTS
from reports.charts.figures import DPI
from reports.render import LANGUAGES, TEMPLATES, Language, renderer_of
from reports.tables import report_tables
from reports.text.message import Message
from tests.refused import refused
from tests.reports import facts, kinds, told
from tests.slack.blocks import check_message_blocks

ALL = {language: kinds.everything(renderer_of(language)) for language in LANGUAGES}
EACH = [(language, name) for language in LANGUAGES for name in ALL[language]]


@pytest.mark.parametrize(("language", "name"), EACH)
def test_slack_would_take_it(language: Language, name: str) -> None:
    for message in ALL[language][name]:
        assert check_message_blocks(message.blocks) == []
        assert 0 < len(message.text) <= 3000


@pytest.mark.parametrize(("language", "name"), EACH)
def test_it_reads_like_a_sentence(language: Language, name: str) -> None:
    for text in told.texts(ALL[language][name]):
        assert text == text.strip()
        assert not re.search(r"None|nan\b|Undefined|\{|\}| {2}| [.,;]|\(\)|\.\.(?!\.)", text), text


@pytest.mark.parametrize(("language", "name"), EACH)
def test_bold_ends_where_a_word_ends_or_slack_shows_its_stars(language: Language, name: str) -> None:
    for text in told.texts(ALL[language][name]):
        assert not re.search(r"\w\*\w", text), text
        assert text.count("*") % 2 == 0, text


@pytest.mark.parametrize("name", ALL["ko"])
def test_korean_is_korean(name: str) -> None:
    said = " ".join(told.texts(ALL["ko"][name]))

    assert re.search("[가-힣]", said)


def macros(language: str, file: str) -> list[str]:
    """The sentences that a file gives to others, with their arguments."""
    return re.findall(r"{% macro (\w+\([^)]*\))", (TEMPLATES / language / file).read_text(encoding="utf-8"))


def test_both_languages_say_the_same_things() -> None:
    files = {language: {path.name for path in (TEMPLATES / language).glob("*.jinja")} for language in LANGUAGES}

    assert files["en"] == files["ko"]
    for file in files["en"] - {"words.jinja"}:
        assert set(macros("en", file)) == set(macros("ko", file))


def test_a_fold_without_a_feasible_set_leaves_no_empty_cell() -> None:
    summary = facts.summary()
    assert summary.walk_forward is not None
    empty = summary.walk_forward.folds[0].model_copy(update={"params": {}, "in_sample": None, "out_of_sample": None})
    folds = (empty, *summary.walk_forward.folds[1:])
    walk_forward = summary.walk_forward.model_copy(update={"folds": folds})
    study = facts.study(summary=summary.model_copy(update={"walk_forward": walk_forward}))

    assert [check_message_blocks(message.blocks) for message in renderer_of("en").result(study)] == [[], []]


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_worded_twice(language: Language) -> None:
    for path in (TEMPLATES / language).glob("*.jinja"):
        names = macros(language, path.name)
        assert len(names) == len(set(names)), path


def test_every_goal_has_a_name_in_both_languages() -> None:
    for language in LANGUAGES:
        for goal in GOALS:
            spec = facts.SPEC.model_copy(update={"goals": (goal,)})
            assert renderer_of(language).plan(spec, facts.plan()).text


def test_every_measure_of_the_report_is_one() -> None:
    assert set(report_tables.FORMATS) <= set(Measures.model_fields)


HOSTILE = "<!channel> & <@U012AB3CD> `code` *bold*\n" * 300


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_a_person_typed_pings_nobody_and_stays_short(language: Language) -> None:
    message = renderer_of(language).refusal(UnknownWord(word=HOSTILE, nearest="", known="rsi"))

    for text in told.texts([message]):
        assert "<" not in text
        assert "&lt;!channel&gt; &amp;" in text
        assert len(text) < 400
    assert check_message_blocks(message.blocks) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_hostile_facts_of_a_study_are_escaped_everywhere(language: Language) -> None:
    spec = facts.SPEC.model_copy(update={"symbol": "<!here>"})
    study = replace(facts.finished("promising"), spec=spec, created_by="<!channel>", source="a&b<c>", command="x`<y>")
    say = renderer_of(language)

    said = list(told.texts([say.root(study), *say.result(study), say.listing([study])]))
    assert not any("<" in text or re.search(r"&(?!(amp|lt|gt);)", text) for text in said)
    report = say.report(study, [], {})
    assert "<!here>" not in report
    assert "<!channel>" not in report
    assert "<y>" not in report


def test_a_slack_user_is_mentioned_and_a_terminal_user_named() -> None:
    say = renderer_of("en")

    assert "<@U012AB3CD>" in say.root(facts.study(StudyState.RUNNING)).blocks[0]["text"]["text"]
    assert "<" not in say.root(facts.study(StudyState.RUNNING, created_by="alice")).blocks[0]["text"]["text"]


def test_a_number_that_no_filter_rounded_is_refused() -> None:
    with pytest.raises(TypeError, match=r"0\.1"):
        renderer_of("en").render("notice", notice="chart_missing", x={"reason": 0.1})


def test_a_missing_fact_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        renderer_of("en").notice("broken")


def buttons(message: Message) -> list[str]:
    rows = [block["elements"] for block in message.blocks if block["type"] == "actions"]
    return [element["action_id"] for row in rows for element in row]


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (StudyState.QUEUED, [actions.PAUSE, actions.CANCEL, actions.DETAILS]),
        (StudyState.RUNNING, [actions.PAUSE, actions.CANCEL, actions.DETAILS]),
        (StudyState.PAUSED, [actions.RESUME, actions.CANCEL, actions.DETAILS]),
        (StudyState.FAILED, [actions.RESUME, actions.DETAILS]),
        (StudyState.CANCELLED, [actions.RESUME, actions.DETAILS]),
        (StudyState.COMPLETE, []),
    ],
)
def test_the_root_offers_what_its_state_allows(state: StudyState, expected: list[str]) -> None:
    assert buttons(renderer_of("en").root(facts.study(state))) == expected


CHOICES = [actions.REPORT, actions.HEATMAP, actions.REPLAY, actions.SHARE, actions.SCHEDULE, actions.ADOPT]


def choices(message: Message) -> list[str]:
    """What the menus of a message offer, as values."""
    rows = [[*block.get("elements", []), block.get("accessory", {})] for block in message.blocks]
    return [option["value"] for row in rows for element in row for option in element.get("options", [])]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", facts.SUMMARIES)
def test_a_decision_has_one_button_and_a_menu_of_the_others(name: str, language: Language) -> None:
    decision = renderer_of(language).decision(facts.finished(name))

    first, menu = buttons(decision)
    assert menu == actions.MENU
    assert first == {"strong": actions.ADOPT}.get(name, first)
    assert choices(decision) == [f"{action} opt-7f3a" for action in CHOICES if action != first]
    assert decision.blocks[-1]["elements"][0]["style"] == "primary"
    assert decision.blocks[-1]["elements"][0]["value"] == "opt-7f3a"


def test_the_details_offer_what_is_seldom_wanted() -> None:
    [details] = renderer_of("en").details(facts.finished("strong"))

    assert choices(details) == [f"{action} opt-7f3a" for action in (actions.MORE, actions.EXPORT, actions.EDIT_RULE)]


def test_adopting_is_a_button_of_a_strong_result_alone_and_says_the_verdict() -> None:
    firsts = {
        name: renderer_of("en").decision(facts.finished(name)).blocks[-1]["elements"][0] for name in facts.SUMMARIES
    }

    assert [name for name, first in firsts.items() if first["action_id"] == actions.ADOPT] == ["strong"]
    assert "*strong*" in firsts["strong"]["confirm"]["text"]["text"]


def test_the_root_counts_up_as_the_plan_says() -> None:
    study = facts.study(StudyState.RUNNING, trials_completed=124, best_value=0.84, seconds_left=18.2)

    assert renderer_of("en").root(study).blocks[1]["text"]["text"] == "`▓▓▓▓▓▓▓░░░░░` 124/200 · 18 s left"


def test_a_free_trade_is_named_in_the_decision_and_among_the_assumptions() -> None:
    spec = facts.SPEC.model_copy(update={"costs": Costs(commission_bps=0, slippage_bps=0)})
    said = [
        " ".join(told.texts([message])) for message in renderer_of("en").result(facts.finished("promising", spec=spec))
    ]

    assert "Costs were set to zero" in said[0]
    assert "Trading is free" in said[1]


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (NotANumber(name="seed", value="x"), "`seed` 값은 숫자로 입력해 주세요. `x`는 숫자가 아닙니다."),
        (SomethingBroke(reference="ab12cd"), "내부 오류가 났습니다. 로그의 참조 번호는 `ab12cd`입니다."),
        (UserError(reason="까닭"), "까닭"),
    ],
)
def test_an_error_is_told_in_the_readers_language(error: UserError, sentence: str) -> None:
    assert renderer_of("ko").error(error) == sentence


def test_korean_help_tells_every_rule_in_korean() -> None:
    said = [text for message in ALL["ko"]["strategies"] for text in told.texts([message])]
    lines = [line for text in said for line in text.splitlines() if line.startswith("*`")]

    assert len(lines) >= len(STRATEGIES)
    assert all(re.search("[가-힣]{2}", line) for line in lines)
    for name in OVERLAYS:
        assert re.search("[가-힣]{2}", ALL["ko"][f"help_{name}"][0].text.partition("·")[2].partition(".")[0])


def test_help_about_nothing_known_names_the_nearest() -> None:
    with refused(UnknownWord, match="bollinger"):
        renderer_of("en").help("bolinger")


def test_every_chart_is_named_and_told_in_words_in_both_languages() -> None:
    told_of = {language: [renderer_of(language).chart_words(name) for name in CHARTS] for language in LANGUAGES}

    for title, seen in told_of["en"] + told_of["ko"]:
        assert 0 < len(title) < 30 < len(seen)
    assert all(re.search("[가-힣]", title) and re.search("[가-힣]", seen) for title, seen in told_of["ko"])


def test_charts_are_as_sharp_as_a_phone() -> None:
    assert DPI >= 200


@pytest.mark.parametrize("language", LANGUAGES)
def test_report_says_how_old_the_bars_are_right_under_the_verdict(language: Language) -> None:
    study = facts.finished("unproven", findings=(kinds.OLD,))

    report = renderer_of(language).report(study, [], {})

    assert report.index("2013-03-01") < report.index("<p>", report.index("<p>") + 3), "before the winner"
    assert "3,456" in report
