"""Is the compiled TPE as good as Optuna's? Best values after 50, 100 and 200 trials, Mann and Whitney's test.

    python -m tests.benchmarks sampler_quality [--seeds 50] [--only NAME …] [--free-repeats]

Standard functions are searched over continuous parameters, strategies over their own grids. Optuna
proposes a set of a grid again and again; with `--free-repeats` such a proposal costs it nothing, up
to 8 in a row and then an unseen set at random, as in the product's own loop with `sampler=optuna`
(slow: most of its proposals are repeats). The compiled sampler never repeats a set.
"""

import argparse
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import optuna
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.samplers import BaseSampler, TPESampler
from optuna.trial import TrialState
from scipy.stats import mannwhitneyu  # type: ignore[import-untyped]

from optimizer.domain.space import Params, Space, Value
from optimizer.domain.study_request import Costs, SamplerKind
from optimizer.engine.evaluator import Evaluator
from optimizer.market.providers.sample import Sample
from optimizer.search.samplers import CompiledSampler, make_sampler, random_unseen
from optimizer.search.single_study_storage import fast_study
from optimizer.search.tpe.estimator import Tpe
from optimizer.strategies.registry import find_strategy

FloatArray = NDArray[np.float64]
CHECKPOINTS = (50, 100, 200)
SYMBOLS = ("AAPL", "MSFT")
STRATEGIES = ("rsi", "macd", "bollinger")
_MAX_ATTEMPTS = 8
_LEAST_TRADES = 3


@dataclass(frozen=True)
class Outcome:
    """Best losses of one sampler: shape (seeds, checkpoints); and the seconds of all its searches."""

    best: FloatArray
    seconds: float


@dataclass(frozen=True)
class Comparison:
    """Both samplers on one problem."""

    problem: str
    ours: Outcome
    optunas: Outcome

    def p_values(self, checkpoint: int) -> tuple[float, float]:
        """Two-sided p of a difference, and one-sided p of ours being worse (higher losses)."""
        ours, optunas = self.ours.best[:, checkpoint], self.optunas.best[:, checkpoint]
        if np.array_equal(np.sort(ours), np.sort(optunas)):
            return 1.0, 1.0
        both = mannwhitneyu(ours, optunas, alternative="two-sided").pvalue
        return float(both), float(mannwhitneyu(ours, optunas, alternative="greater").pvalue)


def sphere(x: FloatArray) -> float:
    """Minimum 0 at the origin."""
    return float(np.sum(x**2))


def rosenbrock(x: FloatArray) -> float:
    """Rosenbrock 1960: minimum 0 at (1, …, 1), in a curved valley."""
    return float(np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2))


def branin(x: FloatArray) -> float:
    """Branin 1972: three minima of 0.397887."""
    a, b = x
    valley = b - 5.1 / (4 * math.pi**2) * a**2 + 5 / math.pi * a - 6
    return float(valley**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(a) + 10)


_HARTMANN_A = np.array(
    [
        [10, 3, 17, 3.5, 1.7, 8],
        [0.05, 10, 17, 0.1, 8, 14],
        [3, 3.5, 1.7, 10, 17, 8],
        [17, 8, 0.05, 10, 0.1, 14],
    ]
)
_HARTMANN_P = 1e-4 * np.array(
    [
        [1312, 1696, 5569, 124, 8283, 5886],
        [2329, 4135, 8307, 3736, 1004, 9991],
        [2348, 1451, 3522, 2883, 3047, 6650],
        [4047, 8828, 8732, 5743, 1091, 381],
    ]
)
_HARTMANN_ALPHA = np.array([1.0, 1.2, 3.0, 3.2])


def hartmann6(x: FloatArray) -> float:
    """Hartmann 1972 in six dimensions: minimum -3.32237."""
    return float(-_HARTMANN_ALPHA @ np.exp(-np.sum(_HARTMANN_A * (x - _HARTMANN_P) ** 2, axis=1)))


