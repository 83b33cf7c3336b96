"""Changes that a delivery made to stored bars."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum, auto

import numpy as np

from optimizer.domain.bars import FloatArray
from optimizer.market.raw_bars import SPLIT_STEP

#: Relative difference above which two prices, volumes or factors are different.
TOLERANCE = 1e-6


class ChangeKind(StrEnum):
    """Reason why a delivered history differs from the stored one."""

    NONE = auto()  # nothing stored was changed
    SPLIT = auto()  # prices moved by one ratio
    DIVIDEND = auto()  # only adjustment factors moved
    CORRECTION = auto()  # single bars were corrected


@dataclass(frozen=True, kw_only=True)
class Changes:
    """Result of one delivery for one series."""

    symbol: str
    timeframe: str
    source: str
    n_new: int = 0
    n_same: int = 0
    n_changed: int = 0
    n_dropped: int = 0  # stored bars that are missing from a full re-read, or from a file in its span
    n_rescaled: int = 0  # stored bars before the delivery that moved with those it changed
    n_left_out: int = 0  # days without a trade that the source lists
    kind: ChangeKind = ChangeKind.NONE
    ratio: float = 1.0  # new price over old, for a split
    first_changed: datetime | None = None  # UTC
    last_changed: datetime | None = None
    first_dropped: datetime | None = None

    @property
    def is_history_changed(self) -> bool:
        """True if stored bars were changed."""
        return self.n_changed > 0


def kind_of(closes: FloatArray, factors: FloatArray) -> tuple[ChangeKind, float]:
    """Kind of a change and its ratio, from the ratios new to old of the closes and of the factors.

    One common ratio of the closes is a split, and so is a large one of the factors alone; a small one
    of the factors alone is a dividend, anything else a correction.
    """
    if not len(closes):
        return ChangeKind.NONE, 1.0
    if np.abs(closes - 1).max() > TOLERANCE:
        ratio = float(np.median(closes))
        return (ChangeKind.SPLIT if _is_common(closes, ratio) else ChangeKind.CORRECTION), ratio
    ratio = float(np.median(factors))
    if np.abs(factors - 1).max() <= TOLERANCE:
        return ChangeKind.CORRECTION, 1.0
    return (ChangeKind.SPLIT if abs(np.log(ratio)) > np.log1p(SPLIT_STEP) else ChangeKind.DIVIDEND), ratio


def _is_common(ratios: FloatArray, ratio: float) -> bool:
    # Sources round their prices, so the ratios of a split vary a little; a single bar is a correction.
    return len(ratios) > 1 and abs(ratio - 1) > 0.01 and bool(np.abs(ratios / ratio - 1).max() < 0.005)
