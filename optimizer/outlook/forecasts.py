"""Forecasts of what the next bars may bring, from returns that no choice had seen.

In-sample returns of a winner were selected and would centre every band too high, so only stitched folds, the holdout
and, for a champion, the bars since are resampled (`forecast_paths`). A forecast is a set of quantiles at `LEVELS`
beside those of a naive twin, normal returns of buy and hold: skill is always against that.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from optimizer.domain.bars import Bars, FloatArray, TimeArray
from optimizer.domain.forecast_results import Forecast, ForecastOf
from optimizer.domain.study_results import StudySummary
from optimizer.errors import UserError

#: Horizons in bars, and the number of unseen bars from which each is forecast.
HORIZONS = (21, 63, 126, 252)
LEAST_UNSEEN = 126
LEAST_FOR_YEAR = 1008
#: Changes when the method does: forecasts of different versions are scored apart.
VERSION = 1


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
    raise NotImplementedError


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
    """Forecast a portfolio in equal parts, rebalanced at every close: days on which all parts have a return are
    resampled together, so that what they have in common stays. Raises as `forecast_of` does.
    """
    raise NotImplementedError


def champion_returns(summary: StudySummary, played: FloatArray) -> FloatArray:
    """Return the unseen returns of an adopted champion: its study's stitched folds, then `played`.

    `played` are the returns of the champion's set, in one backtest from the first held-out bar of its study (from the
    first bar after its window where nothing was held out) to the latest bar.
    """
    raise NotImplementedError


def expected_dates(bars: Bars, *, last: int, horizons: Sequence[int] = HORIZONS) -> dict[int, date]:
    """Return the date on which each horizon after row `last` ends, as the bars of a year ago went.

    Holidays that moved shift it by a day: whoever scores a forecast counts bars.
    """
    raise NotImplementedError
