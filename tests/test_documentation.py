"""What the pages promise about the tree: the paths they name exist, and the reading road is as long as it says."""

import re
from pathlib import Path

import pytest

from tests.rule_table import DOCUMENT, written

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
#: A path in backticks; one with a capital letter or a star in it names a kind of file.
PATH = re.compile(r"`((?:bot|optimizer|reports|templates|tests|scripts|docs)/[a-z0-9_/.]*)`")
ROAD = re.compile(r"^\| `([a-z0-9_/.]+\.py)` \| (\d+) \|", re.MULTILINE)
TOGETHER = re.compile(r"^\| together \| (\d+) \|", re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_paths_on_a_page_exist(page: Path) -> None:
    assert not [path for path in PATH.findall(page.read_text()) if not (ROOT / path).exists()]


def test_reading_road_is_as_long_as_it_says() -> None:
    """A tenth more or less is no news to a reader."""
    page = (ROOT / "docs" / "design.md").read_text()
    said = {path: int(lines) for path, lines in ROAD.findall(page)}
    real = {path: len((ROOT / path).read_text().splitlines()) for path in said}

    assert len(said) > 10
    assert not {path: (said[path], real[path]) for path in said if abs(said[path] - real[path]) > 5 + real[path] / 10}
    assert [str(sum(said.values()))] == TOGETHER.findall(page)


def test_glossary_is_found_from_the_readme() -> None:
    assert "docs/glossary.md" in (ROOT / "README.md").read_text()


def test_the_table_of_what_a_rule_can_name_is_that_of_the_catalogue() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert written(text) == text, "python -m tests.rule_table writes it"
