"""Our backtests beside those of four other engines, in one run on one machine.

    python -m tests.benchmarks engine [--quick] [--json PATH]

Every figure is the median of several calls after one to warm up; a ratio compares two medians of this run.
"""

import argparse
import json
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import optuna
from numba import njit
from optimizer.once import RsiOnce

from optimizer.domain.bars import Bars, FloatArray
from optimizer.domain.space import Params
from optimizer.domain.study_request import Costs, StudySpec
from optimizer.engine.evaluator import Evaluator, warm
from optimizer.search.loop import search
from optimizer.strategies.registry import find_strategy
from tests.bars import made_up_bars, sample_bars
from tests.benchmarks import peers

RSI = find_strategy("rsi")
TEXTBOOK: Params = RSI.space.default
OVERLAYS: Params = {"stop": 5, "trail": 8, "trend": 200}
COSTS = Costs()
YEAR = 252.0
SIZES = (1_258, 20_000, 500_000)
PACKAGES = ("numba", "numpy", "pandas", "TA-Lib", "optuna", "backtesting", "vectorbt", "backtrader")
GRID = "The whole grid of 5,376 sets, from raw prices"
RESULTS = Path(__file__).parent / "results" / "engine.json"

Figures = dict[str, float]


@njit(fastmath={"contract"})  # type: ignore[untyped-decorator]
def chain(values: FloatArray) -> float:
    """One multiply-add a bar, each waiting for the one before: the bound of any recursive indicator."""
    total = 0.0
    for value in values:
        total = total * 0.93 + value
    return total


def main(arguments: Sequence[str]) -> None:
    """Measure, print the tables and write the figures as JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks engine", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="without the longest series of the slow engines")
    parser.add_argument("--json", type=Path, default=RESULTS)
    options = parser.parse_args(arguments)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warm()
    results = {
        "machine": {"cpu": cpu(), "python": platform.python_version()},
        "versions": {name: version(name) for name in PACKAGES},
        "one_backtest": {str(n): one_backtest(n, is_quick=options.quick) for n in SIZES},
        "many": many(bars_of(SIZES[0])),
        "memory": {"study_of_500000_bars_mb": peak_of_a_long_study()},
    }
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(results, indent=2) + "\n")
    print_tables(results)


def cpu() -> str:
    """The processor's name."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.processor())


def seconds(work: Callable[[], object], *, least: float = 0.5, most: int = 1001) -> float:
    """Median seconds of a call: up to `most` calls, or as many as `least` seconds allow, at least three."""
    work()
    times: list[float] = []
    while len(times) < 3 or (sum(times) < least and len(times) < most):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return median(times)


def bars_of(n: int) -> Bars:
    """Apple's last 1,258 daily bars of the sample, or a random walk."""
    apple = sample_bars("AAPL")
    if n == SIZES[0]:
        return apple.cut(len(apple) - n, len(apple))
    minutes = np.datetime64("2001-01-01", "ns") + np.arange(n) * np.timedelta64(1, "m")
    return replace(made_up_bars(n, volatility=0.01), time=minutes)


def one_backtest(n: int, *, is_quick: bool) -> Figures:
    """Seconds of one RSI backtest with its measures over n bars."""
    bars = bars_of(n)
    prices = np.array([bars.open, bars.high, bars.low, bars.close])
    plain, dressed = (RsiOnce(p, costs=COSTS, periods_per_year=YEAR) for p in (TEXTBOOK, TEXTBOOK | OVERLAYS))
    evaluator = Evaluator(RSI, bars, costs=COSTS)
    figures = {
        "bound": seconds(lambda: chain(bars.close)),
        "ours, from raw prices": seconds(lambda: plain.score(prices)),
        "ours, with stop, trail and trend": seconds(lambda: dressed.score(prices)),
        "ours, one trial of a study": seconds(lambda: evaluator.scores([TEXTBOOK], start=0, stop=n)),
        "ours, told in full": seconds(lambda: evaluator.backtest(TEXTBOOK, start=0, stop=n).measures),
    }
    frame = peers.frame_of(bars)
    figures["pandas"] = seconds(lambda: peers.play_pandas(frame, TEXTBOOK))
    figures["vectorbt"] = seconds(lambda: peers.play_vectorbt(frame, TEXTBOOK))
    if n < SIZES[2] or not is_quick:
        figures["backtesting"] = seconds(lambda: peers.play_backtesting(frame, TEXTBOOK), least=1)
    if n < SIZES[2]:
        figures["backtrader"] = seconds(lambda: peers.play_backtrader(frame, TEXTBOOK), least=1)
    return figures


