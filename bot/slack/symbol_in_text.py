"""Finder of the symbol in a message, to start a study from it. Pure."""

import re
from collections.abc import Collection

from bot.grammar.tokens import repair

_CASHTAG = re.compile(r"(?<![\w$])\$([A-Za-z][A-Za-z0-9.\-]{0,14})(?![\w$])")
_CANDIDATE = re.compile(r"(?<![\w@#:/.$-])\^?[A-Z0-9][A-Z0-9.\-=]{0,14}(?![\w@:/])")


def find_ticker(text: str, known: Collection[str]) -> str:
    """Return the symbol in a message as Slack stores it; an empty string when there is none.

    `$shop` is always one. A bare word is one when it is written in capitals and `known`, so that the A of
    "A better idea" is none unless there are bars of it.
    """
    words = repair(text)
    if tagged := _CASHTAG.search(words):
        return tagged[1].upper().rstrip(".-")
    candidates = (found[0].rstrip(".-=") for found in _CANDIDATE.finditer(words))
    return next((word for word in candidates if word in known), "")
