"""Faults of a real MongoDB, played by the server itself: error codes, slow answers, lost connections.

Source: the fail point `failCommand` of mongod, which `enableTestCommands` allows (MongoDB's
`docs/fail_points.md`).
"""

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pymongo import MongoClient

#: Commands of reads and writes; those of connections and of the fail point itself are left alone.
COMMANDS = ("find", "getMore", "update", "insert", "delete", "findAndModify", "aggregate", "distinct", "count")


def with_fail_points(program: Path, folder: Path) -> Path:
    """Write a program that starts mongod with fail points allowed; returns its path."""
    script = folder / "mongod"
    script.write_text(f'#!/bin/sh\nexec {shlex.quote(str(program))} "$@" --setParameter enableTestCommands=1\n')
    script.chmod(0o700)
    return script


@contextmanager
def failing(uri: str, commands: tuple[str, ...] = COMMANDS, *, times: int | None = None, **data: Any) -> Iterator[None]:
    """Inside, commands meet the fault: `errorCode`, `closeConnection`, or `blockConnection` with `blockTimeMS`.

    With `times` only so many of them do.
    """
    with MongoClient(uri) as client:
        mode = {"times": times} if times else "alwaysOn"
        client.admin.command(
            {"configureFailPoint": "failCommand", "mode": mode, "data": {"failCommands": commands, **data}}
        )
        try:
            yield
        finally:
            client.admin.command({"configureFailPoint": "failCommand", "mode": "off"})
