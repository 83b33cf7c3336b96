"""Findings about bars that are right are none, and those about wrong ones are made."""

import numpy as np
import pytest

from optimizer.market.feed import Market
from optimizer.market.providers.provider import Provider
from optimizer.market.quality.data_findings import QualityReport
from optimizer.market.raw_bars import TIMEFRAMES, make_history
from optimizer.market.warehouse.warehouse import Warehouse
from tests.cases.conftest import NOW, Import


def checked(warehouse: Warehouse, symbol: str, timeframe: str = "1d", *providers: Provider) -> QualityReport:
    """Quality report of stored bars."""
    return Market(warehouse, providers).checked_bars(symbol, timeframe=timeframe, now=NOW)[1]


CLOCK_KINDS = {"clock", "shift_hours", "outside_hours", "thin_session", "missing", "missing_run", "no_session"}


def test_hours_around_the_clock_have_no_finding_about_hours(bring: Import, warehouse: Warehouse) -> None:
    bring("around_the_clock/ETH-USD_1h.csv")

    assert not {finding.kind for finding in checked(warehouse, "ETH-USD", "1h").findings} & CLOCK_KINDS


@pytest.mark.parametrize("timeframe", [word for word in TIMEFRAMES if word != "1d"])
@pytest.mark.parametrize(
    ("symbol", "first"), [("ETH-USD", "2026-10-01"), ("ETHUSDT", "2026-10-01"), ("EURUSD=X", "2026-10-05")]
)
def test_bars_of_every_size_around_the_clock_have_none(
    warehouse: Warehouse, symbol: str, first: str, timeframe: str
) -> None:
    step = TIMEFRAMES[timeframe]
    days = 3 if symbol == "EURUSD=X" else 14
    times = np.datetime64(first, "us") + np.arange(0, days * 86_400, step) * np.timedelta64(1, "s")
    prices = 2000 + np.sin(np.arange(len(times)) / 9)
    columns = {"time": times, **dict.fromkeys(("open", "high", "low", "close"), prices)}
    warehouse.upsert(make_history(symbol, timeframe=timeframe, source="file", columns=columns), now=NOW)

    assert not {finding.kind for finding in checked(warehouse, symbol, timeframe).findings} & CLOCK_KINDS
