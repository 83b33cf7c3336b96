"""Whole studies as the bot runs them (planned, searched, judged, stored in MongoDB), beside other people's optimizers.

    python -m tests.benchmarks study [--sizes 200 1000 5000] [--repeats 5] [--symbols 100]

Three tables of one run. A study's search with its trials stored in a real MongoDB, beside Optuna's TPE and random
samplers over the same objective in memory, which store nothing. The optimizers of `backtesting` over the same
strategy and bars. And many symbols, each searched, walked forward and stored, by one worker process a core.
"""

import argparse
import asyncio
import os
import tempfile
import time
import warnings
from collections.abc import Sequence
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path
from statistics import median

import backtesting
import numpy as np
import optuna
import pandas as pd
from optuna.samplers import RandomSampler, TPESampler

from bot.runtime.services import Services
from optimizer.domain.study_request import Costs, StudySpec
from optimizer.domain.study_results import Timings
from optimizer.engine.evaluator import Evaluator
from optimizer.market.importing import import_files
from optimizer.market.providers.file import Reading
from optimizer.search.fold_search import refit
from optimizer.strategies.registry import find_strategy
from optimizer.validation.walk_forward import walk_forward
from tests.bars import made_up_bars, sample_bars
from tests.benchmarks.peers import PER_SIDE, Rsi, frame_of
from tests.benchmarks.search import Objective, ask_and_tell
from tests.benchmarks.services import desk_in, finished, submitted

RSI = find_strategy("rsi")


def main(arguments: Sequence[str] = ()) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks study", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="*", default=[200, 1000, 5000])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--symbols", type=int, default=100)
    parser.add_argument("--stock-up-to", type=int, default=5000, help="leave Optuna's TPE out above")
    options = parser.parse_args(arguments)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    stored, many = asyncio.run(_measure(options))
    print("| trials | search, stored | Optuna TPE, in memory | Optuna random, in memory |\n|---|---|---|---|")
    for n in options.sizes:
        print_size(n, stored[n], repeats=options.repeats, has_stock=n <= options.stock_up_to)
    print_split(stored[options.sizes[0]])
    print_peers()
    print(f"\nWalk-forward of 5 folds, 200 sets refitted in each: {1e3 * walk_forward_seconds():.1f} ms")
    print(f"{options.symbols} symbols, 200 trials and four folds each, judged and stored: {many:.1f} s")


async def _measure(options: argparse.Namespace) -> tuple[dict[int, list[Timings]], float]:
    with tempfile.TemporaryDirectory(prefix="benchmark-", ignore_cleanup_errors=True) as folder:
        async with desk_in(Path(folder) / "one", n_workers=1) as services:
            stored = {n: await timings(services, n, options.repeats) for n in options.sizes}
        async with desk_in(Path(folder) / "all", n_workers=os.cpu_count() or 1) as services:
            return stored, await many_symbols(services, Path(folder) / "bars", options.symbols)


async def timings(services: Services, n: int, repeats: int) -> list[Timings]:
    """Where the time of studies of n trials went, as their worker measured it, one study right after the other.

    The first is left out: behind it the worker still imports what judges.
    """
    specs = [
        StudySpec(symbol="AAPL", strategy_name="rsi", n_trials=n, seed=seed, folds=4 if n == 200 else 0)
        for seed in range(repeats + 1)
    ]
    studies = await finished(services, [await submitted(services, spec) for spec in specs])
    return [study.timings for study in studies[1:] if study.timings is not None]


async def many_symbols(services: Services, folder: Path, n: int) -> float:
    """Seconds from the first plan to the last result of n symbols."""
    await asyncio.to_thread(folder.mkdir)
    for number in range(n):
        write_walk(folder / f"W{number:03d}.csv", seed=number)
    import_files(folder, services.market.warehouse, reading=Reading(), now=services.clock())
    began = time.perf_counter()
    specs = [StudySpec(symbol=f"W{number:03d}", strategy_name="rsi", source="file") for number in range(n)]
    await finished(services, [await submitted(services, spec) for spec in specs])
    return time.perf_counter() - began


def write_walk(path: Path, *, seed: int) -> None:
    """Ten years of weekdays."""
    frame = frame_of(made_up_bars(2520, seed=seed)).set_axis(pd.bdate_range("2008-01-01", periods=2520), axis=0)
    frame.to_csv(path, index_label="Date", float_format="%.6f")


def print_size(n: int, ours: Sequence[Timings], *, repeats: int, has_stock: bool) -> None:
    """One line of the first table."""
    seconds = median(t.sampler + t.backtest + t.storage for t in ours)
    objective = Objective()
    random = _wall(objective, RandomSampler(seed=1), n, repeats)
    stock = _wall(objective, TPESampler(seed=1), n, 3 if n <= 200 else 1) if has_stock else float("nan")
    print(
        f"| {n:,} | {seconds:.3f} s, {1e6 * seconds / n:.0f} µs a trial | {stock:.2f} s, {stock / seconds:.1f}x ours "
        f"| {random:.3f} s, {random / seconds:.2f}x ours |",
        flush=True,
    )


def _wall(objective: Objective, sampler: RandomSampler | TPESampler, n: int, repeats: int) -> float:
    taken = []
    for _ in range(repeats):
        began = time.perf_counter()
        ask_and_tell(objective, sampler, n)
        taken.append(time.perf_counter() - began)
    return median(taken)


def print_split(ours: Sequence[Timings]) -> None:
    """Where the time of the smallest study goes."""
    print("\n| part of a study | ms |\n|---|---|")
    for part in ("start", "sampler", "backtest", "storage", "validation", "keeping", "total"):
        print(f"| {part} | {1e3 * median(getattr(t, part) for t in ours):.1f} |")


def print_peers() -> None:
    """The optimizers of `backtesting`, 200 sets over 1,258 bars."""
    apple = sample_bars("AAPL")
    frame = frame_of(apple.cut(len(apple) - 1258, len(apple)))
    ranges = {"period": range(10, 31), "oversold": range(20, 36), "overbought": range(65, 81)}
    print("\n| `backtesting`'s own optimizer, 200 sets, 1,258 bars | seconds |\n|---|---|")
    for method in ("grid", "sambo"):
        with warnings.catch_warnings(), redirect_stderr(StringIO()):  # it draws a progress bar
            warnings.simplefilter("ignore")
            test = backtesting.Backtest(frame, Rsi, cash=1e9, commission=PER_SIDE)
            began = time.perf_counter()
            test.optimize(**ranges, method=method, max_tries=200, maximize="Sharpe Ratio", random_state=1)
            print(f"| {method} | {time.perf_counter() - began:.2f} |", flush=True)


def walk_forward_seconds(repeats: int = 9) -> float:
    """Median seconds of a walk-forward over 1,258 bars."""
    apple = sample_bars("AAPL")
    bars = apple.cut(len(apple) - 1258, len(apple))
    spec = StudySpec(symbol="AAPL", strategy_name="rsi", folds=5)
    taken = []
    for _ in range(repeats + 1):
        evaluator = Evaluator(RSI, bars, costs=Costs())
        began = time.perf_counter()
        assert walk_forward(spec, RSI.space, evaluator, start=0, stop=len(bars), refit=refit) is not None
        taken.append(time.perf_counter() - began)
    return float(np.median(taken[1:]))
