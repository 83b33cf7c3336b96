"""The product's backtests beside other people's, in one run on one machine; each row names the function timed.

    python -m tests.benchmarks engine [--quick] [--write]

Every figure is the median of several calls after one to warm up (`timing.seconds`); a ratio compares two medians of
this run. `--write` puts the tables into `docs/benchmarks.md` and the README's short one into `README.md`.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import optuna
from numba import njit

from optimizer.domain.bars import Bars, FloatArray
from optimizer.domain.space import Params
from optimizer.domain.study_request import Costs, StudySpec
from optimizer.engine.evaluator import Evaluator, warm
from optimizer.search.loop import search
from optimizer.strategies.registry import find_strategy
from tests.bars import made_up_bars, sample_bars
from tests.benchmarks import peers, rust_peers, vectorised
from tests.benchmarks.tables import Results, Row, Table, document, write
from tests.benchmarks.timing import machine, seconds, versions

RSI = find_strategy("rsi")
DEFAULT: Params = RSI.space.default
OVERLAYS: Params = {"stop": 5, "trail": 8, "trend": 200}
COSTS = Costs()
SIZES = (1_258, 20_000, 500_000)
N_SETS = 200
RESULTS = Path(__file__).parent / "results" / "engine.json"

#: A call of an engine; it returns the total return of the set, or the mean of those of many sets.
Work = Callable[[], float]


def main(arguments: Sequence[str]) -> None:
    """Measure, print the tables and keep the figures as JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks engine", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="without 500,000 bars and the slow engines' grids")
    parser.add_argument("--write", action="store_true", help="write the tables into docs/benchmarks.md and README.md")
    parser.add_argument("--json", type=Path, default=RESULTS)
    options = parser.parse_args(arguments)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warm()
    with np.errstate(divide="ignore", invalid="ignore"):  # peers divide by nothing where a set never trades
        results = measure(is_quick=options.quick)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(asdict(results), indent=2) + "\n")
    print(document(results))
    if options.write:
        write(results)


def measure(*, is_quick: bool) -> Results:
    """Time everything."""
    tables = []
    for n in SIZES[: 2 if is_quick else 3]:
        bars = bars_of(n)
        tables += [timed("trial", trial(bars), n), timed("raw", raw(bars), n), timed("detail", detail(bars), n)]
    bars, grid = bars_of(SIZES[0]), list(RSI.space.param_sets())
    param_sets = drawn(grid)
    tables += [
        timed("many", many(bars, param_sets, is_quick=is_quick), len(bars), N_SETS),
        timed("grid", many(bars, grid, is_quick=True), len(bars), len(grid)),
        timed("alone", alone(bars, param_sets), len(bars)),
    ]
    return Results(machine=machine(), versions=versions(), tables=tables, peak_mb=peak_of_a_long_study())


def timed(work: str, rows: dict[str, Work], n_bars: int, n_sets: int = 1) -> Table:
    """Time the rows of one table, one after the other."""
    done = []
    for name, call in rows.items():
        found: list[float] = []
        took = seconds(lambda call=call, found=found: found.append(call()))  # type: ignore[misc]
        done.append(Row(name=name, seconds=took, total_return=found[-1]))
    return Table(work=work, n_bars=n_bars, n_sets=n_sets, rows=done)


def bars_of(n: int) -> Bars:
    """Return Apple's last 1,258 daily bars of the sample, or a random walk of n minutes."""
    apple = sample_bars("AAPL")
    if n == SIZES[0]:
        return apple.cut(len(apple) - n, len(apple))
    minutes = np.datetime64("2001-01-01", "ns") + np.arange(n) * np.timedelta64(1, "m")
    return replace(made_up_bars(n, volatility=0.01), time=minutes, timeframe="1m")


def drawn(grid: Sequence[Params]) -> list[Params]:
    """Return 200 sets of the grid, always the same ones."""
    return [grid[i] for i in np.random.default_rng(7).choice(len(grid), N_SETS, replace=False)]


