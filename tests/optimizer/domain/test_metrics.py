"""Each measure by hand, against other people's, and where it does not exist."""

import math
from dataclasses import replace

import empyrical
import numpy as np
import pandas as pd
import pytest
from quantstats import stats as quantstats
from scipy import stats

from optimizer.domain import metrics
from optimizer.domain.bars import Bars, FloatArray
from optimizer.domain.study_request import Cap, Costs
from optimizer.domain.study_results import Measures
from optimizer.engine.evaluator import Evaluator
from optimizer.engine.kernel import SCORE_NAMES
from optimizer.engine.set_scores import Scores
from optimizer.errors import UnknownGoal
from optimizer.strategies.registry import find_strategy
from tests.bars import SYMBOLS, made_up_bars, sample_bars
from tests.refused import refused

YEAR = 252.0


def returns_of(symbol: str) -> FloatArray:
    close = sample_bars(symbol).close
    return np.diff(close) / close[:-1]


def equity_of(returns: FloatArray) -> FloatArray:
    return np.cumprod(1 + returns)


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_measures_equal_empyrical(symbol: str) -> None:
    returns, buy_and_hold = returns_of(symbol), returns_of("IBM")[-len(returns_of(symbol)) :]
    equity = equity_of(returns)
    pairs = {
        "sharpe": (metrics.sharpe_ratio(returns, YEAR), empyrical.sharpe_ratio(returns)),
        "sortino": (metrics.sortino_ratio(returns, YEAR), empyrical.sortino_ratio(returns)),
        "volatility": (metrics.annual_volatility(returns, YEAR), empyrical.annual_volatility(returns)),
        "cagr": (metrics.cagr(equity, YEAR), empyrical.cagr(returns)),
        "return": (metrics.total_return(equity), empyrical.cum_returns_final(returns)),
        "drawdown": (metrics.max_drawdown(equity), empyrical.max_drawdown(returns)),
        "calmar": (metrics.calmar_ratio(equity, YEAR), empyrical.calmar_ratio(returns)),
        "beta": (metrics.beta(returns, buy_and_hold), empyrical.beta(returns, buy_and_hold)),
        "risk": (metrics.value_at_risk(returns), empyrical.value_at_risk(returns)),
    }

    for name, (ours, theirs) in pairs.items():
        assert ours == pytest.approx(theirs, rel=1e-9), name


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_alpha_is_empyricals_before_compounding(symbol: str) -> None:
    returns, buy_and_hold = returns_of(symbol), returns_of("MSFT")[-len(returns_of(symbol)) :]
    theirs = empyrical.alpha(returns, buy_and_hold)

    assert (1 + metrics.alpha(returns, buy_and_hold, YEAR) / YEAR) ** YEAR - 1 == pytest.approx(theirs, rel=1e-9)


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_measures_equal_quantstats(symbol: str) -> None:
    returns = returns_of(symbol)
    series = pd.Series(returns, index=pd.bdate_range("2001-01-01", periods=len(returns)))

    assert metrics.sharpe_ratio(returns, YEAR) == pytest.approx(quantstats.sharpe(series), rel=1e-9)
    assert metrics.sortino_ratio(returns, YEAR) == pytest.approx(quantstats.sortino(series), rel=1e-9)
    assert metrics.annual_volatility(returns, YEAR) == pytest.approx(
        quantstats.volatility(series, annualize=True), rel=1e-9
    )
    assert metrics.max_drawdown(equity_of(returns)) == pytest.approx(quantstats.max_drawdown(series), rel=1e-9)


def test_shape_measures_equal_scipy() -> None:
    returns = returns_of("GOOG")

    assert metrics.skew(returns) == pytest.approx(stats.skew(returns), rel=1e-12)
    assert metrics.kurtosis(returns) == pytest.approx(stats.kurtosis(returns, fisher=False), rel=1e-12)


@pytest.mark.parametrize("n", [1, 2, 20, 21, 22, 377, 2140])
def test_the_tail_and_the_tie_to_the_market_equal_numpy(n: int) -> None:
    returns, buy_and_hold = returns_of("GOOG")[:n], returns_of("AAPL")[:n]

    assert metrics.value_at_risk(returns) == pytest.approx(float(np.quantile(returns, 0.05)), rel=1e-12)
    if n > 2:
        assert metrics.correlation(returns, buy_and_hold) == pytest.approx(
            np.corrcoef(returns, buy_and_hold)[0, 1], rel=1e-10
        )
        covariance = np.cov(returns, buy_and_hold)
        assert metrics.beta(returns, buy_and_hold) == pytest.approx(covariance[0, 1] / covariance[1, 1], rel=1e-10)


