"""Verdict and suggestion from the statistics: the only module with thresholds.

The thresholds are tuned by simulation, see docs/calibration.md: on random walks at most one study in ten is better
than unproven, while a planted edge of annual Sharpe ratio 2 is mostly promising or strong.
"""

from dataclasses import dataclass
from enum import StrEnum, auto

from optimizer.domain.study_results import Degenerate, Suggestion, Verdict

#: Least deflated Sharpe ratio, once luck and the market's rise are both deflated (`Luck.skill`, never above the plain
#: one), and greatest probability of overfitting of a strong and of a promising result.
STRONG_DSR, STRONG_PBO = 0.95, 0.2
PROMISING_DSR, PROMISING_PBO = 0.8, 0.5
#: Above this probability of overfitting the verdict is overfit regardless of the other figures.
OVERFIT_PBO = 0.6
#: An unproven result with at least this skill is worth more research; below, luck and market are likelier.
RESEARCH_DSR = 0.5
#: Closed trades in the searched window below which the note FEW_TRADES is given.
FEW_TRADES = 30
#: The winner is a spike when less than this share of its neighbours keeps 80 % of its value.
SPIKE_SHARE = 0.5
#: Held-out bars below which one out-of-sample figure is weak evidence.
SHORT_HOLDOUT_BARS = 126


class Note(StrEnum):
    """Caveats of a summary due to the data or the search; the narrative has a sentence for each."""

    NOTHING_FEASIBLE = auto()  # no set met the constraints: the default set replaces the winner
    FEW_TRADES = auto()  # the winner closed fewer than 30 trades in the searched window
    NO_TRADES_OUT_OF_SAMPLE = auto()  # the winner had no position in the holdout
    NO_HOLDOUT = auto()  # holdout=0 was requested: only the walk-forward, if any, is out of sample
    SHORT_HOLDOUT = auto()  # fewer than 126 bars held out
    ZERO_COSTS = auto()  # commission and slippage are both 0
    EXHAUSTIVE = auto()  # every set of the space was tried
    SHORT_WINDOW = auto()  # fewer years than the ten requested by default were available
    SHORT_WARM_UP = auto()  # the window starts before every indicator has a value
    FEWER_FOLDS = auto()  # the window allows fewer walk-forward folds than requested
    NO_FOLDS = auto()  # the window is too short for any
    EMPTY_FOLD = auto()  # in at least one fold no set met the constraints, and it stayed out of the market
    NO_PBO = auto()  # too few bars or sets for the cross-validation
    SPIKE = auto()  # fewer than half of the winner's neighbours keep 80 % of its value
    WINNER_IS_TEXTBOOK = auto()  # the search found nothing better than the default set
    BENCHMARK_BETTER = auto()  # buy and hold had the better Sharpe ratio out of sample (in sample without a holdout)
    EDGE_OF_RANGE = auto()  # a parameter of the winner is at an end of its range
    MARKET_EXPLAINS_IT = auto()  # beyond luck alone it would be promising: the market's rise makes the difference
    MORE_BARS_WOULD_TELL = auto()  # unproven, but promising with luck.n_bars_needed bars
    FEWER_PARAMETERS_WOULD_TELL = auto()  # unproven, and no number of bars would be enough after so many tries


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Figures from which the verdict is derived, None where one does not exist. Sharpe ratios are annual."""

    skill: float | None
    pbo: float | None
    in_sample: float | None  # the winner's Sharpe ratio in the searched window
    out_of_sample: float | None  # in the holdout; in the stitched folds when nothing was held out
    walk_forward: float | None = None  # of the stitched folds; None without folds
    buy_and_hold: float | None  # buy and hold's Sharpe ratio over the same bars as `out_of_sample`
    degenerate: Degenerate | None = None
    is_spike: bool = False


def verdict(evidence: Evidence) -> Verdict:
    """Decide between strong, promising, unproven and overfit.

    A missing figure supports nothing: no result is promising without a skill, a PBO and
    a figure out of sample. With folds, the refits must have been profitable too. A degenerate winner
    is never better than unproven.
    """
    if _is_overfit(evidence):
        return Verdict.OVERFIT
    if evidence.degenerate is None and _earned_unseen(evidence):
        if _reaches(evidence, STRONG_DSR, STRONG_PBO):
            return Verdict.STRONG
        if _reaches(evidence, PROMISING_DSR, PROMISING_PBO):
            return Verdict.PROMISING
    return Verdict.UNPROVEN


def _earned_unseen(evidence: Evidence) -> bool:
    refitted = evidence.walk_forward is None or evidence.walk_forward > 0
    return (evidence.out_of_sample or 0.0) > 0 and refitted


def _is_overfit(evidence: Evidence) -> bool:
    if evidence.pbo is not None and evidence.pbo > OVERFIT_PBO:
        return True
    fell = evidence.out_of_sample is not None and evidence.out_of_sample <= 0
    return fell and (evidence.in_sample or 0.0) > 0


def _reaches(evidence: Evidence, least_skill: float, most_pbo: float) -> bool:
    if evidence.skill is None or evidence.pbo is None:
        return False
    return evidence.skill >= least_skill and evidence.pbo <= most_pbo


def suggestion(of: Verdict, evidence: Evidence) -> Suggestion:
    """Decide between adopting, watching, researching further and dropping.

    Adopt only a strong result that beats buy and hold on the same unseen bars and is not a spike. A promising
    result is watched. An unproven one is researched further if skill is likely enough.
    """
    if of is Verdict.OVERFIT or evidence.degenerate is not None:
        return Suggestion.DROP
    if of is Verdict.UNPROVEN:
        hopeful = (evidence.skill or 0.0) >= RESEARCH_DSR
        return Suggestion.RESEARCH if hopeful else Suggestion.DROP
    if of is Verdict.STRONG and beats_buy_and_hold(evidence) and not evidence.is_spike:
        return Suggestion.ADOPT
    return Suggestion.WATCH


def beats_buy_and_hold(evidence: Evidence) -> bool:
    """True if the winner's Sharpe ratio out of sample exceeds that of buy and hold over the same bars."""
    if evidence.out_of_sample is None:
        return False
    return evidence.buy_and_hold is None or evidence.out_of_sample > evidence.buy_and_hold
