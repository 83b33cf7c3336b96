"""Trials of strategies in a process of their own (`trial_child.py`), which may be lost."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass

from optimizer.environment import for_child
from optimizer.errors import Phrase, phrase_of
from optimizer.strategies.plugins.plugin_errors import Fault
from optimizer.strategies.plugins.plugin_files import PluginSource
from optimizer.strategies.plugins.plugin_module import IMPORT_SECONDS

_MODULE = "optimizer.strategies.plugins.trial_child"
#: Seconds for the process to be ready: where nothing is compiled yet, that is done first.
_START_SECONDS = 180.0
#: A child computes on one core, so its libraries must not start a thread for each core.
_ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """Seconds that a module may run, and that the trial of each of its strategies may take."""

    module: float = IMPORT_SECONDS
    trial: float = 60.0

    @property
    def together(self) -> float:
        """Seconds after which a trial is ended from outside, should it not end itself."""
        return self.module + 3 * self.trial + 5.0


@dataclass(frozen=True, kw_only=True)
class Tried:
    """What the trial of a source found: the seconds of a set by strategy, or what is wrong."""

    seconds: Mapping[str, float]
    fault: Fault | None = None


def try_out(sources: Sequence[PluginSource], bounds: Bounds) -> list[Tried]:
    """Try sources in a process of their own, one after the other."""
    if not sources:
        return []
    request = {"sources": [asdict(source) for source in sources], "bounds": asdict(bounds)}
    environment = for_child(os.environ, **_ENVIRONMENT)
    process = subprocess.Popen(  # noqa: S603 - this program
        [sys.executable, "-m", _MODULE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
        start_new_session=True,  # what it leaves behind can be ended together
    )
    try:
        answers, _ = process.communicate(
            json.dumps(request).encode(), timeout=_START_SECONDS + len(sources) * bounds.together
        )
    except subprocess.TimeoutExpired:
        answers = b""
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    lines = answers.decode().splitlines()
    lost = Tried(seconds={}, fault=Fault(Phrase("own_untried")))
    return [_read(line) for line in lines] + [lost] * (len(sources) - len(lines))


def _read(line: str) -> Tried:
    found = json.loads(line)
    if "reason" in found:
        return Tried(seconds={}, fault=Fault(phrase_of(found["reason"]), found["line"]))
    return Tried(seconds=found["seconds"])
