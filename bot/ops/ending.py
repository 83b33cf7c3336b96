"""The end of the process, which nothing may hold up: a request to a MongoDB that is silent waits for ever."""

import logging
import os
import threading

log = logging.getLogger(__name__)


def end_within(seconds: float, code: int) -> None:
    """End the process so soon, should it not have ended by itself; its child processes end with it."""
    last = threading.Timer(seconds, _end, [seconds, code])
    last.daemon = True
    last.start()


def _end(seconds: float, code: int) -> None:
    log.warning("ended_at_last seconds=%.0f", seconds)
    os._exit(code)
