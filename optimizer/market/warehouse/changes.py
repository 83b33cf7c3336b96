"""What a delivery changed in the bars already stored."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum, auto

import numpy as np

from optimizer.domain.bars import FloatArray
from optimizer.market.raw_bars import SPLIT_STEP

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
    n_dropped: int = 0  # stored bars that a whole re-read no longer has
    kind: ChangeKind = ChangeKind.NONE
    ratio: float = 1.0  # new price over old, for a split
    first_changed: datetime | None = None  # UTC
    last_changed: datetime | None = None

    @property
    def is_history_changed(self) -> bool:
        """Whether bars that were already stored are different now."""
        return self.n_changed > 0


def kind_of(closes: FloatArray, factors: FloatArray) -> tuple[ChangeKind, float]:
    """Why bars differ, from the ratios new to old of their closes and of their factors; and the common ratio.

    One common ratio of the closes is a split, and so is one of the factors alone when it is large; a small one
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
    # A source rounds its prices, so the ratio of a split wobbles; a single bar is a correction.
    return len(ratios) > 1 and abs(ratio - 1) > 0.01 and bool(np.abs(ratios / ratio - 1).max() < 0.005)
