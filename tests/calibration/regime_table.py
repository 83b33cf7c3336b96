"""`python -m tests.calibration.regime_table`: how often regimes are right on made-up markets.

Beside them stands a filter that knows every parameter, the oracle.

Balanced accuracy: the mean over the four kinds of the share of their bars that has the right label, after two years.
"""

import argparse
import math
import time
from collections.abc import Sequence

import numpy as np

from optimizer.domain.bars import FloatArray
from optimizer.domain.results.regime_results import Regime
from optimizer.learned.regimes import ORDER, regimes_of
from optimizer.outlook.regime_history import regime_history
from tests.bars import sample_bars
from tests.calibration.__main__ import write
from tests.optimizer.learned.regime_worlds import (
    PLANTED,
    UNLIKE,
    WARM_UP,
    World,
    bars_of,
    oracle_labels,
    planted,
    recalls,
)

#: Symbols of the sample with ten years of bars.
SYMBOLS = ("AAPL", "MSFT", "IBM", "GOOG")
_WILD = (ORDER.index(Regime.BEARISH), ORDER.index(Regime.VOLATILE))


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables, and write them into the document where asked to."""
    parser = argparse.ArgumentParser(prog="python -m tests.calibration.regime_table", description=__doc__)
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--write", action="store_true", help="into docs/calibration.md")
    options = parser.parse_args(arguments)
    parts = [_worlds(options.seeds), _walks(options.seeds), _real_shares(), _speed()]
    print("\n\n".join(parts))
    if options.write:
        write("\n\n".join(parts), name="regimes")


def _worlds(n_seeds: int) -> str:
    head = (
        "| world, mean stay | oracle | ours | ours / oracle | tenth percentile | least recall | right at 0.8 to 0.9 |"
    )
    rows = [_row(world, n_seeds) for world in (*PLANTED, *UNLIKE)]
    return "\n".join([f"Balanced accuracy, {n_seeds} seeds each:\n", head, "|---|---|---|---|---|---|---|", *rows])


def _row(world: World, n_seeds: int) -> str:
    found, oracle, right = [], [], list[bool]()
    for seed in range(n_seeds):
        bars, kinds = planted(world, seed)
        regimes = regimes_of(bars)
        found.append(recalls(regimes.labels, kinds))
        oracle.append(float(np.nanmean(recalls(oracle_labels(world, bars), kinds))))
        told = regimes.probabilities[WARM_UP:]
        is_sure = (told.max(axis=1) >= 0.8) & (told.max(axis=1) < 0.9)
        right += (np.argmax(told, axis=1) == kinds[WARM_UP:])[is_sure].tolist()
    ours = np.nanmean(found, axis=1)
    least = float(np.nanmean(found, axis=0).min())
    low, best, mean = float(np.quantile(ours, 0.1)), float(np.mean(oracle)), float(ours.mean())
    figures = f"{best:.3f} | {mean:.3f} | {mean / best:.3f} | {low:.2f} | {least:.2f} | {np.mean(right):.2f}"
    return f"| {world.name} | {figures} |"


def _walks(n_seeds: int) -> str:
    volatile, bearish, n_changes = [], [], []
    for seed in range(n_seeds):
        drift, volatility = (0.0, 0.15, 0.25, 0.30)[seed % 4], (0.16, 0.20, 0.30)[seed % 3]
        noise = np.random.default_rng([seed, 5]).normal(size=2520)
        bars = bars_of(drift / 252 + volatility / np.sqrt(252) * noise)
        labels, rose = regimes_of(bars).labels[504:], np.log(bars.close[504:] / bars.close[414:-90]) > 0
        volatile.append(np.mean(labels == ORDER.index(Regime.VOLATILE)))
        bearish.append(np.mean(labels[rose] == ORDER.index(Regime.BEARISH)))
        n_changes.append(np.count_nonzero(np.diff(labels)) / (len(labels) / 252))
    shares = f"volatile {np.mean(volatile):.1%} of bars, bearish after 90 rising bars {np.mean(bearish):.1%}"
    return f"{n_seeds} walks of constant volatility: {shares}, {np.mean(n_changes):.1f} changes a year."


def _real_shares() -> str:
    columns = (
        "2000 – 2013",
        "changes a year",
        "October 2008 bearish or volatile",
        "gain over a moving volatility",
        "over a constant one",
        "volatility of the 21 bars after: sideways, bullish, bearish, volatile",
        "same label by the fit a quarter later",
    )
    head = f"| {' | '.join(columns)} |"
    return "\n".join([head, "|---|---|---|---|---|---|---|", *map(_real_row, SYMBOLS)])


def _real_row(symbol: str) -> str:
    bars = sample_bars(symbol)
    found, history = regimes_of(bars), regime_history(bars)
    days = bars.time.astype("datetime64[D]")
    october = found.labels[(days >= np.datetime64("2008-10-01")) & (days < np.datetime64("2008-11-01"))]
    labelled = found.labels[found.labels >= 0]
    n_changes = np.count_nonzero(np.diff(labelled)) / (len(labelled) / 252)
    after = {row.regime: row.volatility_after for row in history.after}
    order = (Regime.SIDEWAYS, Regime.BULLISH, Regime.BEARISH, Regime.VOLATILE)
    volatilities = ", ".join(f"{after[regime]:.0%}" if after.get(regime) else "–" for regime in order)
    stable = f"{history.stability or 0.0:.0%}"
    gains = f"{np.nanmean(found.gain):+.4f} | {np.nanmean(found.log_density - _constant(found.log_returns)):+.3f}"
    return (
        f"| {symbol} | {n_changes:.1f} | {np.mean(np.isin(october, _WILD)):.0%} | {gains} | {volatilities} | {stable} |"
    )


def _constant(returns: FloatArray) -> FloatArray:
    """Log density of returns under a Student-t with the deviation of all returns before, (n,)."""
    known = np.nan_to_num(returns)
    counts = np.maximum(np.arange(len(known)), 1)
    scale = np.sqrt(np.concatenate([[0.0], np.cumsum(known**2)[:-1]]) / counts * 0.6)
    scale[scale == 0.0] = np.nan
    constant = math.log(8.0 / (3.0 * math.sqrt(5.0) * math.pi))
    return np.asarray(constant - np.log(scale) - 3.0 * np.log1p((returns / scale) ** 2 / 5.0), dtype=np.float64)


def _speed() -> str:
    bars, _ = planted(PLANTED[0], 0, years=10)
    regimes_of(bars)
    spent = []
    for _ in range(9):
        began = time.process_time()
        regimes_of(bars)
        spent.append(time.process_time() - began)
    return f"{len(bars):,} bars from cold: {1e3 * float(np.median(spent)):.0f} ms of processor time (`regimes_of`)."


if __name__ == "__main__":
    main()
