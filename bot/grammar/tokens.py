"""Tokens: the words of a command, after undoing what Slack, keyboards and copied text did to it.

A command is a few words. A word may be `key=value`, and a value with spaces is put in double quotes.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from html import unescape

from bot.grammar.errors import TooLong, UnclosedQuote
from bot.grammar.rules.quoting import quote_rule
from optimizer.errors import UserError

#: Longer texts are refused unread: Slack allows 4,000 characters and no command needs a quarter of them.
MAX_TEXT = 2_000

_DASHES = "‐‑‒–—―−﹘﹣－⁃"
_DOUBLE_QUOTES = "“”„‟«»〝〞＂「」『』"
_SINGLE_QUOTES = "‘’‚‛`´＇" + "\u2032"
_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
#: Letters of Unicode that are drawn as nothing.
_BLANKS = "\u115f\u1160\u3164\uffa0\u034f"
_TRANSLATION: dict[int, int | str | None] = {
    **_FULL_WIDTH,
    **dict.fromkeys(map(ord, _DASHES), "-"),
    **dict.fromkeys(map(ord, _DOUBLE_QUOTES), '"'),
    **dict.fromkeys(map(ord, _SINGLE_QUOTES), "'"),
    **dict.fromkeys(map(ord, _BLANKS), None),
    **dict.fromkeys(range(0xFE00, 0xFE10), None),  # variation selectors
    ord("`"): None,
    ord("*"): None,
    ord("…"): "...",
    ord("、"): ",",
    ord("〜"): "~",
}

_LINK = re.compile(r"<(?:https?://|mailto:|tel:)(?P<address>[^<>|]*)(?:\|(?P<label>[^<>]*))?>")
_MENTIONS_FIRST = re.compile(r"^(?:\s*<@[UW][A-Z0-9]*(?:\|[^<>]*)?>\s*[:,]?)+")
_NAME_FIRST = re.compile(r"^\s*(?:@optimizer\b|/(?:optimize|최적화)(?!\S))\s*[:,]?", re.IGNORECASE)
_QUOTED = re.compile(r"\"[^\"]*\"|(?<==)'[^']*'")
_AROUND = re.compile(r"\s*([=,]|\.\.+|~|[<>](?=[=\s]*[0-9.+-]))\s*")
_WORD = re.compile(r"[^\s\"]*\"[^\"]*\"|\S+")
_NEEDS_QUOTES = re.compile(r"[\s=<>,'~]|\.\.|^$")


@dataclass(frozen=True)
class Word:
    """One word and its position, without quotes."""

    at: int
    text: str

    @property
    def lower(self) -> str:
        """Word in lower case, as in tables."""
        return self.text.lower()

    @property
    def pair(self) -> tuple[str, str] | None:
        """Key (lower case) and value of `key=value`, else None."""
        key, sign, value = self.text.partition("=")
        return (key.lower(), value) if sign else None

    @property
    def typed(self) -> str:
        """Word as a person types it, with quotes where they are needed."""
        key, sign, value = self.text.partition("=")
        if sign and key in ("name", "note", "why"):
            return f"{key}={quote(value)}"
        return f'"{self.text}"' if " " in self.text else self.text


def quote(value: str) -> str:
    """Return a value that can be read back: in double quotes when it holds a space or a sign."""
    return f'"{value}"' if _NEEDS_QUOTES.search(value) else value


def split(text: str) -> tuple[Word, ...]:
    """Split a command as it arrived from Slack, a terminal or a person's clipboard into words.

    Raises TooLong for a text longer than any command, UnclosedQuote for a quote without its end.
    """
    if len(text) > MAX_TEXT:
        raise TooLong(length=f"{len(text):,}", limit=f"{MAX_TEXT:,}")
    return tuple(Word(at, _unquote(word)) for at, word in enumerate(_WORD.findall(repair(text))))


def repair(text: str) -> str:
    """Undo what is not meant: links, entities, typographic signs, full-width and invisible characters.

    A rule in words becomes one word in quotes. A mention of the bot or the command's own name in front is removed, and
    so is space around `=`, `<`, `>`, `,` and `..` outside quotes.
    """
    text = _MENTIONS_FIRST.sub("", _LINK.sub(_label, text))
    text = plain(text)
    text = quote_rule(_NAME_FIRST.sub("", text, count=1))
    return _join(re.sub(r"=\s+(?=[\"'])", "=", text)).strip()


def plain(text: str) -> str:
    """Decode entities and replace typographic, full-width and invisible characters by plain ones."""
    return _make_visible(unescape(text).translate(_TRANSLATION))


def _label(link: re.Match[str]) -> str:
    return link["label"] or link["address"].rstrip("/")


def _make_visible(text: str) -> str:
    """Compose as Korean keyboards do, without control, format and surrogate characters."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(c for c in unicodedata.normalize("NFC", text) if c.isspace() or unicodedata.category(c)[0] != "C")


def _join(text: str) -> str:
    """Close the space around signs outside quotes; a value in single quotes gets double ones."""
    parts, end = [], 0
    for quote in _QUOTED.finditer(text):
        parts += [_AROUND.sub(r"\1", text[end : quote.start()]), '"' + quote[0][1:-1].replace('"', "'") + '"']
        end = quote.end()
    return "".join([*parts, _AROUND.sub(r"\1", text[end:])])


def _unquote(word: str) -> str:
    if word.count('"') % 2:
        raise UnclosedQuote(word=word.strip('"') or word)
    return word.replace('"', "")


_ENDS_INSIDE = re.compile(r"(?:[\w-]|\d\.)$")
_BEGINS_INSIDE = re.compile(r"\w|\.\d")


class Slip(Exception):
    """Error with the words to exchange to fix it.

    `edits` maps a word's position to its replacement: empty to leave it out, or several words.
    Without edits no fix is known.
    """

    def __init__(self, error: UserError, edits: Mapping[int, str] | None = None) -> None:
        self.error = error
        self.edits = edits or {}
        super().__init__(str(error))


@contextmanager
def locate_errors(word: Word) -> Iterator[None]:
    """Turn any error in the block into a Slip at `word`, with the nearest right word (a context manager)."""
    try:
        yield
    except UserError as error:
        raise Slip(error, correction_of(word, error)) from error


def correction_of(word: Word, error: UserError) -> dict[int, str]:
    """Return the word with its error replaced by the nearest right thing; empty when none is known."""
    near = str(error.facts.get("nearest") or "")
    wrong = str(error.facts.get("value") or error.facts.get("word") or "")
    if not near or not wrong:
        return {}
    at = _find_word(wrong.lower(), word.lower)
    return {} if at is None else {word.at: word.text[:at] + near + word.text[at + len(wrong) :]}


def _find_word(part: str, text: str) -> int | None:
    """Return the position of `part` in `text` as a whole word or number, not as a piece of one."""
    at = text.find(part)
    while at >= 0:
        if not _ENDS_INSIDE.search(text[:at]) and not _BEGINS_INSIDE.match(text[at + len(part) :]):
            return at
        at = text.find(part, at + 1)
    return None
