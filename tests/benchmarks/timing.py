"""Median time of a call, and how times, machine and versions are printed."""

import platform
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from statistics import median

#: Seconds. A call that takes longer is timed once.
SLOW = 20.0
PACKAGES = (
    *("numba", "numpy", "pandas", "TA-Lib", "optuna"),
    *("raptorbt", "phasor-trader", "backtesting", "vectorbt", "backtrader"),
)


def seconds(work: Callable[[], object], *, least: float = 0.5, most: int = 1001) -> float:
    """Median seconds of a call after one to warm up: up to `most` calls in `least` seconds, at least three."""
    work()
    times = [once(work)]
    while times[0] < SLOW and (len(times) < 3 or (sum(times) < least and len(times) < most)):
        times.append(once(work))
    return median(times)


def once(work: Callable[[], object]) -> float:
    """Seconds of one call."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def peak_megabytes(pid: int | str = "self") -> float:
    """Most memory that a process ever had resident.

    Not `ru_maxrss`: a process inherits that from the one that started it.
    """
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def spelled(took: float) -> str:
    """Return seconds in the unit that suits them, with three digits."""
    for unit, name in ((1.0, "s"), (1e-3, "ms")):
        if took >= unit:
            return f"{three_digits(took / unit)} {name}"
    return f"{three_digits(took * 1e6)} µs"


def three_digits(value: float) -> str:
    """Return a number with three significant digits, or all digits before the point."""
    decimals = 2 if value < 10 else 1 if value < 100 else 0
    return f"{value:,.{decimals}f}"


def machine() -> str:
    """Return the processor's name and Python's version."""
    return f"{_cpu()} · Python {platform.python_version()}"


def versions() -> str:
    """Return the packages that are measured, with their versions."""
    return ", ".join(f"{name} {version(name)}" for name in PACKAGES)


def _cpu() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.processor())
