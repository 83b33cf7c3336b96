"""Signals that learn: buy where a model, refitted on the bars before, gives a gain over the next bars a good chance."""

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any

from optimizer.domain.bars import FloatArray
from optimizer.domain.results.learned_results import Label
from optimizer.domain.space import Order, Range, Space
from optimizer.indicators.conditions import Conditions
from optimizer.learned.ml.model import missing
from optimizer.learned.ml.walk import SCHEDULE, VERSION, Walk, walk
from optimizer.learned.rows import LearnedRow
from optimizer.strategies.declaration import Columns, Side, Strategy, choice_of

#: Bars that a signal looks ahead. Twenty are not offered: a hundred independent outcomes in eight years carry no model.
HORIZONS = ("2", "5", "10")
DEFAULT_HORIZON = "5"
#: What is asked of those bars: gains unless a request names something else, so that nobody tries both unawares.
LABEL = choice_of("label", [label.value for label in Label], Label.GAIN.value)
#: Seconds of one processor for a fit with what belongs to it.
_SECONDS_A_FIT = 0.03


def _seconds(n_bars: int) -> float:
    return _SECONDS_A_FIT * sum(1 for _ in SCHEDULE.stretches(n_bars))


#: Walk of a horizon and a label, given as the words that they are in a space.
SIGNAL: LearnedRow[Walk] = LearnedRow(
    key="ml",
    version=VERSION,
    parameters=("horizon", LABEL.name),
    fit=lambda bars, costs, watch, horizon, label: walk(bars, costs, watch, int(horizon), Label(label)),
    seconds=_seconds,
    is_ready=lambda: not missing(),
    extra="ml",
    defaults=MappingProxyType({LABEL.name: LABEL.default}),
)


def probability(conditions: Conditions, horizon: str, label: str) -> FloatArray:
    """Chance of what a label asks, from the next open `horizon` bars long; NaN before the first fit."""
    return SIGNAL.of(conditions, horizon, label).row


def _long(conditions: Conditions, params: Columns) -> Side:
    return Side(
        enter=conditions.above(probability, *_model(params), level=params["enter"]),
        exit=conditions.below(probability, *_model(params), level=params["leave"]),
    )


def _short(conditions: Conditions, params: Columns) -> Side:
    return Side(
        enter=conditions.below(probability, *_model(params), level=_mirrored(params["enter"])),
        exit=conditions.above(probability, *_model(params), level=_mirrored(params["leave"])),
    )


def _model(params: Columns) -> tuple[Sequence[Any], Sequence[Any]]:
    """What the probability of each set depends on."""
    return params["horizon"], params[LABEL.name]


def _mirrored(levels: Sequence[Any]) -> list[float]:
    return [round(1.0 - level, 10) for level in levels]


def _chance_of(name: str, low: float, high: float, default: float) -> Range:
    return Range(name=name, low=low, high=high, step=0.01, default=default, integer=False)


ML = Strategy(
    key="ml",
    space=Space(
        (
            choice_of("horizon", HORIZONS, DEFAULT_HORIZON),
            _chance_of("enter", 0.50, 0.65, 0.55),
            _chance_of("leave", 0.40, 0.52, 0.48),
        ),
        Order(lesser="leave", greater="enter"),
    ),
    warm_up=lambda _: SCHEDULE.first,
    long=_long,
    short=_short,
    aliases=("lightgbm",),
    learned=SIGNAL,
    on_request=(LABEL,),
)
