"""Forecasts and their scores with round numbers, for tests of what is told of them."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np

from optimizer.domain.kept_forecasts import ScoredForecast
from optimizer.domain.results.forecast_results import (
    LEVELS,
    Forecast,
    ForecastMeasure,
    ForecastOf,
    HorizonForecast,
    MeasureForecast,
)

AS_OF, TARGET = date(2012, 10, 31), date(2012, 12, 3)
#: Centre and half the width of each measure's quantiles.
SHAPES = {
    ForecastMeasure.TOTAL_RETURN: (0.03, 0.12),
    ForecastMeasure.SHARPE_RATIO: (0.8, 3.0),
    ForecastMeasure.MAX_DRAWDOWN: (-0.08, 0.07),
    ForecastMeasure.ANNUAL_VOLATILITY: (0.18, 0.08),
}


def measure(name: ForecastMeasure) -> MeasureForecast:
    """A symmetric forecast, and a naive twin that is twice as wide."""
    centre, width = SHAPES[name]
    steps = np.linspace(-1.0, 1.0, len(LEVELS))
    return MeasureForecast(
        measure=name,
        quantiles=tuple((centre + width * steps).tolist()),
        naive=tuple((centre + 2 * width * steps).tolist()),
        mean=centre,
    )


def without(name: ForecastMeasure) -> MeasureForecast:
    """A measure that does not exist on every path."""
    return MeasureForecast(measure=name, quantiles=(None,) * len(LEVELS), naive=(0.0,) * len(LEVELS), mean=None)


def forecast(of: ForecastOf = ForecastOf.WINNER, *, as_of: date = AS_OF, has_sharpe: bool = True) -> Forecast:
    """A forecast of every measure over 21 and 63 bars."""
    measures = tuple(
        measure(name) if has_sharpe or name is not ForecastMeasure.SHARPE_RATIO else without(name)
        for name in ForecastMeasure
    )
    horizons = tuple(
        HorizonForecast(n_bars=n, target_date=as_of + timedelta(days=days), p_loss=0.37, measures=measures)
        for n, days in ((21, 33), (63, 92))
    )
    return Forecast(of=of, as_of=as_of, n_days=512, block=10.0, seed=7, version=1, horizons=horizons)


def scored(place: int = 0, *, value: float | None = 0.041, **changes: Any) -> ScoredForecast:
    """A row of the scoreboard; those of further places follow, 21 bars and 33 days later each."""
    as_of = AS_OF + timedelta(days=33 * place)
    low, high = -0.06, 0.13
    fields = {
        "forecast_id": f"f{place}", "kind": ForecastOf.WINNER, "study_name": "opt-7f3a", "symbols": ("AAPL",),
        "strategy_name": "rsi", "created_by": "U1", "audience": "workspace", "team": "",
        "measure": ForecastMeasure.TOTAL_RETURN, "horizon_bars": 21,
        "made_at": datetime.combine(as_of, datetime.min.time(), UTC) + timedelta(hours=22), "as_of": as_of,
        "target_date": as_of + timedelta(days=33), "low": low, "median": 0.03, "high": high, "least": -0.09,
        "n_days": 512, "block": 10.0,
        "realised": value, "scored_at": None, "pit": None, "crps": None, "crps_naive": None, "inside_50": None,
        "inside_90": None, "closed": "",
    }  # fmt: skip
    if value is not None:
        fields |= {
            "scored_at": datetime(2013, 1, 1, tzinfo=UTC), "pit": 0.6, "crps": 0.01, "crps_naive": 0.0125,
            "inside_50": abs(value - 0.03) < 0.03, "inside_90": low <= value <= high,
        }  # fmt: skip
    return ScoredForecast(**{**fields, **changes})
