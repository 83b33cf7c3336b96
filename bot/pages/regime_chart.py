"""Drawing of a symbol's price over the kinds of markets, as the numbers of an SVG."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from optimizer.domain.results.regime_results import Regime
from optimizer.domain.space import tidy

if TYPE_CHECKING:
    from optimizer.outlook.regime_history import RegimeHistory

#: Sizes of the drawing, on a screen and on a phone, in its own units.
SCREEN, PHONE = (960, 360), (400, 300)
#: Room left of the drawing and below it for labels, and what the label of a year takes with the space beside it.
LEFT, FOOT, YEAR = 56, 24, 64
#: Ticks of the price, at these digits of each power of ten where few of them fit.
_DIGITS, _MOST_TICKS = (1, 2, 5), 8


@dataclass(frozen=True, kw_only=True)
class Band:
    """Stretch of one kind, from `x` on."""

    regime: Regime
    x: float
    width: float


@dataclass(frozen=True, kw_only=True)
class RegimeChart:
    """Price on a logarithmic scale, with the bands behind it."""

    width: int
    height: int
    bands: Sequence[Band]
    line: str  # points of the price, as an SVG's polyline takes them
    years: Sequence[tuple[float, str]]  # x and label
    prices: Sequence[tuple[float, str]]  # y and label

    @property
    def left(self) -> int:
        """X at which the price begins."""
        return LEFT

    @property
    def floor(self) -> int:
        """Y of the lower edge of the bands."""
        return self.height - FOOT


def regime_chart(history: "RegimeHistory", size: tuple[int, int] = SCREEN) -> RegimeChart:
    """Lay out a history's price and labels in a size."""
    width, height = size
    closes = [close for _, close in history.points]
    low, high = math.log(min(closes)), math.log(max(closes))
    span = (high - low) or 1.0

    def x(row: int) -> float:
        return round(LEFT + (width - LEFT) * row / max(history.n_bars - 1, 1), 1)

    def y(price: float) -> float:
        return round((height - FOOT) * (1.0 - 0.04 - 0.92 * (math.log(price) - low) / span), 1)

    return RegimeChart(
        width=width,
        height=height,
        bands=[
            Band(regime=stretch.regime, x=x(stretch.first), width=round(x(stretch.last) - x(stretch.first), 1))
            for stretch in history.stretches
            if stretch.regime is not None
        ],
        line=" ".join(f"{x(row)},{y(close)}" for row, close in history.points),
        years=_fitting([(x(row), str(year)) for row, year in history.years], width),
        prices=[(y(price), tidy(price)) for price in _ticks(math.exp(low), math.exp(high))],
    )


def _fitting(years: Sequence[tuple[float, str]], width: int) -> Sequence[tuple[float, str]]:
    """Labels of years that do not touch each other, each whole."""
    most = (width - LEFT) // YEAR
    return [(x, year) for x, year in years[:: max(1, -(-len(years) // most))] if x <= width - YEAR / 2]


def _ticks(low: float, high: float) -> list[float]:
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    every = [digit * 10.0**power for power in powers for digit in _DIGITS]
    inside = [price for price in every if low <= price <= high]
    return inside if len(inside) <= _MOST_TICKS else inside[:: -(-len(inside) // _MOST_TICKS)]
