"""Indicators as programs carry them: plain loops over NumPy arrays, equal to TA-Lib's values but for rounding.

Programs contain the source of these functions, so that they need no other package; each is complete with the ones that
`NEEDS` names. Arrays are (n_bars,), NaN where there is no value. Formulas as in `optimizer.indicators.technical`.
"""

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
import pandas as pd

_Function = Callable[..., object]


def ago(values: np.ndarray, n_bars: int) -> np.ndarray:
    """Values of so many bars before."""
    return np.asarray(pd.Series(values).shift(n_bars))


def for_bars(holds: np.ndarray, n_bars: int) -> np.ndarray:
    """True where a condition has held on each of the last bars."""
    held: np.ndarray = pd.Series(holds).rolling(n_bars).sum().to_numpy() == n_bars
    return np.asarray(held)


def crosses_above(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """True where `left` is above `right` and was not on the bar before."""
    lead = left - right
    return np.asarray((lead > 0) & (ago(lead, 1) <= 0))


def first_row(values: np.ndarray) -> int:
    """First row that has a value."""
    rows = np.flatnonzero(~np.isnan(values))
    return int(rows[0]) if len(rows) else len(values)


def sma(values: np.ndarray, window: int) -> np.ndarray:
    """Simple moving average, of a running sum."""
    mean, first, total = np.full(len(values), np.nan), first_row(values), 0.0
    for row in range(first, len(values)):
        total += values[row]
        if row >= first + window - 1:
            mean[row] = total / window
            total -= values[row - window + 1]
    return mean


def ema(values: np.ndarray, window: int, start: int | None = None) -> np.ndarray:
    """Exponential moving average; it begins, at row `start`, with the mean of the window up to there."""
    mean = np.full(len(values), np.nan)
    start = first_row(values) + window - 1 if start is None else start
    weight = 2.0 / (window + 1)
    for row in range(start, len(values)):
        if row == start:
            mean[row] = sum(values[row - window + 1 : row + 1]) / window
        else:
            mean[row] = (values[row] - mean[row - 1]) * weight + mean[row - 1]
    return mean


def rsi(values: np.ndarray, window: int) -> np.ndarray:
    """Relative strength index, 0 to 100, with Wilder's smoothing; 0 without any change."""
    strength = np.full(len(values), np.nan)
    keep, weight = (window - 1) / window, 1.0 / window
    gain = loss = 0.0
    for row in range(1, len(values)):
        up, down = max(values[row] - values[row - 1], 0.0), max(values[row - 1] - values[row], 0.0)
        if row <= window:
            gain, loss = gain + up, loss + down
        else:
            gain, loss = gain * keep + up * weight, loss * keep + down * weight
        if row == window:
            gain, loss = gain * weight, loss * weight
        if row >= window:
            strength[row] = 100.0 * (gain / (gain + loss)) if gain + loss > 1e-14 else 0.0
    return strength


def macd(values: np.ndarray, fast: int, slow: int, signal: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """MACD, its signal line, and the difference; both averages begin on the same bar."""
    start = max(fast, slow) - 1
    line = ema(values, fast, start) - ema(values, slow, start)
    of_signal = ema(line, signal)
    line[: start + signal - 1] = np.nan
    return line, of_signal, line - of_signal


def macd_line(values: np.ndarray, fast: int, slow: int, signal: int) -> np.ndarray:
    """The fast average less the slow one."""
    return macd(values, fast, slow, signal)[0]


def macd_signal(values: np.ndarray, fast: int, slow: int, signal: int) -> np.ndarray:
    """The average of the MACD."""
    return macd(values, fast, slow, signal)[1]


def macd_histogram(values: np.ndarray, fast: int, slow: int, signal: int) -> np.ndarray:
    """The MACD less its signal line."""
    return macd(values, fast, slow, signal)[2]


def deviation(values: np.ndarray, window: int) -> np.ndarray:
    """Population standard deviation of a window, of running sums; 0 where it would be rounding."""
    found = np.full(len(values), np.nan)
    total = squares = 0.0
    for row, value in enumerate(values):
        total, squares = total + value, squares + value * value
        if row >= window - 1:
            mean = total / window
            variance = squares / window - mean * mean
            found[row] = math.sqrt(variance) if variance >= 1e-14 else 0.0
            old = values[row - window + 1]
            total, squares = total - old, squares - old * old
    return found


def zscore(values: np.ndarray, window: int) -> np.ndarray:
    """Distance from the average in standard deviations."""
    spread = deviation(values, window)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(spread > 0.0, (values - sma(values, window)) / spread, np.nan)


def bollinger_upper(values: np.ndarray, window: int, width: float) -> np.ndarray:
    """The average plus so many standard deviations."""
    return sma(values, window) + width * deviation(values, window)


def bollinger_middle(values: np.ndarray, window: int, width: float) -> np.ndarray:
    """The average itself."""
    return sma(values, window)


def bollinger_lower(values: np.ndarray, window: int, width: float) -> np.ndarray:
    """The average less so many standard deviations."""
    return sma(values, window) - width * deviation(values, window)


def roc(values: np.ndarray, window: int) -> np.ndarray:
    """Change over so many bars, in percent."""
    return np.asarray((values / ago(values, window) - 1.0) * 100.0)


def highest(values: np.ndarray, window: int) -> np.ndarray:
    """Highest value of the window."""
    return pd.Series(values).rolling(window).max().to_numpy()


def lowest(values: np.ndarray, window: int) -> np.ndarray:
    """Lowest value of the window."""
    return pd.Series(values).rolling(window).min().to_numpy()


def stoch_k(high: np.ndarray, low: np.ndarray, close: np.ndarray, k: int, d: int) -> np.ndarray:
    """%K: place of the close between the lowest low and the highest high of `k` bars, 0 to 100."""
    bottom, reach = lowest(low, k), highest(high, k) - lowest(low, k)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(reach == 0.0, 0.0, 100.0 * ((close - bottom) / reach))


def stoch_d(high: np.ndarray, low: np.ndarray, close: np.ndarray, k: int, d: int) -> np.ndarray:
    """%D: the average of %K over `d` bars."""
    return sma(stoch_k(high, low, close, k, d), d)


def true_range(high: np.ndarray, low: np.ndarray, close: np.ndarray) -> np.ndarray:
    """Range of a bar with the gap to the close before it; none on the first bar."""
    before = ago(close, 1)
    return np.asarray(np.maximum(high - low, np.maximum(np.abs(before - high), np.abs(before - low))))


def wilder(values: np.ndarray, window: int) -> np.ndarray:
    """Wilder's average; it begins with the mean of the first window."""
    mean, first = np.full(len(values), np.nan), first_row(values) + window - 1
    for row in range(first, len(values)):
        if row == first:
            mean[row] = sum(values[row - window + 1 : row + 1]) / window
        else:
            mean[row] = (mean[row - 1] * (window - 1) + values[row]) / window
    return mean


def atr(high: np.ndarray, low: np.ndarray, close: np.ndarray, window: int) -> np.ndarray:
    """Average true range."""
    return wilder(true_range(high, low, close), window)


def supertrend(high: np.ndarray, low: np.ndarray, close: np.ndarray, window: int, multiple: float) -> np.ndarray:
    """Side of the trailing band that the close is on: 1 above, -1 below; it begins above."""
    middle, reach = (high + low) / 2.0, multiple * atr(high, low, close, window)
    side, lower, upper = np.full(len(close), np.nan), np.nan, np.nan
    for row in range(first_row(reach), len(close)):
        below, above = middle[row] - reach[row], middle[row] + reach[row]
        if np.isnan(lower):
            lower, upper, side[row] = below, above, 1.0
            continue
        lower = max(lower, below) if close[row - 1] >= lower else below
        upper = min(upper, above) if close[row - 1] <= upper else above
        is_out = close[row] < lower if side[row - 1] > 0.0 else close[row] > upper
        side[row] = -side[row - 1] if is_out else side[row - 1]
    return side


def volatility(close: np.ndarray, bars_per_year: np.ndarray | float, window: int) -> np.ndarray:
    """Population deviation of the last simple returns, annualized, as a fraction."""
    changes = np.zeros(len(close))
    changes[1:] = close[1:] / close[:-1] - 1.0
    found: np.ndarray = deviation(changes, window) * np.sqrt(bars_per_year)
    found[:window] = np.nan  # the first bar has no return
    return found


def williams(high: np.ndarray, low: np.ndarray, close: np.ndarray, window: int) -> np.ndarray:
    """Williams' %R: place of the close below the highest high, -100 to 0."""
    top, reach = highest(high, window), highest(high, window) - lowest(low, window)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(reach == 0.0, 0.0, -100.0 * ((top - close) / reach))


def cci(high: np.ndarray, low: np.ndarray, close: np.ndarray, window: int) -> np.ndarray:
    """Commodity channel index: distance of the bar's middle from its average in mean deviations of 0.015."""
    middle, found = (high + low + close) / 3.0, np.full(len(close), np.nan)
    for row in range(window - 1, len(close)):
        part = middle[row - window + 1 : row + 1]
        mean = sum(part) / window
        spread = sum(abs(part - mean)) / window
        found[row] = (middle[row] - mean) / (0.015 * spread) if spread else 0.0
    return found


def mfi(high: np.ndarray, low: np.ndarray, close: np.ndarray, volume: np.ndarray, window: int) -> np.ndarray:
    """Money flow index, 0 to 100: the flow of the bars whose middle rose, of that of all that changed."""
    middle = (high + low + close) / 3.0
    flow, change = middle * volume, np.diff(middle, prepend=middle[:1])
    change = np.where(np.abs(change) < 3e-14 * middle, 0.0, change)  # rounding is no change
    found = np.full(len(close), np.nan)
    for row in range(window, len(close)):
        part = slice(row - window + 1, row + 1)
        up, down = sum(flow[part][change[part] > 0.0]), sum(flow[part][change[part] < 0.0])
        found[row] = 100.0 * up / (up + down) if up + down >= 1.0 else 0.0
    return found


def slope(values: np.ndarray, window: int) -> np.ndarray:
    """Slope of the straight line through the window, by bar."""
    steps, found = np.arange(window) - (window - 1) / 2.0, np.full(len(values), np.nan)
    for row in range(first_row(values) + window - 1, len(values)):
        found[row] = (steps * values[row - window + 1 : row + 1]).sum() / (steps * steps).sum()
    return found


def adx(high: np.ndarray, low: np.ndarray, close: np.ndarray, window: int) -> np.ndarray:
    """Average directional index (Wilder), 0 to 100."""
    rises, falls = np.diff(high, prepend=high[:1]), -np.diff(low, prepend=low[:1])
    moves = [
        np.where((rises > falls) & (rises > 0.0), rises, 0.0),
        np.where((falls > rises) & (falls > 0.0), falls, 0.0),
    ]
    moves.append(true_range(high, low, close))
    sums = [sum(values[1:window]) for values in moves]
    strength, found = np.full(len(close), np.nan), np.full(len(close), np.nan)
    for row in range(window, len(close)):
        sums = [total - total / window + values[row] for total, values in zip(sums, moves, strict=True)]
        up, down = (100.0 * total / sums[2] if sums[2] else 0.0 for total in sums[:2])
        before = strength[row - 1] if row > window else 0.0
        strength[row] = 100.0 * abs(up - down) / (up + down) if up + down else before
        if row == 2 * window - 1:
            found[row] = sum(strength[window : row + 1]) / window
        elif row >= 2 * window:
            found[row] = (found[row - 1] * (window - 1) + strength[row]) / window
    return found


def bars_per_year_so_far(times: pd.DatetimeIndex) -> np.ndarray:
    """Number of bars a year as it was known at each bar: in whole weeks since the first one."""
    moments, week, year = times.to_numpy(), np.timedelta64(7, "D"), np.timedelta64(31_557_600, "s")
    age = moments - moments[0]
    weeks = age // week
    in_weeks = np.searchsorted(moments, moments[0] + weeks * week) / np.maximum(weeks, 1) * (year / week)
    at_first = np.arange(len(moments)) / (np.maximum(age, np.timedelta64(1, "s")) / year)
    return np.asarray(np.where(weeks > 0, in_weeks, at_first))


#: Functions that each one calls.
NEEDS: Mapping[_Function, tuple[_Function, ...]] = MappingProxyType(
    {
        crosses_above: (ago,),
        sma: (first_row,),
        ema: (first_row,),
        macd: (ema,),
        macd_line: (macd,),
        macd_signal: (macd,),
        macd_histogram: (macd,),
        zscore: (deviation, sma),
        bollinger_upper: (deviation, sma),
        bollinger_middle: (sma,),
        bollinger_lower: (deviation, sma),
        roc: (ago,),
        stoch_k: (highest, lowest),
        stoch_d: (stoch_k, sma),
        true_range: (ago,),
        wilder: (first_row,),
        atr: (true_range, wilder),
        williams: (highest, lowest),
        slope: (first_row,),
        adx: (true_range,),
        supertrend: (first_row, atr),
        volatility: (deviation,),
    }
)
