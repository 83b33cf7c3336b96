"""Comparison of returns with those of a benchmark: what is earned more, how far apart they run, and what is left of it.

The regression is that of Jensen (1968); the interval of its intercept takes returns that depend on the ones before
them, and calm and wild times, into account (Newey & West 1987, with the number of lags of their paper of 1994).
"""

import math

import numpy as np

from optimizer.domain.bars import FloatArray
from optimizer.domain.metrics import annual_volatility, sharpe_ratio
from optimizer.domain.study_results import Comparison, Interval

#: Normal quantile of a 90 % interval.
_QUANTILE = 1.6448536269514722


def compare(
    returns: FloatArray, benchmark: FloatArray, periods_per_year: float, *, is_out_of_sample: bool = True
) -> Comparison:
    """Compare (n,) per-bar returns with a benchmark's, both beyond those of cash; figures are fractions a year."""
    ahead = returns - benchmark
    beta, alpha, error = regression(returns, benchmark)
    reach = _QUANTILE * error
    sharpe = sharpe_ratio(benchmark, periods_per_year)
    return Comparison(
        is_out_of_sample=is_out_of_sample,
        n_bars=len(returns),
        sharpe=None if math.isnan(sharpe) else sharpe,
        excess=float(ahead.mean()) * periods_per_year,
        tracking_error=annual_volatility(ahead, periods_per_year),
        beta=beta,
        alpha=alpha * periods_per_year,
        alpha_interval=Interval(low=(alpha - reach) * periods_per_year, high=(alpha + reach) * periods_per_year),
    )


def regression(returns: FloatArray, benchmark: FloatArray) -> tuple[float | None, float, float]:
    """(slope, intercept, standard error of the intercept) of returns on a benchmark's, per bar.

    Of a benchmark that does not move there is no slope, and the intercept is the mean.
    """
    moves = float(benchmark.std()) > 0.0
    columns = np.column_stack([np.ones_like(benchmark), benchmark] if moves else [np.ones_like(benchmark)])
    inverse = np.linalg.inv(columns.T @ columns)
    found = inverse @ columns.T @ returns
    scores = columns * (returns - columns @ found)[:, None]
    spread = inverse @ _long_run(scores) @ inverse
    return float(found[1]) if moves else None, float(found[0]), math.sqrt(max(float(spread[0, 0]), 0.0))


def _long_run(scores: FloatArray) -> FloatArray:
    """Sum of the scores' products with each other and with those of the bars before, weighted by Bartlett's kernel."""
    n_lags = math.floor(4.0 * (len(scores) / 100.0) ** (2.0 / 9.0))
    total = scores.T @ scores
    for lag in range(1, n_lags + 1):
        product = scores[lag:].T @ scores[:-lag]
        total = total + (1.0 - lag / (n_lags + 1.0)) * (product + product.T)
    return np.asarray(total)
