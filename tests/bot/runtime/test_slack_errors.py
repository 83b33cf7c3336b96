"""What an error of Slack is about: a row for every documented code, three invented ones, and what is no answer."""

import math
from pathlib import Path

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.runtime.slack_errors import (
    BY_CODE,
    LONGEST_RETRY_AFTER,
    UNREACHABLE,
    Reach,
    classify,
    fault_of,
    retry_after,
)

LINES = (Path(__file__).parent / "slack_error_codes.txt").read_text().splitlines()
ROWS = sorted({(code, Reach(reach)) for code, reach in (line.split() for line in LINES if line[:1] not in "#[")})


def answered(data: object, *, status: int = 200, **headers: str) -> SlackApiError:
    """The error that the client raises for an answer."""
    response = AsyncSlackResponse(
        client=AsyncWebClient(),
        http_verb="POST",
        api_url="",
        req_args={},
        data=data,
        headers=headers,
        status_code=status,
    )  # type: ignore[arg-type]
    return SlackApiError("refused", response)


@pytest.mark.parametrize(("code", "reach"), ROWS)
def test_documented_code_is_about(code: str, reach: Reach) -> None:
    assert classify(code) is reach


def test_every_row_of_the_table_is_documented() -> None:
    assert set(BY_CODE) == {code for code, _ in ROWS}


@pytest.mark.parametrize("code", ["channel_is_on_the_moon", "quota_of_tuesday", "x"])
def test_code_that_nobody_documents_is_unknown(code: str) -> None:
    assert classify(code) is Reach.UNKNOWN


@pytest.mark.parametrize("status", [301, 302, 400, 403, 404, 429, 500, 502, 503, 504])
def test_status_without_a_code_is_waited_out(status: int) -> None:
    assert classify("", status) is Reach.WAIT


@pytest.mark.parametrize("status", [429, 500, 503])
def test_status_of_a_server_that_is_unwell_counts_before_its_code(status: int) -> None:
    assert classify("msg_too_long", status) is Reach.WAIT


@pytest.mark.parametrize("data", [{}, "", "<html>Sign in</html>", None, {"error": "msg_too_long"}, {"ok": True}])
def test_answer_that_is_not_slacks_refusal_is_waited_out(data: object) -> None:
    assert fault_of(answered(data)).reach is Reach.WAIT


def test_refusal_names_its_code_and_the_missing_scope() -> None:
    fault = fault_of(answered({"ok": False, "error": "missing_scope", "needed": "files:write"}))

    assert (fault.reach, fault.code, fault.needed) == (Reach.BOT, "missing_scope", "files:write")


@pytest.mark.parametrize("trouble", [TimeoutError(), ConnectionResetError(), SlackApiError("no JSON", None)])
def test_lost_connection_is_waited_out(trouble: Exception) -> None:
    assert fault_of(trouble).reach is Reach.WAIT


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("1", 1.0),
        ("0", 0.0),
        ("2.5", 2.5),
        ("86400", LONGEST_RETRY_AFTER),
        ("1e99", LONGEST_RETRY_AFTER),
        ("-3", None),
        ("nan", None),
        ("inf", None),
        ("soon", None),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None),
        ("", None),
        (None, None),
    ],
)
def test_time_to_wait_is_a_number_that_makes_sense(header: str | None, seconds: float | None) -> None:
    found = retry_after(header)

    assert found == seconds
    assert found is None or math.isfinite(found)


def test_channels_that_cannot_be_reached_are_those_of_the_table() -> None:
    assert {code for code, reach in BY_CODE.items() if reach is Reach.CHANNEL} == UNREACHABLE
