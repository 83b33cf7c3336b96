"""What cash earns, and what a benchmark of several symbols does, on bars of any calendar."""

import numpy as np
import pytest

from optimizer.domain.bars import Bars
from optimizer.domain.study_request import Account, BenchmarkPart
from optimizer.engine.other_series import benchmark_returns, cash_values

DAYS = np.arange("2020-01-01", "2021-01-01", dtype="datetime64[D]").astype("datetime64[ns]")


def series(close: np.ndarray, time: np.ndarray, symbol: str = "X") -> Bars:
    return Bars(symbol=symbol, time=time, open=close, high=close, low=close, close=close, volume=close)


BARS = series(np.full(len(DAYS), 10.0), DAYS)


def test_a_year_of_bars_earns_the_rate_of_a_year() -> None:
    values = cash_values(BARS, Account(interest=0.05), None, 365)

    assert values[0] == 1.0
    assert values[365] == pytest.approx(1.05)


def test_a_yield_counts_from_the_close_at_which_it_is_known() -> None:
    yields = series(np.array([2.0, 8.0]), DAYS[[0, 100]])
    values = cash_values(BARS, Account(interest_symbol="Y"), yields, 365)
    earned = values[1:] / values[:-1]

    np.testing.assert_allclose(earned[:100], 1.02 ** (1 / 365))  # bar 101 is the first after the close of bar 100
    np.testing.assert_allclose(earned[100:], 1.08 ** (1 / 365))


def test_before_its_first_value_a_yield_is_nothing() -> None:
    yields = series(np.array([2.0]), DAYS[[50]])
    values = cash_values(BARS, Account(interest_symbol="Y"), yields, 365)

    assert set(values[:51]) == {1.0}
    assert values[51] > 1.0


def test_a_blend_is_rebalanced_at_every_close_and_stands_still_where_a_part_has_no_bar() -> None:
    one = series(np.array([100.0, 110.0, 121.0]), DAYS[[0, 1, 2]])
    other = series(np.array([50.0, 60.0]), DAYS[[0, 2]])
    parts = [BenchmarkPart(symbol="A", weight=0.75), BenchmarkPart(symbol="B", weight=0.25)]
    found = benchmark_returns(parts, BARS, {"A": one, "B": other}, start=1, interest=np.full(4, 0.001))

    np.testing.assert_allclose(found, np.array([0.075, 0.075 + 0.05, 0.0, 0.0]) - 0.001)


def test_cash_as_a_benchmark_earns_nothing_beyond_cash() -> None:
    assert not benchmark_returns((), BARS, {}, start=3, interest=np.full(5, 0.001)).any()


def test_a_benchmark_that_is_half_cash_has_half_the_returns_beyond_cash() -> None:
    one = series(np.array([100.0, 110.0, 121.0]), DAYS[[0, 1, 2]])
    interest = np.full(4, 0.001)
    whole, half = (
        benchmark_returns([BenchmarkPart(symbol="A", weight=weight)], BARS, {"A": one}, start=1, interest=interest)
        for weight in (1.0, 0.5)
    )

    np.testing.assert_allclose(half, whole / 2, rtol=1e-15)
