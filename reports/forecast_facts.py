"""Facts of forecasts as messages and pages show them: a line, a table of quantiles, and how earlier ones did."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from optimizer.domain.kept_forecasts import ScoredForecast
from optimizer.domain.results.forecast_results import (
    LEVELS,
    Forecast,
    ForecastMeasure,
    ForecastOf,
    HorizonForecast,
    MeasureForecast,
)
from optimizer.domain.study_request import StudySpec
from optimizer.domain.study_results import StudySummary

#: Horizon that is shown where none is named: a quarter of daily bars.
QUARTER = 63
#: Levels of a table's columns.
SHOWN = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True, kw_only=True)
class ForecastLine:
    """One horizon of a forecast in a sentence; returns and drawdowns are fractions."""

    n_bars: int
    n_days: int  # unseen ones
    target_date: date
    low: float | None  # 5 %, median and 95 % of the total return
    median: float | None
    high: float | None
    deep: float | None  # 5 % and 95 % of the deepest drawdown
    shallow: float | None
    p_loss: float  # share of paths that lose


@dataclass(frozen=True, kw_only=True)
class QuantileRow:
    """Row of a forecast's table."""

    measure: ForecastMeasure
    values: tuple[float | None, ...]  # at SHOWN
    hold: float | None  # buy and hold's median


@dataclass(frozen=True, kw_only=True)
class ForecastFacts:
    """Forecast of a study's winner, an adopted set or several together, over one horizon."""

    names: tuple[str, ...]  # ids of the studies
    specs: tuple[StudySpec, ...]
    forecast: Forecast
    hold: Forecast | None
    n_bars: int
    earlier: Sequence[ScoredForecast] = ()  # total returns that became known, the newest first

    @property
    def line(self) -> ForecastLine:
        """The horizon in a sentence."""
        return line_of(self.forecast, self.n_bars)

    @property
    def is_used(self) -> bool:
        """True for sets that were adopted, whose bars since count."""
        return self.forecast.of in (ForecastOf.CHAMPION, ForecastOf.PORTFOLIO) and self.hold is None

    @property
    def rows(self) -> list[QuantileRow]:
        """Quantiles of each measure that exists."""
        own, hold = horizon_of(self.forecast, self.n_bars), self.hold and horizon_of(self.hold, self.n_bars)
        rows = [(each, hold and measure_of(hold, each.measure)) for each in own.measures]
        return [
            QuantileRow(
                measure=each.measure,
                values=tuple(at(each, level) for level in SHOWN),
                hold=at(beside, 0.5) if beside else None,
            )
            for each, beside in rows
            if at(each, 0.5) is not None
        ]


def main_forecast(summary: StudySummary) -> Forecast | None:
    """Return the forecast of a result's winner, or of its portfolio; None where there is none."""
    return next((each for each in summary.forecasts if each.of is not ForecastOf.HOLD), None)


def hold_forecast(summary: StudySummary) -> Forecast | None:
    """Return the forecast of buy and hold."""
    return next((each for each in summary.forecasts if each.of is ForecastOf.HOLD), None)


def forecast_line(summary: StudySummary) -> ForecastLine | None:
    """Return a result's forecast over a quarter in a sentence; None where there is none."""
    forecast = main_forecast(summary)
    return None if forecast is None else line_of(forecast, default_bars(forecast))


def default_bars(forecast: Forecast) -> int:
    """Return a quarter, or the shortest horizon of a forecast that has none."""
    known = [horizon.n_bars for horizon in forecast.horizons]
    return QUARTER if QUARTER in known else min(known)


def line_of(forecast: Forecast, n_bars: int) -> ForecastLine:
    """Return one horizon of a forecast in a sentence."""
    horizon = horizon_of(forecast, n_bars)
    returns = measure_of(horizon, ForecastMeasure.TOTAL_RETURN)
    drawdowns = measure_of(horizon, ForecastMeasure.MAX_DRAWDOWN)
    return ForecastLine(
        n_bars=n_bars,
        n_days=forecast.n_days,
        target_date=horizon.target_date,
        low=at(returns, 0.05),
        median=at(returns, 0.5),
        high=at(returns, 0.95),
        deep=at(drawdowns, 0.05),
        shallow=at(drawdowns, 0.95),
        p_loss=horizon.p_loss,
    )


def horizon_of(forecast: Forecast, n_bars: int) -> HorizonForecast:
    """Return a forecast's horizon of so many bars, which it has."""
    return next(horizon for horizon in forecast.horizons if horizon.n_bars == n_bars)


def measure_of(horizon: HorizonForecast, measure: ForecastMeasure) -> MeasureForecast:
    """Return a horizon's forecast of a measure."""
    return next(each for each in horizon.measures if each.measure is measure)


def at(forecast: MeasureForecast, level: float) -> float | None:
    """Return the quantile at one of `LEVELS`."""
    return forecast.quantiles[LEVELS.index(level)]
