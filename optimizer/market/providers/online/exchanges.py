"""Spot candles of crypto exchanges through `ccxt` (extra `ccxt`); the exchange's id is the source's name.

A pair is written `BTC-USDT`, as it is stored (`BTC/USDT` is read as that). Candles are as traded: there is nothing to
adjust. They are in UTC, a day at the date that it mostly lies in; the candle that is still open is left out. A base
address redirects every request there in place of the exchange's hosts, for tests and for a company with a mirror.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from importlib import import_module
from typing import Any, TypeVar
from urllib.parse import urlsplit

import numpy as np

from optimizer.errors import MissingExtra, NoTimeframe, Phrase, UnknownAtSource
from optimizer.market.providers.online.http_client import read_json
from optimizer.market.providers.online.retry import Patience, Trouble, reported
from optimizer.market.raw_bars import TIMEFRAMES, RawBars, find_timeframe, make_history

Answer = TypeVar("Answer")
_SPOT = """
    aster backpack bequant bigone binance binanceus bingx bitbank bitfinex bitget bithumb bitmart bitmex bitopro
    bitrue bitso bitstamp bitteam bittrade bitvavo btcmarkets btcturk bullish bybit bybiteu cex coinbase
    coinbaseexchange coinbaseinternational coinex coinsph cryptocom deepcoin delta deribit digifinex exmo extended
    fmfwio foxbit gate gateeu gemini hashkey hitbtc hollaex htx hyperliquid kraken kucoin kucoineu lbank lighter
    luno mercado mexc myokx ndax okx okxus onetrading p2b phemex poloniex tokocrypto toobit upbit weex whitebit woo
    xt zebpay
"""
#: Exchanges of ccxt that have spot candles, without `alpaca`, which is a source of stocks here.
EXCHANGES = tuple(_SPOT.split())
#: One that people know.
EXAMPLE = "binance"
#: Days that are requested without a start; of longer candles all.
_REACH = {"1m": 30, "5m": 180, "15m": 365, "30m": 730, "1h": 1095}
_FIRST = date(2011, 1, 1)
#: Candles per request to an exchange that does not tell how many an answer has.
_PER_PAGE = 300
_COLUMNS = ("time", "open", "high", "low", "close", "volume")


class Exchange:
    """Source of one exchange, called by its id."""

    is_live = True
    symbols: tuple[str, ...] = ()

    def __init__(self, name: str, *, url: str | None = None, patience: Patience | None = None) -> None:
        self.name = name
        self._url = url
        self._patience = patience or Patience()

    def fetch(self, symbol: str, *, timeframe: str, start: date | None, end: date | None, now: datetime) -> RawBars:
        """Candles of days start to end. Raises UnknownAtSource, NoTimeframe, ProviderDown or MissingExtra."""
        size = timedelta(seconds=TIMEFRAMES[find_timeframe(timeframe)])
        base, dash, quote = symbol.partition("-")
        if not (base and dash and quote.isalnum()):
            raise UnknownAtSource(word=symbol, source=self.name)
        since = datetime.combine(start or _first(timeframe, now), time(), UTC)
        with reported(self.name, symbol):
            self._require(symbol, f"{base}/{quote}", timeframe)
            rows = list(self._candles(f"{base}/{quote}", timeframe, since - size, now))
        return _history(symbol, timeframe, self.name, rows, now).between(start, end)

    @cached_property
    def _client(self) -> Any:
        try:
            ccxt = import_module("ccxt")
        except ModuleNotFoundError as error:
            raise MissingExtra(source=self.name, extra="ccxt") from error
        if not hasattr(ccxt, self.name):
            raise Trouble(Phrase("not_in_ccxt", version=ccxt.__version__), is_passing=False)
        options = {"timeout": int(self._patience.timeout * 1000), "options": {"defaultType": "spot"}}
        client = getattr(ccxt, self.name)(options | ({"session": _redirected(self._url)} if self._url else {}))
        markets = client.options.get("fetchMarkets")
        if isinstance(markets, dict) and isinstance(markets.get("types"), list):
            markets["types"] = ["spot"]
        return client

    def _require(self, symbol: str, pair: str, timeframe: str) -> None:
        """Load the exchange's markets, once or for a new pair. Raises UnknownAtSource or NoTimeframe."""
        client = self._client
        if pair not in (client.markets or {}):
            self._ask(lambda: client.load_markets(client.markets is not None))
        if not client.markets.get(pair, {}).get("spot"):
            raise UnknownAtSource(word=symbol, source=self.name)
        if timeframe not in client.timeframes:
            raise NoTimeframe.of_symbol(symbol, timeframe, [one for one in TIMEFRAMES if one in client.timeframes])

    def _candles(self, pair: str, timeframe: str, since: datetime, now: datetime) -> Iterator[list[float]]:
        """Yield the candles from `since` on, page by page; where a page has none, the next stretch is asked for."""
        client, step = self._client, TIMEFRAMES[timeframe] * 1000
        limit = ((client.features or {}).get("spot") or {}).get("fetchOHLCV", {}).get("limit") or _PER_PAGE
        place, last = _milliseconds(since), _milliseconds(now)
        while place <= last:
            page = self._ask(lambda place=place: client.fetch_ohlcv(pair, timeframe, place, limit))  # type: ignore[misc]
            fresh = sorted(row for row in page if row[0] >= place)
            yield from fresh
            place = fresh[-1][0] + step if fresh else place + limit * step

    def _ask(self, request: Callable[[], Answer]) -> Answer:
        def attempt() -> Answer:
            with _understood(self._client):
                answer = request()
            _require_json(self._client)
            return answer

        return self._patience.ask(attempt)


