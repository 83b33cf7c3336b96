"""Caveats about the data or the search for a summary: one predicate per note."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from optimizer.domain.space import Range
from optimizer.domain.study_request import is_exhaustive
from optimizer.domain.study_results import Case, Scored
from optimizer.validation.assessment import Assessment
from optimizer.validation.verdict import (
    FEW_TRADES,
    LUCK_DSR,
    RESEARCH_CONFIDENCE,
    SHORT_HOLDOUT_BARS,
    SPIKE_SHARE,
    Note,
)
from optimizer.validation.window import is_short

#: MORE_BARS_WOULD_TELL is noted up to this multiple of the available bars.
BELIEVABLE_GROWTH = 4


#: What would settle it is noted only where luck is the open question.
_OPEN = frozenset({Case.LUCK_EXPLAINS, Case.LUCK_AND_MARKET_EXPLAIN, Case.LUCK_OPEN})
_ONLY_WHILE_OPEN = frozenset({Note.MORE_BARS_WOULD_TELL, Note.FEWER_PARAMETERS_WOULD_TELL})
#: Fewer of them can hardly be asked for.
_FEW_PARAMETERS = 2


def notes(found: Assessment, case: Case | None) -> tuple[Note, ...]:
    """Notes whose predicate is true, in the order of declaration."""
    left_out = frozenset() if case in _OPEN else _ONLY_WHILE_OPEN
    return tuple(note for note in Note if note not in left_out and _HOLDS[note](found))


def _few_trades(found: Assessment) -> bool:
    return found.winner.in_sample.n_trades < FEW_TRADES


def _no_trades_out_of_sample(found: Assessment) -> bool:
    unseen = found.winner.out_of_sample
    return unseen is not None and not unseen.exposure


def _short_holdout(found: Assessment) -> bool:
    return 0 < found.rows.stop - found.rows.holdout_start < SHORT_HOLDOUT_BARS


def _short_warm_up(found: Assessment) -> bool:
    return found.evaluator.strategy.warm_up(found.winner.params) > found.rows.start


def _n_folds(found: Assessment) -> int:
    return len(found.walk_forward.folds) if found.walk_forward else 0


def _empty_fold(found: Assessment) -> bool:
    return found.walk_forward is not None and any(not fold.params for fold in found.walk_forward.folds)


def _is_spike(found: Assessment) -> bool:
    return found.plateau.share is not None and found.plateau.share < SPIKE_SHARE


def _winner_is_textbook(found: Assessment) -> bool:
    return bool(found.ranked) and found.winner.params == found.space.default


def _benchmark_better(found: Assessment) -> bool:
    ours, buy_and_hold = (_last_sharpe(scored) for scored in (found.winner, found.buy_and_hold))
    return buy_and_hold is not None and (ours is None or buy_and_hold > ours)


def _last_sharpe(scored: Scored) -> float | None:
    return (scored.out_of_sample or scored.in_sample).sharpe_ratio


def _edge_of_range(found: Assessment) -> bool:
    ranges = [p for p in found.space.parameters if isinstance(p, Range) and len(p.values) > 1]
    return bool(found.ranked) and any(found.winner.params[p.name] in (p.values[0], p.values[-1]) for p in ranges)


def _market_explains_it(found: Assessment) -> bool:
    tests, beyond_luck = found.significance, found.luck.deflated_sharpe_ratio or 0.0
    return tests is not None and beyond_luck >= LUCK_DSR and 1.0 - tests.p < RESEARCH_CONFIDENCE


def _more_bars_would_tell(found: Assessment) -> bool:
    needed = found.luck.n_bars_needed
    return needed is not None and needed <= BELIEVABLE_GROWTH * (found.rows.holdout_start - found.rows.start)


def _fewer_parameters_would_tell(found: Assessment) -> bool:
    free = [parameter for parameter in found.space.parameters if len(parameter.values) > 1]
    return found.luck.n_tried > 1 and len(free) > _FEW_PARAMETERS and not _more_bars_would_tell(found)


_HOLDS: Mapping[Note, Callable[[Assessment], bool]] = MappingProxyType(
    {
        Note.NOTHING_FEASIBLE: lambda found: not found.ranked,
        Note.FEW_TRADES: _few_trades,
        Note.NO_TRADES_OUT_OF_SAMPLE: _no_trades_out_of_sample,
        Note.NO_HOLDOUT: lambda found: not found.rows.has_holdout,
        Note.SHORT_HOLDOUT: _short_holdout,
        Note.ZERO_COSTS: lambda found: found.spec.costs.are_none,
        Note.EXHAUSTIVE: lambda found: is_exhaustive(found.spec, found.space),
        Note.SHORT_WINDOW: lambda found: is_short(found.spec, found.rows, found.evaluator.bars),
        Note.SHORT_WARM_UP: _short_warm_up,
        Note.FEWER_FOLDS: lambda found: 0 < _n_folds(found) < found.spec.folds,
        Note.NO_FOLDS: lambda found: _n_folds(found) == 0 < found.spec.folds,
        Note.EMPTY_FOLD: _empty_fold,
        Note.NO_PBO: lambda found: found.luck.pbo is None,
        Note.SPIKE: _is_spike,
        Note.WINNER_IS_TEXTBOOK: _winner_is_textbook,
        Note.BENCHMARK_BETTER: _benchmark_better,
        Note.EDGE_OF_RANGE: _edge_of_range,
        Note.MARKET_EXPLAINS_IT: _market_explains_it,
        Note.MORE_BARS_WOULD_TELL: _more_bars_would_tell,
        Note.FEWER_PARAMETERS_WOULD_TELL: _fewer_parameters_would_tell,
    }
)
