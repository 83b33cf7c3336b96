"""Indicators that files for freqtrade contain, since TA-Lib has none of them, or another one."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from optimizer.lazy import LazyModule

if TYPE_CHECKING:
    import talib
else:
    talib = LazyModule("talib")


def crosses_above(left: pd.Series, right: pd.Series) -> pd.Series:
    """True where `left` is above `right` and was not on the bar before; one of them may be a number."""
    lead = left - right
    return (lead > 0) & (lead.shift(1) <= 0)


def zscore(values: pd.Series, window: int) -> pd.Series:
    """Distance from the average in population standard deviations; none where they are 0."""
    prices = values.to_numpy(dtype=float)
    mean, spread = talib.SMA(prices, window), pd.Series(talib.STDDEV(prices, window), index=values.index)
    found: pd.Series = ((values - mean) / spread).where(spread > 0.0)
    return found


def highest(values: pd.Series, window: int) -> pd.Series:
    """Highest value of the window."""
    return values.rolling(window).max()


def lowest(values: pd.Series, window: int) -> pd.Series:
    """Lowest value of the window."""
    return values.rolling(window).min()


def supertrend(high: pd.Series, low: pd.Series, close: pd.Series, window: int, multiple: float) -> pd.Series:
    """Side of the trailing band that the close is on: 1 above, -1 below; it begins above."""
    tops, bottoms, prices = (values.to_numpy(dtype=float) for values in (high, low, close))
    middle, reach = (tops + bottoms) / 2.0, multiple * talib.ATR(tops, bottoms, prices, window)
    side, lower, upper = np.full(len(prices), np.nan), np.nan, np.nan
    for row in np.flatnonzero(~np.isnan(reach)):
        below, above = middle[row] - reach[row], middle[row] + reach[row]
        if np.isnan(lower):
            lower, upper, side[row] = below, above, 1.0
            continue
        lower = max(lower, below) if prices[row - 1] >= lower else below
        upper = min(upper, above) if prices[row - 1] <= upper else above
        is_out = prices[row] < lower if side[row - 1] > 0.0 else prices[row] > upper
        side[row] = -side[row - 1] if is_out else side[row - 1]
    return pd.Series(side, index=close.index)
