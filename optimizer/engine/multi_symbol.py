"""One parameter set scored on several symbols at once: `mode=shared`.

A set's score of a measure is its median over the symbols, so that no single symbol decides. The search optimizes the
medians, and caps and the least number of trades are compared with them: `trades>30` requires a median of more than 30
closed trades, so that a set may trade less than that on fewer than half of the symbols. A symbol on which a measure
does not exist (no trade, so no Sharpe ratio) counts as the worst value; a set without the measure on half of the
symbols or more has no value and never wins. A winner is judged by the equal-weight portfolio
(`optimizer.engine.portfolio`), whose returns `returns` gives: luck, intervals and benchmarks are about money, and
nobody can invest in a median of returns.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from optimizer.domain.bars import Bars, FloatArray
from optimizer.domain.space import Params, Space
from optimizer.domain.study_request import Costs, StudySpec
from optimizer.engine import kernel
from optimizer.engine.backtest import Backtest
from optimizer.engine.evaluator import Evaluator
from optimizer.engine.portfolio import Portfolio
from optimizer.engine.set_scores import Scores
from optimizer.learned.rows import Training
from optimizer.strategies.registry import Strategy, strategy_of

#: Of a request that names no other symbols.
NO_COMPANIONS: Mapping[str, Bars] = MappingProxyType({})
_TRADES = kernel.SCORE_NAMES.index("n_trades")


class SharedEvaluator:
    """One strategy over the bars of several symbols on the same dates, with the interface of an `Evaluator`."""

    def __init__(self, evaluators: Sequence[Evaluator]) -> None:
        """Combine evaluators of one strategy, with the same costs and bars of the same dates."""
        self.parts = tuple(evaluators)

    def with_strategy(self, strategy: Strategy) -> "SharedEvaluator":
        """Evaluator of another strategy over the same bars."""
        return SharedEvaluator([part.with_strategy(strategy) for part in self.parts])

    @property
    def strategy(self) -> Strategy:
        """Strategy of all parts."""
        return self.parts[0].strategy

    @property
    def bars(self) -> Bars:
        """Bars of the first symbol: their dates are those of all symbols."""
        return self.parts[0].bars

    @property
    def costs(self) -> Costs:
        """Costs per side of a trade."""
        return self.parts[0].costs

    @property
    def cache_hits(self) -> int:
        """Number of indicators requested that were computed before, over all symbols."""
        return sum(part.cache_hits for part in self.parts)

    @property
    def cache_misses(self) -> int:
        """Number of distinct indicators requested, over all symbols."""
        return sum(part.cache_misses for part in self.parts)

    def train(self, space: Space, training: Training) -> None:
        """Fit every row that the strategy learns, symbol by symbol. Raises TrainingStopped, or what a fit does."""
        for part in self.parts:
            part.train(space, training)

    def scores(self, param_sets: Sequence[Params], *, start: int, stop: int) -> Scores:
        """Medians of every score over the symbols, for bars [start, stop); NaN where there is none."""
        return Scores(
            _medians(np.stack([part.scores(param_sets, start=start, stop=stop).table for part in self.parts]))
        )

    def returns(self, param_sets: Sequence[Params], *, start: int, stop: int) -> FloatArray:
        """Per-bar returns of the sets' equal-weight portfolios, (n_sets, stop − start)."""
        return _mean(part.returns(param_sets, start=start, stop=stop) for part in self.parts)

    def returns_and_timing(
        self, param_sets: Sequence[Params], *, start: int, stop: int, market: tuple[int, int]
    ) -> tuple[FloatArray, FloatArray]:
        """Means of the symbols' returns and timing returns, (n_sets, stop − start): each against its own market."""
        parts = [part.returns_and_timing(param_sets, start=start, stop=stop, market=market) for part in self.parts]
        return _mean(own for own, _ in parts), _mean(timing for _, timing in parts)

    def timing_returns(
        self, param_sets: Sequence[Params], *, start: int, stop: int, market: tuple[int, int]
    ) -> FloatArray:
        """Means of the symbols' timing returns, (n_sets, stop − start)."""
        return _mean(part.timing_returns(param_sets, start=start, stop=stop, market=market) for part in self.parts)

    def sharpe_ratios(self, param_sets: Sequence[Params], *, start: int, stop: int) -> FloatArray:
        """Sharpe ratios per bar of the sets' equal-weight portfolios, (n_sets,); NaN where nothing moves."""
        return _sharpe_ratios(self.returns(param_sets, start=start, stop=stop))

    def backtest(self, params: Params, *, start: int, stop: int) -> Portfolio:
        """Equal-weight portfolio of one set over bars [start, stop)."""
        return self._portfolio(lambda part: part.backtest(params, start=start, stop=stop), start, stop)

    def stressed(self, params: Params, *, start: int, stop: int, costs: Costs, is_late: bool = False) -> Portfolio:
        """Equal-weight portfolio of one set with other costs, and with signals one bar late."""
        parts = [part.stressed(params, start=start, stop=stop, costs=costs, is_late=is_late) for part in self.parts]
        return Portfolio.of(parts)

    def buy_and_hold(self, *, start: int, stop: int) -> Portfolio:
        """Equal-weight portfolio of every symbol's buy and hold over bars [start, stop), with the same costs."""
        return Portfolio.of([part.buy_and_hold(start=start, stop=stop) for part in self.parts])

    def _portfolio(self, backtest: Callable[[Evaluator], Backtest], start: int, stop: int) -> Portfolio:
        benchmark = self.buy_and_hold(start=start, stop=stop).returns
        return Portfolio.of([backtest(part) for part in self.parts], benchmark=benchmark)


