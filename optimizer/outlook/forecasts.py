"""Forecasts of what the next bars may bring, from returns that no choice had seen.

In-sample returns of a winner were selected and would centre every band too high, so only stitched folds, the holdout
and, for a champion, the bars since are resampled (`forecast_paths`). A forecast is a set of quantiles at `LEVELS`
beside those of a naive twin, normal returns of buy and hold: skill is always against that.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache, reduce

import numpy as np

from optimizer.domain.bars import Bars, FloatArray, TimeArray
from optimizer.domain.results.forecast_results import (
    LEVELS,
    Forecast,
    ForecastMeasure,
    ForecastOf,
    HorizonForecast,
    MeasureForecast,
)
from optimizer.domain.study_results import StudySummary
from optimizer.domain.thinning import MOST_POINTS
from optimizer.errors import UserError
from optimizer.outlook.forecast_paths import PathMeasures, filtered, normal_measures, path_errors, path_measures

#: Horizons in bars; the longest needs more unseen bars than the others.
HORIZONS = (21, 63, 126, 252)
LEAST_UNSEEN = 126
_LONGEST, _LEAST_FOR_LONGEST = 252, 1008
#: Changes when the method does: forecasts of different versions are scored apart.
VERSION = 2
_LEVELS = np.array(LEVELS)
#: A year in whole weeks: weekdays stay weekdays.
_YEAR = np.timedelta64(364, "D")

_Quantiles = tuple[float | None, ...]


class TooFewUnseen(UserError):
    """Raised for fewer unseen bars than a forecast needs. Facts: have, need."""


class NeverHeld(UserError):
    """Raised where nothing was held on any unseen bar."""


@dataclass(frozen=True, kw_only=True, eq=False)
class DatedReturns:
    """Unseen returns of one part of a portfolio with their bars' times, (n_bars,) each."""

    times: TimeArray
    returns: FloatArray


def forecast_of(
    returns: FloatArray,
    *,
    of: ForecastOf,
    as_of: date,
    target_dates: Mapping[int, date],
    periods_per_year: float,
    naive_returns: FloatArray,
    seed: int,
    interest: float = 0.0,
    horizons: Sequence[int] = HORIZONS,
) -> Forecast:
    """Forecast every measure over the next bars from (n_bars,) unseen returns beyond cash, the last one at `as_of`.

    `target_dates` are those of the horizons, as `expected_dates` gives them; `naive_returns` buy and hold's over its
    whole history; `interest` what cash earns a bar, which returns and drawdowns include and Sharpe ratios do not. The
    longest horizon is left out below 1,008 bars. The same arguments give the same forecast. Raises TooFewUnseen or
    NeverHeld.
    """
    n = len(returns)
    if n < LEAST_UNSEEN:
        raise TooFewUnseen(have=n, need=LEAST_UNSEEN)
    if not np.any(returns):
        raise NeverHeld()
    told = tuple(sorted(bars for bars in horizons if bars < _LONGEST or n >= _LEAST_FOR_LONGEST))
    base, (first, second) = filtered(returns), _seeds(seed, as_of)
    errors = path_errors(base, seed=first)
    paths = path_measures(base, errors, horizons=told, seed=second, interest=interest)
    naive = _naive(float(naive_returns.mean()), float(naive_returns.std(ddof=1)), told, interest)
    return Forecast(
        of=of,
        as_of=as_of,
        n_days=n,
        block=base.block,
        seed=seed,
        version=VERSION,
        horizons=tuple(
            _horizon(n_bars, target_dates[n_bars], math.sqrt(periods_per_year), ours, twin)
            for n_bars, ours, twin in zip(told, paths, naive, strict=True)
        ),
    )


def joint_forecast_of(
    parts: Sequence[DatedReturns],
    *,
    as_of: date,
    target_dates: Mapping[int, date],
    periods_per_year: float,
    naive_returns: FloatArray,
    seed: int,
    interest: float = 0.0,
    horizons: Sequence[int] = HORIZONS,
) -> Forecast:
    """Forecast a portfolio in equal parts, rebalanced at every close.

    Days on which all parts have a return are resampled together, so that what they have in common stays. Raises as
    `forecast_of` does.
    """
    times: TimeArray = reduce(np.intersect1d, [part.times for part in parts])
    together = np.stack([part.returns[np.isin(part.times, times)] for part in parts])
    return forecast_of(
        together.mean(axis=0),
        of=ForecastOf.PORTFOLIO,
        as_of=as_of,
        target_dates=target_dates,
        periods_per_year=periods_per_year,
        naive_returns=naive_returns,
        seed=seed,
        interest=interest,
        horizons=horizons,
    )