def test_measures_by_hand() -> None:
    equity = np.array([1.1, 0.99, 1.2, 0.9, 0.96])

    assert metrics.total_return(equity) == pytest.approx(-0.04)
    assert metrics.cagr(equity, 10) == pytest.approx(0.96**2 - 1)
    assert metrics.max_drawdown(equity) == pytest.approx(-0.25)
    assert metrics.max_drawdown_bars(equity) == 2
    assert metrics.calmar_ratio(equity, 10) == pytest.approx((0.96**2 - 1) / 0.25)
    assert metrics.win_rate(np.array([1.0, -1, 0, 2])) == 0.5
    assert metrics.profit_factor(np.array([1.0, -1, -0.5, 2])) == pytest.approx(2)
    assert metrics.expectancy(np.array([0.1, -0.02])) == pytest.approx(0.04)
    assert metrics.sqn(np.array([1.0, 2, 3, 4])) == pytest.approx(2 * 2.5 / math.sqrt(5 / 3))
    assert metrics.exposure(np.array([0.0, 1, 0.5, -1])) == 0.75
    assert metrics.turnover(np.array([1.0, 1, 0.5]), 126, YEAR) == pytest.approx(5)
    assert metrics.value_at_risk(np.arange(-10, 91) / 100) == pytest.approx(-0.05)
    assert metrics.expected_shortfall(np.arange(-10, 91) / 100) == pytest.approx(-0.075)


def test_a_fall_below_the_first_equity_is_a_drawdown_from_one() -> None:
    assert metrics.max_drawdown(np.array([0.8, 0.9])) == pytest.approx(-0.2)
    assert metrics.max_drawdown(np.array([1.1, 1.2])) == 0


def test_what_does_not_exist_is_nan() -> None:
    flat, none = np.zeros(50), np.array([])

    assert math.isnan(metrics.sharpe_ratio(flat, YEAR))
    assert math.isnan(metrics.sharpe_ratio(np.full(50, 0.01), YEAR))  # steady growth has no deviation
    assert math.isnan(metrics.sortino_ratio(np.full(50, 0.01), YEAR))
    assert math.isnan(metrics.calmar_ratio(np.ones(50), YEAR))
    assert math.isnan(metrics.win_rate(none))
    assert math.isnan(metrics.expectancy(none))
    assert math.isnan(metrics.profit_factor(np.array([1.0])))
    assert math.isnan(metrics.sqn(np.array([1.0])))
    assert math.isnan(metrics.beta(flat + 0.01, flat))
    assert math.isnan(metrics.correlation(flat, np.arange(50.0)))
    assert math.isnan(metrics.skew(flat))
    assert math.isnan(metrics.kurtosis(flat))


def test_an_empty_measure_is_none_in_a_result() -> None:
    found = metrics.measures_of_returns(np.zeros(30), periods_per_year=YEAR)

    assert found.sharpe_ratio is None
    assert found.total_return == 0
    assert found.win_rate is None


def test_a_million_small_returns_keep_their_sharpe_ratio() -> None:
    bars = made_up_bars(1_000_000, volatility=0.0005, drift=1e-7)
    evaluator = Evaluator(find_strategy("sma"), bars, costs=Costs(commission_bps=0, slippage_bps=0))
    params = find_strategy("sma").space.default
    year = metrics.periods_per_year(bars)
    scores = evaluator.scores([params], start=300, stop=1_000_000)
    told = evaluator.backtest(params, start=300, stop=1_000_000)

    assert scores.sharpe_ratio[0] == pytest.approx(metrics.sharpe_ratio(told.returns, year), rel=1e-11)


def test_every_goal_is_a_measure_that_scores_have() -> None:
    for goal in metrics.GOALS.values():
        assert goal.measure in SCORE_NAMES
        assert goal.measure in Measures.model_fields
        assert metrics.GOALS[goal.plain].measure == goal.measure
        assert goal.direction == "maximize"
        assert metrics.find_goal(goal.key.upper()) is goal
    for key, measure in metrics.CAPS.items():
        assert measure in SCORE_NAMES
        assert metrics.find_cap(key) == key


