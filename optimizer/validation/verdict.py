"""From the evidence to one case, with its verdict and its suggestion: the only module with thresholds.

`TREE` is read from the top; the first rule that applies decides. The sentences of an answer are chosen by the case
and by the same bands of the same figures (`reports/narrative.py`), and a test walks the whole space of evidence.

The thresholds are tuned by simulation, see docs/calibration.md: on random walks at most one study in ten is better
than unproven, while a planted edge of annual Sharpe ratio 2 is mostly promising or strong.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum, auto

from optimizer.domain.results.learned_results import Doubt
from optimizer.domain.study_results import Case, Degenerate, Obstacle, StudySummary, Suggestion, Verdict
from optimizer.validation.evidence import PLACES, Evidence, evidence_of

#: Least confidence (1 − p of `Significance`) of a strong and of a promising result.
STRONG_CONFIDENCE, PROMISING_CONFIDENCE = 0.99, 0.98
#: Largest p value of a promising result.
PROMISING_P: float = 1.0 - (PROMISING_CONFIDENCE - 0.5 * 10**-PLACES)
#: An unproven result with at least this confidence is worth more research; below, luck and market are likelier.
RESEARCH_CONFIDENCE = 0.8
#: How near to the line of a promising result the confidence is a close call.
CLOSE = 0.01
#: Confidence beyond luck alone from which it is said that the market's rise makes the difference.
LUCK_DSR = 0.8
#: Confidence below which luck alone is the likelier explanation.
COIN_TOSS = 0.5
#: Share of the cross-validation halves in which the chosen set may lose: at most that of a strong and of a promising
#: result; above the last one a choice that lost on unseen bars is overfit. Noise has about a half, so that a line there
#: would tell nothing but its luck.
STRONG_LOST, PROMISING_LOST, OVERFIT_LOST = 0.2, 0.5, 0.6
#: Above this probability of overfitting the ranking of the sets is no better than noise.
NOISY_PBO = 0.5
#: Standard errors by which the leading sets may fall on the held-out bars: a one-sided test at 3.6 %.
MOST_FADING = 1.8
#: Standard errors of a fall from which a loss is called a failure; after a smaller one it is only no confirmation.
ONE_ERROR = 1.0
#: Standard errors by which they may fall from the first half of all bars to the second: a one-sided test at 0.5 %.
MOST_AGING = 2.6
#: Share of shifted labels that may gain as much as a split by regime, before its gain is called that of its freedom.
MOST_PLACEBO = 0.05
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
    return found.n_tried > 1 and _above(found.lost_halves, OVERFIT_LOST) and _lost(found)


def _lost(found: Evidence) -> bool:
    return found.is_held_out and _earned_little(found.out_of_sample)


def _refits_lost(found: Evidence) -> bool:
    """True if the folds earned nothing, and neither all bars together nor a holdout make up for it."""
    hopeless = not found.is_held_out and found.high is not None and found.high < 0
    return _earned_little(found.walk_forward) and (hopeless or not is_confident(found, PROMISING_CONFIDENCE))


def _is_lasting(found: Evidence) -> bool:
    """True if chance hardly explains the fall on the held-out bars."""
    return found.fading >= MOST_FADING or (found.high is not None and found.high < 0)


def _above(value: float | None, bound: float) -> bool:
    return value is not None and value > bound


def is_confident(found: Evidence, least: float) -> bool:
    """True if luck and market together leave at least this confidence."""
    return found.confidence is not None and found.confidence >= least


def is_close_call(found: Evidence) -> bool:
    """True if the confidence is on the line of a promising result, or just below it."""
    return found.confidence is not None and 0.0 <= round(PROMISING_CONFIDENCE - found.confidence, 2) <= CLOSE


def is_spike(found: Evidence) -> bool:
    """True if too few of the winner's neighbours keep its value."""
    return found.plateau_share is not None and found.plateau_share < SPIKE_SHARE


