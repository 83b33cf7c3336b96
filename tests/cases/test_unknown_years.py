"""Markets whose holidays are known to some day only: bars go on being asked for, and a silent source is found."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from optimizer.market.calendars import find_calendar
from optimizer.market.feed import Market
from optimizer.market.raw_bars import RawBars, make_history
from optimizer.market.warehouse.warehouse import Warehouse
from tests.cases.conftest import NOW

pytestmark = pytest.mark.slow

#: Years beyond the holidays that any version of the calendars knows.
YEAR = 2060


class Live:
    """A source that delivers every weekday up to `now`, or to a last day, the session under way included."""

    name, is_live, symbols = "yahoo", True, ()

    def __init__(self, last: date | None = None) -> None:
        self.last = last
        self.n_asked = 0

    def fetch(self, symbol: str, *, timeframe: str, start: date | None, end: date | None, now: datetime) -> RawBars:
        """Bars of the weekdays of this winter."""
        self.n_asked += 1
        last = min(now.date() + timedelta(days=1), self.last or date.max)
        days = np.arange(np.datetime64(f"{YEAR - 1}-11-03"), np.datetime64(last))
        days = days[np.is_busday(days)]
        prices = dict.fromkeys(("open", "high", "low", "close"), 10 + np.arange(len(days)) * 0.01)
        return make_history(symbol, timeframe=timeframe, source=self.name, columns={"time": days, **prices})


MARKETS = ["600519.SS", "RELIANCE.NS", "D05.SI", "005930.KS", "0700.HK"]


def at(day: int, hour: int) -> datetime:
    """A time in January."""
    return datetime(YEAR, 1, day, hour, tzinfo=UTC)


@pytest.mark.parametrize("symbol", MARKETS)
def test_bars_go_on_after_the_last_known_holiday(warehouse: Warehouse, symbol: str) -> None:
    live = Live()
    market = Market(warehouse, [live], sources=("yahoo",))

    for asked, (now, last) in enumerate([(at(8, 12), "2060-01-08"), (at(22, 12), "2060-01-22")], start=1):
        bars, report = market.checked_bars(symbol, now=now)

        assert (str(bars.time[-1])[:10], live.n_asked) == (last, asked)
        assert not {"missing", "missing_run", "stale_end"} & {finding.kind for finding in report.findings}


def test_the_bar_of_a_session_under_way_is_left_out(warehouse: Warehouse) -> None:
    market = Market(warehouse, [Live()], sources=("yahoo",))

    assert str(market.get_bars("600519.SS", now=at(8, 3)).time[-1])[:10] == "2060-01-07"


def test_a_source_that_is_silent_for_two_weeks_is_found(warehouse: Warehouse) -> None:
    market = Market(warehouse, [Live(last=date(YEAR, 1, 9))], sources=("yahoo",))
    market.get_bars("600519.SS", now=at(8, 12))

    _, report = market.checked_bars("600519.SS", now=at(22, 12))

    assert "stale_end" in {finding.kind for finding in report.findings}


def test_holidays_of_known_years_stay_closed() -> None:
    calendar = find_calendar("XSHG", date(2024, 1, 1), date(YEAR, 1, 1))

    assert np.datetime64("2024-02-12") not in calendar.sessions  # the new year of the moon
    assert calendar.known_to is not None
    assert find_calendar("XNYS", date(2024, 1, 1), NOW.date()).known_to is None
