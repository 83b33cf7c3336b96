"""Messages read as text: a change shows up as a readable difference. `python -m tests.golden` writes them anew."""

import pytest

from tests.golden.sheets import FOLDER, sheets

SHEETS = sheets()


@pytest.mark.parametrize("name", SHEETS)
def test_a_message_reads_as_reviewed(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == SHEETS[name]


def test_no_golden_file_is_left_over() -> None:
    assert {f"{path.parent.name}/{path.name}" for path in FOLDER.glob("*/*.txt")} == set(SHEETS)
