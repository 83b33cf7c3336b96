"""Slack's control characters: `&`, `<` and `>` are markup only where the bot meant markup.

Source: docs.slack.dev/messaging/formatting-message-text (escaping text; links, mentions and dates).
A `>` that opens a line is a quotation and may stay; every other bare one is a value that was not
escaped.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tests.slack.shapes import Flaw

ENTITY = re.compile(
    r"""
      @(?P<user>[UW][A-Z0-9]{2,})(\|[^<>|]*)?
    | \#(?P<channel>[CG][A-Z0-9]{2,})(\|[^<>|]*)?
    | !(?P<broadcast>here|channel|everyone)(\|[^<>|]*)?
    | !subteam\^(?P<group>S[A-Z0-9]{2,})(\|[^<>|]*)?
    | !date\^\d+\^[^<>^|]+(\^https?://[^<>|^]+)?\|[^<>|]+
    | (https?|slack)://[^<>|\s]+(\|[^<>|]+)?
    | (mailto|tel):[^<>|\s]+(\|[^<>|]+)?
    """,
    re.VERBOSE,
)
ESCAPED = re.compile(r"&(amp|lt|gt);")
QUOTATION = re.compile(r"^\s*(>>>|>)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Mention:
    """Something in angle brackets that reaches people: a user, a channel, a group or everyone."""

    kind: str
    name: str
    where: str


def raw_characters(text: str, where: str) -> Iterator[Flaw]:
    """The control characters in a mrkdwn text that are neither markup nor escaped."""
    left = ENTITY_IN_BRACKETS.sub("", QUOTATION.sub("", text))
    for found in re.finditer(r"[<>]", left):
        yield Flaw(where, f"unescaped {found[0]!r} in {_around(left, found.start())!r}")
    for found in re.finditer("&", left):
        if not ESCAPED.match(left, found.start()):
            yield Flaw(where, f"unescaped '&' in {_around(left, found.start())!r}")


ENTITY_IN_BRACKETS = re.compile(rf"<(?:{ENTITY.pattern})>", re.VERBOSE)


def mentions(text: str, where: str) -> Iterator[Mention]:
    """Everyone and everything a mrkdwn text reaches."""
    for found in ENTITY_IN_BRACKETS.finditer(text):
        for kind in ("user", "channel", "broadcast", "group"):
            if found[kind]:
                yield Mention(kind, found[kind], where)


def entities(text: str) -> list[str]:
    """The pieces of a typed text that would be markup if they came back unescaped."""
    return [found[0] for found in ENTITY_IN_BRACKETS.finditer(text)]


def leaks(text: str, where: str, hostile: Iterable[str]) -> Iterator[Flaw]:
    """Texts that a test declared hostile and that come back with their control characters alive."""
    for each in hostile:
        if each != escape(each) and each in text:
            yield Flaw(where, f"echoes {each!r} unescaped")


def escape(text: str) -> str:
    """The three replacements Slack asks for."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def unescape(text: str) -> str:
    """What a reader sees of an escaped text."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _around(text: str, at: int) -> str:
    return text[max(0, at - 20) : at + 20]
