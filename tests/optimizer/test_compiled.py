"""Compiled code is kept on disk, read from a folder that cannot be written, and never needed there."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]

START = """
import os, sys
import numba, numpy as np, pydantic, talib
numba.njit(lambda x: np.zeros(3) + x)(1.0)
"""
READS_ONLY = """
import sys
import numpy as np
"""
# What numba's compiler is made of is a hundred modules, which reading needs nothing of.
NO_COMPILER = """
assert "numba.typed.typeddict" not in sys.modules
"""
# Permissions bind root only once it is somebody else.
AS_NOBODY = """
if os.geteuid() == 0:
    os.seteuid(65534)
"""
PROGRAM = """
from optimizer.indicators.recursive import fill_rsi
row = np.empty(60)
fill_rsi(100 + np.sin(np.arange(60.0)), 14, row)
stats = fill_rsi.stats
print(sum(stats.cache_hits.values()), int(stats.cache_path is not None), round(row[-1], 6))
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that anybody may enter."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)
        Path(name).chmod(0o755)


def run(program: str, *, cache: Path, home: Path, sources: Path = ROOT, start: str = START) -> tuple[int, int, float]:
    """Run a program in a fresh interpreter: (functions read, whether there is a folder, last value of the row)."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(cache), "HOME": str(home), "XDG_CACHE_HOME": str(home)}
    command = [sys.executable, "-c", start + program]
    done = subprocess.run(command, cwd=sources, env=environment, capture_output=True, text=True, check=True)
    hits, has_folder, value = done.stdout.split()
    return int(hits), int(has_folder), float(value)


def begun(program: str, cache: Path) -> "subprocess.Popen[str]":
    """Begin to run a program in a fresh interpreter."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(cache)}
    command = [sys.executable, "-c", START + program]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)


def lock(folder: Path) -> None:
    """Take the right to write away."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)


def unlock(folder: Path) -> None:
    """Give the right to write back, so that the folder can be removed."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


def test_a_second_start_compiles_nothing_and_reads_even_what_it_may_not_write(folder: Path) -> None:
    kept = folder / "kept"
    first = run(PROGRAM, cache=kept, home=folder)
    second = run(PROGRAM + NO_COMPILER, cache=kept, home=folder, start=READS_ONLY)
    lock(kept)
    third = run(AS_NOBODY + PROGRAM, cache=kept, home=folder)
    unlock(kept)

    assert first[:2] == (0, 1)
    assert second == (1, 1, first[2])
    assert third == (1, 1, first[2])


def test_no_folder_to_write_to_is_no_error(folder: Path) -> None:
    shutil.copytree(ROOT / "optimizer", folder / "optimizer", ignore=shutil.ignore_patterns("__pycache__"))
    lock(folder)
    found = run(AS_NOBODY + PROGRAM, cache=folder / "kept", home=folder, sources=folder)
    unlock(folder)

    assert found[:2] == (0, 0)
    assert found[2] > 0


FULL_DISK = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # every write to a file fails
"""


def test_a_full_disk_is_no_error(folder: Path) -> None:
    assert run(FULL_DISK + PROGRAM, cache=folder / "kept", home=folder)[:2] == (0, 1)


def test_of_two_processes_that_start_at_once_one_compiles_and_the_other_reads(folder: Path) -> None:
    both = [begun(PROGRAM, folder) for _ in range(2)]
    said = [one.communicate(timeout=120)[0].split() for one in both]

    assert sorted(words[0] for words in said) == ["0", "1"]
    assert said[0][1:] == said[1][1:]


FROM_BOTH = """
from optimizer.search.tpe.random_sets import mix, seed_state
state = np.zeros(1, np.uint64)
seed_state(state, 1, 2, 3)
inner = len(mix.overloads)
value = float(mix(np.uint64(3)))
print(sum(mix.stats.cache_hits.values()), inner, value)
"""


def test_python_may_call_what_was_compiled_for_another_function(folder: Path) -> None:
    first, second = (run(FROM_BOTH, cache=folder / "kept", home=folder) for _ in range(2))

    assert first[:2] == (0, 1)
    assert second == (1, 0, first[2])
    assert first[2] == float(spread(3))


def spread(z: int) -> int:
    """Return the finalizer of SplitMix64, in Python's numbers."""
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) % 2**64
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) % 2**64
    return z ^ (z >> 31)
