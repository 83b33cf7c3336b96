"""A study in a terminal: `optimize-bot run` from the start of the process to its result, and to its end.

    python -m tests.benchmarks terminal [--repeats 10]

Each run is a process of its own, with the embedded MongoDB and the bars of the sample, in one data directory; the
first, which may compile, is not counted. Processor time is that of the run and of all its child processes.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

#: Words of every result, and of nothing that is printed before one.
_TOLD = "recompute:"
#: A file of every study that is drawn, which is named once all are there.
_DRAWN = "report.html"


@dataclass(frozen=True, kw_only=True)
class Run:
    """Seconds of one run."""

    told: float  # until the result stands there
    drawn: float  # until its charts and its report are there
    ended: float
    processor: float


def main(arguments: Sequence[str] = ()) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks terminal", description=__doc__)
    parser.add_argument("--repeats", type=int, default=10)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="benchmark-", ignore_cleanup_errors=True) as home:
        runs = [_timed(home, seed) for seed in range(options.repeats + 1)][1:]
    print(f"| `optimize-bot run IBM RSI 200`, {options.repeats} runs | median | least | most |\n|---|---|---|---|")
    for name, found in (
        ("seconds to the result", [run.told for run in runs]),
        ("seconds from the result to charts and report", [run.drawn - run.told for run in runs]),
        ("seconds to the end", [run.ended for run in runs]),
        ("seconds of processor time, with all children", [run.processor for run in runs]),
    ):
        print(f"| {name} | {median(found):.2f} | {min(found):.2f} | {max(found):.2f} |")


def _timed(home: str, seed: int) -> Run:
    environment = {**os.environ, "OPTIMIZE_BOT_HOME": home, "OPTIMIZE_BOT_SOURCES": "sample"}
    command = [sys.executable, "-m", "bot", "run", "IBM", "RSI", "200", f"seed={seed}"]
    used, began, told, drawn = _processor_seconds(), time.perf_counter(), float("nan"), float("nan")
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if _TOLD in line:
                told = time.perf_counter() - began
            if _DRAWN in line:
                drawn = time.perf_counter() - began
    assert process.returncode == 0
    return Run(told=told, drawn=drawn, ended=time.perf_counter() - began, processor=_processor_seconds() - used)


def _processor_seconds() -> float:
    """Processor time of the child processes that have ended, and of theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
