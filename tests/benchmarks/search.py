"""How long a search takes beside Optuna's own: the same strategy, bars and objective; medians of one run.

    python -m tests.benchmarks search [--sizes 200 1000] [--repeats 5] [--stock-up-to 1000]

Four loops, all in memory: the compiled sampler in Optuna's ask and tell (`ask`), without a study (`alone`), as a
study's search with a record of each trial (`search`), and Optuna's TPE and random samplers. Each trial is backtested.
Optuna's TPE takes minutes for 5,000 trials: `--stock-up-to` leaves it out above.
"""

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median

import optuna
from optuna.samplers import BaseSampler, RandomSampler, TPESampler

from optimizer.domain.space import Params, Space
from optimizer.domain.study_request import Costs, SamplerKind, StudySpec
from optimizer.engine.evaluator import Evaluator
from optimizer.search.loop import search
from optimizer.search.samplers import SeededSampler, make_sampler
from optimizer.search.tpe.estimator import FEASIBLE, Tpe
from optimizer.strategies.registry import find_strategy
from tests.bars import sample_bars

_WORST = -9.0

Loop = Callable[[int], None]


class Objective:
    """Sharpe ratio of RSI on a sample symbol, with the seconds spent in it."""

    def __init__(self, symbol: str = "AAPL") -> None:
        bars = sample_bars(symbol)
        strategy = find_strategy("rsi")
        self.space: Space = strategy.space
        self.seconds = 0.0
        self.evaluator = Evaluator(strategy, bars, costs=Costs())
        self.stop = len(bars)

    def __call__(self, params: Params) -> float:
        began = time.perf_counter()
        scores = self.evaluator.scores([params], start=250, stop=self.stop)
        value = float(scores.sharpe_ratio[0])
        self.seconds += time.perf_counter() - began
        return value if value == value else _WORST


def ask_and_tell(objective: Objective, sampler: BaseSampler, n: int) -> None:
    """Optuna's usual loop in its usual memory."""
    study = optuna.create_study(direction="maximize", sampler=sampler)
    for number in range(n):
        if isinstance(sampler, SeededSampler):
            sampler.reseed(number, 0)
        trial = study.ask()
        study.tell(trial, objective(objective.space.suggest(trial)))


def searched(objective: Objective, n: int) -> None:
    """A study's search, with a record of each trial."""
    spec = StudySpec(symbol="AAPL", strategy_name="rsi", n_trials=n)
    for record in search(
        spec, objective.space, objective.evaluator, start=250, stop=objective.stop, n_trials=n, seed=1
    ):
        objective.seconds += record.duration


def alone(objective: Objective, n: int) -> None:
    """The estimator without any study."""
    tpe = Tpe(objective.space.distributions, seed=1, order=objective.space.order)
    for number in range(n):
        params = tpe.ask(number)
        tpe.learn(number, params, (FEASIBLE, -objective(params), 0.0))


def loops(objective: Objective) -> Mapping[str, Loop]:
    """Every loop by its name."""
    space = objective.space
    return {
        "ask": lambda n: ask_and_tell(objective, make_sampler(SamplerKind.TPE, space, seed=1), n),
        "alone": lambda n: alone(objective, n),
        "search": lambda n: searched(objective, n),
        "Optuna random": lambda n: ask_and_tell(objective, RandomSampler(seed=1), n),
        "Optuna TPE": lambda n: ask_and_tell(objective, TPESampler(seed=1), n),
    }


def seconds_of(loop: Loop, n: int, repeats: int) -> float:
    """Median processor seconds of a loop of n trials: other work on the machine counts less than by the wall clock."""
    taken = []
    for _ in range(repeats):
        began = time.process_time()
        loop(n)
        taken.append(time.process_time() - began)
    return median(taken)


def main(arguments: Sequence[str] = ()) -> None:
    """Print seconds, microseconds a trial and how many times Optuna's TPE takes as long."""
    parser = argparse.ArgumentParser(prog="search", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="*", default=[200, 1000, 5000])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--stock-up-to", type=int, default=1000)
    options = parser.parse_args(arguments)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    objective = Objective()
    every = loops(objective)
    for name in every:
        every[name](20)  # compile
    print("| trials | loop | seconds | µs a trial | Optuna's TPE takes |\n|---|---|---|---|---|")
    for n in options.sizes:
        print_size(objective, every, n, repeats=options.repeats, has_stock=n <= options.stock_up_to)


def print_size(objective: Objective, every: Mapping[str, Loop], n: int, *, repeats: int, has_stock: bool) -> None:
    """The table's lines of one number of trials, and what the backtests took of it."""
    objective.seconds = 0.0
    seconds = {name: seconds_of(loop, n, repeats) for name, loop in every.items() if name != "Optuna TPE"}
    backtest = objective.seconds / repeats / len(seconds)
    if has_stock:
        seconds["Optuna TPE"] = seconds_of(every["Optuna TPE"], n, min(repeats, 3 if n <= 200 else 1))
    for name, taken in seconds.items():
        ratio = f"{seconds['Optuna TPE'] / taken:.1f}x" if has_stock else "–"
        print(f"| {n} | {name} | {taken:.3f} | {1e6 * taken / n:.0f} | {ratio} |", flush=True)
    print(f"| {n} | of it backtests | {backtest:.3f} | {1e6 * backtest / n:.0f} | |", flush=True)
