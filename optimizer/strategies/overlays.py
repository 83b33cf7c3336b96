"""Overlays: orders, filters and sizing to add to any strategy, each one more dimension of its space."""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from optimizer.domain.bars import FloatArray
from optimizer.domain.metrics import periods_per_year, periods_per_year_so_far
from optimizer.domain.space import Parameter, Params
from optimizer.indicators import technical
from optimizer.indicators.conditions import Conditions
from optimizer.learned.regime_rows import ANY_REGIME, GATES
from optimizer.strategies.declaration import bars_of, choice_of, level_of
from optimizer.strategies.shared_indicators import above_average

#: Bars over which the volatility for `voltarget` is measured.
VOLATILITY_BARS = 20

#: Overlay that is a gate by regime.
GATE = "regime"

#: Every overlay by name, in the order they are listed. A set without the name is run without the overlay.
OVERLAYS: Mapping[str, Parameter] = MappingProxyType(
    {
        parameter.name: parameter
        for parameter in (
            level_of("stop", 2, 15, 8, unit="%"),
            level_of("take", 4, 40, 20, step=2, unit="%"),
            level_of("trail", 3, 20, 10, unit="%"),
            bars_of("trend", 100, 250, 200, step=25),
            level_of("voltarget", 10, 25, 15, step=5, unit="%"),
            bars_of("max_hold", 5, 60, 20, step=5),
            choice_of(GATE, tuple(GATES), ANY_REGIME),
        )
    }
)

#: The overlays that close a position while its signal may still hold.
CLOSING = ("stop", "take", "trail", "max_hold")


def overlay_warm_up(params: Params) -> int:
    """Bars before the first one at which the overlays of a set have values."""
    trend = int(params.get("trend", 1)) - 1
    return max(trend, VOLATILITY_BARS if "voltarget" in params else 0)


def permission(conditions: Conditions, trend: int, is_sized: bool) -> FloatArray:
    """Close less its average (`trend` 0: always 1), NaN where the volatility for the size does not exist yet.

    Longs may open where it is above 0. Shorts may open where it is below 0, or anywhere without
    an average.
    """
    allowed = conditions.indicator(above_average, trend).copy() if trend else np.ones(len(conditions.bars))
    if is_sized:
        allowed[:VOLATILITY_BARS] = np.nan
    return allowed


def volatility(conditions: Conditions, counts_ahead: bool) -> FloatArray:
    """Annualized volatility of the last 20 returns at each close, as a fraction.

    A year of bars faster than daily ones is counted up to each bar; with `counts_ahead` over all bars, as early
    studies did.
    """
    bars = conditions.bars
    a_year = periods_per_year(bars) if counts_ahead else periods_per_year_so_far(bars)
    return technical.realized_volatility(bars.close, VOLATILITY_BARS, a_year)
