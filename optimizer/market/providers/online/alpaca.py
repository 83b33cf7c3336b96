"""Daily and intraday bars of US stocks from Alpaca's market data API, with the user's own pair of keys.

The bars are requested twice, as traded and adjusted for splits, dividends and spin-offs: the factor is the quotient of
their closes. Without a named feed Alpaca answers from the best one that the plan includes. Its bars of a day begin at
New York's midnight, and its intraday bars go beyond the regular session, which is all that is kept.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
from pydantic import SecretStr

from optimizer.market.providers.online.adjustment import with_factor
from optimizer.market.providers.online.http_client import Asked, HttpClient, as_records, known_there, numbers, utc_times
from optimizer.market.providers.online.retry import Patience, reported
from optimizer.market.providers.online.us_stocks import in_session, new_york_days, us_ticker
from optimizer.market.raw_bars import RawBars, find_timeframe, make_history

URL = "https://data.alpaca.markets"
_FIRST = date(2016, 1, 1)
_SIZES = {"1m": "1Min", "5m": "5Min", "15m": "15Min", "30m": "30Min", "1h": "1Hour", "1d": "1Day"}
_COLUMNS = {"open": "o", "high": "h", "low": "l", "close": "c", "volume": "v"}
#: Days of intraday bars that are requested without a start; of longer bars all.
_REACH = {"1m": 365, "5m": 1825}
_MOST_PER_PAGE = "10000"


class Alpaca:
    """Source `alpaca`."""

    name = "alpaca"
    is_live = True
    at_once = 4
    symbols: tuple[str, ...] = ()

    def __init__(
        self,
        key_id: SecretStr,
        secret_key: SecretStr,
        *,
        url: str = URL,
        per_minute: int = 180,
        patience: Patience | None = None,
    ) -> None:
        self._client = HttpClient(
            url,
            setting="ALPACA_KEY_ID, ALPACA_SECRET_KEY",
            per_minute=per_minute,
            patience=patience,
            headers={"APCA-API-KEY-ID": key_id, "APCA-API-SECRET-KEY": secret_key},
        )

    def fetch(self, symbol: str, *, timeframe: str, start: date | None, end: date | None, now: datetime) -> RawBars:
        """Bars of days start to end. Raises UnknownAtSource, UnknownTimeframe or ProviderDown."""
        ticker = us_ticker(symbol, source=self.name, share_class=".")
        since = start or _first(find_timeframe(timeframe), now)
        query = {"timeframe": _SIZES[timeframe], "start": since.isoformat(), "limit": _MOST_PER_PAGE, "sort": "asc"}
        with reported(self.name, symbol), known_there(symbol, self.name, (400, 422), word="symbol"):
            traded, adjusted = (self._bars(symbol, ticker, {**query, "adjustment": way}) for way in ("raw", "all"))
        return with_factor(traded, adjusted).between(start, end)

    def _bars(self, symbol: str, ticker: str, query: Mapping[str, str]) -> RawBars:
        path = ("v2", "stocks", ticker, "bars")

        def following(page: Mapping[str, Any]) -> Asked | None:
            token = page.get("next_page_token")
            return (path, {**query, "page_token": str(token)}) if token else None

        pages = self._client.pages((path, query), following)
        rows = [row for page in pages for row in as_records(page.get("bars") or [])]
        columns: dict[str, np.ndarray] = {**numbers(rows, _COLUMNS), "time": utc_times(rows, "t")}
        timeframe = next(ours for ours, theirs in _SIZES.items() if theirs == query["timeframe"])
        if timeframe == "1d":
            columns["time"] = new_york_days(columns["time"])
        history = make_history(symbol, timeframe=timeframe, source=self.name, columns=columns)
        return history if timeframe == "1d" else in_session(history)


def _first(timeframe: str, now: datetime) -> date:
    return now.date() - timedelta(days=_REACH[timeframe]) if timeframe in _REACH else _FIRST
