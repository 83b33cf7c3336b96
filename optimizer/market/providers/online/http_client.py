"""Requests to the HTTP API of a source: secrets, time-out, retries and rate limit.

An address or an answer may contain the key, so neither is ever logged or put into an error. Redirects are refused,
because they would carry the key to another host.
"""

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from http.client import HTTPException
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode
from urllib.request import HTTPRedirectHandler, Request, build_opener

import numpy as np
from pydantic import SecretStr

from optimizer.domain.bars import FloatArray, TimeArray
from optimizer.errors import Phrase, UnknownAtSource
from optimizer.lazy import LazyModule
from optimizer.market.providers.online.retry import Patience, RateLimit, Trouble

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = LazyModule("pandas")

Answer = TypeVar("Answer")
Secrets = Mapping[str, SecretStr]
#: Parts of a path, and the query.
Asked = tuple[Sequence[str], Mapping[str, str]]
_NONE: Secrets = MappingProxyType({})
#: Bytes of an answer with an error that are looked at.
_SENTENCE = 2000


class Refused(Trouble):
    """An answer with an HTTP error; its sentence is looked at and never shown."""

    def __init__(
        self, status: int, sentence: str, reason: Phrase, *, wait: str = "", remedy: Phrase | None = None
    ) -> None:
        seconds = float(wait) if wait.isdecimal() else None
        super().__init__(reason, is_passing=status == 429 or status >= 500, wait=seconds, remedy=remedy)
        self.status = status
        self.sentence = sentence


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(self, *args: object) -> None:
        """Follow none: urllib then raises the answer as an HTTPError."""


class HttpClient:
    """Client of one source; `setting` names the settings of its key, for the error of a wrong one."""

    def __init__(
        self,
        url: str,
        *,
        setting: str,
        per_minute: int,
        patience: Patience | None = None,
        headers: Secrets = _NONE,
        query: Secrets = _NONE,
    ) -> None:
        self._url = url
        self._setting = setting
        self._patience = patience or Patience()
        self._pace = RateLimit(60 / per_minute, self._patience)
        self._headers = headers
        self._query = query
        self._opener = build_opener(_NoRedirect)

    def get(self, path: Sequence[str], query: Mapping[str, str], read: Callable[[bytes], Answer]) -> Answer:
        """Read the answer for a path, given as its parts. Raises Refused or Trouble when no attempt succeeds."""
        return self._patience.ask(lambda: read(self._request(path, query)))

    def pages(
        self, asked: Asked | None, following: Callable[[Mapping[str, Any]], Asked | None]
    ) -> Iterator[dict[str, Any]]:
        """Yield the pages of a long answer, each a JSON object that `following` finds the next one in.

        Raises Refused or Trouble, also when a page leads back to an earlier one.
        """
        seen: list[Asked] = []
        while asked is not None:
            if asked in seen:
                raise Trouble(Phrase("page_repeated"), is_passing=False)
            seen.append(asked)
            page = self.get(*asked, read_object)
            yield page
            asked = following(page)

    def _request(self, path: Sequence[str], query: Mapping[str, str]) -> bytes:
        self._pace.keep()
        address = "/".join([self._url, *(quote(part, safe="") for part in path)])
        asked = urlencode({**query, **_plain(self._query)})
        request = Request(f"{address}?{asked}", headers=_plain(self._headers))  # noqa: S310 - the scheme is ours
        try:
            with self._opener.open(request, timeout=self._patience.timeout) as answer:
                content: bytes = answer.read()
        except HTTPError as error:
            raise self._refused(error) from None
        except (URLError, OSError, HTTPException) as error:
            raise Trouble(Phrase("unreachable", cause=_cause(error))) from None
        return content

    def _refused(self, error: HTTPError) -> Refused:
        code, sentence = error.code, ""
        with error, suppress(OSError, HTTPException):
            sentence = error.read(_SENTENCE).decode(errors="replace")
        if code == 429:
            return Refused(code, sentence, Phrase("too_many_requests"), wait=error.headers.get("Retry-After", ""))
        if code in (401, 403):
            reason = Phrase("key_refused" if code == 401 else "key_or_plan_refused", code=code)
            return Refused(code, sentence, reason, remedy=Phrase("check_key", setting=self._setting))
        return Refused(code, sentence, Phrase("answers_with_error", code=code))


@contextmanager
def known_there(symbol: str, source: str, statuses: Collection[int] = (404,), *, word: str = "") -> Iterator[None]:
    """Raise an answer with one of these statuses, and a word in its sentence, as UnknownAtSource."""
    try:
        yield
    except Refused as refused:
        if refused.status in statuses and word in refused.sentence.lower():
            raise UnknownAtSource(word=symbol, source=source) from None
        raise


def _plain(secrets: Secrets) -> dict[str, str]:
    return {name: secret.get_secret_value() for name, secret in secrets.items()}


def _cause(error: Exception) -> Phrase | str:
    reason = getattr(error, "reason", error)
    return Phrase("time_out") if isinstance(reason, TimeoutError) else type(reason).__name__


def read_json(content: bytes) -> Any:
    """Parse a JSON answer. Raises Trouble for anything else (a page, half an answer, nothing)."""
    try:
        return json.loads(content)
    except ValueError:
        raise no_answer(content) from None


def no_answer(content: bytes) -> Trouble:
    """Trouble with an answer that is a page, cut off, or empty."""
    kind = "web_page" if content.lstrip().startswith(b"<") else "half_an_answer" if content.strip() else "nothing"
    return Trouble(Phrase("instead_of_bars", content=Phrase(kind)))


def read_object(content: bytes) -> dict[str, Any]:
    """Parse a JSON object. Raises Trouble."""
    answer = read_json(content)
    if not isinstance(answer, dict):
        raise Trouble(Phrase("something_else"), is_passing=False)
    return answer


def read_records(content: bytes) -> list[dict[str, Any]]:
    """Parse a JSON list of objects. Raises Trouble."""
    return as_records(read_json(content))


def as_records(answer: object) -> list[dict[str, Any]]:
    """Return the answer if it is a list of objects. Raises Trouble."""
    if not isinstance(answer, list) or not all(isinstance(row, dict) for row in answer):
        raise Trouble(Phrase("something_else"), is_passing=False)
    return answer


def numbers(rows: Sequence[Mapping[str, Any]], names: Mapping[str, str]) -> dict[str, FloatArray]:
    """Columns of records, named by our names for theirs; a missing number is NaN. Raises Trouble."""
    try:
        return {ours: np.array([row[theirs] for row in rows], dtype=np.float64) for ours, theirs in names.items()}
    except KeyError as error:
        raise Trouble(Phrase("answer_without_column", column=str(error)), is_passing=False) from None
    except (TypeError, ValueError):
        raise Trouble(Phrase("not_as_documented"), is_passing=False) from None


def utc_times(rows: Sequence[Mapping[str, Any]], name: str) -> TimeArray:
    """Times of records, written as in ISO 8601; without an offset they are in UTC. Raises Trouble."""
    try:
        aware = pd.to_datetime([str(row[name]) for row in rows], utc=True, format="ISO8601")
    except KeyError as error:
        raise Trouble(Phrase("answer_without_column", column=str(error)), is_passing=False) from None
    except ValueError:
        raise Trouble(Phrase("not_as_documented"), is_passing=False) from None
    return np.asarray(pd.DatetimeIndex(aware).tz_localize(None), dtype="datetime64[us]")
