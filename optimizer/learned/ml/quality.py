"""How good earlier calls were, against the base rate told in their place and against what chance gives."""

import math

import numpy as np
from numpy.typing import NDArray

from optimizer.domain.bars import FloatArray
from optimizer.domain.results.learned_results import Quality, ReliabilityBin, SignalQuality
from optimizer.learned.ml.walk import Walk

#: Circular shifts of the calls against the outcomes, and the least rows of one: both are autocorrelated, and outcomes
#: overlap, so that no textbook error of an AUC is right.
N_SHIFTS, LEAST_SHIFT = 199, 63
#: Calls below which nothing is said of an AUC.
LEAST_CALLS = 3 * LEAST_SHIFT
SIGNIFICANT = 0.05
#: Brier skill that calls about noise do not reach.
LEAST_SKILL = 0.002
N_BINS = 5


def quality_of(walk: Walk, start: int = 0, stop: int | None = None) -> SignalQuality | None:
    """Quality of the calls of rows [start, stop) whose outcome is known; None where there are too few."""
    rows = np.arange(len(walk.row))[start:stop]
    rows = rows[~np.isnan(walk.row[rows]) & ~np.isnan(walk.outcomes[rows])]
    outcomes = walk.outcomes[rows]
    if len(rows) < LEAST_CALLS or not 0.0 < outcomes.mean() < 1.0:
        return None
    chances, base = walk.row[rows], walk.base[rows]
    auc, p = shifted_auc(walk.offsets[rows], outcomes)
    brier, base_brier = _brier(chances, outcomes), _brier(base, outcomes)
    logistic = _brier(walk.logistic[rows], outcomes)
    skill = 1.0 - brier / base_brier
    return SignalQuality(
        word=_word(p, skill),
        n_calls=len(rows),
        n_effective=len(rows) / walk.horizon,
        base_rate=float(outcomes.mean()),
        auc=auc,
        p=p,
        brier=brier,
        base_brier=base_brier,
        skill=skill,
        log_loss=_log_loss(chances, outcomes),
        base_log_loss=_log_loss(base, outcomes),
        logistic_brier=logistic,
        bins=reliability(chances, outcomes),
    )


def _word(p: float, skill: float) -> Quality:
    """Word for both, one or none of the two tests.

    A regression that does as well takes nothing from it: where outcomes depend on features in a straight line it must.
    """
    n_passed = (p <= SIGNIFICANT) + (skill >= LEAST_SKILL)
    return (Quality.NO_BETTER, Quality.WEAK, Quality.INFORMATIVE)[n_passed]


def shifted_auc(offsets: FloatArray, outcomes: FloatArray) -> tuple[float, float]:
    """AUC of calls, and its p-value: the share of circular shifts of them that tell the outcomes apart as well."""
    n = len(outcomes)
    order = ranks(offsets)
    # Even steps instead of drawn ones: every run says the same.
    steps = np.unique(np.linspace(LEAST_SHIFT, n - LEAST_SHIFT, N_SHIFTS).round().astype(int))
    auc = auc_of(order, outcomes)
    shifted = [auc_of(np.roll(order, step), outcomes) for step in steps.tolist()]
    return auc, (1 + sum(one >= auc for one in shifted)) / (1 + len(shifted))


def auc_of(ranks: FloatArray, outcomes: FloatArray) -> float:
    """Mann and Whitney's statistic over the number of pairs."""
    n_true = float(outcomes.sum())
    n_false = len(outcomes) - n_true
    return (float((ranks * outcomes).sum()) - n_true * (n_true + 1.0) / 2.0) / (n_true * n_false)


def ranks(values: FloatArray) -> FloatArray:
    """Ranks from 1, ties at their mean."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2.0)[inverse], dtype=np.float64)


def _brier(chances: FloatArray, outcomes: FloatArray) -> float:
    return float(np.mean((chances - outcomes) ** 2))


def _log_loss(chances: FloatArray, outcomes: FloatArray) -> float:
    likelihood = np.where(outcomes > 0.5, chances, 1.0 - chances)
    return -float(np.mean(np.log(np.maximum(likelihood, math.exp(-30.0)))))


def reliability(chances: FloatArray, outcomes: FloatArray) -> tuple[ReliabilityBin, ...]:
    """Five bins of about equally many calls, from the least probability to the greatest; equal ones stay together."""
    edges = np.unique(np.quantile(chances, np.linspace(0.0, 1.0, N_BINS + 1)[1:-1]))
    of_bin: NDArray[np.intp] = np.searchsorted(edges, chances, side="left")
    return tuple(
        ReliabilityBin(
            predicted=float(chances[of_bin == number].mean()),
            realised=float(outcomes[of_bin == number].mean()),
            n=int((of_bin == number).sum()),
        )
        for number in np.unique(of_bin).tolist()
    )
