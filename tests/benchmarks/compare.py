"""Two checkouts of the project in one run, taking turns: the engine, stored studies, and the start of processes.

    python -m tests.benchmarks compare OTHER [--rounds 5] [--repeats 4] [--only engine study start]

Each round starts a fresh process of either checkout (so that the luck of one process's memory layout does not
decide), and lets the two take turns at every row: this, other, other, this, and so on. A figure is the median over
all rounds; the ratio is the median of the rounds' own ratios, with the lowest and the highest of them.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import IO, cast

from tests.benchmarks.timing import machine, spelled

ROOT = Path(__file__).parents[2]
PROBE = Path(__file__).with_name("probe.py")
ROWS = {
    "engine": (
        "one trial",
        "one trial, 500,000 bars",
        "from raw prices",
        "from raw prices, 500,000 bars",
        "in detail",
        "200 sets",
        "5,376 sets",
        "search of 200 trials",
    ),
    "study": ("200", "1000"),
    "start": ("import of serve", "import of run", "run until its result", "run until its end"),
}
#: What a result begins with.
VERDICTS = ("Strong", "Promising", "Unproven", "Overfit")
RUN = ("-m", "bot", "run", "AAPL", "RSI", "200", "source=sample")
#: Seconds of a round, by the name of the figure.
Figures = dict[str, list[float]]


@dataclass(frozen=True, kw_only=True)
class Side:
    """One of the two checkouts, with folders of its own for compiled code, compiled layouts and the bot's data."""

    label: str
    checkout: Path
    scratch: Path

    @property
    def environment(self) -> dict[str, str]:
        """Variables of its processes. Bytecode is kept, as on a machine where the project is installed."""
        inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        return inherited | {
            "PYTHONPATH": str(self.checkout),
            "PYTHONPYCACHEPREFIX": str(self.scratch / "bytecode"),
            "PYTHONUNBUFFERED": "1",
            "XDG_CACHE_HOME": str(self.scratch / "cache"),
            "NUMBA_CACHE_DIR": os.environ.get("NUMBA_CACHE_DIR", str(self.scratch / "numba")),
            "OPTIMIZE_BOT_HOME": str(self.scratch / "home"),
        }

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start Python in this checkout."""
        command = [sys.executable, "-P", *arguments]
        pipe = subprocess.PIPE
        return subprocess.Popen(
            command, cwd=self.checkout, env=self.environment, stdin=pipe, stdout=pipe, text=True, bufsize=1
        )

    def import_of(self, new: str, old: str) -> str:
        """Return the statement that imports the first of two modules that this checkout has."""
        has_new = self.checkout.joinpath(*new.split(".")).with_suffix(".py").exists()
        return f"import {new if has_new else old}"


def main(arguments: Sequence[str]) -> None:
    """Measure and print a table of ratios."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks compare", description=__doc__)
    parser.add_argument("other", type=Path, metavar="OTHER", help="the checkout to compare this one with")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=4, help="turns of each side at every row of a round")
    parser.add_argument("--only", nargs="+", choices=tuple(ROWS), default=tuple(ROWS))
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="compare-", ignore_cleanup_errors=True) as folder:
        sides = (
            Side(label="this", checkout=ROOT, scratch=Path(folder) / "this"),
            Side(label="other", checkout=options.other.resolve(), scratch=Path(folder) / "other"),
        )
        print(machine())
        print("\n| | this | other | this ÷ other | lowest to highest of the rounds |\n|---|---:|---:|---:|---:|")
        for group in options.only:
            print_rows([one_round(group, sides, options.repeats, number) for number in range(options.rounds)])


def one_round(group: str, sides: Sequence[Side], repeats: int, number: int) -> dict[str, Figures]:
    """Return the figures of either side, each row measured `repeats` times a side."""
    found: dict[str, Figures] = {side.label: defaultdict(list) for side in sides}
    with ExitStack() as stack:
        measures = {side.label: stack.enter_context(measuring(group, side)) for side in sides}
        for row in ROWS[group]:
            for turn in range(repeats):
                order = sides if (turn + number) % 2 == 0 else sides[::-1]
                for side in order:
                    for name, seconds in measures[side.label].measure(row).items():
                        found[side.label][name].append(seconds)
    return found


class Probe:
    """A process of one side that measures rows on request."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self._in, self._out = cast("IO[str]", process.stdin), cast("IO[str]", process.stdout)
        self.read()

    def measure(self, row: str) -> Mapping[str, float]:
        """Return the row's figures in seconds."""
        self._in.write(row + "\n")
        self._in.flush()
        return self.read()

    def read(self) -> Mapping[str, float]:
        """Return the next answer. Raises RuntimeError where the process has ended."""
        line = self._out.readline()
        if not line:
            raise RuntimeError(f"A process of the comparison ended early: {self._process.args}")
        return cast("dict[str, float]", json.loads(line))


class Starts:
    """Starts processes of one side and times them."""

    def __init__(self, side: Side) -> None:
        self._side = side
        for row in ("import of serve", "run until its end"):
            self.measure(row)  # the first start compiles, and makes the database

    def measure(self, row: str) -> Mapping[str, float]:
        """Return the wall seconds of one start."""
        if row == "import of serve":
            return {row: self._whole("-c", self._side.import_of("bot.cli.serve", "bot.server"))}
        if row == "import of run":
            return {row: self._whole("-c", self._side.import_of("bot.cli.run", "bot.console"))}
        if row == "run until its end":
            return {row: self._whole(*RUN)}
        return {row: self._until_result()}

    def _whole(self, *arguments: str) -> float:
        began = time.perf_counter()
        process = self._side.start(*arguments)
        process.communicate()
        self._require_success(process)
        return time.perf_counter() - began

    def _until_result(self) -> float:
        """Seconds until the line with the verdict is printed. Raises RuntimeError where none is."""
        began, seconds = time.perf_counter(), 0.0
        process = self._side.start(*RUN)
        for line in cast("IO[str]", process.stdout):
            if not seconds and any(word in line for word in VERDICTS):
                seconds = time.perf_counter() - began
        process.wait()
        self._require_success(process)
        if not seconds:
            raise RuntimeError(f"`run` in `{self._side.checkout}` printed none of {', '.join(VERDICTS)}.")
        return seconds

    def _require_success(self, process: "subprocess.Popen[str]") -> None:
        if process.returncode:
            raise RuntimeError(f"A process of `{self._side.checkout}` failed: {process.args}")


@contextmanager
def measuring(group: str, side: Side) -> Iterator[Probe | Starts]:
    """Yield what measures a group's rows on one side; a probe's process ends with the round."""
    if group == "start":
        yield Starts(side)
        return
    process = side.start(str(PROBE), group)
    try:
        yield Probe(process)
    finally:
        cast("IO[str]", process.stdin).close()
        process.wait(60)


def print_rows(rounds: Sequence[dict[str, Figures]]) -> None:
    """Print a line per figure."""
    for name in rounds[0]["this"]:
        this, other = ([median(found[label][name]) for found in rounds] for label in ("this", "other"))
        ratios = [a / b for a, b in zip(this, other, strict=True)]
        print(
            f"| {name} | {spelled(median(this))} | {spelled(median(other))} | {median(ratios):.3f} "
            f"| {min(ratios):.3f} to {max(ratios):.3f} |",
            flush=True,
        )
