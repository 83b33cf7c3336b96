"""A comparison with a benchmark agrees with another implementation, and says what is known of made-up returns."""

import numpy as np
import pytest
import statsmodels.api as sm

from optimizer.validation.statistics.comparison import compare, regression


@pytest.mark.parametrize("n", [60, 378, 2_500])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_regression_is_that_of_statsmodels(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    benchmark = rng.normal(0.0004, 0.01, n)
    noise = rng.normal(0.0, 0.01, n)
    returns = 0.0002 + 0.6 * benchmark + noise + 0.4 * np.concatenate([[0.0], noise[:-1]])
    n_lags = int(4 * (n / 100) ** (2 / 9))
    theirs = sm.OLS(returns, sm.add_constant(benchmark)).fit(cov_type="HAC", cov_kwds={"maxlags": n_lags})

    beta, alpha, error = regression(returns, benchmark)

    assert beta == pytest.approx(theirs.params[1], rel=1e-10)
    assert alpha == pytest.approx(theirs.params[0], rel=1e-10)
    assert error == pytest.approx(theirs.bse[0], rel=1e-8)


def test_comparison_with_itself_has_no_alpha() -> None:
    returns = np.random.default_rng(4).normal(0.0005, 0.01, 500)
    found = compare(returns, returns, 252)

    assert (found.excess, found.tracking_error) == (0.0, 0.0)
    assert found.beta == pytest.approx(1.0)
    assert found.alpha == pytest.approx(0.0, abs=1e-12)


def test_comparison_with_cash_has_no_beta_and_the_mean_as_alpha() -> None:
    returns = np.random.default_rng(5).normal(0.0005, 0.01, 500)
    found = compare(returns, np.zeros(500), 252)

    assert found.beta is None
    assert found.sharpe is None
    assert found.alpha == pytest.approx(returns.mean() * 252)
    assert found.alpha_interval.low < found.alpha < found.alpha_interval.high


def test_interval_of_alpha_contains_the_truth_in_about_nine_of_ten() -> None:
    rng = np.random.default_rng(6)
    hits = 0
    for _ in range(500):
        benchmark = rng.normal(0.0003, 0.01, 400)
        found = compare(0.0002 + 0.5 * benchmark + rng.normal(0.0, 0.008, 400), benchmark, 252)
        hits += found.alpha_interval.low <= 0.0002 * 252 <= found.alpha_interval.high

    assert 0.86 <= hits / 500 <= 0.93
