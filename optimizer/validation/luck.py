"""Correction for the number of tries: deflated Sharpe ratio, market skill and probability of overfitting."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from optimizer.domain.bars import FloatArray
from optimizer.domain.metrics import periods_per_year
from optimizer.domain.space import Params, Value
from optimizer.domain.study_results import Luck
from optimizer.search.scoring import SetScorer
from optimizer.validation.statistics import (
    BlockSums,
    block_sums,
    deflated_sharpe_ratio,
    expected_max_sharpe,
    joined,
    market_sharpe_ratio,
    minimum_track_record,
    moments,
    pbo_blocks,
    probabilistic_sharpe_ratio,
    probability_of_overfitting,
    spread_without_skill,
)
from optimizer.validation.verdict import PROMISING_DSR

#: Sets whose returns are in memory together.
_BATCH = 512
#: Most uniformly drawn sets in the cross-validation, and draws per set: some repeat, some are infeasible.
_MOST_EVEN_SETS, _DRAWS_PER_SET = 1_000, 2
#: Distinguishes this use of the study's seed from others.
_EVEN_DRAWS = 4


def luck(
    scorer: SetScorer,
    candidates: Sequence[Params],
    winner: FloatArray | None,
    *,
    n_tried: int,
    n_tried_ever: int,
) -> Luck:
    """Deflate the winner's Sharpe ratio by all tries, and cross-validate the choice of a winner.

    `candidates` are the study's feasible sets, which could have been chosen: the spread of their Sharpe ratios is
    the scale of luck. The number of tries counts every unique set, feasible or not, of all studies.
    `winner` are the chosen set's (n,) in-sample returns, None when nothing was feasible.

    In a rising market a set that is invested half of the time has a Sharpe ratio without any skill, and the larger
    it is the likelier the search finds it. `skill` therefore deflates once more, by the Sharpe ratio that the market
    alone gave a position like the winner's; the deflated Sharpe ratio itself is as in the paper.

    The matrix of the cross-validation consists of the candidates and as many feasible sets again, drawn uniformly
    from the rest of the space. A sampler that learns concentrates its trials around the winner, using the whole
    window; among near-copies a rank is meaningless, and the PBO of pure noise was 0.59 instead of one half, that of
    real effects up to 0.45 (docs/calibration.md). The uniform half makes the ranks meaningful again.
    """
    if winner is None:
        return Luck(
            n_tried=n_tried,
            n_tried_ever=n_tried_ever,
            expected_max_sharpe=None,
            deflated_sharpe_ratio=None,
            pbo=None,
            n_blocks=0,
        )
    n_bars = scorer.stop - scorer.start
    n_blocks = pbo_blocks(n_bars)
    sharpes, blocks = _matrix(scorer, candidates, n_blocks)
    spread = spread_without_skill(sharpes, n_bars)
    pbo = _pbo(scorer, candidates, blocks)
    return Luck(
        n_tried=n_tried,
        n_tried_ever=n_tried_ever,
        pbo=pbo,
        n_blocks=0 if math.isnan(pbo) else n_blocks,
        **_deflated(scorer, winner, n_tried_ever, spread),
    )


def _deflated(scorer: SetScorer, winner: FloatArray, n_tried: int, spread: float) -> dict[str, Any]:
    """Fields of Luck that compare the winner's Sharpe ratio with luck's, and with luck's and the market's together."""
    of, by_luck = moments(winner), expected_max_sharpe(n_tried, spread)
    by_market = market_sharpe_ratio(winner, scorer.evaluator.buy_and_hold(start=scorer.start, stop=scorer.stop).returns)
    skill = probabilistic_sharpe_ratio(of, by_luck + by_market)
    needed = minimum_track_record(of, benchmark=by_luck + by_market, confidence=PROMISING_DSR)
    annually = math.sqrt(periods_per_year(scorer.evaluator.bars))
    return {
        "expected_max_sharpe": by_luck * annually,
        "deflated_sharpe_ratio": deflated_sharpe_ratio(of, n_tried=n_tried, sharpe_std=spread),
        "market_sharpe": by_market * annually,
        "skill": skill,
        "n_bars_needed": math.ceil(needed) if skill < PROMISING_DSR and math.isfinite(needed) else None,
    }


def _pbo(scorer: SetScorer, candidates: Sequence[Params], blocks: BlockSums | None) -> float:
    if blocks is None:
        return math.nan
    _, others = _matrix(scorer, even_sets(scorer, candidates), blocks.sums.shape[1])
    return probability_of_overfitting(joined([blocks, others]) if others else blocks)


def even_sets(scorer: SetScorer, besides: Sequence[Params]) -> list[Params]:
    """Draw feasible sets uniformly from the space without `besides`: as many as those, or all if there are fewer.

    Seeded by the study's seed; at most 1,000.
    """
    wanted = min(len(besides), _MOST_EVEN_SETS)
    known = {tuple(params[name] for name in scorer.space.names) for params in besides}
    fresh = [params for key, params in _drawn(scorer, _DRAWS_PER_SET * wanted).items() if key not in known]
    found = _feasible(scorer, fresh[:wanted])
    return found if len(found) == wanted else [*found, *_feasible(scorer, fresh[wanted:])][:wanted]


def _feasible(scorer: SetScorer, param_sets: list[Params]) -> list[Params]:
    if not param_sets:
        return []
    values = scorer.values(scorer.scores(param_sets))
    return [params for params, value in zip(param_sets, values, strict=True) if not math.isnan(value)]


def _drawn(scorer: SetScorer, count: int) -> dict[tuple[Value, ...], Params]:
    """Distinct sets among `count` uniform draws from the space, in the order drawn, by their values."""
    space, rng = scorer.space, np.random.default_rng([scorer.spec.seed, _EVEN_DRAWS])
    columns = [[p.values[i] for i in rng.integers(len(p.values), size=count)] for p in space.parameters]
    rows = dict.fromkeys(zip(*columns, strict=True))
    param_sets = {row: dict(zip(space.names, row, strict=True)) for row in rows}
    return {row: params for row, params in param_sets.items() if space.order is None or space.order.allows(params)}


def _matrix(scorer: SetScorer, param_sets: Sequence[Params], n_blocks: int) -> tuple[FloatArray, BlockSums | None]:
    """Per-bar Sharpe ratios (NaN for none) and block sums of the sets' returns, a batch at a time."""
    sharpes, parts = [np.zeros(0)], []
    for first in range(0, len(param_sets), _BATCH):
        returns = scorer.evaluator.returns(param_sets[first : first + _BATCH], start=scorer.start, stop=scorer.stop)
        sharpes.append(_sharpes(returns))
        if n_blocks:
            parts.append(block_sums(returns, n_blocks))
    return np.concatenate(sharpes), joined(parts) if parts else None


def _sharpes(returns: FloatArray) -> FloatArray:
    """Per-bar Sharpe ratios in one pass: returns are so small that subtracting the squared mean loses no precision."""
    n_bars = returns.shape[1]
    means = returns.mean(axis=1)
    variances = (np.einsum("st,st->s", returns, returns) - n_bars * means**2) / (n_bars - 1)
    moving = variances > 1e-20
    return np.where(moving, means / np.sqrt(np.where(moving, variances, 1.0)), math.nan)
