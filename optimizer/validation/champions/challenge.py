"""Types of the comparison of a champion with a challenger."""

from datetime import date
from enum import StrEnum, auto

from optimizer.domain.measured import Measure
from optimizer.domain.space import Value
from optimizer.domain.study_request import Frozen, renamed
from optimizer.domain.study_results import Interval, Measures


class Decision(StrEnum):
    """Decision about the champion, which stays in two of three cases."""

    KEEP = auto()
    SWITCH = auto()
    CANT_TELL = auto()


class DecisionReason(StrEnum):
    """Reason of a decision."""

    SAME = auto()  # the search found the champion's set again, or one with equal returns
    BEHIND = auto()  # the challenger is not better
    AHEAD = auto()  # so clearly better that luck is unlikely
    TOO_FEW_BARS = auto()
    MAYBE_LUCK = auto()  # ahead, but luck could explain it


class Challenge(Frozen):
    """Comparison over the same unseen bars, with the same costs. Differences are annual fractions."""

    decision: Decision
    reason: DecisionReason = renamed("reason", "ground")
    start: date | None  # None: no common unseen bar
    end: date | None
    n_bars: int
    n_bars_needed: int | None  # further bars for a decision; None where none are needed or no number would do
    champion: Measures
    challenger: Measures
    buy_and_hold: Measures = renamed("buy_and_hold", "hold")
    difference: Measure  # mean annual return of the challenger less the champion's
    interval: Interval | None  # of the difference, 90 %
    probability: Measure  # share of resamples in which the challenger is ahead


class Rival(Frozen):
    """Champion as sent to the worker of a challenger."""

    params: dict[str, Value]
    allow_short: bool
    unseen_from: date  # first day after the bars of its own search
