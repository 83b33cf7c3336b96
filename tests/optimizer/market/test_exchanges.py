"""Crypto exchanges through the real ccxt, against answers served on this machine."""

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from optimizer.domain.exchange_of_symbol import ALWAYS, DEFAULT, calendar_name
from optimizer.errors import NoTimeframe, ProviderDown, UnknownAtSource
from optimizer.market.feed import Market
from optimizer.market.providers.online.exchanges import EXCHANGES, Exchange
from optimizer.market.warehouse.warehouse import Warehouse
from tests.optimizer.market.clock import Clock
from tests.optimizer.market.local_http import Reply, Source, serve
from tests.optimizer.market.recorded import patience
from tests.refused import refused

NOW = datetime(2024, 6, 3, 12, tzinfo=UTC)
DAY = timedelta(days=1)
MARKETS, KLINES = "/api/v3/exchangeInfo", "/api/v3/klines"

Made = Callable[..., Exchange]


def markets(*pairs: tuple[str, str]) -> str:
    """Answer of Binance's exchangeInfo."""
    symbols = [
        {
            "symbol": base + quote,
            "status": "TRADING",
            "baseAsset": base,
            "baseAssetPrecision": 8,
            "quoteAsset": quote,
            "quotePrecision": 8,
            "quoteAssetPrecision": 8,
            "orderTypes": ["LIMIT", "MARKET"],
            "isSpotTradingAllowed": True,
            "isMarginTradingAllowed": False,
            "filters": [{"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "1000000", "tickSize": "0.01"}],
            "permissions": ["SPOT"],
        }
        for base, quote in pairs
    ]
    return json.dumps({"timezone": "UTC", "serverTime": 1_717_416_000_000, "rateLimits": [], "symbols": symbols})


def candle(when: datetime, close: float | None, *, volume: str | None = "5.5") -> list[Any]:
    """One of Binance's klines."""
    start = int(when.timestamp() * 1000)
    prices = [None if close is None else str(price) for price in (close, (close or 0) + 1, (close or 0) - 1, close)]
    return [start, *prices, volume, start + 86_399_999, "550.0", 9, "2.0", "200.0", "0"]


def days(first: datetime, closes: Sequence[float]) -> list[list[Any]]:
    """Daily klines from a day on."""
    return [candle(first + place * DAY, close) for place, close in enumerate(closes)]


@pytest.fixture
def source() -> Iterator[Source]:
    with serve() as served:
        served.reply(MARKETS, Reply(body=markets(("BTC", "USDT"), ("ETH", "BTC"))))
        yield served


@pytest.fixture
def make(ccxt: ModuleType, source: Source) -> Made:
    def made(name: str = "binance", url: str | None = None, **options: float) -> Exchange:
        return Exchange(name, url=url or source.url, patience=patience(Clock(), **options))

    return made


def test_the_exchanges_are_those_of_ccxt_that_have_spot_candles(ccxt: ModuleType) -> None:
    clients = {name: getattr(ccxt, name)() for name in ccxt.exchanges}
    found = {name for name, one in clients.items() if one.has.get("spot") is True and one.has.get("fetchOHLCV") is True}

    assert set(EXCHANGES) == found - {"alpaca"}


def test_days_are_in_utc_and_the_open_one_is_left_out(make: Made, source: Source) -> None:
    source.reply(KLINES, Reply(body=json.dumps(days(datetime(2024, 6, 1, tzinfo=UTC), [10.0, 11.0, 12.0]))))

    history = make().fetch("BTC-USDT", timeframe="1d", start=date(2024, 6, 1), end=None, now=NOW)

    assert (history.symbol, history.source) == ("BTC-USDT", "binance")
    assert history.time.tolist() == [datetime(2024, 6, 1), datetime(2024, 6, 2)]
    assert (history.open.tolist(), history.high.tolist(), history.low.tolist()) == ([10, 11], [11, 12], [9, 10])
    assert (history.close.tolist(), history.volume.tolist()) == ([10, 11], [5.5, 5.5])
    assert (history.factor.tolist(), history.split.tolist()) == ([1, 1], [1, 1])


def test_a_day_of_another_clock_has_the_date_that_it_mostly_lies_in(make: Made, source: Source) -> None:
    seoul = datetime(2024, 5, 31, 15, tzinfo=UTC)
    source.reply(KLINES, Reply(body=json.dumps(days(seoul, [10.0, 11.0, 12.0]))))

    history = make().fetch("BTC-USDT", timeframe="1d", start=date(2024, 6, 1), end=None, now=NOW)

    assert history.time.tolist() == [datetime(2024, 6, 1), datetime(2024, 6, 2)]


def test_pages_follow_each_other_until_now(make: Made, source: Source) -> None:
    first = datetime(2021, 1, 1, tzinfo=UTC)
    pages = [days(first, range(1, 1001)), days(first + 1000 * DAY, range(1001, 1251))]
    source.reply(KLINES, *(Reply(body=json.dumps(page)) for page in pages))

    history = make().fetch("BTC-USDT", timeframe="1d", start=date(2021, 1, 1), end=None, now=NOW)

    starts = [int(query["startTime"]) for query in source.queries(KLINES)]
    assert len(history) == 1249
    assert starts == [int((first - DAY).timestamp() * 1000), int((first + 1000 * DAY).timestamp() * 1000)]


def test_an_exchange_that_repeats_a_page_is_asked_for_what_comes_after_it(make: Made, source: Source) -> None:
    source.reply(KLINES, Reply(body=json.dumps(days(datetime(2024, 5, 1, tzinfo=UTC), [10.0, 11.0]))))

    history = make().fetch("BTC-USDT", timeframe="1d", start=date(2024, 4, 30), end=None, now=NOW)

    assert (history.close.tolist(), len(source.queries(KLINES))) == ([10.0, 11.0], 2)


def test_years_before_the_first_candle_are_passed_over(make: Made, source: Source) -> None:
    late = days(datetime(2024, 5, 1, tzinfo=UTC), [10.0] * 33)
    source.reply(KLINES, *[Reply(body="[]")] * 4, Reply(body=json.dumps(late)))

    assert len(make().fetch("BTC-USDT", timeframe="1d", start=None, end=None, now=NOW)) == 33
    assert source.queries(KLINES)[0]["startTime"] == str(int(datetime(2010, 12, 31, tzinfo=UTC).timestamp() * 1000))


def test_a_pair_that_was_delisted_ends_where_it_ended(make: Made, source: Source) -> None:
    source.reply(KLINES, Reply(body=json.dumps(days(datetime(2023, 5, 1, tzinfo=UTC), [10.0]))), Reply(body="[]"))

    assert make().fetch("BTC-USDT", timeframe="1d", start=date(2023, 5, 1), end=None, now=NOW).close.tolist() == [10.0]


def test_a_candle_without_prices_is_left_out_and_a_missing_volume_is_missing(make: Made, source: Source) -> None:
    first = datetime(2024, 5, 30, tzinfo=UTC)
    rows = [candle(first, None), candle(first + DAY, 11.0, volume=None), candle(first + 2 * DAY, 12.0)]
    source.reply(KLINES, Reply(body=json.dumps(rows)))

    history = make().fetch("BTC-USDT", timeframe="1d", start=date(2024, 5, 30), end=None, now=NOW)

    assert (history.close.tolist(), np.isnan(history.volume).tolist()) == ([11.0, 12.0], [True, False])


def test_minutes_are_in_utc(make: Made, source: Source) -> None:
    times = [datetime(2024, 6, 3, 11, minute, tzinfo=UTC) for minute in (58, 59)] + [NOW]
    source.reply(KLINES, Reply(body=json.dumps([candle(when, 10.0) for when in times])))

    history = make().fetch("BTC-USDT", timeframe="1m", start=date(2024, 6, 3), end=None, now=NOW)

    assert history.time.tolist() == [datetime(2024, 6, 3, 11, 58), datetime(2024, 6, 3, 11, 59)]


@pytest.mark.parametrize("symbol", ["AAPL", "005930.KS", "^SPX"])
def test_what_is_no_pair_asks_nobody(make: Made, source: Source, symbol: str) -> None:
    with refused(UnknownAtSource, match="`binance` does not know the symbol"):
        make().fetch(symbol, timeframe="1d", start=None, end=None, now=NOW)
    assert source.asked == []


def test_a_pair_that_is_listed_later_is_found_then(make: Made, source: Source) -> None:
    exchange = make()
    source.reply(KLINES, Reply(body=json.dumps(days(datetime(2024, 6, 1, tzinfo=UTC), [10.0]))))

    with refused(UnknownAtSource, match="`binance` does not know the symbol `NEW-USDT`"):
        exchange.fetch("NEW-USDT", timeframe="1d", start=date(2024, 6, 1), end=None, now=NOW)
    source.reply(MARKETS, Reply(body=markets(("NEW", "USDT"))))

    assert len(exchange.fetch("NEW-USDT", timeframe="1d", start=date(2024, 6, 1), end=None, now=NOW)) == 1


def test_timeframes_that_an_exchange_lacks_are_named(make: Made, source: Source) -> None:
    product = {"id": "BTC-USD", "base_currency": "BTC", "quote_currency": "USD", "status": "online"}
    steps = {"quote_increment": "0.01", "base_increment": "0.00000001", "min_market_funds": "1"}
    source.reply("/products", Reply(body=json.dumps([product | steps])))
    source.reply("/currencies", Reply(body="[]"))

    with refused(NoTimeframe, match="`BTC-USD` has no 30-minute bars; it has: 1m, 5m, 15m, 1h, 1d"):
        make("coinbaseexchange").fetch("BTC-USD", timeframe="30m", start=None, end=None, now=NOW)


LIMIT = json.dumps({"code": -1003, "msg": "Too much request weight used; current limit is 6000 request weight."})


@pytest.mark.parametrize(
    ("reply", "reason", "n_asked"),
    [
        (Reply(status=429, body=LIMIT), "too many requests", 3),
        (Reply(status=418, body=LIMIT, headers={"Retry-After": "3600"}), "too many requests", 1),
        (Reply(status=503, body="<html>maintenance</html>", kind="text/html"), "cannot be reached", 3),
        (Reply(body="<html>hello</html>", kind="text/html"), "a web page", 3),
        (Reply(body=""), "delivers nothing", 3),
        (Reply(body='[[1717200000000,"10.0"'), "half an answer", 3),
        (Reply(body='[[1717200000000,"10.0"', promised=5000), "cannot be reached|half an answer|not as expected", 3),
        (Reply(body='{"candles": 5}'), "not as expected", 1),
        (Reply(status=401, body=json.dumps({"code": -2015, "msg": "Invalid API-key"})), "valid key", 1),
    ],
)
def test_an_exchange_in_trouble_is_named_and_only_passing_trouble_is_tried_again(
    make: Made, source: Source, reply: Reply, reason: str, n_asked: int
) -> None:
    source.reply(KLINES, reply)

    with refused(ProviderDown, match=f"`binance` did not deliver `BTC-USDT`: .*({reason})"):
        make().fetch("BTC-USDT", timeframe="1d", start=date(2024, 6, 1), end=None, now=NOW)

    assert len(source.queries(KLINES)) == n_asked


def test_an_exchange_that_never_answers_or_is_not_there_is_given_up(make: Made, source: Source) -> None:
    source.reply(MARKETS, Reply(delay=30))
    with serve() as gone:
        pass

    with refused(ProviderDown, match="time-out"):
        make(timeout=0.3, attempts=1).fetch("BTC-USDT", timeframe="1d", start=None, end=None, now=NOW)
    with refused(ProviderDown, match="cannot be reached"):
        make(url=gone.url).fetch("BTC-USDT", timeframe="1d", start=None, end=None, now=NOW)


def test_an_exchange_that_this_version_of_ccxt_lacks_is_named(make: Made) -> None:
    with refused(ProviderDown, match="the installed version of ccxt .* does not have it"):
        make("mtgox").fetch("BTC-USDT", timeframe="1d", start=None, end=None, now=NOW)


def test_a_pair_trades_every_day(make: Made, source: Source, warehouse: Warehouse) -> None:
    source.reply(KLINES, Reply(body=json.dumps(days(datetime(2024, 5, 25, tzinfo=UTC), [10.0] * 10))))
    market = Market(warehouse, [make()], sources=("binance",))

    assert str(market.get_bars("BTC-USDT", now=NOW).time[-1])[:10] == "2024-06-02"  # a Sunday


@pytest.mark.parametrize(
    ("symbol", "name"),
    [("BTC-USDT", ALWAYS), ("ETH-BTC", ALWAYS), ("1000SATS-FDUSD", ALWAYS), ("BRK-B", DEFAULT), ("BAC-PL", DEFAULT)],
)
def test_a_pair_is_told_from_a_share_class(symbol: str, name: str) -> None:
    assert calendar_name(symbol) == name
