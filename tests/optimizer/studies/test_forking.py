"""Copies of a process, in processes of their own: this one has other threads, and must not be copied."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from optimizer.studies.running.forking import computed_beside, forked

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="processes are copied on Linux only"),
]

_ECHO = """
import asyncio, os
from optimizer.studies.running.forking import forked

async def ask(copy):
    child = await copy.connect()
    print((await child.request("hello")).decode(), end="")
    if os.environ.get("STOPS"):
        await child.stop()
    return child

secret = open("/dev/null")
with forked("tests.optimizer.studies.echoing", niceness=0) as copy:
    child = asyncio.run(ask(copy))
print(child.has_ended)
"""
_BESIDE = """
import os
from optimizer.studies.running.forking import computed_beside

def found():
    if os.environ.get("FAILS"):
        raise ValueError("it cannot be computed")
    return str(os.getpid()).encode() * 100_000

os.sched_getaffinity = lambda pid: {0, 1}
with computed_beside(found) as wait:
    answer = wait()
print(None if answer is None else answer == found(), answer is not None and len(answer) >= 100_000)
try:
    os.waitpid(-1, 0)
except ChildProcessError:
    print("no child is left")
"""


def _done(program: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", **variables}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done


@pytest.mark.parametrize("stops", ["", "yes"])
def test_a_copy_answers_knows_no_secret_and_ends_with_its_block(stops: str) -> None:
    done = _done(_ECHO, SLACK_BOT_TOKEN="xoxb-1", STOPS=stops)
    answer, ended = done.stdout.splitlines()
    told: dict[str, Any] = json.loads(answer)

    assert told["line"] == "hello"
    assert "PATH" in told["names"]
    assert "SLACK_BOT_TOKEN" not in told["names"]
    assert told["files"] == [0, 1, 2, 3], "the last is the folder that is listed"
    assert not Path(f"/proc/{told['pid']}").exists()
    assert (ended, done.stderr) == ("True", "")


def test_bytes_are_computed_by_another_process() -> None:
    assert _done(_BESIDE).stdout.splitlines() == ["False True", "no child is left"]


def test_what_a_copy_cannot_compute_has_to_be_computed_here() -> None:
    done = _done(_BESIDE, FAILS="yes")

    assert done.stdout.splitlines() == ["None False", "no child is left"]
    assert "it cannot be computed" in done.stderr


def test_a_process_with_several_threads_is_not_copied() -> None:
    end = threading.Event()
    thread = threading.Thread(target=end.wait)
    thread.start()
    try:
        with forked("tests.optimizer.studies.echoing", niceness=0) as copy, computed_beside(bytes) as wait:
            assert copy is None
            assert wait() is None
    finally:
        end.set()
        thread.join()
