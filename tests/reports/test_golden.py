"""Messages read as text: a change shows up as a readable difference. `python -m tests.golden` writes them anew."""

import re

import pytest

from reports.render import LANGUAGES, TEMPLATES, Language
from tests.golden.sheets import FOLDER, Recording, everything, sheets

SHEETS = sheets()
#: No message of its own: pieces, and the words that stand before a corrected command.
PIECES = {"parts"}
WORDS = {"try_instead"}


@pytest.mark.parametrize("name", SHEETS)
def test_a_message_reads_as_reviewed(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == SHEETS[name]


def test_no_golden_file_is_left_over() -> None:
    assert {f"{path.parent.name}/{path.name}" for path in FOLDER.glob("*/*.txt")} == set(SHEETS)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_message_there_is_has_a_golden_one(language: Language) -> None:
    say = Recording(language)
    everything(say)

    layouts = {path.stem for path in (TEMPLATES / "blocks").glob("*.jinja")} - PIECES
    text = (TEMPLATES / language / "notices.jinja").read_text(encoding="utf-8")
    assert layouts - say.layouts == set()
    assert set(re.findall(r"{% macro (\w+)", text)) - WORDS - say.notices == set()
