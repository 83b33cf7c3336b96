"""Should the parameters change? The champion against a challenger on bars that neither was fitted on. Pure.

The question is asked every week of nearly the same bars, so a threshold fit for one look would call a switch far too
often: of two sets without a difference, one that is asked for 95 % at each look is passed in 18 % of years, one asked
for 99 % in 5 % (52 weekly looks at windows of 378 bars). The champion stays unless the difference is that clear.
A champion that was adopted for its result on unseen bars brings that luck along, which favours it: the side on which
an error costs nothing new.
"""

import math
from dataclasses import dataclass
from datetime import date
from statistics import NormalDist

import numpy as np

from optimizer.domain.bars import FloatArray
from optimizer.domain.study_results import Interval, Measures
from optimizer.engine.backtest import Backtest
from optimizer.lazy import LazyModule
from optimizer.validation.champion import Challenge, Decision, DecisionReason
from optimizer.validation.statistics import block_length

arch_bootstrap = LazyModule("arch.bootstrap")

#: Share of resamples in which the challenger must be ahead before a switch is proposed.
SWITCH_PROBABILITY = 0.99
#: At or below this share it is not even ahead: there is nothing to tell.
KEEP_PROBABILITY = 0.5
#: Common unseen bars below which a difference is not judged at all: a quarter of daily bars.
LEAST_BARS = 63
N_RESAMPLES = 2000
#: A difference that needs more bars than these (ten years of daily ones) is as good as none.
MOST_BARS_NEEDED = 2520

_NORMAL = NormalDist()
_INTERVAL = (0.05, 0.95)


@dataclass(frozen=True, kw_only=True)
class Contest:
    """The backtests of both, and of buy and hold, over the same bars; the days of their first and last bar."""

    champion: Backtest
    challenger: Backtest
    buy_and_hold: Backtest
    start: date
    end: date
    is_same_set: bool = False


@dataclass(frozen=True, kw_only=True)
class Paired:
    """What a paired bootstrap says of a mean daily difference."""

    decision: Decision
    reason: DecisionReason
    n_bars_needed: int | None = None
    mean: float = math.nan  # a bar
    low: float = math.nan
    high: float = math.nan
    probability: float = math.nan


_SAME = Paired(decision=Decision.KEEP, reason=DecisionReason.SAME, mean=0.0)


def challenge(contest: Contest, *, seed: int) -> Challenge:
    """Judge the contest; the same seed gives the same judgement."""
    returns = contest.challenger.returns - contest.champion.returns
    found = _SAME if contest.is_same_set else judge(returns, seed=seed)
    a_year = contest.champion.periods_per_year
    return Challenge(
        decision=found.decision,
        reason=found.reason,
        start=contest.start,
        end=contest.end,
        n_bars=len(returns),
        n_bars_needed=found.n_bars_needed,
        champion=contest.champion.measures,
        challenger=contest.challenger.measures,
        buy_and_hold=contest.buy_and_hold.measures,
        difference=found.mean * a_year,
        interval=None if math.isnan(found.low) else Interval(low=found.low * a_year, high=found.high * a_year),
        probability=found.probability,
    )


def no_contest(n_bars: int) -> Challenge:
    """Too few bars that neither was fitted on to play even one trade: none, or one."""
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


def judge(differences: FloatArray, *, seed: int, n_resamples: int = N_RESAMPLES) -> Paired:
    """Keep, switch or can't tell, from (n,) daily returns of the challenger less the champion's on the same days.

    The stationary bootstrap (Politis and Romano 1994, by `arch`) of their mean, with the automatic mean block length
    of Politis and White (2004, corrected 2009). Taking differences first is what makes it paired: a day's market is
    the same for both. Its generator is this call's own.
    """
    n_bars = len(differences)
    if n_bars < LEAST_BARS:
        mean = float(differences.mean()) if n_bars else math.nan
        needed = LEAST_BARS - n_bars
        return Paired(decision=Decision.CANT_TELL, reason=DecisionReason.TOO_FEW_BARS, n_bars_needed=needed, mean=mean)
    if not np.any(np.abs(differences) > 1e-12):
        return _SAME
    resamples = arch_bootstrap.StationaryBootstrap(
        block_length(differences), differences, seed=np.random.default_rng(seed)
    )
    means = resamples.apply(np.mean, n_resamples).ravel()
    return _judged(differences, means)


def _judged(differences: FloatArray, means: FloatArray) -> Paired:
    mean, probability = float(differences.mean()), float(np.mean(means > 0))
    decision, reason = _decision(mean, probability)
    is_open = decision is Decision.CANT_TELL
    low, high = np.quantile(means, _INTERVAL)
    return Paired(
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
    """How many more bars tell, if the difference stays what it is: its z-score grows with the root of their number."""
    wanted = _NORMAL.inv_cdf(SWITCH_PROBABILITY)
    needed = math.ceil(n_bars * ((wanted / z) ** 2 - 1))
    return max(needed, 1) if needed <= MOST_BARS_NEEDED else None
