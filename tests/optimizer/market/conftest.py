"""Bars to test with: random walks on real sessions, and the sample's five symbols."""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from importlib import import_module
from types import ModuleType

import numpy as np
import pytest

from optimizer.domain.bars import FloatArray
from optimizer.market.calendars import find_calendar
from optimizer.market.raw_bars import RawBars, make_history
from optimizer.market.warehouse.warehouse import Warehouse

NOW = datetime(2024, 6, 3, 12, tzinfo=UTC)


@pytest.fixture
def warehouse() -> Iterator[Warehouse]:
    with Warehouse.open(":memory:", now=NOW) as opened:
        yield opened


@pytest.fixture
def ccxt() -> ModuleType:
    """The real ccxt."""
    return import_module("ccxt")


@pytest.fixture
def finance_data_reader() -> ModuleType:
    """The real FinanceDataReader."""
    return import_module("FinanceDataReader")


@lru_cache(maxsize=512)
def walk(
    n_bars: int = 500, *, seed: int = 0, symbol: str = "GBM", source: str = "file", volatility: float = 0.012
) -> RawBars:
    """Daily bars of a geometric random walk on New York's sessions, ending at the end of 2023; copy to change."""
    calendar = find_calendar("XNYS", datetime(1990, 1, 1, tzinfo=UTC).date(), datetime(2023, 12, 31, tzinfo=UTC).date())
    days = calendar.sessions[-n_bars:]
    rng = np.random.default_rng(seed)
    return make_history(symbol, source=source, columns={"time": days, **prices(rng, n_bars, volatility)})


def prices(rng: np.random.Generator, n_bars: int, volatility: float) -> dict[str, FloatArray]:
    """Open, high, low, close and volume of a geometric random walk with a gap before each bar."""
    close = 100 * np.exp(np.cumsum(rng.normal(0, volatility, n_bars)))
    open_ = np.concatenate([[100.0], close[:-1]]) * np.exp(rng.normal(0, volatility / 4, n_bars))
    reach = np.abs(rng.normal(0, volatility / 2, (2, n_bars)))
    return {
        "open": open_,
        "high": np.maximum(open_, close) * np.exp(reach[0]),
        "low": np.minimum(open_, close) * np.exp(-reach[1]),
        "close": close,
        "volume": np.round(rng.lognormal(14, 0.3, n_bars)),
    }
