"""Forecasts as they are kept until their bars are there: one row per forecast, horizon and measure, and its score.

What was forecast is kept beside the figures, so that a row can be scored after its study is gone. All types are frozen.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from optimizer.domain.measured import Measure
from optimizer.domain.results.forecast_results import LEVELS, Forecast, ForecastMeasure, ForecastOf
from optimizer.domain.space import Value
from optimizer.domain.study_request import Frozen, StudySpec


class ForecastPart(Frozen):
    """Request and parameters that one part of a forecast is about; the parts of several are held in equal parts."""

    study_name: str
    spec: StudySpec
    params: dict[str, Value]
    source: str  # of the bars; several names where its symbols have several


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What a forecast is about, who may see it, and by which bars and code it was made."""

    parts: tuple[ForecastPart, ...]
    data_hash: str
    code_version: str
    created_by: str
    audience: str
    team: str

    @property
    def study_name(self) -> str:
        """Name of the study; of several, joined by `+`."""
        return "+".join(part.study_name for part in self.parts)

    @property
    def symbols(self) -> tuple[str, ...]:
        """Symbols of all parts, each once."""
        return tuple(dict.fromkeys(symbol for part in self.parts for symbol in part.spec.symbols))


@dataclass(frozen=True, kw_only=True)
class ForecastRow:
    """One forecast of one measure over one horizon, not scored yet."""

    forecast_id: str
    horizon_bars: int
    measure: ForecastMeasure
    kind: ForecastOf
    as_of: date
    target_date: date
    parts: tuple[ForecastPart, ...]
    quantiles: tuple[float, ...]  # at LEVELS
    naive: tuple[float, ...]  # of the naive twin, at LEVELS


class PlayedPart(Frozen):
    """Part of a forecast with the snapshots of its bars."""

    part: ForecastPart
    data_hashes: tuple[str, ...]  # of each of its symbols, on the same dates
    companion_hashes: tuple[str, ...] = ()  # of the spec's companions, in their order


class Play(Frozen):
    """Request to play what was forecast over the `n_bars` bars after the day `after`."""

    kind: Literal["play"] = "play"
    of: ForecastOf
    after: date
    n_bars: int
    parts: tuple[PlayedPart, ...]


class UnseenPart(Frozen):
    """Part of a forecast that is made now: its study's unseen days, and the bars from a day on."""

    played: PlayedPart
    unseen_from: date  # first held-out bar of its study, or the first after its window


class Realised(Frozen):
    """What the bars of a horizon made of a forecast's parts."""

    measures: dict[ForecastMeasure, Measure]
    data_hash: str  # of the bars that were played


@dataclass(frozen=True, kw_only=True)
class Score:
    """Score of a row, once its bars are there."""

    forecast_id: str
    horizon_bars: int
    measure: ForecastMeasure
    realised: float
    realised_hash: str
    pit: float  # share of the forecast below what became
    crps: float
    crps_naive: float
    inside_50: bool
    inside_90: bool


@dataclass(frozen=True, kw_only=True)
class ScoredForecast:
    """Row as the scoreboard reads it: what was said, and what became of it."""

    forecast_id: str
    kind: ForecastOf
    study_name: str
    symbols: tuple[str, ...]
    strategy_name: str
    created_by: str
    audience: str
    team: str
    measure: ForecastMeasure
    horizon_bars: int
    made_at: datetime
    as_of: date
    target_date: date
    low: float  # 5 % quantile
    median: float
    high: float  # 95 % quantile
    least: float  # 1 % quantile
    n_days: int  # unseen bars that it rests on
    block: float  # mean length of the resampled stretches, bars
    realised: float | None  # None: not known yet
    scored_at: datetime | None
    pit: float | None
    crps: float | None
    crps_naive: float | None
    inside_50: bool | None
    inside_90: bool | None
    closed: str  # why it will never be scored; empty: it may be

    @property
    def is_hindsight(self) -> bool:
        """True if its bars were there when it was made, so that it foretold nothing."""
        return self.made_at.date() > self.target_date


def forecast_id(forecast: Forecast, parts: Sequence[ForecastPart]) -> str:
    """Return the id of a forecast: the same one is made only once."""
    played = [[part.study_name, sorted(part.params.items())] for part in parts]
    text = json.dumps([str(forecast.of), played, f"{forecast.as_of}", forecast.version], default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def rows_of(forecast: Forecast, subject: Subject) -> list[ForecastRow]:
    """Return the rows of a forecast; a measure that does not exist on every path has none."""
    name = forecast_id(forecast, subject.parts)
    return [
        ForecastRow(
            forecast_id=name,
            horizon_bars=horizon.n_bars,
            measure=each.measure,
            kind=forecast.of,
            as_of=forecast.as_of,
            target_date=horizon.target_date,
            parts=subject.parts,
            quantiles=quantiles,
            naive=naive,
        )
        for horizon in forecast.horizons
        for each in horizon.measures
        if (quantiles := _known(each.quantiles)) and (naive := _known(each.naive))
    ]


def _known(quantiles: Sequence[Measure]) -> tuple[float, ...]:
    """Return the quantiles; none where one is missing."""
    known = tuple(each for each in quantiles if each is not None)
    return known if len(known) == len(LEVELS) else ()
