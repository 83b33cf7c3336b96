"""Forecasts of a measure over the next bars, as a study, a champion or a portfolio carries them.

A forecast is a set of quantiles, so that it can be scored once the bars are there. All types are frozen.
"""

from datetime import date
from enum import StrEnum, auto

from optimizer.domain.measured import Measure
from optimizer.domain.study_request import Frozen

#: Levels of the quantiles of every forecast, in their order.
LEVELS = (0.01, 0.025, 0.05, *(round(0.05 * step, 2) for step in range(2, 19)), 0.95, 0.975, 0.99)
#: A mean over blocks is less certain than its resamples say, by this share of a block's part of all bars.
BLOCK_SHARE = 1.5


class ForecastOf(StrEnum):
    """What a forecast is about."""

    WINNER = auto()  # of a study
    HOLD = auto()  # buy and hold of the study's bars
    CHAMPION = auto()  # adopted, over its unseen days and those since
    PORTFOLIO = auto()  # several champions, or the symbols of a basket, in equal parts


class NoForecast(StrEnum):
    """Reason why a finished study has no forecast."""

    NO_WINNER = auto()  # no set qualified
    NOTHING_UNSEEN = auto()  # neither folds nor a holdout
    TOO_FEW_UNSEEN = auto()
    NEVER_HELD = auto()  # on no unseen bar


class ForecastMeasure(StrEnum):
    """Measure that is forecast; fractions are fractions, drawdowns ≤ 0, volatility is annual."""

    TOTAL_RETURN = auto()
    SHARPE_RATIO = auto()
    MAX_DRAWDOWN = auto()
    ANNUAL_VOLATILITY = auto()


class MeasureForecast(Frozen):
    """Quantiles of one measure at `LEVELS`, and those of the naive twin that it is scored against."""

    measure: ForecastMeasure
    quantiles: tuple[Measure, ...]
    naive: tuple[Measure, ...]
    mean: Measure


class HorizonForecast(Frozen):
    """Forecast of every measure over the next `n_bars` bars."""

    n_bars: int
    target_date: date  # expected of the last of these bars; a score counts bars
    p_loss: float  # share of paths that lose
    measures: tuple[MeasureForecast, ...]


class Forecast(Frozen):
    """Forecasts made at the close of one bar, from days that no choice had seen."""

    of: ForecastOf
    as_of: date
    n_days: int  # unseen bars it rests on
    block: float  # mean length of the resampled stretches, bars
    seed: int
    version: int
    horizons: tuple[HorizonForecast, ...]
