"""Results of a shared parameter set on each of its symbols, and the medians over them."""

from collections.abc import Callable

from optimizer.domain.metrics import GOALS
from optimizer.domain.space import Params
from optimizer.domain.study_results import Measures, OfSymbol, Scored, Shared
from optimizer.engine.backtest import Backtest
from optimizer.engine.portfolio import Portfolio
from optimizer.validation.assessment import Assessment, SetBacktests


def shared_part(found: Assessment) -> Shared | None:
    """Parts of the shared winner and of buy and hold; None in a study of one symbol."""
    if not found.spec.is_shared:
        return None
    winner, buy_and_hold = found.winner_backtests, found.buy_and_hold_backtests
    parts = [
        OfSymbol(symbol=symbol, winner=_part(found, winner, row), buy_and_hold=_part(found, buy_and_hold, row))
        for row, symbol in enumerate(found.spec.symbols)
    ]
    measured = (part.winner.out_of_sample or part.winner.in_sample for part in parts)
    return Shared(
        by_symbol=tuple(parts),
        winner=_medians(found, winner),
        buy_and_hold=_medians(found, buy_and_hold),
        n_gaining=sum((measures.total_return or 0.0) > 0 for measures in measured),
    )


def _part(found: Assessment, backtests: SetBacktests, row: int) -> Scored:
    return _scored(found, backtests, lambda portfolio: portfolio.parts[row].measures)


def _medians(found: Assessment, backtests: SetBacktests) -> Scored:
    return _scored(found, backtests, lambda portfolio: portfolio.medians)


def _scored(found: Assessment, backtests: SetBacktests, measures: Callable[[Portfolio], Measures]) -> Scored:
    within = measures(_portfolio(backtests.in_sample))
    beyond = None if backtests.out_of_sample is None else measures(_portfolio(backtests.out_of_sample))
    value = getattr(within, GOALS[found.spec.goals[0]].measure)
    return Scored(params=_params(found, backtests), value=value, in_sample=within, out_of_sample=beyond)


def _params(found: Assessment, backtests: SetBacktests) -> Params:
    return {} if backtests is found.buy_and_hold_backtests else dict(found.winner.params)


def _portfolio(backtest: Backtest) -> Portfolio:
    assert isinstance(backtest, Portfolio), "a set for several symbols is run on all of them"
    return backtest
