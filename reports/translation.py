"""Short phrases that code says in English, in another language.

Errors, probes and findings carry reasons and remedies as English phrases, some with a name or a number put in. A
catalogue has them with `{}` or `{name}` in these places and gives the other language's words; what was put in is
looked up too. A phrase that is not in the catalogue stays as it is, and a test reads the code for such.
"""

import re
from collections.abc import Iterator, Mapping
from re import Pattern

#: With fewer letters of its own a phrase takes single words only: `{} of {}` must not be found in any sentence.
_FEW = 8
_HOLE = re.compile(r"\{(\w*)(?::[^}]*)?\}")


def plain(phrase: str) -> str:
    """A format string as the catalogue names it: without what its holes say of digits."""
    return _HOLE.sub(r"{\1}", phrase)


class Phrases:
    """Translates phrases by one language's catalogue."""

    def __init__(self, catalogue: Mapping[str, str]) -> None:
        self._whole = {phrase: words for phrase, words in catalogue.items() if not _HOLE.search(phrase)}
        # The one with the most of its own words first: the others are less sure to be meant.
        holed = sorted(set(catalogue) - set(self._whole), key=lambda phrase: -len(_HOLE.sub("", phrase)))
        self._holed = [(_pattern(phrase), catalogue[phrase]) for phrase in holed]

    def __call__(self, text: str) -> str:
        """The phrase in this language, or as it is."""
        return self._whole.get(text) or next(self._filled(text), text)

    def _filled(self, text: str) -> Iterator[str]:
        for pattern, words in self._holed:
            if found := pattern.fullmatch(text):
                named = {name: self(part) for name, part in found.groupdict().items()}
                yield words.format(*[self(part) for part in found.groups()], **named)


def _pattern(phrase: str) -> Pattern[str]:
    n_own = sum(letter.isalpha() for letter in _HOLE.sub("", phrase))
    part = r"\S+?" if n_own < _FEW else ".+?"
    parts, at = [], 0
    for hole in _HOLE.finditer(phrase):
        parts += [re.escape(phrase[at : hole.start()]), f"(?P<{hole[1]}>{part})" if hole[1] else f"({part})"]
        at = hole.end()
    return re.compile("".join([*parts, re.escape(phrase[at:])]), re.DOTALL)
