"""Indicators that files for freqtrade contain, since TA-Lib has none of them, or another one."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from optimizer.lazy import LazyModule

if TYPE_CHECKING:
    import talib
else:
    talib = LazyModule("talib")


def zscore(values: pd.Series, window: int) -> pd.Series:
    """Distance from the average in population standard deviations; none where they are 0."""
    spread = talib.STDDEV(values, window)
    return ((values - talib.SMA(values, window)) / spread).where(spread > 0.0)


def highest(values: pd.Series, window: int) -> pd.Series:
    """Highest value of the window."""
    return values.rolling(window).max()


def lowest(values: pd.Series, window: int) -> pd.Series:
    """Lowest value of the window."""
    return values.rolling(window).min()


def supertrend(high: pd.Series, low: pd.Series, close: pd.Series, window: int, multiple: float) -> pd.Series:
    """Side of the trailing band that the close is on: 1 above, -1 below; it begins above."""
    middle, reach = ((high + low) / 2.0).to_numpy(), (multiple * talib.ATR(high, low, close, window)).to_numpy()
    prices, side, lower, upper = close.to_numpy(), np.full(len(close), np.nan), np.nan, np.nan
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
