"""Findings about bars that are right are none, and those about wrong ones are made."""

import numpy as np
import pytest

from optimizer.market.feed import Market
from optimizer.market.providers.provider import Provider
from optimizer.market.quality.data_findings import QualityReport
from optimizer.market.raw_bars import TIMEFRAMES, make_history
from optimizer.market.warehouse.warehouse import Warehouse
from tests.cases.conftest import NOW, Import
from tests.refused import worded


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


def test_a_dividend_without_a_fall_in_the_price_is_found(bring: Import, warehouse: Warehouse) -> None:
    bring("dividend/ACME.csv")

    found = [one for one in checked(warehouse, "ACME").findings if one.kind == "unfollowed"]

    assert [(f"{one.when:%Y-%m-%d}", one.severity.value) for one in found] == [("2024-03-04", "medium")]
    assert worded(found[0].phrase) == (
        "On 2024-03-04 the adjustment moves prices before it by −7.0%, as for a dividend or split, "
        "but the price as traded moves by +0.5%: is the adjustment right?"
    )


@pytest.mark.parametrize(
    ("part", "moves", "is_found"),
    [
        (0.93, -0.07, False),
        (0.93, -0.04, False),  # the market rose by three percent on the same day
        (0.93, 0.02, True),
        (0.25, -0.75, False),  # a split of 4:1
        (0.25, 0.0, True),
        (4.0, 3.0, False),  # a split of 1:4
        (4.0, 0.0, True),
        (0.995, 0.002, False),  # a small dividend cannot be told from noise
    ],
)
def test_an_adjustment_is_compared_with_the_price_as_traded(
    warehouse: Warehouse, part: float, moves: float, is_found: bool
) -> None:
    n, at = 300, 200
    returns = np.random.default_rng(3).normal(0, 0.01, n)
    returns[at] = np.log1p(moves)
    close = 50 * np.exp(np.cumsum(returns))
    open_ = np.append(close[0], close[:-1] * np.exp(returns[1:]))
    times = np.busday_offset("2024-01-01", np.arange(n))
    prices = {"open": open_, "high": np.maximum(open_, close), "low": np.minimum(open_, close), "close": close}
    factor = np.where(np.arange(n) < at, part, 1.0)
    warehouse.upsert(make_history("X", source="file", columns={"time": times, **prices}, factor=factor), now=NOW)

    found = [f"{one.when:%Y-%m-%d}" for one in checked(warehouse, "X").findings if one.kind == "unfollowed"]

    assert found == ([str(times[at])] if is_found else [])
