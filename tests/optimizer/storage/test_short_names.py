"""Short names are found by a unique beginning and given only once."""

import pytest
from pymongo.errors import DuplicateKeyError

from optimizer.storage.short_names import ShortNames

STUDIES = ShortNames(prefix="opt-", n_bytes=(2,))
NAMES = ("opt-7f", "opt-7f3a", "opt-81cc")


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("opt-7f", "opt-7f"),  # exact, though another begins with it
        ("7F3", "opt-7f3a"),
        (" opt-8 ", "opt-81cc"),
        ("7", None),
        ("9", None),
        ("", None),
        ("opt-", None),
        (".*", None),
    ],
)
def test_a_name_is_found_by_a_unique_beginning(word: str, name: str | None) -> None:
    assert STUDIES.meant(word, NAMES) == name


async def test_a_taken_name_is_given_to_nobody_else() -> None:
    digits = iter(("aa", "bb", "cccc"))
    names = ShortNames(prefix="opt-", n_bytes=(1, 1, 2), new_id=lambda n_bytes: next(digits))

    async def store(name: str) -> str:
        if name != "opt-cccc":
            raise DuplicateKeyError("taken")
        return name

    assert await names.give(store) == "opt-cccc"
