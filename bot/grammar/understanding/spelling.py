"""Spelling: how far two words are apart."""

import unicodedata

#: Words below this length have no slip that is not another word: `me` is none of `ml`.
_SHORTEST = 3
#: Words up to this length may have one letter wrong, longer ones two.
_SHORT = 5


def distance(one: str, other: str) -> int:
    """Count the letters to add, drop, exchange or swap with their neighbour to make one word the other."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, start=1):
        above, row = row, [i]
        for j, goal in enumerate(other, start=1):
            best = min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (letter != goal))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == goal:
                best = min(best, before[j - 2] + 1)
            row.append(best)
        before = above
    return row[-1]


def is_misspelt(typed: str, meant: str) -> bool:
    """Check whether a word is another one with a slip of the finger, and not another word."""
    one, other = _letters(typed), _letters(meant)
    if not typed.isalnum() or one.isascii() != other.isascii() or len(one) > 40 or abs(len(one) - len(other)) > 2:
        return False
    if min(len(one), len(other)) < _SHORTEST:
        return False
    is_short = len(one) <= _SHORT
    if is_short and one[0] != other[:1]:
        return False  # `most` is no slip of `cost`
    return 0 < distance(one, other) <= (1 if is_short or not one.isascii() else 2)


def _letters(word: str) -> str:
    """Return the letters of a word in lower case, of a Korean one those within its syllables."""
    return unicodedata.normalize("NFD", word.lower())
