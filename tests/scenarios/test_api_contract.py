"""The API keeps its own OpenAPI document, for keys of every role, and gives nothing without a key.

Schemathesis makes requests from the document, right ones and wrong ones, and compares the answers with it.
"""

import asyncio
import http.client
import json
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings

from tests.bot_process import BotProcess, bot_process
from tests.odd_json import ODD_BODIES, ODD_STARTS
from tests.slack.strict import StrictSlack

pytestmark = [pytest.mark.server, pytest.mark.asyncio(loop_scope="module")]

#: A start that fits the schema may still name a symbol without bars, or a parameter of another strategy: 422 says so.
_CONFIG = """
[[operations]]
include-name = "POST /backtests/optimize"
checks.positive_data_acceptance.enabled = false
"""
#: The greatest role makes requests of every kind, and goes from one answer to the next; the others fewer.
_PHASES = {"admin": "examples,coverage,fuzzing,stateful", "runner": "examples,fuzzing", "viewer": "examples,fuzzing"}


@dataclass(frozen=True)
class Host:
    """A bot as a process of its own, with a key for each role."""

    bot: BotProcess
    keys: dict[str, str]

    @property
    def url(self) -> str:
        """Where its API stands."""
        return f"http://127.0.0.1:{self.bot.port}/api/v1"


async def _output(*words: str, **environment: str) -> str:
    """What a command prints; it must end well."""
    running = await asyncio.create_subprocess_exec(
        *words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment or None
    )
    said, _ = await running.communicate()
    assert running.returncode == 0, said.decode()
    return said.decode()


async def _key(bot: BotProcess, role: str) -> str:
    said = await _output(sys.executable, "-m", "bot", "keys", "add", role, f"role={role}", **bot.environment)
    found = re.search(r"obk_\S+", said)
    assert found is not None, said
    return found[0]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def host(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Host]:
    """A running bot; keys are made while it runs."""
    async with StrictSlack() as slack, bot_process(tmp_path_factory.mktemp("contract"), slack) as bot:
        yield Host(bot, {role: await _key(bot, role) for role in _PHASES})


@pytest.mark.parametrize("role", list(_PHASES))
async def test_every_answer_is_as_the_document_says(host: Host, role: str, tmp_path: Path) -> None:
    config = tmp_path / "schemathesis.toml"
    config.write_text(_CONFIG)

    said = await _output(
        *(str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(config)),
        *("run", f"{host.url}/openapi.json", "-H", f"Authorization: Bearer {host.keys[role]}"),
        *("--phases", _PHASES[role], "--max-examples", "2", "--generation-deterministic", "--no-color"),
        *("--continue-on-failure", "--request-timeout", "60"),
        *("--workers", "1"),  # CPython 3.11 now and then fails to parse sources in two threads at once
    )

    tested = re.search(r"(\d+) generated, (\d+) passed", said)
    assert tested is not None, said
    assert int(tested[1]) == int(tested[2]) >= 40, said


def _answer(host: Host, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, str, bytes]:
    """Status, content type and body of an answer."""
    key = {"Authorization": f"Bearer {host.keys['admin']}", "Content-Type": "application/json"}
    with closing(http.client.HTTPConnection("127.0.0.1", host.bot.port, timeout=60)) as connection:
        connection.request(method, f"/api/v1{path}", body, key | headers)
        answer = connection.getresponse()
        return answer.status, answer.headers.get("Content-Type", ""), answer.read()


def _require_problem(answer: tuple[int, str, bytes]) -> None:
    status, media, body = answer
    assert 400 <= status < 500, answer
    assert media == "application/problem+json", answer
    assert json.loads(body)["status"] == status


@pytest.mark.parametrize("bodies", [ODD_BODIES, ODD_STARTS], ids=["any", "starts"])
async def test_every_odd_body_is_refused_with_a_problem_document(host: Host, bodies: Any) -> None:
    @settings(derandomize=True, max_examples=60, suppress_health_check=list(HealthCheck))
    @given(bodies)
    def refuses(body: bytes) -> None:
        _require_problem(_answer(host, "POST", "/backtests/optimize", body))

    await asyncio.to_thread(refuses)


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "/nosuch", {"Host": "["}), ("GET", "/nosuch", {"Host": "a b"}), ("GET", "/nosuch", {"Host": "h:99999"}),
        ("GET", "/nosuch%ED%A0%80%00%0A", {}), ("GET", "/backtests/optimize/%ED%A0%80", {}),
        ("GET", "/backtests/optimize?limit=1e999", {}), ("GET", "/backtests/optimize?cursor=%ED%A0%80", {}),
        ("GET", "/backtests/optimize?symbol=%00", {}), ("GET", "/backtests/optimize?limit=" + "9" * 5000, {}),
        ("POST", "/backtests/optimize", {"Content-Type": "application/json; charset=utf-16"}),
        ("POST", "/backtests/optimize", {"Content-Type": "\xff"}), ("POST", "/backtests/optimize", {"Host": "[::1"}),
        ("POST", "/backtests/optimize", {"Idempotency-Key": "\xff" * 300}),
        ("GET", "/nosuch", {"Accept-Language": "\xff;q=\xb2"}), ("DELETE", "/strategies", {"Accept": "\xff"}),
    ],
)  # fmt: skip
async def test_every_odd_address_and_header_is_refused_with_a_problem_document(
    host: Host, method: str, path: str, headers: dict[str, str]
) -> None:
    _require_problem(await asyncio.to_thread(_answer, host, method, path, b"{", **headers))
