"""Celery behind the doorbell: the one module that knows it.

Run as a program it is a worker of Celery whose tasks only hand a name to the parent and wait until the parent is done
with it; that makes a late acknowledgement and one message per free place mean what they say. It exchanges lines of
JSON with its parent and ends with it, in the middle of anything: the study is the parent's, and a message that was not
acknowledged rings again, which is harmless.
"""

import json
import logging
import os
import sys
import threading
import time
import warnings
from collections import defaultdict
from typing import Any

import celery
from celery.exceptions import SecurityWarning
from kombu.exceptions import OperationalError

TASK, QUEUE = "optimizer.run_study", "optimizer.studies"
#: Seconds after which a bell nobody heard is worth nothing: workers look by themselves.
_EXPIRES = 3600
_CONNECT_SECONDS = 2.0
#: Seconds between two looks at the broker, so that its absence is told.
_LOOK_SECONDS = 5.0
#: Words of a broker that does not know the user or the password.
_LOGIN_WORDS = ("WRONGPASS", "NOAUTH", "ACCESS_REFUSED", "invalid username-password", "Authentication")


def make_app(broker: str, **transport: float) -> celery.Celery:
    """Return the application of both sides: JSON only, no result is kept, acknowledged when done."""
    app = celery.Celery("optimizer", broker=broker, set_as_current=False)
    app.conf.update(
        task_serializer="json",
        accept_content=["json"],
        task_default_queue=QUEUE,
        task_ignore_result=True,
        task_acks_late=True,
        task_reject_on_worker_lost=False,  # the lease counts deaths, not the broker
        worker_prefetch_multiplier=1,
        worker_send_task_events=False,
        worker_hijack_root_logger=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={"visibility_timeout": 3600, **transport} if _is_redis(broker) else {},
    )
    return app


def _is_redis(broker: str) -> bool:
    return broker.startswith(("redis:", "rediss:"))


class Ringer:
    """Rings over one connection, which is kept: to open one takes as long as everything else of a ring."""

    def __init__(self, broker: str) -> None:
        self._app = _sender(broker)
        self._connection: Any = None

    def open(self) -> str:
        """Connect and load what a ring needs, before anybody waits for one; returns what is wrong, or an empty string.

        The queue is asked for nothing.
        """
        connection = self._app.connection_for_write(connect_timeout=_CONNECT_SECONDS)
        try:
            connection.ensure_connection(max_retries=1, interval_start=0.1, timeout=_CONNECT_SECONDS)
            self._app.amqp.Producer(connection)
        except _faults(connection) as fault:
            return _state_of(fault)
        self._connection = connection
        return ""

    def ring(self, study_name: str) -> str:
        """Ring for a study; returns why that failed, else an empty string."""
        was_kept = self._connection is not None
        state = self._send(study_name)
        return self._send(study_name) if state and was_kept else state  # a broker may have closed it meanwhile

    def _send(self, study_name: str) -> str:
        connection = self._connection or self._app.connection_for_write(connect_timeout=_CONNECT_SECONDS)
        self._connection = None
        try:
            self._app.send_task(
                TASK, [study_name], connection=connection, retry=False, expires=_EXPIRES, ignore_result=True
            )
        except _faults(connection) as fault:
            connection.collect()  # closes without a word to the broker
            return _state_of(fault)
        self._connection = connection
        return ""


def fault_of(broker: str) -> str:
    """Connect to the broker; returns `login` when it refuses the account, else the fault's kind, or an empty string."""
    with _sender(broker).connection_for_write(connect_timeout=_CONNECT_SECONDS) as connection:
        try:
            connection.ensure_connection(max_retries=1, interval_start=0.1, timeout=_CONNECT_SECONDS)
            connection.default_channel.client.ping() if _is_redis(broker) else connection.default_channel
        except _faults(connection) as fault:
            return _state_of(fault)
    return ""


def _sender(broker: str) -> celery.Celery:
    return make_app(broker, socket_connect_timeout=_CONNECT_SECONDS, socket_timeout=_CONNECT_SECONDS)


def _faults(connection: Any) -> tuple[type[BaseException], ...]:
    return (*connection.connection_errors, *connection.channel_errors, OperationalError, OSError)


def _state_of(fault: BaseException) -> str:
    """Kind of a fault; never its text, which may name what was sent."""
    text = f"{type(fault).__name__} {fault}"
    return "login" if any(word in text for word in _LOGIN_WORDS) else type(fault.__cause__ or fault).__name__


class _Parent:
    """The pipe to the parent."""

    def __init__(self, answers: Any) -> None:
        self._answers = answers
        self._writing = threading.Lock()
        self._ended: defaultdict[str, threading.Event] = defaultdict(threading.Event)

    def say(self, **what: str) -> None:
        """Write one line."""
        with self._writing:
            self._answers.write(json.dumps(what) + "\n")
            self._answers.flush()

    def ring(self, study_name: str) -> None:
        """Hand over a name and wait until the parent is done with it."""
        ended = self._ended[study_name]
        self.say(ring=study_name)
        ended.wait()
        self._ended.pop(study_name, None)

    def read(self) -> None:
        """Hear what has ended, until the parent itself has."""
        for line in sys.stdin:
            self._ended[json.loads(line)["ended"]].set()
        os._exit(0)

    def watch(self, broker: str) -> None:
        """Say again and again whether the broker can be used."""
        while True:
            self.say(broker=fault_of(broker))
            time.sleep(_LOOK_SECONDS)


def main() -> None:
    """Run the worker of Celery."""
    warnings.simplefilter("ignore", SecurityWarning)  # about pickles under root; this worker reads JSON only
    logging.basicConfig(level=logging.ERROR, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("kombu").setLevel(logging.CRITICAL + 1)  # the parent tells when the broker is away
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what Celery prints is no answer
    setup = json.loads(sys.stdin.readline())
    parent = _Parent(answers)
    threading.Thread(target=parent.read, daemon=True).start()
    threading.Thread(target=parent.watch, args=[setup["broker"]], daemon=True).start()
    app = make_app(setup["broker"])

    def ring(study_name: object) -> None:
        if isinstance(study_name, str):
            parent.ring(study_name)

    app.task(ring, name=TASK)
    worker = app.Worker(
        pool="threads",
        concurrency=setup["size"],
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
        loglevel="CRITICAL",
        quiet=True,
        hostname=f"{os.getpid()}@%h",
    )
    worker.start()


if __name__ == "__main__":
    main()
