"""Forecasts that a finished study carries: of its winner and of buy and hold, from the same unseen bars."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np

from optimizer.domain.bars import FloatArray
from optimizer.domain.metrics import periods_per_year
from optimizer.domain.results.forecast_results import Forecast, ForecastOf, NoForecast
from optimizer.domain.study_results import StudySummary
from optimizer.engine.multi_symbol import AnyEvaluator
from optimizer.outlook.forecasts import NeverHeld, TooFewUnseen, expected_dates, forecast_of, unseen_returns
from optimizer.validation.window import WindowRows, day_of


def with_forecasts(summary: StudySummary, evaluator: AnyEvaluator, rows: WindowRows, *, seed: int) -> StudySummary:
    """Return a summary with its forecasts as of the last bar of its window, or with the reason why it has none."""
    if summary.unmet is not None:
        return summary.model_copy(update={"no_forecast": NoForecast.NO_WINNER})
    returns = _unseen_of_winner(summary, evaluator, rows)
    return summary.model_copy(update={"n_unseen": len(returns), **_found(returns, evaluator, rows, seed)})


def _unseen_of_winner(summary: StudySummary, evaluator: AnyEvaluator, rows: WindowRows) -> FloatArray:
    if not rows.has_holdout:
        return unseen_returns(summary, np.zeros(0))
    played = evaluator.backtest(summary.winner.params, start=rows.holdout_start, stop=rows.stop)
    return unseen_returns(summary, played.returns)


def _found(returns: FloatArray, evaluator: AnyEvaluator, rows: WindowRows, seed: int) -> dict[str, Any]:
    if not len(returns):
        return {"no_forecast": NoForecast.NOTHING_UNSEEN}
    try:
        return {"forecasts": _forecasts(returns, evaluator, rows, seed)}
    except TooFewUnseen:
        return {"no_forecast": NoForecast.TOO_FEW_UNSEEN}
    except NeverHeld:
        return {"no_forecast": NoForecast.NEVER_HELD}


def _forecasts(returns: FloatArray, evaluator: AnyEvaluator, rows: WindowRows, seed: int) -> tuple[Forecast, ...]:
    """Return the winner's and hold's, with the same draws and the same twin, each in a thread of its own."""
    bars = evaluator.bars
    whole = evaluator.buy_and_hold(start=rows.start, stop=rows.stop)
    hold = evaluator.buy_and_hold(start=rows.stop - len(returns), stop=rows.stop)
    forecast = partial(
        forecast_of,
        as_of=day_of(bars, rows.stop - 1),
        target_dates=expected_dates(bars, last=rows.stop - 1),
        periods_per_year=periods_per_year(bars),
        naive_returns=whole.returns,
        seed=seed,
        interest=0.0 if whole.interest is None else float(whole.interest[-1]),
    )
    with ThreadPoolExecutor(1) as beside:
        of_hold = beside.submit(forecast, hold.returns, of=ForecastOf.HOLD)
        return forecast(returns, of=ForecastOf.WINNER), of_hold.result()
