"""One study's findings, each worked out once and from the ones before it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from optimizer.domain.bars import FloatArray
from optimizer.domain.metrics import GOALS, periods_per_year
from optimizer.domain.space import Params, Space
from optimizer.domain.study_request import StudySpec
from optimizer.domain.study_results import (
    Curve,
    Interval,
    Luck,
    Measures,
    Plateau,
    Scored,
    Stretch,
    TrialRecord,
    Verdict,
    WalkForward,
)
from optimizer.engine.backtest import Backtest
from optimizer.engine.multi_symbol import AnyEvaluator
from optimizer.search.fold_search import Refit
from optimizer.search.loop import ranked
from optimizer.search.scoring import SetScorer
from optimizer.validation import luck as chance
from optimizer.validation import statistics
from optimizer.validation.sensitivity import importance, plateau
from optimizer.validation.verdict import SPIKE_SHARE, Evidence, verdict
from optimizer.validation.walk_forward import walk_forward
from optimizer.validation.window import WindowRows, day_of, days_of

#: Sets shown as the best, the winner first.
N_TOP = 5
#: Points of the bootstrap distribution and of the scatter that are kept.
N_BOOTSTRAP_POINTS = 200
N_SCATTER_POINTS = 2_000
#: A grid that was searched in part is scored whole afterwards when it is no larger: sets, and sets times bars.
MOST_SETS, MOST_WORK = 20_000, 40_000_000
#: The best and the worst stretch are a tenth of the window long, at least a month of sessions.
_STRETCH_SHARE, _LEAST_STRETCH_BARS = 10, 21
#: Out-of-sample returns that a bootstrap needs.
_LEAST_BOOTSTRAP_BARS = 20


@lru_cache(maxsize=4)
def _all_sets(space: Space) -> list[Params]:
    """Every set of a small space, for the next study as well: most have one of a few spaces."""
    return list(space.param_sets())


@dataclass(frozen=True, kw_only=True)
class Played:
    """The backtests of one set in the searched rows and in the held-out ones."""

    in_sample: Backtest
    out_of_sample: Backtest | None  # None when nothing is held out

    @property
    def equity(self) -> FloatArray:
        """Growth of 1.0 through both windows; the second one starts flat."""
        if self.out_of_sample is None:
            return self.in_sample.equity
        return np.concatenate([self.in_sample.equity, self.in_sample.equity[-1] * self.out_of_sample.equity])


@dataclass(frozen=True, kw_only=True)
class Assessment:
    """Lazily: whatever is asked for brings about what it rests on."""

    spec: StudySpec
    space: Space
    evaluator: AnyEvaluator
    trials: Sequence[TrialRecord]
    rows: WindowRows
    n_tried_before: int
    refit: Refit

    @cached_property
    def scorer(self) -> SetScorer:
        """The searched rows."""
        return self._scorer(self.rows.start, self.rows.holdout_start)

    @cached_property
    def _unseen_ground(self) -> SetScorer | None:
        return self._scorer(self.rows.holdout_start, self.rows.stop) if self.rows.has_holdout else None

    def _scorer(self, start: int, stop: int) -> SetScorer:
        return SetScorer(spec=self.spec, space=self.space, evaluator=self.evaluator, start=start, stop=stop)

    @property
    def _measure(self) -> str:
        return GOALS[self.scorer.goal].measure

    @cached_property
    def ranked(self) -> list[TrialRecord]:
        """The feasible trials, the best first."""
        return ranked(self.trials)

    @cached_property
    def winner(self) -> Scored:
        """The best feasible set, or the textbook set where there is none."""
        if not self.ranked:
            return self.default
        best = self.ranked[0]
        return _as_scored(self.winning, dict(best.params), best.value, best.number)

    @cached_property
    def optimum(self) -> float | None:
        """The best feasible value of all sets there are, tried or not; None where they are too many, or none has one.

        It tells how close the search came and chooses nothing: its sets are no tries.
        """
        n_bars = self.rows.holdout_start - self.rows.start
        if self.space.size > MOST_SETS or self.space.size * n_bars > MOST_WORK:
            return None
        values = self.scorer.values(self.scorer.scores(_all_sets(self.space)))
        return None if np.isnan(values).all() else float(np.nanmax(values))

    @cached_property
    def default(self) -> Scored:
        """The textbook set, measured like the winner."""
        params = self.space.default
        played = self.played(params)
        return _as_scored(played, params, played.in_sample.objective(self._measure), self._number_of(params))

    @cached_property
    def buy_and_hold(self) -> Scored:
        """Buy and hold over the same rows with the same costs."""
        return _as_scored(self.held, {}, self.held.in_sample.objective(self._measure), None)

    @cached_property
    def top(self) -> tuple[Scored, ...]:
        """The five best, the winner first; the others with the measures that a batch gives."""
        others = self.ranked[1:N_TOP]
        return (self.winner, *self.scored(others)) if self.ranked else ()

    def scored(self, trials: Sequence[TrialRecord]) -> list[Scored]:
        """Trials with their measures in and out of sample, each window in one call."""
        if not trials:
            return []
        param_sets, unseen = [dict(trial.params) for trial in trials], self._unseen_ground
        within = self.scorer.measures(param_sets, self.scorer.scores(param_sets))
        beyond = unseen.measures(param_sets, unseen.scores(param_sets)) if unseen else [None] * len(param_sets)
        return [
            Scored(params=trial.params, value=trial.value, number=trial.number, in_sample=ours, out_of_sample=theirs)
            for trial, ours, theirs in zip(trials, within, beyond, strict=True)
        ]

    def played(self, params: Params) -> Played:
        """A set's backtests in full."""
        rows, play = self.rows, self.evaluator.backtest
        return Played(
            in_sample=play(params, start=rows.start, stop=rows.holdout_start),
            out_of_sample=play(params, start=rows.holdout_start, stop=rows.stop) if rows.has_holdout else None,
        )

    @cached_property
    def held(self) -> Played:
        """The backtests of buy and hold."""
        rows, buy_and_hold = self.rows, self.evaluator.buy_and_hold
        return Played(
            in_sample=buy_and_hold(start=rows.start, stop=rows.holdout_start),
            out_of_sample=buy_and_hold(start=rows.holdout_start, stop=rows.stop) if rows.has_holdout else None,
        )

    def _number_of(self, params: Params) -> int | None:
        return next((trial.number for trial in self.trials if trial.params == params), None)

    @cached_property
    def winning(self) -> Played:
        """The winner's backtests."""
        return self.played(dict(self.ranked[0].params) if self.ranked else self.space.default)

    @cached_property
    def luck(self) -> Luck:
        """What the study's tries, and those before it, would show without skill."""
        return chance.luck(
            self.scorer,
            [trial.params for trial in self.ranked],
            self.winning.in_sample.returns if self.ranked else None,
            n_tried=len(self.trials),
            n_tried_ever=self.n_tried_before + len(self.trials),
        )

    @cached_property
    def importance(self) -> dict[str, float]:
        """Of each parameter; empty where the trials cannot tell."""
        return importance(self.space, self.ranked)

    @cached_property
    def plateau(self) -> Plateau:
        """The winner's neighbours, and the set to prefer where it is a spike."""
        return plateau(self.scorer, self.winner, self.ranked, self.scored)

    @cached_property
    def is_spike(self) -> bool:
        """Whether fewer than half of the winner's neighbours keep its value."""
        return self.plateau.share is not None and self.plateau.share < SPIKE_SHARE

    @cached_property
    def walk_forward(self) -> WalkForward | None:
        """Refits over the searched rows; None where there are none or nothing was feasible anyway."""
        rows = self.rows
        return walk_forward(
            self.spec, self.space, self.evaluator, start=rows.start, stop=rows.holdout_start, refit=self.refit
        )

    @cached_property
    def _unseen(self) -> FloatArray | None:
        """The out-of-sample returns the intervals are about: the holdout's, else the stitched folds'."""
        if self.winning.out_of_sample is not None:
            return self.winning.out_of_sample.returns
        return np.array(self.walk_forward.returns) if self.walk_forward else None

    @cached_property
    def _resampled(self) -> statistics.Bootstrap | None:
        unseen = self._unseen
        if unseen is None or len(unseen) < _LEAST_BOOTSTRAP_BARS or not np.any(unseen):
            return None
        a_year = periods_per_year(self.evaluator.bars)
        return statistics.bootstrap(unseen, periods_per_year=a_year, seed=self.spec.seed)

    @property
    def sharpe_interval(self) -> Interval | None:
        """90 % interval of the out-of-sample Sharpe ratio."""
        return _interval(self._resampled.sharpe_ratios) if self._resampled else None

    @property
    def drawdown_interval(self) -> Interval | None:
        """90 % interval of the out-of-sample maximum drawdown."""
        return _interval(self._resampled.max_drawdowns) if self._resampled else None

    @property
    def bootstrap_sharpes(self) -> tuple[float, ...]:
        """Order statistics of the bootstrapped Sharpe ratio."""
        sample = self._resampled.sharpe_ratios if self._resampled else np.zeros(0)
        return tuple(statistics.thinned(sample, N_BOOTSTRAP_POINTS).tolist())

    @cached_property
    def evidence(self) -> Evidence:
        """What the verdict rests on."""
        stitched = self.walk_forward.stitched if self.walk_forward else None
        has_holdout = self.rows.has_holdout
        unseen = self.winner.out_of_sample if has_holdout else stitched
        return Evidence(
            skill=self.luck.skill,
            pbo=self.luck.pbo,
            in_sample=self.winner.in_sample.sharpe_ratio,
            out_of_sample=unseen.sharpe_ratio if unseen else None,
            walk_forward=_fold_sharpe(stitched),
            buy_and_hold=self._hold_sharpe,
            degenerate=statistics.degenerate(self.winner.in_sample),
            is_spike=self.is_spike,
        )

    @property
    def _hold_sharpe(self) -> float | None:
        """Buy and hold's Sharpe ratio over the bars of the number out of sample."""
        if self.buy_and_hold.out_of_sample is not None:
            return self.buy_and_hold.out_of_sample.sharpe_ratio
        if self.walk_forward is None:
            return None
        stop = self.rows.holdout_start
        return self.evaluator.buy_and_hold(start=stop - len(self.walk_forward.returns), stop=stop).measures.sharpe_ratio

    @cached_property
    def verdict(self) -> Verdict:
        """Is it real?"""
        return verdict(self.evidence) if self.ranked else Verdict.UNPROVEN

    @cached_property
    def stretches(self) -> tuple[Stretch | None, Stretch | None]:
        """The best and the worst tenth of the window (at least 21 bars) of the winner."""
        equity = np.concatenate([[1.0], self.winning.equity])
        n_bars = max(len(self.winning.equity) // _STRETCH_SHARE, _LEAST_STRETCH_BARS)
        found = statistics.stretches(equity, n_bars)
        if found is None:
            return None, None
        best, worst = (self._stretch(equity, first, n_bars) for first in found)
        return best, worst

    def _stretch(self, equity: FloatArray, first: int, n_bars: int) -> Stretch:
        bars, start = self.evaluator.bars, self.rows.start + first
        gained = float(equity[first + n_bars] / equity[first] - 1.0)
        return Stretch(start=day_of(bars, start), end=day_of(bars, start + n_bars - 1), total_return=gained)

    @property
    def curve(self) -> Curve:
        """Equity of winner and hold through both windows."""
        dates = days_of(self.evaluator.bars, self.rows.start, self.rows.stop)
        winner, buy_and_hold = (tuple(played.equity.tolist()) for played in (self.winning, self.held))
        return Curve(dates=dates, winner=winner, buy_and_hold=buy_and_hold)

    @property
    def scatter(self) -> tuple[tuple[float, float], ...]:
        """First goal in and out of sample of the feasible trials, thinned evenly by rank to 2,000 points."""
        unseen = self._unseen_ground
        if unseen is None or not self.ranked:
            return ()
        shown = self.ranked[:: math.ceil(len(self.ranked) / N_SCATTER_POINTS)]
        values = unseen.scores([trial.params for trial in shown]).column(self._measure).tolist()
        pairs = ((trial.value or 0.0, value) for trial, value in zip(shown, values, strict=True))
        return tuple(pair for pair in pairs if math.isfinite(pair[1]))


def _as_scored(played: Played, params: Params, value: float | None, number: int | None) -> Scored:
    out = played.out_of_sample.measures if played.out_of_sample else None
    return Scored(params=params, value=value, number=number, in_sample=played.in_sample.measures, out_of_sample=out)


def _fold_sharpe(stitched: Measures | None) -> float | None:
    """The Sharpe ratio of the stitched folds; 0 where they never held anything, None without folds."""
    return None if stitched is None else stitched.sharpe_ratio or 0.0


def _interval(sample: FloatArray) -> Interval:
    low, high = statistics.interval(sample)
    return Interval(low=low, high=high)
