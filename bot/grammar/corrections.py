"""Corrections: where a command is wrong, and the words that would fix it."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from bot.grammar.tokens import Word
from optimizer.errors import UserError

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
