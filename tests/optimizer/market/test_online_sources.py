"""What every source with an HTTP API of its own must do, against answers served on this machine."""

import logging
from collections.abc import Iterator
from datetime import UTC, date, datetime

import numpy as np
import pytest

from optimizer.errors import ProviderDown, UnknownAtSource, UnknownTimeframe, UserError
from optimizer.market.feed import Market
from optimizer.market.providers.provider import Provider
from optimizer.market.warehouse.changes import ChangeKind
from optimizer.market.warehouse.warehouse import Warehouse
from tests.optimizer.market.clock import Clock
from tests.optimizer.market.local_http import Reply, Source, serve
from tests.optimizer.market.recorded import FACTORS, KEY, RAW, SOURCES, SPLITS, Recorded, patience
from tests.refused import refused

NOW = datetime(2024, 6, 3, 23, tzinfo=UTC)
START = date(2024, 5, 29)


@pytest.fixture
def source() -> Iterator[Source]:
    with serve() as served:
        yield served


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=sorted(SOURCES))
def recorded(request: pytest.FixtureRequest) -> Recorded:
    return SOURCES[request.param]


@pytest.fixture
def provider(recorded: Recorded, source: Source, clock: Clock) -> Provider:
    for path, body in recorded.answers.items():
        source.reply(path, Reply(body=body))
    return recorded.make(source.url, patience(clock))


def test_daily_bars_are_as_traded_with_factor_and_split(provider: Provider, recorded: Recorded) -> None:
    history = provider.fetch("ACME", timeframe="1d", start=START, end=None, now=NOW)

    assert (history.symbol, history.source) == ("ACME", recorded.name)
    assert history.time.astype("datetime64[D]").astype(str).tolist() == ["2024-05-29", "2024-05-30", "2024-05-31"]
    np.testing.assert_allclose([history.open, history.high, history.low, history.close], np.array(RAW).T[:4])
    np.testing.assert_allclose(history.volume, [row[4] for row in RAW])
    np.testing.assert_allclose(history.factor / history.factor[-1], FACTORS, rtol=1e-4)
    np.testing.assert_allclose(history.split / history.split[-1], SPLITS)


def test_days_outside_the_window_are_left_out(provider: Provider) -> None:
    history = provider.fetch("ACME", timeframe="1d", start=date(2024, 5, 30), end=date(2024, 5, 30), now=NOW)

    assert history.close.tolist() == [10.0]


@pytest.mark.parametrize(
    ("reply", "reason", "n_asked"),
    [
        (Reply(status=429, body="slow down"), "too many requests", 3),
        (Reply(status=429, headers={"Retry-After": "3600"}), "too many requests", 1),
        (Reply(status=503, body="<html>maintenance</html>", kind="text/html"), "error 503", 3),
        (Reply(status=401, body='{"message": "forbidden."}'), r"refuses the key \(error 401\)", 1),
        (Reply(status=403, body='{"detail": "Please upgrade"}'), r"plan of the key has no such bars \(error 403\)", 1),
        (Reply(status=302, headers={"Location": "http://127.0.0.1:1/elsewhere"}), "error 302", 1),
        (Reply(body="<html><head></head></html>", kind="text/html"), "a web page", 3),
        (Reply(body=""), "delivers nothing", 3),
        (Reply(body='[{"date": "2024-'), "half an answer|answer has no column", 3),
        (Reply(body="{", promised=5000), "cannot be reached", 3),
    ],
)
def test_a_source_in_trouble_is_named_and_only_passing_trouble_is_tried_again(
    provider: Provider, recorded: Recorded, source: Source, reply: Reply, reason: str, n_asked: int
) -> None:
    source.reply(recorded.bars, reply)

    with refused(ProviderDown, match=f"`{recorded.name}` did not deliver `ACME`: .*{reason}"):
        provider.fetch("ACME", timeframe="1d", start=START, end=None, now=NOW)

    assert len(source.queries(recorded.bars)) == n_asked


@pytest.mark.parametrize("status", [401, 403])
def test_a_wrong_key_is_answered_with_the_setting_to_check(
    provider: Provider, recorded: Recorded, source: Source, status: int
) -> None:
    source.reply(recorded.bars, Reply(status=status, body="{}"))

    with refused(ProviderDown, match=f"Check {recorded.setting} "):
        provider.fetch("ACME", timeframe="1d", start=START, end=None, now=NOW)


