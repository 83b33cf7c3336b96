"""Reason why no set of a study qualified, and the set that came nearest."""

from collections.abc import Callable, Sequence

import numpy as np

from optimizer.domain.bars import FloatArray
from optimizer.domain.study_request import Cap
from optimizer.domain.study_results import Obstacle, Scored, TrialRecord, Unmet
from optimizer.engine.set_scores import Scores
from optimizer.search.scoring import SetScorer, excess, is_ruined

ScoreTrials = Callable[[Sequence[TrialRecord]], list[Scored]]


def unmet(scorer: SetScorer, trials: Sequence[TrialRecord], scored: ScoreTrials) -> Unmet:
    """Name the obstacle that kept every set out.

    Sets that are left after one obstacle are looked at for the next: ruin, too few trades, a cap. The nearest set
    breaks its caps by the least, each relative to its bound; the cap that is named is the one it breaks the most.
    """
    scores = scorer.scores([dict(trial.params) for trial in trials])
    alive = ~is_ruined(scores)
    if not alive.any():
        return Unmet(obstacle=Obstacle.RUIN)
    trading = alive & (scores.column("n_trades") >= scorer.spec.min_trades)
    if not trading.any():
        return Unmet(obstacle=Obstacle.FEW_TRADES)
    if not scorer.spec.caps:
        return Unmet(obstacle=Obstacle.NO_VALUE)
    misses = _misses(scorer.spec.caps, scores)
    if not (misses[trading].sum(axis=1) > 0).all():
        return Unmet(obstacle=Obstacle.NO_VALUE)
    nearest = int(np.argmin(np.where(trading, misses.sum(axis=1), np.inf)))
    cap = scorer.spec.caps[int(np.argmax(misses[nearest]))]
    return Unmet(obstacle=Obstacle.CAP, cap=cap, nearest=scored([trials[nearest]])[0])


def _misses(caps: Sequence[Cap], scores: Scores) -> FloatArray:
    """(n_sets, n_caps) by how much each cap is broken, relative to its bound."""
    return np.column_stack([np.asarray(excess(cap, scores)) / (abs(cap.bound) or 1.0) for cap in caps])
