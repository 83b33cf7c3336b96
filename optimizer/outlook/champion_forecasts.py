"""Forecasts made now of sets that are in use: from their studies' unseen days, and the bars that came since."""

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

import numpy as np

from optimizer.domain.bars import Bars, FloatArray, TimeArray
from optimizer.domain.kept_forecasts import UnseenPart
from optimizer.domain.results.forecast_results import Forecast, ForecastOf
from optimizer.domain.study_results import StudySummary
from optimizer.outlook.forecasts import DatedReturns, expected_dates, forecast_of, joint_forecast_of, unseen_returns
from optimizer.outlook.realised import Player


class _Unseen(NamedTuple):
    """Unseen returns of a part beyond cash with their times, cash's mean a bar, and its bars."""

    returns: FloatArray
    times: TimeArray
    interest: float
    periods_per_year: float
    hold: FloatArray  # buy and hold's returns over all bars
    bars: Bars


def forecast_parts(
    player: Player, parts: Sequence[UnseenPart], summaries: Sequence[StudySummary], *, of: ForecastOf
) -> Forecast:
    """Forecast one set, or several in equal parts, from the close of their last bar on.

    Raises TooFewUnseen, NeverHeld, or what reading bars does.
    """
    each = [_unseen(player, part, summary) for part, summary in zip(parts, summaries, strict=True)]
    longest = max((one.bars for one in each), key=lambda bars: bars.time[-1])
    facts = {
        "as_of": longest.time[-1].astype("datetime64[D]").item(),
        "target_dates": expected_dates(longest, last=len(longest) - 1),
        "periods_per_year": max(one.periods_per_year for one in each),
        "naive_returns": _mean_hold(each),
        "seed": parts[0].played.part.spec.seed,
        "interest": float(np.mean([one.interest for one in each])),
    }
    if len(each) == 1:
        return forecast_of(each[0].returns, of=of, **facts)
    return joint_forecast_of([DatedReturns(times=one.times, returns=one.returns) for one in each], **facts)


def _unseen(player: Player, part: UnseenPart, summary: StudySummary) -> _Unseen:
    """Return the stitched folds of a part's study, then what its set made from its first unseen bar on."""
    bars = player.bars_of(part.played)
    since = player.returns_after(part.played, ForecastOf.CHAMPION, part.unseen_from - timedelta(days=1))
    hold = player.returns_after(part.played, ForecastOf.HOLD, bars.time[0].astype("datetime64[D]").item())
    returns = unseen_returns(summary, since.returns)
    folds = np.array(summary.walk_forward.dates if summary.walk_forward else (), dtype="datetime64[ns]")
    times = np.concatenate([folds, since.times])[-len(returns) :]
    interest = float(since.interest.mean()) if len(since.interest) else 0.0
    return _Unseen(returns, times, interest, hold.periods_per_year, hold.returns, bars)


def _mean_hold(each: Sequence[_Unseen]) -> FloatArray:
    """Return buy and hold's returns over the bars that all parts have."""
    n_bars = min(len(one.hold) for one in each)
    return np.asarray(np.mean([one.hold[-n_bars:] for one in each], axis=0), dtype=np.float64)
