"""`python -m tests.calibration.regime_table`: how often regimes are right on made-up markets.

Beside them stands a filter that knows every parameter, the oracle.

Balanced accuracy: the mean over the four kinds of the share of their bars that has the right label, after two years.
"""

import argparse
import time
from collections.abc import Sequence

import numpy as np

from optimizer.learned.regimes import ORDER, Regime, regimes_of
from tests.optimizer.learned.regime_worlds import PLANTED, UNLIKE, World, bars_of, oracle_labels, planted, recalls


def main(arguments: Sequence[str] | None = None) -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(prog="python -m tests.calibration.regime_table", description=__doc__)
    parser.add_argument("--seeds", type=int, default=30)
    options = parser.parse_args(arguments)
    print("| world, mean stay | oracle | ours | ours / oracle | tenth percentile | least recall |")
    print("|---|---|---|---|---|---|")
    for world in (*PLANTED, *UNLIKE):
        print(_row(world, options.seeds), flush=True)
    print(_walks(options.seeds))
    print(_speed())


def _row(world: World, n_seeds: int) -> str:
    found, oracle = [], []
    for seed in range(n_seeds):
        bars, kinds = planted(world, seed)
        found.append(recalls(regimes_of(bars).labels, kinds))
        oracle.append(float(np.nanmean(recalls(oracle_labels(world, bars), kinds))))
    ours = np.nanmean(found, axis=1)
    least = float(np.nanmean(found, axis=0).min())
    low, best, mean = float(np.quantile(ours, 0.1)), float(np.mean(oracle)), float(ours.mean())
    return f"| {world.name} | {best:.3f} | {mean:.3f} | {mean / best:.3f} | {low:.2f} | {least:.2f} |"


def _walks(n_seeds: int) -> str:
    volatile, bearish = [], []
    for seed in range(n_seeds):
        drift, volatility = (0.0, 0.15, 0.25, 0.30)[seed % 4], (0.16, 0.20, 0.30)[seed % 3]
        noise = np.random.default_rng([seed, 5]).normal(size=2520)
        bars = bars_of(drift / 252 + volatility / np.sqrt(252) * noise)
        labels, rose = regimes_of(bars).labels[504:], np.log(bars.close[504:] / bars.close[414:-90]) > 0
        volatile.append(np.mean(labels == ORDER.index(Regime.VOLATILE)))
        bearish.append(np.mean(labels[rose] == ORDER.index(Regime.BEARISH)))
    shares = f"volatile {np.mean(volatile):.1%}, bearish after 90 rising bars {np.mean(bearish):.1%}"
    return f"\n{n_seeds} walks of constant volatility: {shares}"


def _speed() -> str:
    bars, _ = planted(PLANTED[0], 0, years=10)
    regimes_of(bars)
    spent = []
    for _ in range(7):
        began = time.process_time()
        regimes_of(bars)
        spent.append(time.process_time() - began)
    return f"{len(bars):,} bars from cold: {1e3 * float(np.median(spent)):.0f} ms of processor time (`regimes_of`)"


if __name__ == "__main__":
    main()
