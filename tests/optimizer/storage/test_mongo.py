"""The embedded MongoDB: it starts, keeps its secret, survives what happens to it, and ends with its parent."""

import asyncio
import fcntl
import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from optimizer.storage.embedded_mongo import MongoUnavailable, find_mongod, start_mongod
from optimizer.storage.mongo import kept_ready, wait_ready
from optimizer.storage.outage import patiently
from optimizer.supervisor import Supervisor
from tests.refused import refused

pytestmark = pytest.mark.server

SUPERVISOR = Supervisor()


async def test_embedded_server_answers_and_ends_with_the_block(home: Path) -> None:
    async with kept_ready(start_mongod(find_mongod(os.environ), home), SUPERVISOR) as uri:
        with MongoClient(uri) as client:
            assert client.admin.command("ping")["ok"] == 1
        pid = int((home / "mongodb" / "mongod.lock").read_text())
        assert psutil.pid_exists(pid)

    assert not psutil.pid_exists(pid)


async def test_server_refuses_whoever_lacks_the_password(home: Path) -> None:
    async with kept_ready(start_mongod(find_mongod(os.environ), home), SUPERVISOR) as uri:
        stranger = uri.split("@")[1]
        with MongoClient(f"mongodb://{stranger}") as client, pytest.raises(OperationFailure):
            client.optimize_bot.things.find_one()


async def test_password_is_for_the_owner_only(home: Path) -> None:
    async with kept_ready(start_mongod(find_mongod(os.environ), home), SUPERVISOR) as uri:
        file = home / "mongodb.password"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert file.read_text() in uri


async def test_data_outlives_a_kill_and_a_stale_lock(home: Path) -> None:
    async with kept_ready(start_mongod(find_mongod(os.environ), home), SUPERVISOR) as uri:
        with MongoClient(uri, journal=True) as client:
            client.optimize_bot.things.insert_one({"kept": True})
        os.kill(int((home / "mongodb" / "mongod.lock").read_text()), signal.SIGKILL)
    assert (home / "mongodb" / "mongod.lock").exists()

    async with kept_ready(start_mongod(find_mongod(os.environ), home), SUPERVISOR) as uri:
        with MongoClient(uri) as client:
            assert client.optimize_bot.things.find_one({"kept": True})


async def test_killed_server_is_started_again_at_the_same_address(home: Path) -> None:
    async with kept_ready(start_mongod(find_mongod(os.environ), home), SUPERVISOR) as uri:
        os.kill(int((home / "mongodb" / "mongod.lock").read_text()), signal.SIGKILL)
        with MongoClient(uri, serverSelectionTimeoutMS=20_000) as client:
            # In a thread: the event loop has a server to restart.
            answer = await patiently(lambda: asyncio.to_thread(client.admin.command, "ping"), what="ping")

    assert answer["ok"] == 1


async def test_server_of_a_killed_parent_does_not_block_the_next(home: Path) -> None:
    orphan = start_mongod(find_mongod(os.environ), home)
    await wait_ready(orphan)

    async with kept_ready(start_mongod(find_mongod(os.environ), home), SUPERVISOR) as uri:
        with MongoClient(uri) as client:
            assert client.admin.command("ping")["ok"] == 1
    orphan.process.wait(timeout=10)


def test_wrong_path_is_told() -> None:
    with refused(MongoUnavailable, match="MONGOD_PATH names no file"):
        find_mongod({"MONGOD_PATH": "/nowhere/mongod"})


async def test_server_that_cannot_start_says_why(home: Path, tmp_path: Path) -> None:
    program = tmp_path / "mongod"
    program.write_text(
        "#!/bin/sh\necho 'libcurl.so.4: cannot open shared object file: shared libraries' >&2\nexit 127\n"
    )
    server = start_mongod(program, home)

    with refused(MongoUnavailable, match="apt-get install libcurl4"):
        await wait_ready(server)


def test_importing_opens_nothing() -> None:
    imports = "import bot, bot.cli.serve, bot.cli.run, psutil"
    script = f"{imports}; print(len(psutil.Process().children()), psutil.Process().net_connections())"
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert said.stdout.split() == ["0", "[]"]


async def test_nobody_is_offered_compression(home: Path) -> None:
    """A message that says it is compressed would be unpacked before any password is asked for (CVE-2025-14847)."""
    async with kept_ready(start_mongod(find_mongod(os.environ), home), SUPERVISOR) as uri:
        stranger = uri.split("@")[1]
        with MongoClient(f"mongodb://{stranger}") as client:
            answer = client.admin.command("hello", compression=["zlib", "snappy", "zstd"])

    assert "compression" not in answer


async def test_server_listens_at_one_address_of_this_machine_and_at_no_unix_socket(home: Path) -> None:
    server = start_mongod(find_mongod(os.environ), home)
    async with kept_ready(server, SUPERVISOR):
        open_sockets = psutil.Process(server.process.pid).net_connections("all")

    listening = [each.laddr for each in open_sockets if each.status == psutil.CONN_LISTEN]
    assert [(address.ip, address.port) for address in listening] == [("127.0.0.1", server.port)]
    assert not [each for each in open_sockets if each.family == socket.AF_UNIX and each.laddr]


async def test_orphan_that_has_not_written_its_lock_yet_does_not_block_the_next(home: Path) -> None:
    orphan = start_mongod(find_mongod(os.environ), home)
    await wait_ready(orphan)
    (home / "mongodb" / "mongod.lock").write_bytes(b"")

    async with kept_ready(start_mongod(find_mongod(os.environ), home), SUPERVISOR) as uri:
        with MongoClient(uri) as client:
            assert client.admin.command("ping")["ok"] == 1
    orphan.process.wait(timeout=10)


async def test_start_waits_for_whoever_still_holds_the_folder(home: Path) -> None:
    async with kept_ready(start_mongod(find_mongod(os.environ), home), SUPERVISOR):
        pass
    with (home / "mongodb" / "mongod.lock").open("r+b") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        server = start_mongod(find_mongod(os.environ), home)
        freeing = asyncio.get_running_loop().call_later(3.0, fcntl.flock, held, fcntl.LOCK_UN)

        async with kept_ready(server, SUPERVISOR) as uri:
            assert freeing.when() <= asyncio.get_running_loop().time()
            with MongoClient(uri) as client:
                assert client.admin.command("ping")["ok"] == 1