#: Evaluator of one symbol or of several.
AnyEvaluator = Evaluator | SharedEvaluator


def evaluator_of(spec: StudySpec, many: Sequence[Bars], companions: Mapping[str, Bars] = NO_COMPANIONS) -> AnyEvaluator:
    """Evaluator of a request's strategy; `many` holds the bars of each of its symbols, on the same dates.

    `companions` are the bars of the other symbols that it names, by symbol.
    """
    strategy = strategy_of(spec)
    many = many if spec.counts_weekdays else [replace(bars, counts_weekdays=False) for bars in many]
    rules = {name: getattr(spec, name) for name in ("costs", "account", "allow_short", "reenter", "counts_ahead")}
    yields = companions[spec.account.interest_symbol] if spec.account.interest_symbol else None
    parts = [Evaluator(strategy, bars, yields=yields, others=companions, **rules) for bars in many]
    return SharedEvaluator(parts) if spec.is_shared else parts[0]


def _mean(tables: Iterable[FloatArray]) -> FloatArray:
    """Mean of tables of one shape; only two of them are in memory together."""
    remaining = iter(tables)
    total, n_tables = next(remaining), 1
    for table in remaining:
        total += table
        n_tables += 1
    return total / n_tables


def _sharpe_ratios(returns: FloatArray) -> FloatArray:
    """Per-bar Sharpe ratios in one pass: returns are so small that subtracting the squared mean loses no precision."""
    n_bars = returns.shape[1]
    means = returns.mean(axis=1)
    variances = (np.einsum("st,st->s", returns, returns) - n_bars * means**2) / (n_bars - 1)
    moving = variances > 1e-20
    return np.where(moving, means / np.sqrt(np.where(moving, variances, 1.0)), np.nan)


def _medians(tables: FloatArray) -> FloatArray:
    """Medians (n_sets, measures) of (n_symbols, n_sets, measures), a missing measure counting as the worst."""
    found = np.median(np.where(np.isnan(tables), -np.inf, tables), axis=0)
    found[:, _TRADES] = np.floor(found[:, _TRADES])
    return np.where(np.isfinite(found), found, np.nan)