@contextmanager
def _understood(client: Any) -> Iterator[None]:
    """Raise an error of ccxt as Trouble."""
    ccxt = import_module("ccxt")
    try:
        yield
    except (ccxt.RateLimitExceeded, ccxt.DDoSProtection):
        wait = str((client.last_response_headers or {}).get("Retry-After", ""))
        raise Trouble(Phrase("too_many_requests"), wait=float(wait) if wait.isdecimal() else None) from None
    except ccxt.NetworkError as error:
        cause = Phrase("time_out") if isinstance(error, ccxt.RequestTimeout) else type(error).__name__
        raise Trouble(Phrase("unreachable", cause=cause)) from None
    except ccxt.AuthenticationError:
        raise Trouble(Phrase("key_wanted"), is_passing=False) from None
    except (ccxt.BaseError, KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        _require_json(client)
        raise Trouble(Phrase("unexpected_answer", cause=type(error).__name__), is_passing=False) from None


def _require_json(client: Any) -> None:
    """Raise Trouble if the last answer is a page, cut off or empty, which ccxt takes for one without candles."""
    if client.last_http_response is not None:
        read_json(client.last_http_response.encode())


def _redirected(url: str) -> Any:
    """Session that keeps path and query of a request, and replaces scheme and host."""
    there = urlsplit(url)

    class Redirected(import_module("requests").Session):  # type: ignore[misc]
        def request(self, method: str, url: str, **options: Any) -> Any:
            """Send the request."""
            moved = urlsplit(url)._replace(scheme=there.scheme, netloc=there.netloc).geturl()
            return super().request(method, moved, **options)

    return Redirected()


def _first(timeframe: str, now: datetime) -> date:
    return now.date() - timedelta(days=_REACH[timeframe]) if timeframe in _REACH else _FIRST


def _milliseconds(when: datetime) -> int:
    return math.floor(when.timestamp() * 1000)


def _history(symbol: str, timeframe: str, source: str, rows: list[list[float]], now: datetime) -> RawBars:
    """Closed candles that have prices."""
    table = np.array([row[:6] for row in rows], dtype=np.float64).reshape(len(rows), 6)
    columns: dict[str, np.ndarray] = dict(zip(_COLUMNS, table.T, strict=True))
    is_whole = np.isfinite(table[:, :5]).all(axis=1)
    is_closed = table[:, 0] + TIMEFRAMES[timeframe] * 1000 <= _milliseconds(now)
    columns["time"] = table[:, 0].astype("datetime64[ms]").astype("datetime64[us]")
    if timeframe == "1d":  # of an exchange whose day is not that of UTC too
        columns["time"] = (columns["time"] + np.timedelta64(12, "h")).astype("datetime64[D]")
    return make_history(symbol, timeframe=timeframe, source=source, columns=columns).take(is_whole & is_closed)
