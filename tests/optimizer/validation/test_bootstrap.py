"""The stationary bootstrap: the same resamples and block lengths as `arch`, and intervals that cover."""

import math

import numpy as np
import pytest
from scipy import stats

from optimizer.domain.bars import FloatArray
from optimizer.validation.statistics import bootstrap as module
from optimizer.validation.statistics.bootstrap import block_length, bootstrap, interval, resampled, warm, widened


def autocorrelated(seed: int, n: int, persistence: float) -> np.ndarray:
    """Returns of which each keeps a share of the one before."""
    values = np.random.default_rng(seed).standard_t(5, n) / 100
    for row in range(1, n):
        values[row] += persistence * values[row - 1]
    return values


SERIES = [
    autocorrelated(seed, n, persistence)
    for seed, (n, persistence) in enumerate([(30, 0.0), (100, 0.9), (378, 0.0), (378, 0.3), (1000, -0.4), (2500, 0.7)])
]


@pytest.mark.slow
@pytest.mark.parametrize("returns", SERIES, ids=len)
def test_resamples_and_block_lengths_are_those_of_arch(returns: np.ndarray) -> None:
    from arch.bootstrap import StationaryBootstrap, optimal_block_length  # takes seconds to load

    length = max(1, round(float(optimal_block_length(returns)["stationary"].iloc[0])))
    theirs = StationaryBootstrap(length, returns, seed=np.random.default_rng(5)).apply(np.mean, 50).ravel()

    assert block_length(returns) == length
    assert resampled(returns, np.mean, seed=5, n_resamples=50).tolist() == theirs.tolist()


def test_the_bootstrap_measures_the_same_resamples() -> None:
    def sharpe_and_drawdown(values: np.ndarray) -> np.ndarray:
        equity = np.cumprod(np.concatenate([[1.0], 1.0 + values]))
        return np.array([values.mean() / values.std(ddof=1), (equity / np.maximum.accumulate(equity) - 1.0).min()])

    found = bootstrap(SERIES[1], periods_per_year=1, seed=5, least_block=3.0, n_resamples=50)
    drawn = resampled(SERIES[1], sharpe_and_drawdown, seed=5, least_block=3.0, n_resamples=50)

    np.testing.assert_allclose(np.stack([found.sharpe_ratios, found.max_drawdowns], axis=1), drawn, rtol=1e-10)


def test_a_series_that_does_not_move_has_blocks_of_one() -> None:
    assert block_length(np.full(40, 0.01)) == 1


def test_the_bootstrap_repeats_itself_for_a_seed_and_differs_for_another() -> None:
    returns = autocorrelated(1, 300, 0.0)

    same = [bootstrap(returns, periods_per_year=252, seed=3, n_resamples=40).sharpe_ratios for _ in range(2)]
    other = bootstrap(returns, periods_per_year=252, seed=4, n_resamples=40).sharpe_ratios

    assert same[0].tolist() == same[1].tolist()
    assert same[0].tolist() != other.tolist()


def test_the_bootstrap_interval_covers_the_true_sharpe_ratio_about_as_often_as_it_says() -> None:
    true = 1.0
    samples = np.random.default_rng(11).normal(true / math.sqrt(252) * 0.01, 0.01, (120, 500))
    bounds = [interval(bootstrap(row, periods_per_year=252, seed=7, n_resamples=200).sharpe_ratios) for row in samples]

    assert 0.8 < np.mean([low <= true <= high for low, high in bounds]) < 0.97


def test_bootstrapped_drawdowns_are_those_of_the_resampled_equity() -> None:
    found = bootstrap(np.full(50, -0.01), periods_per_year=252, seed=1, n_resamples=5)

    np.testing.assert_allclose(found.max_drawdowns, 0.99**50 - 1)
    assert np.isnan(found.sharpe_ratios).all()


def test_an_interval_leaves_out_what_is_not_a_number() -> None:
    sample = np.append(np.arange(101.0), math.nan)

    assert interval(sample) == (5.0, 95.0)
    assert all(math.isnan(bound) for bound in interval(np.array([math.nan])))


def test_warming_up_leaves_nothing_to_compile() -> None:
    warm()
    kernels = (module._measure_resamples, module._joined)
    signatures = [len(kernel.signatures) for kernel in kernels]

    bootstrap(SERIES[0], periods_per_year=252, seed=1, n_resamples=3)

    assert [len(kernel.signatures) for kernel in kernels] == signatures


@pytest.mark.parametrize("n_trades", [2, 3, 4, 6, 9, 30, 500])
def test_an_interval_of_few_trades_is_stretched_by_students_t(n_trades: int) -> None:
    factor = stats.t.ppf(0.95, n_trades - 1) / stats.norm.ppf(0.95)
    low, high = widened(-1.0, 3.0, 0.5, n_trades)

    assert low == pytest.approx(0.5 - 1.5 * factor, rel=4e-3)
    assert high == pytest.approx(0.5 + 2.5 * factor, rel=4e-3)
    assert widened(-1.0, 3.0, 0.5, 0) == widened(-1.0, 3.0, 0.5, 2)


def sparse(seed: int, n_bars: int = 378) -> tuple[FloatArray, int]:
    """Returns that are in the market on a tenth of the bars, in trades of about five, with a Sharpe ratio of 1."""
    rng, returns, bar, n_trades = np.random.default_rng(seed), np.zeros(n_bars), 0, 0
    while (bar := bar + int(rng.geometric(1 / 45))) < n_bars:
        length = min(max(1, int(rng.poisson(5))), n_bars - bar)
        returns[bar : bar + length] = rng.normal(SPARSE_MEAN, 0.0189, length)
        bar, n_trades = bar + length, n_trades + 1
    return returns, n_trades


#: In the market on a tenth of the bars, this mean makes an annual Sharpe ratio of 1.
SPARSE_MEAN = 0.0189 * 0.1**0.5 / 252**0.5 / 0.1


def test_nine_in_ten_intervals_cover_the_truth_of_a_sparse_strategy() -> None:
    covered, n_made = 0, 200
    for seed in range(n_made):
        returns, n_trades = sparse(seed)
        sample = bootstrap(returns, periods_per_year=252, seed=seed, least_block=5.0, n_resamples=200).sharpe_ratios
        low, high = widened(*interval(sample), float(np.nanmedian(sample)), n_trades)
        covered += low <= 0.973 <= high  # over two million bars

    assert 0.85 <= covered / n_made <= 0.95
