"""Cleaning: what surrounds the words of a message and says nothing."""

import re
import unicodedata

from bot.grammar.tokens import _LINK, _label, plain

_MENTION = re.compile(r"<@[UW][A-Z0-9]*(?:\|[^<>]*)?>\s*[:,]?")
_NAME = re.compile(r"(?<!\S)(?:@optimizer\b|/(?:optimize|최적화)(?!\S))\s*[:,]?", re.IGNORECASE)
_EMOJI = re.compile(r":[a-z][a-z0-9_+-]*:")
#: Slack's signs of slanted text around words; crossed-out text is not meant and keeps its sign.
_SLANTED = re.compile(r"(?<!\w)_([^_\n]+)_(?!\w)")
#: Laughter and tears in Korean, which follow any word.
_TEARS = re.compile(r"(?<![ㄱ-ㅎㅏ-ㅣ])[ㅋㅎㅠㅜ]+(?![ㄱ-ㅎㅏ-ㅣ])")
#: A bracket around words, which are read as if it was not there; one behind a letter holds numbers: `rsi(14)`.
_BRACKETS = re.compile(r"(?<!\S)\(([^()]*)\)(?=[\s,.;!?]|$)")
#: What stands in front of a line in a list.
_BULLET = re.compile(r"(?:^|\n)\s*(?:[-*•·]|[0-9]{1,2}[.)])\s+")
_AROUND = re.compile(r"^[\s\"'(\[]+(?=\S)|(?<=\S)[\s\"')\]]+$")


def clean(text: str, *, is_addressed: bool) -> str:
    """Return a message in one line, without the bot's name, emoji and quotes around it.

    In a message that is addressed to the bot by a mention, that mention may stand anywhere; any other one stays.
    """
    text = _LINK.sub(_label, text)
    if is_addressed:
        text = _MENTION.sub(" ", text, count=1)
    text = re.sub(r"\s*\n\s*", ", ", _BULLET.sub("\n", text).strip())
    text = _SLANTED.sub(r"\1", _BRACKETS.sub(r", \1,", _TEARS.sub("", text) or text))
    text = _EMOJI.sub(" ", _NAME.sub(" ", plain(text), count=1))
    text = "".join(" " if unicodedata.category(c) == "So" else c for c in text)
    text = " ".join(text.split())
    return text if '"' in _AROUND.sub("", text) else _without_quotes(text)


def _without_quotes(text: str) -> str:
    """Return a text without quotes and brackets around the whole of it."""
    bare = text.strip("\"' ")
    return bare[1:-1].strip() if bare[:1] in "([" and bare[-1:] in ")]" and bare[1:-1].count("(") == 0 else bare
