"""Regimes of the bars that a study will search, counted before it starts."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from optimizer.domain.bars import Bars
from optimizer.domain.results.regime_results import PlannedRegimes
from optimizer.domain.study_request import StudySpec
from optimizer.lazy import LazyModule
from optimizer.learned.regime_rows import STRESSED, labels_of, n_before_labels
from optimizer.strategies.regimes.errors import TooLittleStress
from optimizer.validation.window import WindowRows

if TYPE_CHECKING:
    from optimizer.learned import regimes
else:
    regimes = LazyModule("optimizer.learned.regimes")

#: Searched bars in stress that a second value needs: a year of sessions.
LEAST_STRESS_BARS = 252


def regime_warm_up(spec: StudySpec, bars: Bars) -> int:
    """Bars before the first one that has a label, where a word of the request needs labels; else 0."""
    return n_before_labels(bars) + 1 if spec.reads_regimes else 0


def planned_regimes(spec: StudySpec, many: Sequence[Bars], rows: WindowRows) -> PlannedRegimes | None:
    """Searched bars of each regime, of the symbol with the fewest in stress; None where no word needs labels.

    Raises TooLittleStress for a split with less than a year of them.
    """
    if not spec.reads_regimes:
        return None
    counted = min((_counted(bars, rows) for bars in many), key=lambda found: found.n_stressed)
    if spec.by_regime and counted.n_stressed < LEAST_STRESS_BARS:
        raise TooLittleStress(symbol=counted.symbol, have=counted.n_stressed, need=LEAST_STRESS_BARS)
    return counted


def _counted(bars: Bars, rows: WindowRows) -> PlannedRegimes:
    labels = labels_of(bars)[rows.start : rows.holdout_start]
    counts = {str(regime): int(np.sum(labels == place)) for place, regime in enumerate(regimes.ORDER)}
    return PlannedRegimes(symbol=bars.symbol, n_bars=counts, n_stressed=sum(counts[name] for name in STRESSED))
