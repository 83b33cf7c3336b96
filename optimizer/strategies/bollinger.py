"""Bollinger bands: back to the middle, or away from it (Bollinger 2001)."""

from optimizer.domain.bars import FloatArray
from optimizer.domain.space import Choice, Space
from optimizer.indicators.conditions import Conditions
from optimizer.strategies.declaration import Columns, Side, Strategy, bars_of, width_of
from optimizer.strategies.shared_rows import distance


def excursion(on: Conditions, period: int, mode: str) -> FloatArray:
    """Distance of the close from the middle band in standard deviations: upwards to break, downwards to revert."""
    row = on.row(distance, period)
    return row if mode == "break" else -row


def _long(on: Conditions, p: Columns) -> Side:
    row = p["period"], p["mode"]
    return Side(enter=on.above(excursion, *row, level=p["width"]), exit=on.at_most(excursion, *row, level=0))


def _short(on: Conditions, p: Columns) -> Side:
    row = p["period"], p["mode"]
    widths = [-width for width in p["width"]]
    return Side(enter=on.below(excursion, *row, level=widths), exit=on.at_least(excursion, *row, level=0))


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
