"""Drawing of a symbol's price over the kinds of markets, as the numbers of an SVG."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from optimizer.domain.results.regime_results import Regime
from optimizer.domain.space import tidy

if TYPE_CHECKING:
    from optimizer.outlook.regime_history import RegimeHistory

#: Size of the drawing, and the room left of it and below it for labels, in its own units.
WIDTH, HEIGHT, LEFT, FOOT = 960, 360, 56, 24
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

    bands: Sequence[Band]
    line: str  # points of the price, as an SVG's polyline takes them
    years: Sequence[tuple[float, str]]  # x and label
    prices: Sequence[tuple[float, str]]  # y and label


def regime_chart(history: "RegimeHistory") -> RegimeChart:
    """Lay out a history's price and labels."""
    closes = [close for _, close in history.points]
    low, high = math.log(min(closes)), math.log(max(closes))
    span = (high - low) or 1.0

    def x(row: int) -> float:
        return round(LEFT + (WIDTH - LEFT) * row / max(history.n_bars - 1, 1), 1)

    def y(price: float) -> float:
        return round((HEIGHT - FOOT) * (1.0 - 0.04 - 0.92 * (math.log(price) - low) / span), 1)

    return RegimeChart(
        bands=[
            Band(regime=stretch.regime, x=x(stretch.first), width=round(x(stretch.last) - x(stretch.first), 1))
            for stretch in history.stretches
            if stretch.regime is not None
        ],
        line=" ".join(f"{x(row)},{y(close)}" for row, close in history.points),
        years=_fitting([(x(row), str(year)) for row, year in history.years]),
        prices=[(y(price), tidy(price)) for price in _ticks(math.exp(low), math.exp(high))],
    )


def _fitting(years: Sequence[tuple[float, str]]) -> Sequence[tuple[float, str]]:
    return years[:: max(1, -(-len(years) // 14))]


def _ticks(low: float, high: float) -> list[float]:
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    every = [digit * 10.0**power for power in powers for digit in _DIGITS]
    inside = [price for price in every if low <= price <= high]
    return inside if len(inside) <= _MOST_TICKS else inside[:: -(-len(inside) // _MOST_TICKS)]
