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
    title="Bollinger bands",
    rule=(
        "`revert`: buy when the close is below the lower band; `break`: buy when it is above the upper band; "
        "sell when the close is back at the middle."
    ),
    short_rule=(
        "`revert`: sell short when the close is above the upper band; `break`: when it is below the lower band; "
        "cover when the close is back at the middle."
    ),
    space=Space(
        (
            bars_of("period", 10, 50, 20, meaning="bars of the bands"),
            width_of("width", 1, 3, 2, unit="deviations", meaning="standard deviations from middle to band"),
            Choice(
                name="mode",
                choices=("revert", "break"),
                default="revert",
                meaning="back to the middle, or away from it",
            ),
        )
    ),
    warm_up=lambda params: int(params["period"]) - 1,
    long=_long,
    short=_short,
)
