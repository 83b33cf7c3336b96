"""From the evidence to one case, with its verdict and its suggestion: the only module with thresholds.

`TREE` is read from the top; the first rule that applies decides. The sentences of an answer are chosen by the case
and by the same bands of the same figures (`reports/narrative.py`), and a test walks the whole space of evidence.

The thresholds are tuned by simulation, see docs/calibration.md: on random walks at most one study in ten is better
than unproven, while a planted edge of annual Sharpe ratio 2 is mostly promising or strong.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum, auto

from optimizer.domain.study_results import Case, Degenerate, Obstacle, StudySummary, Suggestion, Verdict
from optimizer.validation.evidence import Evidence, evidence_of

#: Least confidence (`Luck.skill`, deflated by luck and by the market's rise) and greatest probability of overfitting
#: of a strong and of a promising result.
STRONG_DSR, STRONG_PBO = 0.95, 0.2
PROMISING_DSR, PROMISING_PBO = 0.8, 0.5
#: Above this probability of overfitting the ranking of the sets fails.
OVERFIT_PBO = 0.6
#: An unproven result with at least this confidence is worth more research; below, luck and market are likelier.
RESEARCH_DSR = 0.5
#: Standard errors by which the Sharpe ratio may fall on the held-out bars: a one-sided test at 5 %.
MOST_FADING = 1.64
#: Closed trades in the searched window below which the note FEW_TRADES is given.
FEW_TRADES = 30
#: The winner is a spike when less than this share of its neighbours keeps 80 % of its value, and one of many that are
#: alike from the other share.
SPIKE_SHARE, ALIKE_SHARE = 0.5, 0.75
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


@dataclass(frozen=True)
class Rule:
    """One branch of the tree: when it applies, and what follows. Without a suggestion the confidence decides."""

    case: Case
    applies: Callable[[Evidence], bool]
    verdict: Verdict
    suggestion: Suggestion | None = None


def _earned_little(value: float | None) -> bool:
    return value is not None and value <= 0


def _is_overfit(found: Evidence) -> bool:
    lost = _earned_little(found.unseen) or _earned_little(found.walk_forward)
    return found.n_tried > 1 and _above(found.pbo, OVERFIT_PBO) and lost


def _lost(found: Evidence) -> bool:
    return found.is_held_out and _earned_little(found.out_of_sample)


def _above(value: float | None, bound: float) -> bool:
    return value is not None and value > bound


def is_confident(found: Evidence, least: float) -> bool:
    """True if luck and market together leave at least this confidence."""
    return found.skill is not None and found.skill >= least


def is_spike(found: Evidence) -> bool:
    """True if too few of the winner's neighbours keep its value."""
    return found.plateau_share is not None and found.plateau_share < SPIKE_SHARE


def are_alike(found: Evidence) -> bool:
    """True if the sets' ranking fails because most of them earn the same."""
    return _above(found.pbo, PROMISING_PBO) and (found.plateau_share or 0.0) >= ALIKE_SHARE


_DROP, _WATCH, _ADOPT = Suggestion.DROP, Suggestion.WATCH, Suggestion.ADOPT
_UNPROVEN, _FAILED = Verdict.UNPROVEN, Verdict.FAILED_UNSEEN

