"""Stress of a winner: what is left of it with dearer trades, later fills and without its luckiest trades."""

import math
from collections.abc import Callable

import numpy as np

from optimizer.domain.metrics import measures_of_returns, periods_per_year
from optimizer.domain.space import Params
from optimizer.domain.study_request import Costs
from optimizer.domain.study_results import MOST_BREAK_EVEN_BPS, Stress
from optimizer.engine.backtest import Backtest
from optimizer.engine.multi_symbol import AnyEvaluator
from optimizer.engine.portfolio import Portfolio
from optimizer.validation.window import WindowRows

#: Trades that are taken out, the best first.
N_BEST = 5
#: Precision of the break-even, basis points.
_PRECISION_BPS = 0.5


def stress(evaluator: AnyEvaluator, params: Params, rows: WindowRows) -> Stress:
    """Play a set through searched and held-out bars as it was judged, and under each of the worse conditions."""

    def play(costs: Costs, *, is_late: bool = False) -> Backtest:
        return evaluator.stressed(params, start=rows.start, stop=rows.stop, costs=costs, is_late=is_late)

    as_judged = play(evaluator.costs)
    return Stress(
        sharpe=as_judged.measures.sharpe_ratio,
        doubled_costs=play(evaluator.costs.scaled(2.0)).measures.sharpe_ratio,
        late=play(evaluator.costs, is_late=True).measures.sharpe_ratio,
        without_best=_without_best(as_judged, periods_per_year(evaluator.bars)),
        break_even_bps=_break_even(lambda bps: play(_flat(evaluator.costs, bps)).gain),
    )


def _without_best(played: Backtest, bars_a_year: float) -> float | None:
    """Sharpe ratio without the returns that the best trades made; of a portfolio each symbol's share of them."""
    parts = played.parts if isinstance(played, Portfolio) else (played,)
    best = sorted(((trade.pnl, i, trade) for i, part in enumerate(parts) for trade in part.trades), key=_by_profit)
    returns = [np.array(part.returns) for part in parts]
    for profit, i, trade in best[:N_BEST]:
        if profit > 0.0:
            returns[i][trade.entry_bar - played.start : trade.exit_bar - played.start + 1] = 0.0
    return measures_of_returns(np.mean(returns, axis=0), periods_per_year=bars_a_year).sharpe_ratio


def _by_profit(ranked: tuple[float, int, object]) -> tuple[float, int]:
    return -ranked[0], ranked[1]


def _flat(costs: Costs, bps: float) -> Costs:
    """So many basis points per side in place of all that a trade costs; borrowed shares cost what they did."""
    return Costs(commission_bps=bps, slippage_bps=0.0, borrow=costs.borrow)


def _break_even(gain: Callable[[float], float]) -> float | None:
    """Costs per side, basis points, at which nothing is gained any more: by halving, since dearer is never better."""
    least, most = 0.0, MOST_BREAK_EVEN_BPS
    if gain(least) <= 0.0:
        return None
    if gain(most) > 0.0:
        return MOST_BREAK_EVEN_BPS
    for _ in range(math.ceil(math.log2(MOST_BREAK_EVEN_BPS / _PRECISION_BPS))):
        middle = (least + most) / 2
        least, most = (middle, most) if gain(middle) > 0.0 else (least, middle)
    return least
