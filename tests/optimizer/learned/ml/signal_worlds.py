"""Markets for signals that learn: noise, and returns that are taken back within days."""

import numpy as np

from optimizer.domain.bars import Bars, FloatArray
from optimizer.domain.study_request import Costs
from optimizer.learned.ml.labels import gain_labels
from optimizer.learned.ml.quality import auc_of, ranks
from optimizer.learned.ml.scale_free import feature_table
from optimizer.learned.ml.walk import SCHEDULE, Walk, walk_with
from tests.optimizer.learned.regime_worlds import bars_of

SESSIONS = 252
_DAILY = 0.30 / SESSIONS**0.5
#: Share of the last three returns that a bar of the planted market takes back on average.
PULL = 0.14
FREE = Costs(commission_bps=0, slippage_bps=0)


def noise(seed: int, n_bars: int = 2_520) -> Bars:
    """A random walk with volumes of its own."""
    return _with_volume(np.random.default_rng([seed, 1]).normal(0.0, _DAILY, n_bars), seed)


def reversal(seed: int, n_bars: int = 2_520, *, pull: float = PULL) -> Bars:
    """A walk of which each return takes back a share of the sum of the three before."""
    shocks = np.random.default_rng([seed, 2]).normal(0.0, _DAILY, n_bars)
    returns = np.zeros(n_bars)
    for t in range(n_bars):
        returns[t] = shocks[t] - pull * returns[max(t - 3, 0) : t].sum()
    return _with_volume(returns, seed)


def _with_volume(returns: FloatArray, seed: int) -> Bars:
    bars = bars_of(returns)
    rng = np.random.default_rng([seed, 3])
    reach = np.abs(rng.normal(0.0, _DAILY / 3, (2, len(bars))))
    return Bars(
        symbol="WORLD",
        time=bars.time,
        open=bars.open,
        high=bars.high * np.exp(reach[0]),
        low=bars.low * np.exp(-reach[1]),
        close=bars.close,
        volume=1e6 * np.exp(rng.normal(0.0, 0.4, len(bars))),
    )


def walked(bars: Bars, horizon: int, *, purge: int | None = None) -> Walk:
    """Walk through a market that costs nothing, by default with the purge that is due."""
    return walk_with(feature_table(bars), gain_labels(bars, horizon, FREE), horizon, purge=purge)


def early_auc(walk: Walk) -> float:
    """AUC over the rows right after each fit, where what a walk learned of outcomes too early shows most."""
    n = max(walk.horizon // 2, 1)
    served = [row for first, stop in SCHEDULE.stretches(len(walk.row)) for row in range(first, min(first + n, stop))]
    rows = np.array([row for row in served if not np.isnan(walk.outcomes[row])])
    return auc_of(ranks(walk.offsets[rows]), walk.outcomes[rows])
