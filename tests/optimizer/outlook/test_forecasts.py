"""Forecasts: bands that hold what they should, from unseen bars only, the same whenever they are made."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from optimizer.domain.results.forecast_results import LEVELS, Forecast, ForecastMeasure, ForecastOf, NoForecast
from optimizer.domain.study_results import StudySummary
from optimizer.outlook import forecast_paths
from optimizer.outlook.forecasts import (
    HORIZONS,
    DatedReturns,
    NeverHeld,
    TooFewUnseen,
    _quantiles,
    expected_dates,
    forecast_of,
    joint_forecast_of,
    unseen_returns,
)
from optimizer.outlook.study_forecasts import with_forecasts
from optimizer.validation.window import WindowRows
from tests.bars import sample_bars
from tests.optimizer.outlook.forecast_worlds import PER_YEAR, WORLDS, world
from tests.optimizer.validation.test_summarize import WALK, evaluator_of, rows_of, spec_of, summary_of

AS_OF = date(2024, 5, 31)
DATES = {n_bars: AS_OF + timedelta(n_bars) for n_bars in HORIZONS}


def forecast(returns: np.ndarray, **changed: object) -> Forecast:
    """A winner's forecast with its own returns as the naive twin's."""
    wanted = {"of": ForecastOf.WINNER, "as_of": AS_OF, "target_dates": DATES, "periods_per_year": PER_YEAR, "seed": 1}
    return forecast_of(returns, **({"naive_returns": returns} | wanted | changed))


def returns_of(name: str, seed: int, n: int = 504) -> np.ndarray:
    return world(name, np.random.default_rng([seed, n]), n)


def realised(returns: np.ndarray) -> list[float]:
    """Measures in the order of a forecast's; NaN where there is no Sharpe ratio."""
    equity, deviation = np.cumprod(1.0 + returns), returns.std(ddof=1)
    sharpe = returns.mean() / deviation * np.sqrt(PER_YEAR) if deviation else np.nan
    fall = min((equity / np.maximum(np.maximum.accumulate(equity), 1.0) - 1.0).min(), 0.0)
    return [equity[-1] - 1.0, sharpe, fall, deviation * np.sqrt(PER_YEAR)]


def test_bands_hold_nearly_as_much_as_they_say_in_every_world() -> None:
    """A short form of docs/calibration.md: 400 histories, 80 of each world."""
    inside: dict[str, list[list[bool]]] = {name: [] for name in WORLDS}
    for name in WORLDS:
        for seed in range(80):
            whole = world(name, np.random.default_rng([seed, 7]), 504 + 63)
            [quarter] = forecast(whole[:504], horizons=(63,), seed=seed).horizons
            came = realised(whole[504:])
            inside[name].append(
                [
                    bool(one.quantiles[2] <= value <= one.quantiles[20])
                    for one, value in zip(quarter.measures, came, strict=True)
                ]
            )
    shares = {name: np.mean(rows, axis=0) for name, rows in inside.items()}

    mean = np.mean(list(shares.values()), axis=0)
    assert np.all((mean >= 0.85) & (mean <= 0.95)), mean
    assert all(np.all(share >= 0.76) for share in shares.values()), shares  # 0.9 less four errors of 80


@pytest.mark.parametrize("name", WORLDS)
def test_quantiles_never_cross_and_measures_keep_their_bounds(name: str) -> None:
    for horizon in forecast(returns_of(name, 2, 1260)).horizons:
        by_measure = {one.measure: one for one in horizon.measures}
        assert list(by_measure) == list(ForecastMeasure)
        for one in horizon.measures:
            assert len(one.quantiles) == len(one.naive) == len(LEVELS)
            assert np.all(np.diff(one.quantiles) >= 0.0)
            assert np.all(np.diff(one.naive) >= 0.0)
        gained = by_measure[ForecastMeasure.TOTAL_RETURN].quantiles
        assert gained[2] < gained[11] < gained[20]
        assert max(by_measure[ForecastMeasure.MAX_DRAWDOWN].quantiles) <= 0.0
        assert min(by_measure[ForecastMeasure.ANNUAL_VOLATILITY].quantiles) >= 0.0


def test_share_of_losses_is_that_of_the_paths_and_agrees_with_the_quantiles() -> None:
    for seed in range(5):
        for horizon in forecast(returns_of("garch", seed)).horizons:
            gained = np.array(horizon.measures[0].quantiles)
            level = float(np.interp(0.0, gained, LEVELS))
            assert horizon.p_loss == pytest.approx(level, abs=0.02)
            assert (horizon.p_loss * forecast_paths.N_PATHS).is_integer()


