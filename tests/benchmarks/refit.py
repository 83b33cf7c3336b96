"""What a fold finds when it proposes in rounds, beside asking one set at a time as the study itself does.

    python -m tests.benchmarks refit [--walks 7] [--trials 200]

Six strategies over random walks and three symbols of the sample, four training windows of 1,000 bars each: the Sharpe
ratio found by every pace, its difference from asking one by one with its standard error, and the time of a fold.
"""

import argparse
import math
import time
from collections.abc import Iterator, Sequence
from statistics import median

import numpy as np

from optimizer.domain.bars import Bars, FloatArray
from optimizer.domain.ranking import best_record
from optimizer.domain.study_request import StudySpec
from optimizer.engine.multi_symbol import AnyEvaluator, evaluator_of
from optimizer.search.fold_search import PACE, FoldPace, refit
from optimizer.search.loop import search
from optimizer.strategies.registry import space_of
from tests.bars import made_up_bars, sample_bars

STRATEGIES = ("rsi", "macd", "sma", "bollinger", "donchian", "zscore")
SYMBOLS = ("AAPL", "MSFT", "IBM")
N_FOLDS, N_BARS = 4, 1_000
PACES = (
    FoldPace(round_size=1, per_fit=1, n_candidates=24),
    FoldPace(per_fit=1, n_candidates=24),
    FoldPace(per_fit=1),
    FoldPace(per_fit=2),
    PACE,
    FoldPace(per_fit=32),
)


def main(arguments: Sequence[str] = ()) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks refit", description=__doc__)
    parser.add_argument("--walks", type=int, default=7)
    parser.add_argument("--trials", type=int, default=200)
    options = parser.parse_args(arguments)
    folds = list(_folds(options.walks, options.trials))
    plain = np.array([_one_by_one(*fold) for fold in folds])
    print("| sets a round | a fit | candidates | Sharpe ratio found | from one by one | the same | ms a fold |")
    print(f"|---|---|---|---|---|---|---|\n| one by one | 1 | 24 | {np.nanmean(plain):.3f} | | | |")
    for pace in PACES:
        values, seconds = zip(*(_timed(*fold, pace) for fold in folds), strict=True)
        _print_row(pace, np.array(values), plain, median(seconds))


def _folds(n_walks: int, n_trials: int) -> Iterator[tuple[StudySpec, AnyEvaluator, int, int]]:
    """Request, evaluator, first row and seed of every fold."""
    walks = [made_up_bars(5_300, seed=100 + i) for i in range(n_walks)]
    for strategy in STRATEGIES:
        for number, bars in enumerate([*walks, *map(sample_bars, SYMBOLS)]):
            yield from _folds_of(bars, strategy, n_trials, number)


def _folds_of(
    bars: Bars, strategy: str, n_trials: int, number: int
) -> Iterator[tuple[StudySpec, AnyEvaluator, int, int]]:
    spec = StudySpec(symbol=bars.symbol, strategy_name=strategy, n_trials=n_trials, seed=number)
    evaluator = evaluator_of(spec, [bars])
    first = 300  # what came before warms the indicators up
    for fold in range(N_FOLDS):
        yield spec, evaluator, first + fold * (len(bars) - first - N_BARS) // N_FOLDS, 1_000 * number + fold


def _one_by_one(spec: StudySpec, evaluator: AnyEvaluator, start: int, seed: int) -> float:
    space, stop = space_of(spec), start + N_BARS
    records = search(spec, space, evaluator, start=start, stop=stop, n_trials=spec.n_trials, seed=seed)
    best = best_record(list(records))
    return math.nan if best is None or best.value is None else best.value


def _timed(spec: StudySpec, evaluator: AnyEvaluator, start: int, seed: int, pace: FoldPace) -> tuple[float, float]:
    began = time.perf_counter()
    found = refit(spec, space_of(spec), evaluator, start=start, stop=start + N_BARS, seed=seed, pace=pace)
    return found.value if found else math.nan, time.perf_counter() - began


def _print_row(pace: FoldPace, values: FloatArray, plain: FloatArray, seconds: float) -> None:
    apart = (values - plain)[~np.isnan(values - plain)]
    error = apart.std(ddof=1) / math.sqrt(len(apart))
    print(
        f"| {pace.round_size} | {pace.per_fit} | {pace.n_candidates} | {np.nanmean(values):.3f} "
        f"| {apart.mean():+.4f} ± {error:.4f} | {np.mean(apart == 0.0):.0%} | {1e3 * seconds:.1f} |"
    )
