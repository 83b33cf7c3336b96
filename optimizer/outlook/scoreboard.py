"""How forecasts did so far: what of them was inside its bands, and whether they beat the naive twin.

Coverage counts forecasts whose horizons do not overlap, of each symbol: twenty windows that overlap are three. A
forecast that was made when its bars were there already foretold nothing and is not counted.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from optimizer.domain.kept_forecasts import ScoredForecast
from optimizer.domain.results.forecast_results import ForecastMeasure, ForecastOf
from optimizer.outlook import scores
from optimizer.outlook.first_forecasts import FollowedSet, followed_sets

#: Forecasts below which coverage says nothing.
LEAST_TO_JUDGE = 10
#: Standard errors below one half that the levels of true forecasts are beyond in 5 of 100 cases.
BEYOND_CHANCE = 1.645
#: Forecasts named as the last ones.
_LAST = 5


@dataclass(frozen=True, kw_only=True)
class BoardLine:
    """Scores of one measure. Counts are of forecasts whose horizons do not overlap."""

    measure: ForecastMeasure
    is_hold: bool  # of buy and hold, else of strategies
    n_scored: int  # all of them
    n: int  # apart
    inside_50: int
    inside_90: int
    luck_50: tuple[int, int]  # least and most inside that a true band has in 95 of 100 cases
    luck_90: tuple[int, int]
    skill: float | None  # 1 less the CRPS over the naive twin's; None where that has none
    lean: float  # of the levels that came, in standard errors; < 0: less came than was said

    @property
    def is_judged(self) -> bool:
        """True if there are enough of them to judge."""
        return self.n >= LEAST_TO_JUDGE

    @property
    def is_off(self) -> bool:
        """True if fewer or more were inside the 90 % band than luck allows."""
        return self.is_judged and not self.luck_90[0] <= self.inside_90 <= self.luck_90[1]

    @property
    def is_too_high(self) -> bool:
        """True if less came than was said, beyond chance: an edge that has vanished shows here first."""
        return self.is_judged and self.lean < -BEYOND_CHANCE


@dataclass(frozen=True, kw_only=True)
class Scoreboard:
    """Scores of forecasts, by measure; those of buy and hold apart."""

    lines: Sequence[BoardLine]
    last: Sequence[ScoredForecast]  # total returns that became known last, the newest first
    followed: Sequence[FollowedSet]  # since their first forecasts, the least beside what was said first
    n_open: int  # that wait for their bars
    n_unknowable: int
    n_hindsight: int  # made when their bars were known
    next_day: date | None  # when the first of the open ones is known

    @property
    def below(self) -> Sequence[FollowedSet]:
        """Sets that made less than their first forecast said, beyond chance."""
        return [each for each in self.followed if each.is_below]

    @property
    def is_empty(self) -> bool:
        """True if no forecast is kept."""
        return not (self.lines or self.n_open or self.n_unknowable or self.n_hindsight)

    @property
    def headline(self) -> BoardLine | None:
        """The line of strategies' total returns; None where none is scored."""
        wanted = (ForecastMeasure.TOTAL_RETURN, False)
        return next((line for line in self.lines if (line.measure, line.is_hold) == wanted), None)


def scoreboard(rows: Iterable[ScoredForecast]) -> Scoreboard:
    """Return the scores of rows, in whatever order they come."""
    told = sorted(rows, key=lambda row: (row.target_date, row.as_of, row.made_at, row.forecast_id))
    counted = [row for row in told if row.realised is not None and not row.is_hindsight]
    groups: dict[tuple[bool, ForecastMeasure], list[ScoredForecast]] = {
        (is_hold, measure): [] for is_hold in (False, True) for measure in ForecastMeasure
    }
    for row in counted:
        groups[row.kind is ForecastOf.HOLD, row.measure].append(row)
    returns = groups[False, ForecastMeasure.TOTAL_RETURN]
    waiting = [row for row in told if row.realised is None and not row.closed]
    return Scoreboard(
        lines=[_line(measure, is_hold, found) for (is_hold, measure), found in groups.items() if found],
        last=returns[: -_LAST - 1 : -1],
        followed=followed_sets(told),
        n_open=_n_horizons(waiting),
        n_unknowable=_n_horizons(row for row in told if row.closed and row.realised is None),
        n_hindsight=_n_horizons(row for row in told if row.realised is not None and row.is_hindsight),
        next_day=waiting[0].target_date if waiting else None,
    )


def _n_horizons(rows: Iterable[ScoredForecast]) -> int:
    """Number of forecasts by horizon, whatever the number of their measures."""
    return len({(row.forecast_id, row.horizon_bars) for row in rows})


def _line(measure: ForecastMeasure, is_hold: bool, rows: Sequence[ScoredForecast]) -> BoardLine:
    apart = _apart(rows)
    naive = np.array([row.crps_naive for row in rows], dtype=np.float64)
    skill = scores.skill(np.array([row.crps for row in rows], dtype=np.float64), naive)
    return BoardLine(
        measure=measure,
        is_hold=is_hold,
        n_scored=len(rows),
        n=len(apart),
        inside_50=sum(bool(row.inside_50) for row in apart),
        inside_90=sum(bool(row.inside_90) for row in apart),
        luck_50=scores.luck_range(len(apart), 0.5),
        luck_90=scores.luck_range(len(apart), 0.9),
        skill=skill if np.isfinite(skill) else None,
        lean=scores.lean([row.pit for row in apart if row.pit is not None]),
    )


def _apart(rows: Iterable[ScoredForecast]) -> Sequence[ScoredForecast]:
    """Return rows whose horizons do not overlap with another's of the same symbols, as they end."""
    groups: dict[tuple[str, ...], list[ScoredForecast]] = {}
    for row in rows:
        groups.setdefault(row.symbols, []).append(row)
    found = list[ScoredForecast]()
    for same in groups.values():
        spans = [(row.as_of.toordinal() + 1, row.target_date.toordinal()) for row in same]
        found += [same[place] for place in scores.non_overlapping(spans)]
    return sorted(found, key=lambda row: (row.target_date, row.as_of))


def is_outside_expected(rows: Sequence[ScoredForecast]) -> bool:
    """Return True if what a champion did was outside what was forecast of it.

    Its return left the 90 % band in the last two forecasts whose horizons do not overlap, or a drawdown since was
    below the 1 % quantile of its forecast.
    """
    known = sorted((row for row in rows if row.realised is not None), key=lambda row: (row.target_date, row.as_of))
    known = [row for row in known if row.kind is not ForecastOf.HOLD and not row.is_hindsight]
    last = _apart(row for row in known if row.measure is ForecastMeasure.TOTAL_RETURN)[-2:]
    drawdowns = [row for row in known if row.measure is ForecastMeasure.MAX_DRAWDOWN]
    left_twice = len(last) == 2 and not any(row.inside_90 for row in last)
    return left_twice or any(row.realised is not None and row.realised < row.least for row in drawdowns[-1:])
