"""Figures from which the verdict and every sentence about a result follow, read from the stored summary.

Ratios and probabilities are rounded as people see them, so that no sentence says something else than the
numbers beside it: two that look equal are equal.
"""

from dataclasses import dataclass

from optimizer.domain.results.learned_results import Doubt
from optimizer.domain.study_results import Degenerate, Measures, Obstacle, StudySummary

#: Decimals of ratios and of probabilities as people see them.
PLACES = 2


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Figures of one finished study, None where one does not exist. Sharpe ratios are annual, rounded to 0.01."""

    obstacle: Obstacle | None = None  # why no set qualified; None where one did
    degenerate: Degenerate | None = None
    n_tried: int = 200
    any_gained: bool = True  # a qualified set gained in the searched window
    in_sample: float | None = None
    out_of_sample: float | None = None  # in the holdout
    walk_forward: float | None = None  # of the stitched folds, 0 where they held no position; None without folds
    is_held_out: bool = True
    buy_and_hold: float | None = None  # over the same bars as `unseen`
    default: float | None = None  # of the default set in the holdout; None where it is the winner itself
    deflated: float | None = None  # confidence that luck does not explain it
    confidence: float | None = None  # that neither luck nor the market's rise does, on all bars, after all searches
    searched: float | None = None  # confidence from the searched bars alone
    on_unseen: float | None = None  # confidence from the bars of folds and holdout alone
    fading: float = 0.0  # fall of the leading sets on the held-out bars beyond their optimism, in standard errors
    aging: float = 0.0  # fall of the leading sets from the first half of all bars to the second, in standard errors
    lost_halves: float | None = None  # share of cross-validation halves in which the chosen set lost on the other
    pbo: float | None = None
    low: float | None = None  # 90 % interval of the Sharpe ratio out of sample
    high: float | None = None
    plateau_share: float | None = None
    placebo_p: float | None = None  # of a split by regime: how often shifted labels gain as much; None without one
    doubts: tuple[Doubt, ...] = ()  # about what a strategy learned
    n_research: int = 0  # other studies of these bars that ended with the advice to research further

    @property
    def unseen(self) -> float | None:
        """Sharpe ratio on unseen bars: in the holdout, in the stitched folds when nothing was held out."""
        return self.out_of_sample if self.is_held_out else self.walk_forward

    @property
    def lost_to_hold(self) -> bool:
        """True if buy and hold had the better Sharpe ratio on unseen bars."""
        return _is_below(self.unseen, self.buy_and_hold)

    @property
    def lost_to_default(self) -> bool:
        """True if the default parameters had the better Sharpe ratio on the held-out bars."""
        return self.is_held_out and _is_below(self.out_of_sample, self.default)


def evidence_of(summary: StudySummary) -> Evidence:
    """Evidence of a finished study, from its stored figures alone."""
    window, luck, tests = summary.window, summary.luck, summary.significance
    interval, stitched = summary.sharpe_interval, summary.walk_forward and summary.walk_forward.stitched
    return Evidence(
        obstacle=_obstacle(summary),
        degenerate=summary.degenerate,
        n_tried=luck.n_tried,
        any_gained=summary.n_gaining != 0,
        in_sample=_sharpe(summary.winner.in_sample),
        out_of_sample=_sharpe(summary.winner.out_of_sample),
        walk_forward=(_sharpe(stitched) or 0.0) if stitched else None,
        is_held_out=window.n_holdout > 0,
        buy_and_hold=_hold_sharpe(summary),
        default=None if summary.winner.params == summary.default.params else _sharpe(summary.default.out_of_sample),
        deflated=seen(luck.deflated_sharpe_ratio),
        confidence=_confidence(summary),
        searched=seen(tests.searched_confidence) if tests else None,
        on_unseen=seen(tests.unseen_confidence) if tests else None,
        fading=_fall(tests.fading if tests else None),
        aging=_fall(tests.aging if tests else None),
        lost_halves=seen(tests.lost_halves) if tests else None,
        pbo=seen(luck.pbo),
        low=seen(interval.low) if interval else None,
        high=seen(interval.high) if interval else None,
        plateau_share=summary.plateau.share,
        placebo_p=_placebo(summary),
        doubts=summary.learned.doubts if summary.learned else (),
        n_research=summary.tries.n_research if summary.tries else 0,
    )


def _confidence(summary: StudySummary) -> float | None:
    """Confidence in a result; of a study stored before there were tests of significance that of its luck."""
    if summary.significance is not None:
        return seen(summary.significance.confidence)
    luck = summary.luck
    return seen(luck.skill if luck.skill is not None else luck.deflated_sharpe_ratio)


def _placebo(summary: StudySummary) -> float | None:
    """Share of shifted labels; of a split that could not be compared with them all of them."""
    if summary.split is None:
        return None
    return 1.0 if summary.split.placebo_p is None else summary.split.placebo_p


def _fall(in_errors: float | None) -> float:
    return 0.0 if in_errors is None else round(in_errors, PLACES)


def seen(value: float | None) -> float | None:
    """A ratio or a probability as people see it."""
    return None if value is None else round(value, PLACES) + 0.0


def _sharpe(measures: Measures | None) -> float | None:
    return None if measures is None else seen(measures.sharpe_ratio)


def _hold_sharpe(summary: StudySummary) -> float | None:
    """Sharpe ratio of buy and hold over the unseen bars."""
    if summary.window.n_holdout:
        return _sharpe(summary.buy_and_hold.out_of_sample)
    return seen(summary.walk_forward.buy_and_hold) if summary.walk_forward else None


def _obstacle(summary: StudySummary) -> Obstacle | None:
    """Obstacle of a study; studies stored before obstacles were have a note instead."""
    if summary.unmet is not None:
        return summary.unmet.obstacle
    return Obstacle.NO_VALUE if "nothing_feasible" in summary.notes else None


def _is_below(ours: float | None, theirs: float | None) -> bool:
    return theirs is not None and (ours is None or ours < theirs)
