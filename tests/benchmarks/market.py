"""How fast market data is: loading, importing, features, the sentinel, snapshots; and a kill -9.

    python -m tests.benchmarks market [--symbols 1000] [--kills 3]

The import runs in a process of its own, so that its peak memory is its own; then it is killed at moments spread over
its length, the last one near its commit, while loading the same files into a warehouse that already has bars.
"""

import argparse
import asyncio
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np

from bot.schedules.bar_refresh import refresh_all
from optimizer.indicators.feature_columns import compute
from optimizer.market.feed import Market
from optimizer.market.importing import import_files
from optimizer.market.quality.sentinel import check
from optimizer.market.raw_bars import RawBars, SeriesKey
from optimizer.market.snapshots import read_snapshot, write_snapshot
from optimizer.market.warehouse.features import FeatureStore
from optimizer.market.warehouse.warehouse import Warehouse
from tests.benchmarks.timing import peak_megabytes
from tests.optimizer.market.conftest import walk

N_BARS = 5040  # twenty years
NOW = datetime(2024, 6, 3, 12, tzinfo=UTC)
ROOT = Path(__file__).parents[2]


def main(arguments: list[str] | None = None) -> None:
    """Print every figure."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks market", description=__doc__.splitlines()[0])
    parser.add_argument("--symbols", type=int, default=1000, help="files of twenty years to import")
    parser.add_argument("--kills", type=int, default=3, help="how often an import is killed")
    parser.add_argument("--import-into", nargs=2, metavar=("FOLDER", "WAREHOUSE"), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.import_into:
        run_import(*(Path(text) for text in options.import_into))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        time_reading(folder)
        time_features(folder)
        time_refresh(folder, n_symbols=500)
        write_files(folder / "csv", options.symbols)
        seconds = time_import(folder)
        kill_imports(folder, [seconds * (origin + 1) / options.kills for origin in range(options.kills)])


def median_ms(work: Callable[[], object], times: int = 15) -> float:
    """Median time of a call in milliseconds, after one to warm up."""
    work()
    spent = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        spent.append(time.perf_counter() - start)
    return 1000 * statistics.median(spent)


def tell(what: str, value: float, unit: str, goal: str = "") -> None:
    """One line of the table."""
    print(f"{what:<64}{value:>10.2f} {unit:<4}{goal}")


def time_reading(folder: Path) -> None:
    """Loading, checking, snapshots."""
    with Warehouse.open(folder / "read.duckdb", now=NOW) as warehouse:
        warehouse.upsert_all((walk(N_BARS, seed=seed, symbol=f"S{seed}") for seed in range(50)), now=NOW)
        start = walk(N_BARS, seed=0, symbol="S0").time[-1259].item().date()
        tell("load 5 years of daily bars", median_ms(lambda: warehouse.load("S25", start=start)), "ms", "goal < 5")
        tell("load 20 years of daily bars", median_ms(lambda: warehouse.load("S25")), "ms")
        bars = warehouse.load("S25")
    tell("sentinel over 20 years of daily bars", median_ms(lambda: check(bars, now=NOW)), "ms")
    data_hash = write_snapshot(bars, folder)
    tell("read a snapshot of 20 years, verified", median_ms(lambda: read_snapshot(data_hash, folder)), "ms")


def time_features(folder: Path) -> None:
    """The feature store: all rows at first, one edited bar, nothing to do."""
    history = walk(N_BARS, symbol="S")
    bars = history.adjusted()
    tell("features of 20 years: computing alone", median_ms(lambda: compute(bars)), "ms")
    with Warehouse.open(folder / "features.duckdb", now=NOW) as warehouse:
        store = FeatureStore(warehouse)
        warehouse.upsert_all((walk(N_BARS, seed=seed, symbol=f"S{seed}") for seed in range(20)), now=NOW)
        first = [timed_ms(lambda seed=seed: store.read(f"S{seed}")) for seed in range(20)]  # type: ignore[misc]
        tell("features of 20 years: computed, stored, returned", statistics.median(first), "ms", "goal < 100")
        tell("features of 20 years: returned from the store", median_ms(lambda: store.read("S3")), "ms")
        edited = replace(history, symbol="S3", close=np.where(np.arange(N_BARS) == N_BARS - 9, 9.0, history.close))
        warehouse.upsert(edited, now=NOW)
        tell("features after one bar was edited", timed_ms(lambda: store.read("S3")), "ms")


class _Slow:
    """Source of the same year of bars for any symbol, which answers after 50 ms, and four requests side by side."""

    name, is_live, symbols, at_once = "slow", True, (), 4

    def fetch(self, symbol: str, *, timeframe: str, start: date | None, end: date | None, now: datetime) -> RawBars:
        """The days from `start` on that `now` has seen closed."""
        time.sleep(0.05)
        first = np.datetime64(start or "2023-01-02", "D")
        last = np.datetime64(min(end or now.date(), now.date() - timedelta(days=1)), "D")
        days = np.arange(first, last + 1)
        days = days[np.is_busday(days)]
        close = 100.0 + (days - np.datetime64("2020-01-01")).astype(float) % 50
        rows = dict.fromkeys(("open", "high", "low", "close"), close)
        ones = np.ones(len(days))
        times = days.astype("datetime64[us]")
        return RawBars(
            symbol=symbol, timeframe=timeframe, source="slow", time=times, **rows, volume=ones, factor=ones, split=ones
        )


def time_refresh(folder: Path, n_symbols: int) -> None:
    """Refresh stored series as the daily refresh does."""
    with Warehouse.open(folder / "refreshed.duckdb") as warehouse:
        market = Market(warehouse, [_Slow()], sources=("slow",))
        before, now = datetime(2023, 12, 20, 23, tzinfo=UTC), datetime(2023, 12, 21, 23, tzinfo=UTC)
        keys = [SeriesKey(f"S{number}", "1d", "slow") for number in range(n_symbols)]
        for key in keys:
            market.get_bars(key.symbol, source="slow", now=before)
        began = time.perf_counter()
        done = asyncio.run(refresh_all(market, keys, lambda: now))
        seconds = time.perf_counter() - began
    assert all(one.error is None for one in done)
    tell(f"{n_symbols} symbols refreshed, answers of 50 ms", seconds, "s", "30 s")


def timed_ms(work: Callable[[], object]) -> float:
    """Time of one call in milliseconds."""
    start = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - start)


def write_files(folder: Path, n_symbols: int) -> None:
    """CSV files of twenty years each, of a hundred different walks."""
    folder.mkdir()
    texts = [as_csv(walk(N_BARS, seed=seed)) for seed in range(min(100, n_symbols))]
    for number in range(n_symbols):
        (folder / f"S{number:04d}.csv").write_text(texts[number % len(texts)])


def as_csv(history: RawBars) -> str:
    """The bars as most vendors write them."""
    columns = history.columns()
    prices = [columns[name].tolist() for name in ("open", "high", "low", "close", "close", "volume")]
    days = history.time.astype("datetime64[D]")
    rows = (
        f"{day},{o:.4f},{h:.4f},{low:.4f},{c:.4f},{a:.4f},{v:.0f}"
        for day, o, h, low, c, a, v in zip(days, *prices, strict=True)
    )
    return "Date,Open,High,Low,Close,Adj Close,Volume\n" + "\n".join(rows) + "\n"


def run_import(folder: Path, warehouse_path: Path) -> None:
    """In a process of its own: import and print seconds, bars and peak memory."""
    with Warehouse.open(warehouse_path, now=NOW) as warehouse:
        print("begun", flush=True)
        start, busy = time.perf_counter(), time.process_time()
        report = import_files(folder, warehouse, now=NOW)
        seconds, busy = time.perf_counter() - start, time.process_time() - busy
    print(seconds, busy, report.n_bars, peak_megabytes())


def start_import(folder: Path, warehouse: Path) -> "subprocess.Popen[str]":
    """The import as a child process that has opened the warehouse."""
    command = [sys.executable, "-m", "tests.benchmarks.market", "--import-into", str(folder / "csv"), str(warehouse)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert child.stdout is not None
    assert child.stdout.readline() == "begun\n"
    return child


def time_import(folder: Path) -> float:
    """One whole import; returns its seconds."""
    output, _ = start_import(folder, folder / "import.duckdb").communicate()
    seconds, busy, n_bars, memory = (float(word) for word in output.split())
    tell(f"import of {n_bars:,.0f} rows", seconds, "s", f"goal < 60 ({busy:.0f} s of processor time)")
    tell("its peak memory", memory, "MB", "goal < 800")
    tell("size of the warehouse", (folder / "import.duckdb").stat().st_size / 1e6, "MB")
    return seconds


def kill_imports(folder: Path, moments: list[float]) -> None:
    """Kill imports so many seconds after their start; the warehouse must open as it was before, or with everything."""
    n_files = len(list((folder / "csv").iterdir()))
    for number, moment in enumerate(moments):
        path = folder / f"kill{number}.duckdb"
        with Warehouse.open(path, now=NOW) as warehouse:
            warehouse.upsert(walk(500, symbol="OLD"), now=NOW)
        child = start_import(folder, path)
        try:
            child.wait(moment)
        except subprocess.TimeoutExpired:
            os.kill(child.pid, signal.SIGKILL)
        child.communicate()
        with Warehouse.open(path, now=NOW) as warehouse:
            n_series = len(warehouse.symbols())
            is_old_whole = np.array_equal(warehouse.load("OLD").close, walk(500, symbol="OLD").close)
        state = "before" if n_series == 1 else "after" if n_series == n_files + 1 else "BETWEEN"
        print(f"kill -9 after {moment:.1f} s: opens, old bars whole: {is_old_whole}, series: {n_series} ({state})")


if __name__ == "__main__":
    main()
