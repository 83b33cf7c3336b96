"""What a split by regime is worth: beside the same search without it, and beside the same search with shifted labels.

A second value is freedom, and the best of a larger space is better in sample whether the labels mean something or not.
So the whole search is repeated with the labels shifted in time, which have the same stretches and know nothing of the
market (the idea of White's reality check, 2000, for this freedom alone): only a gain beyond theirs is the regimes'.
"""

import math
from collections.abc import Iterator

import numpy as np

from optimizer.domain.bars import FloatArray
from optimizer.domain.metrics import periods_per_year
from optimizer.domain.results.regime_results import SplitEvidence, SplitWorth
from optimizer.domain.space import Params
from optimizer.domain.study_request import StudySpec
from optimizer.engine.multi_symbol import AnyEvaluator
from optimizer.indicators.conditions import Conditions
from optimizer.indicators.indicators import IndicatorFunction
from optimizer.search.fold_search import refit_within_budget
from optimizer.strategies.regimes.splitting import split, without_split
from optimizer.strategies.registry import space_of, strategy_of
from optimizer.validation.assessment import Assessment
from optimizer.validation.champions.paired_test import PairedBootstrap, judge
from optimizer.validation.verdict import MOST_PLACEBO
from optimizer.validation.walk_forward import walk_forward

#: Shifted rows of labels; with their number the least p is one in forty.
N_PLACEBOS = 39
#: Bars by which labels are shifted at least, either way.
LEAST_SHIFT = 63
#: Share of resamples from which a split earns its place, and up to which it costs.
_EARNS, _COSTS = 0.95, 0.05


def split_evidence(found: Assessment) -> SplitEvidence | None:
    """Evidence of a study with a split; None without one, and where no set qualified."""
    spec = found.spec
    if not spec.by_regime or not found.ranked:
        return None
    plain = without_split(spec)
    evaluator = found.evaluator.with_strategy(strategy_of(plain))
    params, plain_value = _searched(found, plain, evaluator)
    _, value = _searched(found, spec, found.evaluator)
    shifted = [_searched(found, spec, one)[1] for one in _placebos(found)]
    paired, n_unseen = _paired(found, plain, evaluator, params)
    placebo_p = (1 + sum(one >= value for one in shifted)) / (1 + len(shifted))
    gains = sorted(one - plain_value for one in shifted if math.isfinite(one - plain_value))
    return SplitEvidence(
        names=spec.by_regime,
        plain_params=params,
        plain_value=plain_value,
        split_value=value,
        gain=value - plain_value,
        placebo_gain=gains[len(gains) // 2] if gains else None,
        placebo_gains=tuple(gains),
        placebo_p=placebo_p,
        is_freedom=placebo_p > MOST_PLACEBO,
        plain_sharpe=_sharpe_held_out(found, evaluator, params),
        split_sharpe=found.winner.out_of_sample.sharpe_ratio if found.winner.out_of_sample else None,
        n_unseen=n_unseen,
        difference=paired.mean * periods_per_year(found.evaluator.bars),
        probability=paired.probability,
        worth=_worth(paired.probability),
    )


def _searched(found: Assessment, spec: StudySpec, evaluator: AnyEvaluator) -> tuple[Params, float]:
    """Best set of a search of the searched bars with the study's budget and seed; −∞ where none is feasible."""
    rows = found.rows
    best = refit_within_budget(
        spec, space_of(spec), evaluator, start=rows.start, stop=rows.holdout_start, seed=spec.seed
    )
    return (dict(best.params), best.value) if best else ({}, -math.inf)


def _placebos(found: Assessment) -> Iterator[AnyEvaluator]:
    """Evaluators whose labels are shifted around within the searched bars, by different numbers of bars."""
    start, stop = found.rows.start, found.rows.holdout_start
    plain, labels = strategy_of(without_split(found.spec)), found.evaluator.strategy.stress
    assert labels is not None, "the study has a split"
    possible = np.arange(LEAST_SHIFT, stop - start - LEAST_SHIFT + 1)
    drawn = np.random.default_rng(found.spec.seed).choice(possible, size=min(N_PLACEBOS, len(possible)), replace=False)
    for shift in drawn.tolist():
        yield found.evaluator.with_strategy(split(plain, found.spec.by_regime, _shifted(labels, shift, start, stop)))


def _shifted(labels: IndicatorFunction, shift: int, start: int, stop: int) -> IndicatorFunction:
    """Row of stress, shifted around within the rows [start, stop)."""

    def row(conditions: Conditions, _: int) -> FloatArray:
        moved = conditions.indicator(labels, 0).copy()
        moved[start:stop] = np.roll(moved[start:stop], shift)
        return moved

    return row


def _paired(
    found: Assessment, plain: StudySpec, evaluator: AnyEvaluator, params: Params
) -> tuple[PairedBootstrap, int]:
    """Paired bootstrap of the split's returns less the plain search's, on the bars of the folds and of the holdout."""
    ours = _unseen(found, found.spec, found.evaluator, dict(found.winner.params))
    theirs = _unseen(found, plain, evaluator, params)
    return judge(ours - theirs, seed=found.spec.seed), len(ours)


def _unseen(found: Assessment, spec: StudySpec, evaluator: AnyEvaluator, params: Params) -> FloatArray:
    """Returns of refits on the bars of the folds, then those of a set on the held-out bars; 0 without a set."""
    rows, space = found.rows, space_of(spec)
    walk = walk_forward(spec, space, evaluator, start=rows.start, stop=rows.holdout_start, refit=refit_within_budget)
    parts = [np.array(walk.result.returns)] if walk else []
    if rows.has_holdout:
        held_out = rows.holdout_start, rows.stop
        parts.append(
            evaluator.returns([params], start=held_out[0], stop=held_out[1])[0]
            if params
            else np.zeros(held_out[1] - held_out[0])
        )
    return np.concatenate(parts) if parts else np.zeros(0)


def _sharpe_held_out(found: Assessment, evaluator: AnyEvaluator, params: Params) -> float | None:
    if not params or not found.rows.has_holdout:
        return None
    return evaluator.backtest(params, start=found.rows.holdout_start, stop=found.rows.stop).measures.sharpe_ratio


def _worth(probability: float) -> SplitWorth:
    """What the share of resamples says; a comparison without one cannot tell."""
    if math.isnan(probability):
        return SplitWorth.CANNOT_TELL
    if probability >= _EARNS:
        return SplitWorth.EARNS
    return SplitWorth.COSTS if probability <= _COSTS else SplitWorth.CANNOT_TELL
