"""`optimize-bot prune` and `move` as a person types them, and the database's version."""

import asyncio
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from pymongo import MongoClient

from bot.documents.migrations import SCHEMA, DatabaseTooNew, SchemaVersion, migrate, schema_version
from optimizer.clock import utc_now
from optimizer.storage.copies.database_copy import DETAILS, STUDIES
from optimizer.storage.documents import OptimizationStudy
from optimizer.storage.driver import collection_of
from optimizer.storage.embedded_mongo import EmbeddedMongo
from tests.bot_process import bot_process
from tests.refused import refused
from tests.scenarios.conftest import kept_bindings
from tests.slack.driver import Driver
from tests.slack.strict import StrictSlack
from tests.slack.wire import HttpWire
from tests.terminal import Terminal

pytestmark = pytest.mark.server

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def stored(mongod: EmbeddedMongo) -> Iterator[Any]:
    """The database of the commands, through the plain driver."""
    with MongoClient[dict[str, Any]](mongod.uri.replace("/?", "/upkeep?")) as client:
        yield client.get_default_database()


@pytest.fixture
def terminal(
    tmp_path: Path, mongod: EmbeddedMongo, monkeypatch: pytest.MonkeyPatch, capsys: "pytest.CaptureFixture[str]"
) -> Iterator[Terminal]:
    monkeypatch.setenv("OPTIMIZE_BOT_HOME", str(tmp_path))
    monkeypatch.setenv("MONGODB_URI", mongod.uri.replace("/?", "/upkeep?"))
    monkeypatch.setenv("OPTIMIZE_BOT_WORKERS", "1")
    with kept_bindings():
        yield Terminal(capsys)


def test_a_pruned_study_keeps_its_decision_and_can_be_searched_again(terminal: Terminal, stored: Any) -> None:
    ran = terminal("run", "AAPL", "RSI", "20", "folds=0", "source=sample", "--json")
    name = json.loads(ran.out)["study"]["name"]
    young = terminal("prune", "older=30d", "--json")
    stored[STUDIES].update_one({"study_name": name}, {"$set": {"completed_at": utc_now() - timedelta(days=400)}})
    before = list(stored[DETAILS[0]].find({"study": name}, {"params": 1, "value": 1, "_id": 0}).sort("trial_number"))
    dry, pruned = terminal("prune", "--dry", "older=1y", "--json"), terminal("prune", "older=1y", "--json")
    left = {detail: stored[detail].count_documents({"study": name}) for detail in DETAILS}
    shown, replayed = terminal("show", name), terminal("replay", name)
    again = terminal("more", name, "1")
    after = list(stored[DETAILS[0]].find({"study": name}, {"params": 1, "value": 1, "_id": 0}).sort("trial_number"))

    assert [json.loads(said.out)["n_studies"] for said in (young, dry, pruned)] == [0, 1, 1]
    assert json.loads(dry.out)["n_trials"] == json.loads(pruned.out)["n_trials"] == 20 == len(before)
    assert "20 trials of 1 study" in " ".join(pruned.err.split())
    assert left == {**dict.fromkeys(DETAILS, 0), "optimization_tried_sets": 1}
    assert (shown.code, replayed.code) == (0, 1)
    assert name in shown.out
    assert "were deleted on" in " ".join(replayed.err.split())
    assert again.code == 0, again.err
    assert after[:20] == before
    assert len(after) == 21
    assert terminal("replay", name).code == 0


def test_champions_are_kept_unless_that_is_said(terminal: Terminal, stored: Any) -> None:
    old = utc_now() - timedelta(days=400)
    for name in ("opt-c1", "opt-c2"):
        stored[STUDIES].insert_one({"study_name": name, "status": "complete", "completed_at": old, "bars": "x"})
    stored["champions"].insert_one({"study_name": "opt-c1"})
    kept = json.loads(terminal("prune", "older=1y", "--json").out)
    every = json.loads(terminal("prune", "older=1y", "keep=none", "--json").out)
    stored["champions"].delete_one({"study_name": "opt-c1"})
    stored[STUDIES].delete_many({"study_name": {"$regex": "^opt-c"}})

    assert (kept["n_studies"], kept["n_kept"]) == (1, 1)
    assert (every["n_studies"], every["n_kept"]) == (1, 0)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "`older=` is no age"),
        (["older=year"], "is no age"),
        (["keep=all"], "champions"),
        (["dryy"], "Did you mean `dry`"),
        (["dry=1"], "dry"),
    ],
)
def test_what_prune_does_not_know_is_refused(terminal: Terminal, words: list[str], said: str) -> None:
    ended = terminal("prune", *words)

    assert ended.code == 2
    assert said in " ".join(ended.err.split())


def test_documents_move_from_the_embedded_server_to_another_one(tmp_path: Path, mongod: EmbeddedMongo) -> None:
    uri = {"MONGODB_URI": mongod.uri.replace("/?", "/moved_to?")}
    typed(tmp_path, "keys", "add", "ci")
    nowhere = typed(tmp_path, "move")
    moved = typed(tmp_path, "move", "--json", **uri)
    again = typed(tmp_path, "move", **uri)
    listed = typed(tmp_path, "keys", "list", **uri)

    assert (nowhere.returncode, moved.returncode, again.returncode) == (1, 0, 1), moved.stderr
    assert "Set MONGODB_URI" in nowhere.stderr
    assert json.loads(moved.stdout)["documents"]["api_keys"] == 1
    assert re.search("has\\s+documents\\s+already", again.stderr)
    assert listed.stdout.startswith("`ci` viewer")


