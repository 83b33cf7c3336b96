"""Family of sets that a verdict rests on: the whole grid where it can be scored, not only what the sampler tried.

A sampler's path depends on its seed; what is true of the bars does not. Where the grid is too large, an even sample
of it stands for it, with the sets that the study tried.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optimizer.domain.bars import FloatArray
from optimizer.domain.space import Params
from optimizer.engine.multi_symbol import AnyEvaluator
from optimizer.search.grid import even_sets, every_set, fits_whole, leading
from optimizer.search.scoring import SetScorer
from optimizer.validation.statistics.cross_validation import BlockSums, block_sums, joined, pbo_blocks
from optimizer.validation.statistics.max_t import Float32Array

#: Bars whose returns are summed into one row of the tests: a week of daily bars, which hardly depends on the next.
BARS_PER_ROW = 5
#: Sets of an even sample where the grid is too large.
N_EVEN_SETS = 2_000
#: Sets whose returns are in memory together.
_BATCH = 512


@dataclass(frozen=True, kw_only=True, eq=False)
class Family:
    """Feasible sets, best first by the study's goal, with their returns over the searched window.

    `alpha` holds sums over five bars of each set's returns less its beta times the market's, (n_sets, n_rows);
    `blocks` the sums of the returns themselves for the PBO, None where the window is too short.
    """

    param_sets: list[Params]
    is_whole: bool
    alpha: Float32Array
    blocks: BlockSums | None

    @property
    def leaders(self) -> list[Params]:
        """Best hundredth of the sets: what they earn together is steadier than what the best one earns."""
        return leading(self.param_sets)

    @property
    def leaders_alpha(self) -> FloatArray:
        """Mean of the leaders' rows of alpha, (n_rows,)."""
        return np.asarray(self.alpha[: len(self.leaders)].mean(axis=0), dtype=np.float64)


def family(scorer: SetScorer, tried: Sequence[Params]) -> Family:
    """Family of a study whose feasible sets are `tried`; the order of equals is that of the grid."""
    n_bars = scorer.stop - scorer.start
    is_whole = fits_whole(scorer.space, n_bars * len(scorer.spec.symbols))
    candidates = every_set(scorer.space) if is_whole else _distinct([*even_sets(scorer.space, N_EVEN_SETS), *tried])
    values = scorer.values(scorer.scores(candidates))
    order = np.argsort(-values, kind="stable")[: int(np.isfinite(values).sum())]
    ranked = [candidates[row] for row in order]
    alpha, blocks = _returns(scorer.evaluator, ranked, scorer.start, scorer.stop)
    return Family(param_sets=ranked, is_whole=is_whole, alpha=alpha, blocks=blocks)


def _distinct(param_sets: list[Params]) -> list[Params]:
    return list({tuple(params.values()): params for params in param_sets}.values())


def _returns(
    evaluator: AnyEvaluator, param_sets: list[Params], start: int, stop: int
) -> tuple[Float32Array, BlockSums | None]:
    n_blocks = pbo_blocks(stop - start)
    market = evaluator.buy_and_hold(start=start, stop=stop).returns
    alphas, parts = [np.zeros((0, (stop - start) // BARS_PER_ROW), dtype=np.float32)], []
    for first in range(0, len(param_sets), _BATCH):
        returns = evaluator.returns(param_sets[first : first + _BATCH], start=start, stop=stop)
        alphas.append(alpha_rows(returns, market))
        if n_blocks:
            parts.append(block_sums(returns, n_blocks))
    return np.concatenate(alphas), joined(parts) if parts else None


def alpha_rows(returns: FloatArray, market: FloatArray) -> NDArray[np.float32]:
    """Sums over five bars of (n_sets, n_bars) returns less their betas times the market's; the oldest rest is left out.

    A beta is the slope of a set's returns on the market's over the same bars: what is left has no share in its rise.
    """
    centred = market - market.mean()
    variance = float(centred @ centred)
    betas = returns @ centred / variance if variance > 0.0 else np.zeros(len(returns))
    rows = _row_sums(returns) - betas[:, None] * _row_sums(market[None])
    return np.asarray(rows, dtype=np.float32)


def _row_sums(returns: FloatArray) -> FloatArray:
    n_rows = returns.shape[1] // BARS_PER_ROW
    kept = returns[:, returns.shape[1] - n_rows * BARS_PER_ROW :]
    return np.asarray(kept.reshape(len(returns), n_rows, BARS_PER_ROW).sum(axis=2))


def t_value(rows: FloatArray) -> float:
    """Mean / deviation · √rows of (n_rows,); 0 where nothing moves."""
    spread = float(rows.std(ddof=1)) if len(rows) > 1 else 0.0
    return float(rows.mean()) / spread * math.sqrt(len(rows)) if spread > 1e-9 else 0.0
