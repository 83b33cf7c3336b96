"""Korean is written as people are spoken to, and numbers as they are printed: in templates and golden files."""

import re
from collections.abc import Iterator

import pytest

from reports.languages import LANGUAGES, TEMPLATES, Language
from tests.golden.sheets import FOLDER

KOREAN = sorted((TEMPLATES / "ko").glob("*.jinja"))
#: What is typed or copied is in no language: code, links, mentions, the lines of a rule.
CODE = re.compile(r"```.*?```|`[^`]*`|<[^>]*>|“[^”]*”|→ \w+( \w+)?( asks)?", re.DOTALL)
#: Three Latin words in a row are a sentence, but for names, and for what the samples themselves say.
LATIN = re.compile(r"\b[A-Za-z]{2,}(?: [A-Za-z]{2,}){2,}")
NAMES = {
    "Bailey, Borwein", "only file system", "upload refused", "is for the role approver", "in another currency",
    "Bot User OAuth Token", "Basic Information", "it ended", "certificate has expired", "Address already in use",
}  # fmt: skip
#: A minus sign that is a hyphen; not that of a date, a range that is typed, or an identifier.
HYPHEN = re.compile(r"(?<![\w.\-/:=])-\d")


def sheets(language: Language) -> Iterator[tuple[str, str]]:
    """The lines of each golden sheet without what is code, by the sheet's name."""
    for path in sorted((FOLDER / language).glob("*.txt")):
        for line in CODE.sub(" ", path.read_text(encoding="utf-8")).splitlines():
            yield path.stem, line


@pytest.mark.parametrize("path", KOREAN, ids=lambda path: path.stem)
def test_korean_asks_politely_and_not_as_an_office_form(path) -> None:
    text = path.read_text(encoding="utf-8")

    assert not re.findall(r"\w*십시오|\w*니까\b", text)
    assert not re.findall(r"이\(가\)|은\(는\)|을\(를\)|\(으\)로", text), "the filter `particle` chooses"


def test_no_sheet_in_korean_has_a_sentence_in_english() -> None:
    found = {(name, words) for name, line in sheets("ko") for words in LATIN.findall(line)}

    assert {(name, words) for name, words in found if not any(one in words for one in NAMES)} == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_minus_sign_is_no_hyphen(language: Language) -> None:
    assert [(name, line) for name, line in sheets(language) if HYPHEN.search(line)] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_bold_words_have_no_letter_beside_them(language: Language) -> None:
    bold = re.compile(r"\*[^*\s](?:[^*]*[^*\s])?\*")
    found = {
        (name, line[max(one.start() - 1, 0) : one.end() + 1])
        for name, line in sheets(language)
        for one in bold.finditer(line)
        if line[one.end() : one.end() + 1].isalnum() or line[: one.start()][-1:].isalnum()
    }

    assert found == set(), "Slack prints the stars then"
