"""An operator's own strategy from the file to its result: in Slack, in a terminal and over HTTP, in both languages."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from optimizer.strategies.plugins.example_file import example_of
from tests.bot_process import BotProcess, bot_process, mongo_client
from tests.optimizer.strategies.own_files import slow_path
from tests.scenarios.conftest import WORKING, study_in
from tests.slack.driver import Driver
from tests.slack.strict import StrictSlack
from tests.slack.wire import HttpWire

pytestmark = [pytest.mark.server, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

#: Passes its trial, and waits for ever over anybody's bars.
ENDLESS = slow_path("endless", "return bars.close * 0 if bars.symbol == 'TRIAL' else others.setdefault('x', wait())")
ENDLESS = ENDLESS.replace("import numpy as np", "import signal; wait = signal.pause")
WRONG = "def positions(:\n"


def _put(home: Path, name: str, text: str) -> None:
    folder = home / "strategies"
    folder.mkdir(mode=0o700, exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    (folder / name).chmod(0o600)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def slack() -> AsyncIterator[StrictSlack]:
    """The Slack of this module."""
    async with StrictSlack() as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bot(slack: StrictSlack, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[BotProcess]:
    """A bot whose operator put three files into its folder: a good one, one that never ends, and no Python."""
    home = tmp_path_factory.mktemp("own_strategies")
    for name, text in {"myrule.py": example_of("myrule", "x"), "endless.py": ENDLESS, "wrong.py": WRONG}.items():
        _put(home, name, text)
    async with bot_process(home, slack, OPTIMIZE_BOT_PLUGINS="folder", log=home.parent / "own.log") as running:
        yield running
        assert running.stop() == 0


async def _tell(slack: StrictSlack, bot: BotProcess, text: str, *, user: str = "alice") -> str:
    """Type a command; returns what its asker is told."""
    async with HttpWire(bot.url, patience=30) as wire:
        delivery = await Driver(slack, wire).command(text, user=user)
        assert delivery.status == 200
        assert delivery.response_url is not None
        replies = delivery.response_url.replies

        async def look() -> str | None:
            bodies = [reply.body for reply in replies if not reply.body.get("replace_original")]
            return next((str(body) for body in reversed(bodies) if body["text"] not in WORKING), None)

        return await slack.eventually(look, seconds=120, what=text)


async def _ended(slack: StrictSlack, bot: BotProcess, text: str) -> dict[str, Any]:
    """Start a study; returns its document once it has ended."""
    name = study_in(await _tell(slack, bot, text))
    assert name is not None

    async def look() -> dict[str, Any] | None:
        with mongo_client(bot.home) as client:
            wanted = {"study_name": name, "status": {"$in": ["complete", "failed"]}}
            return await asyncio.to_thread(client.optimize_bot.optimization_studies.find_one, wanted)

    return await slack.eventually(look, seconds=300, what=f"the end of {name}")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def study(slack: StrictSlack, bot: BotProcess) -> dict[str, Any]:
    """A finished study of the good one."""
    found = await _ended(slack, bot, "AAPL myrule 20 folds=0 seed=3")
    assert found["status"] == "complete", found["failure"]
    return found


async def test_help_and_lists_have_it_in_both_languages(slack: StrictSlack, bot: BotProcess) -> None:
    english = await _tell(slack, bot, "help myrule")
    korean = await _tell(slack, bot, "help myrule", user="kim")

    assert "My strategy: Hold from a close" in english
    assert "distance below the average at which it buys" in english
    assert "나의 전략" in korean
    assert "평균의 봉 수" in korean
    assert "`myrule`" in await _tell(slack, bot, "strategies")


async def test_a_study_of_it_runs_to_its_result(study: dict[str, Any]) -> None:
    assert study["trials_completed"] == 20
    assert len(study["strategy_digest"]) == 64
    assert study["summary"]["verdict"]


async def test_the_plan_says_that_it_is_python_and_how_long_a_set_takes(slack: StrictSlack, bot: BotProcess) -> None:
    plan = await _tell(slack, bot, "AAPL myrule 20 dry")

    assert "The strategy is Python (`myrule.py`): a set takes about" in plan
    assert "ms over 1,500 bars." in plan


async def test_programs_find_it(bot: BotProcess) -> None:
    key = (await asyncio.to_thread(_typed, bot.home, "keys", "add", "desk", "role=viewer"))[1].split()[0]
    headers = {"Authorization": f"Bearer {key}", "Accept-Language": "ko"}
    async with aiohttp.ClientSession(headers=headers) as session:
        async with session.get(f"{bot.origin}/api/v1/openapi.json") as answer:
            contract = await answer.text()
        async with session.get(f"{bot.origin}/api/v1/strategies") as answer:
            cards = {card["key"]: card for card in (await answer.json())["strategies"]}

    assert '"myrule"' in contract
    assert cards["myrule"]["title"] == "나의 전략"
    assert [parameter["name"] for parameter in cards["myrule"]["parameters"]] == ["period", "drop"]


async def test_health_tells_what_was_loaded_and_refused(slack: StrictSlack, bot: BotProcess) -> None:
    health = await _tell(slack, bot, "health")

    assert "2 loaded: endless, myrule" in health
    assert "`wrong.py`, line 1: it is not Python" in health
    assert "`wrong.py`, line 1: it is not Python" in await _tell(slack, bot, "AAPL wrong 20")


async def test_one_that_never_ends_is_stopped_and_named(slack: StrictSlack, bot: BotProcess) -> None:
    found = await _ended(slack, bot, "IBM endless 20 folds=0")

    assert found["failure"]["kind"] == "StrategyHung"
    assert found["failure"]["facts"] == {"strategy": "endless", "file": "endless.py"}
    assert found["deaths"] == 1
    assert bot.log is not None
    assert 'endless.py", line 7 in positions' in bot.log.read_text()


async def test_a_file_that_was_changed_is_named_by_replay_and_ends_more(
    slack: StrictSlack, bot: BotProcess, study: dict[str, Any]
) -> None:
    name = study["study_name"]
    channel = await slack.channel_id()

    async def said(words: str) -> bool | None:
        messages = [m for root in await slack.messages(channel) for m in await slack.thread(channel, root.ts)]
        return True if any(words in str(m.blocks) + m.text for m in messages) else None

    await _tell(slack, bot, f"replay {name}")
    await slack.eventually(lambda: said("match the stored ones exactly."), seconds=120, what="an equal replay")
    _put(bot.home, "myrule.py", example_of("myrule", "x").replace("1.0, 0.0)", "0.0, 1.0)"))
    bot.stop()
    await bot.start()
    await bot.until_ready()
    await _tell(slack, bot, f"replay {name}")
    words = "The study ran with another `myrule.py` than the one loaded now."
    await slack.eventually(lambda: said(words), seconds=120, what="the name of the file")
    more = await _ended_again(slack, bot, f"more {name} 5", name)

    assert more["failure"]["kind"] == "StrategyChanged"
    assert more["failure"]["facts"]["file"] == "myrule.py"


async def _ended_again(slack: StrictSlack, bot: BotProcess, text: str, name: str) -> dict[str, Any]:
    await _tell(slack, bot, text)

    async def look() -> dict[str, Any] | None:
        with mongo_client(bot.home) as client:
            wanted = {"study_name": name, "status": "failed"}
            return await asyncio.to_thread(client.optimize_bot.optimization_studies.find_one, wanted)

    return await slack.eventually(look, seconds=120, what=f"the end of {name}")


def _typed(home: Path, *words: str) -> tuple[int, str]:
    """Type a command into the program; returns its exit code and what it printed."""
    own = {"OPTIMIZE_BOT_HOME": str(home), "OPTIMIZE_BOT_PLUGINS": "folder", "OPTIMIZE_BOT_WORKERS": "1"}
    environment = {**os.environ, "COLUMNS": "300", **own}
    command = [sys.executable, "-m", "bot", *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


async def test_an_author_writes_and_checks_a_file_in_a_terminal(tmp_path: Path) -> None:
    home = tmp_path / "home"
    code, said = _typed(home, "strategies", "new", "dip")
    path = home / "strategies" / "dip.py"
    assert (code, path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0, 0o600, 0o700), said
    assert "Written:" in said
    assert _typed(home, "strategies", "new", "dip")[0] == 1
    assert "means something else in a command" in _typed(home, "strategies", "new", "rsi")[1]

    assert _typed(home, "strategies", "check", str(path))[0] == 0
    assert "나의 전략" in _typed(home, "--language", "ko", "help", "dip")[1]
    code, said = _typed(home, "AAPL", "dip", "12", "folds=0", "--json")
    assert code == 0, said
    assert json.loads(said.splitlines()[0])["study"]["strategy"] == "dip"

    path.write_text(path.read_text().replace("bars.close > average", "np.append(bars.close[1:], 0) > average"))
    code, said = _typed(home, "strategies", "check", str(path), "--json")
    document = json.loads(said.splitlines()[0])

    assert code == 1
    assert not document["passes"]
    assert "it looks ahead: the position at bar" in document["refused"][0]["sentence"]
    assert _typed(home, "strategies", "check", str(home / "nothing.py"))[0] == 1
