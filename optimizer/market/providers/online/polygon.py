"""Daily and intraday bars of US stocks from Polygon's (now Massive's) JSON API, with the user's own key.

The bars are requested as traded; splits and dividends come as events with a cumulative adjustment factor, which applies
to the bars before the day of the event. A bar of a day begins at New York's midnight; of the intraday bars those of the
regular session are kept. A plan reaches some years back, and refuses a request for more.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import numpy as np
from pydantic import SecretStr

from optimizer.domain.bars import FloatArray, TimeArray
from optimizer.errors import Phrase
from optimizer.market.providers.online.adjustment import factors_from_events
from optimizer.market.providers.online.http_client import Asked, HttpClient, as_records, known_there, numbers, utc_times
from optimizer.market.providers.online.retry import Patience, Trouble, reported
from optimizer.market.providers.online.us_stocks import in_session, new_york_days, us_ticker
from optimizer.market.raw_bars import RawBars, find_timeframe, make_history, relative

URL = "https://api.polygon.io"
_SIZES = {
    "1m": ("1", "minute"),
    "5m": ("5", "minute"),
    "15m": ("15", "minute"),
    "30m": ("30", "minute"),
    "1h": ("1", "hour"),
    "1d": ("1", "day"),
}
_COLUMNS = {"open": "o", "high": "h", "low": "l", "close": "c", "volume": "v"}
_FACTOR = {"factor": "historical_adjustment_factor"}


class Polygon:
    """Source `polygon`."""

    name = "polygon"
    is_live = True
    at_once = 4
    symbols: tuple[str, ...] = ()

    def __init__(
        self,
        key: SecretStr,
        *,
        url: str = URL,
        years: int = 2,  # of the plan
        per_minute: int = 5,
        patience: Patience | None = None,
    ) -> None:
        headers = {"Authorization": SecretStr(f"Bearer {key.get_secret_value()}")}
        self._years = years
        self._client = HttpClient(
            url, setting="POLYGON_API_KEY, POLYGON_YEARS", per_minute=per_minute, patience=patience, headers=headers
        )

    def fetch(self, symbol: str, *, timeframe: str, start: date | None, end: date | None, now: datetime) -> RawBars:
        """Bars of days start to end. Raises UnknownAtSource, UnknownTimeframe or ProviderDown."""
        ticker = us_ticker(symbol, source=self.name, share_class=".")
        size = _SIZES[find_timeframe(timeframe)]
        since = start or now.date() - timedelta(days=365 * self._years)
        path = ("v2", "aggs", "ticker", ticker, "range", *size, since.isoformat(), now.date().isoformat())
        with reported(self.name, symbol), known_there(symbol, self.name):
            rows = self._rows(path, {"adjusted": "false", "sort": "asc", "limit": "50000"})
            columns: dict[str, np.ndarray] = {**numbers(rows, _COLUMNS), "time": _moments(rows)}
            days: TimeArray = new_york_days(columns["time"])
            columns["split"] = relative(self._factors("splits", "execution_date", ticker, days))
            dividends = relative(self._factors("dividends", "ex_dividend_date", ticker, days))
        if timeframe == "1d":
            columns["time"] = days
        factor = columns["split"] * dividends
        history = make_history(symbol, timeframe=timeframe, source=self.name, columns=columns, factor=factor)
        return (history if timeframe == "1d" else in_session(history)).between(start, end)

    def _factors(self, kind: str, dated: str, ticker: str, days: TimeArray) -> FloatArray:
        """Cumulative factor of each day, from the events of a kind."""
        events = self._rows(("stocks", "v1", kind), {"ticker": ticker, "limit": "5000", "sort": f"{dated}.asc"})
        factors = numbers(events, _FACTOR)["factor"]
        if not (factors > 0).all():
            raise Trouble(Phrase("not_as_documented"), is_passing=False)
        return factors_from_events(days, utc_times(events, dated), factors)

    def _rows(self, path: tuple[str, ...], query: Mapping[str, str]) -> list[dict[str, Any]]:
        pages = self._client.pages((path, query), _following)
        return [row for page in pages for row in as_records(page.get("results") or [])]


def _following(page: Mapping[str, Any]) -> Asked | None:
    """Path and query of the next page; its host is not taken over, for the key goes to ours alone."""
    address = urlsplit(str(page.get("next_url") or ""))
    if not address.path:
        return None
    return tuple(unquote(part) for part in address.path.strip("/").split("/")), dict(parse_qsl(address.query))


def _moments(rows: list[dict[str, Any]]) -> TimeArray:
    """Times of the bars, which come in milliseconds since 1970."""
    return numbers(rows, {"time": "t"})["time"].astype("datetime64[ms]").astype("datetime64[us]")
