"""Alpha Vantage against answers served on this machine."""

import json
import logging
from collections.abc import Iterator
from datetime import UTC, date, datetime

import numpy as np
import pytest
from pydantic import SecretStr

from optimizer.errors import ProviderDown, UnknownAtSource, UserError
from optimizer.market.providers.online.alphavantage import AlphaVantage
from optimizer.market.providers.online.retry import Patience
from tests.optimizer.market.clock import Clock
from tests.optimizer.market.local_http import Reply, Source, serve
from tests.refused import refused

NOW = datetime(2024, 6, 3, 23, tzinfo=UTC)
KEY = "SECRETKEY123"


@pytest.fixture
def source() -> Iterator[Source]:
    with serve() as served:
        yield served


@pytest.fixture
def clock() -> Clock:
    return Clock()


def vantage(source: Source, clock: Clock, **options: bool | int) -> AlphaVantage:
    """The source under test, fast enough not to be paced."""
    patience = Patience(timeout=2.0, pause=clock.pause, clock=clock)
    per_minute = int(options.pop("per_minute", 6_000_000))
    is_adjusted = bool(options.pop("is_adjusted", True))
    key = SecretStr(KEY)
    return AlphaVantage(key, url=source.url, is_adjusted=is_adjusted, per_minute=per_minute, patience=patience)


def row(close: float, *, adjusted: float | None = None, split: float = 1.0) -> dict[str, str]:
    """One daily bar as the documentation shows it."""
    plain = {"1. open": close - 1, "2. high": close + 2, "3. low": close - 2, "4. close": close}
    if adjusted is None:
        return {name: f"{value:.4f}" for name, value in (plain | {"5. volume": 1000}).items()}
    more = {"5. adjusted close": adjusted, "6. volume": 1000, "7. dividend amount": 0, "8. split coefficient": split}
    return {name: f"{value:.4f}" for name, value in (plain | more).items()}


def daily(**rows: dict[str, str]) -> str:
    """An answer of daily bars, newest first as they send it."""
    series = {day.strip("d").replace("_", "-"): bar for day, bar in reversed(rows.items())}
    return json.dumps({"Meta Data": {"2. Symbol": "ACME", "5. Time Zone": "US/Eastern"}, "Time Series (Daily)": series})


BARS = daily(
    d2024_05_29=row(100.0, adjusted=49.0),
    d2024_05_30=row(51.0, adjusted=51.0, split=2.0),
    d2024_05_31=row(52.0, adjusted=52.0),
)


def test_daily_bars_are_sorted_and_carry_factor_and_split(source: Source, clock: Clock) -> None:
    source.reply("/query", Reply(body=BARS))

    history = vantage(source, clock).fetch("ACME", timeframe="1d", start=None, end=None, now=NOW)

    assert history.close.tolist() == [100.0, 51.0, 52.0]
    np.testing.assert_allclose(history.factor, [0.49, 1.0, 1.0])
    assert history.split.tolist() == [0.5, 1.0, 1.0]
    assert history.adjusted().volume.tolist() == [2000.0, 1000.0, 1000.0]


@pytest.mark.parametrize(
    ("start", "size"), [(None, "full"), (date(2010, 1, 1), "full"), (date(2024, 5, 20), "compact")]
)
def test_the_query_asks_for_no_more_than_is_wanted(source: Source, clock: Clock, start: date | None, size: str) -> None:
    source.reply("/query", Reply(body=BARS))

    vantage(source, clock).fetch("ACME", timeframe="1d", start=start, end=None, now=NOW)

    (query,) = source.queries("/query")
    assert query == {"function": "TIME_SERIES_DAILY_ADJUSTED", "symbol": "ACME", "outputsize": size, "apikey": KEY}


def test_a_plan_without_adjusted_bars_may_take_plain_ones(source: Source, clock: Clock) -> None:
    source.reply("/query", Reply(body=daily(d2024_05_31=row(52.0))))

    history = vantage(source, clock, is_adjusted=False).fetch("ACME", timeframe="1d", start=None, end=None, now=NOW)

    assert source.queries("/query")[0]["function"] == "TIME_SERIES_DAILY"
    assert (history.factor.tolist(), history.volume.tolist()) == ([1.0], [1000.0])


def test_intraday_times_are_taken_from_eastern_to_utc(source: Source, clock: Clock) -> None:
    series = {"2024-05-31 09:35:00": row(52.0), "2024-05-31 09:30:00": row(51.0)}
    meta = {"6. Time Zone": "US/Eastern"}
    source.reply("/query", Reply(body=json.dumps({"Meta Data": meta, "Time Series (5min)": series})))

    history = vantage(source, clock).fetch("ACME", timeframe="5m", start=None, end=None, now=NOW)

    assert source.queries("/query")[0]["interval"] == "5min"
    assert history.time.tolist() == [datetime(2024, 5, 31, 13, minute) for minute in (30, 35)]


