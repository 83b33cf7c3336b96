"""Bollinger bands: back to the middle, or away from it (Bollinger 2001)."""

from optimizer.domain.bars import FloatArray
from optimizer.domain.space import Choice, Space
from optimizer.indicators.conditions import Conditions
from optimizer.strategies.declaration import Columns, Side, Strategy, bars_of, width_of
from optimizer.strategies.shared_indicators import distance


def excursion(conditions: Conditions, period: int, mode: str) -> FloatArray:
    """Distance of the close from the middle band in standard deviations: upwards to break, downwards to revert."""
    deviations = conditions.indicator(distance, period)
    return deviations if mode == "break" else -deviations


def _long(conditions: Conditions, params: Columns) -> Side:
    columns = params["period"], params["mode"]
    return Side(
        enter=conditions.above(excursion, *columns, level=params["width"]),
        exit=conditions.at_most(excursion, *columns, level=0),
    )


def _short(conditions: Conditions, params: Columns) -> Side:
    columns = params["period"], params["mode"]
    widths = [-width for width in params["width"]]
    return Side(
        enter=conditions.below(excursion, *columns, level=widths),
        exit=conditions.at_least(excursion, *columns, level=0),
    )


BOLLINGER = Strategy(
    key="bollinger",
    aliases=("bb", "bbands"),
    space=Space(
        (
            bars_of("period", 10, 50, 20),
            width_of("width", 1, 3, 2, unit="deviations"),
            Choice(
                name="mode",
                choices=("revert", "break"),
                default="revert",
            ),
        )
    ),
    warm_up=lambda params: int(params["period"]) - 1,
    long=_long,
    short=_short,
)
