"""Calendars that are made once a version: read again they are the same, and what is damaged is made again."""

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from optimizer.market.calendars import Calendar, kept_calendar


@pytest.mark.parametrize("name", ["XNYS", "24/7", "XKRX"])
def test_a_calendar_that_was_kept_is_the_one_that_was_made(name: str, tmp_path: Path) -> None:
    made = kept_calendar(name, 2020, 2032, tmp_path)
    (file,) = tmp_path.glob("*.npz")

    assert_same(kept_calendar(name, 2020, 2032, tmp_path), made)
    file.write_bytes(file.read_bytes()[:-100])
    assert_same(kept_calendar(name, 2020, 2032, tmp_path), made)
    assert_same(kept_calendar(name, 2020, 2032, tmp_path), made)
    assert [each.name for each in tmp_path.iterdir()] == [file.name]


def test_a_folder_that_cannot_be_written_keeps_nobody_from_a_calendar(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    assert kept_calendar("XNYS", 2024, 2024, tmp_path / "file").sessions.size == 252


def assert_same(calendar: Calendar, expected: Calendar) -> None:
    for field in fields(Calendar):
        np.testing.assert_array_equal(getattr(calendar, field.name), getattr(expected, field.name), err_msg=field.name)
        assert type(getattr(calendar, field.name)) is type(getattr(expected, field.name))
