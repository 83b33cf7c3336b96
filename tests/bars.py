"""Bars for tests: five real symbols, and made-up ones of any length."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
from bokeh_sampledata import stocks

from optimizer.domain.bars import Bars, FloatArray

SYMBOLS = ("AAPL", "MSFT", "IBM", "GOOG", "FB")


@cache
def sample_bars(symbol: str) -> Bars:
    """Daily bars of a sample symbol, all four prices adjusted by the close's factor."""
    table: Mapping[str, Any] = getattr(stocks, symbol)
    columns = {name: np.array(table[name], dtype=np.float64) for name in ("open", "high", "low", "close", "adj_close")}
    factor = columns["adj_close"] / columns["close"]
    prices: dict[str, Any] = {name: columns[name] * factor for name in ("open", "high", "low", "close")}
    # Some rows of the sample have an open or close outside the day's range.
    prices["high"] = np.max([prices[name] for name in ("open", "high", "close")], axis=0)
    prices["low"] = np.min([prices[name] for name in ("open", "low", "close")], axis=0)
    return Bars(
        symbol=symbol,
        source="sample",
        time=np.array(table["date"], dtype="datetime64[D]").astype("datetime64[ns]"),
        volume=np.array(table["volume"], dtype=np.float64),
        **prices,
    )


def made_up_bars(n: int, *, seed: int = 1, volatility: float = 0.02, drift: float = 0.0003) -> Bars:
    """A random walk of n daily bars with gaps between them and ranges around them."""
    rng = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(rng.normal(drift, volatility, n)))
    open_ = np.concatenate(([100.0], close[:-1])) * np.exp(rng.normal(0.0, volatility / 3, n))
    reach = np.exp(np.abs(rng.normal(0.0, volatility / 2, (2, n))))
    return bars_of(open_, np.maximum(open_, close) * reach[0], np.minimum(open_, close) / reach[1], close)


def bars_of(open_: FloatArray, high: FloatArray, low: FloatArray, close: FloatArray, symbol: str = "TEST") -> Bars:
    """Daily bars of given prices, on weekdays."""
    time = np.busday_offset("2001-01-01", np.arange(len(close)))
    return Bars(
        symbol=symbol,
        time=time.astype("datetime64[ns]"),
        open=np.array(open_, dtype=np.float64),
        high=np.array(high, dtype=np.float64),
        low=np.array(low, dtype=np.float64),
        close=np.array(close, dtype=np.float64),
        volume=np.ones(len(close)),
    )
