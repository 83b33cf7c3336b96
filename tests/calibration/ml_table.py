"""`python -m tests.calibration.ml_table`: how good signals that learn are on noise and on planted reversals.

Calls are judged as a study judges them: every one was told before its outcome. A walk that leaks stands beside the
honest one, to show that the table would see it.
"""

import argparse
import time
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from optimizer.domain.bars import Bars
from optimizer.domain.results.learned_results import Quality
from optimizer.domain.study_request import Costs, StudySpec, budget
from optimizer.engine.evaluator import Evaluator
from optimizer.learned.ml.labels import gain_labels
from optimizer.learned.ml.quality import quality_of
from optimizer.learned.ml.scale_free import feature_table
from optimizer.learned.ml.walk import Walk, walk, walk_with
from optimizer.learned.rows import REMEMBERED
from optimizer.search.loop import search
from optimizer.strategies.registry import find_strategy, longest_warm_up, space_of
from optimizer.validation.summarize import summarize, window_rows
from tests.optimizer.learned.ml.signal_worlds import FREE, early_auc, noise, reversal, walked

HORIZONS = (2, 5, 10)
#: Bars of a study: its ten years, and those before the first fit.
_STUDY_BARS = 2_520 + 504


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m tests.calibration.ml_table", description=__doc__)
    parser.add_argument("--seeds", type=int, default=50, help="made-up markets of each kind")
    parser.add_argument("--studies", type=int, default=200, help="studies of random walks; a tenth of planted ones")
    options = parser.parse_args(arguments)
    print("| market, bars ahead | AUC | its least and greatest Brier skill | p ≤ 0.05 | informative | weak |")
    print("|---|---|---|---|---|---|")
    for horizon in HORIZONS:
        print(_row(f"noise, {horizon}", options.seeds, lambda seed, k=horizon: walked(noise(seed), k)), flush=True)
    for horizon in HORIZONS:
        row = _row(f"shuffled outcomes, {horizon}", options.seeds, lambda seed, k=horizon: _shuffled(seed, k))
        print(row, flush=True)
    for horizon in HORIZONS:
        print(
            _row(f"reversal, {horizon}", options.seeds, lambda seed, k=horizon: walked(reversal(seed), k)), flush=True
        )
    print(_leak(options.seeds))
    print(_studies(options.studies))
    print(_speed())


def _row(name: str, n_seeds: int, make: Callable[[int], Walk]) -> str:
    found = [quality for seed in range(n_seeds) if (quality := quality_of(make(seed))) is not None]
    skills = [quality.skill or 0.0 for quality in found]
    auc = [quality.auc or 0.5 for quality in found]
    words = Counter(quality.word for quality in found)
    told_apart = np.mean([(quality.p or 1.0) <= 0.05 for quality in found])
    return (
        f"| {name} | {np.mean(auc):.3f} ± {np.std(auc):.3f} | {min(skills):+.4f} {max(skills):+.4f} | "
        f"{told_apart:.0%} | {words[Quality.INFORMATIVE] / len(found):.0%} | {words[Quality.WEAK] / len(found):.0%} |"
    )


def _shuffled(seed: int, horizon: int) -> Walk:
    """Walk through a planted market whose outcomes are in another order."""
    bars = reversal(seed)
    outcomes = gain_labels(bars, horizon, FREE)
    known = ~np.isnan(outcomes)
    outcomes[known] = np.random.default_rng([seed, 7]).permutation(outcomes[known])
    return walk_with(feature_table(bars), outcomes, horizon)


def _leak(n_seeds: int) -> str:
    def mean(purge: int | None) -> float:
        return float(np.mean([early_auc(walked(noise(seed), 5, purge=purge)) for seed in range(n_seeds)]))

    return f"\nAUC of noise right after each fit, 5 bars ahead: {mean(None):.2f}; without the purge {mean(0):.2f}"


def _studies(n: int) -> str:
    noises = Counter(_verdict(noise(seed, _STUDY_BARS), Costs()) for seed in range(n))
    planted = Counter(_verdict(reversal(seed, _STUDY_BARS), FREE) for seed in range(max(n // 10, 1)))
    return f"\n{n} studies of random walks: {dict(noises)}\n{planted.total()} of free reversals: {dict(planted)}"


def _verdict(bars: Bars, costs: Costs) -> str:
    spec = StudySpec(symbol=bars.symbol, strategy_name="ml", n_trials=60, costs=costs)
    space = space_of(spec)
    evaluator = Evaluator(find_strategy("ml"), bars, costs=costs)
    rows = window_rows(spec, bars, longest_warm_up(evaluator.strategy, space))
    trials = list(
        search(spec, space, evaluator, start=rows.start, stop=rows.holdout_start, n_trials=budget(spec, space), seed=7)
    )
    return str(summarize(spec, space, evaluator, trials, window=rows).verdict)


def _speed() -> str:
    bars = noise(0, 2_518)
    walk(bars, Costs(), horizon=5)
    spent = []
    for _ in range(3):
        began = time.process_time()
        walk(bars, Costs(), horizon=5)
        spent.append(time.process_time() - began)
    REMEMBERED.forget()
    began = time.process_time()
    _verdict(bars, Costs())
    return f"\nA walk over {len(bars)} bars: {min(spent):.2f} s; a study of 60 sets {time.process_time() - began:.1f} s"


if __name__ == "__main__":
    main()
