"""Labels of regimes as conditions read them: made once of the same bars, one value at each close.

A bar without a label – in the first year, or where the price stands still – counts as calm for a split, so that no
exit is lost there, and opens nothing through a gate.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from optimizer.domain.bars import Bars, FloatArray
from optimizer.domain.metrics import periods_per_year
from optimizer.domain.results.regime_results import TooFewForRegimes
from optimizer.indicators.conditions import Conditions
from optimizer.lazy import LazyModule

if TYPE_CHECKING:
    from optimizer.learned import regimes
else:
    regimes = LazyModule("optimizer.learned.regimes")

Labels = NDArray[np.int8]

#: Word of the gate that is always open.
ANY_REGIME = "any"
#: Regimes that are stress.
STRESSED = ("bearish", "volatile")
#: Word of a gate, and the regimes in which it lets positions open; None is every bar.
GATES: Mapping[str, tuple[str, ...] | None] = MappingProxyType(
    {
        ANY_REGIME: None,
        "no-bear": ("bullish", "volatile", "sideways"),
        "no-storm": ("bullish", "bearish", "sideways"),
        "calm": ("bullish", "sideways"),
        "bull": ("bullish",),
    }
)


def labels_of(bars: Bars) -> Labels:
    """Label of each bar as its place in `regimes.ORDER`, −1 where there is none, (n_bars,)."""
    try:
        return regimes.remembered(bars).labels
    except TooFewForRegimes:
        return np.full(len(bars), -1, dtype=np.int8)


def is_one_of(labels: Labels, names: tuple[str, ...]) -> NDArray[np.bool_]:
    """Bars whose label is one of these regimes, (n_bars,)."""
    wanted = [place for place, regime in enumerate(regimes.ORDER) if regime in names]
    return np.isin(labels, wanted)


def n_before_labels(bars: Bars) -> int:
    """Bars before the first one that has a label."""
    return round(periods_per_year(bars))


def stress(conditions: Conditions, _: int) -> FloatArray:
    """1 at the close of each bar in stress, else 0."""
    return is_one_of(labels_of(conditions.bars), STRESSED).astype(np.float64)


def gate(conditions: Conditions, word: str) -> FloatArray:
    """1 at the close of each bar at which a gate is open, else 0."""
    names = GATES[word]
    if names is None:
        return np.ones(len(conditions.bars))
    return is_one_of(labels_of(conditions.bars), names).astype(np.float64)
