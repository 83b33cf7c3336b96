"""Daily and intraday bars from Alpha Vantage's JSON API, with the user's own key.

The key is part of the query, so no address is ever logged or put into an error. The documented answers are a
dictionary of bars by time, or a single sentence under `Error Message`, `Note` or `Information`.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
from pydantic import SecretStr

from optimizer.domain.bars import TimeArray
from optimizer.errors import Phrase, UnknownAtSource
from optimizer.market.formats.timestamps import in_utc
from optimizer.market.providers.online.adjustment import splits_to_come
from optimizer.market.providers.online.http_client import HttpClient, read_object
from optimizer.market.providers.online.retry import Patience, Trouble, reported
from optimizer.market.raw_bars import RawBars, find_timeframe, make_history

URL = "https://www.alphavantage.co"
_INTERVALS = {"1m": "1min", "5m": "5min", "15m": "15min", "30m": "30min", "1h": "60min"}
#: Calendar days that never have more bars than a compact answer.
_COMPACT_DAYS = 140


class AlphaVantage:
    """Source `alphavantage`."""

    name = "alphavantage"
    is_live = True
    symbols: tuple[str, ...] = ()

    def __init__(
        self,
        key: SecretStr,
        *,
        url: str = URL,
        is_adjusted: bool = True,  # plans without adjusted bars return plain ones; the checks then find the splits
        per_minute: int = 5,
        patience: Patience | None = None,
    ) -> None:
        self._is_adjusted = is_adjusted
        self._client = HttpClient(
            url, setting="ALPHAVANTAGE_API_KEY", per_minute=per_minute, patience=patience, query={"apikey": key}
        )

    def fetch(self, symbol: str, *, timeframe: str, start: date | None, end: date | None, now: datetime) -> RawBars:
        """Bars of days start to end. Raises UnknownAtSource, UnknownTimeframe or ProviderDown."""
        query = self._query(symbol, find_timeframe(timeframe), start, now)
        with reported(self.name, symbol):
            history = read_answer(symbol, timeframe, self._client.get(["query"], query, read_object))
        return history.between(start, end)

    def _query(self, symbol: str, timeframe: str, start: date | None, now: datetime) -> dict[str, str]:
        is_recent = start is not None and now.date() - start < timedelta(days=_COMPACT_DAYS)
        common = {"symbol": symbol, "outputsize": "compact" if is_recent else "full"}
        if timeframe == "1d":
            return {"function": "TIME_SERIES_DAILY" + ("_ADJUSTED" if self._is_adjusted else ""), **common}
        hours = {"interval": _INTERVALS[timeframe], "extended_hours": "false", "outputsize": "full"}
        return {"function": "TIME_SERIES_INTRADAY", **common, **hours}


def read_answer(symbol: str, timeframe: str, answer: Mapping[str, Any]) -> RawBars:
    """Bars of an answer. Raises UnknownAtSource, or Trouble when it is a sentence in place of bars."""
    if "Error Message" in answer:
        raise UnknownAtSource(word=symbol, source="alphavantage")
    if sentence := str(answer.get("Note") or answer.get("Information") or ""):
        raise _meaning(sentence)
    series = next((bars for name, bars in answer.items() if name.startswith("Time Series")), None)
    if not isinstance(series, dict):
        raise Trouble(Phrase("answer_without_bars"), is_passing=False)
    try:
        return _history(symbol, timeframe, series, str(answer.get("Meta Data", {}).get("6. Time Zone", "US/Eastern")))
    except (KeyError, ValueError, TypeError, AttributeError):
        raise Trouble(Phrase("not_as_documented"), is_passing=False) from None


def _meaning(sentence: str) -> Trouble:
    """Trouble in our own words, because the source's sentence may contain the key."""
    if "premium" in sentence.lower() and "rate limit" not in sentence.lower():
        return Trouble(Phrase("premium_only"), is_passing=False, remedy=Phrase("premium_remedy"))
    return Trouble(Phrase("request_limit"), is_passing=False)


def _history(symbol: str, timeframe: str, series: Mapping[str, Mapping[str, str]], zone: str) -> RawBars:
    moments = sorted(series)
    rows = [{name.split(". ", 1)[1]: float(text) for name, text in series[moment].items()} for moment in moments]
    columns: dict[str, np.ndarray] = {
        name: np.array([row[name] for row in rows], dtype=np.float64)
        for name in ("open", "high", "low", "close", "volume")
    }
    times: TimeArray = np.array(moments, dtype="datetime64[us]")
    columns["time"] = times if timeframe == "1d" else in_utc(times, zone)
    columns["split"] = splits_to_come([row.get("split coefficient", 1.0) for row in rows])
    factor = np.array([row.get("adjusted close", row["close"]) / row["close"] for row in rows], dtype=np.float64)
    return make_history(symbol, timeframe=timeframe, source="alphavantage", columns=columns, factor=factor)
