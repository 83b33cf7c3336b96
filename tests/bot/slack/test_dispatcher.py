"""What a visitor is told when the fault is ours, and when MongoDB is away."""

from types import SimpleNamespace
from typing import Any

from pymongo.errors import AutoReconnect

from bot.slack.dispatcher import Reception, Visit

VISIT = Visit(door="command", channel_id="C0QUANT01", user_id="U0ALICE1")


async def test_an_outage_of_mongodb_is_told_although_nothing_can_be_noted() -> None:
    # Documents are bound to no database here: whatever is noted would raise.
    office: Any = SimpleNamespace(desk=SimpleNamespace(settings=SimpleNamespace(language="en")))
    _, message = await Reception(office).broke(VISIT, AutoReconnect("connection closed"))

    assert "MongoDB" in message.text
    assert "Try again" in message.text