def test_same_arguments_give_the_same_forecast_and_another_seed_or_day_another() -> None:
    returns = returns_of("garch", 3)

    assert forecast(returns) == forecast(returns.copy())
    assert forecast(returns).horizons != forecast(returns, seed=2).horizons
    assert forecast(returns).horizons != forecast(returns, as_of=AS_OF + timedelta(1)).horizons


def test_a_shorter_list_of_horizons_changes_no_figure() -> None:
    returns = returns_of("garch", 4)

    [alone], [_, quarter, _] = forecast(returns, horizons=(63,)).horizons, forecast(returns).horizons
    assert [one.quantiles for one in alone.measures] == [one.quantiles for one in quarter.measures]


def test_the_year_ahead_needs_four_years() -> None:
    assert [one.n_bars for one in forecast(returns_of("t", 1, 1007)).horizons] == [21, 63, 126]
    assert [one.n_bars for one in forecast(returns_of("t", 1, 1008)).horizons] == [21, 63, 126, 252]


def test_too_few_bars_say_how_many_there_are_and_a_strategy_that_stayed_out_has_no_forecast() -> None:
    with pytest.raises(TooFewUnseen) as refused:
        forecast(returns_of("t", 1, 125))
    assert refused.value.facts == {"have": 125, "need": 126}
    with pytest.raises(NeverHeld):
        forecast(np.zeros(300), naive_returns=returns_of("t", 1))


def test_constant_returns_have_no_sharpe_ratio_and_one_value_of_each_other_measure() -> None:
    [month, *_] = forecast(np.full(300, 0.001)).horizons
    gained, sharpe, fall, volatility = month.measures

    assert set(sharpe.quantiles) == {None}
    assert sharpe.mean is None
    assert gained.quantiles == pytest.approx([1.001**21 - 1.0] * len(LEVELS))
    assert set(fall.quantiles) == set(volatility.quantiles) == {0.0}
    assert month.p_loss == 0.0


def test_one_trade_in_two_years_gives_quiet_paths_and_finite_figures() -> None:
    returns = np.zeros(504)
    returns[100:104] = (0.02, -0.01, 0.03, 0.01)

    for horizon in forecast(returns).horizons:
        assert np.all(np.isfinite(horizon.measures[0].quantiles))
        assert horizon.measures[0].quantiles[11] == 0.0
        assert horizon.p_loss < 0.5


def test_interest_of_cash_is_gained_and_changes_no_sharpe_ratio() -> None:
    returns = returns_of("normal", 1)
    plain, with_cash = forecast(returns).horizons[2], forecast(returns, interest=0.0002).horizons[2]

    assert with_cash.measures[0].mean - plain.measures[0].mean == pytest.approx(126 * 0.0002, rel=0.2)
    assert with_cash.measures[1] == plain.measures[1]


def test_the_mean_of_a_long_history_is_surer_than_that_of_a_short_one() -> None:
    short, long = (forecast(returns_of("normal", 5, n)[-n:], horizons=(126,)).horizons[0] for n in (126, 2520))

    def width(one: object) -> float:
        return one.measures[0].quantiles[20] - one.measures[0].quantiles[2]

    assert width(short) > 1.15 * width(long)


def test_the_last_weeks_of_a_clustered_market_move_the_band() -> None:
    returns = returns_of("garch", 6, 1260)
    calm, wild = returns.copy(), returns.copy()
    calm[-30:] *= 0.3
    wild[-30:] *= 3.0
    low, high = (forecast(values, horizons=(21,)).horizons[0].measures[3].quantiles[11] for values in (calm, wild))

    assert high > 1.5 * low


def test_a_portfolio_keeps_what_its_parts_have_in_common() -> None:
    times = np.datetime64("2020-01-01") + np.arange(600)
    first, second = returns_of("garch", 7, 600), returns_of("garch", 8, 600)

    def deviation(*parts: np.ndarray) -> float:
        found = joint_forecast_of(
            [DatedReturns(times=times, returns=part) for part in parts],
            as_of=AS_OF,
            target_dates=DATES,
            periods_per_year=PER_YEAR,
            naive_returns=first,
            seed=1,
        )
        assert found.of is ForecastOf.PORTFOLIO
        return found.horizons[1].measures[3].mean

    assert deviation(first, first) == pytest.approx(forecast(first).horizons[1].measures[3].mean)
    assert deviation(first, second) < 0.9 * deviation(first, first)


