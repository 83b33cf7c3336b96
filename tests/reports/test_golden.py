"""Messages read as text: a change shows up as a readable difference. `python -m tests.golden` writes them anew."""

import re
from functools import cache

import pytest

from reports.render import LANGUAGES, TEMPLATES, Language
from tests.golden.sheets import FOLDER, Recording, everything, sheets

#: The files by their names. What they should read is computed once and not before, since every process lists the tests.
NAMES = sorted(f"{path.parent.name}/{path.name}" for path in FOLDER.glob("*/*.txt"))
rendered = cache(sheets)
#: No message of its own: pieces, and the words that stand before a corrected command.
PIECES = {"parts", "result_tables", "list_tables", "charts"}
WORDS = {"try_instead"}


@pytest.mark.parametrize("name", NAMES)
def test_a_message_reads_as_reviewed(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == rendered().get(name)


def test_no_golden_file_is_left_over_or_missing() -> None:
    assert sorted(rendered()) == NAMES


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_message_there_is_has_a_golden_one(language: Language) -> None:
    say = Recording(language)
    everything(say)

    layouts = {path.stem for path in (TEMPLATES / "blocks").glob("*.jinja")} - PIECES
    text = (TEMPLATES / language / "notices.jinja").read_text(encoding="utf-8")
    assert layouts - say.layouts == set()
    assert set(re.findall(r"{% macro (\w+)", text)) - WORDS - say.notices == set()


#: A particle after a syllable that ends in a consonant, and the same one after a vowel.
PARTICLES = {"을": "를", "과": "와"}
#: Words that end like a particle.
NO_PARTICLE = {"초과", "효과"}


def _ends_in_consonant(syllable: str) -> bool:
    """The syllables of Hangul stand in order of their 28 endings, the first of which is none."""
    return (ord(syllable) - ord("가")) % 28 != 0


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("ko/")])
def test_korean_particles_fit_the_syllable_before_them(name: str) -> None:
    wrong = [
        word
        for word in re.findall(r"(?<![가-힣])[가-힣]+[을를과와](?![가-힣])", rendered()[name])
        if word not in NO_PARTICLE and len(word) > 1 and (word[-1] in PARTICLES) != _ends_in_consonant(word[-2])
    ]
    assert wrong == []
