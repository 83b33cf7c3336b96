"""Walk-forward: refit on one window, score the next one, and join the out-of-sample returns.

Training windows are rolling and of equal length (half of the searched window where that is long enough); the rest is
cut into equal tests that follow each other without overlap. Between a training window and its test is a gap of one
typical holding period, so that no trade of the one extends into the other (purging: López de Prado, "Advances
in Financial Machine Learning", 2018, chapter 7). Each test starts flat, with indicators warmed up on the bars
before it; the tests together are one out-of-sample record.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from optimizer.domain.bars import FloatArray
from optimizer.domain.metrics import GOALS, measures_of_returns, periods_per_year
from optimizer.domain.space import Params, Space
from optimizer.domain.study_request import StudySpec
from optimizer.domain.study_results import Fold, Measures, WalkForward
from optimizer.engine.backtest import Backtest
from optimizer.engine.multi_symbol import AnyEvaluator
from optimizer.search.fold_search import FoldFit, Refit
from optimizer.validation.window import day_of, days_of

#: Least numbers of bars of a test and of a training window.
LEAST_TEST_BARS = 60
LEAST_TRAIN_BARS = 240
#: The gap takes at most this share of a test's length.
_LARGEST_GAP = 0.2


@dataclass(frozen=True, kw_only=True)
class FoldRows:
    """Rows of one fold: training [train_start, train_stop), test [test_start, test_stop)."""

    train_start: int
    train_stop: int
    test_start: int
    test_stop: int


def plan_folds(start: int, stop: int, *, n_folds: int, gap: int) -> tuple[FoldRows, ...]:
    """Cut rows [start, stop) into at most `n_folds` folds, the tests at the end; none when they are too few.

    `gap` rows before each test belong to neither side, at most a fifth of a test's length.
    """
    n_rows = stop - start
    n_train = max(n_rows // 2, LEAST_TRAIN_BARS)
    count = min(n_folds, (n_rows - n_train) // LEAST_TEST_BARS)
    if count < 1:
        return ()
    n_test = (n_rows - n_train) // count
    gap = min(gap, math.floor(n_test * _LARGEST_GAP))
    firsts = [stop - n_test * (count - i) for i in range(count)]
    return tuple(
        FoldRows(train_start=first - n_train, train_stop=first - gap, test_start=first, test_stop=first + n_test)
        for first in firsts
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Walk:
    """Walk-forward with what only the tests of significance need; all bars are those of the tests, (n_bars,)."""

    result: WalkForward
    leaders: FloatArray  # mean timing returns of each fold's leaders, 0 in a fold without a feasible set
    market: FloatArray  # returns of buy and hold


@dataclass(frozen=True, kw_only=True)
class _Tested:
    """Refitted set of a fold and its backtest in the test; both None when nothing was feasible."""

    rows: FoldRows
    fitted: FoldFit | None
    result: Backtest | None
    leaders: FloatArray  # mean timing returns of the fold's leaders, 0 without a feasible set

    @property
    def returns(self) -> FloatArray:
        """Per-bar returns of the test, 0 without a feasible set."""
        return self.result.returns if self.result else np.zeros_like(self.leaders)


def walk_forward(
    spec: StudySpec, space: Space, evaluator: AnyEvaluator, *, start: int, stop: int, refit: Refit
) -> Walk | None:
    """Refit and score every fold of rows [start, stop); None when the window is too short for one.

    Every fold chooses from the whole grid where that can be scored, and has the study's budget elsewhere, with its
    own seed derived from the study's. The least number of trades shrinks with the length of the training window. A
    fold in which no set is feasible stays out of the market: its `params` are empty and its returns 0.
    """
    gap = holding_period(evaluator, space.default, start=start, stop=stop)
    plan = plan_folds(start, stop, n_folds=spec.folds, gap=gap)
    if not plan:
        return None
    scaled = _scaled(spec, (plan[0].train_stop - plan[0].train_start) / (stop - start))
    tested = []
    for number, rows in enumerate(plan):
        fitted = refit(
            scaled, space, evaluator, start=rows.train_start, stop=rows.train_stop, seed=fold_seed(spec.seed, number)
        )
        tested.append(_tested(evaluator, rows, fitted, (plan[0].test_start, plan[-1].test_stop)))
    return Walk(
        result=_joined(spec, evaluator, tested),
        leaders=np.concatenate([fold.leaders for fold in tested]),
        market=evaluator.buy_and_hold(start=plan[0].test_start, stop=plan[-1].test_stop).returns,
    )


def _tested(evaluator: AnyEvaluator, rows: FoldRows, fitted: FoldFit | None, market: tuple[int, int]) -> _Tested:
    start, stop = rows.test_start, rows.test_stop
    if fitted is None:
        return _Tested(rows=rows, fitted=None, result=None, leaders=np.zeros(stop - start))
    return _Tested(
        rows=rows,
        fitted=fitted,
        result=evaluator.backtest(fitted.params, start=start, stop=stop),
        leaders=evaluator.timing_returns(fitted.leaders, start=start, stop=stop, market=market).mean(axis=0),
    )


def holding_period(evaluator: AnyEvaluator, params: Params, *, start: int, stop: int) -> int:
    """Typical number of bars of a trade of a set, at least 1: the gap between training and test."""
    lengths = [trade.n_bars for trade in evaluator.backtest(params, start=start, stop=stop).closed_trades]
    return max(1, math.ceil(np.mean(lengths))) if lengths else 1


def fold_seed(seed: int, number: int) -> int:
    """Seed of one fold's refit, below 2³¹."""
    return int(np.random.SeedSequence([seed, number]).generate_state(1)[0] >> 1)


