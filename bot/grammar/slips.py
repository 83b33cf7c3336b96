"""Where a command went wrong, and what to write there instead."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from bot.grammar.words import Word
from optimizer.errors import UserError


class Slip(Exception):
    """An error, and the words to exchange so that it is mended.

    `edits` maps a word's place to what stands there instead: empty to leave it out, or several words.
    Without edits nothing is known that would help.
    """

    def __init__(self, error: UserError, edits: Mapping[int, str] | None = None) -> None:
        self.error = error
        self.edits = edits or {}
        super().__init__(str(error))


@contextmanager
def located(word: Word) -> Iterator[None]:
    """Say of any error in the block that it stands at `word`, and mend it with the nearest right thing."""
    try:
        yield
    except UserError as error:
        raise Slip(error, mending(word, error)) from error


def mending(word: Word, error: UserError) -> dict[int, str]:
    """The word with what was wrong in it exchanged for the nearest right thing; empty when none is known."""
    near = str(error.facts.get("nearest") or "")
    wrong = str(error.facts.get("value") or error.facts.get("word") or "")
    if not near or not wrong:
        return {}
    whole = re.compile(rf"(?<![\w-])(?<!\d\.){re.escape(wrong)}(?!\w)(?!\.\d)", re.IGNORECASE)
    text, count = whole.subn(lambda _: near, word.text, count=1)
    return {word.at: text} if count else {}
