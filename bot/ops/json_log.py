"""Log lines as JSON, one object each, for a collector that searches them by study, user or request.

The messages of this program are an event and facts as `name=value`; each fact is a field of the object. What is logged
while a request of a person is answered has the person and the request's id too.
"""

import json
import logging
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType

_FACT = re.compile(r"(?<!\S)([a-z_]+)=(\S*)")
#: Fields that a fact never replaces.
_OWN = ("time", "level", "logger", "message", "user", "request", "fault")
_REQUEST: ContextVar[Mapping[str, str]] = ContextVar("request", default=MappingProxyType({}))


@contextmanager
def request_of(user: str) -> Iterator[None]:
    """Name the person and a new request in every line that is logged inside the block."""
    before = _REQUEST.set({"user": user, "request": secrets.token_hex(4)})
    try:
        yield
    finally:
        _REQUEST.reset(before)


class JsonLines(logging.Formatter):
    """Writes a record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without a line break in it."""
        message = record.getMessage()
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": message,
            **_REQUEST.get(),
            **{name: value for name, value in _FACT.findall(message) if name not in _OWN},
        }
        if record.exc_info:
            line["fault"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)
