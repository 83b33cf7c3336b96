"""Other series over a study's bars: the worth of cash at each close, and the returns of a benchmark."""

from collections.abc import Mapping, Sequence

import numpy as np

from optimizer.domain.bars import Bars, FloatArray
from optimizer.domain.study_request import Account, BenchmarkPart, share_of_cash

_PERCENT = 0.01


def cash_values(bars: Bars, account: Account, yields: Bars | None, periods_per_year: float) -> FloatArray:
    """(n_bars,) worth of cash at each close, 1.0 at the first one, at a fixed rate or at the yield of another series.

    Each bar earns a part of the rate of a year such that a year of bars earns all of it. Of `yields`, whose closes are
    percent a year, a bar earns what was known at the close before it; before the first of them it earns nothing.
    """
    if yields is None and not account.interest:
        return np.ones(len(bars))
    if yields is None:
        return np.asarray((1.0 + account.interest) ** (np.arange(len(bars)) / periods_per_year))
    known = last_closes(yields, bars)[:-1]
    rates = np.where(np.isnan(known), 0.0, known * _PERCENT)
    return np.concatenate([[1.0], np.cumprod((1.0 + rates) ** (1.0 / periods_per_year))])


def benchmark_returns(
    parts: Sequence[BenchmarkPart], bars: Bars, companions: Mapping[str, Bars], *, start: int, interest: FloatArray
) -> FloatArray:
    """Returns of a benchmark beyond those of cash, `interest` (n,), over the n bars from row `start` on.

    A blend is rebalanced at every close, and may be in cash in part. On a bar without a bar of a part that part does
    not move.
    """
    if not parts:
        return np.zeros(len(interest))
    moved = np.zeros(len(bars))
    for part in parts:
        close = last_closes(companions[part.symbol], bars)
        moved[1:] += part.weight * np.nan_to_num(close[1:] / close[:-1] - 1.0)
    return moved[start : start + len(interest)] - (1.0 - share_of_cash(parts)) * interest


def last_closes(series: Bars, bars: Bars) -> FloatArray:
    """(n_bars,) last close of another series at the time of each bar, NaN before its first one."""
    at = np.searchsorted(series.time, bars.time, side="right") - 1
    return np.where(at >= 0, series.close[np.maximum(at, 0)], np.nan)
