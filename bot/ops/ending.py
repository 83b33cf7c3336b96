"""The end of the process, which nothing may hold up: a request to a MongoDB that is silent waits for ever."""

import atexit
import logging
import os
import sys
import threading
from typing import NoReturn

log = logging.getLogger(__name__)


def end_within(seconds: float, code: int) -> None:
    """End the process so soon, should it not have ended by itself; its child processes end with it."""
    last = threading.Timer(seconds, _end, [seconds, code])
    last.daemon = True
    last.start()


def end_at_once(code: int) -> NoReturn:
    """End the process without taking its modules apart, which takes a third of a second and frees what ends anyway.

    What was registered for the end is called; everything else has been closed by whoever opened it.
    """
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _end(seconds: float, code: int) -> None:
    log.warning("ended_at_last seconds=%.0f", seconds)
    os._exit(code)
