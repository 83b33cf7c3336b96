"""Which calendar a symbol trades by, and what is said where its ending names no exchange."""

from datetime import UTC, date, datetime

import exchange_calendars
import numpy as np
import pytest

from optimizer.domain.exchange_of_symbol import INDEXES, SUFFIXES, calendar_name, unknown_suffix
from optimizer.market.calendars import find_calendar
from optimizer.market.quality.sentinel import check
from tests.optimizer.market.test_resampling import bars_at


@pytest.mark.parametrize(
    ("symbol", "name"),
    [
        ("AAPL", "XNYS"), ("BRK.B", "XNYS"), ("BF.A", "XNYS"), ("5483.TWO", "XTAI"), ("VOE.VI", "XWBO"),
        ("7203.T", "XTKS"), ("SHOP.V", "XTSE"), ("VOD.L", "XLON"), ("^KS11", "XKRX"), ("^GSPC", "XNYS"),
        ("EURUSD", "24/5"), ("XAUUSD", "24/5"), ("BTCUSD", "XNYS"), ("GOOGL", "XNYS"), ("EURUSD.ZZ", "24/5"),
        ("ES=F", "CMES"), ("EURUSD=X", "24/5"), ("BTC-USDT", "24/7"), ("ACME.ZZ", "24/5"), ("RELIANCE.NS", "XBOM"),
    ],
)  # fmt: skip
def test_the_calendar_of_a_symbol(symbol: str, name: str) -> None:
    assert calendar_name(symbol) == name


@pytest.mark.parametrize("name", sorted({*SUFFIXES.values(), *INDEXES.values()}))
def test_every_calendar_that_is_named_exists(name: str) -> None:
    assert name in exchange_calendars.get_calendar_names()
    assert len(find_calendar(name, date(2023, 1, 1), date(2023, 12, 31)).sessions) > 200


def test_an_ending_that_names_no_exchange_is_said_and_not_taken_for_new_york() -> None:
    days = np.arange(np.datetime64("2023-01-02"), np.datetime64("2024-12-31"))
    bars = bars_at(days[np.is_busday(days)], symbol="ACME.ZZ", timeframe="1d")

    report = check(bars, now=datetime(2025, 1, 1, tzinfo=UTC))

    assert [finding.kind for finding in report.findings] == ["unknown_exchange"]
    assert unknown_suffix("ACME.ZZ") == ".ZZ"
    assert not unknown_suffix("ACME.WA")
