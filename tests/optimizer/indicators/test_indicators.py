"""Indicators are causal, equal to an independent reference, and NaN while there are too few bars."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import talib

from optimizer.domain.bars import Bars, FloatArray
from optimizer.domain.study_request import Costs
from optimizer.engine.evaluator import Evaluator
from optimizer.indicators import technical
from optimizer.indicators.conditions import Conditions
from optimizer.strategies.overlays import volatility
from optimizer.strategies.registry import STRATEGIES
from tests.bars import bars_of, made_up_bars, sample_bars
from tests.optimizer import independent

BARS = sample_bars("MSFT")

Function = Callable[[Bars, int], FloatArray]

CAUSAL: dict[str, Function] = {
    "rsi": lambda b, n: technical.rsi(b.close, n),
    "sma": lambda b, n: technical.sma(b.close, n),
    "ema": lambda b, n: technical.ema(b.close, n),
    "macd": lambda b, n: technical.macd_histogram(b.close, n, 2 * n, n // 2 + 2),
    "zscore": lambda b, n: technical.zscore(b.close, n),
    "rate_of_change": lambda b, n: technical.rate_of_change(b.close, n),
    "highest_before": lambda b, n: technical.highest_before(b.high, n),
    "lowest_before": lambda b, n: technical.lowest_before(b.low, n),
    "percent_k": lambda b, n: technical.stochastic(b.high, b.low, b.close, k=n, d=3)[0],
    "percent_d": lambda b, n: technical.stochastic(b.high, b.low, b.close, k=n, d=3)[1],
    "true_range": lambda b, n: technical.true_range_average(b.high, b.low, b.close, n),
    "supertrend": lambda b, n: technical.supertrend(b.high, b.low, b.close, window=n, multiple=2.5),
    "volatility": lambda b, n: technical.realized_volatility(b.close, n, 252),
}

REFERENCE: dict[str, Function] = {
    "rsi": lambda b, n: independent.rsi(b.close, n),
    "sma": lambda b, n: independent.sma(b.close, n),
    "ema": lambda b, n: independent.ema(b.close, n),
    "macd": lambda b, n: independent.macd_histogram(b.close, n, 2 * n, n // 2 + 2),
    "zscore": lambda b, n: independent.zscore(b.close, n),
    "rate_of_change": lambda b, n: 100 * (pd.Series(b.close) / pd.Series(b.close).shift(n) - 1).to_numpy(),
    "highest_before": lambda b, n: pd.Series(b.high).rolling(n).max().shift(1).to_numpy(),
    "lowest_before": lambda b, n: pd.Series(b.low).rolling(n).min().shift(1).to_numpy(),
    "percent_k": lambda b, n: independent.percent_k(b, n),
    "percent_d": lambda b, n: pd.Series(independent.percent_k(b, n)).rolling(3).mean().to_numpy(),
    "true_range": lambda b, n: independent.true_range_average(b, n),
    "supertrend": lambda b, n: independent.supertrend(b, n, 2.5),
    "volatility": lambda b, n: pd.Series(b.close).pct_change().rolling(n).std(ddof=0).to_numpy() * 252**0.5,
}


@pytest.mark.parametrize("window", [2, 5, 14, 30, 100])
@pytest.mark.parametrize("name", CAUSAL)
def test_an_indicator_equals_its_reference(name: str, window: int) -> None:
    found, expected = CAUSAL[name](BARS, window), REFERENCE[name](BARS, window)
    known = ~np.isnan(found)

    assert known.any()
    # %D is only given once %K and its mean both exist; a reference may know %K earlier.
    np.testing.assert_allclose(found[known], expected[known], rtol=1e-9, atol=1e-9)
    assert np.isnan(expected[~known]).all() or name == "percent_k"


@pytest.mark.parametrize("window", [2, 7, 14, 30, 200])
def test_rsi_is_that_of_ta_lib(window: int) -> None:
    np.testing.assert_allclose(technical.rsi(BARS.close, window), talib.RSI(BARS.close, window), rtol=1e-12, atol=1e-12)


def test_rsi_of_prices_that_never_move_is_that_of_ta_lib() -> None:
    flat = np.full(50, 7.0)

    np.testing.assert_array_equal(technical.rsi(flat, 14), talib.RSI(flat, 14))


@pytest.mark.parametrize("name", CAUSAL)
def test_an_indicator_does_not_look_ahead(name: str) -> None:
    whole = CAUSAL[name](BARS, 14)
    for end in (60, 61, 500, 1777):
        np.testing.assert_array_equal(CAUSAL[name](BARS.cut(0, end), 14), whole[:end])
    bumped = bars_of(BARS.open, BARS.high, BARS.low, BARS.close)
    for prices in (bumped.high, bumped.low, bumped.close):
        prices[-1] *= 2
    np.testing.assert_array_equal(CAUSAL[name](bumped, 14)[:-1], whole[:-1])


@pytest.mark.parametrize("name", CAUSAL)
def test_too_few_bars_give_nothing(name: str) -> None:
    assert np.isnan(CAUSAL[name](made_up_bars(10), 30)).all()


def test_the_z_score_of_prices_that_did_not_move_does_not_exist() -> None:
    assert np.isnan(technical.zscore(np.full(40, 3.0), 10)).all()


@pytest.mark.parametrize("key", STRATEGIES)
def test_no_strategy_signals_before_its_warm_up_and_each_can_after_it(key: str) -> None:
    strategy = STRATEGIES[key]
    params = strategy.space.default
    evaluator = Evaluator(strategy, BARS, costs=Costs())
    evaluator.scores([params], start=300, stop=600)
    rows = list(evaluator._conditions._indicators.values())
    first = max(int(np.argmax(~np.isnan(row))) for row in rows if key != "stochastic" or not np.isnan(row).mean() > 0.2)

    # The stochastic's crossing is known one bar after the indicator itself.
    assert strategy.warm_up(params) in (first, first + 1) if key != "stochastic" else strategy.warm_up(params) >= first


def test_the_volatility_a_size_is_made_of_is_annualized() -> None:
    row = volatility(Conditions(BARS), 252.0)
    changes = np.diff(BARS.close[:200]) / BARS.close[:199]

    assert row[199] == pytest.approx(np.std(changes[-20:]) * np.sqrt(252))
    assert np.isnan(row[:20]).all()
