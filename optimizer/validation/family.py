"""Family of sets that a verdict rests on: the whole grid where it can be scored, not only what the sampler tried.

A sampler's path depends on its seed; what is true of the bars does not. Where the grid is too large, an even sample
of it stands for it, with the sets that the study tried.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optimizer.domain.bars import FloatArray
from optimizer.domain.space import Params
from optimizer.engine.evaluator import Evaluator, in_common_order
from optimizer.engine.multi_symbol import AnyEvaluator
from optimizer.engine.row_sums import return_sums
from optimizer.search.grid import even_sets, every_set, fits_whole, leading
from optimizer.search.scoring import SetScorer
from optimizer.validation.statistics.cross_validation import BlockSums, block_sums, joined, pbo_blocks
from optimizer.validation.statistics.max_t import Float32Array

#: Bars whose returns are summed into one row of the tests: a week of daily bars, which hardly depends on the next.
BARS_PER_ROW = 5
#: More rows tell no more: of longer histories, which are of faster bars, a row has more bars.
MOST_ROWS = 5_000
#: Sets of an even sample where the grid is too large.
N_EVEN_SETS = 2_000
#: Most sets whose returns are tested.
MOST_TESTED = 2_000
#: Of very long histories fewer sets: so many returns of sets and bars, but not fewer sets than this.
MOST_RETURNS, LEAST_TESTED = 50_000_000, 200
#: Sets, and returns, that are in memory together.
_MOST_AT_ONCE, _RETURNS_AT_ONCE = 512, 2_000_000
#: Sets whose rows are changed together, so that what is taken from them stays in the caches.
_ROWS_AT_ONCE = 64


@dataclass(frozen=True, kw_only=True, eq=False)
class Family:
    """Feasible sets, best first by the study's goal, with their timing returns over the searched window.

    `alpha` and `leaders_alpha` hold sums over a few bars (`alpha_rows`); `alpha` and `blocks` are of every set, or of
    every second, third … of the ranking where that is thousands long: neighbours of a grid earn nearly the same.
    """

    param_sets: list[Params]
    is_whole: bool
    bars_per_row: int
    stands_for: int  # sets that would be tested on a short history
    alpha: Float32Array  # (n_tested, n_rows)
    leaders_alpha: FloatArray  # (n_rows,), mean of the leaders
    blocks: BlockSums | None  # sums of the returns themselves for the PBO, None where the window is too short

    @property
    def untested_factor(self) -> float:
        """How many times as many tests the family stands for, where a long history left time for few of its sets.

        Ten times fewer evenly ranked sets lower the median p of 75 noise studies (rsi, sma, macd) as 1.2 to 1.6 times
        fewer independent tests would; the power of 0.2 is the upper end.
        """
        n_tested = len(self.alpha)
        return (self.stands_for / n_tested) ** 0.2 if 0 < n_tested < self.stands_for // 2 else 1.0

    @property
    def leaders(self) -> list[Params]:
        """Best hundredth of the sets: what they earn together is steadier than what the best one earns."""
        return leading(self.param_sets)


def family(scorer: SetScorer, tried: Sequence[Params]) -> Family:
    """Family of a study whose feasible sets are `tried`; the order of equals is that of the grid."""
    n_bars = scorer.stop - scorer.start
    is_whole = fits_whole(scorer.space, n_bars * len(scorer.spec.symbols))
    n_even, n_tested = affordable_sets(N_EVEN_SETS, n_bars), affordable_sets(MOST_TESTED, n_bars)
    candidates = every_set(scorer.space) if is_whole else _distinct([*even_sets(scorer.space, n_even), *tried])
    values = scorer.values(scorer.scores(candidates))
    order = np.argsort(-values, kind="stable")[: int(np.isfinite(values).sum())]
    ranked = [candidates[row] for row in order]
    tested = ranked[:: math.ceil(len(ranked) / n_tested) or 1]
    per_row = row_length(n_bars)
    alpha, blocks = _returns(scorer.evaluator, tested, scorer.start, scorer.stop, per_row)
    together = leaders_alpha(
        scorer.evaluator, leading(ranked), start=scorer.start, stop=scorer.stop, bars_per_row=per_row
    )
    feasible = len(ranked) / len(candidates)
    return Family(
        param_sets=ranked,
        is_whole=is_whole,
        bars_per_row=per_row,
        stands_for=round(feasible * min(scorer.space.size, MOST_TESTED)),
        alpha=alpha,
        leaders_alpha=together,
        blocks=blocks,
    )


def row_length(n_bars: int) -> int:
    """Bars of one row of the tests of so many bars: five, and more from 25,000 bars on."""
    return max(BARS_PER_ROW, math.ceil(n_bars / MOST_ROWS))


def affordable_sets(most: int, n_bars: int) -> int:
    """Number of sets, at most `most`, whose returns over so many bars are computed in about two seconds."""
    return min(most, max(MOST_RETURNS // n_bars, LEAST_TESTED))


def batches_of(param_sets: Sequence[Params], n_bars: int) -> Iterator[Sequence[Params]]:
    """Cut sets into batches whose returns over so many bars fit into memory together."""
    size = max(1, min(_MOST_AT_ONCE, _RETURNS_AT_ONCE // n_bars))
    for first in range(0, len(param_sets), size):
        yield param_sets[first : first + size]


def leaders_alpha(
    evaluator: AnyEvaluator, leaders: Sequence[Params], *, start: int, stop: int, bars_per_row: int
) -> FloatArray:
    """Rows of the leaders' mean alpha over bars [start, stop), (n_rows,); zeros without leaders."""
    if not leaders:
        return np.zeros((stop - start) // bars_per_row)
    if isinstance(evaluator, Evaluator):
        together = _summed(evaluator, leaders, start, stop, bars_per_row, 0)[0].mean(axis=0)
        return np.asarray(together.astype(np.float32), dtype=np.float64)  # as the rows of short histories are
    together = sum(
        evaluator.timing_returns(batch, start=start, stop=stop, market=(start, stop)).sum(axis=0)
        for batch in batches_of(leaders, stop - start)
    ) / len(leaders)
    market = evaluator.buy_and_hold(start=start, stop=stop).returns
    return np.asarray(alpha_rows(together[None], market, bars_per_row)[0], dtype=np.float64)


def _distinct(param_sets: Sequence[Params]) -> Sequence[Params]:
    return list({tuple(params.values()): params for params in param_sets}.values())


def _returns(
    evaluator: AnyEvaluator, param_sets: list[Params], start: int, stop: int, per_row: int
) -> tuple[Float32Array, BlockSums | None]:
    """Rows and block sums of sets, in their order; computed beside their neighbours, which share indicators."""
    n_blocks = pbo_blocks(stop - start)
    if isinstance(evaluator, Evaluator):
        rows, blocks = _summed(evaluator, param_sets, start, stop, per_row, n_blocks)
        return rows.astype(np.float32), blocks if n_blocks else None
    market = evaluator.buy_and_hold(start=start, stop=stop).returns
    order = in_common_order(param_sets)
    alphas, parts = [np.zeros((0, (stop - start) // per_row), dtype=np.float32)], []
    for batch in batches_of([param_sets[row] for row in order], stop - start):
        returns, timing = evaluator.returns_and_timing(batch, start=start, stop=stop, market=(start, stop))
        alphas.append(alpha_rows(timing, market, per_row))
        if n_blocks:
            parts.append(block_sums(returns, n_blocks))
    back = np.argsort(order)
    return np.concatenate(alphas)[back], joined(parts).of(back) if parts else None


def _summed(
    evaluator: Evaluator, param_sets: Sequence[Params], start: int, stop: int, per_row: int, n_blocks: int
) -> tuple[FloatArray, BlockSums]:
    """As `_returns` before rounding, without a table of returns, which takes several times as long."""
    order = evaluator.best_order(param_sets)
    back = slice(None) if isinstance(order, range) else np.argsort(order)
    sums = return_sums(
        evaluator,
        [param_sets[row] for row in order],
        start=start,
        stop=stop,
        bars_per_row=per_row,
        n_blocks=n_blocks,
    )
    market = evaluator.buy_and_hold(start=start, stop=stop).returns
    centred = market - market.mean()
    variance = float(centred @ centred)
    betas = sums.products / variance if variance > 0.0 else np.zeros(len(param_sets))
    rows, of_market = sums.rows, _row_sums(centred[None], per_row)
    for first in range(0, len(rows), _ROWS_AT_ONCE):
        some = slice(first, first + _ROWS_AT_ONCE)
        rows[some] -= betas[some, None] * of_market
    blocks = BlockSums(sums=sums.blocks, squares=sums.squares, bars=(stop - start) // max(n_blocks, 1))
    return rows[back], blocks.of(back)


def alpha_rows(timing: FloatArray, market: FloatArray, bars_per_row: int = BARS_PER_ROW) -> NDArray[np.float32]:
    """Sums over a few bars of (n_sets, n_bars) timing returns less their betas times the market's around its mean.

    The oldest rest of the bars is left out. A beta is the slope of a set's returns on the market's over the same
    bars. A beta alone does not suffice: a set that is long for months and out for months has on every bar a share
    of the market's rise that differs from its mean share, and that lasts as long as its trades do, so that the
    tests took a steady rise for evidence.
    """
    centred = market - market.mean()
    variance = float(centred @ centred)
    betas = timing @ centred / variance if variance > 0.0 else np.zeros(len(timing))
    rows = _row_sums(timing, bars_per_row) - betas[:, None] * _row_sums(centred[None], bars_per_row)
    return np.asarray(rows, dtype=np.float32)


def _row_sums(returns: FloatArray, per_row: int) -> FloatArray:
    n_rows = returns.shape[1] // per_row
    kept = returns[:, returns.shape[1] - n_rows * per_row :]
    return np.add.reduceat(kept, np.arange(0, kept.shape[1], per_row), axis=1) if n_rows else kept[:, :0]


def t_value(rows: FloatArray) -> float:
    """Mean / deviation · √rows of (n_rows,); 0 where nothing moves."""
    spread = float(rows.std(ddof=1)) if len(rows) > 1 else 0.0
    return float(rows.mean()) / spread * math.sqrt(len(rows)) if spread > 1e-9 else 0.0
