"""What the HTML report shows beyond the messages: tables of measures and of trials, charts as data addresses."""

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from optimizer.domain.results.forecast_results import LEVELS, Forecast, ForecastMeasure, HorizonForecast
from optimizer.domain.study_results import Measures, StudySummary, TrialRecord, TrialState
from reports.text import numbers

#: Rows of the table of trials; more would make the page slow on a phone.
MAX_TRIALS = 2000
#: Measures that say nothing about fewer closed trades than that.
LEAST_TRADES = 10
#: Levels of a forecast that tables and the fan chart show.
_SHOWN = (0.05, 0.25, 0.5, 0.75, 0.95)
_OF_MANY_TRADES = frozenset({"sqn", "profit_factor"})


@dataclass(frozen=True)
class Column:
    """One column of the table of measures."""

    who: str  # "winner", "default", "buy_and_hold"
    where: str  # "inside", "outside": a heading's name
    measures: Measures


@dataclass(frozen=True)
class MeasureRow:
    """One measure across the columns, as text."""

    name: str
    cells: tuple[str, ...]


@dataclass(frozen=True)
class ForecastRow:
    """One horizon of a forecast: quantiles of 5, 25, 50, 75 and 95 %, as fractions."""

    n_bars: int
    until: date
    gained: tuple[float, ...]
    fall: tuple[float, ...]
    p_loss: float


def forecast_rows(forecast: Forecast) -> list[ForecastRow]:
    """Return total return and deepest drawdown at each horizon; both exist in every forecast."""
    return [
        ForecastRow(
            n_bars=horizon.n_bars,
            until=horizon.target_date,
            gained=_shown_quantiles(horizon, ForecastMeasure.TOTAL_RETURN),
            fall=_shown_quantiles(horizon, ForecastMeasure.MAX_DRAWDOWN),
            p_loss=horizon.p_loss,
        )
        for horizon in forecast.horizons
    ]


def _shown_quantiles(horizon: HorizonForecast, measure: ForecastMeasure) -> tuple[float, ...]:
    [found] = [one for one in horizon.measures if one.measure is measure]
    return tuple(float(found.quantiles[LEVELS.index(level)] or 0.0) for level in _SHOWN)


def measure_columns(summary: StudySummary) -> list[Column]:
    """Columns of winner, default set, and buy and hold, in sample and (where there is one) out of sample."""
    found = []
    for who in ("winner", "default", "buy_and_hold"):
        scored = getattr(summary, who)
        for where, measures in (("inside", scored.in_sample), ("outside", scored.out_of_sample)):
            if measures is not None:
                found.append(Column(who, where, measures))
    return found


def measure_rows(columns: Sequence[Column]) -> list[MeasureRow]:
    """Every measure with its columns; two that differ are shown different."""
    return [MeasureRow(name, _cells(name, columns)) for name in FORMATS]


def best_first(trials: Sequence[TrialRecord]) -> list[TrialRecord]:
    """Trials by value, the feasible before the infeasible before the failed; at most MAX_TRIALS."""
    return sorted(trials, key=_rank)[:MAX_TRIALS]


def as_sources(pictures: Mapping[str, bytes]) -> dict[str, str]:
    """PNG bytes as addresses that carry their own content."""
    return {name: "data:image/png;base64," + base64.b64encode(png).decode() for name, png in pictures.items()}


def _rank(trial: TrialRecord) -> tuple[bool, bool, float, int]:
    value = float("-inf") if trial.value is None else trial.value
    is_last = trial.value is None or trial.state is TrialState.FAIL
    return not trial.is_feasible, is_last, -value, trial.number


def _cells(name: str, columns: Sequence[Column]) -> tuple[str, ...]:
    values = [_shown(name, column.measures) for column in columns]
    return tuple(FORMATS[name](value, *values) for value in values)


def _shown(name: str, measures: Measures) -> Any:
    """A measure; those that a few trades decide are left out below LEAST_TRADES."""
    is_thin = name in _OF_MANY_TRADES and measures.n_trades < LEAST_TRADES
    return None if is_thin else getattr(measures, name)


def _count(value: int, *_: int) -> str:
    return numbers.count(value)


#: How each measure is read, in the order of the table.
FORMATS: dict[str, Callable[..., str]] = {
    "total_return": numbers.signed_percent,
    "cagr": numbers.signed_percent,
    "annual_volatility": numbers.percent,
    "sharpe_ratio": numbers.ratio,
    "sortino_ratio": numbers.ratio,
    "calmar_ratio": numbers.ratio,
    "max_drawdown": numbers.percent,
    "exposure": numbers.percent,
    "turnover": numbers.ratio,
    "annual_costs": numbers.percent,
    "n_trades": _count,
    "win_rate": numbers.percent,
    "profit_factor": numbers.ratio,
    "expectancy": numbers.signed_percent,
    "sqn": numbers.ratio,
    "average_trade_bars": numbers.ratio,
}
