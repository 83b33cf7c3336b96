"""`optimize-bot keys` as a person types it: while no bot runs, and while one does; and a bot in Socket Mode."""

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest
from fastapi import FastAPI

from bot.http_server import PortTaken, listen
from bot.runtime.settings import Settings
from tests.bot_process import bot_process
from tests.refused import refused
from tests.slack.inspection import APP_TOKEN
from tests.slack.strict import StrictSlack

pytestmark = pytest.mark.server


async def typed(home: Path, *words: str, language: str = "en") -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command."""
    environment = os.environ | {"OPTIMIZE_BOT_HOME": str(home), "OPTIMIZE_BOT_LANGUAGE": language}
    running = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "keys", *words), env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    out, said = await running.communicate()
    return running.returncode or 0, out.decode(), said.decode()


async def test_a_key_is_printed_alone_and_once(home: Path) -> None:
    code, out, said = await typed(home, "add", "ci", "role=runner")
    _, listed, _ = await typed(home, "list")

    assert code == 0, said
    assert re.fullmatch(r"obk_[\w-]{43}\n", out)
    assert "runner" in said
    assert out.strip() not in said + listed
    assert listed.startswith("`ci` runner, made ")


async def test_what_cannot_be_done_is_said_in_the_language_of_the_terminal(home: Path) -> None:
    empty = await typed(home, "list", language="ko")
    wrong = await typed(home, "add", "ci", "role=runer", language="ko")

    assert (empty[0], empty[1]) == (0, "")
    assert "키가 없습니다" in empty[2]
    assert wrong[0] == 2
    assert "`runer` 역할은 없습니다" in wrong[2]


@pytest.mark.parametrize("mode", ["http", "socket"])
async def test_keys_are_made_and_revoked_while_the_bot_runs(home: Path, mode: str) -> None:
    socket_mode = {"SLACK_APP_TOKEN": APP_TOKEN} if mode == "socket" else {}
    async with StrictSlack() as slack, bot_process(home, slack, **socket_mode) as bot, aiohttp.ClientSession() as web:
        _, key, said = await typed(home, "add", "ci")
        address, head = f"http://127.0.0.1:{bot.port}/api/v1/strategies", {"Authorization": f"Bearer {key.strip()}"}
        async with web.get(address, headers=head) as answer:
            before = answer.status
        code, _, _ = await typed(home, "revoke", "ci")
        async with web.get(address, headers=head) as answer:
            after = answer.status
        assert await asyncio.to_thread(bot.stop) == 0

    assert "viewer" in said
    assert (before, code, after) == (200, 0, 401)


async def test_a_port_that_is_taken_is_named(home: Path) -> None:
    settings = Settings.model_validate({"OPTIMIZE_BOT_HOME": home, "OPTIMIZE_BOT_PORT": 0})
    async with listen(FastAPI(), settings) as port:
        taken = settings.model_copy(update={"port": port})
        with refused(PortTaken, match=f"port {port}"):
            async with listen(FastAPI(), taken):
                raise AssertionError("it listens twice")
