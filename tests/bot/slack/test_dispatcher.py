"""What a visitor is told when the fault is ours, and when MongoDB is away."""

from types import SimpleNamespace
from typing import Any

from pymongo.errors import AutoReconnect

from bot.slack.dispatcher import CommandRequest, Dispatcher

VISIT = CommandRequest(door="command", channel_id="C0QUANT01", user_id="U0ALICE1")


async def test_an_outage_of_mongodb_is_told_although_nothing_can_be_noted() -> None:
    # Documents are bound to no database here: whatever is noted would raise.
    context: Any = SimpleNamespace(services=SimpleNamespace(settings=SimpleNamespace(language="en")))
    _, message = await Dispatcher(context).report_fault(VISIT, AutoReconnect("connection closed"))

    assert "MongoDB" in message.text
    assert "Try again" in message.text