def ackley(x: FloatArray) -> float:
    """Ackley 1987: minimum 0 at the origin among many ripples."""
    far = -20.0 * math.exp(-0.2 * math.sqrt(float(np.mean(x**2))))
    return far - math.exp(float(np.mean(np.cos(2 * math.pi * x)))) + 20.0 + math.e


FUNCTIONS: Mapping[str, tuple[Callable[[FloatArray], float], list[tuple[float, float]]]] = {
    "sphere": (sphere, [(-5.0, 5.0)] * 5),
    "rosenbrock": (rosenbrock, [(-2.0, 2.0)] * 4),
    "branin": (branin, [(-5.0, 10.0), (0.0, 15.0)]),
    "hartmann-6": (hartmann6, [(0.0, 1.0)] * 6),
    "ackley-10": (ackley, [(-32.768, 32.768)] * 10),
}


def compare_function(name: str, seeds: int) -> Comparison:
    """Both samplers on a standard function."""
    function, ranges = FUNCTIONS[name]
    space: dict[str, BaseDistribution] = {f"x{i}": FloatDistribution(low, high) for i, (low, high) in enumerate(ranges)}

    def best(sampler: BaseSampler) -> FloatArray:
        study = optuna.create_study(sampler=sampler)
        losses = []
        for _ in range(CHECKPOINTS[-1]):
            trial = study.ask(space)
            losses.append(function(np.array(list(trial.params.values()))))
            study.tell(trial, losses[-1])
        return _at_checkpoints(losses)

    return Comparison(
        name,
        _outcome(lambda seed: best(CompiledSampler(Tpe(space, seed=seed))), seeds),
        _outcome(lambda seed: best(TPESampler(seed=seed)), seeds),
    )


def compare_strategy(strategy_name: str, symbol: str, seeds: int, *, free_repeats: bool = False) -> Comparison:
    """Both samplers on the Sharpe ratio of a strategy over all of a sample symbol's bars."""
    table, space = sharpe_table(strategy_name, symbol)
    rival = _optunas_unseen if free_repeats else _optunas
    best = -max(sharpe for sharpe, n_trades in table.values() if n_trades >= _LEAST_TRADES and not math.isnan(sharpe))

    def losses(proposals: Iterator[Params]) -> FloatArray:
        values = [_loss(table, params) - best for params in proposals]
        return _at_checkpoints(values)

    return Comparison(
        f"{strategy_name} {symbol}",
        _outcome(lambda seed: losses(_ours(space, table, seed)), seeds),
        _outcome(lambda seed: losses(rival(space, table, seed)), seeds),
    )


Table = Mapping[tuple[Value, ...], tuple[float, int]]


def sharpe_table(strategy_name: str, symbol: str) -> tuple[Table, Space]:
    """Sharpe ratio and number of trades of every set of a strategy's space, by the set's values."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    bars = Sample().fetch(symbol, timeframe="1d", start=None, end=None, now=now).adjusted()
    strategy = find_strategy(strategy_name)
    param_sets = list(strategy.space.param_sets())
    scores = Evaluator(strategy, bars, costs=Costs()).scores(param_sets, start=250, stop=len(bars))
    keys = [tuple(params.values()) for params in param_sets]
    return dict(zip(keys, zip(scores.sharpe_ratio.tolist(), scores.n_trades.tolist(), strict=True), strict=True)), (
        strategy.space
    )


def _loss(table: Table, params: Params) -> float:
    sharpe, n_trades = table[tuple(params.values())]
    return math.inf if n_trades < _LEAST_TRADES or math.isnan(sharpe) else -sharpe


def _ours(space: Space, table: Table, seed: int) -> Iterator[Params]:
    sampler = make_sampler(SamplerKind.TPE, space, seed=seed)
    assert isinstance(sampler, CompiledSampler)
    study = fast_study(["minimize"], sampler)
    for number in range(CHECKPOINTS[-1]):
        sampler.reseed(number, 0)
        yield _tell(study, study.ask(), space, table)


def _optunas(space: Space, table: Table, seed: int) -> Iterator[Params]:
    """Optuna's own, repeats counted like any other trial."""
    study = optuna.create_study(sampler=TPESampler(seed=seed))
    for _ in range(CHECKPOINTS[-1]):
        yield _tell(study, study.ask(), space, table)


