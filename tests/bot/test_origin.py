"""The origin of a study is read back as it was stored, by this version and by earlier ones."""

import pytest

from bot.origin import Door, Origin, StudyOrigin
from optimizer.market.quality.data_findings import DataNote
from tests.refused import worded

#: As an earlier version stored it.
OLD = {
    "door": "slack", "command": "/optimize AAPL rsi 200", "channel_id": "C1", "user_id": "U1", "team_id": "T1",
    "thread_ts": "17.1", "language": "ko", "delivery": "Ev1", "group": "", "quiet": "yes", "broadcast": "",
}  # fmt: skip


def test_an_origin_of_an_earlier_version_is_read() -> None:
    origin = StudyOrigin.model_validate(OLD)

    assert (origin.door, origin.language, origin.command) == (Door.SLACK, "ko", "/optimize AAPL rsi 200")
    assert origin.is_quiet
    assert not origin.is_broadcast


@pytest.mark.parametrize(
    ("stored", "door"),
    [({}, None), ({"door": "terminal"}, Door.TERMINAL), ({"door": "schedule", "schedule": "sch-1"}, Door.SCHEDULE)],
)
def test_an_origin_without_a_channel_is_read(stored: dict[str, str], door: Door | None) -> None:
    assert StudyOrigin.model_validate(stored).door is door


def test_an_origin_is_stored_as_plain_data_with_its_door_as_a_word() -> None:
    place = Origin(channel_id="C1", user_id="U1", is_broadcast=True)
    origin = place.of_study("/optimize AAPL rsi 200", is_quiet=True)

    assert origin.as_document()["door"] == "slack"
    assert {type(value) for value in origin.as_document().values()} == {str, bool}
    assert StudyOrigin.model_validate(origin.as_document()) == origin


def test_a_study_without_a_channel_came_by_the_api() -> None:
    assert Origin(channel_id="", user_id="U1").of_study("").door is Door.API


@pytest.mark.parametrize(
    "text",
    [
        "3 bars from 2008-03-03 have no volume.",
        "IBM – 5 bars are left out because not every symbol has one on their dates.",
    ],
)
def test_a_data_note_of_an_earlier_version_reads_as_it_was_stored(text: str) -> None:
    assert worded(DataNote.model_validate(text).phrase) == text


def test_a_data_note_is_kind_symbol_and_facts() -> None:
    note = DataNote(kind="left_out", symbol="IBM", facts={"n": 5})

    assert worded(note.phrase) == "IBM – 5 bars are left out because not every symbol has one on their dates."
    assert DataNote.model_validate(note.model_dump(mode="json")) == note
