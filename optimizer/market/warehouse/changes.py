"""Changes that a delivery made to stored bars."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum, auto

import numpy as np

from optimizer.domain.bars import FloatArray
from optimizer.market.raw_bars import SPLIT_STEP, SeriesKey

#: Relative difference above which two prices or volumes are different.
TOLERANCE = 1e-6
#: The same for factors: sources recompute adjusted closes for each answer; the smallest dividend is far above this.
FACTOR_TOLERANCE = 2e-5


class ChangeKind(StrEnum):
    """Reason why a delivered history differs from the stored one."""

    NONE = auto()  # nothing stored was changed
    SPLIT = auto()  # prices moved by one ratio
    DIVIDEND = auto()  # only adjustment factors moved
    CORRECTION = auto()  # single bars were corrected
    VOLUME = auto()  # only volumes were corrected
    ADDED = auto()  # bars came between stored ones
    REMOVED = auto()  # stored bars were taken away


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


@dataclass(frozen=True, kw_only=True)
class BarChange:
    """Change of bars that were stored before, of one kind, as the warehouse records it."""

    symbol: str
    timeframe: str
    source: str
    found_at: datetime  # UTC
    kind: ChangeKind
    first: datetime  # time of the first changed bar, UTC
    last: datetime
    n_bars: int
    largest: float | None = None  # largest relative change of the adjusted close; None: bars were added or removed
    changes_returns: bool  # False: every bar moved by the same factor, or only volumes, which no strategy reads

    @property
    def key(self) -> SeriesKey:
        """Key of the series."""
        return SeriesKey(self.symbol, self.timeframe, self.source)

    @property
    def days(self) -> tuple[date, date]:
        """First and last day whose returns changed; bars that moved together changed the one after the last of them."""
        is_together = self.kind in (ChangeKind.SPLIT, ChangeKind.DIVIDEND)
        return (self.last if is_together else self.first).date(), self.last.date()


def as_utc(time: np.datetime64) -> datetime:
    """Moment of a bar."""
    moment: datetime = time.astype("datetime64[us]").item()
    return moment.replace(tzinfo=UTC)


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