def test_a_wait_that_the_source_asks_for_is_kept(
    provider: Provider, recorded: Recorded, source: Source, clock: Clock
) -> None:
    good = next(iter(recorded.answers.values()))
    source.reply(recorded.bars, Reply(status=429, headers={"Retry-After": "7"}), Reply(body=good))

    assert len(provider.fetch("ACME", timeframe="1d", start=START, end=None, now=NOW)) == 3
    assert [wait for wait in clock.waits if wait >= 1] == [7.0]


def test_a_symbol_that_is_unknown_there_or_was_renamed_is_said_to_be_unknown(
    provider: Provider, recorded: Recorded, source: Source
) -> None:
    status, body = recorded.unknown
    source.replies = {"/": [Reply(status=status, body=body)]}

    with Warehouse.open(":memory:") as warehouse:
        market = Market(warehouse, [provider], sources=(recorded.name,))
        with refused(UnknownAtSource, match=f"`{recorded.name}` does not know the symbol `NOPE`"):
            market.get_bars("NOPE", source=recorded.name, now=NOW)


@pytest.mark.parametrize("symbol", ["005930.KS", "BTC-USDT", "EURUSD=X"])
def test_a_symbol_of_another_market_asks_nobody(provider: Provider, source: Source, symbol: str) -> None:
    with pytest.raises(UnknownAtSource):
        provider.fetch(symbol, timeframe="1d", start=None, end=None, now=NOW)
    assert source.asked == []


def test_an_unknown_timeframe_asks_nobody(provider: Provider, source: Source) -> None:
    with pytest.raises(UnknownTimeframe):
        provider.fetch("ACME", timeframe="2w", start=None, end=None, now=NOW)
    assert source.asked == []


@pytest.mark.parametrize("reply", [Reply(status=500), Reply(status=401, body=KEY), Reply(body=f"<html>{KEY}")])
def test_the_key_is_in_no_error_and_no_log(
    provider: Provider, recorded: Recorded, source: Source, reply: Reply, caplog: pytest.LogCaptureFixture
) -> None:
    source.reply(recorded.bars, reply)

    with caplog.at_level(logging.DEBUG), pytest.raises(UserError) as error:
        provider.fetch("ACME", timeframe="1d", start=START, end=None, now=NOW)

    text = f"{error.value} {error.value.facts} {error.value.__cause__} {caplog.text} {vars(provider)}"
    assert KEY not in text


def test_each_request_carries_the_key(provider: Provider, source: Source) -> None:
    provider.fetch("ACME", timeframe="1d", start=None, end=None, now=NOW)

    assert all(KEY in f"{headers} {asked}" for headers, asked in zip(source.sent, source.asked, strict=True))


def test_a_server_that_never_answers_is_given_up(recorded: Recorded, source: Source, clock: Clock) -> None:
    source.reply(recorded.bars, Reply(delay=30))
    hasty = recorded.make(source.url, patience(clock, timeout=0.2, attempts=2))

    with refused(ProviderDown, match="time-out"):
        hasty.fetch("ACME", timeframe="1d", start=START, end=None, now=NOW)


def test_a_server_that_is_not_there_is_named(recorded: Recorded, clock: Clock) -> None:
    with serve() as gone:
        pass

    with refused(ProviderDown, match="cannot be reached"):
        recorded.make(gone.url, patience(clock)).fetch("ACME", timeframe="1d", start=START, end=None, now=NOW)


def test_a_delisted_symbol_keeps_its_bars(provider: Provider, recorded: Recorded, source: Source) -> None:
    with Warehouse.open(":memory:") as warehouse:
        market = Market(warehouse, [provider], sources=(recorded.name,))
        before = market.get_bars("ACME", now=NOW)
        source.reply(recorded.bars, Reply(body=recorded.nothing))

        changes = market.refresh("ACME", now=NOW.replace(month=9))

        assert (changes.kind, changes.n_new) == (ChangeKind.NONE, 0)
        assert market.get_bars("ACME", now=NOW.replace(month=9)).data_hash == before.data_hash
