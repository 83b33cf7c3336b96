"""What was said first stays: sets that made less than their first forecast are seen, however often one looks."""

from typing import Any

import numpy as np
import pytest

from optimizer.domain.results.forecast_results import ForecastMeasure, ForecastOf
from optimizer.outlook.first_forecasts import FALSE_ALARM, WATCHED, FollowedSet, followed_set, followed_sets, promise_of
from tests.reports.forecasts import scored

#: Deviation of a bar, and the mean of one with a Sharpe ratio of 1.
_DEVIATION = 0.01
_MEAN = _DEVIATION / np.sqrt(252.0)
_AHEAD, _N_DAYS = 63, 504


def first_of(mean: float) -> dict[str, Any]:
    """What a forecast says of 63 bars that knows the mean of 504."""
    error = _DEVIATION * np.sqrt(_AHEAD * (1.0 + _AHEAD / _N_DAYS))
    low, median, high = (float(np.expm1(_AHEAD * mean + side * 1.645 * error)) for side in (-1.0, 0.0, 1.0))
    return {"low": low, "median": median, "high": high, "n_days": _N_DAYS, "block": 1.0, "horizon_bars": _AHEAD}


def alarms(before: float, after: float, n_worlds: int = 500) -> float:
    """Share of worlds in which a look after any of twenty forecasts finds less than was said."""
    n_found = 0
    for seed in range(n_worlds):
        rng = np.random.default_rng([seed, 3])
        known = before * _MEAN + _DEVIATION * rng.normal() / np.sqrt(_N_DAYS)
        came = _AHEAD * after * _MEAN + _DEVIATION * np.sqrt(_AHEAD) * rng.normal(size=WATCHED)
        said, sums = first_of(known), np.cumsum(came)
        found = followed_set([scored(0, value=0.0, **said)])
        assert found is not None
        looks = [_after(found, said, n, total) for n, total in enumerate(sums, 1)]
        n_found += any(looks)
    return n_found / n_worlds


def _after(one: FollowedSet, said: dict[str, Any], n: int, total: float) -> bool:
    promise = promise_of(scored(0, **said))
    assert promise is not None
    distance = (total - promise.mean * n * _AHEAD) / promise.error(n * _AHEAD)
    limit = one.limit * np.sqrt(promise.information(_AHEAD) / promise.information(n * _AHEAD))
    return bool(distance < limit)


def test_an_edge_that_is_there_is_rarely_called_gone_however_often_one_looks() -> None:
    """A standard error of 0.01."""
    assert alarms(1.0, 1.0) <= FALSE_ALARM + 0.02
    assert alarms(0.0, 0.0) <= FALSE_ALARM + 0.02


def test_a_vanished_edge_is_seen_nearly_as_often_as_504_unseen_bars_can_tell() -> None:
    """The best single look after twenty quarters sees 33 % of Sharpe ratios of 1 that went, and 77 % of 2."""
    assert alarms(1.0, 0.0) >= 0.2
    assert alarms(2.0, 0.0) >= 0.6


def returns(*values: float, **changes: Any) -> list[Any]:
    return [scored(place, value=value, **changes) for place, value in enumerate(values)]


def test_what_came_is_set_against_the_first_forecast_and_not_against_later_ones() -> None:
    steady = returns(*[-0.01] * 12)
    humble = [*steady[:1], *returns(*[-0.01] * 12, low=-0.2, median=-0.05, high=0.1)[1:]]

    first, second = followed_set(steady), followed_set(humble)
    assert first is not None
    assert first == second
    assert (first.n_forecasts, first.n_bars, first.since) == (12, 12 * 21, steady[0].as_of)
    assert first.realised == pytest.approx(0.99**12 - 1.0)
    assert first.median == pytest.approx(1.03**12 - 1.0)


def test_one_horizon_says_what_the_forecast_said() -> None:
    [one] = followed_sets(returns(0.04))

    assert (one.low, one.median, one.high) == pytest.approx((-0.06, 0.03, 0.13), abs=0.01)
    assert not one.is_below


def test_the_longest_known_horizon_counts_and_what_overlaps_it_does_not() -> None:
    later = scored(1, value=-0.5, forecast_id="later")
    rows = [scored(0), scored(0, horizon_bars=63, value=0.1, target_date=later.as_of.replace(year=2013)), later]
    one = followed_set(rows)

    assert one is not None
    assert (one.n_forecasts, one.n_bars, one.realised) == (1, 63, pytest.approx(0.1))


def test_noise_grows_and_the_error_of_the_mean_with_its_square() -> None:
    promise = promise_of(scored(0))
    assert promise is not None

    assert promise.error(21) == pytest.approx((np.log(1.13) - np.log(0.94)) / 3.29, rel=1e-3)
    assert promise.error(2_100) > 10.0 * 1.5 * promise.error(21)
    assert promise.information(10**9) == pytest.approx(511 / (1 + 15 / 512) ** 2, rel=1e-3)


def test_of_sets_on_the_same_symbols_the_one_followed_longest_is_shown_and_the_least_first() -> None:
    short, long = returns(0.04), returns(0.04, 0.05, study_name="opt-1c2d")
    poor = returns(-0.2, symbols=("MSFT",))

    assert [(one.symbols, one.n_forecasts) for one in followed_sets([*short, *long, *poor])] == [
        (("MSFT",), 1),
        (("AAPL",), 2),
    ]


def test_hold_hindsight_other_measures_and_what_is_open_are_left_out() -> None:
    late = scored(0)
    rows = [
        scored(0, kind=ForecastOf.HOLD), scored(0, measure=ForecastMeasure.MAX_DRAWDOWN), scored(0, value=None),
        scored(0, study_name="opt-1c2d", made_at=late.made_at.replace(year=2014)),
    ]  # fmt: skip

    assert followed_sets(rows) == []


def test_a_forecast_of_one_value_promises_nothing_and_a_loss_of_everything_is_a_number() -> None:
    assert followed_sets(returns(0.03, low=0.03, median=0.03, high=0.03)) == []
    [ruined] = followed_sets(returns(-1.0))
    assert ruined.is_below
    assert ruined.realised == pytest.approx(-1.0, abs=1e-3)
