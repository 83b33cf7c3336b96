"""One parameter set scored on several symbols at once: `mode=shared`.

A set's score of a measure is its median over the symbols: one that suits a single symbol does not win by it, and
one symbol that it does not suit does not sink it. The medians are what the search optimizes and what caps and the
least number of trades are held against: `trades>30` asks for a median of more than 30 closed trades, so that a set
may trade less than that on fewer than half of the symbols. A symbol on which a measure does not exist (no trade, so
no Sharpe ratio) counts as the worst there is; a set that lacks it on half of the symbols or more has no value and
never wins. A winner is judged by the equal-weight portfolio (see `optimizer.engine.portfolio`), which is also what
`returns` gives: luck, intervals and benchmarks are about money, and a median of returns is no one's account.
"""

from collections.abc import Callable, Sequence

import numpy as np

from optimizer.domain.bars import Bars, FloatArray
from optimizer.domain.space import Params
from optimizer.domain.study_request import Costs, StudySpec
from optimizer.engine import kernel
from optimizer.engine.backtest import Backtest
from optimizer.engine.evaluator import Evaluator, Scores
from optimizer.engine.portfolio import Portfolio
from optimizer.strategies.registry import Strategy, find_strategy

_TRADES = kernel.SCORE_NAMES.index("n_trades")


class SharedEvaluator:
    """One strategy over the bars of several symbols on the same dates; asked like an `Evaluator` of one."""

    def __init__(self, evaluators: Sequence[Evaluator]) -> None:
        """`evaluators` have one strategy, the same costs, and bars of the same dates."""
        self.parts = tuple(evaluators)

    @property
    def strategy(self) -> Strategy:
        """The strategy."""
        return self.parts[0].strategy

    @property
    def bars(self) -> Bars:
        """The first symbol's bars: the dates, and with them the rows, are those of all."""
        return self.parts[0].bars

    @property
    def costs(self) -> Costs:
        """Costs of a side."""
        return self.parts[0].costs

    @property
    def cache_hits(self) -> int:
        """Rows of indicators that were asked for and computed already, over all symbols."""
        return sum(part.cache_hits for part in self.parts)

    @property
    def cache_misses(self) -> int:
        """Distinct rows of indicators that were asked for, over all symbols."""
        return sum(part.cache_misses for part in self.parts)

    def scores(self, param_sets: Sequence[Params], *, start: int, stop: int) -> Scores:
        """Medians over the symbols of every score of the sets over rows [start, stop); NaN where there is none."""
        return Scores(
            _medians(np.stack([part.scores(param_sets, start=start, stop=stop).table for part in self.parts]))
        )

    def returns(self, param_sets: Sequence[Params], *, start: int, stop: int) -> FloatArray:
        """Per-bar returns of the sets' equal-weight portfolios, of shape (n_sets, stop − start)."""
        total = self.parts[0].returns(param_sets, start=start, stop=stop)
        for part in self.parts[1:]:
            total += part.returns(param_sets, start=start, stop=stop)
        return total / len(self.parts)

    def backtest(self, params: Params, *, start: int, stop: int) -> Portfolio:
        """The equal-weight portfolio of one set in full over rows [start, stop)."""
        return self._portfolio(lambda part: part.backtest(params, start=start, stop=stop), start, stop)

    def buy_and_hold(self, *, start: int, stop: int) -> Portfolio:
        """Every symbol bought and held in equal weights over rows [start, stop), with the same costs."""
        return Portfolio.of([part.buy_and_hold(start=start, stop=stop) for part in self.parts])

    def _portfolio(self, play: Callable[[Evaluator], Backtest], start: int, stop: int) -> Portfolio:
        benchmark = self.buy_and_hold(start=start, stop=stop).returns
        return Portfolio.of([play(part) for part in self.parts], benchmark=benchmark)


#: Bars of one symbol or of several, ready to score sets.
AnyEvaluator = Evaluator | SharedEvaluator


def evaluator_of(spec: StudySpec, many: Sequence[Bars]) -> AnyEvaluator:
    """What plays a request's strategy: `many` holds the bars of each of its symbols, on the same dates."""
    strategy = find_strategy(spec.strategy_name)
    parts = [Evaluator(strategy, bars, costs=spec.costs, allow_short=spec.allow_short) for bars in many]
    return SharedEvaluator(parts) if spec.is_shared else parts[0]


def _medians(tables: FloatArray) -> FloatArray:
    """(n_sets, measures) medians of (n_symbols, n_sets, measures), a missing measure counting as the worst."""
    found = np.median(np.where(np.isnan(tables), -np.inf, tables), axis=0)
    found[:, _TRADES] = np.floor(found[:, _TRADES])
    return np.where(np.isfinite(found), found, np.nan)
