"""Long series of a summary in fewer points: what is stored stays small, however many bars a study has."""

from itertools import pairwise

import numpy as np

from optimizer.domain.bars import FloatArray, TimeArray
from optimizer.domain.study_results import Curve, WalkForward

#: Most points of a stored series: forty years of daily bars, and more than a picture is wide.
MOST_POINTS = 10_000


def thin_curve(times: TimeArray, winner: FloatArray, buy_and_hold: FloatArray) -> Curve:
    """Return both equities (n_bars,) in at most MOST_POINTS points, the highs and lows of the winner among them."""
    rows = telling_rows(winner)
    return Curve(
        dates=tuple(times[rows].astype("datetime64[D]").tolist()),
        winner=tuple(winner[rows].tolist()),
        buy_and_hold=tuple(buy_and_hold[rows].tolist()),
    )


def thin_walk_forward(walk: WalkForward | None) -> WalkForward | None:
    """Return a walk-forward with at most MOST_POINTS returns, each over a stretch that ends at its date."""
    if walk is None or len(walk.dates) <= MOST_POINTS:
        return walk
    first = _firsts(len(walk.dates), MOST_POINTS)
    last = np.append(first[1:], len(walk.dates)) - 1
    growth = np.multiply.reduceat(1.0 + np.array(walk.returns), first)
    return walk.model_copy(
        update={"returns": tuple((growth - 1.0).tolist()), "dates": tuple(walk.dates[row] for row in last)}
    )


def telling_rows(values: FloatArray) -> "np.ndarray[tuple[int], np.dtype[np.intp]]":
    """Return at most MOST_POINTS rows: all, or the first, the last, and the highest and lowest of each stretch."""
    if len(values) <= MOST_POINTS:
        return np.arange(len(values))
    first = _firsts(len(values), (MOST_POINTS - 2) // 2)
    bounds = [*first.tolist(), len(values)]
    rows = {0, len(values) - 1}
    for low, high in pairwise(bounds):
        stretch = values[low:high]
        rows |= {low + int(stretch.argmax()), low + int(stretch.argmin())}
    return np.array(sorted(rows), dtype=np.intp)


def _firsts(n: int, most: int) -> "np.ndarray[tuple[int], np.dtype[np.intp]]":
    """Return the first row of each of `most` stretches of `n` rows, of lengths as equal as they can be."""
    return np.unique(np.linspace(0, n, most, endpoint=False).astype(np.intp))
