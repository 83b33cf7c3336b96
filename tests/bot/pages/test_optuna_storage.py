"""The numbers of studies, and a storage that is only read."""

import inspect

import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.storages import BaseStorage

from bot.pages.dashboard_numbers import name_of, number_of
from bot.pages.errors import ReadOnly
from bot.pages.optuna_storage import DashboardStorage

WRITERS = [
    name
    for name, _ in inspect.getmembers(BaseStorage, inspect.isfunction)
    if name.startswith(("create_", "set_", "delete_"))
]


@given(st.integers(min_value=2, max_value=8).flatmap(lambda n: st.text("0123456789abcdef", min_size=n, max_size=n)))
def test_a_number_is_a_study_of_its_own_whatever_zeros_its_name_begins_with(digits: str) -> None:
    assert name_of(number_of(f"opt-{digits}")) == f"opt-{digits}"


@pytest.mark.parametrize("number", [0, 1, 7, 15, 0x2000, 0xF00])
def test_a_number_that_no_study_has_is_refused(number: int) -> None:
    with pytest.raises(KeyError):
        name_of(number)


def test_numbers_are_small_enough_for_a_browser() -> None:
    assert number_of("opt-ffffffff") < 2**53


def test_the_storage_has_every_way_to_write_that_optuna_knows() -> None:
    assert len(WRITERS) >= 9


@pytest.mark.parametrize("name", WRITERS)
def test_nothing_can_be_written(name: str) -> None:
    storage = DashboardStorage(None)  # type: ignore[arg-type]
    writer = getattr(storage, name)
    needed = [p for p in inspect.signature(getattr(BaseStorage, name)).parameters.values() if p.name != "self"]
    given = {p.name: 0 for p in needed if p.default is p.empty}

    with pytest.raises(ReadOnly):
        writer(**given)
