"""Made-up markets whose truth is known: random walks, and walks with an edge planted for one set of a strategy."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optimizer.domain.bars import Bars, FloatArray
from optimizer.domain.space import Params
from optimizer.domain.study_request import Costs
from optimizer.engine.backtest import Backtest
from optimizer.engine.evaluator import Evaluator
from optimizer.strategies.registry import Strategy

#: Annual volatility: about the mean of the sample's shares (AAPL, GOOG, IBM, MSFT) over their last ten years.
VOLATILITY = 0.30
SESSIONS = 252
#: Bars before the window, for the longest indicator.
WARM_UP = 260
#: Share of a day's variance that falls between close and open.
_OVERNIGHT = 0.3
#: What a set must do on the noise alone for an edge to be planted on it.
LEAST_TRADES, LEAST_EXPOSURE, MOST_EXPOSURE = 20, 0.08, 0.85
_MAX_DRAWS = 5_000
_MAX_ROUNDS = 2_000
_STRENGTH_ROUNDS = 6


@dataclass(frozen=True, kw_only=True)
class Shocks:
    """The noise of one market: log returns overnight and in the session, and how far the range exceeds both ends."""

    overnight: FloatArray
    session: FloatArray
    above: FloatArray
    below: FloatArray

    @classmethod
    def of(cls, seed: int, *, years: int, volatility: float = VOLATILITY) -> "Shocks":
        """Warm-up and `years` of sessions, without drift in simple returns."""
        rng = np.random.default_rng([seed, years])
        n = WARM_UP + years * SESSIONS
        daily = volatility / math.sqrt(SESSIONS)
        night, day = daily * math.sqrt(_OVERNIGHT), daily * math.sqrt(1 - _OVERNIGHT)
        above, below = np.abs(rng.normal(0.0, daily / 3, (2, n)))
        return cls(
            overnight=rng.normal(-night * night / 2, night, n),
            session=rng.normal(-day * day / 2, day, n),
            above=above,
            below=below,
        )

    @property
    def deviation(self) -> float:
        """Standard deviation of a bar's log return."""
        return float(np.std(self.overnight + self.session))


def market(shocks: Shocks, drift: FloatArray | float = 0.0) -> Bars:
    """The bars that shocks and a drift (log return of each session, from open to close) make, from 100.0 on."""
    session = shocks.session + drift
    close = 100.0 * np.exp(np.cumsum(shocks.overnight + session))
    opened = close * np.exp(-session)
    return Bars(
        symbol="WALK",
        time=np.datetime64("2000-01-03", "ns") + _weekdays(len(close)),
        open=opened,
        high=np.maximum(opened, close) * np.exp(shocks.above),
        low=np.minimum(opened, close) * np.exp(-shocks.below),
        close=close,
        volume=np.full(len(close), 1e6),
    )


def _weekdays(n: int) -> NDArray[np.timedelta64]:
    days = np.arange(n)
    return (days // 5 * 7 + days % 5).astype("timedelta64[D]").astype("timedelta64[ns]")


def planted_set(strategy: Strategy, shocks: Shocks, seed: int) -> Params | None:
    """A set drawn evenly from the strategy's space, by the seed, among those that trade enough to have an edge."""
    rng, space = np.random.default_rng([seed, 2]), strategy.space
    evaluator = Evaluator(strategy, market(shocks), costs=Costs())
    for _ in range(_MAX_DRAWS):
        params = {p.name: p.values[rng.integers(len(p.values))] for p in space.parameters}
        if space.contains(params):
            scores = evaluator.scores([params], start=WARM_UP, stop=len(evaluator.bars))
            if scores.n_trades[0] >= LEAST_TRADES and LEAST_EXPOSURE <= scores.exposure[0] <= MOST_EXPOSURE:
                return params
    return None


def with_edge(strategy: Strategy, params: Params, shocks: Shocks, *, sharpe: float) -> Bars | None:
    """A market in which a set earns an annual Sharpe ratio of `sharpe` on average, after the usual costs.

    After each of the set's entries the sessions drift up, after each of its exits they drift down, each for at most
    as long as its trades last on the noise alone; beyond that there is no drift, so that no trend feeds itself.
    What the set does depends on the prices and the prices on what it does: as it never looks ahead, going from
    prices to positions and back settles at least one more trade each time. None when that does not settle.
    """
    bars = market(shocks)
    played = _play(strategy, params, bars)
    span = max(round(float(np.mean([trade.n_bars for trade in played.closed_trades]))), 1)
    strength = shocks.deviation / 10
    for _ in range(_STRENGTH_ROUNDS):
        settled = _settled(strategy, params, shocks, strength, span)
        if settled is None:
            return None
        bars, played, drift = settled
        strength *= _needed(played, shocks, sharpe) / _earned(played, drift)
    return bars


def _play(strategy: Strategy, params: Params, bars: Bars) -> Backtest:
    return Evaluator(strategy, bars, costs=Costs()).backtest(params, start=WARM_UP, stop=len(bars))


def _needed(played: Backtest, shocks: Shocks, sharpe: float) -> float:
    """Mean drift a bar that the Sharpe ratio takes: its deviation is the market's times the root of the exposure."""
    exposure = float(np.mean(played.position != 0.0))
    paid = 2 * Costs().per_side * len(played.closed_trades) / len(played.equity)
    return sharpe * shocks.deviation * math.sqrt(exposure / SESSIONS) + paid


def _earned(played: Backtest, drift: FloatArray) -> float:
    """Mean drift a bar that the set was there for."""
    return float(np.mean(drift[WARM_UP:] * (played.position != 0.0)))


def _settled(
    strategy: Strategy, params: Params, shocks: Shocks, strength: float, span: int
) -> tuple[Bars, Backtest, FloatArray] | None:
    drift = np.zeros(len(shocks.session))
    for _ in range(_MAX_ROUNDS):
        bars = market(shocks, drift)
        played = _play(strategy, params, bars)
        invested = played.position != 0.0
        sign = np.where(invested, strength, -strength)
        settled = np.concatenate([np.zeros(WARM_UP), np.where(_age(invested) < span, sign, 0.0)])
        if (settled == drift).all():
            return bars, played, drift
        drift = settled
    return None


def _age(state: NDArray[np.bool_]) -> NDArray[np.int64]:
    """How many bars each bar's state has lasted already."""
    rows = np.arange(len(state))
    changed = np.concatenate([[True], state[1:] != state[:-1]])
    return rows - np.maximum.accumulate(np.where(changed, rows, 0))
