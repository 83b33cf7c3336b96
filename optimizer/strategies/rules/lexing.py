"""Tokens of a rule, each with its place in the text."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from optimizer.domain.timeframes import parse_timeframe
from optimizer.errors import UnknownTimeframe, nearest
from optimizer.strategies.rules.errors import RuleTooLong, TwoLanguages, UnknownRuleWord
from optimizer.strategies.rules.words import ENGLISH, Kind, Meaning, phrases

#: Longer texts are refused unread.
MOST_CHARACTERS = 2_000
_HANGUL = re.compile("[\u1100-\u11ff\u3130-\u318f\uac00-\ud7a3]")
_LATIN = re.compile(r"[a-z]")
#: A number; the dash of `200-day` belongs to it.
_NUMBER = re.compile(r"(\d+(?:\.\d+)?)(?:-(?=day|bar|period|candle))?")
_DOTTED = re.compile(r"[a-z0-9^][a-z0-9.^=/_-]*")
_TIMEFRAME = re.compile(r"(?:on\s+(?:the\s+)?)(\d+\s?(?:mo|min|m|h|d|w))\b")
_KOREAN_TIMEFRAME = re.compile(r"(\d+)(시간봉|분봉)")
_WORD = re.compile(r"[^\s()\[\],;<>=+]+")
_LOWER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")
#: Signs that keyboards and clipboards put in the place of plain ones.
_PLAIN = str.maketrans("’‘′，；（）＜＞％～–—\r\t\u00a0。", "''',;()<>%~--\n  ;")


@dataclass(frozen=True)
class Token:
    """One token: `text[at:at + length]`."""

    kind: Kind
    at: int
    length: int
    text: str
    value: Any = None

    @property
    def end(self) -> int:
        """Position behind it."""
        return self.at + self.length


def is_korean_text(text: str) -> bool:
    """Check whether a text has a Korean letter."""
    return _HANGUL.search(text) is not None


def made_plain(text: str) -> str:
    """Compose Korean letters, and replace typographic and full-width signs."""
    return unicodedata.normalize("NFC", text).translate(_PLAIN)


def tokens_of(text: str) -> list[Token]:
    """Split a plain text into tokens, without noise. Raises RuleTooLong, UnknownRuleWord and TwoLanguages."""
    if len(text) > MOST_CHARACTERS:
        raise RuleTooLong(text="", at=0, length=0, n=f"{len(text):,}", most=f"{MOST_CHARACTERS:,}")
    return [token for token in _tokens(text) if token.kind is not Kind.NOISE]


def _tokens(text: str) -> Iterator[Token]:
    is_korean = is_korean_text(text)
    lower, at, known = text.translate(_LOWER), 0, _phrases(is_korean)
    pattern = _pattern(is_korean)
    while at < len(lower):
        if lower[at] in " \u3000":
            at += 1
            continue
        token = _special(text, lower, at, is_korean)
        if token is None and (found := pattern.match(lower, at)):
            meaning = known[_spaced(found[0])]
            token = Token(meaning.kind, at, len(found[0]), text[at : found.end()], meaning.value)
        if token is None:
            raise _unknown(text, lower, at, is_korean)
        yield token
        at = token.end


def _special(text: str, lower: str, at: int, is_korean: bool) -> Token | None:
    """Token that no table has: a number, a symbol with a dot, or a timeframe."""
    first = lower[at]
    # Most tokens are none of these, and three patterns tried at each would take half the time.
    if not first.isdigit() and first != "o" and "." not in lower:
        return None
    if found := (_KOREAN_TIMEFRAME if is_korean else _TIMEFRAME).match(lower, at):
        word = f"{found[1]}{'h' if found[2] == '시간봉' else 'm'}" if is_korean else found[1].replace(" ", "")
        return Token(Kind.TIMEFRAME, at, len(found[0]), found[0], _timeframe(text, at, len(found[0]), word))
    if end := _end_of_symbol(lower, at, is_korean):
        return Token(Kind.SYMBOL, at, end + 1 - at, lower[at:end], lower[at:end].upper())
    if found := _NUMBER.match(lower, at):
        return Token(Kind.NUMBER, at, len(found[0]), found[1], float(found[1]))
    return None


def _end_of_symbol(lower: str, at: int, is_korean: bool) -> int:
    """Position of the dot behind a symbol that stands before a quantity, or 0: `brk.b.close` has two dots."""
    found = _DOTTED.match(lower, at)
    dot = found[0].rfind(".") if found else -1
    while found and dot > 0:
        if _begins_name(lower, at + dot + 1, is_korean):
            return at + dot
        dot = found[0].rfind(".", 0, dot)
    return 0


def _begins_name(lower: str, at: int, is_korean: bool) -> bool:
    """Check whether a quantity begins here, so that the word before the dot is a symbol."""
    found = _pattern(is_korean).match(lower, at)
    return found is not None and _phrases(is_korean)[_spaced(found[0])].kind is Kind.QUANTITY


def _timeframe(text: str, at: int, length: int, word: str) -> str:
    try:
        return parse_timeframe(word).word
    except UnknownTimeframe:
        raise UnknownRuleWord(text=text, at=at, length=length, word=word, nearest="") from None


def _unknown(text: str, lower: str, at: int, is_korean: bool) -> UnknownRuleWord | TwoLanguages:
    found = _WORD.match(lower, at)
    word = found[0] if found else lower[at]
    place = {"text": text, "at": at, "length": len(word), "word": text[at : at + len(word)]}
    if is_korean and word in ENGLISH:
        return TwoLanguages(**place)
    names = [
        name for name in _phrases(is_korean) if len(name) > 1 and bool(_LATIN.match(name)) == bool(_LATIN.match(word))
    ]
    return UnknownRuleWord(**place, nearest=nearest(word, names))


@cache
def _phrases(is_korean: bool) -> dict[str, Meaning]:
    return phrases(is_korean=is_korean)


@cache
def _pattern(is_korean: bool) -> re.Pattern[str]:
    """Pattern of the longest phrase at a place; a Latin word ends where its letters do, but a number may follow it."""
    parts = []
    for phrase in sorted(_phrases(is_korean), key=len, reverse=True):
        escaped = re.escape(phrase).replace(r"\ ", r"[\s]+")
        parts.append(
            rf"{escaped}(?![a-z_])"
            if re.match(r"[a-z%]\w", phrase) or (phrase.isalpha() and phrase.isascii())
            else escaped
        )
    return re.compile("|".join(parts))


def _spaced(found: str) -> str:
    return found if found == "\n" else " ".join(found.split())