#: Verdicts that something speaks for; they put a study on the leaderboard unasked.
PROVEN = (Verdict.STRONG, Verdict.PROMISING)
_DROP, _WATCH, _ADOPT = Suggestion.DROP, Suggestion.WATCH, Suggestion.ADOPT
_UNPROVEN, _FAILED, _PROMISING = Verdict.UNPROVEN, Verdict.FAILED_UNSEEN, Verdict.PROMISING

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
    Rule(Case.LOST_UNSEEN, lambda found: _lost(found) and _is_lasting(found), _FAILED, _DROP),
    Rule(
        Case.SLIPPED_UNSEEN,
        lambda found: _lost(found) and found.fading >= ONE_ERROR and not is_confident(found, PROMISING_CONFIDENCE),
        _FAILED,
    ),
    Rule(Case.LOST_A_LITTLE, lambda found: _lost(found) and not is_confident(found, PROMISING_CONFIDENCE), _UNPROVEN),
    # What it learned is nothing: whatever the thresholds earned, that was not it. Rules above judge no milder.
    Rule(Case.BASE_RATE_AS_GOOD, lambda found: Doubt.NO_BETTER_THAN_BASE in found.doubts, _UNPROVEN),
    # Unseen bars do not confirm it.
    Rule(Case.UNSEEN_MISSING, lambda found: not found.is_held_out and found.walk_forward is None, _UNPROVEN),
    Rule(Case.UNSEEN_IDLE, lambda found: found.unseen is None, _UNPROVEN),
    Rule(Case.REFITS_LOST, _refits_lost, _UNPROVEN),
    Rule(Case.FADED, lambda found: found.fading >= MOST_FADING, _UNPROVEN),
    Rule(Case.AGED, lambda found: found.aging >= MOST_AGING, _UNPROVEN),
    # It earned there; something else may explain it.
    Rule(Case.ONE_SET, lambda found: found.n_tried == 1, _UNPROVEN),
    Rule(
        Case.MARKET_EXPLAINS,
        lambda found: not is_confident(found, RESEARCH_CONFIDENCE) and (found.deflated or 0.0) >= LUCK_DSR,
        _UNPROVEN,
        _DROP,
    ),
    Rule(
        Case.LUCK_EXPLAINS,
        lambda found: not is_confident(found, RESEARCH_CONFIDENCE) and (found.deflated or 0.0) < COIN_TOSS,
        _UNPROVEN,
        _DROP,
    ),
    Rule(Case.LUCK_AND_MARKET_EXPLAIN, lambda found: not is_confident(found, RESEARCH_CONFIDENCE), _UNPROVEN, _DROP),
    Rule(Case.LUCK_OPEN, lambda found: not is_confident(found, PROMISING_CONFIDENCE), _UNPROVEN),
    Rule(Case.CHOICE_LOSES, lambda found: _above(found.lost_halves, PROMISING_LOST), _UNPROVEN),
    Rule(Case.SPLIT_IS_FREEDOM, lambda found: _above(found.placebo_p, MOST_PLACEBO), _UNPROVEN),
    # It passed, but what it learned does not.
    Rule(Case.SEEDS_DISAGREE, lambda found: Doubt.SEEDS_DISAGREE in found.doubts, _UNPROVEN),
    Rule(Case.NOISE_AS_GOOD, lambda found: Doubt.NULLS_AS_GOOD in found.doubts, _UNPROVEN),
    Rule(Case.TWIN_AS_GOOD, lambda found: Doubt.TWIN_AS_GOOD in found.doubts, _UNPROVEN),
    Rule(Case.COSTS_TURN_IT, lambda found: Doubt.COSTS_TURN_IT in found.doubts, _UNPROVEN),
    # Good enough to watch.
    Rule(Case.SLIPPED_BUT_LIKELY, _lost, _PROMISING, _WATCH),
    Rule(Case.REFITS_WEAK, lambda found: _earned_little(found.walk_forward), _PROMISING, _WATCH),
    Rule(Case.LUCK_NOT_EXCLUDED, lambda found: not is_confident(found, STRONG_CONFIDENCE), _PROMISING, _WATCH),
    Rule(Case.CHOICE_SHAKY, lambda found: _above(found.lost_halves, STRONG_LOST), _PROMISING, _WATCH),
    Rule(Case.INTERVAL_WIDE, lambda found: (found.low or 0.0) <= 0, _PROMISING, _WATCH),
    # Passed every check; the last ones compare it with what is simpler.
    Rule(Case.BELOW_HOLD, lambda found: found.lost_to_hold, Verdict.STRONG, _WATCH),
    Rule(Case.BELOW_DEFAULT, lambda found: found.lost_to_default, Verdict.STRONG, _WATCH),
    Rule(Case.SPIKE, is_spike, Verdict.STRONG, _WATCH),
    Rule(Case.ALL_CHECKS, lambda _: True, Verdict.STRONG, _ADOPT),
)


#: Cases of earlier versions, which only stored studies have.
RETIRED = frozenset({Case.RANKING_UNKNOWN, Case.SETS_ALIKE, Case.RANKING_NOISY, Case.RANKING_SHAKY})


@dataclass(frozen=True)
class Judgement:
    """What follows from the evidence."""

    case: Case
    verdict: Verdict
    suggestion: Suggestion


def judge(found: Evidence) -> Judgement:
    """Apply the first rule of the tree that fits.

    Where a rule leaves the suggestion open, a result with a confidence of at least 80 % is worth research.
    """
    rule = next(rule for rule in TREE if rule.applies(found))
    hopeful = Suggestion.RESEARCH if is_confident(found, RESEARCH_CONFIDENCE) else Suggestion.DROP
    return Judgement(rule.case, rule.verdict, rule.suggestion or hopeful)


def judged(summary: StudySummary) -> StudySummary:
    """A summary with the verdict, the suggestion and the case that follow from its figures."""
    found = judge(evidence_of(summary))
    return summary.model_copy(update={"case": found.case, "verdict": found.verdict, "suggestion": found.suggestion})