def scored(evaluator: Evaluator, param_sets: Sequence[Params]) -> float:
    """Score sets over all bars."""
    returns = evaluator.scores(param_sets, start=0, stop=len(evaluator.bars)).total_return
    return float(returns.sum()) / len(param_sets)  # a third of the time of numpy's mean


def trial(bars: Bars) -> dict[str, Work]:
    """One trial of a study: prices laid out and indicator known; signals, trades and thirteen measures."""
    evaluator, frame = Evaluator(RSI, bars, costs=COSTS), peers.frame_of(bars)
    rsi = vectorised.rsi_of(bars.close, [DEFAULT])[DEFAULT["period"]]
    engine, columns = peers.backtesting_of(frame), rust_peers.columns_of(bars)
    rows: dict[str, Work] = {
        "`Evaluator.scores`": lambda: scored(evaluator, [DEFAULT]),
        "raptorbt": lambda: rust_peers.play_raptorbt(columns, DEFAULT, rsi),
        "phasor": lambda: rust_peers.play_phasor(bars, DEFAULT, rsi),
        "numpy": lambda: vectorised.play_numpy(bars.open, bars.close, rsi, DEFAULT).measures["total_return"],
        "pandas": lambda: vectorised.play_pandas(frame, rsi, DEFAULT).measures["total_return"],
        "vectorbt": lambda: peers.play_vectorbt(frame, DEFAULT, rsi),
        "backtesting": lambda: peers.play_backtesting(engine, DEFAULT, rsi),
        "backtrader": lambda: peers.play_backtrader(frame, DEFAULT, rsi),
    }
    return without_slow(rows, bars)


def raw(bars: Bars) -> dict[str, Work]:
    """One backtest from raw prices: prices laid out, indicator, signals, trades and thirteen measures."""
    frame = peers.frame_of(bars)

    def rsi() -> FloatArray:
        return vectorised.rsi_of(bars.close, [DEFAULT])[DEFAULT["period"]]

    rows: dict[str, Work] = {
        "`Evaluator(…).scores`": lambda: scored(Evaluator(RSI, bars, costs=COSTS), [DEFAULT]),
        "raptorbt": lambda: rust_peers.play_raptorbt(rust_peers.columns_of(bars), DEFAULT),
        "phasor": lambda: rust_peers.play_phasor(bars, DEFAULT),
        "numpy": lambda: vectorised.play_numpy(bars.open, bars.close, rsi(), DEFAULT).measures["total_return"],
        "pandas": lambda: vectorised.play_pandas(frame, rsi(), DEFAULT).measures["total_return"],
        "vectorbt": lambda: peers.play_vectorbt(frame, DEFAULT),
        "backtesting": lambda: peers.play_backtesting(peers.backtesting_of(frame), DEFAULT),
        "backtrader": lambda: peers.play_backtrader(frame, DEFAULT),
    }
    return without_slow(rows, bars)


def detail(bars: Bars) -> dict[str, Work]:
    """One detailed backtest from raw prices: equity, positions, trades and every measure, buy and hold beside it."""
    frame = peers.frame_of(bars)

    def product() -> float:
        evaluator = Evaluator(RSI, bars, costs=COSTS)
        return evaluator.backtest(DEFAULT, start=0, stop=len(bars)).measures.total_return or 0.0

    def pandas() -> float:
        rsi = vectorised.rsi_of(bars.close, [DEFAULT])[DEFAULT["period"]]
        played = vectorised.play_pandas(frame, rsi, DEFAULT)
        vectorised.detail_pandas(played, frame["Close"])
        return played.measures["total_return"]

    rows: dict[str, Work] = {
        "`Evaluator(…).backtest(…).measures`": product,
        "raptorbt": lambda: rust_peers.detail_raptorbt(rust_peers.columns_of(bars), DEFAULT),
        "phasor": lambda: rust_peers.detail_phasor(bars, DEFAULT),
        "pandas": pandas,
        "vectorbt": lambda: peers.detail_vectorbt(frame, DEFAULT),
        "backtesting": lambda: peers.play_backtesting(peers.backtesting_of(frame), DEFAULT),
        "backtrader": lambda: peers.detail_backtrader(frame, DEFAULT),
    }
    return without_slow(rows, bars)