def test_an_empty_series_is_no_bars_and_no_error(source: Source, clock: Clock) -> None:
    source.reply("/query", Reply(body=daily()))

    assert len(vantage(source, clock).fetch("ACME", timeframe="1d", start=None, end=None, now=NOW)) == 0


def test_an_unknown_symbol_is_said_to_be_unknown_there(source: Source, clock: Clock) -> None:
    sentence = "Invalid API call. Please retry or visit the documentation for TIME_SERIES_DAILY."
    source.reply("/query", Reply(body=json.dumps({"Error Message": sentence})))

    with refused(UnknownAtSource, match="`alphavantage` does not know the symbol `NOPE`"):
        vantage(source, clock).fetch("NOPE", timeframe="1d", start=None, end=None, now=NOW)


LIMIT = f"We have detected your API key as {KEY} and our standard API rate limit is 25 requests per day."
PREMIUM = "Thank you! This is a premium endpoint. You may subscribe to any of the plans to unlock it."


@pytest.mark.parametrize(
    ("reply", "reason", "n_asked"),
    [
        (Reply(status=429, body="slow down"), "too many requests", 3),
        (Reply(status=429, headers={"Retry-After": "3600"}), "too many requests", 1),
        (Reply(status=503, body="<html>maintenance</html>", kind="text/html"), "error 503", 3),
        (Reply(status=403, body="no"), "error 403", 1),
        (Reply(body="<html><head></head></html>", kind="text/html"), "a web page", 3),
        (Reply(body=""), "delivers nothing", 3),
        (Reply(body=BARS[:200]), "half an answer", 3),
        (Reply(body=BARS[:200], promised=5000), "cannot be reached", 3),
        (Reply(body="[1, 2]"), "something other than bars", 1),
        (Reply(body="{}"), "no bars in it", 1),
        (Reply(body=daily(d2024_05_31={"1. open": "1"})), "not as documented", 1),
        (Reply(body=json.dumps({"Information": LIMIT})), "limit of requests", 1),
        (Reply(body=json.dumps({"Note": LIMIT})), "limit of requests", 1),
        (Reply(body=json.dumps({"Information": PREMIUM})), "premium plan.*source=yahoo", 1),
    ],
)
def test_a_source_in_trouble_is_named_and_only_passing_trouble_is_tried_again(
    source: Source, clock: Clock, reply: Reply, reason: str, n_asked: int
) -> None:
    source.reply("/query", reply)

    with refused(ProviderDown, match=reason):
        vantage(source, clock).fetch("ACME", timeframe="1d", start=None, end=None, now=NOW)

    assert len(source.asked) == n_asked


def test_waits_grow_and_a_wait_that_the_source_asks_for_is_kept(source: Source, clock: Clock) -> None:
    busy = Reply(status=429)
    source.reply("/query", busy, Reply(status=429, headers={"Retry-After": "7"}), Reply(body=BARS))

    vantage(source, clock).fetch("ACME", timeframe="1d", start=None, end=None, now=NOW)

    assert [wait for wait in clock.waits if wait >= 1] == [1.0, 7.0]


def test_requests_keep_the_allowed_distance(source: Source, clock: Clock) -> None:
    source.reply("/query", Reply(body=BARS))
    slow = vantage(source, clock, per_minute=5)

    for _ in range(3):
        slow.fetch("ACME", timeframe="1d", start=None, end=None, now=NOW)

    assert clock.waits == [12.0, 12.0]


@pytest.mark.parametrize("reply", [Reply(status=500), Reply(body=json.dumps({"Note": LIMIT})), Reply(body="<html>")])
def test_the_key_is_in_no_error_and_no_log(
    source: Source, clock: Clock, reply: Reply, caplog: pytest.LogCaptureFixture
) -> None:
    source.reply("/query", reply)
    subject = vantage(source, clock)

    with caplog.at_level(logging.DEBUG), pytest.raises(UserError) as error:
        subject.fetch("ACME", timeframe="1d", start=None, end=None, now=NOW)

    assert KEY not in f"{error.value} {error.value.facts} {error.value.__cause__} {caplog.text} {vars(subject)}"


def test_a_server_that_never_answers_is_given_up(source: Source, clock: Clock) -> None:
    source.reply("/query", Reply(body=BARS, delay=30))
    patience = Patience(timeout=0.2, attempts=2, pause=clock.pause, clock=clock)

    with refused(ProviderDown, match="time-out"):
        AlphaVantage(SecretStr(KEY), url=source.url, patience=patience).fetch(
            "ACME", timeframe="1d", start=None, end=None, now=NOW
        )


def test_a_server_that_is_not_there_is_named(clock: Clock) -> None:
    with serve() as gone:
        pass

    with refused(ProviderDown, match="cannot be reached"):
        vantage(gone, clock).fetch("ACME", timeframe="1d", start=None, end=None, now=NOW)
