"""Correction for the number of tries: deflated Sharpe ratio, the market's share, and the probability of overfitting."""

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from optimizer.domain.bars import FloatArray
from optimizer.domain.metrics import periods_per_year
from optimizer.domain.space import Params
from optimizer.domain.study_results import Luck, Significance
from optimizer.search.scoring import SetScorer
from optimizer.validation.family import Family, batches_of
from optimizer.validation.statistics.cross_validation import probability_of_overfitting
from optimizer.validation.statistics.max_t import best_of
from optimizer.validation.statistics.sharpe import (
    deflated_sharpe_ratio,
    expected_max_sharpe,
    market_sharpe_ratio,
    moments,
    spread_without_skill,
)


def luck(
    scorer: SetScorer,
    candidates: Sequence[Params],
    winner: FloatArray | None,
    *,
    family: Family,
    significance: Significance | None,
    n_bars_needed: int | None,
    n_tried: int,
    n_tried_ever: int,
) -> Luck:
    """Deflate the winner's Sharpe ratio by all tries, and cross-validate the choice of a winner.

    `candidates` are the study's feasible sets, which could have been chosen: the spread of their Sharpe ratios is
    the scale of luck. The number of tries counts every set, feasible or not, of all studies of overlapping bars.
    `winner` are the chosen set's (n,) in-sample returns, None when nothing was feasible.

    In a rising market a set that is invested half of the time has a Sharpe ratio without any skill, and the larger
    it is the likelier the search finds it. The deflated Sharpe ratio is as in the paper; `skill` is the confidence
    that neither luck nor the market's rise explains the best set of the family (`significance`).

    The PBO is that of the family: a sampler that learns concentrates its trials around the winner, using the whole
    window, and among near-copies a rank is meaningless. It is reported and decides nothing: where all sets earn
    alike their ranking is noise although each of them earns (docs/calibration.md).
    """
    if winner is None:
        return Luck(
            n_tried=n_tried,
            n_tried_ever=n_tried_ever,
            expected_max_sharpe=None,
            deflated_sharpe_ratio=None,
            pbo=None,
            n_blocks=0,
            counts_ties=True,
        )
    blocks = family.blocks
    pbo = probability_of_overfitting(blocks) if blocks is not None else math.nan
    return Luck(
        n_tried=n_tried,
        n_tried_ever=n_tried_ever,
        pbo=pbo,
        counts_ties=True,
        n_blocks=0 if blocks is None or math.isnan(pbo) else blocks.sums.shape[1],
        n_bars_needed=n_bars_needed,
        skill=1.0 - best_of(significance.searched_p, significance.n_searches) if significance else None,
        **_deflated(scorer, candidates, winner, n_tried_ever),
    )


def _deflated(scorer: SetScorer, candidates: Sequence[Params], winner: FloatArray, n_tried: int) -> dict[str, Any]:
    """Fields of Luck that compare the winner's Sharpe ratio with luck's, and with what the market alone gave."""
    spread = spread_without_skill(_sharpes(scorer, candidates), scorer.stop - scorer.start)
    market = scorer.evaluator.buy_and_hold(start=scorer.start, stop=scorer.stop).returns
    annually = math.sqrt(periods_per_year(scorer.evaluator.bars))
    return {
        "expected_max_sharpe": expected_max_sharpe(n_tried, spread) * annually,
        "deflated_sharpe_ratio": deflated_sharpe_ratio(moments(winner), n_tried=n_tried, sharpe_std=spread),
        "market_sharpe": market_sharpe_ratio(winner, market) * annually,
    }


def _sharpes(scorer: SetScorer, param_sets: Sequence[Params]) -> FloatArray:
    """Per-bar Sharpe ratios of sets (NaN for none), a batch at a time."""
    sharpes = partial(scorer.evaluator.sharpe_ratios, start=scorer.start, stop=scorer.stop)
    batches = batches_of(param_sets, scorer.stop - scorer.start)
    return np.concatenate([np.zeros(0), *(sharpes(batch) for batch in batches)])
