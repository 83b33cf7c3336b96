"""Kinds of markets over a study's window, for its summary."""

import numpy as np

from optimizer.domain.bars import Bars
from optimizer.domain.results.regime_results import RegimeRun, StudyRegime, TooFewForRegimes
from optimizer.learned.regimes import ORDER, Regimes, remembered
from optimizer.validation.window import WindowRows, day_of

#: Most bars whose kinds are computed with a study: the model takes a second for 50,000.
MOST_BARS = 30_000


def study_regime(bars: Bars, rows: WindowRows) -> StudyRegime | None:
    """Return the labels of a window of adjusted bars, each from bars up to its own.

    None where the last bar has none, and for bars that are too few, or so many that a study would wait for it.
    """
    if len(bars) > MOST_BARS:
        return None
    try:
        found = remembered(bars)
    except TooFewForRegimes:
        return None
    last = rows.stop - 1
    regime = found.label_at(last)
    if regime is None:
        return None
    since = found.since(last)
    return StudyRegime(
        regime=regime,
        confidence=float(found.probabilities[last, ORDER.index(regime)]),
        since=day_of(bars, since),
        n_bars=last - since + 1,
        before=found.label_at(since - 1),
        runs=_runs(found, bars, rows),
    )


def _runs(found: Regimes, bars: Bars, rows: WindowRows) -> tuple[RegimeRun, ...]:
    labels = found.labels[rows.start : rows.stop]
    begins = [0, *(np.flatnonzero(np.diff(labels)) + 1).tolist()]
    return tuple(
        RegimeRun(start=day_of(bars, rows.start + begin), regime=found.label_at(rows.start + begin)) for begin in begins
    )
