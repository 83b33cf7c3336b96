"""Faults in adjustment: steps of the factor that the price as traded does not follow."""

import numpy as np

from optimizer.market.quality.data_findings import DataFinding, Severity
from optimizer.market.quality.price_faults import moment, past_scale, rows
from optimizer.market.raw_bars import RawBars

#: A step is judged when it is this many times the recent scale of returns, and at least this large: less is noise.
_SCALES, _LEAST = 4.0, 0.02
#: A price that makes less than this part of a step has not followed it.
_FOLLOWED = 1 / 3


def unfollowed(history: RawBars) -> list[DataFinding]:
    """Find dividends and splits in the factor without their fall (or rise) in the prices as traded."""
    if len(history) < 2 or not (np.minimum(history.open, history.close) > 0).all():
        return []
    steps = np.diff(np.log(history.factor))
    if not (np.abs(steps) > _LEAST).any():  # as of most symbols: the scale of returns takes longer than all the rest
        return []
    returns = np.diff(np.log(history.close))
    gaps = np.log(history.open[1:] / history.close[:-1])
    scale = np.nan_to_num(past_scale(returns + steps), nan=_LEAST / 2)
    followed = np.maximum(-gaps * np.sign(steps), -returns * np.sign(steps))
    is_large = np.abs(steps) > np.maximum(_LEAST, _SCALES * scale)
    return [
        DataFinding(
            kind="unfollowed",
            severity=Severity.MEDIUM,
            when=moment(history, row + 1),
            value=float(np.expm1(-steps[row])),
            facts={"move": float(np.expm1(returns[row]))},
        )
        for row in rows(is_large & (followed < _FOLLOWED * np.abs(steps)))
    ]
