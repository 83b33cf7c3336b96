"""Results of one study's assessment, each computed once."""

import math
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from optimizer.domain.bars import Bars, FloatArray
from optimizer.domain.metrics import GOALS, periods_per_year
from optimizer.domain.ranking import ranked
from optimizer.domain.results.learned_results import LearnedReport
from optimizer.domain.space import Params, Space
from optimizer.domain.study_request import StudySpec
from optimizer.domain.study_results import (
    Comparison,
    Curve,
    Degenerate,
    Expected,
    Interval,
    Luck,
    Measures,
    Plateau,
    Scored,
    Significance,
    Stress,
    Stretch,
    TrialRecord,
    Tries,
    Unmet,
    WalkForward,
)
from optimizer.domain.thinning import thin_curve
from optimizer.engine.backtest import Backtest
from optimizer.engine.multi_symbol import AnyEvaluator
from optimizer.engine.other_series import benchmark_returns
from optimizer.search.fold_search import Refit
from optimizer.search.scoring import SetScorer
from optimizer.validation import luck as chance
from optimizer.validation.family import Family, family
from optimizer.validation.learned_evidence.report import learned_report
from optimizer.validation.sensitivity import importance, plateau
from optimizer.validation.significance import SignificanceTests, significance
from optimizer.validation.statistics import description
from optimizer.validation.statistics.bootstrap import Bootstrap, bootstrap, interval, widened
from optimizer.validation.statistics.comparison import compare
from optimizer.validation.stress import stress
from optimizer.validation.unmet import unmet
from optimizer.validation.walk_forward import Walk, walk_forward
from optimizer.validation.window import WindowRows, day_of

#: Sets shown as the best, the winner first.
N_TOP = 5
#: Points of the bootstrap distribution and of the scatter that are kept.
N_BOOTSTRAP_POINTS = 200
N_SCATTER_POINTS = 2_000
#: The best and the worst stretch are a tenth of the window long, at least a month of sessions.
_STRETCH_SHARE, _LEAST_STRETCH_BARS = 10, 21
#: Out-of-sample returns that a bootstrap needs.
_LEAST_BOOTSTRAP_BARS = 20
#: Out-of-sample returns from which on a bootstrap runs beside the rest.
_LEAST_BESIDE_BARS = 20_000


@dataclass(frozen=True, kw_only=True)
class SetBacktests:
    """Backtests of one set in the searched window and in the holdout."""

    in_sample: Backtest
    out_of_sample: Backtest | None  # None when nothing is held out

    @property
    def equity(self) -> FloatArray:
        """Equity from 1.0 through both windows; the second one starts flat."""
        if self.out_of_sample is None:
            return self.in_sample.equity
        return np.concatenate([self.in_sample.equity, self.in_sample.equity[-1] * self.out_of_sample.equity])


