"""Matching: items, which are parts of a text with their readings, and the patterns that find them.

Phrases and numbers end where a word ends, in either language.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum, auto

#: Korean particles that may follow any word; they say nothing that the order of the words does not.
_PARTICLES = (
    "으로|로|을|를|은|는|이랑|랑|과|와|하고|도|의|에서|에게|에다가|에다|에|이나|나|이라도|라도|이|가"
    "|만|씩|치|정도|쯤|가량|짜리"
    "|전략|주식|종목"
)
#: Ends of a Korean word that make it a sentence, which something follows.
_COPULAS = "인데|이고|이며|이라|이니까|이에요|예요|입니다|입니당|이야|거든|인걸로|인 걸로|이거든|이었으면"
#: What may stand between a name and its number.
TOPIC = "(?:은|는|이|가|을|를|만|도)?"
#: End of a word: a possessive, particles and a polite `요`, and then nothing that would go on with it. `는요` asks.
END = rf"(?:'s)?(?:{_PARTICLES}){{0,3}}(?:{_COPULAS})?(?:(?<![은는])이?요)?(?![\w%=])"
#: A number as people type it: `200`, `1,000`, `1k`, `2e2`, `0.1`, `천`.
NUMBER = r"(?:(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?(?:e[0-9])?(?:k|천만|백만|억|천|백|만)?|\.[0-9]+)"
_SCALES = {"k": 1_000, "천만": 10_000_000, "백만": 1_000_000, "억": 100_000_000, "천": 1_000, "백": 100, "만": 10_000}


class Kind(StrEnum):
    """What a part of a text says."""

    SYMBOL = auto()
    STRATEGY = auto()
    TRIALS = auto()
    WORD = auto()  # an option, a flag or an overlay, as the grammar writes it
    GOAL = auto()
    CADENCE = auto()  # `weekly mon`, or only `weekly`
    CLOCK = auto()  # `09:00`
    SCHEDULE = auto()  # that it is to be repeated
    JOIN = auto()  # `and`
    BEST = auto()  # asks for the best: to be searched, or already known
    SHOW = auto()  # asks to be told
    INSTEAD = auto()  # that one of two is not wanted: the one `before` or `behind` it
    DAYS = auto()  # a number of bars beside a strategy
    FILL = auto()
    UNKNOWN = auto()


@dataclass(frozen=True)
class Item:
    """A part of a text: several `readings` where a person alone knows which is meant."""

    kind: Kind
    text: str
    readings: tuple[str, ...] = ()

    @property
    def value(self) -> str:
        """The first reading."""
        return self.readings[0] if self.readings else ""


@dataclass(frozen=True)
class Pattern:
    """What may stand at a place of the text in lower case, and the items that it means; None where it means none."""

    regex: re.Pattern[str]
    items: Callable[[re.Match[str]], tuple[Item, ...] | None]


def pattern(regex: str, items: Callable[[re.Match[str]], tuple[Item, ...] | None], end: str = END) -> Pattern:
    """Build a pattern from a regular expression without its end."""
    return Pattern(re.compile(rf"(?:{regex}){end}"), items)


def any_of(phrases: Iterable[str]) -> str:
    """Return the expression of phrases, the longest first, whose words may stand apart by any space.

    Common beginnings are written once, so that the time to find none of many hundred is that of a few letters.
    """
    return _branches({" ".join(phrase.split()) for phrase in phrases})


def _branches(phrases: Iterable[str]) -> str:
    by_letter: dict[str, set[str]] = {}
    for phrase in phrases:
        by_letter.setdefault(phrase[:1], set()).add(phrase[1:])
    is_whole = by_letter.pop("", None) is not None
    parts = [_letter(letter) + _branches(rests) for letter, rests in sorted(by_letter.items()) if letter]
    if not parts:
        return ""
    joined = parts[0] if len(parts) == 1 and not is_whole else f"(?:{'|'.join(parts)})"
    return f"{joined}?" if is_whole else joined


def _letter(letter: str) -> str:
    return r"\s+" if letter == " " else re.escape(letter)


def plain_phrase(text: str) -> str:
    """Return a matched phrase as the tables have it."""
    return " ".join(text.split())


def number_text(text: str) -> str:
    """Return a number in digits: `1k` and `1,000` are `1000`."""
    plain = text.replace(",", "").strip()
    unit = next((unit for unit in _SCALES if plain.endswith(unit)), "")
    value = float(plain.removesuffix(unit)) * _SCALES.get(unit, 1)
    return f"{value:.10f}".rstrip("0").rstrip(".")