def typed(home: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    settings = os.environ | {"OPTIMIZE_BOT_HOME": str(home), **environment}
    command = [sys.executable, "-m", "bot", *words]
    return subprocess.run(command, env=settings, capture_output=True, text=True, timeout=300, check=False)


async def test_a_bot_with_secrets_in_files_logs_json_and_measures(tmp_path: Path, mongod: EmbeddedMongo) -> None:
    secret, log = tmp_path / "uri", tmp_path / "log"
    secret.write_text(mongod.uri.replace("/?", "/operated?") + "\n")
    settings = {"MONGODB_URI_FILE": str(secret), "OPTIMIZE_BOT_LOG": "json"}
    async with StrictSlack() as slack, bot_process(tmp_path / "home", slack, log=log, **settings) as bot:
        async with HttpWire(bot.url, patience=30) as wire, aiohttp.ClientSession() as web:
            await Driver(slack, wire).command("AAPL RSI 5 folds=0 source=sample")
            async with asyncio.timeout(300):
                while "optimize_bot_study_seconds_count 1.0" not in (metrics := await _metrics(web, bot.origin)):
                    await asyncio.sleep(0.1)
        await asyncio.to_thread(bot.stop, seconds=60)
        user = await slack.user_id("alice")
    lines = [json.loads(line) for line in log.read_text().splitlines()]

    assert {"answer_seconds", "queue_seconds", "study_seconds"} <= set(
        re.findall(r"optimize_bot_(\w+)_bucket", metrics)
    )
    assert "optimize_bot_answer_seconds_count 1.0\n" in metrics
    assert "optimize_bot_queue_seconds_count 1.0\n" in metrics
    assert re.search(r"^optimize_bot_outbox_lag_seconds \d", metrics, re.MULTILINE)
    shown = (DOCS / "grafana.json").read_text() + (DOCS / "alerts.yaml").read_text()
    known = set(re.findall(r"^# TYPE (\w+)", metrics, re.MULTILINE))
    assert {name.removesuffix("_bucket") for name in re.findall(r"optimize_bot_\w+", shown)} <= known
    (answered,) = [line for line in lines if line["message"].startswith("answered ")]
    assert (answered["user"], answered["door"], answered["refused"]) == (user, "command", "False")
    assert len(answered["request"]) == 8
    assert mongod.password not in log.read_text()


async def _metrics(web: aiohttp.ClientSession, origin: str) -> str:
    async with web.get(f"{origin}/metrics") as answer:
        return await answer.text()


async def test_the_first_command_of_a_fresh_install_shows_that_the_engine_is_compiled(tmp_path: Path) -> None:
    cold = {"NUMBA_CACHE_DIR": str(tmp_path / "cold"), "OPTIMIZE_BOT_SOURCES": "sample"}
    async with StrictSlack() as slack, bot_process(tmp_path / "home", slack, **cold) as bot:
        async with HttpWire(bot.url, patience=30) as wire:
            began = time.monotonic()
            await Driver(slack, wire).command("AAPL RSI 5 folds=0")
            acknowledged = time.monotonic() - began
            channel = await slack.channel_id()
            async with asyncio.timeout(120):
                while not any("Compiling the engine" in str(root.blocks) for root in await slack.messages(channel)):
                    await asyncio.sleep(0.1)
            assert bot.children("studies.worker"), "it still compiles"
            assert acknowledged < 15, "compiling takes a minute and more"
        bot.kill()
        slack.assert_no_violations()


def test_the_engine_is_compiled_beforehand_with_progress(terminal: Terminal) -> None:
    warm = terminal("warm", "--json")

    assert warm.code == 0
    assert json.loads(warm.out)["seconds"] >= 0
    told = dict(line.strip().split(": ") for line in warm.err.splitlines() if re.fullmatch(r" *\w+: \d+ *", line))
    assert {"evaluator", "policy_walk", "forecast_paths", "axes"} <= told.keys()  # in the order of who compiles what
    assert [*told.values()] == [f"{n}" for n in range(1, len(told) + 1)]


async def test_a_database_is_migrated_once_and_a_newer_one_is_refused(documents: None) -> None:
    assert await schema_version() == 0
    studies = collection_of(OptimizationStudy)
    names = set(await studies.index_information())
    await studies.create_index([("symbols", 1), ("_id", -1)])  # of an earlier version
    await migrate()
    await migrate()
    assert await schema_version() == SCHEMA
    assert set(await studies.index_information()) == names

    await collection_of(SchemaVersion).update_one({}, {"$inc": {"version": 1}})
    with refused(DatabaseTooNew, match=f"schema {SCHEMA + 1}, this one knows {SCHEMA}"):
        await migrate()
    assert await schema_version() == SCHEMA + 1
