"""What judges said, a line of JSON for each study and judge; and how they are asked."""

import json
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from optimizer.validation.evidence import Evidence
from optimizer.validation.verdict import judge as judged
from tests.calibration.rivals.environments import environment
from tests.calibration.rivals.judges import Judge

OURS = "ours"
_SCRIPTS = Path(__file__).parent / "scripts"
#: Studies that one process is asked about: what a judge compiles is compiled once for them.
_CHUNK = 26


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One line: a judge's word on a study, or why it has none; of ours the evidence, judged by the tree of today."""

    study: str
    judge: str
    word: str | None = None
    error: str | None = None
    evidence: dict[str, Any] | None = None  # None as well where no edge could be planted

    @property
    def key(self) -> tuple[str, str]:
        """What tells lines apart."""
        return self.judge, self.study

    @property
    def verdict(self) -> str | None:
        """The judge's word, ours included."""
        return self.word if self.evidence is None else judged(Evidence(**self.evidence)).verdict.value


def read(kept: Path) -> list[Answer]:
    """Answers kept so far, the last of each study and judge; a line that a stopped run left unfinished is none."""
    if not kept.exists():
        return []
    lines = [line for line in kept.read_text().splitlines() if line.endswith("}")]
    return list({answer.key: answer for answer in (Answer(**json.loads(line)) for line in lines)}.values())


class Record:
    """The file of lines, open for more of them from any thread."""

    def __init__(self, kept: Path) -> None:
        """Begin on a line of its own."""
        self._kept, self._lock = kept, Lock()
        if kept.exists() and not kept.read_text().endswith("\n"):
            self._write("\n")

    def add(self, **line: Any) -> None:
        """Keep one line."""
        self._write(json.dumps(line) + "\n")

    def _write(self, text: str) -> None:
        with self._lock, self._kept.open("a") as file:
            file.write(text)


def ask(asked: Iterable[tuple[Judge, Path, Sequence[Path]]], record: Record, processes: int) -> None:
    """Ask judges, each in its own Python, about the studies of these files, so many processes at a time."""
    chunks = [
        (judge, program, files[first : first + _CHUNK])
        for judge, program, files in asked
        for first in range(0, len(files), _CHUNK)
    ]
    with ThreadPoolExecutor(processes) as pool:
        for made in [pool.submit(_ask_one, *chunk, record) for chunk in chunks]:
            made.result()


def _ask_one(judge: Judge, program: Path, files: Sequence[Path], record: Record) -> None:
    for line in _lines([str(program), str(_SCRIPTS / "ask.py"), judge.function, *map(str, files)]):
        record.add(judge=judge.name, **json.loads(line))


def _lines(command: list[str]) -> Iterator[str]:
    variables = environment() | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=variables
    ) as process:
        assert process.stdout is not None
        yield from process.stdout
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command[:3])
