"""Daily and intraday bars of US stocks from Tiingo's JSON API, with the user's own key.

Daily bars are as traded, each with its adjusted close (splits and dividends) and the coefficient of a split on that
day. Intraday bars are those of the exchange IEX in UTC, neither adjusted nor of the whole market; their factors are
those of the day.
"""

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
from pydantic import SecretStr

from optimizer.domain.bars import TimeArray
from optimizer.market.providers.online.adjustment import factors_of_days, splits_to_come
from optimizer.market.providers.online.http_client import HttpClient, known_there, numbers, read_records, utc_times
from optimizer.market.providers.online.retry import Patience, reported
from optimizer.market.providers.online.us_stocks import in_session, new_york_days, us_ticker
from optimizer.market.raw_bars import RawBars, find_timeframe, make_history

URL = "https://api.tiingo.com"
_FIRST = date(1960, 1, 1)
_PRICES = {name: name for name in ("open", "high", "low", "close", "volume")}
_ADJUSTED = {"adjusted": "adjClose", "coefficient": "splitFactor"}
_INTERVALS = {"1m": "1min", "5m": "5min", "15m": "15min", "30m": "30min", "1h": "1hour"}
#: Days of intraday bars that are requested without a start, and days per request: an answer has 10,000 bars at most.
_REACH = {"1m": 60, "5m": 365, "15m": 1095, "30m": 1825, "1h": 1825}
_WINDOW = {"1m": 30, "5m": 150, "15m": 450, "30m": 900, "1h": 1825}


class Tiingo:
    """Source `tiingo`."""

    name = "tiingo"
    is_live = True
    at_once = 4
    symbols: tuple[str, ...] = ()

    def __init__(
        self, key: SecretStr, *, url: str = URL, per_minute: int = 60, patience: Patience | None = None
    ) -> None:
        headers = {"Authorization": SecretStr(f"Token {key.get_secret_value()}")}
        self._client = HttpClient(
            url, setting="TIINGO_API_KEY", per_minute=per_minute, patience=patience, headers=headers
        )

    def fetch(self, symbol: str, *, timeframe: str, start: date | None, end: date | None, now: datetime) -> RawBars:
        """Bars of days start to end. Raises UnknownAtSource, UnknownTimeframe or ProviderDown."""
        ticker = us_ticker(symbol, source=self.name, share_class="-")
        since = _since(find_timeframe(timeframe), start, now)
        with reported(self.name, symbol), known_there(symbol, self.name):  # 404 also for a ticker that was renamed
            history = self._daily(ticker, since)
            if timeframe != "1d":
                history = self._intraday(ticker, timeframe, since, now.date(), history)
        return history.between(start, end)

    def _daily(self, ticker: str, since: date) -> RawBars:
        rows = self._get(["tiingo", "daily", ticker, "prices"], {"startDate": since.isoformat()})
        columns: dict[str, np.ndarray] = {**numbers(rows, _PRICES | _ADJUSTED)}
        columns["time"] = utc_times(rows, "date").astype("datetime64[D]")
        columns["split"] = splits_to_come(columns.pop("coefficient"))
        factor = columns.pop("adjusted") / columns["close"]
        return _priced(make_history(ticker, source=self.name, columns=columns, factor=factor))

    def _intraday(self, ticker: str, timeframe: str, since: date, until: date, daily: RawBars) -> RawBars:
        common = {"resampleFreq": _INTERVALS[timeframe], "columns": "open,high,low,close,volume"}
        rows: list[dict[str, Any]] = []
        for first, last in _windows(since, until, _WINDOW[timeframe]):
            days = {"startDate": first.isoformat(), "endDate": last.isoformat()}
            rows += self._get(["iex", ticker, "prices"], common | days)
        columns: dict[str, np.ndarray] = {**numbers(rows, _PRICES), "time": utc_times(rows, "date")}
        days_of_bars: TimeArray = new_york_days(columns["time"])
        factor, columns["split"] = (
            factors_of_days(days_of_bars, daily.time, known) for known in (daily.factor, daily.split)
        )
        history = make_history(ticker, timeframe=timeframe, source=self.name, columns=columns, factor=factor)
        return in_session(_priced(history))

    def _get(self, path: list[str], query: Mapping[str, str]) -> list[dict[str, Any]]:
        return self._client.get(path, {**query, "format": "json"}, read_records)


def _since(timeframe: str, start: date | None, now: datetime) -> date:
    if timeframe == "1d":
        return start or _FIRST
    return start or now.date() - timedelta(days=_REACH[timeframe])


def _windows(first: date, last: date, days: int) -> Iterator[tuple[date, date]]:
    """Yield the first and last day of each request."""
    while first <= last:
        yield first, min(first + timedelta(days=days - 1), last)
        first += timedelta(days=days)


def _priced(history: RawBars) -> RawBars:
    """Bars that have prices; a day without a trade has none."""
    return history.take(np.isfinite(history.close) & np.isfinite(history.open) & np.isfinite(history.factor))
