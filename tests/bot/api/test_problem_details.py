"""Problem documents: a status for every error, and the language asked for."""

import json
from http import HTTPStatus

import pytest

from bot.access.roster import NotYours
from bot.api import content_types, errors
from bot.api.problem_details import STATUSES, fields_problem, language_of, problem_response, status_of
from bot.commands.start import QueueFull
from bot.grammar.fields import BadFields
from optimizer.errors import MissingExtra, UnknownAtSource, UnknownStrategy, UserError, WrongStep
from optimizer.studies.service import AlreadyFinished


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.NoKey(), 401), (NotYours(study="opt-1", owner="U1"), 403), (QueueFull(waiting=2, limit=1), 429),
        (AlreadyFinished(study="opt-1", state="complete"), 409), (UnknownAtSource(word="X", source="yahoo"), 404),
        (MissingExtra(source="yahoo", extra="yahoo"), 503), (UserError(reason="so"), 422),
        (WrongStep(name="a", step=1, low=0, value=0.5, nearest=1), 422),
    ],
)  # fmt: skip
def test_an_error_has_the_status_of_its_kind(error: UserError, status: int) -> None:
    answer = problem_response(error, "en")

    assert (answer.status_code, status_of(error)) == (status, status)
    assert answer.headers["content-type"] == "application/problem+json"
    assert ("retry-after" in answer.headers) == (status in (429, 503))


def test_no_kind_has_a_status_that_its_own_kind_hides() -> None:
    assert all(status_of(kind.__new__(kind)) is status for kind, status in STATUSES.items())


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"), ("ko", "ko"), ("ko-KR,en;q=0.5", "ko"), ("en-GB, ko;q=0.9", "en"), ("fr, ko;q=0.2", "ko"),
        ("ko;q=0", "en"), ("ko;q=x", "en"), ("*", "en"), (";;,,q=", "en"), ("de;q=1e9, ko", "ko"), ("KO", "ko"),
    ],
)  # fmt: skip
def test_the_best_language_we_have_is_spoken(header: str, language: str) -> None:
    assert language_of(header) == language


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", content_types.JSON), ("*/*", content_types.JSON), ("text/*", content_types.CSV),
        ("text/html, text/csv;q=0.5", content_types.CSV),
        ("application/*", content_types.JSON), ("application/vnd.apache.parquet, */*;q=0.1", content_types.PARQUET),
        ("application/json;q=0, text/csv;q=0.1", content_types.CSV), ("TEXT/CSV", content_types.CSV),
    ],
)  # fmt: skip
def test_the_form_liked_best_is_chosen(accept: str, form: str) -> None:
    assert content_types.choose_form(accept) == form


@pytest.mark.parametrize("accept", ["image/png", "text/csv;q=0", "application/jsonx", ","])
def test_a_form_that_nobody_writes_is_refused(accept: str) -> None:
    with pytest.raises(errors.NotOffered):
        content_types.choose_form(accept)


def test_sentences_are_plain_text_and_hostile_words_stay_words() -> None:
    problem = json.loads(bytes(problem_response(UnknownStrategy.of("<@U012AB3CD> & *x*", ["rsi"]), "en").body))

    assert "<@U012AB3CD> & " in problem["detail"]
    assert "&lt;" not in problem["detail"]


def test_several_wrong_fields_are_one_problem() -> None:
    bad = BadFields({"/a": errors.MissingField(field="a"), "?b": UnknownStrategy.of("rsy", ["rsi"])})

    problem = json.loads(bytes(fields_problem(bad, "en").body))

    assert problem["status"] == HTTPStatus.UNPROCESSABLE_ENTITY
    assert [(each["pointer"], each["nearest"]) for each in problem["errors"]] == [("#/a", None), ("?b", "rsi")]
