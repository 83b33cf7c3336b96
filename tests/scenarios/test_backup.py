"""`optimize-bot backup` beside a bot that works, and `restore` into another data directory, which continues from it."""

import asyncio
import io
import json
import os
import shutil
import stat
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import bson
import pytest
from pymongo import MongoClient

from bot.documents.migrations import SCHEMA
from optimizer.market.warehouse.warehouse import Warehouse
from optimizer.storage.copies.database_copy import DETAILS, STUDIES, raw_database
from optimizer.storage.embedded_mongo import EmbeddedMongo
from tests.bot_process import bot_process
from tests.slack.driver import Driver
from tests.slack.strict import StrictSlack
from tests.slack.wire import HttpWire
from tests.undisturbed import row_of

pytestmark = pytest.mark.server

N_TRIALS = 1500
PASSPHRASE = "correct horse battery staple"


async def typed(home: Path, uri: str, *words: str, **environment: str) -> tuple[int, dict[str, Any], str]:
    """Exit code, the document on stdout, and what is said on stderr, of a command with `--json`."""
    settings = {"OPTIMIZE_BOT_HOME": str(home), "MONGODB_URI": uri, **environment}
    running = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", *words, "--json"),
        env=os.environ | settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    out, said = await running.communicate()
    return running.returncode or 0, json.loads(out or b"{}"), said.decode()


def database(mongod: EmbeddedMongo, name: str) -> str:
    return mongod.uri.replace("/?", f"/{name}?")


def of_study(uri: str, name: str) -> dict[str, list[bytes]]:
    """Every document of a study as it is stored, by collection."""
    with raw_database(uri) as stored:
        queries = {STUDIES: {"study_name": name}, **{detail: {"study": name} for detail in DETAILS}}
        return {
            where: [found.raw for found in stored[where].find(query).sort("_id")] for where, query in queries.items()
        }


def study_of(uri: str, symbol: str) -> Mapping[str, Any]:
    with MongoClient[dict[str, Any]](uri) as client:
        return client.get_default_database()[STUDIES].find_one({"symbol": symbol}) or {}


async def until(uri: str, study: Mapping[str, Any]) -> str:
    """Name of a study, once there is one that fits; one client asks, because each logs in anew."""
    with MongoClient[dict[str, Any]](uri) as client:
        studies = client.get_default_database()[STUDIES]
        async with asyncio.timeout(300):
            while (found := await asyncio.to_thread(studies.find_one, study)) is None:
                await asyncio.sleep(0.05)
    return str(found["study_name"])


async def until_ended(uri: str, symbol: str) -> str:
    """Name of the study of a symbol, once it is complete."""
    return await until(uri, {"symbol": symbol, "status": "complete"})


async def test_a_backup_beside_a_bot_that_works_is_restored_and_continued(
    tmp_path: Path, mongod: EmbeddedMongo
) -> None:
    old, new = database(mongod, "backup_old"), database(mongod, "backup_new")
    file, home = tmp_path / "backup.tar.gz", tmp_path / "new"
    async with StrictSlack() as slack:
        async with bot_process(tmp_path / "old", slack, mongodb_uri=old) as bot, HttpWire(bot.url, patience=30) as wire:
            act = Driver(slack, wire)
            await act.command("AAPL RSI 30 seed=3 folds=0")
            ended = await until_ended(old, "AAPL")
            await act.command(f"IBM MACD {N_TRIALS} seed=11 folds=0")
            await until(old, {"symbol": "IBM", "trials_completed": {"$gt": 200}})
            code, told, said = await typed(
                tmp_path / "old", old, "backup", str(file), "--secrets", OPTIMIZE_BOT_BACKUP_PASSPHRASE=PASSPHRASE
            )
            running = await until_ended(old, "IBM")
            assert await asyncio.to_thread(bot.stop, seconds=60) == 0

        assert code == 0, said
        assert told["documents"][STUDIES] == 2
        assert told["n_snapshots"] == 2
        assert 200 < told["documents"]["optimization_trials"] < N_TRIALS, "it was made in the middle"
        assert "optimization_trials: " in said

        code, told, said = await typed(
            home, new, "restore", str(file), "--secrets", OPTIMIZE_BOT_BACKUP_PASSPHRASE=PASSPHRASE
        )
        assert code == 0, said
        assert of_study(new, ended) == of_study(old, ended)
        assert study_of(new, "IBM")["status"] == "running"
        with Warehouse.open(home / "market.duckdb") as prices:
            assert {"AAPL", "IBM"} <= {series.symbol for series in prices.symbols()}

        async with bot_process(home, slack, mongodb_uri=new) as bot:
            assert await until_ended(new, "IBM") == running
            assert await asyncio.to_thread(bot.stop, seconds=60) == 0
        slack.assert_no_violations()
    trials = [[row_of(bson.decode(raw)) for raw in of_study(uri, running)[DETAILS[0]]] for uri in (old, new)]
    assert sorted(trials[0], key=str) == sorted(trials[1], key=str)
    assert len(trials[1]) == N_TRIALS


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory, mongod: EmbeddedMongo) -> Path:
    """A backup of a small installation, with secrets."""
    folder, uri = tmp_path_factory.mktemp("small"), database(mongod, "backup_small")
    with MongoClient[dict[str, Any]](uri) as client:
        client.get_default_database()[STUDIES].insert_one({"study_name": "opt-1"})
    Warehouse.open(folder / "home" / "market.duckdb").close()
    (folder / "home" / "strategies").mkdir()
    (folder / "home" / "strategies" / "dip.py").write_text("dip = 1\n")
    secrets = {"OPTIMIZE_BOT_BACKUP_PASSPHRASE": PASSPHRASE, "TIINGO_API_KEY": "tiingo-secret"}
    command = typed(folder / "home", uri, "backup", str(folder / "small.tar.gz"), "--secrets", **secrets)
    code, _, said = asyncio.run(command)
    assert code == 0, said
    assert stat.S_IMODE((folder / "small.tar.gz").stat().st_mode) == 0o600
    assert "tiingo-secret" not in said
    return folder / "small.tar.gz"


