"""Daily and intraday bars from Alpha Vantage's JSON API, with the user's own key.

The key is part of the query, so no address is ever logged or put into an error. The documented answers are a
dictionary of bars by time, or a single sentence under `Error Message`, `Note` or `Information`.
"""

import json
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import urlopen

import numpy as np
from pydantic import SecretStr

from optimizer.domain.bars import FloatArray, TimeArray
from optimizer.errors import Phrase, ProviderDown, UnknownAtSource
from optimizer.market.providers.retry import Patience, RateLimit, Trouble
from optimizer.market.providers.timestamps import in_utc
from optimizer.market.raw_bars import RawBars, find_timeframe, make_history

URL = "https://www.alphavantage.co"
_INTERVALS = {"1m": "1min", "5m": "5min", "15m": "15min", "30m": "30min", "1h": "60min"}
#: Calendar days that never have more bars than a compact answer.
_COMPACT_DAYS = 140
_LATER = Phrase("later_or_other_source")
_PREMIUM = Phrase("premium_only")
_PLAN = Phrase("premium_remedy")


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
        self._key = key
        self._url = url
        self._is_adjusted = is_adjusted
        self._patience = patience or Patience()
        self._pace = RateLimit(60 / per_minute, self._patience)

    def fetch(self, symbol: str, *, timeframe: str, start: date | None, end: date | None, now: datetime) -> RawBars:
        """Bars of days start to end. Raises UnknownAtSource, UnknownTimeframe or ProviderDown."""
        query = self._query(symbol, find_timeframe(timeframe), start, now)
        try:
            answer = self._patience.ask(lambda: self._request(query))
            history = read_answer(symbol, timeframe, answer)
        except Trouble as trouble:
            remedy = _PLAN if trouble.reason == _PREMIUM else _LATER
            raise ProviderDown(provider=self.name, symbol=symbol, reason=trouble.reason, remedy=remedy) from None
        return history.between(start, end)

    def _query(self, symbol: str, timeframe: str, start: date | None, now: datetime) -> dict[str, str]:
        is_recent = start is not None and now.date() - start < timedelta(days=_COMPACT_DAYS)
        common = {"symbol": symbol, "outputsize": "compact" if is_recent else "full"}
        if timeframe == "1d":
            return {"function": "TIME_SERIES_DAILY" + ("_ADJUSTED" if self._is_adjusted else ""), **common}
        hours = {"interval": _INTERVALS[timeframe], "extended_hours": "false", "outputsize": "full"}
        return {"function": "TIME_SERIES_INTRADAY", **common, **hours}

    def _request(self, query: Mapping[str, str]) -> dict[str, Any]:
        self._pace.keep()
        address = f"{self._url}/query?{urlencode({**query, 'apikey': self._key.get_secret_value()})}"
        try:
            with urlopen(address, timeout=self._patience.timeout) as answer:  # noqa: S310 - the scheme is ours
                content = answer.read()
        except HTTPError as error:
            raise _refused(error) from None
        except (URLError, OSError, HTTPException) as error:
            raise Trouble(Phrase("unreachable", cause=_cause(error))) from None
        return parsed(content)


def _refused(error: HTTPError) -> Trouble:
    with error:
        wait = error.headers.get("Retry-After", "")
    if error.code == 429:
        return Trouble(Phrase("too_many_requests"), wait=float(wait) if wait.isdecimal() else None)
    return Trouble(Phrase("answers_with_error", code=error.code), is_passing=error.code >= 500)


def _cause(error: Exception) -> Phrase | str:
    reason = getattr(error, "reason", error)
    return Phrase("time_out") if isinstance(reason, TimeoutError) else type(reason).__name__


def parsed(content: bytes) -> dict[str, Any]:
    """Parse the JSON object of an answer. Raises Trouble for anything else (a page, half an answer, nothing)."""
    try:
        answer = json.loads(content)
    except ValueError:
        kind = "web_page" if content.lstrip().startswith(b"<") else "half_an_answer" if content else "nothing"
        raise Trouble(Phrase("instead_of_bars", content=Phrase(kind))) from None
    if not isinstance(answer, dict):
        raise Trouble(Phrase("something_else"), is_passing=False)
    return answer


def read_answer(symbol: str, timeframe: str, answer: Mapping[str, Any]) -> RawBars:
    """Bars of an answer. Raises UnknownAtSource, or Trouble when it is a sentence in place of bars."""
    if "Error Message" in answer:
        raise UnknownAtSource(word=symbol, source="alphavantage")
    if sentence := str(answer.get("Note") or answer.get("Information") or ""):
        raise Trouble(_meaning(sentence), is_passing=False)
    series = next((bars for name, bars in answer.items() if name.startswith("Time Series")), None)
    if not isinstance(series, dict):
        raise Trouble(Phrase("answer_without_bars"), is_passing=False)
    try:
        return _history(symbol, timeframe, series, str(answer.get("Meta Data", {}).get("6. Time Zone", "US/Eastern")))
    except (KeyError, ValueError, TypeError, AttributeError):
        raise Trouble(Phrase("not_as_documented"), is_passing=False) from None


def _meaning(sentence: str) -> Phrase:
    """Reason in our own words, because the source's sentence may contain the key."""
    if "premium" in sentence.lower() and "rate limit" not in sentence.lower():
        return _PREMIUM
    return Phrase("request_limit")


def _history(symbol: str, timeframe: str, series: Mapping[str, Mapping[str, str]], zone: str) -> RawBars:
    moments = sorted(series)
    rows = [{name.split(". ", 1)[1]: float(text) for name, text in series[moment].items()} for moment in moments]
    columns: dict[str, np.ndarray] = {
        name: np.array([row[name] for row in rows], dtype=np.float64)
        for name in ("open", "high", "low", "close", "volume")
    }
    times: TimeArray = np.array(moments, dtype="datetime64[us]")
    columns["time"] = times if timeframe == "1d" else in_utc(times, zone)
    columns["split"] = _to_come([row.get("split coefficient", 1.0) for row in rows])
    factor = np.array([row.get("adjusted close", row["close"]) / row["close"] for row in rows], dtype=np.float64)
    return make_history(symbol, timeframe=timeframe, source="alphavantage", columns=columns, factor=factor)


def _to_come(coefficients: list[float]) -> FloatArray:
    """Price multiplier of all splits after each bar, (n_bars,)."""
    if not coefficients:
        return np.ones(0)
    later = np.cumprod(1 / np.array(coefficients[::-1]))[::-1]
    return np.append(later[1:], 1.0)
