"""Every number that is shown is a stored one, rounded; and no sentence claims more than the verdict."""

import random
from itertools import combinations
from typing import Any

import pytest
from pydantic import BaseModel

from optimizer.domain.study_results import Scored, StudyState, StudySummary, Verdict
from reports.render import LANGUAGES, Language, best_rows, renderer_of
from reports.text.message import Message
from tests.reports import facts, told

STATES = [state for state in StudyState if state is not StudyState.COMPLETE]


def shaken(model: Any, chance: random.Random) -> Any:
    """The same facts with every fraction changed by up to a tenth, so that no number is where it was."""
    if isinstance(model, BaseModel):
        changes = {name: shaken(getattr(model, name), chance) for name in type(model).model_fields}
        return model.model_copy(update=changes)
    if isinstance(model, tuple):
        return tuple(shaken(item, chance) for item in model)
    if isinstance(model, dict):
        return {key: shaken(item, chance) for key, item in model.items()}
    return model * chance.uniform(0.9, 1.1) if isinstance(model, float) else model


def assert_all_stored(texts: list[str], known: object) -> None:
    """Each number and each day of the texts is one of the known facts."""
    numbers, days = told.pool(known), told.days(known)
    for text in texts:
        for shown in told.numbers_in(text):
            assert shown.text in told.METHOD or any(shown.is_of(number) for number in numbers), (shown.text, text)
        assert told.dates_in(text) <= days, text
        assert told.months_in(text) <= {day[:7] for day in days}, text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", facts.SUMMARIES)
def test_every_number_of_a_result_is_stored(name: str, language: Language) -> None:
    study = facts.finished(name)

    assert_all_stored(list(told.texts(renderer_of(language).result(study))), study)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", ["strong", "promising", "unproven", "overfit"])
def test_no_number_of_a_result_is_written_into_a_template(name: str, seed: int, language: Language) -> None:
    summary = shaken(facts.SUMMARIES[name], random.Random(seed))
    study = facts.study(summary=summary, best_value=summary.winner.value)

    assert_all_stored(list(told.texts(renderer_of(language).result(study))), study)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", facts.SUMMARIES)
def test_every_number_of_a_report_is_stored(name: str, language: Language) -> None:
    study, trials = facts.finished(name), facts.trials(40)
    page = renderer_of(language).report(study, trials, {"equity": b"png", "heatmap": b"png"})

    assert_all_stored(told.page_text(page).splitlines(), (study, trials))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("state", STATES)
def test_every_number_of_a_root_message_is_stored(state: StudyState, language: Language) -> None:
    study = facts.study(state, trials_completed=124, seconds_left=18.2, queue_position=3, spec=facts.SPEC)

    shown = list(told.texts([renderer_of(language).root(study), renderer_of(language).status(study)]))
    assert_all_stored(shown, study)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_number_of_an_acknowledgement_is_stored(language: Language) -> None:
    study, plan = facts.study(StudyState.QUEUED), facts.plan(n_ahead=2)
    renderer = renderer_of(language)

    assert_all_stored(list(told.texts([renderer.ack(study, plan)])), (study, plan, plan.space.size))
    planned = (facts.SPEC, plan, plan.space.size, plan.space.parameters)
    assert_all_stored(list(told.texts([renderer.plan(facts.SPEC, plan)])), planned)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_number_of_a_failure_is_stored(language: Language) -> None:
    study = facts.failed()

    said = [text.replace("2008-03-03", "") for text in told.texts([renderer_of(language).failure(study)])]
    assert_all_stored(said, study)


def test_the_check_sees_a_number_that_is_not_stored() -> None:
    study = facts.finished("promising")
    message = Message("Sharpe 0.8577", [])

    with pytest.raises(AssertionError, match=r"0\.8577"):
        assert_all_stored(list(told.texts([message])), study)


def test_the_check_sees_a_wrong_sign() -> None:
    with pytest.raises(AssertionError):
        assert_all_stored(["Sharpe −0.84"], facts.finished("promising"))


def near_ties(seed: int) -> StudySummary:
    """Sets whose values nearly tie, as the best of a search do."""
    chance = random.Random(seed)
    sharpes = sorted((1.09 + chance.uniform(-0.003, 0.003) for _ in range(5)), reverse=True)
    top = tuple(
        facts.scored(facts.rsi(10 + i, 30, 70), (sharpe, 1.0, -0.2), (chance.uniform(-0.01, 0.01), 0.1, -0.1), i)
        for i, sharpe in enumerate(sharpes)
    )
    return facts.summary(winner=top[0], top=top)


@pytest.mark.parametrize("seed", range(6))
def test_the_table_of_best_sets_keeps_their_order(seed: int) -> None:
    summary = near_ties(seed)
    (table,) = (block for block in table_message(summary).blocks if block["type"] == "data_table")

    exact: list[Scored] = [row.scored for row in best_rows(summary)]
    for column, values in (
        (2, [scored.value for scored in exact]),
        (3, [scored.out_of_sample.sharpe_ratio for scored in exact if scored.out_of_sample]),
    ):
        shown = [told.Shown(row[column]["text"]).value for row in table["rows"][1:]]
        pairs = list(zip(shown, values, strict=True))
        assert not [(a, b) for a, b in combinations(pairs, 2) if (a[0] - b[0]) * (a[1] - b[1]) < 0]
        # What a click on the heading sorts by.
        sorted_by = [row[column]["value"] for row in table["rows"][1:]]
        assert sorted_by == [value if value is None else round(value, 6) for value in values]


def table_message(summary: StudySummary) -> Message:
    return renderer_of("en").result(facts.study(summary=summary))[-1]


#: Words that only a good verdict carries.
CLAIMS = {
    "en": ["it passed", "*use it*", "adopt it", "is real", "proves", "guarantee", "profitable"],
    "ko": ["모두 통과", "사용해도 좋습니다", "채택한 뒤", "진짜입니다", "보장", "확실합니다"],
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", [name for name in facts.SUMMARIES if name not in ("strong",)])
def test_only_a_strong_verdict_is_told_in_strong_words(name: str, language: Language) -> None:
    said = " ".join(told.texts(renderer_of(language).result(facts.finished(name)))).lower()

    assert [claim for claim in CLAIMS[language] if claim in said] == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", ["strong", "promising", "unproven", "failed_unseen", "overfit"])
def test_the_first_line_says_what_to_do_and_the_verdicts_word(name: str, language: Language) -> None:
    decision = renderer_of(language).decision(facts.finished(name))
    word = renderer_of(language).labels("words", "verdicts")[Verdict(name)]

    assert word.lower() in decision.blocks[0]["text"]["text"].lower()
    assert word.lower() in decision.text.lower()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_benchmark_is_in_the_first_line(language: Language) -> None:
    first = renderer_of(language).decision(facts.finished("promising")).blocks[0]["text"]["text"]

    assert "+22.1%" in first
    assert "+17.2%" in first
    assert told.months_in(first) == {"2011-10", "2013-02"}
