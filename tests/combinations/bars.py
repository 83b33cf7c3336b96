"""Bars for many short studies: two random walks, daily for three years and hourly for a quarter."""

from collections.abc import Sequence
from datetime import UTC, date, datetime

import numpy as np

from optimizer.errors import UnknownSymbol, UnknownTimeframe
from optimizer.market.raw_bars import RawBars, make_history

#: Traded at all hours, so that every day and hour has a bar.
SYMBOLS = ("BTC-USD", "ETH-USD")
NOW = datetime(2024, 1, 1, 12, tzinfo=UTC)
_STEPS = {"1d": ("2021-01-01", np.timedelta64(1, "D"), 0.02), "1h": ("2023-10-01", np.timedelta64(1, "h"), 0.006)}
_END = np.datetime64("2024-01-01", "us")


class Walks:
    """Source of the two walks."""

    name = "sample"
    is_live = False
    symbols: Sequence[str] = SYMBOLS

    def fetch(self, symbol: str, *, timeframe: str, start: date | None, end: date | None, now: datetime) -> RawBars:
        """Bars of one of SYMBOLS. Raises UnknownSymbol or UnknownTimeframe."""
        if symbol not in SYMBOLS:
            raise UnknownSymbol.of(symbol, SYMBOLS)
        if timeframe not in _STEPS:
            raise UnknownTimeframe.of(timeframe, _STEPS)
        return _walk(symbol, timeframe).between(start, end)


def _walk(symbol: str, timeframe: str) -> RawBars:
    first, step, volatility = _STEPS[timeframe]
    time = np.arange(np.datetime64(first, "us"), _END, step)
    rng = np.random.default_rng([SYMBOLS.index(symbol), len(timeframe), len(time)])
    close = 100 * np.exp(np.cumsum(rng.normal(0.0002, volatility, len(time))))
    opened = np.concatenate([[100.0], close[:-1]])
    reach = np.abs(rng.normal(0, volatility / 2, (2, len(time))))
    columns = {
        "time": time,
        "open": opened,
        "high": np.maximum(opened, close) * np.exp(reach[0]),
        "low": np.minimum(opened, close) * np.exp(-reach[1]),
        "close": close,
        "volume": np.round(rng.lognormal(14, 0.3, len(time))),
    }
    return make_history(symbol, timeframe=timeframe, source="sample", columns=columns)
