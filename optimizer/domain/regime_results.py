"""Kinds of markets, and those of a study's window as its summary stores them. All types are frozen."""

from datetime import date
from enum import StrEnum, auto

from optimizer.domain.study_request import Frozen

#: Raised whenever the same bars get other probabilities or labels than before.
MODEL_VERSION = 1
#: A label that is no older than so many bars is worth a word before anything is opened.
RECENT_BARS = 21


class Regime(StrEnum):
    """Kind of market; their order is that of the columns of probabilities."""

    BULLISH = auto()
    BEARISH = auto()
    VOLATILE = auto()
    SIDEWAYS = auto()


class RegimeRun(Frozen):
    """Bars in a row with one label, from a day to the next run."""

    start: date
    regime: Regime | None  # None where there is no label: within the first year, or while the price stood still


class StudyRegime(Frozen):
    """Labels of a study's window, each as it could be known at its bar; they describe, and rank no set."""

    regime: Regime  # of the last bar
    confidence: float  # probability of it
    since: date
    n_bars: int  # with this label, the last one included
    before: Regime | None  # the label before it; None where it is the first
    runs: tuple[RegimeRun, ...]  # of the window

    @property
    def has_changed(self) -> bool:
        """True if the label changed within the last month of bars."""
        return self.before is not None and self.n_bars <= RECENT_BARS
