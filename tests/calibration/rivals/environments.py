"""An environment of its own for each package that judges: made once, in a cache, by venv and pip."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.calibration.rivals.judges import Judge

#: Written when everything is installed: an environment without it is made anew.
_COMPLETE = "complete"
#: Addresses in pip's complaints, which are this machine's and nobody else's.
_ADDRESS = re.compile(r"\S*(?://|[\\/]\S+[\\/])\S*")
Version = tuple[int, int]


class NotInstalledError(Exception):
    """A judge that cannot be asked here; the text is the reason for the table."""


def python_for(judge: Judge, kept: Path) -> Path:
    """The Python that has the judge, installed under `kept` when it is not yet. Raises NotInstalledError."""
    folder = kept / judge.requirement.replace("==", "-")
    program = folder / "bin" / "python"
    if not (folder / _COMPLETE).exists():
        _run([str(_interpreter(judge)), "-m", "venv", "--clear", str(folder)])
        _run([str(program), "-m", "pip", "install", "--disable-pip-version-check", judge.requirement])
        (folder / _COMPLETE).touch()
    return program


def environment() -> dict[str, str]:
    """Variables of a process that must see nothing of this project's environment."""
    return {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}


def reason_of(complaint: str) -> str:
    """The last error that pip tells, without the addresses of this machine."""
    errors = [line for line in complaint.splitlines() if line.startswith("ERROR: ")] or complaint.splitlines()[-1:]
    return _ADDRESS.sub("…", errors[-1].removeprefix("ERROR: ")) if errors else "it failed without a word"


def _interpreter(judge: Judge) -> Path:
    first, end = judge.python
    for program in _programs():
        version = _version(program)
        if version and first <= version < end:
            return program
    wanted = ".".join(map(str, first))
    raise NotInstalledError(f"it needs Python {wanted}, which is not here")


def _programs() -> Iterator[Path]:
    """Interpreters to try: the one that runs this, those on PATH, and those that pyenv and uv keep."""
    yield Path(sys.executable)
    for minor in range(10, 15):
        if found := shutil.which(f"python3.{minor}"):
            yield Path(found)
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    uv = Path(os.environ.get("UV_PYTHON_INSTALL_DIR") or Path.home() / ".local" / "share" / "uv" / "python")
    yield from sorted([*pyenv.glob("versions/3.*/bin/python3"), *uv.glob("cpython-3.*/bin/python3")])


@cache
def _version(program: Path) -> Version | None:
    """Its version; None where it does not run, or cannot make environments."""
    code = "import ensurepip, sys; print(*sys.version_info[:2])"
    done = subprocess.run([program, "-c", code], capture_output=True, text=True, check=False, env=environment())
    if done.returncode:
        return None
    major, minor = map(int, done.stdout.split())
    return major, minor


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment())
    if done.returncode:
        raise NotInstalledError(reason_of(done.stderr))
