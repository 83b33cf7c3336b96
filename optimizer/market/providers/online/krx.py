"""Daily bars of Korean stocks through FinanceDataReader (extra `krx`), from Naver's charts, which need no login.

A symbol is its code with the suffix of its market (`005930.KS`, `247540.KQ`). Naver adjusts prices and volumes for
splits and rights, not for dividends: the factor is 1, and a split appears as a changed history that is read again. A
day without a trade has a close alone, and is left out. FinanceDataReader asks without a time-out and takes a page for a
symbol without bars, so it is given a client of ours.
"""

import re
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from optimizer.errors import MissingExtra, NoTimeframe, Phrase, UnknownAtSource
from optimizer.market.providers.online.http_client import no_answer
from optimizer.market.providers.online.retry import Patience, Trouble, reported
from optimizer.market.raw_bars import RawBars, find_timeframe, make_history
from optimizer.market.warehouse.deprecations import deprecations_ignored

_SYMBOL = re.compile(r"(?P<code>[0-9][0-9A-Z]{5})\.(KS|KQ)")
_COLUMNS = ("Open", "High", "Low", "Close", "Volume")


class Krx:
    """Source `krx`; `url` redirects every request there in place of Naver's host."""

    name = "krx"
    is_live = True
    symbols: tuple[str, ...] = ()

    def __init__(self, *, url: str | None = None, patience: Patience | None = None) -> None:
        self._url = url
        self._patience = patience or Patience()

    def fetch(self, symbol: str, *, timeframe: str, start: date | None, end: date | None, now: datetime) -> RawBars:
        """Daily bars of days start to end. Raises UnknownAtSource, NoTimeframe, ProviderDown or MissingExtra."""
        if find_timeframe(timeframe) != "1d":
            raise NoTimeframe.of_symbol(symbol, timeframe, ["1d"])
        found = _SYMBOL.fullmatch(symbol)
        if found is None:
            raise UnknownAtSource(word=symbol, source=self.name)
        since, until = start or date(1980, 1, 1), now.date() + timedelta(days=1)  # ahead of every zone
        with reported(self.name, symbol):
            frame = self._patience.ask(lambda: self._request(symbol, found["code"], since, until))
            history = _history(symbol, frame)
        return history.between(start, end)

    def _request(self, symbol: str, code: str, since: date, until: date) -> Any:
        reader = _reader()
        reader.requests = _Client(symbol=symbol, url=self._url, timeout=self._patience.timeout)
        try:
            with deprecations_ignored():
                return reader.NaverDailyReader(code, since.isoformat(), until.isoformat()).read()
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise Trouble(Phrase("unexpected_answer", cause=type(error).__name__), is_passing=False) from None


def _reader() -> Any:
    try:
        return import_module("FinanceDataReader.naver.data")
    except ModuleNotFoundError as error:
        raise MissingExtra(source="krx", extra="krx") from error


@dataclass(frozen=True, kw_only=True)
class _Client:
    """What FinanceDataReader needs of `requests`, with a time-out and a look at the answer."""

    symbol: str
    url: str | None
    timeout: float

    def get(self, url: str) -> Any:
        """Request a chart. Raises Trouble, or UnknownAtSource for a chart without bars."""
        requests = import_module("requests")
        try:
            answer = requests.get(self._there(url), timeout=self.timeout)
        except requests.Timeout:
            raise Trouble(Phrase("unreachable", cause=Phrase("time_out"))) from None
        except requests.RequestException as error:
            raise Trouble(Phrase("unreachable", cause=type(error).__name__)) from None
        _require_chart(self.symbol, answer)
        return answer

    def _there(self, url: str) -> str:
        there = urlsplit(self.url or url)
        return urlsplit(url)._replace(scheme=there.scheme, netloc=there.netloc).geturl()


def _require_chart(symbol: str, answer: Any) -> None:
    if answer.status_code == 429:
        wait = answer.headers.get("Retry-After", "")
        raise Trouble(Phrase("too_many_requests"), wait=float(wait) if wait.isdecimal() else None)
    if not answer.ok:
        raise Trouble(Phrase("answers_with_error", code=answer.status_code), is_passing=answer.status_code >= 500)
    if "</chartdata>" not in answer.text:
        raise no_answer(b"half" if "<chartdata" in answer.text else answer.content)
    if "<item " not in answer.text:
        raise UnknownAtSource(word=symbol, source="krx")


def _history(symbol: str, frame: Any) -> RawBars:
    """Bars of a frame: days with a trade."""
    try:
        columns = {name.lower(): frame[name].to_numpy(dtype=np.float64) for name in _COLUMNS}
    except KeyError as error:
        raise Trouble(Phrase("answer_without_column", column=str(error)), is_passing=False) from None
    except ValueError:
        raise Trouble(Phrase("not_as_documented"), is_passing=False) from None
    columns["time"] = frame.index.to_numpy().astype("datetime64[D]")
    columns["split"] = np.ones(len(frame))
    whole = make_history(symbol, source="krx", columns=columns)
    is_traded = np.isfinite(whole.close) & (whole.open > 0)
    return replace(whole.take(is_traded), n_left_out=int((~is_traded).sum()))
