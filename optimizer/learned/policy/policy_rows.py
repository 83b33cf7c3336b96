"""Votes of five policies as rows that a strategy learns, and when they are found; walking needs the compiler."""

from typing import TYPE_CHECKING

from optimizer.domain.bars import Bars
from optimizer.domain.study_request import Costs
from optimizer.lazy import LazyModule
from optimizer.learned.policy.policy_schedule import FIRST_FIT, N_POLICIES, REFIT
from optimizer.learned.rows import LearnedRow, Watch

if TYPE_CHECKING:
    from optimizer.learned.policy import policy_walk
else:
    policy_walk = LazyModule("optimizer.learned.policy.policy_walk")

#: Seconds of one processor for a fit of 1,260 rows: about five thousandths, and some more.
_SECONDS_PER_FIT = 0.007
#: Votes of noise that stand beside a result that would be promising.
N_NULLS = 19


def _long(bars: Bars, costs: Costs, watch: Watch, memory: int, thrift: float) -> "policy_walk.Votes":
    return policy_walk.walk(bars, costs, watch, memory, thrift)


def _short(bars: Bars, costs: Costs, watch: Watch, memory: int, thrift: float) -> "policy_walk.Votes":
    return policy_walk.walk(bars, costs, watch, memory, thrift, side=-1)


def _seconds(n_bars: int) -> float:
    return max(n_bars - FIRST_FIT, 0) / REFIT * N_POLICIES * _SECONDS_PER_FIT


def _seconds_of_noise(n_bars: int) -> float:
    return N_NULLS * _seconds(n_bars)


#: Votes of the policies of the long and of the short side.
LONG_VOTES: LearnedRow["policy_walk.Votes"] = LearnedRow(
    key="rl",
    version=1,
    parameters=("memory", "thrift"),
    fit=_long,
    seconds=_seconds,
    seconds_of_judging=_seconds_of_noise,
)
SHORT_VOTES: LearnedRow["policy_walk.Votes"] = LearnedRow(
    key="rl_short", version=1, parameters=("memory", "thrift"), fit=_short, seconds=_seconds
)
