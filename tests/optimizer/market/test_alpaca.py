"""What is Alpaca's own, against answers served on this machine."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime

import numpy as np
import pytest

from optimizer.errors import ProviderDown, UnknownAtSource
from optimizer.market.providers.online.alpaca import Alpaca
from tests.optimizer.market.clock import Clock
from tests.optimizer.market.local_http import Reply, Source, serve
from tests.optimizer.market.recorded import ALPACA, FACTORS, alpaca_page, patience
from tests.refused import refused

NOW = datetime(2024, 6, 3, 23, tzinfo=UTC)
BARS = "/v2/stocks/ACME/bars"


@pytest.fixture
def source() -> Iterator[Source]:
    with serve() as served:
        for path, body in ALPACA.answers.items():
            served.reply(path, Reply(body=body))
        yield served


@pytest.fixture
def alpaca(source: Source) -> Alpaca:
    made = ALPACA.make(source.url, patience(Clock()))
    assert isinstance(made, Alpaca)
    return made


def test_the_bars_are_requested_as_traded_and_adjusted_from_the_best_feed(source: Source, alpaca: Alpaca) -> None:
    alpaca.fetch("ACME", timeframe="1d", start=None, end=None, now=NOW)

    common = {"timeframe": "1Day", "start": "2016-01-01", "limit": "10000", "sort": "asc"}
    assert source.queries(BARS) == [common | {"adjustment": way} for way in ("raw", "all")]
    assert [(sent["apca-api-key-id"], sent["apca-api-secret-key"]) for sent in source.sent] == [
        ("AKID", "SECRETKEY123")
    ] * 2


def test_pages_follow_their_tokens(source: Source, alpaca: Alpaca) -> None:
    for way, factors in (("raw", (1.0, 1.0, 1.0)), ("all", FACTORS)):
        first = alpaca_page(factors=factors, at=slice(0, 2), token="QUNNRXwxRA==")
        last = alpaca_page(factors=factors, at=slice(2, 3))
        source.reply(f"{BARS}?adjustment={way}", Reply(body=first))
        source.reply(f"{BARS}?adjustment={way}&page_token=QUNNRXwxRA==", Reply(body=last))

    history = alpaca.fetch("ACME", timeframe="1d", start=None, end=None, now=NOW)

    assert history.close.tolist() == [100.0, 10.0, 10.5]
    np.testing.assert_allclose(history.factor, FACTORS)


def test_a_token_that_leads_back_ends_the_request(source: Source, alpaca: Alpaca) -> None:
    source.reply(BARS, Reply(body=alpaca_page(token="again")))

    with refused(ProviderDown, match="it keeps delivering the same page"):
        alpaca.fetch("ACME", timeframe="1d", start=None, end=None, now=NOW)

    assert len(source.asked) == 2


def test_bars_that_have_no_adjusted_twin_yet_wait_for_the_next_request(source: Source, alpaca: Alpaca) -> None:
    source.reply(f"{BARS}?adjustment=all", Reply(body=alpaca_page(factors=FACTORS, at=slice(0, 2))))

    assert alpaca.fetch("ACME", timeframe="1d", start=None, end=None, now=NOW).close.tolist() == [100.0, 10.0]


def test_intraday_bars_are_those_of_the_session_in_utc(source: Source, alpaca: Alpaca) -> None:
    times = ("2024-05-31T13:00:00Z", "2024-05-31T13:30:00Z", "2024-05-31T19:59:00Z", "2024-05-31T20:00:00Z")
    rows = [{"t": time, "o": 1.0, "h": 2.0, "l": 1.0, "c": 2.0, "v": 5} for time in times]
    source.reply(BARS, Reply(body=json.dumps({"bars": rows, "symbol": "ACME", "next_page_token": None})))

    history = alpaca.fetch("ACME", timeframe="1m", start=None, end=None, now=NOW)

    assert history.time.tolist() == [datetime(2024, 5, 31, 13, 30), datetime(2024, 5, 31, 19, 59)]
    assert (source.queries(BARS)[0]["timeframe"], source.queries(BARS)[0]["start"]) == ("1Min", "2023-06-04")


def test_a_share_class_is_written_with_a_point(source: Source, alpaca: Alpaca) -> None:
    source.reply("/v2/stocks/BRK.B/bars", Reply(body=alpaca_page()))

    assert alpaca.fetch("BRK-B", timeframe="1d", start=date(2024, 5, 1), end=None, now=NOW).symbol == "BRK-B"


@pytest.mark.parametrize("status", [400, 422])
def test_an_invalid_symbol_is_unknown_there(source: Source, alpaca: Alpaca, status: int) -> None:
    source.reply(BARS, Reply(status=status, body=json.dumps({"message": "invalid symbol: ACME"})))

    with pytest.raises(UnknownAtSource):
        alpaca.fetch("ACME", timeframe="1d", start=None, end=None, now=NOW)


def test_another_fault_of_a_request_is_not_taken_for_an_unknown_symbol(source: Source, alpaca: Alpaca) -> None:
    source.reply(BARS, Reply(status=400, body=json.dumps({"message": "invalid adjustment: all"})))

    with refused(ProviderDown, match="error 400"):
        alpaca.fetch("ACME", timeframe="1d", start=None, end=None, now=NOW)


def test_a_column_that_is_missing_is_named(source: Source, alpaca: Alpaca) -> None:
    rows = [{"t": "2024-05-31T04:00:00Z", "o": 1.0, "h": 2.0, "l": 1.0, "v": 5}]
    source.reply(BARS, Reply(body=json.dumps({"bars": rows, "next_page_token": None})))

    with refused(ProviderDown, match="has no column 'c'"):
        alpaca.fetch("ACME", timeframe="1d", start=None, end=None, now=NOW)