def without_slow(rows: dict[str, Work], bars: Bars) -> dict[str, Work]:
    """Leave backtrader out of the longest series, where it would take a minute and gigabytes."""
    return {name: call for name, call in rows.items() if len(bars) < SIZES[2] or name != "backtrader"}


def many(bars: Bars, param_sets: list[Params], *, is_quick: bool) -> dict[str, Work]:
    """Many sets from raw prices: each indicator row once, then the work of a trial for each set."""
    frame = peers.frame_of(bars)

    def numpy() -> float:
        rows = vectorised.rsi_of(bars.close, param_sets)
        plays = (vectorised.play_numpy(bars.open, bars.close, rows[p["period"]], p) for p in param_sets)
        return float(np.mean([played.measures["total_return"] for played in plays]))

    def pandas() -> float:
        rows = vectorised.rsi_of(bars.close, param_sets)
        plays = (vectorised.play_pandas(frame, rows[p["period"]], p) for p in param_sets)
        return float(np.mean([played.measures["total_return"] for played in plays]))

    rows: dict[str, Work] = {
        "`Evaluator(…).scores`": lambda: scored(Evaluator(RSI, bars, costs=COSTS), param_sets),
        "raptorbt": lambda: rust_peers.play_raptorbt_sets(rust_peers.columns_of(bars), param_sets),
        "phasor": lambda: rust_peers.play_phasor_columns(bars, param_sets),
        "numpy": numpy,
        "pandas": pandas,
        "vectorbt": lambda: peers.play_vectorbt_columns(frame, param_sets),
    }
    if not is_quick:
        rows["backtesting"] = lambda: peers.optimize_backtesting(frame, param_sets)
        rows["backtrader"] = lambda: peers.optimize_backtrader(frame, param_sets)
    return rows


@njit(fastmath={"contract"})  # type: ignore[untyped-decorator]
def multiply_add(values: FloatArray) -> float:
    """Do one multiply-add per bar, each waiting for the one before: the least any recursive indicator needs."""
    total = 0.0
    for value in values:
        total = total * 0.93 + value
    return total


def alone(bars: Bars, param_sets: list[Params]) -> dict[str, Work]:
    """What else the product does with an evaluator; nothing of other people's is like it."""
    ready, dressed = Evaluator(RSI, bars, costs=COSTS), [params | OVERLAYS for params in param_sets]
    spec = StudySpec(symbol="AAPL", strategy_name="rsi")

    def study() -> float:
        evaluator = Evaluator(RSI, bars, costs=COSTS)
        trials = search(spec, RSI.space, evaluator, start=0, stop=len(bars), n_trials=N_SETS, seed=7)
        return float(np.mean([record.total_return for record in trials]))

    return {
        "`Evaluator(…).scores`, one set with stop, trail and trend": lambda: scored(
            Evaluator(RSI, bars, costs=COSTS), [DEFAULT | OVERLAYS]
        ),
        "`Evaluator.scores`, one set with stop, trail and trend": lambda: scored(ready, [DEFAULT | OVERLAYS]),
        "`Evaluator.scores`, 200 sets": lambda: scored(ready, param_sets),
        "`Evaluator(…).scores`, 200 sets with stop, trail and trend": lambda: scored(
            Evaluator(RSI, bars, costs=COSTS), dressed
        ),
        "`search`, 200 trials in memory": study,
        "one multiply-add per bar": lambda: 0.0 * multiply_add(bars.close),
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