def unseen_returns(summary: StudySummary, played: FloatArray) -> FloatArray:
    """Return the unseen returns of a study's winner or of the champion it became: its stitched folds, then `played`.

    `played` are the set's returns in one backtest from the first held-out bar on (from the first bar after the window
    where nothing was held out): for a winner to the window's end, for a champion to the latest bar. Folds of so many
    bars that only stretches of them are stored are left out.
    """
    walk = summary.walk_forward
    if walk is None or len(walk.returns) >= MOST_POINTS:
        return played
    return np.concatenate([np.array(walk.returns), played])


def expected_dates(bars: Bars, *, last: int, horizons: Sequence[int] = HORIZONS) -> dict[int, date]:
    """Return the date on which each horizon after row `last` ends, as the bars of a year ago went.

    Holidays that moved shift it by a day: whoever scores a forecast counts bars. With too few bars for a year ago the
    mean distance between bars is taken.
    """
    return {n_bars: _date_after(bars.time[: last + 1], n_bars) for n_bars in horizons}


def _date_after(times: TimeArray, n_bars: int) -> date:
    years = 1
    while (row := int(np.searchsorted(times, times[-1] - years * _YEAR, side="right")) - 1) >= 0:
        if row + n_bars < len(times):
            return _day(times[row + n_bars] + years * _YEAR)
        years += 1
    return _day(times[-1] + (times[-1] - times[0]) / (len(times) - 1) * n_bars)


def _day(time: np.datetime64) -> date:
    found: date = time.astype("datetime64[D]").item()
    return found


def _seeds(seed: int, as_of: date) -> tuple[int, int]:
    first, second = np.random.SeedSequence([seed, as_of.toordinal()]).generate_state(2, np.uint64)
    return int(first), int(second)


@lru_cache(maxsize=8)
def _naive(mean: float, deviation: float, horizons: tuple[int, ...], interest: float) -> tuple[PathMeasures, ...]:
    """Return the twin's paths, which the winner's forecast and hold's have in common."""
    return tuple(normal_measures(mean, deviation, horizons=horizons, interest=interest))


def _horizon(
    n_bars: int, target_date: date, root_of_year: float, ours: PathMeasures, naive: PathMeasures
) -> HorizonForecast:
    units = {
        ForecastMeasure.TOTAL_RETURN: ("total_return", 1.0),
        ForecastMeasure.SHARPE_RATIO: ("sharpe_ratio", root_of_year),
        ForecastMeasure.MAX_DRAWDOWN: ("max_drawdown", 1.0),
        ForecastMeasure.ANNUAL_VOLATILITY: ("deviation", root_of_year),
    }
    return HorizonForecast(
        n_bars=n_bars,
        target_date=target_date,
        p_loss=float(np.mean(ours.total_return < 0.0)),
        measures=tuple(
            _measure(measure, getattr(ours, name) * unit, getattr(naive, name) * unit)
            for measure, (name, unit) in units.items()
        ),
    )


def _measure(measure: ForecastMeasure, ours: FloatArray, naive: FloatArray) -> MeasureForecast:
    known = ours[np.isfinite(ours)]
    return MeasureForecast(
        measure=measure,
        quantiles=_quantiles(known),
        naive=_quantiles(naive[np.isfinite(naive)]),
        mean=float(known.mean()) if len(known) else None,
    )


def _quantiles(sample: FloatArray) -> _Quantiles:
    """Quantiles of a sample at `LEVELS`; all None of an empty one."""
    if not len(sample):
        return (None,) * len(LEVELS)
    # As np.quantile interpolates, which takes ten times as long for a thousand values.
    ordered, at = np.sort(sample), (len(sample) - 1) * _LEVELS
    low = np.floor(at).astype(np.int64)
    below, above, share = ordered[low], ordered[np.minimum(low + 1, len(sample) - 1)], at - low
    step = above - below
    return tuple(np.where(share < 0.5, below + step * share, above - step * (1.0 - share)).tolist())