def test_days_that_a_part_does_not_have_are_left_out() -> None:
    times = np.datetime64("2020-01-01") + np.arange(600)
    parts = [DatedReturns(times=times[:400], returns=returns_of("t", 1, 400)),
             DatedReturns(times=times[200:], returns=returns_of("t", 2, 400))]  # fmt: skip
    found = joint_forecast_of(
        parts, as_of=AS_OF, target_dates=DATES, periods_per_year=PER_YEAR, naive_returns=parts[0].returns, seed=1
    )

    assert found.n_days == 200


def test_dates_of_the_horizons_are_those_of_sessions_a_year_later() -> None:
    bars = sample_bars("AAPL")
    for last in (600, 1500, len(bars) - 260):
        for n_bars, day in expected_dates(bars, last=last).items():
            came = bars.time[last + n_bars].astype("datetime64[D]").item()
            assert abs((day - came).days) <= 7  # in 2001 the exchange was closed for days
    assert expected_dates(bars.cut(0, 150), last=149)[21] > bars.time[149].astype("datetime64[D]").item()


def told(**changed: object) -> StudySummary:
    spec = spec_of(**changed)
    return with_forecasts(summary_of(spec), evaluator_of(spec, WALK), rows_of(spec, WALK), seed=spec.seed)


def test_a_study_forecasts_its_winner_and_hold_from_folds_and_holdout_only() -> None:
    summary = told()
    winner, hold = summary.forecasts

    assert (winner.of, hold.of) == (ForecastOf.WINNER, ForecastOf.HOLD)
    assert winner.n_days == hold.n_days == summary.n_unseen
    assert summary.n_unseen == len(summary.walk_forward.returns) + summary.window.n_holdout
    assert winner.as_of == summary.window.end
    assert winner.horizons[0].measures[0].naive == hold.horizons[0].measures[0].naive
    assert summary.no_forecast is None
    assert StudySummary.model_validate_json(summary.model_dump_json()) == summary


def test_a_studys_forecast_does_not_know_later_bars() -> None:
    spec = spec_of()
    rows = rows_of(spec, WALK)
    cut = WindowRows(start=rows.start, holdout_start=rows.holdout_start - 100, stop=rows.stop - 100)
    poisoned = replace(WALK, **{
        name: np.where(np.arange(len(WALK)) < cut.stop, getattr(WALK, name), getattr(WALK, name) * 3.0)
        for name in ("open", "high", "low", "close")
    })  # fmt: skip
    summary = summary_of(spec)

    def made(bars: object) -> StudySummary:
        return with_forecasts(summary, evaluator_of(spec, bars), cut, seed=1)

    assert made(WALK).forecasts == made(poisoned).forecasts


def test_without_unseen_bars_there_is_a_reason_instead() -> None:
    summary = summary_of(spec_of())
    spec, rows = spec_of(), rows_of(spec_of(), WALK)
    whole = WindowRows(start=rows.start, holdout_start=rows.stop, stop=rows.stop)
    short = WindowRows(start=rows.start, holdout_start=rows.stop - 100, stop=rows.stop)
    bare = summary.model_copy(update={"walk_forward": None})

    def reason(summary: StudySummary, rows: WindowRows) -> tuple[NoForecast | None, int | None]:
        found = with_forecasts(summary, evaluator_of(spec, WALK), rows, seed=1)
        assert bool(found.forecasts) is (found.no_forecast is None)
        return found.no_forecast, found.n_unseen

    assert reason(bare, whole) == (NoForecast.NOTHING_UNSEEN, 0)
    assert reason(bare, short) == (NoForecast.TOO_FEW_UNSEEN, 100)
    still = summary.walk_forward.model_copy(update={"returns": (0.0,) * 200})
    assert reason(summary.model_copy(update={"walk_forward": still}), whole) == (NoForecast.NEVER_HELD, 200)


def test_a_search_without_a_winner_forecasts_nothing() -> None:
    summary = told(min_trades=500)

    assert summary.unmet is not None
    assert (summary.forecasts, summary.no_forecast) == ((), NoForecast.NO_WINNER)


def test_a_champions_unseen_bars_go_on_after_its_study() -> None:
    summary, played = summary_of(spec_of()), np.full(50, 0.01)
    found = unseen_returns(summary, played)

    assert np.array_equal(found[-50:], played)
    assert np.array_equal(found[:-50], np.array(summary.walk_forward.returns))


@pytest.mark.parametrize("n", [1, 2, 3, 999, 1000])
def test_quantiles_are_numpys_to_the_last_bit(n: int) -> None:
    sample = np.random.default_rng(n).normal(size=n)

    assert _quantiles(sample) == tuple(np.quantile(sample, LEVELS).tolist())