TREE = (
    # Nothing qualified, or what won is no strategy.
    Rule(Case.EVERY_SET_RUINED, lambda found: found.obstacle is Obstacle.RUIN, _UNPROVEN, _DROP),
    Rule(Case.CAP_UNMET, lambda found: found.obstacle is Obstacle.CAP, _UNPROVEN, _DROP),
    Rule(Case.TOO_FEW_TRADES, lambda found: found.obstacle is Obstacle.FEW_TRADES, _UNPROVEN, _DROP),
    Rule(Case.NO_VALUE, lambda found: found.obstacle is Obstacle.NO_VALUE, _UNPROVEN, _DROP),
    Rule(Case.NEVER_TRADES, lambda found: found.degenerate is Degenerate.NEVER_TRADES, _UNPROVEN, _DROP),
    Rule(Case.HOLD_IN_DISGUISE, lambda found: found.degenerate is Degenerate.HOLD_IN_DISGUISE, _UNPROVEN, _DROP),
    Rule(Case.EVERY_SET_LOST, lambda found: not found.any_gained, _UNPROVEN, _DROP),
    Rule(Case.NOTHING_GAINED, lambda found: (found.in_sample or 0.0) <= 0, _UNPROVEN, _DROP),
    # It lost on bars that it had not seen.
    Rule(Case.RANKING_FAILS, _is_overfit, Verdict.OVERFIT, _DROP),
    Rule(Case.LOST_UNSEEN, lambda found: _lost(found) and found.fading >= MOST_FADING, _FAILED, _DROP),
    Rule(Case.SLIPPED_UNSEEN, _lost, _FAILED),
    # Unseen bars do not confirm it.
    Rule(Case.UNSEEN_MISSING, lambda found: not found.is_held_out and found.walk_forward is None, _UNPROVEN),
    Rule(Case.UNSEEN_IDLE, lambda found: found.unseen is None, _UNPROVEN),
    Rule(Case.REFITS_LOST, lambda found: _earned_little(found.walk_forward), _UNPROVEN),
    Rule(Case.FADED, lambda found: found.fading >= MOST_FADING, _UNPROVEN),
    # It earned there; something else may explain it.
    Rule(Case.ONE_SET, lambda found: found.n_tried == 1, _UNPROVEN),
    Rule(
        Case.MARKET_EXPLAINS,
        lambda found: not is_confident(found, PROMISING_DSR) and (found.deflated or 0.0) >= PROMISING_DSR,
        _UNPROVEN,
    ),
    Rule(Case.LUCK_EXPLAINS, lambda found: (found.deflated or 0.0) < RESEARCH_DSR, _UNPROVEN, _DROP),
    Rule(Case.LUCK_AND_MARKET_EXPLAIN, lambda found: not is_confident(found, RESEARCH_DSR), _UNPROVEN, _DROP),
    Rule(Case.LUCK_OPEN, lambda found: not is_confident(found, PROMISING_DSR), _UNPROVEN),
    Rule(Case.RANKING_UNKNOWN, lambda found: found.pbo is None, _UNPROVEN),
    Rule(Case.SETS_ALIKE, are_alike, _UNPROVEN),
    Rule(Case.RANKING_NOISY, lambda found: _above(found.pbo, PROMISING_PBO), _UNPROVEN),
    # Good enough to watch.
    Rule(Case.LUCK_NOT_EXCLUDED, lambda found: not is_confident(found, STRONG_DSR), Verdict.PROMISING, _WATCH),
    Rule(Case.RANKING_SHAKY, lambda found: _above(found.pbo, STRONG_PBO), Verdict.PROMISING, _WATCH),
    Rule(Case.INTERVAL_WIDE, lambda found: (found.low or 0.0) <= 0, Verdict.PROMISING, _WATCH),
    # Passed every check; the last ones compare it with what is simpler.
    Rule(Case.BELOW_HOLD, lambda found: found.lost_to_hold, Verdict.STRONG, _WATCH),
    Rule(Case.BELOW_DEFAULT, lambda found: found.lost_to_default, Verdict.STRONG, _WATCH),
    Rule(Case.SPIKE, is_spike, Verdict.STRONG, _WATCH),
    Rule(Case.ALL_CHECKS, lambda _: True, Verdict.STRONG, _ADOPT),
)


@dataclass(frozen=True)
class Judgement:
    """What follows from the evidence."""

    case: Case
    verdict: Verdict
    suggestion: Suggestion


def judge(found: Evidence) -> Judgement:
    """Apply the first rule of the tree that fits.

    Where a rule leaves the suggestion open, a result with a confidence of at least a half is worth research.
    """
    rule = next(rule for rule in TREE if rule.applies(found))
    hopeful = Suggestion.RESEARCH if is_confident(found, RESEARCH_DSR) else Suggestion.DROP
    return Judgement(rule.case, rule.verdict, rule.suggestion or hopeful)


def judged(summary: StudySummary) -> StudySummary:
    """A summary with the verdict, the suggestion and the case that follow from its figures."""
    found = judge(evidence_of(summary))
    return summary.model_copy(update={"case": found.case, "verdict": found.verdict, "suggestion": found.suggestion})
