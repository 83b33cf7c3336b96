"""Markets for signals that learn: noise, and returns that are taken back within days."""

from dataclasses import replace
from statistics import NormalDist

import numpy as np

from optimizer.domain.bars import Bars, FloatArray
from optimizer.domain.study_request import Costs
from optimizer.learned.ml.calibrate import log_odds, sigmoid, slope_of
from optimizer.learned.ml.labels import gain_labels, reach_of
from optimizer.learned.ml.logistic import fit_logistic
from optimizer.learned.ml.quality import auc_of, ranks
from optimizer.learned.ml.scale_free import feature_table
from optimizer.learned.ml.walk import SCHEDULE, Walk, purge_of, walk_with
from tests.optimizer.learned.regime_worlds import bars_of

SESSIONS = 252
_DAILY = 0.30 / SESSIONS**0.5
#: Share of the last three returns that a bar of the planted market takes back on average.
PULL, N_PULLED = 0.14, 3
FREE = Costs(commission_bps=0, slippage_bps=0)


def noise(seed: int, n_bars: int = 2_520) -> Bars:
    """A random walk with volumes of its own."""
    return _with_volume(np.random.default_rng([seed, 1]).normal(0.0, _DAILY, n_bars), seed)


def reversal(seed: int, n_bars: int = 2_520, *, pull: float = PULL) -> Bars:
    """A walk of which each return takes back a share of the sum of the three before."""
    shocks = np.random.default_rng([seed, 2]).normal(0.0, _DAILY, n_bars)
    returns = np.zeros(n_bars)
    for t in range(n_bars):
        returns[t] = shocks[t] - pull * returns[max(t - N_PULLED, 0) : t].sum()
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


def law_known(bars: Bars, horizon: int) -> Walk:
    """Walk of somebody who knows the law of `reversal` and its numbers."""
    returns, known = _last_returns(bars), walked(bars, horizon)
    ahead, left = np.zeros(len(bars)), [*returns.T]
    for _ in range(horizon):
        left.insert(0, -PULL * np.sum(left[:N_PULLED], axis=0))
        ahead += left[0]
    effects = [1.0]  # of a shock on the returns from its own on
    while len(effects) < horizon:
        effects.append(-PULL * sum(effects[-N_PULLED:]))
    deviation = _DAILY * float(np.sqrt(np.sum(np.cumsum(effects) ** 2)))
    chances = np.array([NormalDist().cdf(one) for one in (ahead / deviation).tolist()])
    row = np.where(np.isnan(known.row), np.nan, chances)
    return replace(known, row=row, offsets=np.log(chances / (1.0 - chances)))


def form_known(bars: Bars, horizon: int) -> Walk:
    """Walk of somebody who knows what the law depends on, and fits its numbers on the rows that the trees fit on."""
    returns, known = _last_returns(bars), walked(bars, horizon)
    offsets, row = np.zeros(len(bars)), np.full(len(bars), np.nan)
    for first, last in SCHEDULE.stretches(len(bars)):
        rows = np.arange(len(bars))[SCHEDULE.training(first, reach=purge_of(horizon), embargo=0)]
        rows = rows[known.features.is_known[rows] & ~np.isnan(known.outcomes[rows])]
        fitted = fit_logistic(returns[rows], known.outcomes[rows], 1.0 / horizon)
        here = log_odds(known.base[first])
        offsets[first:last] = fitted.margins(returns[first:last]) - here
        earlier = np.arange(SCHEDULE.first, max(first - reach_of(horizon) + 1, SCHEDULE.first))
        base = np.log(known.base[earlier] / (1.0 - known.base[earlier]))
        slope = slope_of(offsets[earlier], base, known.outcomes[earlier], 1.0 / horizon)
        row[first:last] = sigmoid(here + slope * offsets[first:last])
    return replace(known, row=row, offsets=offsets)


def _last_returns(bars: Bars) -> FloatArray:
    """Returns that a bar's law depends on, the last one first, (n_bars, 3)."""
    returns = np.diff(np.log(bars.close), prepend=np.log(bars.open[0]))
    padded = np.concatenate([np.zeros(N_PULLED - 1), returns])
    return np.column_stack([padded[N_PULLED - 1 - n : len(padded) - n] for n in range(N_PULLED)])


def early_auc(walk: Walk) -> float:
    """AUC over the rows right after each fit, where what a walk learned of outcomes too early shows most."""
    n = max(walk.horizon // 2, 1)
    served = [row for first, stop in SCHEDULE.stretches(len(walk.row)) for row in range(first, min(first + n, stop))]
    rows = np.array([row for row in served if not np.isnan(walk.outcomes[row])])
    return auc_of(ranks(walk.offsets[rows]), walk.outcomes[rows])
