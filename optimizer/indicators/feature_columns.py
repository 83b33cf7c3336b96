"""22 causal columns per bar, for signals that learn: the feature store keeps them, a worker computes them itself."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from optimizer.domain.bars import Bars, FloatArray
from optimizer.indicators.technical import ema, rsi

#: Names of the columns, in order.
FEATURES = (
    "rsi_14", "macd", "macd_signal", "macd_hist", "bb_upper", "bb_middle", "bb_lower", "bb_width", "bb_position",
    "sma_5", "sma_10", "sma_20", "sma_50", "ema_12", "ema_26", "volume_sma_20", "volume_ratio", "obv",
    "price_change_1d", "price_change_5d", "price_change_20d", "hl_range",
)  # fmt: skip


def compute(bars: Bars) -> dict[str, FloatArray]:
    """Compute the 22 columns, (n_bars,) each, by name.

    Means and deviations are over the last n bars, the bar itself included (population deviation, as Bollinger's);
    EMAs begin with the mean of their first window, and `macd` is `ema_12` less `ema_26`; RSI is Wilder's. Changes,
    `hl_range` (over close) and `bb_width` (over the middle) are fractions, `bb_position` is 0 at the lower band.
    """
    close, volume = bars.close, bars.volume
    found = {"rsi_14": rsi(close, 14), "ema_12": ema(close, 12), "ema_26": ema(close, 26)}
    found |= {f"sma_{window}": _mean(close, window) for window in (5, 10, 20, 50)}
    found |= {f"price_change_{days}d": _change(close, days) for days in (1, 5, 20)}
    found |= _macd(found["ema_12"], found["ema_26"]) | _bollinger(close)
    found["volume_sma_20"] = _mean(volume, 20)
    with np.errstate(invalid="ignore", divide="ignore"):
        found["volume_ratio"] = volume / found["volume_sma_20"]
    found["obv"] = np.cumsum(np.append(0.0, np.sign(np.diff(close)))[: len(close)] * volume)
    found["hl_range"] = (bars.high - bars.low) / close
    return {name: found[name] for name in FEATURES}


def _mean(values: FloatArray, window: int) -> FloatArray:
    return _padded(sliding_window_view(values, window).mean(axis=1), window) if len(values) >= window else _none(values)


def _deviation(values: FloatArray, window: int) -> FloatArray:
    return _padded(sliding_window_view(values, window).std(axis=1), window) if len(values) >= window else _none(values)


def _padded(values: FloatArray, window: int) -> FloatArray:
    return np.concatenate([np.full(window - 1, np.nan), values])


def _none(values: FloatArray) -> FloatArray:
    return np.full(len(values), np.nan)


def _change(close: FloatArray, bars: int) -> FloatArray:
    changed = _none(close)
    changed[bars:] = close[bars:] / close[:-bars] - 1
    return changed


def _macd(fast: FloatArray, slow: FloatArray) -> dict[str, FloatArray]:
    macd = fast - slow
    signal = _none(macd)
    if len(macd) > 25:
        signal[25:] = ema(macd[25:], 9)
    return {"macd": macd, "macd_signal": signal, "macd_hist": macd - signal}


def _bollinger(close: FloatArray) -> dict[str, FloatArray]:
    middle, width = _mean(close, 20), 2 * _deviation(close, 20)
    upper, lower = middle + width, middle - width
    with np.errstate(invalid="ignore", divide="ignore"):
        # With bands of zero width the position is undefined.
        position = np.where(width > 0, (close - lower) / (upper - lower), np.nan)
    return {
        "bb_upper": upper,
        "bb_middle": middle,
        "bb_lower": lower,
        "bb_width": (upper - lower) / middle,
        "bb_position": position,
    }
