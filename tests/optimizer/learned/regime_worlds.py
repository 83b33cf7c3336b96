"""Made-up markets of four kinds of stretches, whose truth is known, and the oracle that knows every parameter."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optimizer.domain.bars import Bars, FloatArray
from optimizer.learned.filtering import FREEDOM, VARIANCE, forward

SESSIONS = 252
YEARS = 12
#: Bars of each world that are not counted: two years.
WARM_UP = 2 * SESSIONS


@dataclass(frozen=True, kw_only=True)
class World:
    """A market of bullish, bearish, volatile and sideways stretches, with Student-t returns."""

    name: str
    sharpe: tuple[float, float, float, float]  # annual, of each kind
    volatility: tuple[float, float, float, float]  # annual
    stay: int  # mean bars in each
    is_like_the_prior: bool = True

    @property
    def means(self) -> FloatArray:
        """Mean log return of each kind, a bar."""
        return np.array(self.sharpe) * np.array(self.volatility) / SESSIONS

    @property
    def scales(self) -> FloatArray:
        """Scale of each kind's Student-t, a bar."""
        return np.array(self.volatility) / math.sqrt(SESSIONS * VARIANCE)

    @property
    def transitions(self) -> FloatArray:
        """Chance of each kind after each."""
        table = np.full((4, 4), 1.0 / self.stay / 3.0)
        np.fill_diagonal(table, 1.0 - 1.0 / self.stay)
        return table


_STRONG = {"sharpe": (3.0, -2.0, 0.0, 0.0), "volatility": (0.15, 0.30, 0.45, 0.08)}
_MODERATE = {"sharpe": (1.7, -1.25, 0.0, 0.0), "volatility": (0.15, 0.28, 0.40, 0.10)}
PLANTED = tuple(
    World(name=f"{name}, {stay}", stay=stay, **facts)  # type: ignore[arg-type]
    for name, facts in (("strong", _STRONG), ("moderate", _MODERATE))
    for stay in (63, 126, 252)
)
UNLIKE = (
    World(name="faint contrast, 126", stay=126, sharpe=(1.7, -1.25, 0.0, 0.0), volatility=(0.20, 0.24, 0.34, 0.14)),
    World(name="wide, 126", stay=126, sharpe=(1.7, -1.25, 0.0, 0.0), volatility=(0.12, 0.50, 0.75, 0.05)),
    World(name="calm bear, 126", stay=126, sharpe=(2.0, -2.0, 0.0, 0.0), volatility=(0.16, 0.16, 0.36, 0.07)),
)


def planted(world: World, seed: int, *, years: int = YEARS) -> tuple[Bars, NDArray[np.intp]]:
    """Bars of a world, and the kind of each, (n_bars,)."""
    rng, n = np.random.default_rng([seed, world.stay, len(world.name)]), years * SESSIONS
    kinds = np.empty(n, dtype=np.intp)
    kinds[0] = rng.integers(4)
    leaves, others = rng.random(n) < 1.0 / world.stay, rng.integers(1, 4, n)
    for t in range(1, n):
        kinds[t] = (kinds[t - 1] + others[t]) % 4 if leaves[t] else kinds[t - 1]
    returns = world.means[kinds] + world.scales[kinds] * rng.standard_t(FREEDOM, n)
    scale = (1.0, 40.0, 3_000.0)[seed % 3]
    return bars_of(returns, scale=scale), kinds


def bars_of(log_returns: FloatArray, *, scale: float = 100.0) -> Bars:
    """Daily bars with these log returns from close to close."""
    close = scale * np.exp(np.cumsum(log_returns))
    opened = np.concatenate([[scale], close[:-1]])
    days = np.arange(len(close))
    time = np.datetime64("2000-01-03", "ns") + (days // 5 * 7 + days % 5).astype("timedelta64[D]")
    high, low = np.maximum(opened, close), np.minimum(opened, close)
    return Bars(
        symbol="WORLD", time=time, open=opened, high=high, low=low, close=close, volume=np.full(len(close), 1e6)
    )


def oracle_labels(world: World, bars: Bars) -> NDArray[np.intp]:
    """What the forward filter says that knows every parameter, (n_bars,)."""
    returns = np.concatenate([[np.nan], np.diff(np.log(bars.close))])
    out = np.empty((len(bars), 4))
    start, no_cuts = np.full(4, 0.25), np.zeros(len(bars))
    forward(returns, no_cuts, world.means, world.scales, world.transitions, start, 0, len(bars), out)
    return np.argmax(out, axis=1)


def recalls(labels: NDArray[np.integer], kinds: NDArray[np.intp]) -> FloatArray:
    """Share of each kind's bars that have its label, after the warm-up, (4,); NaN for a kind that is not there."""
    labels, kinds = labels[WARM_UP:], kinds[WARM_UP:]
    return np.array([np.mean(labels[kinds == k] == k) if (kinds == k).any() else math.nan for k in range(4)])
