"""Adjustment factors from what sources deliver: coefficients of splits, events, adjusted twins."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from optimizer.domain.bars import FloatArray, TimeArray
from optimizer.market.raw_bars import RawBars, split_part


def splits_to_come(coefficients: Sequence[float] | FloatArray) -> FloatArray:
    """Price multiplier of all splits after each bar, (n_bars,), from the coefficient on each bar (2.0: two for one)."""
    if not len(coefficients):
        return np.ones(0)
    later = np.cumprod(1 / np.asarray(coefficients, dtype=np.float64)[::-1])[::-1]
    return np.append(later[1:], 1.0)


def factors_from_events(days: TimeArray, events: TimeArray, factors: FloatArray) -> FloatArray:
    """Factor of each day: that of the first event after it, and 1 after the last event."""
    order = np.argsort(events, kind="stable")
    places = np.searchsorted(events[order].astype("datetime64[D]"), days.astype("datetime64[D]"), side="right")
    return np.append(factors[order], 1.0)[places]


def factors_of_days(days: TimeArray, known: TimeArray, factors: FloatArray) -> FloatArray:
    """Factor of each day from those of the days that have a daily bar; 1 after the last of them."""
    places = np.searchsorted(known.astype("datetime64[D]"), days.astype("datetime64[D]"), side="left")
    return np.append(factors, 1.0)[places]


def with_factor(traded: RawBars, adjusted: RawBars) -> RawBars:
    """Bars as traded that have an adjusted twin, with the factor between the two."""
    _, rows, twins = np.intersect1d(traded.time, adjusted.time, return_indices=True)
    history = traded.take(rows)
    factor = adjusted.close[twins] / history.close
    return replace(history, factor=factor, split=split_part(factor))
