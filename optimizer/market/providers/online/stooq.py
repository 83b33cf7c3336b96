"""Daily bars of stocks of several countries from Stooq's CSV download, with the user's own key.

Stooq adjusts for splits and dividends unless it is told not to, so the bars are requested twice: as traded (every
adjustment skipped) and adjusted; the factor is the quotient of their closes. What is wrong comes as a sentence or a
page with status 200.
"""

from collections.abc import Mapping
from datetime import date, datetime

import numpy as np
from pydantic import SecretStr

from optimizer.errors import NoTimeframe, Phrase, UnknownAtSource
from optimizer.market.providers.online.adjustment import with_factor
from optimizer.market.providers.online.http_client import HttpClient, no_answer, numbers, utc_times
from optimizer.market.providers.online.retry import Patience, Trouble, reported
from optimizer.market.raw_bars import RawBars, find_timeframe, make_history

URL = "https://stooq.com"
#: Their suffix of a country by ours of an exchange.
_SUFFIXES = {".T": ".jp", ".L": ".uk", ".DE": ".de", ".HK": ".hk"}
_INDICES = ("^SPX", "^DJI", "^NDX", "^NDQ")
_COLUMNS = {name.lower(): name for name in ("Open", "High", "Low", "Close")}
#: Every kind of adjustment skipped: splits, dividends, rights and others.
_AS_TRADED = {"o": "1111111"}
_SETTING = "STOOQ_API_KEY"


class Stooq:
    """Source `stooq`."""

    name = "stooq"
    is_live = True
    at_once = 2
    symbols: tuple[str, ...] = ()

    def __init__(
        self, key: SecretStr, *, url: str = URL, per_minute: int = 30, patience: Patience | None = None
    ) -> None:
        self._client = HttpClient(
            url, setting=_SETTING, per_minute=per_minute, patience=patience, query={"apikey": key}
        )

    def fetch(self, symbol: str, *, timeframe: str, start: date | None, end: date | None, now: datetime) -> RawBars:
        """Daily bars of days start to end. Raises UnknownAtSource, UnknownTimeframe, NoTimeframe or ProviderDown."""
        if find_timeframe(timeframe) != "1d":
            raise NoTimeframe.of_symbol(symbol, timeframe, ["1d"])
        query = {"s": _name(symbol), "i": "d", "d2": f"{now:%Y%m%d}"}
        if start is not None:
            query["d1"] = f"{start:%Y%m%d}"
        with reported(self.name, symbol):
            traded, adjusted = self._bars(symbol, query | _AS_TRADED), self._bars(symbol, query)
        return with_factor(traded, adjusted).between(start, end)

    def _bars(self, symbol: str, query: Mapping[str, str]) -> RawBars:
        rows = self._client.get(["q", "d", "l", ""], query, _read)
        # Indices have no volume, and stocks none on some old days.
        names = _COLUMNS | ({"volume": "Volume"} if rows and "Volume" in rows[0] else {})
        columns: dict[str, np.ndarray] = {**numbers(rows, names), "time": utc_times(rows, "Date")}
        return make_history(symbol, source=self.name, columns=columns)


def _name(symbol: str) -> str:
    """Stooq's name of a symbol. Raises UnknownAtSource for an exchange that it does not have."""
    if symbol in _INDICES:
        return symbol.lower()
    stem, point, end = symbol.rpartition(".")
    if point and point + end in _SUFFIXES:
        return stem.lower() + _SUFFIXES[point + end]
    if point or not symbol.replace("-", "").isalnum() or len(symbol.partition("-")[2]) > 2:
        raise UnknownAtSource(word=symbol, source="stooq")
    return f"{symbol.lower()}.us"


def _read(content: bytes) -> list[dict[str, str]]:
    """Records of the CSV; none where there are no data. Raises Trouble."""
    text = content.decode(errors="replace").strip()
    if text.lower() == "no data":
        return []
    header, *lines = [line.split(",") for line in text.splitlines()] or [[""]]
    if header[0] != "Date":
        raise _meaning(text.lower(), content)
    if not content.endswith(b"\n") or any(len(line) != len(header) for line in lines):
        raise no_answer(content)
    return [{name: value or "nan" for name, value in zip(header, line, strict=True)} for line in lines]


def _meaning(text: str, content: bytes) -> Trouble:
    """Trouble in our own words, because the source's sentence may contain the key."""
    if "limit" in text and not text.startswith("<"):
        return Trouble(Phrase("request_limit"), is_passing=False)
    if "apikey" in text:
        return Trouble(Phrase("key_wanted"), is_passing=False, remedy=Phrase("check_key", setting=_SETTING))
    return no_answer(content)
