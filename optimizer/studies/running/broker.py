"""Brokers as doorbells: the bot rings for a study that waits, and a worker program hears it before it would look.

Nothing depends on a bell: a lost one costs half a second, one that rings twice or late finds nothing to do, and while
the broker is away the worker program looks for studies by itself.
"""

import asyncio
import json
import logging
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from optimizer.environment import for_child
from optimizer.errors import Phrase, UserError
from optimizer.lazy import LazyModule

if TYPE_CHECKING:
    from optimizer.studies.running import celery_bell
else:
    celery_bell = LazyModule("optimizer.studies.running.celery_bell")

log = logging.getLogger(__name__)

#: The package that knows brokers.
CELERY = "celery"
_MODULE = "optimizer.studies.running.celery_bell"
#: Seconds without a ring after one that failed.
_PAUSE_SECONDS = 5.0


class BrokerBell:
    """The bot's side: rings in a thread of its own, and rests a while when the broker does not take it."""

    def __init__(self, broker: str) -> None:
        self._broker = broker
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="bell")
        self._rests_until = 0.0
        self._ringer: celery_bell.Ringer | None = None
        self._thread.submit(self._open)

    def ring(self, study_name: str) -> None:
        """Ring for a study; never waits and never fails."""
        self._thread.submit(self._send, study_name)

    def stop(self) -> None:
        """Forget what was not rung yet."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _open(self) -> None:
        self._ringer = celery_bell.Ringer(self._broker)
        if reason := self._ringer.open():
            log.warning("broker_away reason=%s", reason)

    def _send(self, study_name: str) -> None:
        if time.monotonic() < self._rests_until:
            return
        assert self._ringer is not None, "opened before, in the same thread"
        if reason := self._ringer.ring(study_name):
            self._rests_until = time.monotonic() + _PAUSE_SECONDS
            log.warning("bell_not_rung study=%s reason=%s", study_name, reason)


class Bells:
    """A worker program's side: a Celery worker as a child process, whose tasks are bells."""

    def __init__(
        self,
        broker: str,
        size: int,
        ring: Callable[[str, Callable[[], None]], None],
        tell: Callable[[str, Phrase | UserError], None],
    ) -> None:
        """`ring` is called with a study's name and with what to call when it is not run here any more."""
        self._setup = json.dumps({"broker": broker, "size": size})  # through the pipe: it holds the password
        self._ring = ring
        self._tell = tell
        self._state: str | None = None  # of the connection: empty when it is good, None until it was tried

    async def listen(self) -> None:
        """Run the child until it ends."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            _MODULE,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=for_child(os.environ),
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(self._setup.encode() + b"\n")
            while line := await process.stdout.readline():
                self._hear(json.loads(line), process.stdin)
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
        self._note("ended")

    def _hear(self, said: dict[str, str], child: asyncio.StreamWriter) -> None:
        if (name := said.get("ring")) is not None:
            log.info("bell_heard study=%s", name)
            self._ring(name, partial(_answer, child, name))
        else:
            self._note(said["broker"])

    def _note(self, state: str) -> None:
        """Tell a change of the connection."""
        if state == self._state:
            return
        self._state = state
        self._tell("", Phrase("broker_connected") if state == "" else Phrase("broker_away", reason=_reason(state)))


def _reason(state: str) -> Phrase:
    return Phrase("login_refused") if state == "login" else Phrase("as_written", text=state)


def _answer(child: asyncio.StreamWriter, name: str) -> None:
    if not child.is_closing():
        child.write(json.dumps({"ended": name}).encode() + b"\n")


def fault_of(broker: str) -> Phrase | None:
    """Try to reach the broker, for a few seconds; returns why it cannot be used."""
    state = celery_bell.fault_of(broker)
    return _reason(state) if state else None
