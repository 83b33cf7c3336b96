"""Returns of a benchmark of one's choice over a study's bars: a stored symbol, a blend of several, or cash."""

from collections.abc import Mapping, Sequence

import numpy as np

from optimizer.domain.bars import Bars, FloatArray
from optimizer.domain.study_request import BenchmarkPart, share_of_cash
from optimizer.engine.cash import last_closes


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
