"""Small talk: the parts of a text that are said to be kind, and what they are when nothing else is said.

A part between commas, stops or dashes whose words are all of everyday talk says nothing about a study: `got a minute?
run AAPL RSI`. The words alone are not left out anywhere else, and none of them denies, puts a condition or reports.

An aside is about people or the mood and may have any words but those that a request is made of: `my cousin swears by`,
`running late for the desk meeting`, `요즘 핫하던데`. It is left out of a text that is a whole request without it.
"""

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path

from bot.grammar.commands import SmallTalk, Talk
from bot.grammar.understanding.matching import any_of
from bot.grammar.understanding.phrases import FILLS

_CLASSES: Mapping[str, Sequence[str]] = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
_PART = re.compile(r"(?:[,.!?;:~]+(?=\s|$)|\s-+(?=\s))+")
_WORD = re.compile(r"[^\s,.!?;:~]+")
#: When it suits the other: `whenever you're ready`, `if you get a chance`.
_WHEN_FREE = (
    r"(?:when(?:ever)?|if|once|as soon as) (?:you|u|someone|anyone)(?:'re| are|'ve| have| get| got| can"
    r"| could| like| want| find)*"
    r"(?: (?:a|an|some|the|few|spare|free|good|quiet))*"
    r"(?: (?:ready|free|around|back|available|bored|idle|time|times|chance|sec|secs|second|moment"
    r"|minute|minutes|capacity|there|up))*"
)
#: What may stand in front of a sentence.
_INTERJECTION = r"(?:(?:so|and|well|sorry|hey|ok|hmm|ugh|man|wow|oh|gosh|anyway)\s+)?"
#: The first words of an aside that could be symbols.
_OPENING = re.compile(rf"^\W*{_INTERJECTION}(?:i\b)?", re.IGNORECASE)
#: Words of an aside that look like guards.
_HARMLESS = re.compile(r"running late|risk(?=\s+(?:guys?|team|desk|committee|people|manager|officer|lead|head)\b)")
#: A guard of so many letters is a beginning of words, a shorter one a word.
_SHORTEST_STEM = 5
#: Longer texts are not only kind.
_MOST_WORDS = 8


@cache
def _words() -> frozenset[str]:
    return frozenset(word for name in ("words", "greetings", "thanks", "praise") for word in _CLASSES[name])


@cache
def _phrases() -> re.Pattern[str]:
    return re.compile(rf"(?<!\S)(?:{any_of(_CLASSES['phrases'])}|{_WHEN_FREE})(?![\w'])")


@cache
def _korean() -> re.Pattern[str]:
    """Return the pattern of a Korean word about the person or the mood: a stem with an ending that leads on."""
    moods, persons = any_of(_CLASSES["moods"]), any_of(_CLASSES["persons"])
    mood = rf"{moods}(?:한데|해서|해요|하니까|하거든|하네|하지만|하시겠지만|합니다만)(?:요)?"
    person = rf"{persons}(?:인데|이라|라서|이라서|이거든|거든|이지만|로서)(?:요)?"
    return re.compile(rf"(?:{mood}|{person})")


def _is_small(word: str) -> bool:
    plain = re.sub(r"'(?:m|s|ve|d|ll|re)$", "", word)
    return plain in _words() or plain in FILLS or bool(_korean().fullmatch(word))


def _is_talk(part: str) -> bool:
    return all(_is_small(word) for word in _WORD.findall(_phrases().sub(" ", part.lower())))


def _is_thanks(part: str) -> bool:
    """True for kind words behind a request: thanks, or a phrase that says that it would be nice."""
    words = _WORD.findall(_phrases().sub(" ", part.lower()))
    named = {*_CLASSES["thanks"], *_CLASSES["greetings"]}
    is_kind = bool(_phrases().search(part.lower())) or any(word in named for word in words)
    return is_kind and all(word in named or word in _CLASSES["beside_thanks"] for word in words)


def without_small_talk(text: str) -> str:
    """Return a clean text without small talk in front and thanks behind; all of it where nothing else is said."""
    ends = [found.end() for found in _PART.finditer(text)]
    parts = [text[start:end] for start, end in zip([0, *ends], [*ends, len(text)], strict=True)]
    while len(parts) > 1 and _is_talk(parts[0]):
        parts = parts[1:]
    while len(parts) > 1 and _is_thanks(parts[-1]):
        parts = parts[:-1]
    said = "".join(parts).strip()
    return " ".join(word for word in said.split() if not _korean().fullmatch(word.strip(",.?!~"))) or text


