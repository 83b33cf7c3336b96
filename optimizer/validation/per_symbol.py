"""What a shared parameter set did on each of its symbols, and the medians over them."""

from collections.abc import Callable

from optimizer.domain.metrics import GOALS
from optimizer.domain.space import Params
from optimizer.domain.study_results import Measures, OfSymbol, Scored, Shared
from optimizer.engine.backtest import Backtest
from optimizer.engine.portfolio import Portfolio
from optimizer.validation.assessment import Assessment, Played


def shared_part(found: Assessment) -> Shared | None:
    """The parts of a shared set's winner and of buy and hold; None in a study of one symbol."""
    if not found.spec.is_shared:
        return None
    winner, buy_and_hold = found.winning, found.held
    parts = [
        OfSymbol(symbol=symbol, winner=_part(found, winner, row), buy_and_hold=_part(found, buy_and_hold, row))
        for row, symbol in enumerate(found.spec.symbols)
    ]
    played = (part.winner.out_of_sample or part.winner.in_sample for part in parts)
    return Shared(
        by_symbol=tuple(parts),
        winner=_medians(found, winner),
        buy_and_hold=_medians(found, buy_and_hold),
        n_gaining=sum((measures.total_return or 0.0) > 0 for measures in played),
    )


def _part(found: Assessment, played: Played, row: int) -> Scored:
    return _scored(found, played, lambda portfolio: portfolio.parts[row].measures)


def _medians(found: Assessment, played: Played) -> Scored:
    return _scored(found, played, lambda portfolio: portfolio.medians)


def _scored(found: Assessment, played: Played, measures: Callable[[Portfolio], Measures]) -> Scored:
    within = measures(_portfolio(played.in_sample))
    beyond = None if played.out_of_sample is None else measures(_portfolio(played.out_of_sample))
    value = getattr(within, GOALS[found.spec.goals[0]].measure)
    return Scored(params=_params(found, played), value=value, in_sample=within, out_of_sample=beyond)


def _params(found: Assessment, played: Played) -> Params:
    return {} if played is found.held else dict(found.winner.params)


def _portfolio(backtest: Backtest) -> Portfolio:
    assert isinstance(backtest, Portfolio), "a set for several symbols is played on all of them"
    return backtest
