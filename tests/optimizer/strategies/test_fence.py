"""The fence of a worker: what a call may not do is stopped, and one that never returns is ended with its process."""

import signal
import subprocess
import sys

import pytest

#: Puts the fence up and calls; prints the reason of what was stopped.
CALL = """
import os, re, sys
import numpy as np
from optimizer.strategies.plugins.fence import FENCE, fenced
from optimizer.strategies.plugins.plugin_errors import Fault

FENCE.put_up(2)
try:
    print(fenced(lambda: {call}, path="<string>", seconds={seconds}))
except Fault as fault:
    print(fault.reason.key)
open(os.devnull, "w").write("what is outside the fence may write")
"""


def called(call: str, *, seconds: float = 20.0) -> "subprocess.CompletedProcess[str]":
    """What became of a call in a process of its own."""
    program = CALL.format(call=call, seconds=seconds)
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("1 + 1", "2"),
        ("np.ones(10).sum()", "10.0"),
        ("[np.empty(2**25) for _ in range(64)]", "own_memory"),
        ("open('/tmp/never-written', 'a')", "own_writes"),
        ("os.open('/tmp/never-written', os.O_CREAT | os.O_WRONLY)", "own_writes"),
        ("os.rename('/tmp/never-written', '/tmp/never')", "own_writes"),
        ("os.system('true')", "own_starts"),
        ("os.kill(os.getppid(), 0)", "own_starts"),
        ("__import__('socket').create_connection(('127.0.0.1', 9))", "own_connects"),
        ("sys.exit(3)", "own_exits"),
        ("open(os.devnull).read()", ""),
        ("1 / 0", "own_raises"),
    ],
)
def test_a_call_may_compute_and_nothing_else(call: str, said: str) -> None:
    ended = called(call)

    assert (ended.returncode, ended.stdout.strip()) == (0, said), ended.stderr


@pytest.mark.parametrize("call", ["signal_pause()", "re.match('(a+)+$', 'a' * 60 + 'b')"])
def test_a_call_that_does_not_return_ends_its_process_and_leaves_its_line(call: str) -> None:
    ended = called(call.replace("signal_pause()", "__import__('signal').pause()"), seconds=0.5)

    assert ended.returncode == -signal.SIGALRM
    assert 'File "<string>", line 9 in <lambda>' in ended.stderr
