"""Cursors: opaque positions of the next page."""

import base64
import re
from typing import Any

from beanie import PydanticObjectId

from bot.api.errors import BadCursor

_SHAPE = "[A-Za-z0-9_-]{16}"
#: Schema of a cursor.
CURSOR_SHAPE: dict[str, Any] = {"pattern": f"^{_SHAPE}$"}


def cursor_of(identifier: PydanticObjectId) -> str:
    """Return the cursor of the page after this study."""
    return base64.urlsafe_b64encode(identifier.binary).decode()


def read_cursor(text: str) -> PydanticObjectId:
    """Return the study after which a page begins. Raises BadCursor."""
    if not re.fullmatch(_SHAPE, text):
        raise BadCursor(word=text)
    return PydanticObjectId(base64.urlsafe_b64decode(text))
