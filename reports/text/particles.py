"""Korean particles after words that are known only at run time: `RSI`를, `14`가, `종가`는.

A particle has one form after a consonant and another after a vowel, so it depends on how the word is read aloud:
digits in Korean, capitals by the names of the letters, other Latin words by their ending. Where the ending does
not decide the reading, both forms are given, as Korean software does: `stop`을(를).
"""

import html
import re

#: The final sound of what is read: nothing (a vowel), `ㄹ`, or another consonant.
_VOWEL, _L, _CONSONANT = "", "ㄹ", "ㄱ"
_DIGITS = {"0": _CONSONANT, "1": _L, "3": _CONSONANT, "6": _CONSONANT, "7": _L, "8": _L}
_LETTERS = {"L": _L, "R": _L, "M": _CONSONANT, "N": _CONSONANT}
_UNITS = {"%": _VOWEL}
_FIRST_SYLLABLE, _LAST_SYLLABLE, _FINALS, _FINAL_L = "가", "힣", 28, 8
#: Endings of Latin words that are read with a final consonant, and those that are read with a vowel.
_CLOSED = re.compile(r"(m|n|ng|me|ne|ck|(?<![aeiou])[aeiou][bcp])$")
_CLOSED_L = re.compile(r"(l|le)$")
_OPEN = re.compile(r"[^bckpt]$")
_SILENT = re.compile(r"[^\w%]+$")
_LATIN = re.compile(r"[A-Za-z]+$")


def particle(word: object, forms: str) -> str:
    """Return the particle that a word takes, of `forms` such as `은/는`, after a consonant and after a vowel."""
    closed, open_ = forms.split("/")
    final = _final(_SILENT.sub("", html.unescape(str(word))))
    if final is None:
        return f"({closed.removesuffix(open_)}){open_}" if closed.endswith(open_) else f"{closed}({open_})"
    is_open = final == _VOWEL or (final == _L and closed.startswith("으"))
    return open_ if is_open else closed


def _final(word: str) -> str | None:
    """Return the final sound of a word, None where its spelling does not tell."""
    last = word[-1:]
    if _FIRST_SYLLABLE <= last <= _LAST_SYLLABLE:
        final = (ord(last) - ord(_FIRST_SYLLABLE)) % _FINALS
        return _VOWEL if final == 0 else _L if final == _FINAL_L else _CONSONANT
    if last.isdecimal():
        return _DIGITS.get(last, _VOWEL)
    latin = _LATIN.search(word)
    return _final_of_latin(latin.group()) if latin else _UNITS.get(last)


def _final_of_latin(word: str) -> str | None:
    if len(word) == 1 or word.isupper():
        return _LETTERS.get(word[-1].upper(), _VOWEL)
    if _CLOSED_L.search(word):
        return _L
    if _CLOSED.search(word):
        return _CONSONANT
    return _VOWEL if _OPEN.search(word) else None
