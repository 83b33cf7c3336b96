"""What many tries alone would have shown: the study's trials against its winner."""

import math
from collections.abc import Sequence

import numpy as np

from optimizer.ground import Ground
from optimizer.metrics import periods_per_year
from optimizer.series import FloatArray
from optimizer.space import Params
from optimizer.spec import Luck
from optimizer.validation import (
    BlockSums,
    Moments,
    block_sums,
    deflated_sharpe_ratio,
    expected_max_sharpe,
    joined,
    minimum_track_record,
    moments,
    pbo_blocks,
    probability_of_overfitting,
    spread_of_sharpes,
)
from optimizer.verdict import PROMISING_DSR

#: Sets whose returns are in memory at a time.
_BATCH = 512


def luck(
    ground: Ground,
    candidates: Sequence[Params],
    winner: FloatArray | None,
    *,
    n_tried: int,
    n_tried_ever: int,
) -> Luck:
    """Deflate the winner's Sharpe ratio by all tries, and cross-validate the choice among the candidates.

    `candidates` are the feasible sets of this study, those that could have been chosen: their Sharpe ratios give
    the spread that luck multiplies, their returns the matrix of the cross-validation. The number of tries counts
    every unique set, feasible or not, of all studies. `winner` holds the chosen set's (n,) in-sample returns, None
    when nothing was feasible.
    """
    n_bars = ground.stop - ground.start
    n_blocks = pbo_blocks(n_bars)
    sharpes, blocks = _matrix(ground, candidates, n_blocks)
    spread = spread_of_sharpes(sharpes)
    expected = expected_max_sharpe(n_tried_ever, spread)
    of = moments(winner if winner is not None else np.zeros(0))
    deflated = deflated_sharpe_ratio(of, n_tried=n_tried_ever, sharpe_std=spread)
    pbo = probability_of_overfitting(blocks) if blocks else math.nan
    return Luck(
        n_tried=n_tried,
        n_tried_ever=n_tried_ever,
        expected_max_sharpe=expected * math.sqrt(periods_per_year(ground.evaluator.bars)),
        deflated_sharpe_ratio=deflated,
        pbo=pbo,
        n_blocks=0 if math.isnan(pbo) else n_blocks,
        n_bars_needed=_bars_needed(of, expected) if deflated < PROMISING_DSR else None,
    )


def _bars_needed(of: Moments, expected: float) -> int | None:
    """Bars after which the deflated Sharpe ratio would be promising, the spread of the tries unchanged."""
    needed = minimum_track_record(of, benchmark=expected, confidence=PROMISING_DSR)
    return math.ceil(needed) if math.isfinite(needed) else None


def _matrix(ground: Ground, sets: Sequence[Params], n_blocks: int) -> tuple[FloatArray, BlockSums | None]:
    """Per-bar Sharpe ratios (NaN for none) and block sums of the sets' returns, a batch at a time."""
    sharpes, parts = [np.zeros(0)], []
    for first in range(0, len(sets), _BATCH):
        returns = ground.evaluator.returns(sets[first : first + _BATCH], start=ground.start, stop=ground.stop)
        sharpes.append(_sharpes(returns))
        if n_blocks:
            parts.append(block_sums(returns, n_blocks))
    return np.concatenate(sharpes), joined(parts) if parts else None


def _sharpes(returns: FloatArray) -> FloatArray:
    deviations = returns.std(axis=1, ddof=1)
    moving = deviations > 1e-12
    return np.where(moving, returns.mean(axis=1) / np.where(moving, deviations, 1.0), math.nan)
