"""Policies found by reward: five of them vote, each searched on the bars before those it decides on."""

from optimizer.domain.bars import FloatArray
from optimizer.domain.space import Range, Space
from optimizer.indicators.conditions import Conditions
from optimizer.learned.policy.policy_rows import LONG_VOTES, SHORT_VOTES
from optimizer.learned.policy.policy_schedule import FIRST_FIT, REFIT
from optimizer.strategies.declaration import Columns, Side, Strategy, bars_of, level_of

#: Bars before the holdout: two fits must have been followed to their end there.
LEAST_BARS = FIRST_FIT + 2 * REFIT


def long_votes(conditions: Conditions, memory: int, thrift: float) -> FloatArray:
    """Number of policies of five that are in, at each close."""
    return LONG_VOTES.of(conditions, memory, thrift).row


def short_votes(conditions: Conditions, memory: int, thrift: float) -> FloatArray:
    """The same of five policies that sell short."""
    return SHORT_VOTES.of(conditions, memory, thrift).row


def _long(conditions: Conditions, params: Columns) -> Side:
    return Side(
        enter=conditions.at_least(long_votes, params["memory"], params["thrift"], level=params["enter"]),
        exit=conditions.at_most(long_votes, params["memory"], params["thrift"], level=params["leave"]),
    )


def _short(conditions: Conditions, params: Columns) -> Side:
    """Short only where the long side would not be in: five of each may contradict each other."""
    return Side(
        gate=conditions.at_most(long_votes, params["memory"], params["thrift"], level=params["leave"]),
        enter=conditions.at_least(short_votes, params["memory"], params["thrift"], level=params["enter"]),
        exit=conditions.at_most(short_votes, params["memory"], params["thrift"], level=params["leave"]),
    )


RL = Strategy(
    key="rl",
    space=Space(
        (
            bars_of("memory", 504, 1260, 1260, step=252),
            Range(name="thrift", low=1.0, high=3.0, step=0.5, default=1.0, integer=False),
            level_of("enter", 2, 5, 3),
            level_of("leave", 0, 2, 2),
        )
    ),
    warm_up=lambda _: FIRST_FIT,
    long=_long,
    short=_short,
    learned=LONG_VOTES,
    least_bars=LEAST_BARS,
    is_for_one_symbol=True,
)