def test_an_unknown_goal_is_an_error_with_the_nearest() -> None:
    with refused(UnknownGoal, match="Did you mean `sharpe`"):
        metrics.find_goal("sharp")
    with refused(UnknownGoal, match="Did you mean `trades`"):
        metrics.find_cap("trade")


def scores_with(**measures: float) -> Scores:
    return Scores(np.array([[measures.get(name, np.nan) for name in SCORE_NAMES]]))


@pytest.mark.parametrize(
    ("cap", "measures", "violation"),
    [
        (Cap(goal="maxdd", is_upper=True, bound=0.2), {"max_drawdown": -0.15}, 0),
        (Cap(goal="maxdd", is_upper=True, bound=0.2), {"max_drawdown": -0.25}, 0.05),
        (Cap(goal="trades", is_upper=False, bound=30), {"n_trades": 31}, 0),
        (Cap(goal="trades", is_upper=False, bound=30), {"n_trades": 12}, 18),
        (Cap(goal="winrate", is_upper=False, bound=0.5), {}, math.inf),
    ],
)
def test_a_cap_says_by_how_much_it_is_broken(cap: Cap, measures: dict[str, float], violation: float) -> None:
    assert metrics.cap_violations(cap, scores_with(**measures))[0] == pytest.approx(violation)


def test_a_bound_is_strict() -> None:
    cap = Cap(goal="trades", is_upper=False, bound=30)

    assert metrics.cap_violations(cap, scores_with(n_trades=30))[0] > 0


def test_bars_a_year_come_from_the_timeframe_or_the_calendar() -> None:
    daily = made_up_bars(500)
    hours = Bars(**{**vars(daily), "timeframe": "1h", "time": daily.time[0] + np.arange(500) * np.timedelta64(1, "h")})

    assert metrics.periods_per_year(daily) == 252
    for currencies in ("EURUSD=X", "EURUSD", "XAUUSD"):
        bars = replace(daily, symbol=currencies)
        assert metrics.periods_per_year(bars) == 260
        assert set(metrics.periods_per_year_so_far(bars)) == {260.0}
        assert metrics.periods_per_year(replace(bars, counts_weekdays=False)) == 252
    assert metrics.periods_per_year(hours) == pytest.approx(365.25 * 24)


def hourly(n: int, *, sessions: bool = True) -> Bars:
    """Bars of seven hours on each weekday, or of every hour."""
    if not sessions:
        time = np.datetime64("2024-01-01T00", "ns") + np.arange(n) * np.timedelta64(1, "h")
    else:
        days = np.busday_offset("2024-01-01", np.arange(n) // 7).astype("datetime64[ns]")
        time = days + (14 + np.arange(n) % 7) * np.timedelta64(1, "h")
    return Bars(**{**vars(made_up_bars(n)), "timeframe": "1h", "time": time})


@pytest.mark.parametrize("sessions", [True, False], ids=["sessions", "around the clock"])
def test_a_year_counted_so_far_is_known_at_each_bar_and_near_the_whole_count(sessions: bool) -> None:
    bars = hourly(4000, sessions=sessions)
    so_far = metrics.periods_per_year_so_far(bars)

    for end in (1, 2, 21, 300, 2501):
        np.testing.assert_array_equal(metrics.periods_per_year_so_far(bars.cut(0, end))[:end], so_far[:end])
    assert so_far[7 * 24 :] == pytest.approx(metrics.periods_per_year(bars), rel=0.01)


def test_daily_bars_have_one_year_throughout() -> None:
    assert set(metrics.periods_per_year_so_far(made_up_bars(300))) == {252.0}


def test_the_longest_run_is_counted() -> None:
    assert metrics.longest_run(np.array([True, False, True, True, False])) == 2
    assert metrics.longest_run(np.array([], dtype=bool)) == 0


@pytest.mark.parametrize("first", ["1955-03-01", "1970-01-01", "2024-02-29"])
def test_a_market_that_trades_on_weekends_has_365_sessions(first: str) -> None:
    days = np.datetime64(first) + np.arange(700)
    some = [days, days[np.is_busday(days)], days[::7], days[~np.is_busday(days)]]
    for chosen in some:
        share = 1.0 - np.is_busday(chosen).mean()
        bars = replace(made_up_bars(len(chosen)), time=chosen.astype("datetime64[ns]"))

        assert metrics.periods_per_year(bars) == (365 if share > 0.25 else 252)
