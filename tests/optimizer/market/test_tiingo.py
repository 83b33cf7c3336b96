"""What is Tiingo's own, against answers served on this machine."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime

import numpy as np
import pytest

from optimizer.market.feed import Market
from optimizer.market.providers.online.tiingo import Tiingo
from optimizer.market.warehouse.changes import ChangeKind
from optimizer.market.warehouse.warehouse import Warehouse
from tests.optimizer.market.clock import Clock
from tests.optimizer.market.local_http import Reply, Source, serve
from tests.optimizer.market.recorded import TIINGO, patience, tiingo_rows

NOW = datetime(2024, 6, 3, 23, tzinfo=UTC)
DAILY = "/tiingo/daily/ACME/prices"


@pytest.fixture
def source() -> Iterator[Source]:
    with serve() as served:
        served.reply(DAILY, Reply(body=json.dumps(tiingo_rows())))
        yield served


@pytest.fixture
def tiingo(source: Source) -> Tiingo:
    made = TIINGO.make(source.url, patience(Clock()))
    assert isinstance(made, Tiingo)
    return made


def bar(moment: str, close: float) -> dict[str, object]:
    """Record of `/iex/<ticker>/prices`."""
    return {"date": moment, "open": close, "high": close + 1, "low": close - 1, "close": close, "volume": 100.0}


@pytest.mark.parametrize(("start", "first"), [(None, "1960-01-01"), (date(2024, 5, 29), "2024-05-29")])
def test_the_first_day_is_always_named_for_without_it_only_the_last_bar_comes(
    source: Source, tiingo: Tiingo, start: date | None, first: str
) -> None:
    tiingo.fetch("ACME", timeframe="1d", start=start, end=None, now=NOW)

    assert source.queries(DAILY) == [{"startDate": first, "format": "json"}]
    assert source.sent[0]["authorization"] == "Token SECRETKEY123"


@pytest.mark.parametrize("mark", ["Z", "", "+00:00"])
def test_intraday_bars_are_in_utc_within_the_session_and_have_the_factors_of_their_day(
    source: Source, tiingo: Tiingo, mark: str
) -> None:
    times = ["2024-05-29T13:25:00.000", "2024-05-29T13:30:00.000", "2024-05-30T19:55:00.000", "2024-05-31T20:00:00.000"]
    source.reply("/iex/ACME/prices", Reply(body=json.dumps([bar(time + mark, 10.0) for time in times])))

    history = tiingo.fetch("ACME", timeframe="5m", start=date(2024, 5, 29), end=None, now=NOW)

    assert history.time.tolist() == [datetime(2024, 5, 29, 13, 30), datetime(2024, 5, 30, 19, 55)]
    np.testing.assert_allclose(history.factor, [0.098, 0.98])
    np.testing.assert_allclose(history.split, [0.1, 1.0])


def test_minutes_are_requested_in_windows_that_an_answer_can_hold(source: Source, tiingo: Tiingo) -> None:
    source.reply("/iex/ACME/prices", Reply(body="[]"))

    assert len(tiingo.fetch("ACME", timeframe="1m", start=None, end=None, now=NOW)) == 0

    days = [(query["startDate"], query["endDate"]) for query in source.queries("/iex")]
    assert days == [("2024-04-04", "2024-05-03"), ("2024-05-04", "2024-06-02"), ("2024-06-03", "2024-06-03")]
    assert {query["resampleFreq"] for query in source.queries("/iex")} == {"1min"}


def test_a_day_without_a_trade_is_left_out_and_a_missing_volume_is_missing(source: Source, tiingo: Tiingo) -> None:
    first, second, third = tiingo_rows()
    nothing = dict.fromkeys(("open", "high", "low", "close", "adjClose"))
    source.reply(DAILY, Reply(body=json.dumps([first, second | nothing, third | {"volume": None}])))

    history = tiingo.fetch("ACME", timeframe="1d", start=None, end=None, now=NOW)

    assert history.close.tolist() == [100.0, 10.5]
    assert np.isnan(history.volume).tolist() == [False, True]


def test_a_split_that_is_announced_late_is_noticed_and_everything_is_read_again(source: Source, tiingo: Tiingo) -> None:
    rows = tiingo_rows(factors=(0.98, 0.98, 1.0))
    late = [row | {"splitFactor": 1.0} for row in rows]
    source.reply(DAILY, Reply(body=json.dumps(late)), Reply(body=json.dumps(tiingo_rows())))
    with Warehouse.open(":memory:") as warehouse:
        market = Market(warehouse, [tiingo], sources=("tiingo",))
        before = market.get_bars("ACME", now=NOW)

        changes = market.refresh("ACME", now=NOW.replace(day=5))

        assert changes.kind is ChangeKind.SPLIT
        np.testing.assert_allclose(before.close, [98.0, 9.8, 10.5])
        np.testing.assert_allclose(market.get_bars("ACME", now=NOW.replace(day=5)).close, [9.8, 9.8, 10.5])
    assert [query["startDate"] for query in source.queries(DAILY)] == ["1960-01-01", "2024-05-21", "1960-01-01"]
