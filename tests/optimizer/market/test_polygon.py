"""What is Polygon's own, against answers served on this machine."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime

import numpy as np
import pytest

from optimizer.errors import ProviderDown
from optimizer.market.providers.online.polygon import Polygon
from tests.optimizer.market.clock import Clock
from tests.optimizer.market.local_http import Reply, Source, serve
from tests.optimizer.market.recorded import FACTORS, KEY, POLYGON, patience, polygon_page
from tests.refused import refused

NOW = datetime(2024, 6, 3, 23, tzinfo=UTC)
BARS = "/v2/aggs/ticker/ACME"


@pytest.fixture
def source() -> Iterator[Source]:
    with serve() as served:
        for path, body in POLYGON.answers.items():
            served.reply(path, Reply(body=body))
        yield served


@pytest.fixture
def polygon(source: Source) -> Polygon:
    made = POLYGON.make(source.url, patience(Clock()))
    assert isinstance(made, Polygon)
    return made


def test_the_bars_of_the_plan_are_requested_as_traded(source: Source, polygon: Polygon) -> None:
    polygon.fetch("ACME", timeframe="1d", start=None, end=None, now=NOW)

    path, query = source.asked[0]
    assert path == f"{BARS}/range/1/day/2022-06-04/2024-06-03"
    assert query == {"adjusted": "false", "sort": "asc", "limit": "50000"}
    assert {sent["authorization"] for sent in source.sent} == {f"Bearer {KEY}"}


def test_the_next_page_is_requested_here_whatever_host_it_names(source: Source, polygon: Polygon) -> None:
    next_url = "https://api.elsewhere.example/v2/aggs/ticker/ACME/range/1/day/1717041600000/2024-06-03?cursor=bGltaXQ9"
    source.reply(BARS, Reply(body=polygon_page(at=slice(0, 1), next_url=next_url)))
    source.reply(f"{BARS}/range/1/day/1717041600000?cursor=bGltaXQ9", Reply(body=polygon_page(at=slice(1, 3))))

    history = polygon.fetch("ACME", timeframe="1d", start=None, end=None, now=NOW)

    assert history.close.tolist() == [100.0, 10.0, 10.5]
    np.testing.assert_allclose(history.factor, FACTORS)


def test_a_next_page_that_leads_back_ends_the_request(source: Source, polygon: Polygon) -> None:
    source.reply(BARS, Reply(body=polygon_page(next_url=f"{source.url}{BARS}/range/1/day/1/2?cursor=again")))

    with refused(ProviderDown, match="it keeps delivering the same page"):
        polygon.fetch("ACME", timeframe="1d", start=None, end=None, now=NOW)

    assert len(source.asked) == 2


def test_events_that_are_announced_for_later_change_no_factor(source: Source, polygon: Polygon) -> None:
    def events(day: str, *rows: tuple[str, float]) -> Reply:
        found = [{day: when, "historical_adjustment_factor": factor} for when, factor in rows]
        return Reply(body=json.dumps({"results": found, "status": "OK"}))

    later = "2024-07-01"
    source.reply("/stocks/v1/splits", events("execution_date", (later, 0.5), ("2024-05-30", 0.05)))
    source.reply("/stocks/v1/dividends", events("ex_dividend_date", ("2024-05-31", 0.9604), (later, 0.98)))

    history = polygon.fetch("ACME", timeframe="1d", start=None, end=None, now=NOW)

    np.testing.assert_allclose(history.factor, FACTORS)
    np.testing.assert_allclose(history.split, [0.1, 1.0, 1.0])


def test_a_stock_without_events_has_no_adjustment(source: Source, polygon: Polygon) -> None:
    for kind in ("splits", "dividends"):
        source.reply(f"/stocks/v1/{kind}", Reply(body=json.dumps({"results": [], "status": "OK"})))

    assert polygon.fetch("ACME", timeframe="1d", start=None, end=None, now=NOW).factor.tolist() == [1.0] * 3


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ({"execution_date": "2024-05-30"}, "no column 'historical_adjustment_factor'"),
        ({"historical_adjustment_factor": 0.1}, "no column 'execution_date'"),
        ({"execution_date": "2024-05-30", "historical_adjustment_factor": "a tenth"}, "not as documented"),
        ({"execution_date": "soon", "historical_adjustment_factor": 0.1}, "not as documented"),
        ({"execution_date": "2024-05-30", "historical_adjustment_factor": None}, "not as documented"),
    ],
)
def test_an_event_that_cannot_be_applied_is_no_bar_left_unadjusted(
    source: Source, polygon: Polygon, event: dict[str, object], reason: str
) -> None:
    source.reply("/stocks/v1/splits", Reply(body=json.dumps({"results": [event], "status": "OK"})))

    with refused(ProviderDown, match=reason):
        polygon.fetch("ACME", timeframe="1d", start=None, end=None, now=NOW)


def test_intraday_bars_are_those_of_the_session_in_utc_with_the_factors_of_their_day(
    source: Source, polygon: Polygon
) -> None:
    times = [datetime(2024, 5, 29, hour, tzinfo=UTC).timestamp() * 1000 for hour in (12, 14, 20)]
    rows = [{"t": int(time), "o": 1.0, "h": 2.0, "l": 1.0, "c": 2.0, "v": 5} for time in times]
    last = {"t": int(datetime(2024, 5, 31, 14, tzinfo=UTC).timestamp() * 1000), "o": 1, "h": 2, "l": 1, "c": 2, "v": 5}
    source.reply(BARS, Reply(body=json.dumps({"results": [*rows, last], "status": "OK"})))

    history = polygon.fetch("ACME", timeframe="1h", start=date(2024, 5, 1), end=None, now=NOW)

    assert history.time.tolist() == [datetime(2024, 5, 29, 14), datetime(2024, 5, 31, 14)]
    np.testing.assert_allclose(history.factor, [0.098, 1.0])
    assert source.asked[0][0] == f"{BARS}/range/1/hour/2024-05-01/2024-06-03"
