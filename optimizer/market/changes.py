"""What a delivery changed in the bars already stored."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum, auto

import numpy as np

from optimizer.series import FloatArray

#: Relative difference from which two prices, volumes or factors are not the same.
TOLERANCE = 1e-6


class ChangeKind(StrEnum):
    """Why history differs from what was stored."""

    NONE = auto()  # nothing stored was changed
    SPLIT = auto()  # prices moved by one ratio
    DIVIDEND = auto()  # only adjustment factors moved
    CORRECTION = auto()  # single bars were mended


@dataclass(frozen=True, kw_only=True)
class Changes:
    """The result of one delivery for one series."""

    symbol: str
    timeframe: str
    source: str
    n_new: int = 0
    n_same: int = 0
    n_changed: int = 0
    kind: ChangeKind = ChangeKind.NONE
    ratio: float = 1.0  # new price over old, for a split
    first_changed: datetime | None = None  # UTC
    last_changed: datetime | None = None

    @property
    def is_history_changed(self) -> bool:
        """Whether bars that were already stored are different now."""
        return self.n_changed > 0


def kind_of(old_close: FloatArray, new_close: FloatArray) -> tuple[ChangeKind, float]:
    """Why the bars with these closes differ, and the ratio of new to old.

    The closes of all changed bars, before and after: one common ratio is a split, none at all a change of factors.
    """
    if not len(old_close):
        return ChangeKind.NONE, 1.0
    ratios = new_close / old_close
    ratio = float(np.median(ratios))
    if np.abs(ratios - 1).max() <= TOLERANCE:
        return ChangeKind.DIVIDEND, 1.0
    # A source rounds its prices, so the ratio of a split wobbles; a single bar is a correction.
    if len(ratios) > 1 and abs(ratio - 1) > 0.01 and np.abs(ratios / ratio - 1).max() < 0.005:
        return ChangeKind.SPLIT, ratio
    return ChangeKind.CORRECTION, ratio
