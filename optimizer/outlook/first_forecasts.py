"""What sets made since their first forecast, beside what that forecast said: an edge that has vanished shows here.

A forecast that is made anew learns from the bars that came, the bad ones included, and so forgets what was said when
the set was chosen. The first forecast stays: what it said of its longest horizon is carried on to all bars that became
known since. Noise grows with their number, and the error of a mean that was known from `n_days` unseen bars with its
square, so that the sum of what came tells ever more, up to what those unseen bars can tell.

One looks again after every forecast. Sums of what came, by their information, are a Brownian motion, which passes a
line of 1.96 at any time until its end in 5 of 100 cases (reflection principle); O'Brien and Fleming (1979) judge
clinical trials so. The end is that of `WATCHED` forecasts.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from statistics import NormalDist

from optimizer.domain.kept_forecasts import ScoredForecast
from optimizer.domain.results.forecast_results import BLOCK_SHARE, ForecastMeasure, ForecastOf

#: Forecasts in a row within which a set that keeps its edge is called below with a probability of `FALSE_ALARM`.
WATCHED = 20
FALSE_ALARM = 0.05
_LINE = NormalDist().inv_cdf(1.0 - FALSE_ALARM / 2)
#: Standard errors of the 5 % and the 95 % quantile.
_BAND = NormalDist().inv_cdf(0.95)
#: Return at which its logarithm ends.
_ALL_LOST = -0.9999


@dataclass(frozen=True, kw_only=True)
class Promise:
    """What a forecast said of the logarithm of its return, a bar, and of its error."""

    mean: float
    variance: float  # of one bar, the error of the mean left out
    of_mean: float  # variance of the mean over that of one bar

    def error(self, n_bars: float) -> float:
        """Return the standard error of the sum over so many bars."""
        return math.sqrt(self.variance * n_bars * (1.0 + self.of_mean * n_bars))

    def information(self, n_bars: float) -> float:
        """Return what so many bars tell of the mean, in bars of a mean that was known."""
        return n_bars / (1.0 + self.of_mean * n_bars)

    def quantile(self, n_bars: int, errors: float) -> float:
        """Return the total return over so many bars that lies so many standard errors above the median."""
        return math.expm1(self.mean * n_bars + errors * self.error(n_bars))


@dataclass(frozen=True, kw_only=True)
class FollowedSet:
    """What a set made since its first forecast, on horizons that do not overlap, and what was said of as many bars."""

    study_name: str
    symbols: tuple[str, ...]
    strategy_name: str
    since: date
    until: date
    n_forecasts: int
    n_bars: int
    low: float  # 5 %, median and 95 % of the total return
    median: float
    high: float
    realised: float
    distance: float  # of what came from the median, in standard errors
    limit: float  # least distance that chance explains, whenever one looks; < 0

    @property
    def is_below(self) -> bool:
        """True if less came than was said, beyond chance."""
        return self.distance < self.limit


def promise_of(row: ScoredForecast) -> Promise | None:
    """Return what a row of total returns promised; None where it named one value only."""
    low, median, high = (math.log1p(max(value, _ALL_LOST)) for value in (row.low, row.median, row.high))
    n_bars, error = row.horizon_bars, (high - low) / (2.0 * _BAND)
    of_mean = (1.0 + BLOCK_SHARE * row.block / row.n_days) ** 2 / (row.n_days - 1)
    if error <= 0.0:
        return None
    return Promise(mean=median / n_bars, variance=error**2 / (n_bars * (1.0 + of_mean * n_bars)), of_mean=of_mean)


def followed_sets(rows: Iterable[ScoredForecast]) -> list[FollowedSet]:
    """Return what sets made since their first forecasts, the least beside what was said first.

    Of sets on the same symbols it is the one that was followed over the most bars, since they move together.
    """
    studies: dict[tuple[tuple[str, ...], str], list[ScoredForecast]] = {}
    for row in rows:
        if row.measure is ForecastMeasure.TOTAL_RETURN and row.kind is not ForecastOf.HOLD and not row.is_hindsight:
            studies.setdefault((row.symbols, row.study_name), []).append(row)
    found: dict[tuple[str, ...], FollowedSet] = {}
    for (symbols, _), same in sorted(studies.items()):
        one = followed_set(same)
        if one and (symbols not in found or one.n_bars > found[symbols].n_bars):
            found[symbols] = one
    return sorted(found.values(), key=lambda one: one.distance / -one.limit)


def followed_set(rows: Sequence[ScoredForecast]) -> FollowedSet | None:
    """Return what one set made since the first of its forecasts of total returns; None where nothing is known yet."""
    told = sorted(rows, key=lambda row: (row.as_of, -row.horizon_bars, row.forecast_id))
    windows = _one_after_another(told)
    promise = promise_of(told[0])
    if not windows or promise is None:
        return None
    n_bars = sum(row.horizon_bars for row in windows)
    gained = math.fsum(math.log1p(max(row.realised or 0.0, _ALL_LOST)) for row in windows)
    planned = n_bars * max(1.0, WATCHED / len(windows))
    return FollowedSet(
        study_name=told[0].study_name,
        symbols=told[0].symbols,
        strategy_name=told[0].strategy_name,
        since=told[0].as_of,
        until=windows[-1].target_date,
        n_forecasts=len(windows),
        n_bars=n_bars,
        low=promise.quantile(n_bars, -_BAND),
        median=promise.quantile(n_bars, 0.0),
        high=promise.quantile(n_bars, _BAND),
        realised=math.expm1(gained),
        distance=(gained - promise.mean * n_bars) / promise.error(n_bars),
        limit=-_LINE * math.sqrt(promise.information(planned) / promise.information(n_bars)),
    )


def _one_after_another(told: Iterable[ScoredForecast]) -> list[ScoredForecast]:
    """Return known rows that do not overlap, from the first on, of each day the longest."""
    windows: list[ScoredForecast] = []
    for row in told:
        if row.realised is not None and (not windows or row.as_of >= windows[-1].target_date):
            windows.append(row)
    return windows
