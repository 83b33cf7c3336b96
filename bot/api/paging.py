"""Cursors: where the next page begins, in a form that nobody need read."""

import base64
import binascii
from typing import Any

from beanie import PydanticObjectId
from bson.errors import InvalidId

from bot.api.faults import BadCursor

#: What a schema says of a cursor.
CURSOR_SHAPE: dict[str, Any] = {"pattern": "^[A-Za-z0-9_-]{16}$"}


def cursor_of(identifier: PydanticObjectId) -> str:
    """The cursor of the page after this study."""
    return base64.urlsafe_b64encode(identifier.binary).decode()


def read_cursor(text: str) -> PydanticObjectId:
    """The study a page begins after. Raises BadCursor."""
    try:
        binary = base64.b64decode(text.encode("ascii"), altchars=b"-_", validate=True)
        return PydanticObjectId(binary)
    except (UnicodeEncodeError, binascii.Error, TypeError, InvalidId) as error:
        raise BadCursor(word=text) from error
