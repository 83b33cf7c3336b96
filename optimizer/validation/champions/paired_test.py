"""Test of a champion against a challenger on bars that neither was fitted on. Pure functions.

The test is repeated every week on nearly the same bars, so a threshold for a single look would propose a switch too
often: of two sets without a difference, a threshold of 95 % proposes one in 18 % of years, a threshold of 99 % in 5 %
(52 weekly looks at windows of 378 bars). The champion stays unless the difference is that clear. A champion that was
adopted for its result on unseen bars was partly lucky there, which favours the champion: an error on that side
changes nothing.
"""

import math
from dataclasses import dataclass
from datetime import date
from statistics import NormalDist

import numpy as np

from optimizer.domain.bars import FloatArray
from optimizer.domain.study_results import Interval, Measures
from optimizer.engine.backtest import Backtest
from optimizer.validation.champions.challenge import Challenge, Decision, DecisionReason
from optimizer.validation.statistics.bootstrap import resampled

#: Share of resamples in which the challenger must be ahead before a switch is proposed.
SWITCH_PROBABILITY = 0.99
#: At or below this share the challenger is not even ahead.
KEEP_PROBABILITY = 0.5
#: Common unseen bars below which a difference is not judged: a quarter of daily bars.
LEAST_BARS = 63
N_RESAMPLES = 2000
#: A difference that needs more bars than these (ten years of daily ones) is as good as none.
MOST_BARS_NEEDED = 2520

_NORMAL = NormalDist()
_INTERVAL = (0.05, 0.95)


@dataclass(frozen=True, kw_only=True)
class ChampionBacktests:
    """Backtests of both sets, and of buy and hold, over the same bars, with the days of the first and last bar."""

    champion: Backtest
    challenger: Backtest
    buy_and_hold: Backtest
    start: date
    end: date
    is_same_set: bool = False


@dataclass(frozen=True, kw_only=True)
class PairedBootstrap:
    """Result of a paired bootstrap of a mean daily difference."""

    decision: Decision
    reason: DecisionReason
    n_bars_needed: int | None = None
    mean: float = math.nan  # per bar
    low: float = math.nan
    high: float = math.nan
    probability: float = math.nan


_SAME = PairedBootstrap(decision=Decision.KEEP, reason=DecisionReason.SAME, mean=0.0)


def challenge(backtests: ChampionBacktests, *, seed: int) -> Challenge:
    """Decide between champion and challenger; the same seed gives the same decision."""
    returns = backtests.challenger.returns - backtests.champion.returns
    found = _SAME if backtests.is_same_set else judge(returns, seed=seed)
    a_year = backtests.champion.periods_per_year
    return Challenge(
        decision=found.decision,
        reason=found.reason,
        start=backtests.start,
        end=backtests.end,
        n_bars=len(returns),
        n_bars_needed=found.n_bars_needed,
        champion=backtests.champion.measures,
        challenger=backtests.challenger.measures,
        buy_and_hold=backtests.buy_and_hold.measures,
        difference=found.mean * a_year,
        interval=None if math.isnan(found.low) else Interval(low=found.low * a_year, high=found.high * a_year),
        probability=found.probability,
    )


def too_few_bars(n_bars: int) -> Challenge:
    """Result for fewer than two common unseen bars, too few for any trade."""
    return Challenge(
        decision=Decision.CANT_TELL,
        reason=DecisionReason.TOO_FEW_BARS,
        start=None,
        end=None,
        n_bars=n_bars,
        n_bars_needed=LEAST_BARS - n_bars,
        champion=Measures(),
        challenger=Measures(),
        buy_and_hold=Measures(),
        difference=None,
        interval=None,
        probability=None,
    )


def judge(differences: FloatArray, *, seed: int, n_resamples: int = N_RESAMPLES) -> PairedBootstrap:
    """Judge (n,) daily returns of the challenger less the champion's on the same days: keep, switch or undecided.

    Stationary bootstrap of their mean. It is paired because the differences are taken first: the market of a day
    is the same for both.
    """
    n_bars = len(differences)
    if n_bars < LEAST_BARS:
        mean = float(differences.mean()) if n_bars else math.nan
        needed = LEAST_BARS - n_bars
        return PairedBootstrap(
            decision=Decision.CANT_TELL, reason=DecisionReason.TOO_FEW_BARS, n_bars_needed=needed, mean=mean
        )
    if not np.any(np.abs(differences) > 1e-12):
        return _SAME
    means = resampled(differences, np.mean, seed=seed, n_resamples=n_resamples)
    return _judged(differences, means)


def _judged(differences: FloatArray, means: FloatArray) -> PairedBootstrap:
    mean, probability = float(differences.mean()), float(np.mean(means > 0))
    decision, reason = _decision(mean, probability)
    is_open = decision is Decision.CANT_TELL
    low, high = np.quantile(means, _INTERVAL)
    return PairedBootstrap(
        decision=decision,
        reason=reason,
        n_bars_needed=_bars_needed(len(differences), mean / float(means.std())) if is_open else None,
        mean=mean,
        low=float(low),
        high=float(high),
        probability=probability,
    )


def _decision(mean: float, probability: float) -> tuple[Decision, DecisionReason]:
    if mean <= 0 or probability <= KEEP_PROBABILITY:
        return Decision.KEEP, DecisionReason.BEHIND
    if probability >= SWITCH_PROBABILITY:
        return Decision.SWITCH, DecisionReason.AHEAD
    return Decision.CANT_TELL, DecisionReason.MAYBE_LUCK


def _bars_needed(n_bars: int, z: float) -> int | None:
    """Number of further bars for a decision at the same difference: its z-score grows with the root of their number."""
    wanted = _NORMAL.inv_cdf(SWITCH_PROBABILITY)
    needed = math.ceil(n_bars * ((wanted / z) ** 2 - 1))
    return max(needed, 1) if needed <= MOST_BARS_NEEDED else None
