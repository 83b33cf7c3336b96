"""Five symbols of daily bars, 2000 to 2013, from the optional package `bokeh-sampledata`: no network needed."""

from datetime import date, datetime
from importlib import import_module
from typing import Any

import numpy as np

from optimizer.errors import MissingExtra, NoTimeframe, UnknownSymbol
from optimizer.market.raw_bars import RawBars, make_history

SYMBOLS = ("AAPL", "FB", "GOOG", "IBM", "MSFT")


class Sample:
    """Source `sample`."""

    name = "sample"
    is_live = False
    symbols = SYMBOLS

    def fetch(self, symbol: str, *, timeframe: str, start: date | None, end: date | None, now: datetime) -> RawBars:
        """Bars of one of SYMBOLS. Raises UnknownSymbol, NoTimeframe or MissingExtra."""
        if symbol not in SYMBOLS:
            raise UnknownSymbol.of(symbol, SYMBOLS)
        if timeframe != "1d":
            raise NoTimeframe.of_symbol(symbol, timeframe, ["1d"])
        return _history(symbol, getattr(_stocks(), symbol)).between(start, end)


def _stocks() -> Any:
    try:
        return import_module("bokeh_sampledata.stocks")
    except ModuleNotFoundError as error:
        raise MissingExtra(source="sample", extra="sample") from error


def _history(symbol: str, table: dict[str, list[Any]]) -> RawBars:
    columns = {name: np.array(table[name], dtype=np.float64) for name in ("open", "high", "low", "close", "volume")}
    columns["time"] = np.array(table["date"], dtype="datetime64[us]")
    factor = np.array(table["adj_close"], dtype=np.float64) / columns["close"]
    return make_history(symbol, source="sample", columns=columns, factor=factor)