@pytest.fixture
def backup(small: Path, tmp_path: Path) -> Path:
    """A copy of it, which may be changed."""
    return shutil.copy(small, tmp_path / "backup.tar.gz")


async def test_what_is_there_is_replaced_only_when_that_is_said(
    backup: Path, tmp_path: Path, mongod: EmbeddedMongo
) -> None:
    home, uri = tmp_path / "other", database(mongod, "backup_other")
    with MongoClient[dict[str, Any]](uri) as client:
        client.get_default_database()[STUDIES].replace_one({"_id": 2}, {"study_name": "opt-2"}, upsert=True)
    refused = await typed(home, uri, "restore", str(backup))
    with MongoClient[dict[str, Any]](uri) as client:
        kept = [found["study_name"] for found in client.get_default_database()[STUDIES].find()]
    replaced = await typed(
        home, uri, "restore", str(backup), "--replace", "--secrets", OPTIMIZE_BOT_BACKUP_PASSPHRASE=PASSPHRASE
    )

    assert (refused[0], kept) == (1, ["opt-2"])
    assert "--replace" in refused[2]
    assert replaced[0] == 0, replaced[2]
    with MongoClient[dict[str, Any]](uri) as client:
        assert [found["study_name"] for found in client.get_default_database()[STUDIES].find()] == ["opt-1"]
    assert (home / "strategies" / "dip.py").read_text() == "dip = 1\n"
    restored = home / "restored-secrets.env"
    assert "TIINGO_API_KEY=tiingo-secret\n" in restored.read_text()
    assert PASSPHRASE not in restored.read_text()
    assert stat.S_IMODE(restored.stat().st_mode) == 0o600


@pytest.mark.parametrize("fault", ["cut", "changed", "newer", "passphrase", "exists", "nothing"])
async def test_what_cannot_be_restored_is_refused_before_anything_is_written(
    backup: Path, tmp_path: Path, mongod: EmbeddedMongo, fault: str
) -> None:
    home, uri, words, settings = tmp_path / "empty", database(mongod, "backup_empty"), ["restore", str(backup)], {}
    match fault:
        case "passphrase":
            words, settings = [*words, "--secrets"], {"OPTIMIZE_BOT_BACKUP_PASSPHRASE": "wrong"}
        case "exists":
            words = ["backup", str(backup)]
        case "nothing":
            words = ["backup", str(tmp_path / "none.tar.gz")]
        case _:
            _damage(backup, fault)
    code, _, said = await typed(home, uri, *words, **settings)

    assert code == 1
    expected = {
        "cut": "no whole backup", "changed": "no whole backup", "newer": "newer version (9.0.0)",
        "passphrase": "does not open", "exists": "is there already",
        "nothing": "nothing to back up",
    }  # fmt: skip
    assert expected[fault] in " ".join(said.split())
    assert not (home / "market.duckdb").exists()
    assert not (tmp_path / "none.tar.gz").exists()
    with raw_database(uri) as stored:
        assert not stored.list_collection_names()


async def test_a_backup_that_the_disk_has_no_room_for_leaves_nothing(tmp_path: Path, mongod: EmbeddedMongo) -> None:
    home, uri = tmp_path / "full", database(mongod, "backup_full")
    with MongoClient[dict[str, Any]](uri) as client:
        client.get_default_database()[STUDIES].insert_one({"study_name": "opt-1", "noise": os.urandom(100_000)})
    made = await asyncio.create_subprocess_exec(
        *("prlimit", "--fsize=20000", sys.executable, "-m", "bot", "backup", str(tmp_path / "backup.tar.gz")),
        env=os.environ | {"OPTIMIZE_BOT_HOME": str(home), "MONGODB_URI": uri},
        stderr=subprocess.PIPE,
    )
    _, said = await made.communicate()

    assert made.returncode == 1
    assert "backup.tar.gz: File too large" in " ".join(said.decode().split())
    assert "the room on its disk" in " ".join(said.decode().split())
    assert not [name for name in os.listdir(tmp_path) if "backup" in name]


def _damage(archive: Path, fault: str) -> None:
    match fault:
        case "cut":
            archive.write_bytes(archive.read_bytes()[:-200])
        case "changed":
            _rewrite(archive, "strategies/dip.py", b"dip = 2\n")
        case _:
            newer = {"program": "9.0.0", "schema": SCHEMA + 1, "made_at": "2030-01-01T00:00:00", "form": 1}
            _rewrite(archive, "manifest.json", json.dumps(newer | {"has_secrets": True}).encode())


def _rewrite(archive: Path, name: str, content: bytes) -> None:
    """Replace a member of an archive."""
    changed = archive.with_suffix(".new")
    with tarfile.open(archive) as before, tarfile.open(changed, "w:gz") as after:
        for member in before:
            body = before.extractfile(member)
            assert body is not None
            told = content if member.name == name else body.read()
            member.size = len(told)
            after.addfile(member, io.BytesIO(told))
    changed.replace(archive)