def _scaled(spec: StudySpec, share: float) -> StudySpec:
    """Request with its least number of trades scaled to a share of the window, but not to 0."""
    return spec.model_copy(update={"min_trades": min(spec.min_trades, max(1, round(spec.min_trades * share)))})


def _joined(spec: StudySpec, evaluator: AnyEvaluator, tested: Sequence[_Tested]) -> WalkForward:
    bars = evaluator.bars
    first, last = tested[0].rows.test_start, tested[-1].rows.test_stop
    returns = np.concatenate([fold.returns for fold in tested])
    return WalkForward(
        folds=tuple(_fold(spec, evaluator, fold) for fold in tested),
        stitched=_stitched(evaluator, tested, returns),
        returns=tuple(returns.tolist()),
        dates=days_of(bars, first, last),
        buy_and_hold=evaluator.buy_and_hold(start=first, stop=last).measures.sharpe_ratio,
    )


def _fold(spec: StudySpec, evaluator: AnyEvaluator, tested: _Tested) -> Fold:
    bars, rows, measure = evaluator.bars, tested.rows, GOALS[spec.goals[0]].measure
    return Fold(
        train_start=day_of(bars, rows.train_start),
        train_end=day_of(bars, rows.train_stop - 1),
        test_start=day_of(bars, rows.test_start),
        test_end=day_of(bars, rows.test_stop - 1),
        params=dict(tested.fitted.params) if tested.fitted else {},
        in_sample=_fitted_value(spec, evaluator, tested),
        out_of_sample=tested.result.objective(measure) if tested.result else None,
    )


def _fitted_value(spec: StudySpec, evaluator: AnyEvaluator, tested: _Tested) -> float | None:
    """Value of a fold's set in its training; the plain one of a weighed goal, as in its test."""
    goal, fitted, rows = GOALS[spec.goals[0]], tested.fitted, tested.rows
    if fitted is None or not goal.weighs:
        return fitted.value if fitted else None
    return float(
        evaluator.scores([fitted.params], start=rows.train_start, stop=rows.train_stop).column(goal.measure)[0]
    )


def _stitched(evaluator: AnyEvaluator, tested: Sequence[_Tested], returns: FloatArray) -> Measures:
    """Measures of the joined returns against buy and hold over the same bars, with counts summed over the folds."""
    first, last = tested[0].rows.test_start, tested[-1].rows.test_stop
    market = evaluator.buy_and_hold(start=first, stop=last)
    a_year = periods_per_year(evaluator.bars)
    done = [fold.result.measures for fold in tested if fold.result]
    exposed = math.fsum((measures.exposure or 0.0) for measures in done) / len(tested)
    joined = measures_of_returns(returns, periods_per_year=a_year, benchmark=market.returns, interest=market.interest)
    return joined.model_copy(update={"n_trades": sum(measures.n_trades for measures in done), "exposure": exposed})
