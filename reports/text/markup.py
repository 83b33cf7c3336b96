"""Text on its way into a message or a page: escaping, the filters of the templates, and what mrkdwn becomes elsewhere.

Sentences are written once, in Slack's mrkdwn. `&`, `<` and `>` are the only characters that Slack and a page
both need escaped, so an escaped sentence is safe in either.
"""

import json
import re
from collections.abc import Callable, Iterable
from typing import Any

from markupsafe import Markup

from optimizer.domain.metrics import CAPS, FRACTIONS
from optimizer.domain.space import Value, tidy
from optimizer.domain.study_request import Cap
from reports.text import caps, numbers
from reports.text.particles import particle

MAX_WORD = 200  # characters of a fact that a person typed

_PARAGRAPH = re.compile(r"\n[ \t]*\n\s*")
#: As Slack reads them: a star means bold only at the edge of a word.
BOLD = re.compile(r"(?<!\w)\*(?! )([^*\n]+)(?<! )\*(?!\w)")
MENTION = re.compile(r"<@([A-Z0-9]+)>")
#: A date, or a link with a label, which is its readable part.
LABELLED = re.compile(r"<[^<>|\n]+\|([^<>|\n]+)>")
#: A blank that is set as a space of its own, where others are joined: under a text, before a caret.
KEPT_SPACE = "\u2800"
_CODE = re.compile(r"`([^`\n]+)`")


def escape(value: object) -> Markup:
    """A value as text of a message. A float is refused: a filter must round it first."""
    if isinstance(value, Markup):
        return value
    if isinstance(value, float):
        raise TypeError(f"{value!r} must be rounded by a filter before it is shown")
    text = str(value).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return Markup(text)  # noqa: S704 - this is the escaping


def flat(text: Markup | str) -> Markup:
    """A sentence as written in a template on one line; an empty line starts a new one."""
    return _joined("\n", lines(text))


def lines(text: Markup | str) -> list[Markup]:
    """The lines of a text, as `flat` sets them."""
    parts = (" ".join(part.split()).replace(KEPT_SPACE, " ") for part in _PARAGRAPH.split(escape(text)))
    return [Markup(part) for part in parts if part]  # noqa: S704 - escaped above


def typed(value: object) -> object:
    """What a person typed, fit to be shown inside a sentence: short, on one line and without backticks."""
    if isinstance(value, Markup | int):
        return value
    text = tidy(value) if isinstance(value, float) else " ".join(str(value).split()).replace("`", "'")
    return text if len(text) <= MAX_WORD else text[: MAX_WORD - 1] + "…"


def uncut(text: str) -> Markup:
    """Return a text of the program's own, such as an address, for a sentence that cuts what is typed."""
    return escape(text)


def marked(text: Markup | str) -> Markup:
    """A sentence as HTML: bold, code, and mentions as plain names."""
    safe = MENTION.sub(r"@\1", str(flat(text))).replace("\n", "<br>")
    return Markup(BOLD.sub(r"<b>\1</b>", _CODE.sub(r"<code>\1</code>", safe)))  # noqa: S704 - `flat` escapes


def joined(parts: Iterable[Markup | str], separator: str) -> Markup:
    """The parts that are not empty, with a separator between them."""
    return _joined(separator, [part for part in map(flat, parts) if part])


def codes(words: Iterable[str]) -> Markup:
    """Words as code, with commas: `rsi`, `sma`."""
    return _joined(", ", [Markup("`{}`").format(escape(typed(word))) for word in words])


def _joined(separator: str, parts: list[Markup]) -> Markup:
    return Markup(separator).join(parts)  # noqa: S704 - ours


def _json(text: Markup | str) -> Markup:
    return Markup(json.dumps(str(flat(text)), ensure_ascii=False))  # noqa: S704 - `flat` escapes


def _number(value: float) -> Markup:
    """A number for a program to sort or to draw; raises ValueError for one that JSON does not know."""
    return Markup(json.dumps(round(value, 6), allow_nan=False))  # noqa: S704 - a number


def _code(value: object) -> Markup:
    return escape(typed(value))


def person(name: str) -> Markup:
    """Whoever did something: a mention of a Slack user, else the name."""
    safe = escape(typed(name))
    return Markup("<@{}>").format(safe) if numbers.is_slack_user(name) else safe


def _setting(value: Value) -> str:
    return value if isinstance(value, str) else tidy(value)


def _unmarked(text: Markup | str) -> Markup:
    return Markup(escape(text).replace("*", ""))  # noqa: S704 - escaped before


def _unbulleted(text: Markup) -> Markup:
    return Markup(text.removeprefix("• "))  # noqa: S704 - a part of markup


def _attribute(text: Markup | str) -> Markup:
    return Markup(str(escape(text)).replace('"', "&quot;"))  # noqa: S704 - escaped before


def _bound(cap: Cap) -> str:
    return tidy(cap.bound * 100) + "%" if CAPS[cap.goal] in FRACTIONS else tidy(cap.bound)


def _exact(value: float | None) -> str:
    return "" if value is None else repr(value)


def _bar(done: int, total: int) -> str:
    return numbers.progress_bar(done, total)


FILTERS: dict[str, Callable[..., Any]] = {
    "json": _json,
    "number": _number,
    "lines": lines,
    "marked": marked,
    "unmarked": _unmarked,
    "unbulleted": _unbulleted,
    "attribute": _attribute,
    "code": _code,
    "person": person,
    "is_person": numbers.is_slack_user,
    "is_percent": numbers.PERCENT_GOALS.__contains__,
    "params": numbers.assignments,
    "setting": _setting,
    "bound": _bound,
    "exact": _exact,
    "ratio": numbers.ratio,
    "percent": numbers.percent,
    "signed_percent": numbers.signed_percent,
    "signed": numbers.signed,
    "price": numbers.price,
    "thousandths": numbers.thousandths,
    "fine": numbers.fine,
    "share": numbers.share,
    "probability": numbers.probability,
    "goal": numbers.goal_value,
    "count": numbers.count,
    "length_parts": numbers.length_parts,
    "cap": caps.cap_text,
    "cap_value": caps.cap_value,
    "cap_miss": caps.cap_miss,
    "miss_unit": caps.miss_unit,
    "plain": numbers.plain,
    "money": numbers.money,
    "capitalized": numbers.capitalized,
    "day": numbers.day,
    "duration": numbers.duration,
    "joined": joined,
    "codes": codes,
    "bar": _bar,
    "particle": particle,
}