def many(bars: Bars) -> Figures:
    """Seconds of many sets over one series."""
    n, grid = len(bars), list(RSI.space.param_sets())
    param_sets = [grid[i] for i in np.random.default_rng(7).choice(len(grid), 200, replace=False)]
    dressed = [params | OVERLAYS for params in param_sets]
    ready = Evaluator(RSI, bars, costs=COSTS)
    frame = peers.frame_of(bars)
    spec = StudySpec(symbol="AAPL", strategy_name="rsi")

    def fresh(wanted: list[Params]) -> object:
        return Evaluator(RSI, bars, costs=COSTS).scores(wanted, start=0, stop=n)

    def study() -> object:
        evaluator = Evaluator(RSI, bars, costs=COSTS)
        return list(search(spec, RSI.space, evaluator, start=0, stop=n, n_trials=200, seed=7))

    return {
        "bound": 200 * seconds(lambda: chain(bars.close)),
        "200 sets, from raw prices": seconds(lambda: fresh(param_sets)),
        "200 sets, asked again": seconds(lambda: ready.scores(param_sets, start=0, stop=n)),
        "200 sets with stop, trail and trend, from raw prices": seconds(lambda: fresh(dressed)),
        GRID: seconds(lambda: fresh(grid)),
        "a study of 200 trials": seconds(study, least=1),
        "vectorbt, 200 columns": seconds(lambda: peers.play_vectorbt_columns(frame, param_sets), least=1),
    }


LONG_STUDY = """
from optimizer.engine.evaluator import Evaluator
from optimizer.domain.study_request import Costs, StudySpec
from optimizer.strategies.registry import find_strategy
from optimizer.search.loop import search
from tests.bars import made_up_bars
bars, strategy = made_up_bars(500_000, volatility=0.01), find_strategy("rsi")
evaluator = Evaluator(strategy, bars, costs=Costs())
spec = StudySpec(symbol="LONG", strategy_name="rsi")
list(search(spec, strategy.space, evaluator, start=0, stop=500_000, n_trials=200, seed=7))
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


def peak_of_a_long_study() -> float:
    """Peak resident megabytes of a process that does a 200-trial study over 500,000 bars, as Linux counts them.

    Not `ru_maxrss`: a process inherits that from the one that started it.
    """
    command = [sys.executable, "-c", LONG_STUDY]
    subprocess.run(command, capture_output=True, check=True)  # may have to compile
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(done.stdout.split()[-1]) / 2**10


def print_tables(results: dict[str, Any]) -> None:
    """Print what was measured."""
    print(results["machine"]["cpu"], "· Python", results["machine"]["python"])
    print(", ".join(f"{name} {number}" for name, number in results["versions"].items()))
    for n, figures in results["one_backtest"].items():
        print_table(f"One backtest and its measures, {int(n):,} bars", figures, "ours, from raw prices", int(n))
    grid = results["many"].pop(GRID)
    print_table("Many sets, 1,258 bars", results["many"], "200 sets, from raw prices", SIZES[0] * 200)
    print(f"\n{GRID}: {spelled(grid)}")
    print(
        f"\nPeak memory of a 200-trial study over 500,000 bars: {results['memory']['study_of_500000_bars_mb']:.0f} MB"
    )


def print_table(title: str, figures: Figures, ours: str, n_bars: int) -> None:
    """Print one table: time, nanoseconds a bar, times the bound, and times ours."""
    print(f"\n{title}\n\n| | time | ns a bar | × bound | × ours |\n|---|---|---|---|---|")
    for name, took in figures.items():
        print(
            f"| {name} | {spelled(took)} | {took / n_bars * 1e9:,.2f} "
            f"| {took / figures['bound']:,.2f} | {took / figures[ours]:,.1f} |"
        )


def spelled(took: float) -> str:
    """Seconds in the unit that suits them."""
    for unit, name in ((1.0, "s"), (1e-3, "ms")):
        if took >= unit:
            return f"{took / unit:,.2f} {name}"
    return f"{took * 1e6:,.2f} µs"
