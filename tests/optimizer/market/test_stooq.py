"""What is Stooq's own, against answers served on this machine."""

from collections.abc import Iterator
from datetime import UTC, date, datetime

import numpy as np
import pytest

from optimizer.errors import NoTimeframe, ProviderDown, UnknownAtSource
from optimizer.market.providers.online.stooq import Stooq
from tests.optimizer.market.clock import Clock
from tests.optimizer.market.local_http import Reply, Source, serve
from tests.optimizer.market.recorded import STOOQ, patience, stooq_lines
from tests.refused import refused

NOW = datetime(2024, 6, 3, 23, tzinfo=UTC)
PATH = "/q/d/l/"


@pytest.fixture
def source() -> Iterator[Source]:
    with serve() as served:
        for path, body in STOOQ.answers.items():
            served.reply(path, Reply(body=body, kind="text/csv"))
        yield served


@pytest.fixture
def stooq(source: Source) -> Stooq:
    made = STOOQ.make(source.url, patience(Clock()))
    assert isinstance(made, Stooq)
    return made


def test_the_bars_are_requested_as_traded_and_adjusted(source: Source, stooq: Stooq) -> None:
    stooq.fetch("ACME", timeframe="1d", start=date(2024, 5, 29), end=None, now=NOW)

    common = {"s": "acme.us", "i": "d", "d1": "20240529", "d2": "20240603", "apikey": "SECRETKEY123"}
    assert source.queries(PATH) == [common | {"o": "1111111"}, common]


@pytest.mark.parametrize(
    ("symbol", "name"),
    [("BRK-B", "brk-b.us"), ("7203.T", "7203.jp"), ("VOD.L", "vod.uk"), ("SAP.DE", "sap.de"), ("^SPX", "^spx")],
)
def test_symbols_have_the_suffix_of_their_country(source: Source, stooq: Stooq, symbol: str, name: str) -> None:
    assert stooq.fetch(symbol, timeframe="1d", start=None, end=None, now=NOW).symbol == symbol
    assert {query["s"] for query in source.queries(PATH)} == {name}


@pytest.mark.parametrize("symbol", ["^DAX", "ACME.PA", "ETH-EUR"])
def test_a_market_that_it_does_not_have_is_said_to_be_unknown(stooq: Stooq, symbol: str) -> None:
    with pytest.raises(UnknownAtSource):
        stooq.fetch(symbol, timeframe="1d", start=None, end=None, now=NOW)


def test_there_are_daily_bars_only(source: Source, stooq: Stooq) -> None:
    with refused(NoTimeframe, match="`ACME` has daily bars only"):
        stooq.fetch("ACME", timeframe="1h", start=None, end=None, now=NOW)
    assert source.asked == []


def test_an_index_has_no_volume(source: Source, stooq: Stooq) -> None:
    source.reply(PATH, Reply(body="Date,Open,High,Low,Close\r\n2024-05-31,1,2,1,2\r\n"))

    history = stooq.fetch("^SPX", timeframe="1d", start=None, end=None, now=NOW)

    assert (history.close.tolist(), np.isnan(history.volume).tolist()) == ([2.0], [True])


@pytest.mark.parametrize(
    ("body", "reason", "n_asked"),
    [
        ("Exceeded the daily hits limit", "limit of requests for this key", 1),
        ("Get your apikey:\n1. Open https://stooq.com/q/d/?s=acme.us&get_apikey", "valid key.*Check STOOQ_API_KEY", 1),
        ("<html><body>Please verify that you are not a robot</body></html>", "a web page", 3),
        (stooq_lines()[:60], "half an answer", 3),
        ("Date,Open,High,Low,Close,Volume\r\n2024-05-31,1,2,1,dear,5\r\n", "not as documented", 1),
        ("Date,Open,High,Low,Volume\r\n2024-05-31,1,2,1,5\r\n", "no column 'Close'", 1),
        ("Date,Open,High,Low,Close,Volume\r\n31 May,1,2,1,2,5\r\n", "not as documented", 1),
    ],
)
def test_a_sentence_in_place_of_bars_is_understood(
    source: Source, stooq: Stooq, body: str, reason: str, n_asked: int
) -> None:
    source.replies = {}
    source.reply(PATH, Reply(body=body, kind="text/plain"))

    with refused(ProviderDown, match=reason):
        stooq.fetch("ACME", timeframe="1d", start=None, end=None, now=NOW)

    assert len(source.asked) == n_asked
