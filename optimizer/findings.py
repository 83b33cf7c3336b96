"""One study's findings, each worked out once and from the ones before it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from optimizer import luck as chance
from optimizer import validation
from optimizer.evaluate import Backtest, Evaluator
from optimizer.ground import Ground
from optimizer.metrics import GOALS, periods_per_year
from optimizer.refit import Refit
from optimizer.sensitivity import importance, plateau
from optimizer.series import FloatArray
from optimizer.space import Params, Space
from optimizer.spec import (
    Curve,
    Interval,
    Luck,
    Plateau,
    Scored,
    Stretch,
    StudySpec,
    TrialRecord,
    Verdict,
    WalkForward,
)
from optimizer.verdict import SPIKE_SHARE, Evidence, verdict
from optimizer.walk_forward import walk_forward
from optimizer.window import WindowRows, day_of, days_of

#: Sets shown as the best, the winner first.
N_TOP = 5
#: Points of the bootstrap distribution and of the scatter that are kept.
N_BOOTSTRAP_POINTS = 200
N_SCATTER_POINTS = 2_000
#: The best and the worst stretch are a tenth of the window long, at least a month of sessions.
_STRETCH_SHARE, _LEAST_STRETCH_BARS = 10, 21
#: Out-of-sample returns that a bootstrap needs.
_LEAST_BOOTSTRAP_BARS = 20


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
class Findings:
    """Lazily: whatever is asked for brings about what it rests on."""

    spec: StudySpec
    space: Space
    evaluator: Evaluator
    trials: Sequence[TrialRecord]
    rows: WindowRows
    n_tried_before: int
    refit: Refit

    @cached_property
    def ground(self) -> Ground:
        """The searched rows."""
        return self._ground(self.rows.start, self.rows.holdout_start)

    def _ground(self, start: int, stop: int) -> Ground:
        return Ground(spec=self.spec, space=self.space, evaluator=self.evaluator, start=start, stop=stop)

    @cached_property
    def ranked(self) -> list[TrialRecord]:
        """The feasible trials, the best first."""
        able = [trial for trial in self.trials if is_able(trial)]
        return sorted(able, key=lambda trial: (-(trial.value or 0.0), trial.number))

    @cached_property
    def winner(self) -> Scored:
        """The best feasible set, or the textbook set where there is none."""
        return self.top[0] if self.top else self.scored(self.space.default)

    @cached_property
    def top(self) -> tuple[Scored, ...]:
        """The five best, the winner first."""
        return tuple(self.scored(dict(trial.params), trial.number) for trial in self.ranked[:N_TOP])

    def scored(self, params: Params, number: int | None = None) -> Scored:
        """A set with its measures in the searched and the held-out rows."""
        return self._told(params, self._played(params), number)

    @cached_property
    def hold(self) -> Scored:
        """Buy and hold over the same rows with the same costs."""
        return self._told({}, self._held, None)

    def _told(self, params: Params, played: Played, number: int | None) -> Scored:
        value = getattr(played.in_sample.measures, GOALS[self.ground.goal].measure)
        out = played.out_of_sample.measures if played.out_of_sample else None
        return Scored(params=params, value=value, number=number, in_sample=played.in_sample.measures, out_of_sample=out)

    def _played(self, params: Params) -> Played:
        rows, play = self.rows, self.evaluator.backtest
        return Played(
            in_sample=play(params, start=rows.start, stop=rows.holdout_start),
            out_of_sample=play(params, start=rows.holdout_start, stop=rows.stop) if rows.has_holdout else None,
        )

    @cached_property
    def _held(self) -> Played:
        rows, hold = self.rows, self.evaluator.hold
        return Played(
            in_sample=hold(start=rows.start, stop=rows.holdout_start),
            out_of_sample=hold(start=rows.holdout_start, stop=rows.stop) if rows.has_holdout else None,
        )

    @cached_property
    def _winning(self) -> Played:
        return self._played(self.winner.params)

    @cached_property
    def luck(self) -> Luck:
        """What the study's tries, and those before it, would show without skill."""
        return chance.luck(
            self.ground,
            [trial.params for trial in self.ranked],
            self._winning.in_sample.returns if self.ranked else None,
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
        found = plateau(self.ground, self.winner, self.ranked)
        if found.centre is None:
            return found
        return found.model_copy(update={"centre": self.scored(found.centre.params, found.centre.number)})

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
        if self._winning.out_of_sample is not None:
            return self._winning.out_of_sample.returns
        return np.array(self.walk_forward.returns) if self.walk_forward else None

    @cached_property
    def _resampled(self) -> validation.Bootstrap | None:
        unseen = self._unseen
        if unseen is None or len(unseen) < _LEAST_BOOTSTRAP_BARS or not np.any(unseen):
            return None
        a_year = periods_per_year(self.evaluator.bars)
        return validation.bootstrap(unseen, periods_per_year=a_year, seed=self.spec.seed)

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
        return tuple(validation.thinned(sample, N_BOOTSTRAP_POINTS).tolist())

    @cached_property
    def evidence(self) -> Evidence:
        """What the verdict rests on."""
        stitched = self.walk_forward.stitched if self.walk_forward else None
        has_holdout = self.rows.has_holdout
        unseen = self.winner.out_of_sample if has_holdout else stitched
        return Evidence(
            deflated_sharpe_ratio=self.luck.deflated_sharpe_ratio,
            pbo=self.luck.pbo,
            in_sample=self.winner.in_sample.sharpe_ratio,
            out_of_sample=unseen.sharpe_ratio if unseen else None,
            hold=self._hold_sharpe,
            degenerate=validation.degenerate(self.winner.in_sample),
            is_spike=self.is_spike,
        )

    @property
    def _hold_sharpe(self) -> float | None:
        """Buy and hold's Sharpe ratio over the bars of the number out of sample."""
        if self.hold.out_of_sample is not None:
            return self.hold.out_of_sample.sharpe_ratio
        if self.walk_forward is None:
            return None
        stop = self.rows.holdout_start
        return self.evaluator.hold(start=stop - len(self.walk_forward.returns), stop=stop).measures.sharpe_ratio

    @cached_property
    def verdict(self) -> Verdict:
        """Is it real?"""
        return verdict(self.evidence) if self.ranked else Verdict.UNPROVEN

    @cached_property
    def stretches(self) -> tuple[Stretch | None, Stretch | None]:
        """The best and the worst tenth of the window (at least 21 bars) of the winner."""
        equity = np.concatenate([[1.0], self._winning.equity])
        n_bars = max(len(self._winning.equity) // _STRETCH_SHARE, _LEAST_STRETCH_BARS)
        found = validation.stretches(equity, n_bars)
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
        winner, hold = (tuple(played.equity.tolist()) for played in (self._winning, self._held))
        return Curve(dates=dates, winner=winner, hold=hold)

    @property
    def scatter(self) -> tuple[tuple[float, float], ...]:
        """First goal in and out of sample of the feasible trials, thinned evenly by rank to 2,000 points."""
        if not self.rows.has_holdout or not self.ranked:
            return ()
        shown = self.ranked[:: math.ceil(len(self.ranked) / N_SCATTER_POINTS)]
        scores = self.evaluator.scores(
            [trial.params for trial in shown], start=self.rows.holdout_start, stop=self.rows.stop
        )
        values = scores.column(GOALS[self.ground.goal].measure).tolist()
        pairs = ((trial.value or 0.0, value) for trial, value in zip(shown, values, strict=True))
        return tuple(pair for pair in pairs if math.isfinite(pair[1]))


def is_able(trial: TrialRecord) -> bool:
    """Whether a trial could win: finished, feasible, and with a value."""
    return trial.value is not None and trial.violation <= 0 and trial.state == "complete"


def _interval(sample: FloatArray) -> Interval:
    low, high = validation.interval(sample)
    return Interval(low=low, high=high)
