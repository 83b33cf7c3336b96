"""Champion and challenger, and what was found between them."""

from datetime import date
from enum import StrEnum, auto

from optimizer.domain.space import Value
from optimizer.domain.study_request import Frozen, renamed
from optimizer.domain.study_results import Interval, Measure, Measures


class Decision(StrEnum):
    """What to do with the champion; it stays in two of three cases."""

    KEEP = auto()
    SWITCH = auto()
    CANT_TELL = auto()


class DecisionReason(StrEnum):
    """Why."""

    SAME = auto()  # the search found the champion's set again, or one that acts alike
    BEHIND = auto()  # the challenger did no better
    AHEAD = auto()  # so clearly better that luck is a poor explanation
    TOO_FEW_BARS = auto()
    MAYBE_LUCK = auto()  # ahead, but luck could do it


class Challenge(Frozen):
    """Champion against challenger over the same unseen bars, with the same costs. Differences are annual fractions."""

    decision: Decision
    reason: DecisionReason = renamed("reason", "ground")
    start: date | None  # None: not one common unseen bar
    end: date | None
    n_bars: int
    n_bars_needed: int | None  # how many more would tell; None where none are needed or no number would do
    champion: Measures
    challenger: Measures
    buy_and_hold: Measures = renamed("buy_and_hold", "hold")
    difference: Measure  # mean return a year of the challenger less the champion's
    interval: Interval | None  # of the difference, 90 %
    probability: Measure  # share of resamples in which the challenger is ahead


class Rival(Frozen):
    """The champion as a challenger's worker is told of it."""

    params: dict[str, Value]
    allow_short: bool
    unseen_from: date  # the first day that its own search did not see
