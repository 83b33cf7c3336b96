"""Log lines as JSON."""

import json
import logging
import sys

from bot.ops.json_log import JsonLines, request_of


def line(message: str, *args: object, fault: bool = False) -> dict[str, str]:
    info = sys.exc_info() if fault else None
    record = logging.LogRecord("bot.x", logging.WARNING, "x.py", 1, message, args, info)
    text = JsonLines().format(record)
    assert "\n" not in text
    found: dict[str, str] = json.loads(text)
    return found


def test_facts_of_a_line_are_fields() -> None:
    found = line("study_failed study=%s deaths=%s", "opt-7f3a", 3)

    assert found["message"] == "study_failed study=opt-7f3a deaths=3"
    assert (found["study"], found["deaths"], found["level"], found["logger"]) == ("opt-7f3a", "3", "warning", "bot.x")
    assert found["time"].endswith("+00:00")
    assert "request" not in found


def test_lines_of_a_request_name_it_and_nothing_in_them_can_replace_that() -> None:
    with request_of("U1"):
        one, other = line("asked text=%s", "x user=U2 request=1 level=info"), line("done")
    with request_of("U1"):
        later = line("done")

    assert one["user"] == other["user"] == "U1"
    assert one["request"] == other["request"] != later["request"]
    assert one["level"] == "warning"


def test_a_fault_is_one_line_too() -> None:
    try:
        raise ValueError("with\na break")
    except ValueError:
        found = line("broke", fault=True)

    assert "ValueError: with\na break" in found["fault"]