@cache
def _opinion() -> re.Pattern[str]:
    """Return the pattern of who thinks something of what follows: `my cousin swears by`."""
    who = r"(?:i|we|everyone|everybody|(?:my|our|the|a)\s+[a-z]{2,12}(?:\s+[a-z]{2,12})?)"
    manner = r"(?:\s+(?:really|totally|always|just|still|kinda|also))?"
    against = r"(?!\s+(?:against|not|no|never|avoid\w*|only|less|more)\b)"
    return re.compile(rf"(?<!\S){who}{manner}\s*(?:{any_of(_CLASSES['opinions'])})(?!\w){against}", re.IGNORECASE)


@cache
def _person_opens() -> re.Pattern[str]:
    kin = rf"(?:(?:my|our|the|a|his|her|their)\s+(?:\w+\s+)?)?{any_of(_CLASSES['people'])}"
    who = rf"(?:i|we|he|she|they|everyone|everybody|somebody|someone|{kin})"
    manner = r"(?:\s+(?:really|just|still|also|always|all|already|so|very))?"
    be = rf"(?:\s*'(?:m|s|re)|\s+(?:am|is|are)){manner}\s+{any_of(_CLASSES['feelings'])}"
    verbs, openers = any_of(_CLASSES["person_verbs"]), any_of(_CLASSES["openers"])
    return re.compile(rf"{_INTERJECTION}(?:{who}(?:{be}|{manner}\s+{verbs})|{openers})(?![\w'])")


@cache
def _guards() -> re.Pattern[str]:
    whole = any_of(guard for guard in _CLASSES["guards"] if len(guard) < _SHORTEST_STEM)
    stems = any_of(guard for guard in _CLASSES["guards"] if len(guard) >= _SHORTEST_STEM)
    return re.compile(rf"n't|'(?:ll|d)\b|(?<!\w)(?:{whole}(?:s|es|ed|ing)?(?!\w)|{stems})|[0-9?%=<>]")


@cache
def _korean_aside() -> re.Pattern[str]:
    """Return the pattern of a Korean clause about people or the mood, whose verb leads on."""
    about, adverbs = any_of(_CLASSES["about"]), any_of(_CLASSES["adverbs"])
    ending = (
        r"(?:던데|는데|은데|데|길래|니까|네|더라고|거든|서|다던데|다길래|다네"
        r"|다고\s?(?:해서|하던데|하네|하길래)|다니까|대서)요?"
    )
    verb = rf"(?:하|이|라)?{ending}"
    return re.compile(
        rf"(?<!\S)(?:(?:{about}|[가-힣]{{1,6}}(?:팀|님|부서))(?:이|가|께서|에서|도|은|는)?\s+)*(?:{adverbs}\s+)*{any_of(_CLASSES['said_stems'])}{verb}(?=[\s,.!~]|$)"
        r"|(?<!\S)(?:점심|저녁|아침|커피|밥|회의|미팅|휴가|출장|외근)\s?(?:먹고|마시고|하고|끝나고|끝내고|마치고|갔다가?|다녀)?\s?"
        r"(?:왔어요?|왔습니다|왔는데요?|왔네요?|와서요?)(?=[\s,.!~]|$)"
        r"|(?<!\S)(?:회의|미팅|점심|퇴근|출근|발표|보고|수업)\s?(?:들어가|가|하|시작하)?(?:기)?\s?전(?:에|까지)(?:는|요)?(?!\S)"
    )


def _is_aside(part: str) -> bool:
    """True for a part that a person or a mood opens, with no word of which a request may be made."""
    said = _HARMLESS.sub("busy", part.lower().strip(" ,.;:!~-"))
    return bool(_person_opens().match(said) and not _guards().search(said))


def without_asides(text: str, is_known: Callable[[str], bool]) -> str:
    """Return a clean text without its asides; `is_known` tells of a part that it says something of a study."""
    left = _korean_aside().sub(" ", _opinion().sub(" ", text))
    ends = [found.end() for found in _PART.finditer(left)]
    parts = [left[start:end] for start, end in zip([0, *ends], [*ends, len(left)], strict=True)]
    kept = [part for part in parts if not _is_aside(part) or is_known(_OPENING.sub("", part))]
    return " ".join("".join(kept).split()).strip(" ,.;:!~")


def small_talk(text: str, study: str | None) -> SmallTalk | None:
    """Return the answer to a text that is nothing but kind, or None."""
    words = _WORD.findall(_phrases().sub(" ", text.lower()))
    if len(text.split()) > _MOST_WORDS or not all(map(_is_small, words)):
        return None
    for name, kind in (("thanks", Talk.THANKS), ("greetings", Talk.HELLO), ("praise", Talk.THANKS)):
        if any(word in _CLASSES[name] for word in words):
            return SmallTalk(kind, study)
    return None
