"""`python -m tests.calibration.ml_table`: how good signals that learn are on noise and on planted reversals.

Calls are judged as a study judges them: every one was told before its outcome. A walk that leaks stands beside the
honest one, to show that the table would see it.
"""

import argparse
import time
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import product

import numpy as np
from scipy import stats

from optimizer.domain.bars import Bars
from optimizer.domain.results.learned_results import Label, Quality
from optimizer.domain.study_request import Costs, StudySpec, budget
from optimizer.engine.evaluator import Evaluator
from optimizer.learned.ml.labels import gain_labels
from optimizer.learned.ml.quality import N_SHIFTS, SIGNIFICANT, quality_of
from optimizer.learned.ml.scale_free import feature_table
from optimizer.learned.ml.walk import SCHEDULE, Walk, walk, walk_with
from optimizer.learned.rows import REMEMBERED
from optimizer.search.loop import search
from optimizer.strategies.registry import find_strategy, longest_warm_up, space_of
from optimizer.validation.summarize import summarize, window_rows
from tests.optimizer.learned.ml.signal_worlds import (
    FREE,
    SESSIONS,
    early_auc,
    form_known,
    law_known,
    noise,
    reversal,
    walked,
)

HORIZONS = (2, 5, 10)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m tests.calibration.ml_table", description=__doc__)
    parser.add_argument("--seeds", type=int, default=50, help="made-up markets of each kind")
    parser.add_argument("--first", type=int, default=0, help="number of the first of them")
    parser.add_argument("--markets", nargs="*", default=list(_markets()), help="kinds of markets")
    parser.add_argument("--horizons", nargs="*", type=int, default=HORIZONS, help="bars ahead")
    parser.add_argument("--studies", type=int, default=200, help="studies of random walks; a tenth of planted ones")
    parser.add_argument("--years", type=int, default=10, help="length of a study's window")
    options = parser.parse_args(arguments)
    if options.seeds:
        _walks(range(options.first, options.first + options.seeds), options.markets, options.horizons)
    if options.studies:
        n_bars = SESSIONS * options.years + SCHEDULE.first
        _studies("random walks", options.studies, lambda seed: _verdict(noise(seed, n_bars), Costs()))
        n_planted = max(options.studies // 10, 1)
        _studies("free reversals", n_planted, lambda seed: _verdict(reversal(seed, n_bars), FREE))
    print(_speed())


def _walks(seeds: Sequence[int], markets: Sequence[str], horizons: Sequence[int]) -> None:
    print("| market, bars ahead | AUC | least and greatest Brier skill | miss | p ≤ 0.05 | KS | informative | weak |")
    print("|---|---|---|---|---|---|---|---|")
    for name, horizon in product(markets, horizons):
        print(_row(f"{name}, {horizon}", [_markets()[name](seed, horizon) for seed in seeds]), flush=True)
    if set(markets) == set(_markets()):
        print(_leak(seeds), flush=True)


def _markets() -> dict[str, Callable[[int, int], Walk]]:
    """Walks through a market of each kind, by seed and horizon."""

    def barriers(bars: Bars, horizon: int) -> Walk:
        return walk(bars, FREE, horizon=horizon, label=Label.BARRIER)

    return {
        "noise": lambda seed, horizon: walked(noise(seed), horizon),
        "shuffled outcomes": _shuffled,
        "reversal": lambda seed, horizon: walked(reversal(seed), horizon),
        "reversal, its law known": lambda seed, horizon: law_known(reversal(seed), horizon),
        "reversal, its form known": lambda seed, horizon: form_known(reversal(seed), horizon),
        "noise, barriers": lambda seed, horizon: barriers(noise(seed), horizon),
        "reversal, barriers": lambda seed, horizon: barriers(reversal(seed), horizon),
    }


def _row(name: str, walks: Sequence[Walk]) -> str:
    """Row of markets of a kind; `miss` is the mean distance of the five bins from what came true of them."""
    found = [quality for walk in walks if (quality := quality_of(walk)) is not None]
    skills, aucs, ps = (np.array([getattr(one, name) for one in found]) for name in ("skill", "auc", "p"))
    words = Counter(quality.word for quality in found)
    misses = [
        np.average([abs(one.predicted - one.realised) for one in quality.bins], weights=[one.n for one in quality.bins])
        for quality in found
    ]
    uniform = stats.kstest(ps - 0.5 / (N_SHIFTS + 1), "uniform").pvalue
    return (
        f"| {name} | {aucs.mean():.3f} ± {aucs.std():.3f} | {skills.min():+.4f} {skills.max():+.4f} | "
        f"{np.mean(misses):.3f} | {np.mean(ps <= SIGNIFICANT):.0%} | {uniform:.3f} | "
        f"{words[Quality.INFORMATIVE] / len(found):.0%} | {words[Quality.WEAK] / len(found):.0%} |"
    )


def _shuffled(seed: int, horizon: int) -> Walk:
    """Walk through a planted market whose outcomes are in another order."""
    bars = reversal(seed)
    outcomes = gain_labels(bars, horizon, FREE)
    known = ~np.isnan(outcomes)
    outcomes[known] = np.random.default_rng([seed, 7]).permutation(outcomes[known])
    return walk_with(feature_table(bars), outcomes, horizon)


def _leak(seeds: Sequence[int]) -> str:
    def mean(purge: int | None) -> float:
        return float(np.mean([early_auc(walked(noise(seed), 5, purge=purge)) for seed in seeds]))

    return f"\nAUC of noise right after each fit, 5 bars ahead: {mean(None):.2f}; without the purge {mean(0):.2f}"


def _studies(name: str, n: int, verdict: Callable[[int], str]) -> None:
    found: Counter[str] = Counter()
    for seed in range(n):
        found[verdict(seed)] += 1
        REMEMBERED.forget()
        if (seed + 1) % 10 == 0 or seed + 1 == n:
            print(f"{seed + 1} studies of {name}: {dict(found)}", flush=True)


def _verdict(bars: Bars, costs: Costs, n_trials: int = 60) -> str:
    spec = StudySpec(symbol=bars.symbol, strategy_name="ml", n_trials=n_trials, costs=costs)
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
    for _ in range(5):
        began = time.process_time()
        walk(bars, Costs(), horizon=5)
        spent.append(time.process_time() - began)
    REMEMBERED.forget()
    began = time.process_time()
    _verdict(bars, Costs(), n_trials=200)
    study = time.process_time() - began
    return f"\nA walk over {len(bars)} bars: {min(spent):.2f} s, the least of five; a study of 200 sets: {study:.1f} s"


if __name__ == "__main__":
    main()