def _optunas_unseen(space: Space, table: Table, seed: int) -> Iterator[Params]:
    """Optuna's own, repeats free."""
    study = optuna.create_study(sampler=TPESampler(seed=seed))
    seen: set[tuple[Value, ...]] = set()
    while len(seen) < CHECKPOINTS[-1]:
        params = _unseen(study, space, seen, table) or _unseen_at_random(study, space, seen, (seed, len(seen)), table)
        seen.add(tuple(params.values()))
        yield params


def _unseen(study: optuna.Study, space: Space, seen: set[tuple[Value, ...]], table: Table) -> Params | None:
    for _ in range(_MAX_ATTEMPTS):
        trial = study.ask()
        if tuple(space.suggest(trial).values()) not in seen:
            return _tell(study, trial, space, table)
        study.tell(trial, state=TrialState.FAIL)
    return None


def _unseen_at_random(
    study: optuna.Study, space: Space, seen: set[tuple[Value, ...]], seed: tuple[int, int], table: Table
) -> Params:
    study.enqueue_trial(random_unseen(space, seen, seed=seed))
    return _tell(study, study.ask(), space, table)


def _tell(study: optuna.Study, trial: optuna.Trial, space: Space, table: Table) -> Params:
    params = space.suggest(trial)
    loss = _loss(table, params)
    trial.set_constraint("feasible", float(math.isinf(loss)))
    study.tell(trial, loss)
    return params


def _at_checkpoints(losses: Sequence[float]) -> FloatArray:
    """The best loss so far at each checkpoint; a search that ran dry stands still."""
    running = np.minimum.accumulate(np.array(losses))
    return np.array([running[min(n, len(running)) - 1] for n in CHECKPOINTS])


def _outcome(search: Callable[[int], FloatArray], seeds: int) -> Outcome:
    began = time.perf_counter()
    best = np.array([search(seed) for seed in range(seeds)])
    return Outcome(best, time.perf_counter() - began)


def compare(problem: str, seeds: int, *, free_repeats: bool = False) -> Comparison:
    """Both samplers on a problem by its name: a function's, or a strategy's and a symbol's."""
    if problem in FUNCTIONS:
        return compare_function(problem, seeds)
    strategy_name, symbol = problem.split()
    return compare_strategy(strategy_name, symbol, seeds, free_repeats=free_repeats)


PROBLEMS = (*FUNCTIONS, *(f"{strategy} {symbol}" for strategy in STRATEGIES for symbol in SYMBOLS))


def rows(comparison: Comparison) -> Iterator[str]:
    """The table's lines (Markdown) of one problem."""
    for i, n in enumerate(CHECKPOINTS):
        ours, optunas = np.median(comparison.ours.best[:, i]), np.median(comparison.optunas.best[:, i])
        both, worse = comparison.p_values(i)
        verdict = "equal" if both >= 0.05 else "**worse**" if worse < 0.05 else "better"
        yield f"| {comparison.problem} | {n} | {ours:.4g} | {optunas:.4g} | {both:.3f} | {verdict} |"


def main(arguments: Sequence[str] = ()) -> None:
    """Print the table, a problem at a time."""
    parser = argparse.ArgumentParser(prog="sampler_quality", description=__doc__)
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--only", nargs="*", default=PROBLEMS)
    parser.add_argument("--free-repeats", action="store_true")
    options = parser.parse_args(arguments)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    print("| problem | trials | ours, median | Optuna, median | p | ours is |\n|---|---|---|---|---|---|")
    for problem in options.only:
        comparison = compare(problem, options.seeds, free_repeats=options.free_repeats)
        print("\n".join(rows(comparison)), flush=True)
        print(f"<!-- {comparison.ours.seconds:.1f} s and {comparison.optunas.seconds:.1f} s -->", flush=True)
