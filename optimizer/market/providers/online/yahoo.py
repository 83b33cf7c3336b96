"""Bars from Yahoo Finance through `yfinance` (extra `yahoo`).

Yahoo's prices are adjusted for splits, its adjusted close for dividends too: the factor is their quotient, and a split
appears as a changed history that is read again. A base address redirects every request of yfinance there in place of
Yahoo's hosts, for tests and for a company with a mirror.
"""

import json
from datetime import date, datetime, timedelta
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from optimizer.errors import MissingExtra, Phrase, UnknownAtSource
from optimizer.market.providers.online.retry import Patience, Trouble, reported
from optimizer.market.raw_bars import RawBars, find_timeframe, make_history
from optimizer.market.warehouse.deprecations import deprecations_ignored

#: Days back for which Yahoo has intraday bars.
_REACH = {"1m": 7, "5m": 59, "15m": 59, "30m": 59, "1h": 729}
_NAMES = {"open": "Open", "high": "High", "low": "Low", "close": "Close", "volume": "Volume", "adjusted": "Adj Close"}
_LATER = Phrase("minutes_or_other_source")


class Yahoo:
    """Source `yahoo`."""

    name = "yahoo"
    is_live = True
    at_once = 4
    symbols: tuple[str, ...] = ()

    def __init__(self, *, cache_folder: Path, url: str | None = None, patience: Patience | None = None) -> None:
        self._cache_folder = cache_folder  # yfinance keeps zones and cookies there
        self._url = url
        self._patience = patience or Patience()

    def fetch(self, symbol: str, *, timeframe: str, start: date | None, end: date | None, now: datetime) -> RawBars:
        """Bars of days start to end, intraday as far as Yahoo has them.

        Raises UnknownAtSource, ProviderDown or MissingExtra.
        """
        since = _since(find_timeframe(timeframe), start, now)
        with reported(self.name, symbol, remedy=_LATER):
            frame = self._patience.ask(lambda: self._request(symbol, timeframe, since, now))
            history = _history(symbol, timeframe, frame)
        return history.between(start, end)

    def _request(self, symbol: str, timeframe: str, since: date, now: datetime) -> Any:
        yfinance = _yfinance(str(self._cache_folder))
        curl = import_module("curl_cffi.requests")
        errors = import_module("yfinance.exceptions")
        until = now.date() + timedelta(days=2)  # excluded, and ahead of every zone
        try:
            ticker = yfinance.Ticker(symbol, session=_session(self._url, self._patience.timeout))
            with deprecations_ignored():
                return ticker.history(
                    start=since.isoformat(), end=until.isoformat(), interval=timeframe, auto_adjust=False
                )
        except errors.YFRateLimitError:
            raise Trouble(Phrase("too_many_requests")) from None
        except errors.YFTickerMissingError as error:
            raise _missing(symbol, error) from None
        except json.JSONDecodeError:
            # yfinance caches answers, including error pages.
            import_module("yfinance.data").YfData.cache_get.cache_clear()
            raise Trouble(Phrase("page_or_half_an_answer")) from None
        except curl.exceptions.RequestException as error:
            raise Trouble(Phrase("unreachable", cause=type(error).__name__)) from None
        except (errors.YFException, KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
            raise Trouble(Phrase("unexpected_answer", cause=type(error).__name__), is_passing=False) from None


def _missing(symbol: str, error: Any) -> Exception:
    if "delisted" in str(error) or "No data found" in str(error):
        return UnknownAtSource(word=symbol, source="yahoo")
    return Trouble(Phrase("no_bars_for_days"), is_passing=False)


def _since(timeframe: str, start: date | None, now: datetime) -> date:
    if timeframe not in _REACH:
        return start or date(1960, 1, 1)
    reach = now.date() - timedelta(days=_REACH[timeframe])
    return max(start, reach) if start else reach


@lru_cache(maxsize=1)
def _yfinance(cache_folder: str) -> Any:
    try:
        yfinance = import_module("yfinance")
    except ModuleNotFoundError as error:
        raise MissingExtra(source="yahoo", extra="yahoo") from error
    yfinance.set_tz_cache_location(cache_folder)
    # Otherwise it logs a failure and returns an empty frame, as if there were no bars.
    yfinance.config.debug.hide_exceptions = False
    return yfinance


@lru_cache(maxsize=4)
def _session(url: str | None, timeout: float) -> Any:
    """Session with our time-out (yfinance sets its own for some requests), redirected to `url` if given."""
    curl = import_module("curl_cffi.requests")
    there = urlsplit(url or "")

    class Bounded(curl.Session):  # type: ignore[misc, name-defined]
        """Keep path and query of a request, and replace scheme and host if a base address is given."""

        def request(self, method: str, url: str, **options: Any) -> Any:
            """Send the request."""
            if there.netloc:
                url = urlsplit(url)._replace(scheme=there.scheme, netloc=there.netloc).geturl()
            return super().request(method, url, **options | {"timeout": timeout})

    return Bounded(impersonate="chrome")


def _history(symbol: str, timeframe: str, frame: Any) -> RawBars:
    """Bars of yfinance's frame: daily bars at the exchange's date, intraday bars in UTC."""
    try:
        columns = {name: frame[theirs].to_numpy(dtype=np.float64) for name, theirs in _NAMES.items()}
    except KeyError as error:
        raise Trouble(Phrase("answer_without_column", column=str(error)), is_passing=False) from None
    index = frame.index.tz_localize(None).normalize() if timeframe == "1d" else frame.index.tz_convert(None)
    columns["time"] = index.to_numpy().astype("datetime64[us]")
    factor = columns.pop("adjusted") / columns["close"] if timeframe == "1d" else np.ones(len(frame))
    columns["split"] = np.ones(len(frame))
    whole = make_history(symbol, timeframe=timeframe, source="yahoo", columns=columns, factor=factor)
    return whole.take(np.isfinite(whole.close) & np.isfinite(whole.open) & np.isfinite(whole.factor))