@dataclass(frozen=True, kw_only=True)
class Assessment:
    """Every result is computed on first access, with the results it depends on."""

    spec: StudySpec
    space: Space
    evaluator: AnyEvaluator
    trials: Sequence[TrialRecord]
    rows: WindowRows
    tries: Tries
    refit: Refit
    companions: Mapping[str, Bars] = field(default_factory=dict)

    @cached_property
    def scorer(self) -> SetScorer:
        """Scorer of the searched window."""
        return self._scorer(self.rows.start, self.rows.holdout_start)

    @cached_property
    def unseen_scorer(self) -> SetScorer | None:
        """Scorer of the holdout; None when nothing is held out."""
        return self._scorer(self.rows.holdout_start, self.rows.stop) if self.rows.has_holdout else None

    def _scorer(self, start: int, stop: int) -> SetScorer:
        return SetScorer(spec=self.spec, space=self.space, evaluator=self.evaluator, start=start, stop=stop)

    @property
    def _measure(self) -> str:
        return GOALS[self.scorer.goal].measure

    @cached_property
    def ranked(self) -> list[TrialRecord]:
        """Feasible trials, best first."""
        return ranked(self.trials)

    @cached_property
    def winner(self) -> Scored:
        """Best feasible set, or the default set if there is none."""
        if not self.ranked:
            return self.default
        best = self.ranked[0]
        return _as_scored(self.winner_backtests, dict(best.params), best.value, best.number)

    @cached_property
    def optimum(self) -> float | None:
        """Best feasible value of all sets of the space, tried or not; None if they are too many, or none has a value.

        It shows how close the search came and chooses nothing, so its sets do not count as tries.
        """
        if not self.family.is_whole or not self.family.param_sets:
            return None
        return float(self.scorer.values(self.scorer.scores(self.family.param_sets[:1]))[0])

    @cached_property
    def family(self) -> Family:
        """Sets that the evidence rests on: the whole grid, or an even sample of it with those tried."""
        return family(self.scorer, [dict(trial.params) for trial in self.ranked])

    @cached_property
    def tests(self) -> SignificanceTests:
        """SignificanceTests of significance."""
        return SignificanceTests(scorer=self.scorer, unseen=self.unseen_scorer, family=self.family, walk=self._walk)

    @cached_property
    def significance(self) -> Significance | None:
        """Significance of the result; None where no set qualified."""
        return significance(self.tests, self.tries.n_counted) if self.ranked else None

    @cached_property
    def default(self) -> Scored:
        """Default set with the same measures as the winner."""
        params = self.space.default
        backtests = self.backtests_of(params)
        value = backtests.in_sample.objective(self._measure)
        if GOALS[self.scorer.goal].weighs:
            value = float(self.scorer.scores([params]).column(GOALS[self.scorer.goal].column)[0])
        return _as_scored(backtests, params, value, self._number_of(params))

    @cached_property
    def buy_and_hold(self) -> Scored:
        """Buy and hold over the same rows with the same costs."""
        return _as_scored(
            self.buy_and_hold_backtests, {}, self.buy_and_hold_backtests.in_sample.objective(self._measure), None
        )

    @cached_property
    def top(self) -> tuple[Scored, ...]:
        """Five best sets, the winner first; the others with the measures of a batch."""
        others = self.ranked[1:N_TOP]
        return (self.winner, *self.scored(others)) if self.ranked else ()

    def scored(self, trials: Sequence[TrialRecord]) -> list[Scored]:
        """Trials with their measures in and out of sample, each window in one call."""
        if not trials:
            return []
        param_sets, unseen = [dict(trial.params) for trial in trials], self.unseen_scorer
        within = self.scorer.measures(param_sets, self.scorer.scores(param_sets))
        beyond = unseen.measures(param_sets, unseen.scores(param_sets)) if unseen else [None] * len(param_sets)
        return [
            Scored(params=trial.params, value=trial.value, number=trial.number, in_sample=ours, out_of_sample=theirs)
            for trial, ours, theirs in zip(trials, within, beyond, strict=True)
        ]

    def backtests_of(self, params: Params) -> SetBacktests:
        """Run the backtests of a set in both windows."""
        rows, play = self.rows, self.evaluator.backtest
        return SetBacktests(
            in_sample=play(params, start=rows.start, stop=rows.holdout_start),
            out_of_sample=play(params, start=rows.holdout_start, stop=rows.stop) if rows.has_holdout else None,
        )

    @cached_property
    def buy_and_hold_backtests(self) -> SetBacktests:
        """Backtests of buy and hold."""
        rows, buy_and_hold = self.rows, self.evaluator.buy_and_hold
        return SetBacktests(
            in_sample=buy_and_hold(start=rows.start, stop=rows.holdout_start),
            out_of_sample=buy_and_hold(start=rows.holdout_start, stop=rows.stop) if rows.has_holdout else None,
        )

    @cached_property
    def comparison(self) -> Comparison | None:
        """Winner beside the benchmark of the request, out of sample where anything is held out."""
        if self.spec.benchmark is None:
            return None
        played, start = self.winner_backtests.out_of_sample, self.rows.holdout_start
        if played is None:
            played, start = self.winner_backtests.in_sample, self.rows.start
        interest = np.zeros(len(played.equity)) if played.interest is None else played.interest
        bars = self.evaluator.bars
        others = benchmark_returns(self.spec.benchmark, bars, self.companions, start=start, interest=interest)
        return compare(
            played.returns,
            others,
            periods_per_year(bars),
            is_out_of_sample=self.winner_backtests.out_of_sample is not None,
        )

    def _number_of(self, params: Params) -> int | None:
        return next((trial.number for trial in self.trials if trial.params == params), None)

    @cached_property
    def winner_backtests(self) -> SetBacktests:
        """Backtests of the winner."""
        return self.backtests_of(dict(self.ranked[0].params) if self.ranked else self.space.default)

    @cached_property
    def expected(self) -> Expected | None:
        """Sharpe ratio to expect of the winner; None where no set qualified."""
        return self.tests.expected(self.winner) if self.ranked else None

    @cached_property
    def stress(self) -> Stress | None:
        """Winner under worse conditions; None where no set qualified."""
        return stress(self.evaluator, self.winner.params, self.rows) if self.ranked else None

    @cached_property
    def learned(self) -> LearnedReport | None:
        """What the winner learned, and how good that is; None of a strategy that learns nothing."""
        return learned_report(self.evaluator, self.winner.params, self.rows)

    @cached_property
    def luck(self) -> Luck:
        """Results that the tries of this study, and those before it, would show without skill."""
        return chance.luck(
            self.scorer,
            [trial.params for trial in self.ranked],
            self.winner_backtests.in_sample.returns if self.ranked else None,
            family=self.family,
            significance=self.significance,
            n_bars_needed=self.tests.n_bars_needed(self.tries.n_counted) if self.ranked else None,
            n_tried=len(self.trials),
            n_tried_ever=self.tries.n_sets + len(self.trials),
        )

    @cached_property
    def importance(self) -> dict[str, float]:
        """Importance of each parameter; empty if there are too few trials."""
        return importance(self.space, self.ranked)

    @cached_property
    def plateau(self) -> Plateau:
        """Values of the winner's neighbours, and the set to prefer if the winner is a spike."""
        return plateau(self.scorer, self.winner, self.ranked, self.scored)

    @cached_property
    def degenerate(self) -> Degenerate | None:
        """Kind of a winner that is no strategy."""
        return description.degenerate(self.winner.in_sample)

    @cached_property
    def unmet(self) -> Unmet | None:
        """Reason why no set qualified; None where one did."""
        return None if self.ranked else unmet(self.scorer, self.trials, self.scored)

    @cached_property
    def _walk(self) -> Walk | None:
        rows = self.rows
        return walk_forward(
            self.spec, self.space, self.evaluator, start=rows.start, stop=rows.holdout_start, refit=self.refit
        )

    @property
    def walk_forward(self) -> WalkForward | None:
        """Walk-forward over the searched window; None where it is too short for a fold."""
        return self._walk.result if self._walk else None

    @cached_property
    def _unseen(self) -> FloatArray | None:
        """Out-of-sample returns for the intervals: those of the holdout, else of the stitched folds."""
        if self.winner_backtests.out_of_sample is not None:
            return self.winner_backtests.out_of_sample.returns
        return np.array(self.walk_forward.returns) if self.walk_forward else None

    @cached_property
    def _resampled(self) -> Bootstrap | None:
        unseen = self._unseen
        if unseen is None or len(unseen) < _LEAST_BOOTSTRAP_BARS or not np.any(unseen):
            return None
        a_year = periods_per_year(self.evaluator.bars)
        least_block = self._unseen_measures.average_trade_bars or 1.0
        return bootstrap(unseen, periods_per_year=a_year, seed=self.spec.seed, least_block=least_block)

    @contextmanager
    def resampling_beside(self) -> Iterator[None]:
        """Draw the resamples of a long holdout in a thread of its own meanwhile: they need nothing of the rest.

        Of short histories the threads would wait for each other longer than that takes.
        """
        if self.rows.stop - self.rows.holdout_start < _LEAST_BESIDE_BARS:
            yield
            return
        # What plays a set belongs to one thread.
        _ = self.winner, self._unseen
        with ThreadPoolExecutor(1) as beside:
            drawn = beside.submit(lambda: self._resampled)
            yield
            drawn.result()

    @property
    def _unseen_measures(self) -> Measures:
        """Measures of the returns that the intervals are about."""
        if self.winner.out_of_sample is not None:
            return self.winner.out_of_sample
        return self.walk_forward.stitched if self.walk_forward else Measures()

    @property
    def sharpe_interval(self) -> Interval | None:
        """90 % interval of the out-of-sample Sharpe ratio, the wider the fewer trades it rests on."""
        if self._resampled is None:
            return None
        plain, seen = _interval(self._resampled.sharpe_ratios), self._unseen_measures
        if plain.low is None or plain.high is None:
            return plain
        middle = float(np.nanmedian(self._resampled.sharpe_ratios))
        low, high = widened(plain.low, plain.high, middle, seen.n_trades + (seen.n_open or 0))
        return Interval(low=low, high=high)

    @property
    def drawdown_interval(self) -> Interval | None:
        """90 % interval of the out-of-sample maximum drawdown."""
        return _interval(self._resampled.max_drawdowns) if self._resampled else None

    @property
    def bootstrap_sharpes(self) -> tuple[float, ...]:
        """Order statistics of the bootstrapped Sharpe ratio."""
        sample = self._resampled.sharpe_ratios if self._resampled else np.zeros(0)
        return tuple(description.thinned(sample, N_BOOTSTRAP_POINTS).tolist())

    @cached_property
    def stretches(self) -> tuple[Stretch | None, Stretch | None]:
        """Best and worst stretch of the winner, a tenth of the window each (at least 21 bars)."""
        equity = np.concatenate([[1.0], self.winner_backtests.equity])
        n_bars = max(len(self.winner_backtests.equity) // _STRETCH_SHARE, _LEAST_STRETCH_BARS)
        found = description.stretches(equity, n_bars)
        if found is None:
            return None, None
        best, worst = (self._stretch(equity, first, n_bars) for first in found)
        return best, worst

    def _stretch(self, equity: FloatArray, first: int, n_bars: int) -> Stretch:
        bars, start = self.evaluator.bars, self.rows.start + first
        # An account that is lost makes nothing any more.
        gained = float(equity[first + n_bars] / equity[first] - 1.0) if equity[first] > 0.0 else 0.0
        return Stretch(start=day_of(bars, start), end=day_of(bars, start + n_bars - 1), total_return=gained)

    @property
    def curve(self) -> Curve:
        """Equity of winner and buy and hold through both windows, in as many points as are stored."""
        times = self.evaluator.bars.time[self.rows.start : self.rows.stop]
        return thin_curve(times, self.winner_backtests.equity, self.buy_and_hold_backtests.equity)

    @property
    def scatter(self) -> tuple[tuple[float, float], ...]:
        """First goal in and out of sample of the feasible trials, thinned evenly by rank to 2,000 points."""
        unseen = self.unseen_scorer
        if unseen is None or not self.ranked:
            return ()
        shown = self.ranked[:: math.ceil(len(self.ranked) / N_SCATTER_POINTS)]
        values = unseen.scores([trial.params for trial in shown]).column(self._measure).tolist()
        pairs = ((self._plain(trial) or 0.0, value) for trial, value in zip(shown, values, strict=True))
        return tuple(pair for pair in pairs if math.isfinite(pair[1]))

    def _plain(self, trial: TrialRecord) -> float | None:
        """Value of a trial without what a model adds to it."""
        return trial.sharpe_ratio if GOALS[self.scorer.goal].weighs else trial.value


def _as_scored(backtests: SetBacktests, params: Params, value: float | None, number: int | None) -> Scored:
    out = backtests.out_of_sample.measures if backtests.out_of_sample else None
    return Scored(params=params, value=value, number=number, in_sample=backtests.in_sample.measures, out_of_sample=out)


def _interval(sample: FloatArray) -> Interval:
    low, high = interval(sample)
    return Interval(low=low, high=high)
