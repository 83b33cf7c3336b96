"""The process in which strategies are tried: `python -m optimizer.strategies.plugins.trial_child`.

It reads one line of sources and forks for each of them, so that one that hangs, ends its process or takes all memory
is lost alone and what is slow to import is imported once. It answers with one line per source.
"""

import json
import os
import re
import resource
import select
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import IO, Any

from optimizer.errors import Phrase
from optimizer.strategies.plugins.fence import FENCE, TOO_LATE, fenced
from optimizer.strategies.plugins.plugin_errors import Fault
from optimizer.strategies.plugins.plugin_files import PluginSource
from optimizer.strategies.plugins.plugin_module import load_strategies
from optimizer.strategies.plugins.trial import try_strategy
from optimizer.strategies.plugins.trial_process import Bounds
from optimizer.strategies.registry import STRATEGIES

_FRAME = re.compile(r'File "(?P<file>.*)", line (?P<line>[0-9]+)')


def main() -> None:
    """Try the sources of the line that is read, and answer each."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what is printed meanwhile is no answer
    request = json.loads(sys.stdin.readline() or "{}")
    bounds = Bounds(**request["bounds"])
    warm()
    for document in request["sources"]:
        answers.write(json.dumps(_tried_in_a_fork(PluginSource(**document), bounds)) + "\n")
        answers.flush()


def warm() -> None:
    """Load or compile what turns indicators into masks, before the first fence."""
    try_strategy(STRATEGIES.ours["rsi"])


def _tried_in_a_fork(source: PluginSource, bounds: Bounds) -> dict[str, Any]:
    readable, writable = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(readable)
            _try_here(source, bounds, os.fdopen(writable, "w"))
        finally:
            os._exit(1)
    os.close(writable)
    said = _read_until(readable, time.monotonic() + bounds.together)
    with suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return _found(said, status, source)


def _try_here(source: PluginSource, bounds: Bounds, answer: IO[str]) -> None:
    """Try a source in this process, which ends afterwards; nothing that it prints or reads is anybody else's."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    FENCE.put_up(answer.fileno())
    try:
        found: dict[str, Any] = {"seconds": dict(_seconds(source, bounds))}
    except Fault as fault:
        found = {"reason": fault.reason.as_document(), "line": fault.line}
    answer.write(json.dumps(found))
    answer.flush()


def _seconds(source: PluginSource, bounds: Bounds) -> Iterator[tuple[str, float]]:
    for strategy in load_strategies(source, seconds=bounds.module):
        yield strategy.key, fenced(partial(try_strategy, strategy), path=source.path, seconds=bounds.trial)


def _read_until(readable: int, deadline: float) -> str:
    """Read what a child says until it ends, or until the deadline."""
    parts: list[bytes] = []
    while select.select([readable], [], [], max(deadline - time.monotonic(), 0.0))[0]:
        part = os.read(readable, 2**16)
        if not part:
            break
        parts.append(part)
    os.close(readable)
    return b"".join(parts).decode(errors="replace")


def _found(said: str, status: int, source: PluginSource) -> dict[str, Any]:
    """Return a child's answer, or what ended it before it gave one."""
    if said.startswith("{"):
        answer: dict[str, Any] = json.loads(said)
        return answer
    if os.WIFSIGNALED(status):
        ended = os.WTERMSIG(status)
        reason = Phrase("own_hangs") if ended in (TOO_LATE, signal.SIGKILL) else Phrase("own_dies", number=ended)
    else:
        reason = Phrase("own_exits")
    return {"reason": reason.as_document(), "line": _last_line(said, source.path)}


def _last_line(trace: str, path: str) -> int:
    """Innermost line of a file in what was written when a call was too late, or 0."""
    escaped = path.encode("ascii", "backslashreplace").decode()
    frames = (frame for frame in _FRAME.finditer(trace) if frame["file"] == escaped)
    return next((int(frame["line"]) for frame in frames), 0)


if __name__ == "__main__":
    main()
