"""Sharpe ratios as estimates: their error, the luck of many tries, and the market's share in them.

Sharpe ratios are per bar unless a name contains "annual". Returns are simple per-bar fractions. All functions are
pure; the assumptions of each are in its docstring.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from optimizer.domain.bars import FloatArray

_NORMAL = NormalDist()
#: Bound of a long-run variance that was estimated from few hundred returns.
_LEAST_RATIO = 0.25


@dataclass(frozen=True, kw_only=True)
class Moments:
    """Per-bar moments of one return series. `kurtosis` is not in excess: a normal has 3."""

    n_bars: int
    sharpe: float  # NaN when the series never moves
    skew: float
    kurtosis: float


def moments(returns: FloatArray) -> Moments:
    """Sharpe ratio (sample standard deviation), skew and non-excess kurtosis (population moments) of (n,) returns."""
    n_bars = len(returns)
    centred = returns - returns.mean() if n_bars else returns
    variance = float(centred @ centred) / n_bars if n_bars else 0.0
    if n_bars < 2 or _is_flat(variance, returns):
        return Moments(n_bars=n_bars, sharpe=math.nan, skew=math.nan, kurtosis=math.nan)
    squares = centred * centred
    return Moments(
        n_bars=n_bars,
        sharpe=float(returns.mean()) / math.sqrt(variance * n_bars / (n_bars - 1)),
        skew=float(squares @ centred) / n_bars / variance**1.5,
        kurtosis=float(squares @ squares) / n_bars / variance**2,
    )


def _is_flat(variance: float, returns: FloatArray) -> bool:
    """True if a variance is due to rounding only: that of equal returns is about 1e-17 of their size."""
    return math.sqrt(variance) <= 1e-12 * max(float(np.abs(returns).max()), 1e-300)


def probabilistic_sharpe_ratio(of: Moments, benchmark: float) -> float:
    """Probability that the true Sharpe ratio exceeds `benchmark` (per bar), given one sample's moments.

    Bailey and López de Prado, "The Sharpe Ratio Efficient Frontier" (2012), the PSR equation; equation 2 of "The
    Deflated Sharpe Ratio" (2014). The Sharpe ratio is per bar and the kurtosis non-excess, as there. NaN for a
    series without a Sharpe ratio or with fewer than two bars.
    """
    spread = _sharpe_spread(of)
    if of.n_bars < 2 or not spread > 0:
        return math.nan
    return _NORMAL.cdf((of.sharpe - benchmark) * math.sqrt(of.n_bars - 1) / spread)


def expected_max_sharpe(n_tried: float, sharpe_std: float) -> float:
    """Expected maximum of the Sharpe ratios of `n_tried` independent tries without skill.

    Bailey and López de Prado (2014), equation 1, with a true mean of zero: the standard deviation of the tries'
    Sharpe ratios times the expected maximum of that many standard normals. In the unit of `sharpe_std`. One try
    has no maximum to correct: 0.
    """
    if n_tried <= 1:
        return 0.0
    gumbel = (1 - np.euler_gamma) * _NORMAL.inv_cdf(1 - 1 / n_tried)
    return sharpe_std * (gumbel + np.euler_gamma * _NORMAL.inv_cdf(1 - 1 / (n_tried * math.e)))


def deflated_sharpe_ratio(of: Moments, *, n_tried: float, sharpe_std: float) -> float:
    """Probability that the best of `n_tried` has a true Sharpe ratio above the expected maximum of luck.

    Bailey and López de Prado (2014), equations 1 and 2 together. `sharpe_std` is the standard deviation of the
    tries' per-bar Sharpe ratios. Correlated tries count in full although they are effectively fewer;
    their smaller spread works in the other direction.
    """
    return probabilistic_sharpe_ratio(of, expected_max_sharpe(n_tried, sharpe_std))


def market_sharpe_ratio(returns: FloatArray, market: FloatArray) -> float:
    """Per-bar Sharpe ratio that the market's rise alone gives to returns with this correlation with it.

    A position with beta β and deviation s earns β·μ from a market of mean μ and deviation σ; over s that is the
    correlation times the market's Sharpe ratio. At least 0: avoiding a fall is no handicap. Both (n,).
    """
    own, of_market = moments(returns), moments(market)
    if math.isnan(own.sharpe) or math.isnan(of_market.sharpe):
        return 0.0
    return max(float(np.corrcoef(returns, market)[0, 1]) * of_market.sharpe, 0.0)


def _sharpe_spread(of: Moments) -> float:
    """Standard error of a Sharpe ratio, times the root of (bars − 1)."""
    return math.sqrt(max(1 - of.skew * of.sharpe + (of.kurtosis - 1) / 4 * of.sharpe**2, 0.0))


def sharpe_error(of: Moments) -> float:
    """Standard error of a per-bar Sharpe ratio (Mertens 2002), for the skew and the kurtosis of the returns."""
    return _sharpe_spread(of) / math.sqrt(of.n_bars - 1)


def spread_without_skill(sharpes: FloatArray, n_bars: int) -> float:
    """Standard deviation of the tries' per-bar Sharpe ratios due to luck.

    That of the sample, but at most the standard error 1/√(n_bars − 1) of a Sharpe ratio without skill. Without skill
    the tries spread by that error or, being correlated, by less; a larger spread means that some are truly better or
    worse than others, which must not count as luck (it would hide the strongest effects most). Of fewer than two the
    spread is unknown, and the error stands for it: earlier studies may have tried many more.
    """
    finite = sharpes[np.isfinite(sharpes)]
    if n_bars < 2:
        return 0.0
    error = 1 / math.sqrt(n_bars - 1)
    return min(float(np.std(finite, ddof=1)), error) if len(finite) > 1 else error


def long_run_ratio(returns: FloatArray, n_lags: int) -> float:
    """Long-run variance of (n,) returns in units of their variance, between 1/4 and 4; 1 without autocorrelation.

    With Bartlett's weights over `n_lags` (Newey and West 1987). What trends come and go in makes long stretches of
    gains and losses, and a mean over few of them is less certain than its number of bars suggests; reversals make it
    more certain. 1 where there are fewer than twice as many returns as lags, or they never move.
    """
    centred = returns - returns.mean() if len(returns) else returns
    variance = float(centred @ centred)
    if len(returns) < 2 * n_lags or variance <= 0.0:
        return 1.0
    weights = 1.0 - np.arange(1, n_lags + 1) / (n_lags + 1)
    products = np.array([centred[lag:] @ centred[:-lag] for lag in range(1, n_lags + 1)])
    ratio = 1.0 + 2.0 * float(weights @ products) / variance
    return min(max(ratio, _LEAST_RATIO), 1.0 / _LEAST_RATIO)
