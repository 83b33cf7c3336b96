"""What a terminal and the running bot say to each other: a line of JSON each, over a socket in the data directory.

Only the owner of the directory may open the socket, and the bot asks the system who it was, where that can be asked.
"""

import json
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

#: Name of the socket in the data directory.
SOCKET = "terminal.sock"
#: Longest line in bytes; longer texts are told in several lines.
LONGEST_LINE = 2**20
_LONGEST_TEXT = 2**15
#: Seconds between two signs of life while a command runs.
BEAT_SECONDS = 1.0
#: Folder of the kernel with the open files of a process, through which a socket has a short path.
_OPEN_FILES = Path("/proc/self/fd")
_NOBODY = -1


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TypedCommand(_Message):
    """Command that was typed, as the terminal read it."""

    version: str
    options: dict[str, Any]
    language: str
    width: int
    is_terminal: bool
    environment: dict[str, str]  # what decides about colours


class Told(_Message):
    """What the bot says: something to print, the exit code at the end, or nothing, as a sign of life."""

    out: str = ""
    err: str = ""
    after_interrupt: str | None = None  # to be printed when the person interrupts from here on
    ended: int | None = None
    refused: Literal["version", ""] = ""
    version: str = ""


def lines_of(told: Told) -> Iterator[bytes]:
    """Yield a message as lines, a long text in several."""
    for name in ("out", "err"):
        text = getattr(told, name)
        for start in range(0, len(text), _LONGEST_TEXT):
            yield line_of(Told(**{name: text[start : start + _LONGEST_TEXT]}))
    rest = told.model_copy(update={"out": "", "err": ""})
    if rest != Told() or told == Told():
        yield line_of(rest)


def line_of(message: _Message) -> bytes:
    """Return a message as one line."""
    return json.dumps(message.model_dump(mode="json", exclude_defaults=True)).encode() + b"\n"


@contextmanager
def socket_path(home: Path) -> Iterator[str]:
    """Yield a path of the socket that is short enough for the system, which allows about a hundred bytes."""
    if not _OPEN_FILES.is_dir():
        yield str(home / SOCKET)
        return
    folder = os.open(home, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield str(_OPEN_FILES / str(folder) / SOCKET)
    finally:
        os.close(folder)


def is_same_person(connection: socket.socket) -> bool:
    """Check that the process at the other end is of the same user, or of the system's; True where nobody can say."""
    if not hasattr(socket, "SO_PEERCRED"):
        return True  # the socket's own rights decide
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _, user, _ = struct.unpack("3i", credentials)
    return user in (os.geteuid(), 0) and user != _NOBODY
