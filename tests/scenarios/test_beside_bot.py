"""Commands typed in a terminal while `optimize-bot serve` runs on the same data directory: the bot carries them out."""

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from bot.access.local import local_user
from optimizer.storage.embedded_mongo import EmbeddedMongo
from tests.bot_process import free_port
from tests.terminal import Terminal

pytestmark = pytest.mark.server


@dataclass(frozen=True)
class Serving:
    """A running bot: its data directory, its process and its database."""

    home: Path
    process: "subprocess.Popen[str]"
    database: Any


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory, mongod: EmbeddedMongo) -> Iterator[Serving]:
    """A bot without Slack, which has printed its link."""
    home, uri = tmp_path_factory.mktemp("beside"), mongod.uri.replace("/?", "/beside?")
    environment = {
        "OPTIMIZE_BOT_HOME": str(home), "MONGODB_URI": uri, "OPTIMIZE_BOT_PORT": str(free_port()),
        "OPTIMIZE_BOT_WORKERS": "1", "OPTIMIZE_BOT_SOURCES": "file,sample", "COLUMNS": "200",
    }  # fmt: skip
    command = [sys.executable, "-m", "bot", "serve"]
    with pytest.MonkeyPatch.context() as patch, MongoClient[dict[str, Any]](uri) as client:
        for name, value in environment.items():
            patch.setenv(name, value)
        bot = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            assert bot.stdout is not None
            assert "Slack is off" in bot.stdout.readline()
            yield Serving(home, bot, client["beside"])
        finally:
            bot.kill()
            bot.communicate()


@pytest.fixture
def typed(serving: Serving, capsys: "pytest.CaptureFixture[str]") -> Terminal:
    """A terminal beside the bot."""
    return Terminal(capsys)


def test_a_study_is_run_by_the_bot_and_told_as_ever(serving: Serving, typed: Terminal, tmp_path: Path) -> None:
    ended = typed("run", "IBM", "RSI", "30", "seed=9", "--json", "--out", str(tmp_path / "out"))
    told = json.loads(ended.out)
    stored = serving.database.optimization_studies.find_one({"study_name": told["study"]["name"]})

    assert ended.code == 0, ended.err
    assert len(told["trials"]) == 30
    assert "on the unseen" in " ".join(ended.err.split())
    assert (stored["created_by"], stored["origin"]["door"]) == (local_user(), "terminal")
    assert (tmp_path / "out" / "report.html").is_file()
    assert told["study"]["name"] in typed("list").out


def test_bars_are_imported_into_the_prices_that_the_bot_has_open(typed: Terminal, tmp_path: Path) -> None:
    rows = [f"2024-02-{day:02},10.5,12.25,9.5,11.75,1000" for day in (5, 6, 7, 8)]
    (tmp_path / "OWN.csv").write_text("\n".join(["Date,Open,High,Low,Close,Volume", *rows]) + "\n")

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)  # not where the bot was started
        brought = typed("data", "import", "OWN.csv")
    shown = typed("data", "list", "--json")

    assert brought.code == 0, brought.err
    assert "4 bars of 1 symbol from 1 file." in brought.out
    assert "OWN" in shown.out


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("show", "opt-ffffffff"), 1, "There is no study `opt-ffffffff`."),
        (("run", "AAPL", "RSI", "200", "gaol=sharpe"), 2, "gaol"),
        (("--language", "ko", "status", "opt-ffffffff"), 1, "`opt-ffffffff`"),
        (("move",), 1, "There is no embedded database"),
        (("serve",), 1, "this command needs the folder for itself"),
    ],
)
def test_what_the_bot_refuses_is_said_here(
    typed: Terminal, serving: Serving, words: tuple[str, ...], code: int, said: str
) -> None:
    ended = typed(*words)

    assert (ended.code, ended.out) == (code, "")
    assert said in ended.err


def test_a_study_goes_on_in_the_bot_when_its_terminal_is_interrupted(serving: Serving, typed: Terminal) -> None:
    running = subprocess.Popen(
        [sys.executable, "-m", "bot", "run", "AAPL", "RSI", "800", "folds=0", "seed=77"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    studies = serving.database.optimization_studies
    while (study := studies.find_one({"spec.seed": 77})) is None:
        assert running.poll() is None, running.communicate()
        time.sleep(0.02)
    running.send_signal(signal.SIGINT)
    _, complaints = running.communicate(timeout=60)
    while studies.find_one({"spec.seed": 77})["status"] in ("queued", "running"):
        assert serving.process.poll() is None
        time.sleep(0.1)

    assert running.returncode in (128 + signal.SIGINT, 0)  # 0: it had ended before
    assert "Traceback" not in complaints
    assert "800 sets" in " ".join(typed("status", study["study_name"]).out.split())


def test_only_its_owner_may_open_the_socket(serving: Serving) -> None:
    mode = os.stat(serving.home / "terminal.sock").st_mode

    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o600
